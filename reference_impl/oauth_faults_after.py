"""Faults of what comes after the first tokens, beside the plain ones: hints, odd methods, metadata, kinds of tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .families import Family, Token
from .oauth_access import AccessTokens, id_token, named, verified
from .oauth_authorize import AuthorizationEndpoint, with_code
from .oauth_browser import ISSUER
from .oauth_clients import Client, authenticated
from .oauth_endings import end_family, end_token, tell
from .oauth_faults_authorize import any_of_a_list
from .oauth_faults_token import any_method
from .oauth_grants import Asked, Grant
from .oauth_params import OAuthError, Params, invalid_grant
from .oauth_policy import OAuthPolicy
from .oauth_refresh import not_wider
from .oauth_server import OAuthServer
from .oauth_switch import (
    Change,
    access,
    authorize,
    both,
    browser,
    fault,
    fresh,
    grant_types,
    introspection,
    metadata,
    refresh,
    revocation,
    wrapped,
)
from .oauth_tokens import TokenEndpoint, by_refresh_token
from .oauth_variants import OPENID
from .session_faults_issue import kept_at_login
from .token_claims import Claims
from .token_guard import Guard, Rejected
from .token_keys import sign

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASKED: ContextVar[Params] = ContextVar("asked")
_HOST: ContextVar[str] = ContextVar("host", default="")


def _noted(server: OAuthServer, request: Request, params: Params) -> Client:
    _ASKED.set(params)
    return authenticated(server, request, params)


def _by_hint(server: OAuthServer, family: Family) -> None:
    """Looks among the tokens of the hinted kind alone."""
    if _ASKED.get().get("token_type_hint") in (None, "refresh_token"):
        end_family(server, family)


def _current_only(server: OAuthServer, family: Family) -> None:
    token = server.refresh.families.token(_ASKED.get().get("token") or "")
    if token is None or token.spent is None:
        end_family(server, family)


def _known_hints(server: OAuthServer, request: Request, params: Params) -> Client:
    if params.get("token_type_hint") not in (None, "access_token", "refresh_token"):
        raise OAuthError("unsupported_token_type", "there is no such type of token")
    return authenticated(server, request, params)


def _reviving() -> Change:
    ended: dict[str, list[Claims]] = {}

    def remembered(server: OAuthServer, claims: Claims) -> None:
        end_token(server, claims)
        ended.setdefault(str(claims["grant"]), []).append(claims)

    async def forgets(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
        family = endpoint.server.refresh.families.owner(params.get("refresh_token") or "")
        data = await by_refresh_token(endpoint, client, params)
        for claims in ended.pop(family.data, []) if family is not None else []:
            endpoint.server.db.change("DELETE FROM ended WHERE name = ?", named(claims).name)
        return data

    return both(revocation(access=remembered), grant_types(refresh_token=forgets))


async def _of_the_client(server: OAuthServer, value: str) -> Mapping[str, Any]:
    told = await tell(server, value)
    client = server.clients.get(str(told.get("client_id")))
    return {**told, "scope": " ".join(client.scopes)} if client is not None else told


async def _by_any_token(endpoint: TokenEndpoint, _client: Client, params: Params) -> Mapping[str, Any]:
    """RFC 7523 section 2.1, for whatever our own key signed."""
    server = endpoint.server
    try:
        claims = await server.access.genuine(params.need("assertion"), server.clock.now())
    except Rejected:
        raise invalid_grant() from None
    grant = server.live_grant(str(claims["grant"]))
    if grant is None:
        raise invalid_grant()
    return endpoint.issued(grant, grant.scope, None, None)


async def _of_somebody_else(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    data = await by_refresh_token(endpoint, client, params)
    grant = Grant("", client.id, client.id, "", (), 0.0, 0.0)
    now, beside = endpoint.server.clock.now(), str(data["access_token"])
    return {**data, "id_token": id_token(endpoint.server.keys, grant, None, now, beside)}


def _sticky() -> Change:
    left: dict[str, tuple[str, ...]] = {}

    def scope(grant: Grant, wanted: tuple[str, ...], token: Token) -> tuple[str, ...]:
        granted = not_wider(replace(grant, scope=left.get(token.family, grant.scope)), wanted, token)
        left[token.family] = granted
        return granted

    return refresh(scope=scope)


def _refresh_token_at_once(endpoint: AuthorizationEndpoint, asked: Asked, grant: Grant, code: str) -> Response:
    if asked.response_type == "code":
        return with_code(endpoint, asked, grant, code)
    told = {"refresh_token": endpoint.server.refresh.begin(grant), "token_type": "Bearer", "state": asked.state or ""}
    return RedirectResponse(f"{asked.redirect_uri}#{urlencode({**told, 'iss': ISSUER})}", 303)


def _kept(policy: OAuthPolicy) -> OAuthPolicy:
    return browser(life=replace(policy.browser.life, new_id=kept_at_login))(policy)


async def _note_host(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    _HOST.set(Headers(scope=scope).get("x-forwarded-host") or "")
    await app(scope, receive, send)


def _at_that_host(told: dict[str, Any]) -> Mapping[str, Any]:
    here = f"https://{_HOST.get()}" if _HOST.get() else ISSUER
    return {n: v.replace(ISSUER, here) if isinstance(v, str) else v for n, v in told.items()}


def _with(**more: Any) -> Change:
    return metadata(told=lambda told: {**told, **more})


def _without_client(tokens: AccessTokens, claims: Mapping[str, Any]) -> str:
    return sign(tokens.keys, {name: value for name, value in claims.items() if name != "client_id"}, "at+jwt")


async def _with_client(tokens: AccessTokens, raw: bytes) -> bytes:
    claims = json.loads(await verified(tokens, raw))
    grant = tokens.grants.find(str(claims.get("grant")))
    return json.dumps({**claims, "client_id": grant.client if grant else ""}).encode()


def by_get(path: str) -> Change:
    """An endpoint that takes GET, too."""
    return wrapped(any_method(path))


FAULTS = (
    fault(
        "hint-obeyed", "oauth.revoke.wrong-hint", "RFC7009-2.1 CWE-20",
        "Revocation looks for a token only where its hint says.", revocation(client=_noted, refresh=_by_hint),
    ),
    fault(
        "hint-unknown-refused", "oauth.revoke.unknown-hint", "RFC7009-2.2 CWE-20",
        "A revocation with a hint that nobody defined is refused.", revocation(client=_known_hints),
    ),
    fault(
        "revoke-by-get", "oauth.revoke.post-only", "RFC7009-2.3 CWE-598",
        "Tokens are revoked by GET.", by_get("/revoke"),
    ),
    fault(
        "revoke-current-only", "oauth.revoke.spent-ancestor", "CWE-613",
        "Revoking a refresh token that was replaced ends nothing.", revocation(client=_noted, refresh=_current_only),
    ),
    fault(
        "refresh-revives-access", "oauth.revoke.cascade-to-refresh", "RFC7009-2-access CWE-613",
        "A refresh forgets which access tokens of its grant were revoked.", fresh(_reviving),
    ),
    fault(
        "introspect-client-scope", "oauth.introspect.consistent", "RFC7662-2.2 CWE-345",
        "Introspection tells what the client may ask for, not what was granted.", introspection(tell=_of_the_client),
    ),
    fault(
        "introspect-by-get", "oauth.introspect.no-get", "RFC7662-4-get CWE-598",
        "Introspection takes the token from the query.", by_get("/introspect"),
    ),
    fault(
        "introspect-by-id", "oauth.introspect.public-client-denied", "RFC7662-2.1 CWE-306",
        "Every client may ask about every token, public ones by their id alone.", introspection(client=authenticated),
    ),
    fault(
        "token-as-assertion", "oauth.xjwt.access-as-assertion", "RFC8725-3.12 CWE-843",
        "An access token passes as an assertion that gives another.", grant_types(**{JWT_BEARER: _by_any_token}),
    ),
    fault(
        "access-type-plain", "oauth.jwtat.typ", "RFC9068-2.1 CWE-345",
        "Access tokens do not say that they are ones.",
        access(
            seal=lambda tokens, claims: sign(tokens.keys, claims, "JWT"), guard=Guard(kind=lambda _header: None)
        ),
    ),
    fault(
        "access-without-client", "oauth.jwtat.required-claims", "RFC9068-2.2 CWE-345",
        "Access tokens do not name their client.", access(seal=_without_client, open=_with_client),
    ),
    fault(
        "id-token-of-another", "refresh.id-token-continuity", "OIDC-CORE-12.2 CWE-345",
        "A refreshed ID token is about somebody else.", OPENID, grant_types(refresh_token=_of_somebody_else),
    ),
    fault(
        "narrow-sticks", "refresh.scope-narrow-not-sticky", "RFC6749-6-same-scope CWE-863",
        "Asking once for less shrinks the grant.", fresh(_sticky),
    ),
    fault(
        "refresh-token-at-once", "refresh.implicit-none", "RFC6749-4.2.2 CWE-613",
        "response_type=token puts a refresh token into the front channel.",
        authorize(response_type=any_of_a_list, respond=_refresh_token_at_once),
    ),
    fault(
        "session-kept-at-login", "oauth.session.fixation-at-as", "7.2.4 CWE-384",
        "The browser's session keeps its id when the user logs in.", _kept,
    ),
    fault(
        "endpoint-in-the-clear", "oauth.meta.https", "RFC8414-2 CWE-319",
        "The metadata has an endpoint at plain http.", _with(registration_endpoint="http://oauth.reference.example/new"),
    ),
    fault(
        "none-offered", "oauth.meta.no-none-alg", "RFC8414-2 CWE-327",
        "The metadata offers clients to sign their assertions with none.",
        _with(token_endpoint_auth_signing_alg_values_supported=["RS256", "none"]),
    ),
    fault(
        "metadata-by-host", "oauth.meta.host-header", "CWE-644",
        "The metadata has the addresses of the host that a proxy names.",
        both(wrapped(_note_host), metadata(told=_at_that_host)),
    ),
    fault(
        "method-unannounced", "oauth.meta.truthful-negative", "CWE-684",
        "Secrets are taken from the body, which the metadata does not say.",
        _with(token_endpoint_auth_methods_supported=["client_secret_basic", "none"]),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups H and J to R of the catalogue's OAuth part."""
