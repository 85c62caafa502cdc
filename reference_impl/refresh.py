"""The ``refresh`` reference server: short-lived access tokens, and refresh tokens that are replaced at every use.

Where to read on: ``families.py`` (issue, spending, reuse, limits), ``refresh_tokens.py`` (access tokens that hang on
a family), ``refresh_carrier.py`` (how a refresh token travels), ``refresh_server.py`` (the endpoints),
``refresh_policy.py`` (every decision, and what a fault may replace). Everything else is the token server's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.routing import Route

from . import people
from .accounts import Accounts
from .clock import Clock
from .faults import Switch, apply_all
from .passwords import STRONG, TEST
from .refresh_describe import describe, extras
from .refresh_faults import FAULTS
from .refresh_policy import RefreshPolicy
from .refresh_server import RefreshServer
from .refresh_variants import VARIANTS
from .schemes import Reference, Scheme
from .store import Database
from .token import application
from .token import routes as token_routes

__all__ = ["FAULTS", "SCHEME", "VARIANTS", "build_refresh"]


def build_refresh(switches: Sequence[Switch], *, clock: Clock, store: str, hashing: str) -> Reference:
    """The refresh server with these switches on."""
    policy = apply_all(RefreshPolicy(), switches)
    db, keys = Database(store), policy.access.keys()
    accounts = Accounts(db, clock, policy.access.accounts, STRONG if hashing == "strong" else TEST)
    people.seed(accounts)
    server = RefreshServer(policy, clock, db, accounts, keys)
    app = application(server, routes(server))
    ids = tuple(switch.id for switch in switches)
    return Reference("refresh", app, clock, partial(describe, policy, keys), partial(extras, policy), ids)


def routes(server: RefreshServer) -> list[Route]:
    """Those of the token server, with a logout that either token can ask for, and the refresh."""
    kept = [route for route in token_routes(server) if route.path != "/logout"]
    own = [Route("/logout", server.leave, methods=["POST"]), Route("/refresh", server.refresh, methods=["POST"])]
    return [*own, *kept]


SCHEME = Scheme("refresh", build_refresh, FAULTS, VARIANTS)
"""Collected by the package."""
