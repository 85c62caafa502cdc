"""Faults of keys: public keys as HMAC secrets, keys that are published, short or guessable."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .accounts import Account
from .token_claims import AUDIENCE
from .token_guard import Envelope, encode
from .token_keys import Keys, described_jwk, es_keys, made_rsa, public_jwk
from .token_life import SignedTokens
from .token_switch import Change, accepts, alg, fault, keyed_with, public_pem, surface, whole
from .token_variants import ES256, HS256
from .web import answer


def _confuses(encoded: Callable[[Keys], bytes]) -> Change:
    """HMAC with the public key, in the encoding in which this server keeps it, when a token says HS256."""
    return accepts(lambda envelope, keys: keyed_with(envelope, encoded(keys)))


def _pkcs1(keys: Keys) -> bytes:
    return bytes(keys.verifying.public_bytes(Encoding.PEM, PublicFormat.PKCS1))


def _der(keys: Keys) -> bytes:
    return bytes(keys.verifying.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _ssh(keys: Keys) -> bytes:
    return bytes(keys.verifying.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def _jwk(keys: Keys) -> bytes:
    """The text of the key as the key set shows it."""
    return bytes(answer(public_jwk(keys)).body)


def _indented_pem(keys: Keys) -> bytes:
    """A PEM that a test for ``-----BEGIN`` at the start does not notice (CVE-2026-34950)."""
    return b"\n" + public_pem(keys)


def _missing_secret(envelope: Envelope, keys: Keys) -> bool:
    return envelope.header.get("kid") == keys.kid and keyed_with(envelope, b"")


def _unknown_kid(envelope: Envelope, keys: Keys) -> bool:
    return envelope.header.get("kid") != keys.kid and keyed_with(envelope, b"")


def _es_zero(envelope: Envelope, keys: Keys) -> bool:
    """CVE-2022-21449: with r = s = 0 the equation of ECDSA holds for every message."""
    return alg(envelope) == keys.alg and envelope.signature == bytes(64)


def _in_der(envelope: Envelope, keys: Keys) -> bool:
    with contextlib.suppress(Exception):
        keys.verifying.verify(envelope.signature, envelope.signing_input, ec.ECDSA(SHA256()))
        return alg(envelope) == keys.alg and envelope.header.get("kid") == keys.kid
    return False


@cache
def _weak_rsa() -> Keys:
    return made_rsa(1024)


def _published_private(keys: Keys) -> dict[str, Any]:
    return described_jwk(keys, keys.signing)


class _OneNonce(SignedTokens):
    """Signs every token with the same secret number (CWE-338)."""

    def issue(self, account: Account, now: float, audience: str = AUDIENCE) -> str:
        """The token with its signature made again."""
        data = super().issue(account, now, audience).rpartition(".")[0]
        return f"{data}.{encode(_with_fixed_nonce(es_keys().signing, data.encode()))}"


P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the group (SEC 2)."""


def _with_fixed_nonce(key: Any, data: bytes) -> bytes:
    nonce = 0x5EC4E7
    r: int = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x % P256
    digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
    s: int = pow(nonce, -1, P256) * (digest + r * key.private_numbers().private_value) % P256
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


GUESSABLE = b"a-string-secret-at-least-256-bits-long"
"""From the documentation of a well-known token debugger."""

FAULTS = (
    fault(
        "rs-to-hs-pem", "token.alg.rs-to-hs.pem", "9.1.2 RFC8725-3.1 CVE-2015-9235",
        "A token that says HS256 is verified with the public key's PEM as its secret.", _confuses(public_pem),
    ),
    fault(
        "rs-to-hs-pkcs1", "token.alg.rs-to-hs.pkcs1", "9.1.2 RFC8725-3.1 CVE-2017-11424",
        "The same with the PEM of PKCS #1.", _confuses(_pkcs1),
    ),
    fault(
        "rs-to-hs-der", "token.alg.rs-to-hs.der", "9.1.2 RFC8725-3.1 CWE-327",
        "The same with the bytes of DER.", _confuses(_der),
    ),
    fault(
        "rs-to-hs-jwk", "token.alg.rs-to-hs.jwk", "9.1.2 RFC8725-3.1 CVE-2026-48526",
        "The same with the text of the JWK.", _confuses(_jwk),
    ),
    fault(
        "rs-to-hs-ssh", "token.alg.rs-to-hs.ssh", "9.1.2 RFC8725-3.1 CVE-2022-29217",
        "The same with the OpenSSH line.", _confuses(_ssh),
    ),
    fault(
        "rs-to-hs-prefix", "token.alg.rs-to-hs.prefix", "9.1.2 RFC8725-3.1 CVE-2026-34950",
        "The same with a PEM that begins with an empty line.", _confuses(_indented_pem),
    ),
    fault(
        "es-to-hs", "token.alg.es-to-hs", "9.1.2 RFC8725-3.1 CVE-2022-29217",
        "The same with the PEM of an EC key.", ES256, _confuses(public_pem),
    ),
    fault(
        "hs-empty-secret", "token.alg.hs-empty", "9.1.2 CVE-2019-20933",
        "A token that says HS256 is verified with a secret that was never set.", accepts(_missing_secret),
    ),
    fault(
        "hs-unknown-kid", "token.alg.hs-unknown-kid", "9.1.2 CVE-2019-20933",
        "For a kid that is not known the secret is empty.", accepts(_unknown_kid),
    ),
    fault(
        "es-zero", "token.alg.es-zero", "9.1.1 RFC8725-3.4 CVE-2022-21449",
        "An ECDSA signature of two zeros is good for everything.", ES256, accepts(_es_zero),
    ),
    fault(
        "jwks-private", "token.key.jwks-private", "CWE-321 RFC7517-9.2",
        "The published key set holds the private key.", surface(publish=_published_private),
    ),
    fault(
        "es-der", "token.alg.es-der", "RFC7518-3.4",
        "An ECDSA signature in ASN.1 is verified as well.", ES256, accepts(_in_der),
    ),
    fault(
        "guessable-secret", "token.secret.dictionary", "RFC8725-3.5 CWE-1391",
        "The secret stands in a tutorial.", HS256,
        whole(keys=lambda: Keys("HS256", "current", GUESSABLE, GUESSABLE)),
    ),
    fault(
        "ecdsa-nonce-fixed", "token.secret.nonce", "RFC8725-3.2-ecdsa CWE-338",
        "Every ECDSA signature is made with the same secret number.", ES256, whole(tokens=_OneNonce),
    ),
    fault(
        "rsa-1024", "token.secret.rsa-size", "RFC7518-3.3 CWE-326",
        "The RSA key has 1024 bits.", whole(keys=_weak_rsa),
    ),
    fault(
        "key-per-replica", "token.stateless.replica", "PICKPROOF-T1",
        "Each replica makes a key of its own when it starts.", whole(keys=made_rsa),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.3, 3.4 and 3.8 of the catalogue."""
