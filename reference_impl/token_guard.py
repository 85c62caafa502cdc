"""The guard in front of the library: what a token must look like before anybody verifies it.

PyJWT accepts more than RFC 7515 section 2 and RFC 8725 (with its revision 8725bis, section 3.14) allow: padding,
members named twice, headers in UTF-16. Here a token has exactly one spelling, and a JSON object one reading.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TYPE = "reference-access+jwt"
"""The private ``typ`` of an access token: no other kind of JWT has it (RFC 8725 section 3.11)."""
LARGEST = 8192
"""Bytes of a token; far more than ours have, and too few to cost a parser much."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")

Header = Mapping[str, Any]


class Rejected(Exception):
    """A token that is refused. Why stays inside: the client learns only that it is (RFC 6750 section 3.1)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A token taken apart; nothing in it is proven yet."""

    compact: str = field(repr=False)
    """``header.payload.signature``, made again from the bytes."""
    header: Header
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def signing_input(self) -> bytes:
        """What the signature covers (RFC 7515 section 5.2)."""
        return self.compact.rpartition(".")[0].encode()


def ascii_text(raw: bytes) -> str:
    """The token as text; a JWT has ASCII characters only (8725bis section 3.14)."""
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise Rejected("not ASCII") from None


def three_segments(text: str) -> tuple[str, str, str]:
    """Header, payload and signature (RFC 7519 section 7.2): no JSON serialisation, no JWE."""
    parts = text.split(".")
    if len(parts) != 3:
        raise Rejected("not three segments")
    return parts[0], parts[1], parts[2]


def encode(data: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def canonical(segment: str) -> bytes:
    """The bytes of a segment, refused unless it is their one spelling: no padding, junk or spare bits."""
    if not _BASE64URL.fullmatch(segment) or len(segment) % 4 == 1:
        raise Rejected("not base64url")
    data = b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_")
    if encode(data) != segment:
        raise Rejected("unused bits are set")
    return data


def strict_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 in which every name stands once (RFC 7515 section 4, RFC 8725 section 3.7)."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Rejected("not strict JSON") from None
    if not isinstance(value, dict):
        raise Rejected("not an object")
    return value


def nothing_critical(header: Header) -> None:
    """We know no extension, so ``crit`` is always refused (RFC 7515 section 4.1.11)."""
    if "crit" in header:
        raise Rejected("an unknown critical extension")


def access_token(header: Header) -> None:
    """Only our access tokens, no other kind that the same key may sign (RFC 8725 sections 3.11 and 3.12)."""
    if header.get("typ") != TYPE:
        raise Rejected("another kind of token")


@dataclass(frozen=True, slots=True)
class Guard:
    """The steps, in order. ``jwk``, ``jku`` and ``x5*`` are never read: a key in a token proves nothing."""

    largest: int = LARGEST
    text: Callable[[bytes], str] = ascii_text
    split: Callable[[str], tuple[str, str, str]] = three_segments
    decode: Callable[[str], bytes] = canonical
    header: Callable[[bytes], Header] = strict_object
    critical: Callable[[Header], None] = nothing_critical
    kind: Callable[[Header], None] = access_token


def open_compact(guard: Guard, raw: bytes) -> Envelope:
    """Take a token apart.

    Raises:
        Rejected: it is not one that we could have issued.
    """
    if len(raw) > guard.largest:
        raise Rejected("too long")
    header, payload, signature = (guard.decode(segment) for segment in guard.split(guard.text(raw)))
    return sealed(guard, header, payload, signature)


def sealed(guard: Guard, header: bytes, payload: bytes, signature: bytes) -> Envelope:
    """The envelope of these bytes, its header checked."""
    members = guard.header(header)
    guard.critical(members)
    guard.kind(members)
    return Envelope(".".join(map(encode, (header, payload, signature))), members, payload, signature)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
