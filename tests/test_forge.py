"""The forge against a verifier that is right (PyJWT, one algorithm, one key) and small ones that are wrong."""

from __future__ import annotations

import base64
import functools
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt as pyjwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.attacks import attacker, forge, guess, jwt, keys
from conformance.attacks.forge import FAMILIES, MINTED, Forgery, Material, SigningKey

ALGS = ("RS256", "ES256", "HS256")
NO_MINT = sorted(set(FAMILIES) - MINTED)
SECRET = "0123456789abcdef0123456789abcdef01234567"
ISSUER, AUDIENCE = "https://issuer.example", "api"

LENIENT = {
    ("token.b64.padding", "signature padded"): ALGS,
    ("token.revoke.malleable.b64", "signature padded"): ALGS,
    ("token.sig.es-malleable", "signature twin"): ("ES256",),
    ("token.revoke.malleable.es", "signature twin"): ("ES256",),
}
"""What PyJWT accepts and may accept (facts 2 and 3 of the catalogue); the identity stays."""

SIGNED_OTHERWISE = {"token.alg.hash-switch", "token.header.dup"}
"""Some members are signed by another algorithm, or by nobody."""

MINTED_LENIENT = {
    "token.typ.wrong",  # PyJWT does not look at typ
    "token.exp.far",  # a policy, not a rule of the library
    "token.sub.invalid",  # accounts are the server's
    "token.sub.injection",
    "token.header.encoding",  # PyJWT guesses the encoding
}


@functools.cache
def private_key(alg: str) -> Any:
    if alg == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1()) if alg == "ES256" else SECRET


@functools.cache
def private_pem(alg: str) -> bytes:
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem: bytes = private_key(alg).private_bytes(serialization.Encoding.PEM, *form)
    return pem


def verification_key(alg: str) -> Any:
    return SECRET if alg == "HS256" else private_key(alg).public_key()


def jwks(alg: str) -> str:
    if alg == "HS256":
        return '{"keys":[]}'
    writer: Any = {"RS256": pyjwt.algorithms.RSAAlgorithm, "ES256": pyjwt.algorithms.ECAlgorithm}[alg]
    members = {**writer.to_jwk(private_key(alg).public_key(), as_dict=True), "kid": "k1", "use": "sig", "alg": alg}
    return json.dumps({"keys": [members]}, indent=1)


def issue(alg: str, sub: str, jti: str, **claims: Any) -> jwt.Token:
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + 600}
    payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": sub, "jti": jti, **times, **claims}
    token = jwt.parse(pyjwt.encode(payload, private_key(alg), algorithm=alg, headers={"kid": "k1"}))
    assert token is not None
    return token


@functools.cache
def material(alg: str) -> Material:
    alice, again, bob = (issue(alg, sub, jti) for sub, jti in (("alice", "1"), ("alice", "2"), ("bob", "3")))
    signing = SigningKey(SECRET if alg == "HS256" else private_pem(alg), alg)
    return forge.material(
        alice,
        second=again,
        other=bob,
        keys=keys.parse_keys(jwks(alg)),
        now=time.time(),
        listener="http://127.0.0.1:9",
        signing=signing,
    )


@functools.cache
def family(check_id: str, alg: str) -> tuple[Forgery, ...]:
    return tuple(FAMILIES[check_id](material(alg)))


@pytest.mark.parametrize(("sub", "zero"), [("0", False), ("1", True)])
def test_the_owners_own_number_is_not_taken_for_nobodys(sub: str, zero: bool) -> None:
    """A look-up by number finds the account of a signed "1" by 1 as well, and harms nobody."""
    made = FAMILIES["token.sub.invalid"](replace(material("RS256"), genuine=issue("RS256", sub, "1")))
    names = [forgery.name for forgery in made]
    assert ("sub zero" in names) is zero
    assert "sub as a number" not in names
    assert "sub of nobody" in names


