"""The ``session`` reference server: accounts behind a session cookie.

Where to read on: ``session_server.py`` (who may call, logging in and out), ``session_account.py`` (what an
owner may do), ``session_life.py`` (how sessions begin and end), ``session_cookie.py``, ``session_guard.py``
(cross-site forgery), ``session_policy.py`` (every decision, and what a fault may replace).
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
from .faults import Fault, Switch, Variant, apply_all
from .passwords import STRONG, TEST
from .schemes import Reference, Scheme
from .session_account import AccountPages
from .session_describe import describe, extras
from .session_faults import FAULTS
from .session_policy import SessionPolicy
from .session_recovery import RecoveryPages
from .session_server import SessionServer
from .session_variants import VARIANTS
from .store import Database
from .web import Refused, SecurityHeaders


def build_session(switches: Sequence[Switch], *, clock: Clock, store: str, hashing: str) -> Reference:
    """The session server with these switches on."""
    policy = apply_all(SessionPolicy(), switches)
    db = Database(store)
    accounts = Accounts(db, clock, policy.accounts, STRONG if hashing == "strong" else TEST)
    people.seed(accounts)
    server = SessionServer(policy, clock, db, accounts)
    app = application(server)
    # What is declared knows nothing of faults: a fault is what breaks the declaration.
    declared = apply_all(SessionPolicy(), [s for s in switches if isinstance(s, Variant)])
    for fault in (s for s in switches if isinstance(s, Fault)):
        declared = fault.declares(declared)
    ids = tuple(switch.id for switch in switches)
    return Reference("session", app, clock, partial(describe, declared), partial(extras, declared), ids)


def application(server: SessionServer) -> ASGIApp:
    """The ASGI app: routes, one way to fail, headers on every answer."""
    app: ASGIApp = Starlette(
        routes=[*routes(server, AccountPages(server)), *recovery(RecoveryPages(server))],
        middleware=[Middleware(SecurityHeaders, headers=server.policy.surface.headers)],
        exception_handlers={Refused: server.failed, HTTPException: server.failed},
    )
    for wrap in server.policy.surface.wrap:
        app = wrap(app)
    return app


def routes(server: SessionServer, own: AccountPages) -> list[Route]:
    """Every route. ``keeps`` is false where the act itself ends or replaces the session."""
    guard = server.protected
    return [
        Route("/", server.start, methods=["GET"]),
        Route("/csrf", server.form, methods=["GET"]),
        Route("/login", server.form, methods=["GET"]),
        Route("/login", server.login, methods=["POST"]),
        Route("/logout", server.logout, methods=["POST"]),
        Route("/register", own.register, methods=["POST"]),
        Route("/me", guard(own.me), methods=["GET"]),
        Route("/note", guard(own.read_note), methods=["GET"]),
        Route("/note", guard(own.write_note), methods=["POST"]),
        Route("/email", guard(own.read_email), methods=["GET"]),
        Route("/email", guard(own.change_email), methods=["POST"]),
        Route("/vault", guard(own.vault), methods=["GET"]),
        Route("/sessions", guard(own.list_sessions), methods=["GET"]),
        Route("/sessions/{handle}/revoke", guard(own.revoke, keeps=False), methods=["POST"]),
        Route("/password", guard(own.change_password, keeps=False), methods=["POST"]),
        Route("/step-up", guard(server.step_up, keeps=False), methods=["POST"]),
        Route("/logout-all", guard(server.logout_all, keeps=False), methods=["POST"]),
        Route("/account", guard(own.delete_account, keeps=False), methods=["DELETE"]),
        Route("/admin/office", guard(own.office), methods=["GET"]),
        Route("/admin/end-sessions", guard(own.end_everyone, keeps=False), methods=["POST"]),
        Route("/admin/users/{name}/{act}", guard(own.administer, keeps=False), methods=["POST"]),
        Route("/slow", guard(own.slow), methods=["GET"]),
        Route("/gate/{hold}", own.gate.look, methods=["GET"]),
        Route("/gate/{hold}/release", own.gate.release, methods=["POST"]),
    ]


def recovery(pages: RecoveryPages) -> list[Route]:
    """The routes of those who forgot their password."""
    return [
        Route("/forgot", pages.ask, methods=["POST"]),
        Route("/reset", pages.reset, methods=["POST"]),
        Route("/mailbox/{name}", pages.mailbox, methods=["GET"]),
    ]


SCHEME = Scheme("session", build_session, FAULTS, VARIANTS)
"""Collected by the package."""
