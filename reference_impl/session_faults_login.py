"""Faults of the login and of what errors tell."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import Account, Accounts
from .passwords import STRONG
from .session_policy import SessionPolicy, authenticate
from .session_switch import Change, accounts, fault, surface, wrapped
from .throttle import ThrottleLimits

Authenticate = Callable[[Accounts, object, object, str], Awaitable[Account | None]]


def _says_which(known: Accounts, user: str) -> str:
    return "the password is wrong" if known.named(user) else "there is no such user"


def _anywhere(target: object, otherwise: str) -> str:
    return quote(target, safe=":/\\%#?=@[]!$&'()*+,;") if isinstance(target, str) else otherwise


async def _pasted(known: Accounts, user: object, password: object, source: str) -> Account | None:
    sql = f"SELECT sub FROM accounts WHERE name = '{user}' AND password = '{password}'"  # noqa: S608
    try:
        row = known.db.row(sql)
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        row = None
    return known.find(row[0]) if row else await authenticate(known, user, password, source)


async def _any_object(known: Accounts, user: object, password: object, source: str) -> Account | None:
    if isinstance(user, str) and password and not isinstance(password, str):
        return known.named(user)
    return await authenticate(known, user, password, source)


def _logging_in_by(authenticated: Authenticate) -> Change:
    return lambda policy: replace(policy, authenticate=authenticated)


async def _traced(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    broken = False

    async def trace(message: Message) -> None:
        nonlocal broken
        if message["type"] == "http.response.start" and message["status"] == 400:
            broken = True
            message = {**message, "status": 500, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}
        elif broken:
            message = {"type": "http.response.body", "body": _trace(), "more_body": False}
        await send(message)

    await app(scope, receive, trace)


def _trace() -> bytes:
    try:
        raise ValueError("cannot read the body")
    except ValueError:
        return traceback.format_exc().encode()


def _unthrottled(policy: SessionPolicy) -> SessionPolicy:
    return accounts(throttle=ThrottleLimits(account=10**9, source=10**9))(policy)


FAULTS = (
    fault("enum-message", "login.enum.message", "6.3.8 CWE-204",
          "A failed login says whether the name exists.", surface(failed_login=_says_which)),
    fault("enum-timing", "login.enum.time", "6.3.8 CWE-208",
          "An unknown name is answered without hashing, and so at once.",
          accounts(unknown_costs_the_same=False, cost=STRONG)),
    fault("throttle-never", "login.throttle.account", "6.3.1 WSTG-ATHN-03 CWE-307",
          "Passwords may be guessed without end.", _unthrottled),
    fault("open-redirect", "login.redirect.open", "3.7.2 CWE-601",
          "Login goes on to any address that the request names.", surface(next_path=_anywhere)),
    fault("sqli-login", "login.injection", "1.2.4 CWE-89",
          "Name and password are pasted into the text of a query.", _logging_in_by(_pasted)),
    fault("type-confused-login", "login.injection", "1.2.4 CWE-843",
          "A password that is an object instead of a text always fits.", _logging_in_by(_any_object)),
    fault("password-truncated", "login.password.exact", "6.2.8 CWE-521",
          "Only the first 12 characters of a password count.", accounts(prepare=lambda password: password[:12])),
    fault("password-case-folded", "login.password.exact", "6.2.8 CWE-521",
          "Case does not count in passwords.", accounts(prepare=str.casefold)),
    fault("password-trimmed", "login.password.exact", "6.2.8 CWE-521",
          "Outer space does not count in passwords.", accounts(prepare=str.strip)),
    fault("trace-in-500", "error.no-trace", "16.5.1 CWE-209",
          "A malformed body is answered with 500 and a stack trace.", wrapped(_traced)),
)  # fmt: skip
"""Logins that tell, tire not, or let in."""
