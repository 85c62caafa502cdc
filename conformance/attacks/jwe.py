"""Encrypted tokens in compact form, as anybody can make them who knows a public key, or guesses a secret.

RFC 7516 section 5.1 and RFC 7518 sections 4 and 5, as much as attacks need. ``cryptography`` is loaded on use.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from conformance.attacks import jwt

ENC = "A256GCM"
"""Encryption of the content in every token made here (RFC 7518 section 5.3)."""
KEY_BYTES = 32


def for_public_key(alg: str, key: Any, plaintext: bytes, header: Mapping[str, object]) -> str:
    """Encrypt to a public key of ``cryptography``, with RSA-OAEP, RSA-OAEP-256 or ECDH-ES."""
    if alg == "ECDH-ES":
        content_key, epk = _agreed(key)
        return _sealed({"alg": alg, "enc": ENC, **header, "epk": epk}, b"", content_key, plaintext)
    content_key = secrets.token_bytes(KEY_BYTES)
    return _sealed({"alg": alg, "enc": ENC, **header}, key.encrypt(content_key, _oaep(alg)), content_key, plaintext)


def for_password(count: int, header: Mapping[str, object]) -> str:
    """A token that says PBES2 with this iteration count; nothing in it can be decrypted (RFC 7518 section 4.8)."""
    members = {"alg": "PBES2-HS256+A128KW", "enc": ENC, **header, "p2s": jwt.b64_encode(bytes(16)), "p2c": count}
    return _sealed(members, secrets.token_bytes(KEY_BYTES + 8), secrets.token_bytes(KEY_BYTES), b"{}")


def _sealed(header: Mapping[str, object], encrypted_key: bytes, content_key: bytes, plaintext: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    protected = jwt.b64_encode(jwt.dumps(dict(header)).encode())
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(content_key).encrypt(nonce, plaintext, protected.encode())
    return ".".join((protected, *map(jwt.b64_encode, (encrypted_key, nonce, sealed[:-16], sealed[-16:]))))


def _oaep(alg: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    digest = hashes.SHA256() if alg == "RSA-OAEP-256" else hashes.SHA1()  # noqa: S303 - RFC 7518 section 4.3
    return padding.OAEP(padding.MGF1(digest), digest, None)


def _agreed(key: Any) -> tuple[bytes, dict[str, Any]]:
    """The key that an ephemeral one agrees on with ``key``, and the ephemeral one (RFC 7518 section 4.6)."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
    from jwt.algorithms import ECAlgorithm

    own = ec.generate_private_key(key.curve)
    name = ENC.encode()
    parts = (len(name).to_bytes(4, "big") + name, bytes(4), bytes(4), (KEY_BYTES * 8).to_bytes(4, "big"))
    derive = ConcatKDFHash(hashes.SHA256(), KEY_BYTES, b"".join(parts))
    members = ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
    epk = {member: members[member] for member in ("kty", "crv", "x", "y")}
    return derive.derive(own.exchange(ec.ECDH(), key)), epk
