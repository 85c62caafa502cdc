"""Faults of the cookie and of everything else that could carry or show an id."""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import replace

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import Account, Accounts
from .session_cookie import Cookie, only_value, values
from .session_guard import SAFE
from .session_policy import SessionPolicy
from .session_store import Session, SessionTable
from .session_switch import both, cookie, ending, fault, life, surface, wrapped
from .web import HEADERS, Refused


def _flags_lost(policy: SessionPolicy) -> SessionPolicy:
    plain = replace(policy.surface.cookie, http_only=False, same_site=None)
    return both(life(renews=lambda *_: True), surface(renewed=plain))(policy)


def _flags_lost_at_renewal(policy: SessionPolicy) -> SessionPolicy:
    return surface(renewed=replace(policy.surface.cookie, http_only=False, same_site=None))(policy)


def _id_in_body_after_failure(policy: SessionPolicy) -> SessionPolicy:
    failed: set[str] = set()

    def failed_login(_table: SessionTable, _accounts: Accounts, user: str, _session: Session | None) -> None:
        failed.add(user)

    def logged_in(response: Response, value: str, account: Account, sound: Cookie) -> None:
        if account.name in failed:
            failed.discard(account.name)
            _id_in_body(response, value, account, sound)

    return both(ending(failed_login=failed_login), surface(logged_in=logged_in))(policy)


