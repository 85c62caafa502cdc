"""DPoP proofs as values: what a sound one says, and what is wrong with the others."""

from __future__ import annotations

import base64

import pytest

from conformance.attacks import dpop_proofs as proofs
from conformance.attacks.dpop_nonces import foreseeable
from conformance.attacks.dpop_proofs import PREFERRED, SOUND, Proof, Variation, hash_of, new_key, proof
from conformance.attacks.jwt import parse, verifies

NOW = 1_764_473_000.0
EVERY = (
    *proofs.TYPES, *proofs.ALGORITHMS, *proofs.SIGNATURES, *proofs.PRIVATE_KEYS, *proofs.METHODS, *proofs.URLS,
    *proofs.TIMES, *proofs.lacking("jti", "htm", "htu", "iat", "ath"), proofs.OTHER_KEY,
)  # fmt: skip


def made(alg: str = "ES256", **more: str) -> Proof:
    return proof(new_key([alg]), "GET", "https://api.example/me", NOW, **more)


@pytest.mark.parametrize("alg", PREFERRED)
def test_a_sound_proof_verifies_with_the_key_that_it_shows(alg: str) -> None:
    one = made(alg, token="the-token", nonce="n")
    token = parse(SOUND.write(one)[0])
    assert token
    assert verifies(token, one.key.private.public_key())
    assert token.header == {"typ": "dpop+jwt", "alg": alg, "jwk": one.key.jwk}
    assert {**token.claims, "jti": ""} == {
        "jti": "", "htm": "GET", "htu": "https://api.example/me", "iat": NOW, "ath": hash_of("the-token"), "nonce": "n",
    }  # fmt: skip
    assert "d" not in one.key.jwk


def test_the_thumbprint_of_the_example_in_rfc_7638() -> None:
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr"
        "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    members = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert proofs.ProofKey("RS256", None, members).thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_algorithm_is_one_that_the_server_names() -> None:
    assert new_key(["RS256", "EdDSA"]).alg == "EdDSA"
    assert new_key(["HS256", "none"]).alg == new_key().alg == "ES256"


@pytest.mark.parametrize("how", EVERY, ids=str)
def test_each_unsound_proof_differs(how: Variation) -> None:
    one = made(token="the-token")
    (wire,) = how.write(one)
    token, sound = parse(wire), parse(one.signed())
    assert token
    assert sound
    kept = (token.header, token.claims) == (sound.header, sound.claims)
    assert not kept or not verifies(token, one.key.private.public_key())


@pytest.mark.parametrize(
    "how", [*proofs.TYPES, *proofs.METHODS, *proofs.URLS, *proofs.TIMES, *proofs.PRIVATE_KEYS], ids=str
)
def test_what_is_altered_is_signed_all_the_same(how: Variation) -> None:
    one = made()
    token = parse(how.write(one)[0])
    assert token
    assert verifies(token, one.key.private.public_key())


@pytest.mark.parametrize("how", proofs.SIGNATURES, ids=str)
def test_bad_signatures_do_not_verify(how: Variation) -> None:
    one = made()
    token = parse(how.write(one)[0])
    assert token
    assert not verifies(token, one.key.private.public_key())


def test_the_proof_of_another_key_is_sound_in_itself() -> None:
    one = made()
    token = parse(proofs.OTHER_KEY.write(one)[0])
    assert token
    assert token.header["jwk"] != one.key.jwk
    assert token.claims == one.claims


@pytest.mark.parametrize(
    ("nonces", "why"),
    [
        (["eyJ7S_zG.eyJH0-Z.HX4w-7v"] * 16, ""),
        (["abcdef0123456789", "bbcdef0123456789"], ""),
        ([str(int(NOW) + at) for at in range(16)], "time"),
        ([str(int(NOW * 1000))], "time"),
        ([f"{int(NOW):x}"], "time"),
        ([base64.urlsafe_b64encode(str(int(NOW)).encode()).decode().rstrip("=")], "time"),
        ([str(900_000 + 3 * at) for at in range(16)], "counted"),
        ([str(900_000 + 3 * at) for at in range(4)], ""),
        (["481516", "234299", "100001", "777777", "3141592", "271828", "161803", "141421", "173205", "112358"], ""),
        (["a", "b"], "1 characters"),
        (["with space"], "characters that"),
        (['quote"d-nonce'], "characters that"),
    ],
)
def test_what_can_be_foreseen(nonces: list[str], why: str) -> None:
    found = foreseeable(nonces, NOW)
    assert why in found
    assert bool(found) == bool(why)
