"""The heart of the session server: who may call, logging in, logging out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account, Accounts
from .clock import Clock
from .session_guard import SAFE, Held
from .session_life import Sessions
from .session_policy import SessionPolicy
from .session_store import SessionTable
from .store import Database
from .throttle import Throttled
from .web import Refused, body, page, source


@dataclass(frozen=True, slots=True)
class Call:
    """A request of somebody who is logged in, past the CSRF defence."""

    request: Request
    held: Held
    account: Account
    fields: dict[str, Any]


START = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Session reference server</title></head>
<body><h1>Session reference server</h1><p>Accounts behind a session cookie: <a href="/login">log in</a>.</p>
</body></html>
"""
Endpoint = Callable[[Call], Awaitable[Response]]


class SessionServer:
    """A policy at work; the endpoints of the account stand in ``session_account.py``."""

    def __init__(self, policy: SessionPolicy, clock: Clock, db: Database, accounts: Accounts) -> None:
        self.policy, self.clock, self.db, self.accounts = policy, clock, db, accounts
        self.table = SessionTable(db)
        self.sessions = Sessions(policy, self.table, accounts, clock)
        self.style = policy.surface.style

    # Who may call, and from where

    def protected(self, endpoint: Endpoint, keeps: bool = True) -> Callable[[Request], Awaitable[Response]]:
        """Only for a live session of a usable account; a state change only from our own pages.

        Only a successful use extends the session. If the session ended while the endpoint worked, the
        caller is a stranger by now and is answered as one, without any cookie.
        """

        async def handler(request: Request) -> Response:
            held = self.sessions.held(request)
            account = await self.sessions.account(held)
            if held is None or account is None:
                return self.style.stranger(request)
            fields = {} if request.method in SAFE else await self.guarded(request, held)
            response = await endpoint(Call(request, held, account, fields))
            if keeps and response.status_code < 400 and not self.sessions.keep(held, response):
                return self.style.stranger(request)
            return response

        return handler

    async def guarded(self, request: Request, held: Held | None) -> dict[str, Any]:
        """The fields of a body that came from our own pages, with the token of this session."""
        guard = self.policy.guard
        guard.check_origin(request, self.policy.public_origin)
        fields = await body(request, guard.types)
        guard.check_token(request, held, fields)
        return fields

    def token(self, held: Held) -> str:
        """The form token of a live session."""
        return self.policy.guard.token(held.value, held.session.sub)

    async def confirm(self, call: Call, wanted: bool = True, field: str = "password") -> None:
        """Ask for the password again; a stolen session alone does not get past this (7.5.1)."""
        if wanted and await self.prove(call.request, call.account.name, call.fields.get(field)) is None:
            raise Refused(403, "the password is wrong")

    def stale(self, call: Call) -> bool:
        """Whether the login is too long ago to stand for the password."""
        return self.clock.now() >= call.held.session.born + self.policy.proof.fresh

    async def prove(self, request: Request, user: object, password: object) -> Account | None:
        """Name and password against the accounts, throttled."""
        try:
            return await self.policy.authenticate(self.accounts, user, password, source(request))
        except Throttled as exc:
            raise Refused(429, "too many attempts", {"retry-after": str(int(exc.seconds) + 1)}) from None

    # Logging in and out

    async def form(self, request: Request) -> Response:
        """A form token, and a session to bind it to for who has none yet."""
        held = self.sessions.held(request)
        value = held.value if held else await self.sessions.begin(request, None, None, "anonymous")
        token = self.token(held) if held else self.policy.guard.token(value or "", None)
        response = self.style.form(token, request.query_params.get("next", ""))
        return response if held or value is None else self.sessions.give(response, value)

    async def login(self, request: Request) -> Response:
        """Prove a name and a password; a new session, and the end of the one carried here."""
        held = self.sessions.held(request)
        fields = await self.guarded(request, held)
        account = await self.prove(request, fields.get("user"), fields.get("password"))
        value = await self.sessions.begin(request, held, account, "login") if account else None
        if account is None or value is None:
            return self.failed_login(fields, held)
        target = fields.get("next", request.query_params.get("next"))
        response = self.welcome(account, value, target)
        return self.sessions.give(response, value, again=held is not None and held.session.sub is not None)

    def welcome(self, account: Account, value: str, target: object) -> Response:
        """The answer to a login, with the form token of the new session."""
        surface, data = self.policy.surface, {"id": account.sub, "csrf": self.policy.guard.token(value, account.sub)}
        path = surface.next_path(target, "/me")
        response = self.style.done(data, path, 200)
        if target is not None:
            response.status_code, response.headers["location"] = 303, path
        surface.logged_in(response, value, account, surface.cookie)
        return response

    def failed_login(self, fields: dict[str, Any], held: Held | None) -> Response:
        """The same answer whatever was wrong; nothing changes."""
        user, session = str(fields.get("user")), held.session if held else None
        self.policy.ending.failed_login(self.table, self.accounts, user, session)
        words = self.policy.surface.failed_login(self.accounts, user)
        token = self.token(held) if held else ""
        return self.style.failed_login(self.style.failed_login_status, words, token)

    async def logout(self, request: Request) -> Response:
        """End the session that the request holds; without one nothing happens, quietly."""
        guard, held = self.policy.guard, self.sessions.held(request)
        guard.check_origin(request, self.policy.public_origin)
        if held is None:
            self.policy.ending.nothing()
        else:
            guard.check_token(request, held, {} if guard.exempt(request) else await body(request, guard.types))
            await self.policy.ending.logout(self.table, held.session, self.clock.now())
        return self.sessions.take(self.style.done({}, "/login", 200))

    async def logout_all(self, call: Call) -> Response:
        """End every session of the caller, this one included."""
        self.policy.ending.everywhere(self.table, call.account.sub, self.clock.now())
        return self.sessions.take(self.style.done({}, "/login", 200))

    async def step_up(self, call: Call) -> Response:
        """Authenticate again: a new id, and the sensitive part opens for five minutes."""
        await self.confirm(call)
        return await self.renewed(call, call.account)

    async def renewed(self, call: Call, account: Account) -> Response:
        """A fresh session in place of the caller's."""
        value = await self.sessions.begin(call.request, call.held, account, "again")
        if value is None:
            return self.style.stranger(call.request)
        response = self.style.done({"csrf": self.policy.guard.token(value, account.sub)}, "/me", 200)
        return self.sessions.give(response, value, again=True)

    # Failures and the start page

    async def start(self, _request: Request) -> Response:
        """A page for people who open the address."""
        return page(START)

    async def failed(self, _request: Request, exc: Exception) -> Response:
        """A refusal in the server's own way of speaking."""
        if isinstance(exc, Refused):
            return self.style.problem(exc.status, exc.title, exc.headers)
        status = exc.status_code if isinstance(exc, HTTPException) else 400
        return self.style.problem(status, "no such thing here", getattr(exc, "headers", None))