def correct(alg: str, raw: bytes) -> dict[str, Any] | None:
    """The claims that a correct verifier reads, or None."""
    try:
        text = raw.decode()
        return dict(pyjwt.decode(text, verification_key(alg), algorithms=[alg], issuer=ISSUER, audience=AUDIENCE))
    except (pyjwt.PyJWTError, UnicodeError):
        return None


def payload_of(forgery: Forgery) -> Any:
    return json.loads(jwt.b64_decode(forgery.wire.split(b".")[1].decode()))


# ── the right verifier refuses ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("check_id", NO_MINT)
def test_a_correct_verifier_refuses_forgeries(check_id: str, alg: str) -> None:
    for forgery in family(check_id, alg):
        claims = correct(alg, forgery.wire)
        if alg in LENIENT.get((check_id, forgery.name), ()):
            assert claims is not None, "PyJWT became stricter: drop the row"
            assert claims["sub"] == "alice"
        else:
            assert claims is None, forgery


def mint_verifier(alg: str, raw: bytes) -> dict[str, Any] | None:
    """As ``correct``, with expiry demanded."""
    claims = correct(alg, raw)
    return claims if claims is not None and isinstance(claims.get("exp"), int) else None


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("check_id", sorted(MINTED - MINTED_LENIENT))
def test_a_correct_verifier_refuses_minted_content(check_id: str, alg: str) -> None:
    forgeries = family(check_id, alg)
    assert forgeries or (check_id, alg) == ("token.alg.hash-switch", "ES256")
    for forgery in forgeries:
        claims = mint_verifier(alg, forgery.wire)
        text_exp = check_id == "token.exp.types" and " text " in f"{forgery.name} "
        if check_id == "token.json.dup-claim" and "identity" in forgery.name:
            assert claims is not None
            assert claims["sub"] == "alice", "the last of two members wins in Python"
        elif claims is not None:
            assert text_exp, forgery


@pytest.mark.parametrize("alg", ALGS)
def test_minted_tokens_are_well_signed(alg: str) -> None:
    accepted = forge.control(material(alg))
    assert accepted is not None
    assert (correct(alg, accepted.wire) or {})["sub"] == "alice"
    for check_id in MINTED - SIGNED_OTHERWISE:
        for forgery in family(check_id, alg):
            header, _, rest = forgery.wire.partition(b".")
            body, _, signature = rest.rpartition(b".")
            algorithm = pyjwt.get_algorithm_by_name(alg)
            key = algorithm.prepare_key(verification_key(alg))
            assert algorithm.verify(header + b"." + body, key, jwt.b64_decode(signature.decode())), forgery


def test_minting_needs_a_key() -> None:
    bare = Material(material("RS256").genuine, material("RS256").swap)
    assert forge.control(bare) is None
    assert [check_id for check_id in MINTED if list(FAMILIES[check_id](bare))] == []


# ── every family is well formed and bounded ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("alg", ALGS)
def test_families_are_distinct_labelled_and_bounded(alg: str) -> None:
    m = material(alg)
    for check_id in FAMILIES:
        forgeries = family(check_id, alg)
        assert len({forgery.wire for forgery in forgeries}) == len(forgeries) <= 18, check_id
        assert len({forgery.name for forgery in forgeries}) == len(forgeries), check_id
        assert m.genuine.raw.encode() not in {forgery.wire for forgery in forgeries}, check_id
        assert all(len(forgery.name) <= 60 and forgery.note for forgery in forgeries), check_id
    assert sum(len(family(check_id, alg)) for check_id in NO_MINT) <= 150


def test_forgeries_assert_the_other_identity() -> None:
    for alg in ALGS:
        for check_id in NO_MINT:
            for forgery in family(check_id, alg):
                if not forgery.same_identity and forgery.wire.count(b".") in (1, 2):
                    assert payload_of(forgery)["sub"] == "bob", (check_id, forgery)


