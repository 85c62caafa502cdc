"""Faults of how the Cookie header is read, and of what is written into Set-Cookie."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qs, unquote

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import Account, Accounts
from .session_cookie import only_value, values
from .session_guard import SAFE
from .session_policy import SessionPolicy
from .session_switch import both, cookie, fault, life, wrapped
from .web import Refused

LONGEST_HASHED = 72
"""Bytes of a password that bcrypt takes."""


def _fields(request: Request) -> list[str]:
    return [v.decode("latin-1") for k, v in request.scope["headers"] if k == b"cookie"]


def _one_field(request: Request, name: str) -> str | None:
    fields = _fields(request)
    text = fields[0 if request.method in SAFE else -1] if fields else ""
    pairs = (pair.partition("=") for pair in text.split(";"))
    found = [value.strip(" \t") for key, _, value in pairs if key.strip(" \t") == name]
    return found[0] if found else None


def _any_case(request: Request, name: str) -> str | None:
    pairs = (pair.partition("=") for field in _fields(request) for pair in field.split(";"))
    found = {value.strip() for key, _, value in pairs if key.strip(" \t").lower() == name.lower()}
    return found.pop() if len(found) == 1 else None


def _any_separator(request: Request, name: str) -> str | None:
    pairs = (pair.partition("=") for field in _fields(request) for pair in re.split("[;,]", field))
    found = {value.strip() for key, _, value in pairs if key.strip() == name}
    return found.pop() if len(found) == 1 else None


def _decoded_twice(request: Request, name: str) -> str | None:
    value = only_value(request, name)
    return value and unquote(unquote(value))


def _first(request: Request, name: str) -> str | None:
    found = values(request, name)
    return found[0] if found else None


async def _way_back_kept(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    way = parse_qs(scope["query_string"].decode("latin-1")).get("next", [""])[0]
    line = "".join(c for c in f"__Host-next={way}; Path=/; Secure; HttpOnly; SameSite=Lax" if c.isprintable())

    async def kept(message: Message) -> None:
        if way and message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"set-cookie", line.encode("latin-1", "ignore"))]
        await send(message)

    await app(scope, receive, kept)


async def _hash_breaks(known: Accounts, user: object, password: object, source: str) -> Account | None:
    sound = SessionPolicy().authenticate
    long = isinstance(password, str) and len(password.encode("utf-8", "surrogatepass")) > LONGEST_HASHED
    if long and isinstance(user, str) and known.named(user):
        raise Refused(500, "internal error")
    return await sound(known, user, password, source)


FAULTS = (
    fault("one-cookie-field", "cookie.parse.split-fields", "CWE-436",
          "Of two Cookie fields reads take the first and acts the last.", life(read=_one_field)),
    fault("cookie-name-any-case", "cookie.parse.name-case", "CWE-178",
          "The cookie's name is compared without regard to case.", life(read=_any_case)),
    fault("cookie-after-comma", "cookie.parse.prefix-spoof", "CWE-565",
          "A comma ends a cookie, so that the value of another one holds the session.", life(read=_any_separator)),
    fault("id-decoded-twice", "cookie.parse.encoding", "CWE-172",
          "Percent signs in the id are decoded twice.", life(read=_decoded_twice)),
    fault("planted-cookie-wins", "cookie.parse.tossing", "CWE-565",
          "Any host of the domain can plant the cookie, and the first of two counts.",
          both(cookie(name="__Secure-sid"), life(read=_first))),
    fault("way-back-in-cookie", "cookie.parse.header-injection", "CWE-113",
          "Where to go after login is remembered in a cookie, as it came.", wrapped(_way_back_kept)),
    fault("enum-long-password", "login.enum.message", "6.3.8 CWE-204",
          "A password longer than the hash takes breaks the server, for accounts that exist.",
          lambda policy: replace(policy, authenticate=_hash_breaks)),
)  # fmt: skip
"""Cookie headers and Set-Cookie, misread and miswritten."""
