"""Faults of the login and of what errors tell."""

from __future__ import annotations

import sqlite3
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import Account, Accounts
from .passwords import STRONG
from .session_cookie import only_value
from .session_policy import SessionPolicy, authenticate
from .session_store import Session, SessionTable
from .session_switch import Change, accounts, both, ending, fault, life, style, surface, wrapped
from .throttle import ThrottleLimits
from .web import problem

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


def _own_count_by_header(policy: SessionPolicy) -> SessionPolicy:
    said: ContextVar[str | None] = ContextVar("said", default=None)

    def read(request: Request, name: str) -> str | None:
        said.set(request.headers.get("x-forwarded-for"))
        return only_value(request, name)

    async def uncounted(known: Accounts, user: object, password: object, source: str) -> Account | None:
        if not said.get() or not isinstance(user, str) or not isinstance(password, str):
            return await authenticate(known, user, password, source)
        account = known.named(user)
        return account if await known._proves(account, password) else None

    return both(life(read=read), _logging_in_by(uncounted))(policy)


def _ends_after_failures(policy: SessionPolicy) -> SessionPolicy:
    failures: Counter[str] = Counter()

    def failed(table: SessionTable, known: Accounts, user: str, _session: Session | None) -> None:
        failures[user] += 1
        account = known.named(user)
        if account and failures[user] >= policy.accounts.throttle.account:
            table.end_user(account.sub)

    return ending(failed_login=failed)(policy)


async def _only_accounts_counted(known: Accounts, user: object, password: object, source: str) -> Account | None:
    if isinstance(user, str) and isinstance(password, str) and known.named(user) is None:
        await known._proves(None, password)
        return None
    return await authenticate(known, user, password, source)


def _unforgiving(policy: SessionPolicy) -> SessionPolicy:
    return accounts(throttle=replace(policy.accounts.throttle, forgives=False))(policy)


def _says_ended(policy: SessionPolicy) -> SessionPolicy:
    ended: set[str] = set()

    async def logout(table: SessionTable, session: Session, _now: float) -> None:
        ended.add(session.digest)
        table.end(session.digest)

    def stranger(request: Request) -> Response:
        value = only_value(request, policy.surface.cookie.name)
        known = value is not None and policy.life.digest(value) in ended
        return problem(401, "this session has ended" if known else "log in first")

    return both(ending(logout=logout), style(stranger=stranger))(policy)


FAULTS = (
    fault("enum-message", "login.enum.message", "6.3.8 CWE-204",
          "A failed login says whether the name exists.", surface(failed_login=_says_which)),
    fault("enum-timing", "login.enum.time", "6.3.8 CWE-208",
          "An unknown name is answered without hashing, and so at once.",
          accounts(unknown_costs_the_same=False, cost=STRONG)),
    fault("throttle-never", "login.throttle.account", "6.3.1 WSTG-ATHN-03 CWE-307",
          "Passwords may be guessed without end.", _unthrottled),
    fault("throttle-by-header", "login.throttle.evade", "4.1.3 CWE-348",
          "Guesses that bring a forwarded address are not counted.", _own_count_by_header),
    fault("failures-end-sessions", "login.throttle.no-dos", "6.3.1 CWE-645",
          "As many failures as throttle an account also end its sessions.", _ends_after_failures),
    fault("success-does-not-reset", "login.throttle.success-resets", "NIST-SP800-63B-4-3.2.2-b CWE-307",
          "Failures add up, whatever succeeds between them.", _unforgiving),
    fault("enum-lockout", "login.enum.lockout", "6.3.8 CWE-204",
          "Only names that exist are throttled.", _logging_in_by(_only_accounts_counted)),
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
    fault("reason-told", "error.oracle.reason", "CWE-203",
          "A refusal says whether the session once was.", _says_ended),
    fault("trace-in-500", "error.no-trace", "16.5.1 CWE-209",
          "A malformed body is answered with 500 and a stack trace.", wrapped(_traced)),
)  # fmt: skip
"""Logins that tell, tire not, or let in."""
