"""Faults around encrypted tokens, and around work that a stranger orders."""

from __future__ import annotations

import asyncio
import hashlib
import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.types import ASGIApp, Receive, Scope, Send

from .token_carrier import bearer
from .token_guard import Envelope, Guard, Rejected, open_compact, sealed, strict_object
from .token_keys import Keys, by_library, rsa_keys
from .token_switch import Change, authorization, fault, whole, wrapped


class _Decrypted(Envelope):
    """A token that was encrypted to our public key, by whomever."""


def _open_encrypted(guard: Guard, raw: bytes) -> Envelope:
    """Five segments are decrypted with the private key that signs (CVE-2022-3102)."""
    if raw.count(b".") != 4:
        return open_compact(guard, raw)
    head, encrypted_key, nonce, body, tag = map(guard.decode, guard.text(raw).split("."))
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    try:
        key = rsa_keys().signing.decrypt(encrypted_key, oaep)
        payload = AESGCM(key).decrypt(nonce, body + tag, raw.partition(b".")[0])
    except (ValueError, InvalidTag):
        raise Rejected("not encrypted to us") from None
    opened = sealed(guard, head, payload, b"")
    return _Decrypted(opened.compact, opened.header, payload, b"")


async def _content_with_decryption(envelope: Envelope, keys: Keys) -> None:
    if not isinstance(envelope, _Decrypted):
        await by_library(envelope, keys)


async def _derives(raw: bytes) -> None:
    """The count that a token names is obeyed (CVE-2023-6681)."""
    header = _header_of(raw)
    count = header.get("p2c")
    if raw.count(b".") == 4 and isinstance(count, int) and 0 < count < 2**24:
        await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"a password", b"salt", count)


async def _executes(raw: bytes) -> None:
    """What a shell would do with a key look-up that is a command line; even this faulty server only sleeps."""
    found = re.search(r"[|;(`]\s*sleep (\d)\b", str(_header_of(raw).get("kid")))
    if found:
        await asyncio.sleep(int(found[1]))


def _header_of(raw: bytes) -> dict[str, Any]:
    try:
        return strict_object(urlsafe_b64decode(raw.partition(b".")[0] + b"=="))
    except (ValueError, Rejected):
        return {}


def _first(work: Callable[[bytes], Awaitable[None]]) -> Change:
    """Do some work on every token before the server looks at it."""

    async def handler(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
        for value in authorization(scope):
            await work(bearer(value.decode("latin-1")) or b"")
        await app(scope, receive, send)

    return wrapped(handler)


FAULTS = (
    fault(
        "jwe-taken-for-signed", "token.jwe.sign-encrypt-confusion", "RFC8725bis-3.3 CVE-2022-3102",
        "A token that was encrypted to the public key is believed.",
        whole(open=_open_encrypted, verify=_content_with_decryption),
    ),
    fault(
        "pbes2-count-obeyed", "token.jwe.pbes2-count", "RFC8725bis-3.13 CVE-2023-6681",
        "As many iterations of a key derivation are done as a token asks for.", _first(_derives),
    ),
    fault(
        "kid-in-a-command", "token.kid.command", "RFC8725-3.10 CWE-78",
        "The kid is a word of a command line.", _first(_executes),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.4 and 3.6 of the catalogue."""
