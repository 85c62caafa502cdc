"""Faults of the signature: what counts as signed."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from .token_carrier import bearer
from .token_guard import TYPE, Envelope, Guard, Rejected, encode, open_compact, sealed
from .token_keys import Keys, by_library, ours, signature_of, verifies
from .token_switch import (
    Change,
    accepts,
    alg,
    authorization,
    fault,
    fresh,
    is_none,
    whole,
    with_authorization,
    wrapped,
)
from .token_variants import HS256


def _none_in_disguise(envelope: Envelope, _keys: Keys) -> bool:
    return alg(envelope) != "none" and alg(envelope).casefold() == "none"


def _names_none(envelope: Envelope, _keys: Keys) -> bool:
    return not envelope.header.get("alg") and not envelope.signature


class _TwoSegments(Envelope):
    """A token that came without a third segment."""


def _open_two_segments(policy_guard: Guard, raw: bytes) -> Envelope:
    if raw.count(b".") != 1:
        return open_compact(policy_guard, raw)
    header, payload = map(policy_guard.decode, policy_guard.text(raw).split("."))
    opened = sealed(policy_guard, header, payload, b"")
    return _TwoSegments(opened.compact, opened.header, payload, b"")


async def _anything_of_ours(envelope: Envelope, keys: Keys) -> None:
    if not ours(envelope, keys):
        raise Rejected("not our key")


def _remembers(what: Callable[[Envelope], object]) -> Change:
    """A cache of verified tokens whose key leaves something out."""

    def change() -> Change:
        good: set[object] = set()

        async def verify(envelope: Envelope, keys: Keys) -> None:
            await _anything_of_ours(envelope, keys)
            if what(envelope) not in good:
                await by_library(envelope, keys)
                good.add(what(envelope))

        return whole(verify=verify)

    return fresh(change)


def _first_half(envelope: Envelope) -> object:
    half = len(envelope.signature) // 2
    return envelope.signing_input, len(envelope.signature), envelope.signature[:half]


def _as_far_as_it_goes(envelope: Envelope, keys: Keys) -> bool:
    expected = hmac.digest(keys.verifying, envelope.signing_input, "sha256")
    return ours(envelope, keys) and bool(envelope.signature) and expected.startswith(envelope.signature)


def _zeros(envelope: Envelope, keys: Keys) -> bool:
    return ours(envelope, keys) and len(envelope.signature) >= 32 and not any(envelope.signature)


def _with_our_header(envelope: Envelope, keys: Keys) -> bool:
    """Our header as we write it, whatever header came."""
    text = json.dumps({"alg": keys.alg, "kid": keys.kid, "typ": TYPE}, separators=(",", ":"))
    data = f"{encode(text.encode())}.{encode(envelope.payload)}".encode()
    return ours(envelope, keys) and verifies(keys.alg, keys.verifying, data, envelope.signature)


def _last_payload(policy_guard: Guard, raw: bytes) -> Envelope:
    """Verify the first three segments, read the payload of what is appended."""
    parts = policy_guard.text(raw).split(".")
    if len(parts) < 4:
        return open_compact(policy_guard, raw)
    first = open_compact(policy_guard, ".".join(parts[:3]).encode())
    read = policy_guard.decode(parts[4] if len(parts) > 4 else parts[3])
    return Envelope(first.compact, first.header, read, first.signature)


async def _resigned_notes(app: ASGIApp, keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    """A proxy in front of one route that signs again what it was given, without a look at the old signature."""
    fields = authorization(scope)
    token = bearer(fields[0].decode("latin-1")) if fields and scope["path"] == "/note" else None
    if token is not None and token.count(b".") == 2:
        text = token.rpartition(b".")[0]
        scope = with_authorization(scope, b"Bearer " + text + b"." + encode(signature_of(keys, text)).encode())
    await app(scope, receive, send)


FAULTS = (
    fault(
        "alg-none", "token.alg.none", "9.1.2 RFC8725-3.1 RFC8725-3.2",
        "A token that says that it is unsigned (alg none) is believed.",
        accepts(lambda envelope, _keys: is_none(envelope)),
    ),
    fault(
        "alg-none-deny-list", "token.alg.none-case", "9.1.2 RFC8725-3.1 CWE-178",
        "Only the spelling none is denied; None and NONE mean the same and pass.",
        accepts(_none_in_disguise),
    ),
    fault(
        "alg-none-with-signature", "token.alg.none-with-sig", "9.1.2 RFC8725-3.1",
        "A token with alg none is believed if anything stands in its signature.",
        accepts(lambda envelope, _keys: alg(envelope) == "none" and bool(envelope.signature)),
    ),
    fault(
        "alg-none-two-segments", "token.alg.none-two-segments", "9.1.2 RFC7519-7.2",
        "A token with alg none is believed if it has no signature segment at all.",
        whole(open=_open_two_segments),
        accepts(lambda envelope, _keys: isinstance(envelope, _TwoSegments) and alg(envelope) == "none"),
    ),
    fault(
        "alg-missing-means-none", "token.alg.missing", "9.1.2 RFC7515-4.1.1",
        "A header without an algorithm counts as unsigned, and that is believed.",
        accepts(_names_none),
    ),
    fault(
        "unverified-payload", "token.payload.tamper", "9.1.1 RFC8725-3.3 CWE-347",
        "The signature is not verified; expiry and all other claims are.",
        whole(verify=_anything_of_ours),
    ),
    fault(
        "sig-prefix-only", "token.sig.bitflip", "9.1.1 RFC8725-3.3 CWE-347",
        "Verified tokens are remembered by only the first half of their signature.",
        _remembers(_first_half),
    ),
    fault(
        "empty-signature", "token.sig.stripped", "9.1.1 CVE-2020-28042",
        "An empty signature is taken for a good one.",
        accepts(lambda envelope, keys: ours(envelope, keys) and not envelope.signature),
    ),
    fault(
        "sig-compared-to-its-length", "token.sig.truncated", "9.1.1 CWE-347",
        "The signature is compared only as far as the one sent goes.",
        HS256, accepts(_as_far_as_it_goes),
    ),
    fault(
        "sig-zero", "token.sig.zero", "9.1.1 CWE-347",
        "A signature of zeros, a placeholder of tests, is accepted.",
        accepts(_zeros),
    ),
    fault(
        "sig-remembered", "token.sig.other-token", "9.1.1 CWE-345",
        "A signature that was good once is good for any token.",
        _remembers(lambda envelope: envelope.signature),
    ),
    fault(
        "header-not-covered", "token.header.tamper", "9.1.1 RFC7515-5.2",
        "The signature is verified over the header that should have come.",
        accepts(_with_our_header),
    ),
    fault(
        "reads-last-verifies-first", "token.sig.prefix-concat", "9.1.1 RFC7515-5.2 CWE-436",
        "Of two tokens in one the first is verified and the last is read.",
        whole(open=_last_payload),
    ),
    fault(
        "one-route-unverified", "token.sig.verify-each-route", "9.1.1 CWE-862",
        "One protected route does not verify the signature.",
        wrapped(_resigned_notes),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.1 and 3.3 of the catalogue."""
