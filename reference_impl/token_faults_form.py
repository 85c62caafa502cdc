"""Faults of form: spellings of a token, headers, and JSON that two readers read differently."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64decode
from typing import Any

from .token_guard import (
    TYPE,
    Envelope,
    Guard,
    Header,
    Rejected,
    canonical,
    nothing_critical,
    open_compact,
    sealed,
    strict_object,
    three_segments,
)
from .token_keys import Keys, by_library, signed_by_us
from .token_switch import accepts, fault, guard, rules, whole
from .token_variants import MINTING

BARE = accepts(signed_by_us)
"""Another library: it looks at the signature and at nothing else, where PyJWT would refuse the header too."""


def ignores_spare_bits(segment: str) -> bytes:
    """Decode without looking at the unused bits of the last character."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", segment) or len(segment) % 4 == 1:
        raise Rejected("not base64url")
    return b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_")


def unpadded(segment: str) -> bytes:
    """Decode after dropping padding, right or wrong."""
    return canonical(segment.rstrip("="))


def without_junk(segment: str) -> bytes:
    """Decode as Python's own decoder does: what is not of the alphabet is skipped (GHSA-hxm8-2xgr-2p9m)."""
    return canonical(re.sub(r"[^A-Za-z0-9_=-]", "", segment))


def either_alphabet(segment: str) -> bytes:
    """Decode base64 as well as base64url."""
    return canonical(segment.replace("+", "-").replace("/", "_"))


def folded(raw: bytes) -> str:
    """Compatibility characters become the ASCII ones that they look like."""
    return unicodedata.normalize("NFKC", raw.decode("utf-8", "replace"))


def _trimmed(text: str) -> tuple[str, str, str]:
    return three_segments(text.strip("."))


def _json_too(text: str) -> tuple[str, str, str]:
    """A JWS in JSON serialisation (RFC 7515 section 7.2), which no JWT may have."""
    if not text.startswith("{"):
        return three_segments(text)
    members = _lenient(text)
    signed = members.get("signatures", [members])[0]
    parts = (signed.get("protected"), members.get("payload"), signed.get("signature"))
    if not all(isinstance(part, str) for part in parts):
        raise Rejected("not a JWS")
    return parts


def _lenient(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Rejected("not JSON") from None


def _polyglot(policy_guard: Guard, raw: bytes) -> Envelope:
    """Verified as JSON, read between the dots (CVE-2022-39227)."""
    text = policy_guard.text(raw)
    if not text.startswith("{"):
        return open_compact(policy_guard, raw)
    verified = sealed(policy_guard, *map(policy_guard.decode, _json_too(text)))
    read = policy_guard.decode(text.split(".")[1]) if text.count(".") > 1 else verified.payload
    return Envelope(verified.compact, verified.header, read, verified.signature)


class _Assumed(dict[str, Any]):
    """A header that stands in for one that is no object."""


def _assumed_header(raw: bytes) -> Header:
    try:
        return strict_object(raw)
    except Rejected:
        return _Assumed(typ=TYPE)


def _b64_understood(header: Header) -> None:
    if header.get("crit") != ["b64"]:
        nothing_critical(header)


def first_wins(raw: bytes) -> dict[str, Any]:
    """Of a name that stands twice, the first value."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except (ValueError, RecursionError):
        raise Rejected("not JSON") from None
    return value if isinstance(value, dict) else strict_object(b"")


def _up_to_junk(raw: bytes) -> dict[str, Any]:
    try:
        value, _ = json.JSONDecoder().raw_decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Rejected("not JSON") from None
    return strict_object(json.dumps(value).encode())


def unguarded(raw: bytes) -> Header:
    """Python's parser as it is: deep nesting and long numbers raise what nobody catches (CVE-2025-61920)."""
    try:
        value = json.loads(raw)
    except json.JSONDecodeError:
        raise Rejected("not JSON") from None
    return value if isinstance(value, dict) else strict_object(b"")


async def _looked_up(envelope: Envelope, keys: Keys) -> None:
    """A look-up that trips over a ``kid`` that cannot be a key of a dict."""
    if envelope.header.get("kid") not in {keys.kid: keys}:
        raise Rejected("no such key")
    await by_library(envelope, keys)


def _no_check(_header: Header) -> None:
    pass


FAULTS = (
    fault(
        "b64-trailing-bits", "token.b64.trailing-bits", "RFC4648-3.5",
        "Unused bits at the end of a segment may be anything.", guard(decode=ignores_spare_bits),
    ),
    fault(
        "b64-padding", "token.b64.padding", "RFC7515-2 RFC8725bis-3.14",
        "Segments may be padded.", guard(decode=unpadded),
    ),
    fault(
        "b64-junk", "token.b64.junk", "RFC8725bis-3.14",
        "Characters outside the alphabet are skipped.", guard(decode=without_junk),
    ),
    fault(
        "b64-std-alphabet", "token.b64.std-alphabet", "RFC7515-2",
        "The standard alphabet is read as well as the URL-safe one.", guard(decode=either_alphabet),
    ),
    fault(
        "b64-folded", "token.b64.non-ascii", "RFC8725bis-3.14 CWE-20",
        "Characters beyond ASCII are folded into those that they look like.", guard(text=folded),
    ),
    fault(
        "empty-segments", "token.form.segments", "RFC7519-7.2",
        "Dots before and after the three segments are ignored.", guard(split=_trimmed),
    ),
    fault(
        "json-serialization", "token.form.json-serialization", "RFC8725bis-3.14 RFC7519-7.2",
        "A token in JSON serialisation is accepted.", guard(split=_json_too),
    ),
    fault(
        "polyglot", "token.form.polyglot", "RFC8725bis-2.13 CVE-2022-39227",
        "One reader verifies the JSON serialisation, another reads between the dots.", whole(open=_polyglot),
    ),
    fault(
        "header-not-object", "token.header.not-object", "RFC7519-7.2",
        "A header that is no object counts as an empty one, and a token without an algorithm as trusted.",
        guard(header=_assumed_header), accepts(lambda envelope, _keys: isinstance(envelope.header, _Assumed)),
    ),
    fault(
        "header-parser-crashes", "token.header.oversize", "CWE-400 CWE-674",
        "Deep nesting and long numbers in a header end in a server error.", guard(header=unguarded),
    ),
    fault(
        "kid-crashes", "token.kid.types", "CWE-20",
        "A kid that is no text ends in a server error.", whole(verify=_looked_up),
    ),
    fault(
        "crit-ignored", "token.crit.unknown", "RFC7515-4.1.11 CVE-2026-32597",
        "Critical extensions are ignored.", MINTING, BARE, guard(critical=_no_check),
    ),
    fault(
        "b64-false", "token.b64-false", "RFC7797-7",
        "An unencoded payload may be announced as critical, and is ignored.", MINTING, BARE,
        guard(critical=_b64_understood),
    ),
    fault(
        "typ-ignored", "token.typ.wrong", "9.2.2 RFC8725-3.11",
        "Any kind of token of this issuer is taken for an access token.", MINTING, guard(kind=_no_check),
    ),
    fault(
        "first-claim-wins", "token.json.dup-claim", "RFC7519-4 CWE-436",
        "Of a claim that stands twice, the first counts.", MINTING, rules(parse=first_wins),
    ),
    fault(
        "junk-after-payload", "token.json.shape", "RFC7519-7.2",
        "Anything may follow the claims.", MINTING, rules(parse=_up_to_junk),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.2, 3.5 and 3.7 of the catalogue."""