def test_secrets_are_masked() -> None:
    m = material("HS256")
    printed = f"{m!r} {family('token.alg.none', 'HS256')!r} {m.genuine!r}"
    assert SECRET not in printed
    assert m.genuine.segments[1][:20] not in printed


def test_nothing_is_forged_without_what_it_needs() -> None:
    bare = Material(material("RS256").genuine, material("RS256").swap)
    idle = {check_id for check_id in NO_MINT if not list(FAMILIES[check_id](bare))}
    needs_key = {check_id for check_id in NO_MINT if "-to-hs" in check_id}
    elliptic = {"token.sig.es-malleable", "token.revoke.malleable.es", "token.alg.es-zero", "token.alg.es-der"}
    listener = {"token.key.jku", "token.key.jku-callback", "token.key.jku-bypass", "token.key.x5u"}
    assert idle == needs_key | elliptic | listener | {"token.sig.other-token", "token.jwe.sign-encrypt-confusion"}


# ── wrong verifiers accept ──────────────────────────────────────────────────────────────────────────────────────


def split(raw: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    header, payload, signature = raw.split(b".")
    pad = b"===="
    decoded = [base64.urlsafe_b64decode(part + pad) for part in (header, payload, signature)]
    return json.loads(decoded[0]), json.loads(decoded[1]), decoded[2], header + b"." + payload


def keyed(secret: Callable[[dict[str, Any]], bytes]) -> Callable[[bytes], str | None]:
    """A verifier that believes ``alg`` and hands some secret to HMAC."""

    def verify(raw: bytes) -> str | None:
        header, claims, signature, data = split(raw)
        known = header["alg"] in jwt.HMAC_DIGESTS
        return claims["sub"] if known and jwt.sign(header["alg"], data, secret(header)) == signature else None

    return verify


def unsigned(raw: bytes) -> str | None:
    """No verification at all."""
    sub: str = json.loads(base64.urlsafe_b64decode(raw.split(b".")[1] + b"===="))["sub"]
    return sub


def none_allowed(raw: bytes) -> str | None:
    header, claims, _, _ = split(raw)
    folded = str(header.get("alg") or "none").lower().strip("\x00 ")
    return claims["sub"] if folded == "none" else None


def embedded(raw: bytes) -> str | None:
    """Trusts ``jwk`` of the header."""
    header, claims, signature, data = split(raw)
    algorithm = pyjwt.get_algorithm_by_name(header["alg"])
    key: Any = algorithm.from_jwk(json.dumps(header["jwk"]))
    return claims["sub"] if algorithm.verify(data, key, signature) else None


def certified(raw: bytes) -> str | None:
    """Trusts ``x5c`` of the header."""
    header, claims, signature, data = split(raw)
    certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    key: Any = certificate.public_key()
    return claims["sub"] if pyjwt.get_algorithm_by_name(header["alg"]).verify(data, key, signature) else None


def database_secret(header: dict[str, Any]) -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE keys (kid TEXT, secret TEXT)")
        row = database.execute(f"SELECT secret FROM keys WHERE kid = '{header['kid']}'").fetchone()
    return row[0].encode() if row else b"\x01"


FILES = {"/dev/null": b"", "/proc/sys/kernel/randomize_va_space": b"2\n"}


def file_secret(header: dict[str, Any]) -> bytes:
    return FILES.get("/" + header["kid"].replace("../", "").lstrip("/").split("\x00")[0], b"unreadable")


def psychic(raw: bytes) -> str | None:
    """ECDSA without the range test of the standard."""
    _, claims, signature, _ = split(raw)
    return claims["sub"] if not any(signature) else None


def encoded_by(
    encode: Callable[[keys.PublicKey], tuple[keys.Encoding, ...]], alg: str
) -> Callable[[bytes], str | None]:
    published = keys.parse_keys(jwks(alg))[0]
    return keyed(lambda _: encode(published)[0].data)


WRONG = [
    ("token.alg.none", "RS256", none_allowed),
    ("token.alg.none-case", "RS256", none_allowed),
    ("token.alg.none-with-sig", "RS256", none_allowed),
    ("token.alg.none-two-segments", "RS256", unsigned),
    ("token.alg.missing", "RS256", none_allowed),
    ("token.sig.stripped", "HS256", unsigned),
    ("token.sig.zero", "HS256", unsigned),
    ("token.sig.other-token", "HS256", unsigned),
    ("token.payload.tamper", "ES256", unsigned),
    ("token.alg.rs-to-hs.pem", "RS256", lambda raw: encoded_by(keys.spki_encodings, "RS256")(raw)),
    ("token.alg.rs-to-hs.pkcs1", "RS256", lambda raw: encoded_by(keys.pkcs1_encodings, "RS256")(raw)),
    ("token.alg.rs-to-hs.der", "RS256", lambda raw: encoded_by(keys.der_encodings, "RS256")(raw)),
    ("token.alg.rs-to-hs.jwk", "RS256", lambda raw: encoded_by(keys.jwk_encodings, "RS256")(raw)),
    ("token.alg.rs-to-hs.ssh", "RS256", lambda raw: encoded_by(keys.ssh_encodings, "RS256")(raw)),
    ("token.alg.rs-to-hs.prefix", "RS256", lambda raw: encoded_by(keys.prefixed_encodings, "RS256")(raw)),
    ("token.alg.es-to-hs", "ES256", lambda raw: encoded_by(keys.spki_encodings, "ES256")(raw)),
    ("token.alg.es-zero", "ES256", psychic),
    ("token.alg.hs-empty", "RS256", keyed(lambda _: b"")),
    ("token.alg.hs-unknown-kid", "HS256", keyed(lambda header: {"k1": SECRET.encode()}.get(header["kid"], b""))),
    ("token.key.jwk", "RS256", embedded),
    ("token.key.jwk", "ES256", embedded),
    ("token.key.x5c", "RS256", certified),
    ("token.kid.traversal", "HS256", keyed(file_secret)),
    ("token.kid.sqli", "HS256", keyed(database_secret)),
]


@pytest.mark.parametrize(("check_id", "alg", "verifier"), WRONG)
def test_a_wrong_verifier_accepts_the_first_forgery(
    check_id: str, alg: str, verifier: Callable[[bytes], str | None]
) -> None:
    assert verifier(family(check_id, alg)[0].wire) == "bob"


def test_a_comparison_that_stops_early_accepts_truncated_signatures() -> None:
    for forgery in family("token.sig.truncated", "HS256"):
        _, _, signature, data = split(forgery.wire)
        assert jwt.sign("HS256", data, SECRET).startswith(signature)


def test_every_file_that_kid_climbs_to_signs() -> None:
    accepted = [keyed(file_secret)(forgery.wire) for forgery in family("token.kid.traversal", "HS256")]
    assert accepted == ["bob"] * len(accepted)


def test_lenient_decoders_read_the_same_bytes_in_other_spellings() -> None:
    for check_id in ("token.b64.trailing-bits", "token.b64.padding", "token.b64.junk"):
        for forgery in family(check_id, "RS256"):
            signature = forgery.wire.split(b".")[2]
            cleaned = bytes(byte for byte in signature if chr(byte).isalnum() or byte in b"-_")
            assert base64.urlsafe_b64decode(cleaned + b"====") == material("RS256").genuine.signature


def test_the_polyglot_is_two_tokens() -> None:
    m = material("RS256")
    polyglot, inner = family("token.form.polyglot", "RS256")
    members = json.loads(polyglot.raw)
    assert f"{members['protected']}.{members['payload']}.{members['signature']}" == m.genuine.raw
    assert polyglot.wire.count(b".") == 2
    assert payload_of(polyglot)["sub"] == payload_of(inner)["sub"] == "bob"


def test_first_and_last_wins_read_different_people() -> None:
    foreign_first = family("token.json.dup-claim", "RS256")[0]
    text = jwt.b64_decode(str(foreign_first.raw).split(".")[1])
    pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    assert [value for name, value in pairs if name == "sub"] == ["bob", "alice"]


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "ES256K"])
def test_the_twin_of_a_signature_verifies_and_is_its_own_twin(alg: str) -> None:
    key = attacker.private_key(alg)
    genuine = jwt.parse(jwt.signed(jwt.dumps({"alg": alg}).encode(), b"{}", alg, key))
    assert genuine is not None
    (forgery,) = FAMILIES["token.sig.es-malleable"](forge.material(genuine))
    twin = jwt.parse(str(forgery.raw))
    assert twin is not None
    assert jwt.verifies(twin, key.public_key())
    (back,) = FAMILIES["token.sig.es-malleable"](forge.material(twin))
    assert back.raw == genuine.raw


