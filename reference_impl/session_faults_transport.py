"""Faults of headers, methods and caches between the browser and the server."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .session_policy import SessionPolicy
from .session_switch import Change, fault, surface, wrapped
from .web import HEADERS


def _with_header(name: str, value: str) -> Change:
    return surface(headers={**HEADERS, name: value})


async def _answered(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _echo(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] != "TRACE":
        await app(scope, receive, send)
        return
    lines = [b"TRACE " + scope["raw_path"] + b" HTTP/1.1", *(k + b": " + v for k, v in scope["headers"])]
    await _answered(send, 200, [(b"content-type", b"message/http")], b"\r\n".join(lines))


async def _confirmed_unseen(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    tag = f'"{scope["path"]}"'.encode("latin-1", "replace")
    if scope["method"] == "GET" and Headers(scope=scope).get("if-none-match", "").encode("latin-1") == tag:
        await _answered(send, 304, [(b"etag", tag)], b"")
        return

    async def tagged(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            others = [(k, v) for k, v in message["headers"] if k.lower() != b"cache-control"]
            message["headers"] = [*others, (b"cache-control", b"private, no-cache"), (b"etag", tag)]
        await send(message)

    await app(scope, receive, tagged)


_FILE = re.compile(r"(.+)/[^/]+\.(?:css|js)")


def _files_cached(policy: SessionPolicy) -> SessionPolicy:
    kept: dict[str, list[Message]] = {}

    async def handler(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        path, found = scope["path"], _FILE.fullmatch(scope["path"])
        messages: list[Message] = kept.get(path, [])
        if found and not messages:

            async def keep(message: Message) -> None:
                messages.append(message)

            await app({**scope, "path": found[1], "raw_path": found[1].encode()}, receive, keep)
            if messages[0]["status"] == 200:
                kept[path] = messages
        for message in messages:
            await send(message)
        if not found:
            await app(scope, receive, send)

    return wrapped(handler)(policy)


def _kept_by_browsers(policy: SessionPolicy) -> SessionPolicy:
    kept = {**HEADERS, "cache-control": "private, max-age=600"}
    return surface(headers=kept, clear_site_data=None)(policy)


FAULTS = (
    fault("hsts-short", "transport.hsts", "3.4.1 WSTG-CONF-07 CWE-523",
          "Browsers keep to https for an hour only.", _with_header("strict-transport-security", "max-age=3600")),
    fault("trace-echo", "transport.trace", "13.4.4 WSTG-CONF-06 CWE-693",
          "TRACE sends the request back.", wrapped(_echo)),
    fault("referrer-unsafe", "transport.referrer", "3.4.5 CWE-598",
          "Browsers tell other sites the whole address.", _with_header("referrer-policy", "unsafe-url")),
    fault("confirms-to-anyone", "transport.cache.not-modified", "14.3.2 CWE-524",
          "Browsers keep copies, which are confirmed before anybody asks whose they are.", wrapped(_confirmed_unseen)),
    fault("pages-cached-as-files", "transport.cache.vary-mix", "14.2.5 CWE-524",
          "A path with the ending of a file shows the page above it, and is cached for everybody.", _files_cached),
    fault("pages-outlive-logout", "session.logout.back-button", "14.3.1 WSTG-ATHN-06 CWE-525",
          "Browsers may show pages for ten minutes without asking, after a logout too.", _kept_by_browsers),
)  # fmt: skip
"""What browsers and caches are told, or do unasked."""
