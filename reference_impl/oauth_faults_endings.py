"""Faults of what comes after the first tokens: refresh, revocation, introspection, the API, logout."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from .families import Families, Family, Token, spend_once
from .oauth_api import invalid_token
from .oauth_clients import Client, authenticated, presented
from .oauth_endings import INACTIVE, tell
from .oauth_grants import Grant
from .oauth_params import Params, invalid_client, invalid_request
from .oauth_policy import OAuthPolicy
from .oauth_refresh import not_wider
from .oauth_server import OAuthServer
from .oauth_switch import (
    PAUSE,
    Change,
    browser,
    fault,
    fresh,
    grant_types,
    introspection,
    nothing,
    refresh,
    resource,
    revocation,
    rules,
    tokens,
    whole,
)
from .oauth_tokens import TokenEndpoint, by_refresh_token
from .oauth_variants import OPENID
from .session_store import Session, SessionTable
from .token_guard import Rejected


def _only_named(server: OAuthServer, request: Request, params: Params) -> Client:
    """The client that a request names, proven or not."""
    client = server.clients.get(presented(request, params).id or "")
    if client is None:
        raise invalid_client()
    return client


def _refresh_unauthenticated(server: OAuthServer, request: Request, params: Params) -> Client:
    refreshing = params.get("grant_type") == "refresh_token"
    return (_only_named if refreshing else authenticated)(server, request, params)


def _unchecked_later(grant: Grant, wanted: tuple[str, ...], token: Token) -> tuple[str, ...]:
    return not_wider(grant, wanted, token) if not token.parent else wanted or grant.scope


def _checked_and_ignored(grant: Grant, wanted: tuple[str, ...], token: Token) -> tuple[str, ...]:
    not_wider(grant, wanted, token)
    return grant.scope


async def _ends_what_is_not_its_own(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    families = endpoint.server.refresh.families
    token = families.token(params.need("refresh_token"))
    if token is not None and token.spent is not None:
        await families.rules.replayed(families, token, endpoint.server.clock.now())
    return await by_refresh_token(endpoint, client, params)


async def _written_back(families: Families, token: Token, now: float) -> bool:
    """Reads the grant, works on it, and stores it as it was read."""
    spent = await spend_once(families, token, now)
    await asyncio.sleep(PAUSE)
    family = families.family(token.family)
    if spent and family is not None:
        families.db.change("UPDATE families SET ended = 0 WHERE id = ?", family.id)
        families.db.change("UPDATE grants SET live = 1 WHERE id = ?", family.data)
    return spent


def _end_refresh_only(server: OAuthServer, family: Family) -> None:
    server.refresh.families.end(family.id)


def _end_all_of_client(server: OAuthServer, family: Family) -> None:
    server.db.change("UPDATE grants SET live = 0 WHERE client = ?", family.client)


def _says_unknown() -> None:
    raise invalid_request("there is no such token")


async def _by_its_own_words(server: OAuthServer, value: str) -> Mapping[str, Any]:
    try:
        claims = await server.access.genuine(value, server.clock.now())
    except Rejected:
        return INACTIVE
    return {"active": True, **{name: claims[name] for name in ("scope", "client_id", "exp", "sub")}}


def _remembered() -> Change:
    told: dict[str, Mapping[str, Any]] = {}

    async def once(server: OAuthServer, value: str) -> Mapping[str, Any]:
        if value not in told:
            told[value] = await tell(server, value)
        return told[value]

    return introspection(tell=once)


def _same_thing(scope: tuple[str, ...], needed: str) -> bool:
    """Whether the scopes name the same thing, whatever is done with it."""
    return needed.partition(".")[0] in {held.partition(".")[0] for held in scope}


async def _nothing_ends(_table: SessionTable, _session: Session, _now: float) -> None:
    pass


def _still_logged_in(policy: OAuthPolicy) -> OAuthPolicy:
    ending = replace(policy.browser.ending, logout=_nothing_ends)
    surface = replace(policy.browser.surface, deletion=lambda _cookie: None, clear_site_data=None)
    return browser(ending=ending, surface=surface)(policy)


FAULTS = (
    fault(
        "refresh-by-any-client", "refresh.client-binding", "RFC6749-6 RFC6749-10.4 CWE-863",
        "A client may spend the refresh token of another.", refresh(spender=lambda family, _client: family.client),
    ),
    fault(
        "refresh-unauthenticated", "refresh.client-auth", "10.4.10 RFC6749-6 CWE-306",
        "Refreshing needs no client secret.", tokens(client=_refresh_unauthenticated),
    ),
    fault(
        "refresh-widens", "refresh.scope-no-widen", "RFC6749-6 CWE-269",
        "A refresh gives whatever scope it asks for.",
        refresh(scope=lambda grant, wanted, _token: wanted or grant.scope),
    ),
    fault(
        "refresh-not-narrowed", "refresh.scope-narrow", "RFC6749-6 CWE-863",
        "A refresh that asks for less gets an access token for everything.", refresh(scope=_checked_and_ignored),
    ),
    fault(
        "refresh-widens-later", "refresh.no-widen-chain", "RFC6749-6 RFC9700-4.14.2-scope CWE-269",
        "The scope is compared at the first refresh only.", refresh(scope=_unchecked_later),
    ),
    fault(
        "foreign-replay-revokes", "refresh.foreign-replay-no-dos", "CWE-645",
        "Any client that presents a spent token of another ends the grant.",
        grant_types(refresh_token=_ends_what_is_not_its_own),
    ),
    fault(
        "refresh-revives", "refresh.race.vs-revoke", "RFC7009-2.1 CWE-362",
        "A refresh that was under way at revocation brings the grant back.", rules(spend=_written_back),
    ),
    fault(
        "withdrawal-hides", "refresh.after-grant-withdrawn", "10.7.3 10.4.9 CWE-613",
        "Withdrawing access changes nothing.", whole(withdraw=nothing),
    ),
    fault(
        "revoke-spares-refresh", "oauth.revoke.refresh", "10.4.9 RFC7009-2 CWE-613",
        "Revoked refresh tokens keep working.", revocation(refresh=nothing),
    ),
    fault(
        "revoke-spares-access", "oauth.revoke.access", "RFC7009-2-access CWE-613",
        "Revoked access tokens keep working.", revocation(access=nothing),
    ),
    fault(
        "revoke-without-cascade", "oauth.revoke.cascade-to-access", "RFC7009-2.1-cascade CWE-613",
        "Revoking a refresh token ends no access token.", revocation(refresh=_end_refresh_only),
    ),
    fault(
        "revoke-of-any-client", "oauth.revoke.client-binding", "RFC7009-2.1 CWE-863",
        "A client may revoke the tokens of another.", revocation(may=lambda _client, _owner: True),
    ),
    fault(
        "revoke-unauthenticated", "oauth.revoke.client-auth", "10.4.10 RFC7009-2.1 CWE-306",
        "Revocation asks for no secret.", revocation(client=_only_named),
    ),
    fault(
        "revoke-tells", "oauth.revoke.unknown-is-200", "RFC7009-2.2 CWE-203",
        "Revocation tells which tokens exist.", revocation(unknown=_says_unknown),
    ),
    fault(
        "revoke-ends-all", "oauth.revoke.isolation", "RFC7009-2.1 CWE-645",
        "Revoking one refresh token ends every grant of the client.", revocation(refresh=_end_all_of_client),
    ),
    fault(
        "introspect-for-all", "oauth.introspect.auth-required", "RFC7662-2.1 CWE-306",
        "Anybody may ask about tokens.", introspection(client=nothing),
    ),
    fault(
        "introspect-by-its-words", "oauth.introspect.inactive-for-dead", "RFC7662-2.2 CWE-613",
        "A token is active until it expires, whatever happened to it.", introspection(tell=_by_its_own_words),
    ),
    fault(
        "introspect-reason", "oauth.introspect.inactive-minimal", "RFC7662-2.2-minimal CWE-203",
        "The answer about a dead token says more than that.",
        introspection(inactive=lambda _server, _value: {**INACTIVE, "reason": "expired, revoked or unknown"}),
    ),
    fault(
        "introspect-remembers", "oauth.introspect.agrees-with-rs", "RFC7662-2.2-agrees CWE-613",
        "The first answer about a token is remembered and given again.", fresh(_remembered),
    ),
    fault(
        "scope-missing-401", "bearer.insufficient-scope-403", "RFC6750-3.1-scope",
        "A token without the scope is called invalid.", resource(narrow=lambda _scope: invalid_token()),
    ),
    fault(
        "scope-of-the-thing", "bearer.scope-per-action", "10.3.2 RFC9700-2.3-restricted CWE-863",
        "Whoever may read the note may write it.", resource(covers=_same_thing),
    ),
    fault(
        "logout-keeps-session", "oauth.logout.prompt-none", "OIDC-CORE-3.1.2.6 CWE-613",
        "Logout only shows the login page: the browser is still logged in.", OPENID, _still_logged_in,
    ),
)  # fmt: skip
"""Primary killers are rows of the groups H to L and R of the catalogue's OAuth part."""