@pytest.mark.parametrize("alg", ["RS384", "PS256", "ES384", "ES512", "ES256K", "EdDSA"])
def test_every_algorithm_has_its_forgeries(alg: str) -> None:
    key = attacker.private_key(alg)
    header = jwt.dumps({"alg": alg, "kid": "k1"}).encode()
    genuine = jwt.parse(jwt.signed(header, b'{"sub":"alice","iat":1,"exp":301}', alg, key))
    assert genuine is not None
    published = keys.parse_keys(jwt.dumps(attacker.public_jwk(alg)))
    m = forge.material(genuine, keys=published, now=2.0, listener="http://127.0.0.1:9", signing=SigningKey(key, alg))
    assert m.key is not None
    made = {check_id: len(tuple(family(m))) for check_id, family in FAMILIES.items()}
    assert sum(made[check_id] for check_id in NO_MINT) > 100
    assert made["token.alg.es-to-hs"] + made["token.alg.rs-to-hs.pem"] > 4
    assert made["token.key.x5c"] == made["token.key.jku-callback"] == 2


def test_a_leaked_secret_makes_anyone() -> None:
    forgery = forge.impersonation(material("HS256"))
    assert forgery is not None
    assert (correct("HS256", forgery.wire) or {})["sub"] == "bob"


