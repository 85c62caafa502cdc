"""The token endpoint (RFC 6749 section 3.2): a code or a refresh token in, an access token out."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from .oauth_access import id_token
from .oauth_clients import BILLING, Client, authenticated
from .oauth_codes import Claim
from .oauth_grants import Grant
from .oauth_params import UNCACHED, OAuthError, Params, error_answer, invalid_grant, posted, words
from .token_guard import Rejected
from .web import answer

if TYPE_CHECKING:
    from .oauth_server import OAuthServer

GrantType = Callable[["TokenEndpoint", Client, Params], Awaitable[Mapping[str, Any]]]
"""The answer to a client that proved itself, as the members of RFC 6749 section 5.1."""


class TokenEndpoint:
    """``POST /token``."""

    def __init__(self, server: OAuthServer) -> None:
        self.server, self.policy = server, server.policy

    async def token(self, request: Request) -> Response:
        """Read, authenticate the client, and only then look at what it brings."""
        rules = self.policy.tokens
        try:
            params = await rules.read(request)
            client = rules.client(self.server, request, params)
            jkt = await self.server.proofs.at_token_endpoint(request, client, self.server.clock.now())
            data = await self.granted(client, replace(params, jkt=jkt))
        except OAuthError as exc:
            return rules.error(exc)
        return answer(data, headers=rules.headers)

    async def granted(self, client: Client, params: Params) -> Mapping[str, Any]:
        """What the grant type yields.

        Raises:
            OAuthError: one of RFC 6749 section 5.2.
        """
        name = params.need("grant_type")
        grant_type = self.policy.tokens.grant_types.get(name)
        if grant_type is None:
            raise OAuthError("unsupported_grant_type", "the grant types are authorization_code and refresh_token")
        if not self.policy.tokens.allowed(client, name):
            raise OAuthError("unauthorized_client", "this client may not use this grant type")
        return await grant_type(self, client, params)

    def issued(
        self, grant: Grant, scope: tuple[str, ...], refresh: str | None, nonce: str | None, jkt: str | None = None
    ) -> dict[str, Any]:
        """A successful answer (RFC 6749 section 5.1); ``scope`` is always told. ``jkt`` is the key it is bound to."""
        now, lifetime = self.server.clock.now(), self.policy.access.rules.lifetime
        data: dict[str, Any] = {
            "access_token": self.server.access.issue(grant, scope, now, jkt),
            "token_type": "Bearer" if jkt is None else self.policy.dpop.token_type,
            "expires_in": self.policy.tokens.expires_in(lifetime),
            "scope": " ".join(scope),
        }
        if refresh is not None:
            data["refresh_token"] = refresh
        if self.policy.openid and "openid" in scope:
            data["id_token"] = id_token(self.server.keys, grant, nonce, now, data["access_token"])
        return {**data, **self.policy.tokens.more}


async def by_code(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    """``authorization_code`` (RFC 6749 section 4.1.3)."""
    server, codes = endpoint.server, endpoint.policy.codes
    value, now = params.need("code"), server.clock.now()
    claim = Claim(client.id, params.get("redirect_uri"), codes.pkce.verifier(params), now, params.jkt)
    code = await codes.redeem(codes, server.grants, value, claim)
    grant = server.live_grant(code.grant) if code is not None else None
    if code is None or grant is None:
        raise invalid_grant()
    scope = codes.scope(code, params.get("scope"))
    refresh = server.refresh.begin(grant) if "refresh_token" in client.grants else None
    if params.jkt is not None and not client.confidential:
        server.proofs.bind(grant.id, params.jkt, now)
    return endpoint.issued(grant, scope, refresh, code.asked.nonce, params.jkt)


async def by_refresh_token(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    """``refresh_token`` (RFC 6749 section 6): the scope of the new access token may be narrower, never wider."""
    refresh, value = endpoint.server.refresh, params.need("refresh_token")
    token, family = refresh.families.token(value), refresh.families.owner(value)
    grant = endpoint.server.live_grant(family.data) if family is not None else None
    if token is None or family is None or grant is None or family.client != refresh.policy.spender(family, client):
        raise invalid_grant()
    if not endpoint.policy.dpop.refresher(endpoint.server.proofs.bound(grant.id), params.jkt):
        raise invalid_grant()
    scope = refresh.policy.scope(grant, words(params.get("scope")), token)
    try:
        issued = await refresh.spend(client, family, value)
    except Rejected:
        raise invalid_grant() from None
    return endpoint.issued(grant, scope, issued.value, None, params.jkt)


def for_itself(may: Callable[[Client, Params], bool], *, refreshes: bool = False) -> GrantType:
    """The grant ``client_credentials`` (RFC 6749 section 4.4): a token for our API, and no user behind it."""

    async def grant(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
        if not may(client, params):
            raise OAuthError("unauthorized_client", "this client may not use this grant type")
        server, now = endpoint.server, endpoint.server.clock.now()
        scope = tuple(one for one in client.scopes if one != BILLING)
        made = Grant(secrets.token_hex(16), client.id, client.id, "", scope, now, now)
        return endpoint.issued(made, scope, server.refresh.begin(made) if refreshes else None, None)

    return grant


GRANT_TYPES: Mapping[str, GrantType] = {"authorization_code": by_code, "refresh_token": by_refresh_token}
"""No password grant, no implicit one (RFC 9700 sections 2.1.2 and 2.4)."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint decides."""

    read: Callable[[Request], Awaitable[Params]] = posted
    client: Callable[[OAuthServer, Request, Params], Client] = authenticated
    grant_types: Mapping[str, GrantType] = field(default_factory=lambda: GRANT_TYPES)
    allowed: Callable[[Client, str], bool] = lambda client, grant_type: grant_type in client.grants
    headers: Mapping[str, str] = field(default_factory=lambda: UNCACHED)
    error: Callable[[OAuthError], Response] = error_answer
    expires_in: Callable[[float], int] = int
    """What an answer says of the lifetime."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """More members of a successful answer: none."""
