"""Faults of looking keys up: keys that a token brings along, keys at addresses, paths and queries that it names."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import jwt
from cryptography import x509

from .token_claims import ISSUER
from .token_guard import Envelope, Header, Rejected
from .token_keys import Keys, by_library, verifies
from .token_switch import Change, accepts, alg, fault, fresh, keyed_with, whole
from .web import JSON

ASYMMETRIC = frozenset({"RS256", "ES256", "EdDSA"})

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


async def _trusts_namesakes(envelope: Envelope, keys: Keys) -> None:
    """A key that a token brings along is good if it has the name of ours."""
    found = envelope.header.get("jwk")
    named = isinstance(found, dict) and found.get("kid") == envelope.header.get("kid") == keys.kid
    if not named or alg(envelope) not in ASYMMETRIC:
        await by_library(envelope, keys)
    elif not _signed(envelope, await _embedded_key(envelope.header)):
        raise Rejected("the signature is wrong")


def _embedded_secret(envelope: Envelope, _keys: Keys) -> bool:
    found = envelope.header.get("jwk") or {}
    with contextlib.suppress(Exception):
        return keyed_with(envelope, urlsafe_b64decode(found["k"] + "=="))
    return False


async def _embedded_certificate(header: Header) -> Any:
    chain = header.get("x5c")
    return x509.load_der_x509_certificate(b64decode(chain[0])).public_key() if chain else None


async def _key_set_at(header: Header) -> Any:
    if "jku" not in header:
        return None
    found = jwt.PyJWKSet.from_dict((await _fetched(header["jku"])).json()).keys
    return next((key.key for key in found if key.key_id == header.get("kid")), found[0].key)


async def _key_set_called(header: Header) -> Any:
    """Fetched ahead, for a cache that this verifier does not use yet."""
    if "jku" in header:
        await _fetched(header["jku"])


async def _key_set_of_our_issuer(header: Header) -> Any:
    """The list of allowed places is compared as a text."""
    return await _key_set_at(header) if ISSUER in str(header.get("jku")) else None


async def _key_set_within(header: Header) -> Any:
    kind, _, data = str(header.get("jku")).partition(",")
    if kind != "data:application/json":
        return None
    return jwt.PyJWKSet.from_dict(json.loads(unquote(data))).keys[0].key


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
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
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


PROTOTYPE = {"__proto__": b"[object Object]", "constructor": b"function Object() { [native code] }"}
"""What every object of JavaScript has, as text."""


def _kid_in_an_object(envelope: Envelope, _keys: Keys) -> bool:
    name = envelope.header.get("kid")
    return isinstance(name, str) and name in PROTOTYPE and keyed_with(envelope, PROTOTYPE[name])


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


FAULTS = (
    fault(
        "embedded-jwk", "token.key.jwk", "9.1.3 CVE-2018-0114",
        "The key that a token brings in jwk verifies it.", _trusts(_embedded_key),
    ),
    fault(
        "embedded-jwk-namesake", "token.key.jwk-samekid", "9.1.3 RFC8725-3.8",
        "A key that a token brings in jwk verifies it if it has the name of ours.", whole(verify=_trusts_namesakes),
    ),
    fault(
        "embedded-secret", "token.key.jwk-oct", "9.1.3 RFC8725-3.1",
        "The secret that a token brings in jwk verifies it.", accepts(_embedded_secret),
    ),
    fault(
        "jku-fetched", "token.key.jku", "9.1.3 RFC8725-3.10 CWE-918",
        "The key set that a token names in jku is fetched, and verifies it.", _trusts(_key_set_at),
    ),
    fault(
        "jku-called", "token.key.jku-callback", "RFC8725-3.10 CWE-918",
        "The key set that a token names in jku is fetched, and not used.", _trusts(_key_set_called),
    ),
    fault(
        "jku-list-as-text", "token.key.jku-bypass", "9.1.3 RFC8725-3.10 CWE-918",
        "The key set at jku is fetched if our name stands anywhere in the address.", _trusts(_key_set_of_our_issuer),
    ),
    fault(
        "jku-data", "token.key.file-scheme", "9.1.3 RFC8725-3.10 CWE-918",
        "A key set that stands in the address itself is trusted.", _trusts(_key_set_within),
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
        "kid-path", "token.kid.traversal", "RFC8725-3.10 CWE-22",
        "The kid is the path of the file with the secret.", accepts(_kid_is_a_path),
    ),
    fault(
        "kid-sql", "token.kid.sqli", "1.2.4 RFC8725-3.10 CWE-89",
        "The kid is pasted into the query for the secret.", fresh(_kid_in_a_query),
    ),
    fault(
        "kid-in-an-object", "token.kid.ldap-nosql", "RFC8725-3.10 CWE-1321",
        "The secret is looked up among the members that an object has by nature.", accepts(_kid_in_an_object),
    ),
)  # fmt: skip
"""Primary killers are rows of section 3.4 of the catalogue."""