def test_own_keys_are_published_for_the_listener() -> None:
    served = attacker.documents("RS256", ["k1"])
    key_set = keys.parse_keys(served[attacker.JWKS_PATH][1].decode())
    assert [key.kid for key in key_set] == ["k1", attacker.KID]
    token = jwt.parse(str(family("token.key.jku", "RS256")[0].raw))
    assert token is not None
    assert token.header["jku"] == "http://127.0.0.1:9" + attacker.JWKS_PATH
    assert jwt.verifies(token, key_set[0].load())
    certificate = keys.parse_keys(served[attacker.CERTIFICATE_PATH][1].decode())[0]
    assert certificate.pem == key_set[0].pem


# ── tokens, text and times ──────────────────────────────────────────────────────────────────────────────────────


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda data: data.decode("latin-1")))
def test_parse_never_raises(text: str) -> None:
    assert jwt.parse(text) is None or "." in text


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "..",
        "a.b",
        "eyJhIjoxfQ.aGVsbG8.c2ln",  # JSON without alg: some other signed cookie
        "W10.e30.",  # a list
        "x" * 70000 + "..",
        jwt.compact(b"[" * 40000, b"{}"),
        jwt.compact(b'{"alg":' + b"9" * 5000 + b"}", b"{}"),
        jwt.compact(b"\xff\xfe\x00", b"{}"),
    ],
)
def test_what_is_no_token_is_none(raw: str) -> None:
    assert jwt.parse(raw) is None


