"""Faults of transport: where a token is looked for, and what a refusal says (RFC 6750, RFC 9110 section 11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .session_cookie import Cookie, values
from .token_carrier import REALM, bearer, from_header
from .token_guard import ascii_text
from .token_keys import Keys
from .token_switch import carrier, fault, guard, surface, with_authorization, wrapped
from .web import HEADERS, LONGEST_BODY, Refused, answer

TWICE = 'error="invalid_token", error="invalid_token"'


def _query_alone(request: Request) -> bytes | None:
    value = request.query_params.get("access_token")
    return value.encode("latin-1", "replace") if value is not None else None


def _exact_scheme(request: Request) -> bytes | None:
    token = from_header(request)
    return token if request.headers.get("authorization", "").startswith("Bearer ") else None


def _query_or_header(request: Request) -> bytes | None:
    header = from_header(request)
    return header if header is not None else _query_alone(request)


def _plain_cookie_too(request: Request) -> bytes | None:
    header, cookie = from_header(request), request.cookies.get("access_token")
    return header if header is not None or cookie is None else cookie.encode("latin-1")


def _query_wins(request: Request) -> bytes | None:
    token = request.query_params.get("access_token")
    return token.encode("utf-8") if token is not None else from_header(request)


def _last_of_two(request: Request) -> bytes | None:
    fields = request.headers.getlist("authorization")
    return bearer(fields[-1]) if fields else None


async def _body_wins(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    """A token in the body replaces the one of the header, with any method and content type."""
    raw = await _whole_body(receive)
    token = _token_in(raw)
    if token is not None:
        scope = with_authorization(scope, b"Bearer " + token.encode("utf-8", "replace"))

    async def replay() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    await app(scope, replay, send)


async def _whole_body(receive: Receive) -> bytes:
    raw, more = bytearray(), True
    while more and len(raw) <= LONGEST_BODY:
        message = await receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(raw)


def _token_in(raw: bytes) -> str | None:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        fields = dict(part.partition("=")[::2] for part in raw.decode("utf-8", "replace").split("&"))
    token = fields.get("access_token") if isinstance(fields, dict) else None
    return token if isinstance(token, str) else None


MIXED = Cookie("access_token", same_site="Strict")


def _header_and_cookie(data: Mapping[str, Any]) -> Response:
    response = answer(data)
    response.headers["set-cookie"] = MIXED.written(data["access_token"])
    return response


def _either(request: Request) -> bytes | None:
    """Notes look at the cookie first, every other route at the header first."""
    found = values(request, MIXED.name)
    cookie = found[0].encode("latin-1") if found else None
    if request.url.path == "/note":
        return cookie if cookie is not None else from_header(request)
    header = from_header(request)
    return header if header is not None else cookie


def _unquoted(raw: bytes) -> str:
    return ascii_text(raw.strip(b"\"' \t"))


def _crashes(raw: bytes) -> str:
    return raw.decode("ascii")


async def _head_unguarded(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    """Access control that lists methods, and forgets one."""
    if scope["method"] == "HEAD":
        await Response(media_type="application/json")(scope, receive, send)
    else:
        await app(scope, receive, send)


FAULTS = (
    fault(
        "query-alone", "bearer.header-ok", "RFC6750-2.1",
        "The token is read from the query alone; the Authorization header does not work.",
        carrier(read=_query_alone, use="query:access_token"),
    ),
    fault(
        "scheme-case-matters", "bearer.scheme-case", "RFC9110-11.1",
        "Only the spelling Bearer works.", carrier(read=_exact_scheme),
    ),
    fault(
        "no-challenge", "bearer.no-token-401", "RFC6750-3 RFC9110-11.6.1",
        "A request without a token is refused without a challenge.",
        carrier(missing=lambda: Refused(401, "an access token is needed")),
    ),
    fault(
        "invalid-token-400", "bearer.invalid-token-401", "RFC6750-3.1-invalid-token",
        "A wrong token is answered like a malformed request.",
        carrier(invalid=lambda _raw: Refused(400, "bad request")),
    ),
    fault(
        "challenge-without-error", "bearer.invalid-token-401", "RFC6750-3.1-invalid-token",
        "The challenge for a wrong token does not say that it is wrong.",
        carrier(invalid=lambda _raw: Refused(401, "an access token is needed", {"www-authenticate": REALM})),
    ),
    fault(
        "query-wins", "bearer.query-refused", "14.2.1 RFC6750-2.3 CWE-598",
        "A token in the query replaces the one of the header.", carrier(read=_query_wins),
    ),
    fault(
        "query-cacheable", "bearer.query-private", "RFC6750-2.3-private CWE-525",
        "A token in the query counts where the header has none, and shared caches may keep the answer.",
        carrier(read=_query_or_header), surface(headers={**HEADERS, "cache-control": "public, max-age=60"}),
    ),
    fault(
        "two-ways-at-once", "bearer.two-methods", "RFC6750-3.1 CWE-436",
        "A token in the query counts where the header has none, and is overlooked where it has another.",
        carrier(read=_query_or_header),
    ),
    fault(
        "cookie-counts", "bearer.not-from-cookie", "CWE-352",
        "A token in a cookie counts where the header has none.", carrier(read=_plain_cookie_too),
    ),
    fault(
        "challenge-repeats", "bearer.challenge-grammar", "RFC6750-3-repeat CWE-113",
        "The challenge for a wrong token names its error twice.",
        carrier(invalid=lambda _raw: Refused(401, "wrong", {"www-authenticate": f"{REALM}, {TWICE}"})),
    ),
    fault(
        "body-wins", "bearer.body-rules", "RFC6750-2.2 CWE-436",
        "A token in the body replaces the one of the header.", wrapped(_body_wins),
    ),
    fault(
        "last-header-wins", "bearer.two-headers", "RFC9110-5.3 CWE-436",
        "Of two Authorization fields the last one counts.", carrier(read=_last_of_two),
    ),
    fault(
        "quotes-ignored", "bearer.grammar", "RFC6750-2.1",
        "Quotes and tabs round a token are ignored.", guard(text=_unquoted),
    ),
    fault(
        "latin-1-crashes", "bearer.grammar", "RFC6750-2.1 CWE-20",
        "A token with characters beyond ASCII ends in a server error.", guard(text=_crashes),
    ),
    fault(
        "notes-shared", "bearer.cross-user", "8.2.2 CWE-639",
        "All users read and write one note.", surface(note_owner=lambda _account, _request: "everybody"),
    ),
    fault(
        "head-unguarded", "bearer.method-parity", "CWE-650",
        "HEAD is answered without a token.", wrapped(_head_unguarded),
    ),
    fault(
        "cookie-and-header-mixed", "token.http.precedence", "CWE-436",
        "One route prefers the cookie, the others the header.",
        carrier(read=_either, deliver=_header_and_cookie),
    ),
)  # fmt: skip
"""Primary killers are rows of section 3.10 of the catalogue, and the ``bearer`` rows of its OAuth part."""
