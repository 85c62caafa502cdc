"""A correct little target and how to open it without a socket: each test overrides the one behaviour it is about."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.model import Check, Verdict
from conformance.open import Options, make_system
from conformance.runner import judge_one
from conformance.standards import Profile
from conformance.target.clock import Clock
from conformance.target.description import parse
from conformance.target.preflight import Proof, preflight
from conformance.target.system import System
from conformance.target.wire import Limits

BASE = "http://127.0.0.1:1"
PASSWORDS = {"alice": "alice-has-a-password", "bob": "bob-has-another-one"}
STRICT = Profile("toy", "Everything of the tests", "", {"TOY-1": "fail"})
"""Demands what the checks of the tests cite, so that a violation is a failure."""

TABLE: dict[str, Any] = {
    "base_url": BASE,
    "accounts": {name: {"user": name, "password": word} for name, word in PASSWORDS.items()},
    "login": {"send": "POST /login", "json": {"user": "{user}", "password": "{password}"}},
    "identity": {"send": "GET /me", "name": "json:/name"},
    "logout": {"send": "POST /logout"},
}


class Site:
    """Sessions in a dictionary, a cookie called sid, JSON everywhere."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self.seen: list[str] = []
        """Method and path of every request."""

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.login, methods=["POST"]),
            Route("/login", self.page),
            Route("/me", self.me),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(f"{scope['method']} {scope['path']}")
        await Starlette(routes=self.routes())(scope, receive, send)

    async def page(self, request: Request) -> Response:
        return Response("<h1>Sign in</h1>", media_type="text/html")

    async def login(self, request: Request) -> Response:
        told = await request.json()
        if PASSWORDS.get(told["user"]) != told["password"]:
            return JSONResponse({"error": "wrong"}, 401)
        return self.welcome(request, told["user"])

    def welcome(self, request: Request, user: str) -> Response:
        answer = JSONResponse({"ok": True})
        answer.set_cookie("sid", self.new_session(user), httponly=True)
        return answer

    def new_session(self, user: str) -> str:
        sid = secrets.token_hex(16)
        self.sessions[sid] = user
        return sid

    def who(self, request: Request) -> str | None:
        return self.sessions.get(request.cookies.get("sid", ""))

    async def me(self, request: Request) -> Response:
        name = self.who(request)
        return JSONResponse({"name": name}) if name else self.stranger(request)

    def stranger(self, request: Request) -> Response:
        return JSONResponse({"error": "who are you?"}, 401)

    async def logout(self, request: Request) -> Response:
        self.sessions.pop(request.cookies.get("sid", ""), None)
        return Response(status_code=204)


Handler = Callable[[httpx.Request], httpx.Response]


def a_system(
    app: Any,
    changes: Mapping[str, Any] | None = None,
    *,
    clock: Clock | None = None,
    seed: int = 0,
    concurrency: int = 16,
    where: str = "target.toml",
) -> System:
    """The system of an ASGI app, or of a transport, described by TABLE with some keys changed; None removes a key."""
    table = {key: value for key, value in {**TABLE, **(changes or {})}.items() if value is not None}

    def transport() -> httpx.AsyncBaseTransport:
        if isinstance(app, httpx.AsyncBaseTransport):
            return app
        return httpx.ASGITransport(app=app, raise_app_exceptions=False)

    options = Options(transport=transport, seed=seed, limits=Limits(concurrency))
    return make_system(parse(table, where), where, "0" * 64, clock, options)


@contextlib.asynccontextmanager
async def proven(
    app: Any, changes: Mapping[str, Any] | None = None, *, wait_for: float = 0, **more: Any
) -> AsyncIterator[System]:  # fmt: skip
    """A system after preflight."""
    system = a_system(app, changes, **more)
    try:
        await proofs_of(system, wait_for)
        yield system
    finally:
        await system.close()


async def proofs_of(system: System, wait_for: float = 0) -> list[Proof]:
    return [proof async for proof in preflight(system, wait_for)]


async def verdict_of(system: System, check: Check) -> Verdict:
    return await judge_one(system, check, [STRICT])
