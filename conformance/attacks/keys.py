"""Public keys of a target in every encoding that a verifier might hand to HMAC, and what is wrong with a JWKS.

Pure functions over text; ``cryptography`` and ``jwt`` are loaded when a key is looked at.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.attacks import jwt
from conformance.attacks.jwt import Token
from conformance.bounded_json import loads

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    Key = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

MAX_KEYS = 32
"""Keys read of one document."""

PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
"""JWK members that hold secrets (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1)."""

PUBLIC_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}

_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)

_SSH_LINE = re.compile(r"^(?:ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp\d+) AAAA\S+.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as published, and as SPKI PEM."""

    pem: str
    """SPKI, 64 columns, with the final newline (RFC 7468)."""
    text: str = field(repr=False)
    """As it stands in the document: PEM, or the JSON text of one JWK."""
    document: str = field(repr=False)
    """The whole document."""
    kid: str | None = None
    jwk_text: str = field(default="", repr=False)
    """JSON text of the JWK: the published one, else made from the key."""
    certificate: str = field(default="", repr=False)
    """PEM certificate of the key, where one is published."""

    @property
    def jwk(self) -> Mapping[str, Any]:
        """The members of the JWK."""
        members: Mapping[str, Any] = json.loads(self.jwk_text)
        return members

    @property
    def kty(self) -> str:
        """``RSA``, ``EC`` or ``OKP``."""
        return str(self.jwk["kty"])

    def load(self) -> Key:
        """The key as an object of ``cryptography``."""
        return _load_pem(self.pem)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A public key as a byte string that might serve as an HMAC secret."""

    name: str
    data: bytes = field(repr=False)


def parse_keys(document: str) -> tuple[PublicKey, ...]:
    """Read a JWKS, one JWK, PEM (SPKI, PKCS#1, certificates) or OpenSSH lines; what is no public key is left out.

    PEM may stand in JSON, as a member's value or alone.
    """
    text = document.removeprefix("\ufeff").strip()
    if text.startswith("{"):
        found = tuple(key for part in _jwk_texts(text)[:MAX_KEYS] if (key := _from_jwk(part, document)))
        if found:
            return found
    if text.startswith(("{", '"')):
        text = "\n".join(_texts_of(text))
    blocks = [match[0] for match in _PEM_BLOCK.finditer(text)] or _SSH_LINE.findall(text)
    return tuple(key for block in blocks[:MAX_KEYS] if (key := _from_pem(block, document)))


def _texts_of(text: str) -> list[str]:
    """The text that a JSON document is, or those that are its members."""
    try:
        value = loads(text)
    except ValueError:
        return []
    return [one for one in (value.values() if isinstance(value, dict) else [value]) if isinstance(one, str)]


def _jwk_texts(text: str) -> list[str]:
    try:
        value = loads(text)
        return jwt.elements(text) if "keys" in value else [text]
    except ValueError:
        return []


def _from_jwk(text: str, document: str) -> PublicKey | None:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    readers = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}
    try:
        members = json.loads(text)
        public = {name: members[name] for name in PUBLIC_MEMBERS[members["kty"]]}
        key = readers[members["kty"]](public)
        pem = _spki(key)
    except Exception:
        return None
    kid, chain = members.get("kid"), members.get("x5c")
    leaf = chain[0] if isinstance(chain, list) and chain and isinstance(chain[0], str) else ""
    certificate = _wrapped("CERTIFICATE", leaf) if leaf else ""
    return PublicKey(pem, text, document, kid if isinstance(kid, str) else None, text, certificate)


def _from_pem(block: str, document: str) -> PublicKey | None:
    certificate = block + "\n" if "BEGIN CERTIFICATE" in block else ""
    try:
        pem = _spki(_load_certificate(block) if certificate else _load_pem(block))
        return PublicKey(pem, block, document, None, _jwk_of(pem), certificate)
    except Exception:
        return None


def _load_pem(pem: str) -> Key:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key

    load = load_pem_public_key if pem.startswith("-----") else load_ssh_public_key
    return load(pem.encode())  # type: ignore[return-value]


def _load_certificate(pem: str) -> Key:
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pem.encode()).public_key()  # type: ignore[return-value]


def _jwk_of(pem: str) -> str:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    key: Any = _load_pem(pem)
    writers = {"RSA": RSAAlgorithm, "EC": ECAlgorithm}
    family = "RSA" if hasattr(key, "public_numbers") and hasattr(key, "encrypt") else "EC"
    writer: Any = writers[family] if hasattr(key, "public_numbers") else OKPAlgorithm
    members = writer.to_jwk(key, as_dict=True)
    return jwt.dumps({name: members[name] for name in PUBLIC_MEMBERS[members["kty"]]})


def _spki(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding as Form
    from cryptography.hazmat.primitives.serialization import PublicFormat

    pem: bytes = key.public_bytes(Form.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def _wrapped(label: str, base64_text: str) -> str:
    lines = "\n".join(base64_text[at : at + 64] for at in range(0, len(base64_text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


@functools.lru_cache(maxsize=64)
def verifying_key(token: Token, keys: tuple[PublicKey, ...]) -> PublicKey | None:
    """The key that verifies the token, else the one of its ``kid``; None when neither is there."""
    kid = token.header.get("kid")
    named = sorted(keys, key=lambda key: key.kid != kid or kid is None)
    for key in named:
        if jwt.verifies(token, key.load()):
            return key
    return named[0] if named and kid is not None and named[0].kid == kid else None


def spki_encodings(key: PublicKey) -> tuple[Encoding, ...]:
    """SPKI PEM as files and environment variables hold it; most common first."""
    bare = key.pem.rstrip("\n")
    return (
        Encoding("public key PEM", key.pem.encode()),
        Encoding("public key PEM without final newline", bare.encode()),
        Encoding("public key PEM with CRLF", key.pem.replace("\n", "\r\n").encode()),
        Encoding("public key PEM as published", (key.text if key.text.startswith("-----") else key.pem).encode()),
    )


def pkcs1_encodings(key: PublicKey) -> tuple[Encoding, ...]:
    """PKCS#1 PEM (RFC 8017 appendix A.1.1); nothing for keys other than RSA."""
    if key.kty != "RSA":
        return ()
    pem = _public_bytes(key, "PEM", "PKCS1")
    return (
        Encoding("PKCS#1 PEM", pem),
        Encoding("PKCS#1 PEM without final newline", pem.rstrip(b"\n")),
    )


def der_encodings(key: PublicKey) -> tuple[Encoding, ...]:
    """The same structures without PEM armour."""
    spki = Encoding("SPKI DER", _public_bytes(key, "DER", "SubjectPublicKeyInfo"))
    if key.kty != "RSA":
        return (spki,)
    return spki, Encoding("PKCS#1 DER", _public_bytes(key, "DER", "PKCS1"))


def jwk_encodings(key: PublicKey) -> tuple[Encoding, ...]:
    """The JWK as served, as common serialisers write it, the set that it came in, and its number alone."""
    members = key.jwk
    number = "n" if key.kty == "RSA" else "x"
    return (
        Encoding("JWK as published", key.jwk_text.encode()),
        Encoding("JWK compact", json.dumps(members, separators=(",", ":")).encode()),
        Encoding("JWK with spaces", json.dumps(members).encode()),
        Encoding("JWKS as published", (key.document if key.text == key.jwk_text else key.jwk_text).encode()),
        Encoding("JWK of required members", _thumbprint_input(key)),
        Encoding(f"JWK member {number}", str(members[number]).encode()),
    )


def ssh_encodings(key: PublicKey) -> tuple[Encoding, ...]:
    """The one-line OpenSSH form; nothing for curves that OpenSSH does not know."""
    try:
        line = _public_bytes(key, "OpenSSH", "OpenSSH")
    except ValueError:
        return ()
    # A line as `ssh-keygen` writes it ends with a comment.
    whole = key.text.encode() if _SSH_LINE.fullmatch(key.text) else line
    spellings = [Encoding("OpenSSH key", line), Encoding("OpenSSH key with final newline", line + b"\n")]
    if whole != line:
        spellings += [Encoding("OpenSSH key as published", whole)]
        spellings += [Encoding("OpenSSH key as published with final newline", whole + b"\n")]
    return tuple(spellings)


def prefixed_encodings(key: PublicKey) -> tuple[Encoding, ...]:
    """PEM behind a prefix that defeats a test for PEM at the start, and the certificate where one is known."""
    pem = key.pem.encode()
    certificate = (Encoding("certificate PEM", key.certificate.encode()),) if key.certificate else ()
    return (
        Encoding("newline, then PEM", b"\n" + pem),
        Encoding("space, then PEM", b" " + pem),
        Encoding("byte order mark, then PEM", b"\xef\xbb\xbf" + pem),
        Encoding("comment line, then PEM", b"# public key\n" + pem),
        *certificate,
    )


def _thumbprint_input(key: PublicKey) -> bytes:
    """The canonical JSON of RFC 7638 section 3."""
    members = {name: key.jwk[name] for name in sorted(PUBLIC_MEMBERS[key.kty])}
    return json.dumps(members, separators=(",", ":")).encode()


def _public_bytes(key: PublicKey, encoding: str, form: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding as Form
    from cryptography.hazmat.primitives.serialization import PublicFormat

    try:
        return key.load().public_bytes(getattr(Form, encoding), getattr(PublicFormat, form))
    except UnsupportedAlgorithm as error:
        raise ValueError(f"this key has no {encoding} form") from error


def jwks_flaws(document: str) -> tuple[str, ...]:
    """What a published key set must not hold: private members, shared secrets, weak RSA keys, a kid twice.

    Sources: RFC 7517 section 9.2, RFC 7518 section 3.3, CWE-321, CWE-326. One sentence for each flaw.
    """
    texts = _jwk_texts(document.removeprefix("\ufeff").strip())[:MAX_KEYS]
    keys = [value for text in texts if isinstance(value := json.loads(text), dict)]
    kids = [kid for key in keys if isinstance(kid := key.get("kid"), str)]
    flaws = [flaw for number, key in enumerate(keys) for flaw in _jwk_flaws(key, number)]
    flaws += [f"kid {kid!r} names {kids.count(kid)} keys" for kid in dict.fromkeys(kids) if kids.count(kid) > 1]
    return tuple(flaws)


def _jwk_flaws(key: Mapping[str, Any], number: int) -> Iterator[str]:
    where = f"key {key.get('kid', number)!r}"
    if key.get("kty") == "oct":
        yield f"{where} is a shared secret (kty oct)"
    elif private := [name for name in PRIVATE_MEMBERS if name in key]:
        yield f"{where} holds private members: {', '.join(private)}"
    if key.get("kty") == "RSA":
        bits, exponent = _number(key.get("n")).bit_length(), _number(key.get("e"))
        if bits < 2048:
            yield f"{where} is RSA of {bits} bits, 2048 are the least"
        if exponent < 3 or exponent % 2 == 0:
            yield f"{where} has the public exponent {exponent}"


def _number(value: object) -> int:
    try:
        return int.from_bytes(jwt.b64_decode(str(value).rstrip("=")), "big")
    except ValueError:
        return 0