def test_an_edit_leaves_the_rest_of_the_text_alone() -> None:
    raw = b'{ "a" : 1.0e2,\n "sub":"x", "sub" : "y" , "z":[1, {"sub":2}], "\\u0061lg":"HS256"}'
    assert jwt.edit(raw, {"sub": "bob", "alg": "none", "new": True}, drop=("z",)) == (
        b'{ "a" : 1.0e2,\n "sub":"bob", "sub" : "bob" , "\\u0061lg":"none","new":true}'
    )
    assert jwt.edit(b" {} ", {"a": 1}) == b' {"a":1} '
    assert jwt.edit(b'{"a":1,"b":2}', {}, drop=("a", "b")) == b"{}"
    assert jwt.prepend(b'{"a":1}', {"a": 0}) == b'{"a":0,"a":1}'
    assert jwt.prepend(b"{ }", {"a": jwt.JsonText("1e400")}) == b'{ "a":1e400}'
    assert jwt.edit("\ufeff{}".encode(), {"a": "é"}) == '\ufeff{"a":"é"}'.encode()


@given(
    st.dictionaries(st.text(max_size=4), st.recursive(st.integers() | st.text(max_size=3), st.lists), max_size=5),
    st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=3), max_size=3),
    st.sets(st.text(max_size=4), max_size=2),
    st.sampled_from([None, 2]),
)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_an_edit_means_what_a_dictionary_would(
    old: dict[str, Any], new: dict[str, Any], drop: set[str], indent: int | None
) -> None:
    text = json.dumps(old, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    kept = {name: value for name, value in old.items() if name not in drop}
    assert json.loads(jwt.edit(text, new, drop)) == {**kept, **new}


@pytest.mark.parametrize("raw", [b"[]", b"", b"1", b"null"])
def test_what_is_no_object_cannot_be_edited(raw: bytes) -> None:
    with pytest.raises(ValueError):
        jwt.edit(raw, {"a": 1})


def test_the_swap_is_what_differs_between_accounts_and_not_between_issues() -> None:
    alice = issue("HS256", "1", "a", role="user", device="x", tenant="t")
    again = issue("HS256", "1", "b", role="user", device="y", tenant="t")
    bob = issue("HS256", "2", "c", role="admin", device="z", tenant="t")
    assert forge.identity_swap(bob, alice, again).claims == {"sub": "2", "role": "admin"}
    assert not forge.identity_swap(bob, alice).marker
    assert forge.identity_swap(alice, None).claims == {"sub": "2", "role": "admin"}
    assert forge.identity_swap(bob, None).claims == {"sub": "1", "role": "admin"}


@pytest.mark.parametrize(
    ("value", "other"),
    [("alice", "admin"), ("admin", "root"), (7, 1), (1, 2), ("a@b.example", "admin@b.example")],
)
def test_without_another_account_the_swap_promotes(value: object, other: object) -> None:
    token = jwt.parse(jwt.compact(b'{"alg":"HS256"}', jwt.dumps({"sub": value}).encode(), b"x"))
    assert token is not None
    assert forge.identity_swap(token, None).claims["sub"] == other


def test_times_are_refreshed_only_when_little_is_left() -> None:
    m = material("HS256")
    issued = m.genuine.claims["iat"]
    assert json.loads(forge.claims_for(m.genuine, m.swap, issued + 10)) == {**m.genuine.claims, "sub": "bob"}
    late = json.loads(forge.claims_for(m.genuine, m.swap, issued + 590.5))
    assert (late["iat"], late["nbf"], late["exp"]) == (issued + 590, issued + 590, issued + 1190)


# ── keys and secrets ────────────────────────────────────────────────────────────────────────────────────────────


def test_public_keys_are_read_from_every_usual_form() -> None:
    from_set = keys.parse_keys(jwks("RS256"))[0]
    pkcs1 = keys.pkcs1_encodings(from_set)[0].data.decode()
    for text in (from_set.text, from_set.pem, "\ufeff" + pkcs1):
        assert [key.pem for key in keys.parse_keys(text)] == [from_set.pem]
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    assert keys.parse_keys(edwards.public_bytes(*form).decode())[0].kty == "OKP"


def test_a_published_openssh_line_is_a_key_and_tried_with_its_comment() -> None:
    edwards = ed25519.Ed25519PrivateKey.generate().public_key()
    line = edwards.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    (key,) = keys.parse_keys(f"{line.decode()} signer@build\n")
    assert key.kty == "OKP"
    tried = {encoding.data for encoding in keys.ssh_encodings(key)}
    assert tried == {line, line + b"\n", line + b" signer@build", line + b" signer@build\n"}
    assert keys.spki_encodings(key)[-1].data == key.pem.encode()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"keys":5}', '{"keys":[1,{"kty":"RSA","n":1}]}', "-----BEGIN X-----\n-----END X-----"],
)
def test_what_is_no_key_is_left_out(text: str) -> None:
    assert keys.parse_keys(text) == ()


