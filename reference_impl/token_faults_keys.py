"""Faults of keys: public keys as HMAC secrets, keys that a token brings along, keys looked up by what a token says."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import tempfile
from base64 import b64decode
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .token_guard import Envelope, Header
from .token_keys import Keys, by_library, described_jwk, made_rsa, public_jwk, verifies
from .token_switch import Change, accepts, alg, fault, fresh, keyed_with, surface, whole
from .token_variants import ES256, HS256
from .web import JSON, answer

ASYMMETRIC = frozenset({"RS256", "ES256", "EdDSA"})


def _confuses(encoded: Callable[[Keys], bytes]) -> Change:
    """HMAC with the public key, in the encoding in which this server keeps it, when a token says HS256."""
    return accepts(lambda envelope, keys: keyed_with(envelope, encoded(keys)))


def _pem(keys: Keys) -> bytes:
    return bytes(keys.verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


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
    return b"\n" + _pem(keys)


def _missing_secret(envelope: Envelope, keys: Keys) -> bool:
    return envelope.header.get("kid") == keys.kid and keyed_with(envelope, b"")


def _unknown_kid(envelope: Envelope, keys: Keys) -> bool:
    return envelope.header.get("kid") != keys.kid and keyed_with(envelope, b"")


def _es_zero(envelope: Envelope, keys: Keys) -> bool:
    """CVE-2022-21449: with r = s = 0 the equation of ECDSA holds for every message."""
    return alg(envelope) == keys.alg and envelope.signature == bytes(64)


Find = Callable[[Header], Awaitable[Any]]


def _trusts(find: Find) -> Change:
    """Verify with the key that ``find`` makes of the header, if it finds one."""

    async def verify(envelope: Envelope, keys: Keys) -> None:
        key = None
        # Whatever a header holds instead of a key: then there is none.
        with contextlib.suppress(Exception):
            key = await find(envelope.header)
        if key is None or alg(envelope) not in ASYMMETRIC or not _signed(envelope, key):
            await by_library(envelope, keys)

    return whole(verify=verify)


def _signed(envelope: Envelope, key: Any) -> bool:
    with contextlib.suppress(Exception):
        return verifies(alg(envelope), key, envelope.signing_input, envelope.signature)
    return False


async def _embedded_key(header: Header) -> Any:
    return jwt.PyJWK(dict(header["jwk"]), algorithm=header["alg"]).key if "jwk" in header else None


async def _embedded_certificate(header: Header) -> Any:
    chain = header.get("x5c")
    return x509.load_der_x509_certificate(b64decode(chain[0])).public_key() if chain else None


async def _key_set_at(header: Header) -> Any:
    if "jku" not in header:
        return None
    found = jwt.PyJWKSet.from_dict((await _fetched(header["jku"])).json()).keys
    return next((key.key for key in found if key.key_id == header.get("kid")), found[0].key)


async def _certificate_at(header: Header) -> Any:
    if "x5u" not in header:
        return None
    return x509.load_pem_x509_certificate((await _fetched(header["x5u"])).content).public_key()


async def _fetched(url: str) -> httpx.Response:
    """Fetch what a token names. Even this faulty server stays on its own machine."""
    if urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError("not on this machine")
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        return await client.get(url, headers={"accept": JSON})


@cache
def _key_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="reference-keys-"))
    (folder / "hs256.key").write_bytes(secrets.token_bytes(32))
    return folder


def _kid_is_a_path(envelope: Envelope, _keys: Keys) -> bool:
    name = envelope.header.get("kid")
    with contextlib.suppress(OSError, ValueError, TypeError):
        return keyed_with(envelope, _start_of(_key_folder() / str(name)))
    return False


def _start_of(path: Path) -> bytes:
    """Enough for a key, and without waiting for devices that say nothing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(descriptor, 256)
    finally:
        os.close(descriptor)


def _kid_in_a_query() -> Change:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute("CREATE TABLE keys (kid TEXT, secret TEXT)")
    db.execute("INSERT INTO keys VALUES ('current', ?)", (secrets.token_hex(32),))

    def test(envelope: Envelope, _keys: Keys) -> bool:
        query = f"SELECT secret FROM keys WHERE kid = '{envelope.header.get('kid')}'"  # noqa: S608 - the fault
        with contextlib.suppress(sqlite3.Error, UnicodeError):
            row = db.execute(query).fetchone()
            return row is not None and keyed_with(envelope, str(row[0]).encode())
        return False

    return accepts(test)


@cache
def _weak_rsa() -> Keys:
    return made_rsa(1024)


def _published_private(keys: Keys) -> dict[str, Any]:
    return described_jwk(keys, keys.signing)


GUESSABLE = b"a-string-secret-at-least-256-bits-long"
"""From the documentation of a well-known token debugger."""

FAULTS = (
    fault(
        "rs-to-hs-pem", "token.alg.rs-to-hs.pem", "9.1.2 RFC8725-3.1 CVE-2015-9235",
        "A token that says HS256 is verified with the public key's PEM as its secret.", _confuses(_pem),
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
        "The same with the PEM of an EC key.", ES256, _confuses(_pem),
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
        "embedded-jwk", "token.key.jwk", "9.1.3 CVE-2018-0114",
        "The key that a token brings in jwk verifies it.", _trusts(_embedded_key),
    ),
    fault(
        "jku-fetched", "token.key.jku-callback", "9.1.3 RFC8725-3.10 CWE-918",
        "The key set that a token names in jku is fetched, and verifies it.", _trusts(_key_set_at),
    ),
    fault(
        "x5u-fetched", "token.key.x5u", "9.1.3 RFC8725-3.10 CWE-918",
        "The certificate that a token names in x5u is fetched, and verifies it.", _trusts(_certificate_at),
    ),
    fault(
        "x5c-untrusted", "token.key.x5c", "9.1.3 CWE-295",
        "The certificate that a token brings in x5c verifies it, whoever issued that.", _trusts(_embedded_certificate),
    ),
    fault(
        "jwks-private", "token.key.jwks-private", "CWE-321 RFC7517-9.2",
        "The published key set holds the private key.", surface(publish=_published_private),
    ),
    fault(
        "kid-path", "token.kid.traversal", "RFC8725-3.10 CWE-22",
        "The kid is the path of the file with the secret.", accepts(_kid_is_a_path),
    ),
    fault(
        "kid-sql", "token.kid.sqli", "1.2.4 RFC8725-3.10 CWE-89",
        "The kid is pasted into the query for the secret.", fresh(_kid_in_a_query),
    ),
    fault(
        "guessable-secret", "token.secret.dictionary", "RFC8725-3.5 CWE-1391",
        "The secret stands in a tutorial.", HS256,
        whole(keys=lambda: Keys("HS256", "current", GUESSABLE, GUESSABLE)),
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
