"""The ``token`` reference server: an API behind short-lived signed access tokens.

Where to read on: ``token_guard.py`` (what a token must look like), ``token_keys.py`` (who signed it),
``token_claims.py`` (what it must say), ``token_life.py`` (issue, revocation, opaque tokens), ``token_carrier.py``
(how it travels), ``token_server.py`` (the endpoints), ``token_policy.py`` (every decision, and what a fault may
replace).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from . import people
from .accounts import Accounts
from .clock import Clock
from .faults import Switch, apply_all
from .passwords import STRONG, TEST
from .schemes import Reference, Scheme
from .store import Database
from .token_describe import JWKS, describe, extras
from .token_faults import FAULTS
from .token_policy import TokenPolicy
from .token_server import TokenServer
from .token_variants import VARIANTS
from .web import Refused, SecurityHeaders

__all__ = ["FAULTS", "SCHEME", "VARIANTS", "build_token"]


def build_token(switches: Sequence[Switch], *, clock: Clock, store: str, hashing: str) -> Reference:
    """The token server with these switches on."""
    policy = apply_all(TokenPolicy(), switches)
    db, keys = Database(store), policy.keys()
    accounts = Accounts(db, clock, policy.accounts, STRONG if hashing == "strong" else TEST)
    people.seed(accounts)
    app = application(TokenServer(policy, clock, db, accounts, keys))
    ids = tuple(switch.id for switch in switches)
    return Reference("token", app, clock, partial(describe, policy, keys), partial(extras, policy), ids)


def application(server: TokenServer, served: list[Route] | None = None) -> ASGIApp:
    """The ASGI app: routes, by default all of them, one way to fail, headers on every answer."""
    surface = server.policy.surface
    app: ASGIApp = Starlette(
        routes=routes(server) if served is None else served,
        middleware=[Middleware(SecurityHeaders, headers=surface.headers)],
        exception_handlers={Refused: server.failed, HTTPException: server.failed},
    )
    for wrap in surface.wrap:
        app = wrap(app, server.keys)
    return app


def routes(server: TokenServer) -> list[Route]:
    """Every route."""
    guard = server.protected
    ending = [Route("/logout-all", guard(server.logout_all), methods=["POST"])]
    return [
        Route("/login", server.login, methods=["POST"]),
        Route("/register", server.register, methods=["POST"]),
        Route(JWKS, server.jwks, methods=["GET"]),
        Route("/me", guard(server.me), methods=["GET"]),
        Route("/note", guard(server.read_note), methods=["GET"]),
        Route("/note", guard(server.write_note), methods=["POST"]),
        Route("/password", guard(server.change_password), methods=["POST"]),
        Route("/logout", guard(server.logout), methods=["POST"]),
        Route("/admin/office", guard(server.office), methods=["GET"]),
        Route("/admin/users/{name}/{act}", guard(server.administer), methods=["POST"]),
        *(ending if server.policy.revocation.active else []),
    ]


SCHEME = Scheme("token", build_token, FAULTS, VARIANTS)
"""Collected by the package."""