def test_the_key_is_the_one_that_verifies() -> None:
    published = keys.parse_keys(jwks("ES256")) + keys.parse_keys(jwks("RS256"))
    for alg, kty in (("RS256", "RSA"), ("ES256", "EC")):
        found = keys.verifying_key(material(alg).genuine, published)
        assert found is not None
        assert found.kty == kty
    assert keys.verifying_key(issue("HS256", "x", "y"), ()) is None


def test_private_weak_and_doubled_keys_are_flaws() -> None:
    assert keys.jwks_flaws(jwks("RS256")) == ()
    members = [
        {"kty": "oct", "k": "AA", "kid": "a"},
        {"kty": "RSA", "n": jwt.b64_encode(b"\xff" * 128), "e": "AQ", "d": "AA", "kid": "b"},
        {"kty": "EC", "kid": "a"},
    ]
    found = keys.jwks_flaws(json.dumps({"keys": members}))
    assert found == (
        "key 'a' is a shared secret (kty oct)",
        "key 'b' holds private members: d",
        "key 'b' is RSA of 1024 bits, 2048 are the least",
        "key 'b' has the public exponent 1",
        "kid 'a' names 2 keys",
    )


@pytest.mark.filterwarnings("ignore:The HMAC key is")
def test_published_secrets_are_guessed_raw_and_decoded() -> None:
    words = guess.published_secrets()
    assert 250 <= len(words) == len(set(words))
    fastapi = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
    for secret in (
        b"changeme",
        b"keyboard cat",
        fastapi.encode(),
        bytes.fromhex(fastapi),
        base64.b64decode("c2VjcmV0LWtleQ=="),
    ):
        token = jwt.parse(jwt.signed(b'{"alg":"HS384"}', b"{}", "HS384", secret))
        assert token is not None
        assert guess.guess_secret(token) == secret
    assert guess.guess_secret(material("HS256").genuine) is None
    assert guess.guess_secret(material("RS256").genuine) is None


def test_words_are_derived_from_issuer_and_host() -> None:
    token = jwt.parse(jwt.signed(b'{"alg":"HS256"}', b'{"iss":"https://Shop.example/"}', "HS256", b"shop-secret"))
    assert token is not None
    assert guess.guess_secret(token, guess.derived_words(token)) == b"shop-secret"
    assert "acme123" in guess.derived_words(token, "acme")


def test_tokens_that_name_their_user_by_another_claim_lack_no_subject() -> None:
    header, key, key_id = b'{"alg":"HS256"}', SECRET.encode(), "token.sub.invalid"
    times = b'"iat":1,"exp":301'
    signing = SigningKey(key=key, alg="HS256")
    by_name, by_sub = (
        jwt.parse(jwt.signed(header, b'{"%s":"alice",%s}' % (claim, times), "HS256", key))
        for claim in (b"username", b"sub")
    )
    assert by_name
    assert by_sub
    assert list(FAMILIES[key_id](forge.material(by_name, signing=signing))) == []
    assert next(f.name for f in FAMILIES[key_id](forge.material(by_sub, signing=signing))) == "sub absent"
