"""The attacker's own keys: made once for a process, published under the listener's address."""

from __future__ import annotations

import base64
import datetime
import functools
import json
import threading
from collections.abc import Iterable
from typing import Any

SECRET = b"pickproof-attacker-secret-0123456789"
"""An HMAC secret that no target knows; long enough for libraries that check the length."""

KID = "pickproof-attacker"

JWKS_PATH = "/jwks.json"
CERTIFICATE_PATH = "/certificate.pem"

_FAMILY = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES = {"ES256": "SECP256R1", "ES384": "SECP384R1", "ES512": "SECP521R1", "ES256K": "SECP256K1"}


_MAKING = threading.Lock()
"""functools.cache lets two threads make two keys, and then a certificate would not match its signatures."""


def private_key(alg: str) -> Any:
    """The attacker's private key for a JWS algorithm, an object of ``cryptography``; RSA takes 0.1 s once."""
    with _MAKING:
        return _private_key(alg)


@functools.cache
def _private_key(alg: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if alg in _CURVES:
        return ec.generate_private_key(getattr(ec, _CURVES[alg])())
    if alg == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return _rsa_key()


@functools.cache
def _rsa_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(alg: str, kid: str | None = None) -> dict[str, Any]:
    """The public JWK of the attacker's key for an algorithm."""
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    writers: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
    family = _FAMILY[alg[:2]]
    members = writers[family].to_jwk(private_key(alg).public_key(), as_dict=True)
    members = {name: value for name, value in members.items() if name != "key_ops"}
    return {**members, **({"kid": kid} if kid is not None else {})}


@functools.cache
def certificate_der(alg: str) -> bytes:
    """A self-signed certificate of the attacker's key, valid for the years around now."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    key = private_key(alg)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=365))
        .not_valid_after(today + datetime.timedelta(days=365))
    )
    digest = None if alg == "EdDSA" else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def certificate_pem(alg: str) -> str:
    """The same certificate as PEM."""
    text = base64.b64encode(certificate_der(alg)).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def documents(alg: str, kids: Iterable[str] = ()) -> dict[str, tuple[str, bytes]]:
    """What the listener serves below its address: path to content type and body.

    The key set names the attacker's key by his own kid and by the genuine ones, so that a verifier which looks
    up the published kid finds it.
    """
    names = dict.fromkeys([*kids, KID])
    keys = [{**public_jwk(alg, kid), "alg": alg, "use": "sig"} for kid in names]
    return {
        JWKS_PATH: ("application/json", json.dumps({"keys": keys}).encode()),
        CERTIFICATE_PATH: ("application/x-pem-file", certificate_pem(alg).encode()),
    }