async def _cacheable_renewals(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    async def forget(message: Message) -> None:
        if message["type"] == "http.response.start" and scope["path"] in ("/password", "/step-up"):
            del MutableHeaders(scope=message)["cache-control"]
        await send(message)

    await app(scope, receive, forget)


def _crash_when_expired(_table: SessionTable, _session: Session) -> None:
    raise Refused(500, "internal error")


def _first_or_last(first_for_reading: bool) -> object:
    def read(request: Request, name: str) -> str | None:
        found = values(request, name)
        first = (request.method in SAFE) == first_for_reading
        return found[0 if first else -1] if found else None

    return read


def _crash_when_long(request: Request, name: str) -> str | None:
    if sum(len(v) for k, v in request.scope["headers"] if k == b"cookie") > 4096:
        raise Refused(500, "internal error")
    return only_value(request, name)


def _deleted_too(response: Response, _id: str, _account: Account, sound: Cookie) -> None:
    response.headers.append("set-cookie", sound.deleted())


def _id_in_location(response: Response, value: str, _account: Account, _cookie: Cookie) -> None:
    response.status_code, response.headers["location"] = 303, f"/me?sid={value}"


def _id_in_body(response: Response, value: str, _account: Account, _cookie: Cookie) -> None:
    try:
        data = json.loads(bytes(response.body))
    except ValueError:
        data = {}
    response.body = json.dumps(data | {"session": value}).encode()
    response.headers["content-length"] = str(len(response.body))


async def _cors_reflected(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    origin = Headers(scope=scope).get("origin")

    async def reflect(message: Message) -> None:
        if message["type"] == "http.response.start" and origin:
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["access-control-allow-credentials"] = "true"
        await send(message)

    await app(scope, receive, reflect)


COMPANION = "__Host-user"


def _companion_wins(policy: SessionPolicy) -> SessionPolicy:
    named: ContextVar[str | None] = ContextVar("named", default=None)

    def read(request: Request, name: str) -> str | None:
        named.set(only_value(request, COMPANION))
        return only_value(request, name)

    async def whose(session: Session) -> str | None:
        return session.sub and (named.get() or session.sub)

    def logged_in(response: Response, _id: str, account: Account, sound: Cookie) -> None:
        response.headers.append("set-cookie", replace(sound, name=COMPANION).written(account.sub))

    return both(life(read=read, whose=whose), surface(logged_in=logged_in))(policy)


def _cached_by_connection(policy: SessionPolicy) -> SessionPolicy:
    here: ContextVar[object] = ContextVar("here", default=None)
    cache: dict[tuple[object, str], Session] = {}

    def read(request: Request, name: str) -> str | None:
        here.set(request.client)
        return only_value(request, name)

    def find(table: SessionTable, digest: str) -> Session | None:
        found = table.find(digest) or cache.get((here.get(), digest))
        if found and found.sub:
            cache[here.get(), digest] = found
        return found

    async def logout(table: SessionTable, session: Session, _now: float) -> None:
        cache.pop((here.get(), session.digest), None)
        table.end(session.digest)

    def save(table: SessionTable, session: Session, now: float, _life: object) -> bool:
        return table.touch(session.digest, now) or (here.get(), session.digest) in cache

    return both(life(read=read, find=find, save=save), ending(logout=logout))(policy)


_UNCACHED = {name: value for name, value in HEADERS.items() if name != "cache-control"}

FAULTS = (
    fault("no-secure", "cookie.attr.secure", "3.3.1 WSTG-SESS-02 CWE-614",
          "The cookie travels over plain http too.", cookie(secure=False, name="sid")),
    fault("no-httponly", "cookie.attr.httponly", "3.3.4 WSTG-SESS-02 CWE-1004",
          "Scripts can read the cookie.", cookie(http_only=False)),
    fault("samesite-missing", "cookie.attr.samesite", "3.3.2 WSTG-SESS-02 CWE-1275",
          "The cookie says nothing about cross-site requests.", cookie(same_site=None)),
    fault("samesite-none", "cookie.attr.samesite", "3.3.2 WSTG-SESS-02 CWE-1275",
          "The cookie is sent with every cross-site request.", cookie(same_site="None")),
    fault("no-prefix", "cookie.attr.prefix", "3.3.1 3.3.3 CWE-16",
          "The cookie's name has no __Host- prefix.", cookie(name="sid")),
    fault("prefix-broken", "cookie.attr.prefix-broken", "3.3.1 WSTG-SESS-02 CWE-16",
          "A __Host- cookie without Path=/, which browsers drop.", cookie(path=None)),
    fault("domain-wide", "cookie.attr.domain", "3.3.3 CWE-668",
          "The cookie goes to every sibling host.", cookie(name="__Secure-sid", domain="reference.example")),
    fault("persistent-cookie", "cookie.attr.persistent", "WSTG-SESS-02 CWE-539",
          "The cookie stays on disk for a year.", cookie(max_age=365 * 86400)),
    fault("flags-lost-on-refresh", "cookie.attr.consistent", "3.3.2 3.3.4 CWE-1004",
          "Each use sets the cookie again, without HttpOnly and SameSite.", _flags_lost),
    fault("flags-lost-at-renewal", "lifecycle.model", "3.3.2 3.3.4 CWE-1004",
          "A new password or another proof of it gives a cookie without HttpOnly and SameSite.",
          _flags_lost_at_renewal),
    fault("delete-wrong-path", "cookie.attr.delete-works", "7.4.1 CWE-613",
          "Logout deletes a cookie of another path, so browsers keep the real one.",
          surface(deletion=lambda sound: replace(sound, path="/logout").deleted(), clear_site_data=None)),
    fault("double-set-cookie", "cookie.attr.double-set", "CWE-694",
          "Login deletes the cookie and sets it in one answer.", surface(logged_in=_deleted_too)),
    fault("first-cookie-wins", "cookie.parse.duplicate", "WSTG-SESS-03 CWE-694",
          "Of two cookies reads take the first and acts the last.", life(read=_first_or_last(True))),
    fault("last-cookie-wins", "cookie.parse.duplicate", "WSTG-SESS-03 CWE-694",
          "Of two cookies reads take the last and acts the first.", life(read=_first_or_last(False))),
    fault("long-cookie-500", "cookie.parse.oversize", "3.3.5 16.5.3 CWE-770",
          "More than 4096 bytes of cookies break the server.", life(read=_crash_when_long)),
    fault("id-in-redirect-url", "transport.url.never-in-url", "14.2.1 WSTG-SESS-04 CWE-598",
          "Login redirects to an address that holds the id.", surface(logged_in=_id_in_location)),
    fault("id-in-body", "transport.body.never-in-body", "3.3.4 CWE-200",
          "The answer to a login repeats the id in its body.", surface(logged_in=_id_in_body)),
    fault("no-no-store", "transport.cache.no-store-auth", "14.3.2 WSTG-ATHN-06 CWE-525",
          "Caches may keep the answers.", surface(headers=_UNCACHED)),
    fault("id-in-body-after-failed-login", "lifecycle.model", "3.3.4 CWE-200",
          "The answer to a login repeats the id in its body where the one before it failed.",
          _id_in_body_after_failure),
    fault("no-store-lost-at-renewal", "lifecycle.model", "14.3.2 WSTG-ATHN-06 CWE-525",
          "Caches may keep the answers that give a new id to a session.", wrapped(_cacheable_renewals)),
    fault("expired-session-500", "lifecycle.model", "16.5.3 CWE-755",
          "A session that is past its limits breaks the server.", life(bury=_crash_when_expired)),
    fault("cors-reflect", "transport.cors.credentials", "3.4.2 CWE-346",
          "Every origin may read the answers, with credentials.", wrapped(_cors_reflected)),
    fault("splice-companion-wins", "hijack.splice", "7.2.1 CWE-287",
          "A second cookie, not tied to the id, says who the user is.", _companion_wins),
    fault("connection-caches-session", "hijack.concurrent-use", "7.4.1 CWE-613",
          "Each connection remembers the sessions it has seen, and logout reaches only its own.",
          _cached_by_connection),
)  # fmt: skip
"""Cookies that browsers, networks and neighbours may misuse."""
