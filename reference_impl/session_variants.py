"""Harmless differences between correct session servers; a kit that calls one of them wrong is wrong."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import session_variants_more
from .accounts import Account
from .faults import Variant
from .session_cookie import Cookie
from .session_guard import form_token, same_origin
from .session_html import HTML_STYLE, who_page
from .session_policy import Issue, Life, SessionPolicy
from .session_store import Session, SessionTable
from .session_switch import both, cookie, guard, life, proof, style, surface, variant, wrapped
from .web import FORM, answer, problem

LONG_AGO = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"


def _stranger(status: int) -> Callable[[Request], Response]:
    return lambda _request: problem(status, "there is nothing for you here")


def _null_to_strangers(request: Request) -> Response:
    return answer(None) if (request.method, request.url.path) == ("GET", "/me") else problem(401, "log in first")


def _nested(account: Account, _token: str) -> Response:
    return answer({"user": {"id": account.sub, "profile": {"login": account.name}}})


def _empty(_data: Mapping[str, Any], _location: str, _status: int) -> Response:
    return Response(status_code=204)


def _more_cookies(response: Response, _id: str, _account: Account, _cookie: Cookie) -> None:
    for name, value in (("__Host-theme", "dark"), ("__Host-visit", secrets.token_urlsafe(16))):
        flags = "Path=/; Secure; HttpOnly; SameSite=Lax"
        response.headers.append("set-cookie", f"{name}={value}; {flags}")


def _pair(response: Response, value: str, account: Account, sound: Cookie) -> None:
    pair = replace(sound, name="__Host-csrf", http_only=False)
    response.headers.append("set-cookie", pair.written(form_token(value, account.sub)))


async def _tagged(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    if scope["method"] == "GET" and messages[0]["status"] == 200:
        body = b"".join(message.get("body", b"") for message in messages[1:])
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        messages[0]["headers"] = [*messages[0]["headers"], (b"etag", tag.encode())]
        if Headers(scope=scope).get("if-none-match") == tag:
            kept = [(name, text) for name, text in messages[0]["headers"] if name != b"content-length"]
            messages = [{**messages[0], "status": 304, "headers": kept}, {"type": "http.response.body", "body": b""}]
    for message in messages:
        await send(message)


def _slowly(policy: SessionPolicy) -> SessionPolicy:
    numbers = count()

    async def handler(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05 + next(numbers) * 37 % 100 / 1000)
        await app(scope, receive, send)

    return wrapped(handler)(policy)


def _second_half(session: Session, now: float, limits: Life) -> bool:
    return now - session.used >= limits.idle / 2


def _saved_in_second_half(table: SessionTable, session: Session, now: float, limits: Life) -> bool:
    if _second_half(session, now, limits):
        return table.touch(session.digest, now)
    return table.find(session.digest) is not None


def _sliding(policy: SessionPolicy) -> SessionPolicy:
    change = both(life(renews=_second_half, save=_saved_in_second_half), cookie(max_age=int(policy.life.idle)))
    return change(policy)


def _metadata_first(request: Request, own: frozenset[str]) -> bool:
    sites = request.headers.getlist("sec-fetch-site")
    return sites == ["same-origin"] if sites else same_origin(request, own)


def _origin_alone(request: Request, own: frozenset[str]) -> bool:
    origins = request.headers.getlist("origin")
    return len(origins) == 1 and origins[0] in own


def _signed(policy: SessionPolicy) -> SessionPolicy:
    key = secrets.token_bytes(32)

    def new_id(_issue: Issue) -> str:
        value = secrets.token_urlsafe(32)
        return f"{value}.{hmac.digest(key, value.encode(), 'sha256').hex()}"

    return life(new_id=new_id)(policy)


IDENTITY, STRANGER, DELETION, ID, CSRF = (
    "where the identity stands", "the answer to a stranger", "how the cookie is deleted", "the form of the id",
    "the defence against forged requests",
)  # fmt: skip
"""What several variants decide."""
METADATA = {"Origin": "{origin}", "Sec-Fetch-Site": "same-origin"}

VARIANTS: tuple[Variant, ...] = (
    variant("html", "HTML forms with a hidden token, 303 after each act, the identity in a heading.",
            both(surface(style=HTML_STYLE), guard(types=(FORM,))), decides=IDENTITY),
    variant("html-identity", "JSON acts, but the identity stands in an HTML page.",
            style(who=who_page, identity="html:#name"), decides=IDENTITY),
    variant("nested-identity", "The identity stands deep in the JSON, under other names.",
            style(who=_nested, identity="json:/user/profile/login"), decides=IDENTITY),
    variant("empty-answers", "Acts are answered with 204 and no body.", style(done=_empty, data=False)),
    variant("status-403", "Strangers and failed logins get 403.",
            style(stranger=_stranger(403), failed_login_status=403), decides=STRANGER,
            apart={"login-200-error": "a failed login has one status"}),
    variant("redirect-to-login", "Strangers get 302 to the login page.",
            style(stranger=lambda _request: RedirectResponse("/login", 302)), decides=STRANGER),
    variant("hide-404", "Strangers get 404.", style(stranger=_stranger(404)), decides=STRANGER),
    variant("stranger-200-null", "A stranger who asks who he is gets 200 and null.",
            style(stranger=_null_to_strangers), decides=STRANGER),
    variant("login-200-error", "A failed login is answered with 200 and an error in the body.",
            style(failed_login_status=200)),
    variant("two-cookies", "Login sets further cookies that mean nothing to the session.",
            surface(logged_in=_more_cookies)),
    variant("csrf-cookie", "A cookie that scripts may read repeats the form token, which is bound to the session.",
            surface(logged_in=_pair), apart={"two-cookies": "both have the last word on the answer to a login"}),
    variant("etag", "Answers have an ETag of their content, and a copy is confirmed to whom the answer would go.",
            wrapped(_tagged)),
    variant("cookie-name", "The cookie has another name.", cookie(name="__Host-auth")),
    variant("samesite-strict", "The cookie never travels across sites.", cookie(same_site="Strict")),
    variant("delete-by-expires", "Deletion by a date in the past.",
            surface(deletion=lambda sound: sound.deleted("", LONG_AGO)), decides=DELETION),
    variant("delete-value-null", "Deletion by a date in the past, with the value null.",
            surface(deletion=lambda sound: sound.deleted("null", LONG_AGO)), decides=DELETION),
    variant("delete-value-deleted", "Deletion by Max-Age=0, with the value deleted.",
            surface(deletion=lambda sound: sound.deleted("deleted")), decides=DELETION),
    variant("sliding-second-half", "The cookie has a Max-Age and is renewed in the second half of the idle time.",
            _sliding),
    variant("slow", "Each answer takes 50 to 150 ms.", _slowly),
    *session_variants_more.VARIANTS,
    variant("hex-id", "Ids are 64 hexadecimal digits.", life(new_id=lambda _: secrets.token_hex(32)), decides=ID),
    variant("uuid-hex", "Ids are two random UUIDs in hexadecimal, 244 random bits.",
            life(new_id=lambda _: uuid.uuid4().hex + uuid.uuid4().hex), decides=ID),
    variant("signed-id", "Ids are followed by a dot and a signature.", _signed, decides=ID),
    variant("fresh-login-counts", "For five minutes after a login most acts do not ask for the password.",
            proof(fresh=300.0)),
    variant("origin-only-csrf", "The exact Origin is the whole defence against forged requests.",
            guard(same_origin=_origin_alone, token_ok=None), decides=CSRF),
    variant("fetch-metadata-csrf", "Sec-Fetch-Site decides, Origin where it is absent; no form token.",
            both(guard(same_origin=_metadata_first, token_ok=None), surface(client_headers=METADATA)),
            decides=CSRF),
)  # fmt: skip
"""Ids are unique; all serve the scheme ``session``."""
