"""The ``oauth`` reference server: an authorization server and the API that it protects (RFC 6749 with RFC 9700).

Where to read on, in the order of a flow: ``oauth_authorize.py`` (from a client's request to the user's decision),
``oauth_par.py`` (requests that are pushed), ``oauth_codes.py`` and ``oauth_pkce.py`` (redeeming a code),
``oauth_tokens.py`` (the token endpoint), ``oauth_refresh.py``, ``oauth_access.py`` (JWT access tokens),
``oauth_api.py`` (the protected resource), ``oauth_endings.py`` (revocation and introspection),
``oauth_end_session.py`` (logout). Underneath: ``oauth_clients.py``, ``oauth_grants.py``, ``oauth_browser.py`` (the
user's session), ``oauth_policy.py`` (every decision, and what a fault may replace).
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
from .oauth_api import Api
from .oauth_authorize import AuthorizationEndpoint
from .oauth_describe import describe, extras
from .oauth_end_session import EndSessionEndpoint
from .oauth_endings import IntrospectionEndpoint, RevocationEndpoint
from .oauth_faults import FAULTS
from .oauth_metadata import OPENID_WELL_KNOWN, WELL_KNOWN
from .oauth_par import PushedRequestEndpoint
from .oauth_policy import OAuthPolicy
from .oauth_server import OAuthServer
from .oauth_tokens import TokenEndpoint
from .oauth_variants import VARIANTS
from .passwords import STRONG, TEST
from .schemes import Reference, Scheme
from .store import Database
from .web import Refused, SecurityHeaders

__all__ = ["FAULTS", "SCHEME", "VARIANTS", "build_oauth"]


def build_oauth(switches: Sequence[Switch], *, clock: Clock, store: str, hashing: str) -> Reference:
    """The authorization server with these switches on."""
    policy = apply_all(OAuthPolicy(), switches)
    db, keys = Database(store), policy.keys()
    accounts = Accounts(db, clock, policy.accounts, STRONG if hashing == "strong" else TEST)
    people.seed(accounts)
    app = application(OAuthServer(policy, clock, db, accounts, keys))
    ids = tuple(switch.id for switch in switches)
    return Reference("oauth", app, clock, partial(describe, policy), partial(extras, policy), ids)


def application(server: OAuthServer) -> ASGIApp:
    """The ASGI app: routes, one way to fail, headers on every answer."""
    surface = server.policy.surface
    app: ASGIApp = Starlette(
        routes=[*oauth_routes(server), *browser_routes(server), *api_routes(server)],
        middleware=[Middleware(SecurityHeaders, headers=surface.headers)],
        exception_handlers={Refused: server.failed, HTTPException: server.failed},
    )
    for wrap in surface.wrap:
        app = wrap(app)
    return app


def oauth_routes(server: OAuthServer) -> list[Route]:
    """What clients and resource servers use."""
    authorization = AuthorizationEndpoint(server)
    openid = [Route(OPENID_WELL_KNOWN, server.metadata, methods=["GET"])]
    return [
        Route(WELL_KNOWN, server.metadata, methods=["GET"]),
        *([*openid, *logout_routes(server)] if server.policy.openid else []),
        Route("/jwks", server.jwks, methods=["GET"]),
        Route("/authorize", authorization.authorize, methods=["GET"]),
        Route("/par", PushedRequestEndpoint(server, authorization).push, methods=["POST"]),
        Route("/consent", server.browser.protected(authorization.decide), methods=["POST"]),
        Route("/token", TokenEndpoint(server).token, methods=["POST"]),
        Route("/revoke", RevocationEndpoint(server).revoke, methods=["POST"]),
        Route("/introspect", IntrospectionEndpoint(server).introspect, methods=["POST"]),
    ]


def logout_routes(server: OAuthServer) -> list[Route]:
    """What an application sends a browser to when its user leaves."""
    leaving = EndSessionEndpoint(server)
    return [
        Route("/end-session", leaving.begin, methods=["GET", "POST"]),
        Route("/end-session/decide", server.browser.protected(leaving.decide, keeps=False), methods=["POST"]),
    ]


def browser_routes(server: OAuthServer) -> list[Route]:
    """What users and administrators see. ``keeps`` is false where the act itself ends or replaces the session."""
    pages, guard, scripts = server.pages, server.browser.protected, server.pages.scripts.protected
    return [
        Route("/", pages.start, methods=["GET"]),
        Route("/login", pages.login_form, methods=["GET"]),
        Route("/login", pages.login, methods=["POST"]),
        Route("/logout", server.browser.logout, methods=["POST"]),
        Route("/register", pages.remote.register, methods=["POST"]),
        Route("/account", guard(pages.own.me), methods=["GET"]),
        Route("/password", guard(pages.own.change_password, keeps=False), methods=["POST"]),
        Route("/grants", guard(pages.grants_page), methods=["GET"]),
        Route("/grants/{client}/withdraw", guard(pages.withdraw), methods=["POST"]),
        Route("/admin/users/{name}/{act}", scripts(pages.remote.administer, keeps=False), methods=["POST"]),
    ]


def api_routes(server: OAuthServer) -> list[Route]:
    """The protected resource; a deployment runs it elsewhere, with the public key and introspection."""
    api = Api(server)
    return [
        Route("/api/me", api.needs("profile", api.me), methods=["GET"]),
        Route("/api/note", api.needs("notes.read", api.read_note), methods=["GET"]),
        Route("/api/note", api.needs("notes.write", api.write_note), methods=["POST"]),
    ]


SCHEME = Scheme("oauth", build_oauth, FAULTS, VARIANTS)
"""Collected by the package."""
