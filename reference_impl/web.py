"""What every reference server says the same way over HTTP: headers, answers, bodies, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
}
"""Sent with every answer (ASVS-v5.0.0-3.4, 14.3.2). No CORS header, ever."""

LONGEST_BODY = 64 * 1024
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """Stops a request with an answer below 500; the title tells the client, never why in detail (16.5.1)."""

    def __init__(self, status: int, title: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.headers = status, title, headers


class SecurityHeaders:
    """ASGI middleware that adds the headers to every answer that has not set them itself."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = HEADERS) -> None:
        self.app, self.headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the answer's headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, complete)


def answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return JSONResponse(data, status, headers, media_type="application/json; charset=utf-8")


def page(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An HTML answer; the caller has escaped what it inserted."""
    return HTMLResponse(text, status, headers)


def problem(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal as JSON: ``{"error": title}``."""
    return answer({"error": title}, status, headers)


async def refused(_request: Request, exc: Exception) -> Response:
    """The exception handler for :class:`Refused`."""
    if not isinstance(exc, Refused):
        raise exc
    return problem(exc.status, exc.title, exc.headers)


def source(request: Request) -> str:
    """The address of the peer. ``X-Forwarded-*`` is whatever the client likes (ASVS-v5.0.0-4.1.3)."""
    return request.client.host if request.client else ""


def agent(request: Request) -> str:
    """What a browser calls itself, cut to what a table holds."""
    return request.headers.get("user-agent", "")[:200]


async def body(request: Request, types: Iterable[str] = (JSON,)) -> dict[str, Any]:
    """The fields of a body, which must have one of the content types; ``{}`` for no body at all.

    Raises:
        Refused: 413 too long, 415 another content type, 400 not an object or not well-formed.
    """
    raw = await _read(request)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not raw and not kind:
        return {}
    if kind not in types:
        raise Refused(415, f"the content type must be {' or '.join(types)}")
    return _pairs(raw) if kind == FORM else _object(raw)


async def form_pairs(request: Request) -> list[tuple[str, str]]:
    """The fields of a form in order, repeated and empty ones included; a form is all that the body may be.

    Raises:
        Refused: 413 too long, 415 another content type, 400 not well-formed.
    """
    raw = await _read(request)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise Refused(415, f"the content type must be {FORM}")
    return query_pairs(raw)


def query_pairs(raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form or a query in order, repeated and empty ones included.

    Raises:
        Refused: 400 when the bytes are no UTF-8, or too many fields.
    """
    try:
        return parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise Refused(400, "the fields are not well-formed") from None


async def _read(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LONGEST_BODY:
            raise Refused(413, "the body is too long")
    return bytes(raw)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw.decode("utf-8"))
        json.dumps(data, ensure_ascii=False).encode("utf-8")  # a lone surrogate could not be stored
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise Refused(400, "the body is not a JSON object")
    return data


def _pairs(raw: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, strict_parsing=False, max_num_fields=100))
    except ValueError:
        raise Refused(400, "the body is not a valid form") from None


def text(fields: Mapping[str, Any], name: str, longest: int = 4096) -> str:
    """One field as text.

    Raises:
        Refused: 400 when it is absent, not a string, or too long.
    """
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise Refused(400, f"{name} must be a string")
    return value
