"""Signing keys: one key, one algorithm, one ``kid``, taken from configuration and never from a token."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from .token_guard import TYPE, Envelope, Rejected

_LIBRARY = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair, or one secret in both places."""

    alg: str
    """The only algorithm that this key is used with (RFC 8725 section 3.1)."""
    kid: str
    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)

    @property
    def symmetric(self) -> bool:
        """Whether there is nothing to publish."""
        return self.alg.startswith("HS")


def made_rsa(bits: int = 2048) -> Keys:
    """A fresh RSA key for RS256; fewer than 2048 bits are not allowed (RFC 7518 section 3.3)."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return Keys("RS256", secrets.token_hex(8), private, private.public_key())


@cache
def rsa_keys() -> Keys:
    """The RSA key of this process. A deployment reads it from its secret store, so that replicas share it."""
    return made_rsa()


@cache
def es_keys() -> Keys:
    """The P-256 key of this process, for ES256."""
    private = ec.generate_private_key(ec.SECP256R1())
    return Keys("ES256", secrets.token_hex(8), private, private.public_key())


@cache
def hs_keys() -> Keys:
    """The secret of this process, for HS256: 32 random bytes, spelled in 64 hexadecimal digits."""
    secret = secrets.token_hex(32).encode()
    return Keys("HS256", secrets.token_hex(8), secret, secret)


def sign(keys: Keys, claims: Mapping[str, Any], typ: str = TYPE) -> str:
    """A signed token."""
    return jwt.encode(dict(claims), keys.signing, keys.alg, headers={"typ": typ, "kid": keys.kid})


def ours(envelope: Envelope, keys: Keys) -> bool:
    """Whether the header names our algorithm and our key."""
    return envelope.header.get("alg") == keys.alg and envelope.header.get("kid") == keys.kid


async def by_library(envelope: Envelope, keys: Keys) -> None:
    """Verify the signature with our key and our algorithm, whatever the header says (RFC 8725 section 3.1).

    Only the signature: PyJWT reads claims by the wall clock, and takes ``exp`` as text too; ``token_claims.py``
    is stricter and follows the server's clock. Awaitable because other deployments look keys up.

    Raises:
        Rejected: another key, another algorithm, or a wrong signature.
    """
    if not ours(envelope, keys):
        raise Rejected("not our key")
    try:
        _LIBRARY.decode(envelope.compact, keys.verifying, algorithms=[keys.alg])
    except jwt.PyJWTError:
        raise Rejected("the signature is wrong") from None


def verifies(alg: str, key: Any, data: bytes, signature: bytes) -> bool:
    """Whether a signature is right, by the bare algorithm: no header is looked at."""
    return bool(_LIBRARY.get_algorithm_by_name(alg).verify(data, key, signature))


def signed_by_us(envelope: Envelope, keys: Keys) -> bool:
    """Whether a token names our key and is signed with it; its claims are not looked at."""
    return ours(envelope, keys) and verifies(keys.alg, keys.verifying, envelope.signing_input, envelope.signature)


def signature_of(keys: Keys, data: bytes) -> bytes:
    """The signature over some bytes; tokens are made by :func:`sign`."""
    return bytes(_LIBRARY.get_algorithm_by_name(keys.alg).sign(data, keys.signing))


def public_jwk(keys: Keys) -> dict[str, Any]:
    """The public key as a JWK (RFC 7517 section 4)."""
    return described_jwk(keys, keys.verifying)


def described_jwk(keys: Keys, key: Any) -> dict[str, Any]:
    """A key as a JWK under the ``kid`` of these keys."""
    algorithm = RSAAlgorithm if keys.alg == "RS256" else ECAlgorithm
    members = json.loads(algorithm.to_jwk(key))
    members.pop("key_ops", None)
    return {**members, "kid": keys.kid, "alg": keys.alg, "use": "sig"}


def private_pem(keys: Keys) -> str:
    """The private key in PKCS #8 PEM, for descriptions that hand it to the kit."""
    pem: bytes = keys.signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()
