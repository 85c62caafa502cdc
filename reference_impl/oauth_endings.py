"""Revocation (RFC 7009) and introspection (RFC 7662)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from .families import Family
from .oauth_clients import Client, authenticated
from .oauth_params import UNCACHED, OAuthError, Params, error_answer, invalid_grant, posted
from .token_claims import Claims
from .token_guard import Rejected
from .web import answer

if TYPE_CHECKING:
    from .oauth_server import OAuthServer

INACTIVE: Mapping[str, Any] = {"active": False}
"""Exactly this for every token that is worth nothing, whatever the reason (RFC 7662 section 2.2)."""


class RevocationEndpoint:
    """``POST /revoke``."""

    def __init__(self, server: OAuthServer) -> None:
        self.server, self.policy = server, server.policy

    async def revoke(self, request: Request) -> Response:
        """End a token; 200 also for one that is worth nothing already (RFC 7009 section 2.2)."""
        try:
            params = await posted(request)
            client = self.policy.revocation.client(self.server, request, params)
            await self.ended(client, params.need("token"))
        except OAuthError as exc:
            return error_answer(exc)
        return answer({}, headers=UNCACHED)

    async def ended(self, client: Client, value: str) -> None:
        """End it. ``token_type_hint`` is not looked at: both kinds are tried anyway (section 2.1).

        Raises:
            OAuthError: ``invalid_grant`` for a token of another client, which stays as it is (section 2.1).
        """
        rules, server = self.policy.revocation, self.server
        family = server.refresh.families.owner(value)
        if family is not None:
            return rules.refresh(server, family) if rules.may(client, family.client) else rules.foreign()
        try:
            claims = await server.access.genuine(value, server.clock.now())
        except Rejected:
            return rules.unknown()
        return rules.access(server, claims) if rules.may(client, str(claims["client_id"])) else rules.foreign()


def end_family(server: OAuthServer, family: Family) -> None:
    """A refresh token ends with its whole grant, access tokens included (RFC 7009 section 2.1)."""
    with server.db.transaction():
        server.refresh.families.end(family.id)
        server.grants.end(family.data)


def end_token(server: OAuthServer, claims: Claims) -> None:
    """An access token ends alone."""
    server.access.revoke(claims, server.clock.now())


def refuse_foreign() -> None:
    """The client is told that the token is not its own (RFC 7009 section 2.1)."""
    raise invalid_grant()


@dataclass(frozen=True, slots=True)
class Revocation:
    """What revocation does; each takes effect before the answer is sent."""

    client: Callable[[OAuthServer, Request, Params], Client] = authenticated
    """As at the token endpoint (RFC 7009 section 2.1)."""
    may: Callable[[Client, str], bool] = lambda client, owner: client.id == owner
    refresh: Callable[[OAuthServer, Family], None] = end_family
    access: Callable[[OAuthServer, Claims], None] = end_token
    foreign: Callable[[], None] = refuse_foreign
    unknown: Callable[[], None] = lambda: None
    """A token that is none of ours: nothing, and no word about it."""


class IntrospectionEndpoint:
    """``POST /introspect``."""

    def __init__(self, server: OAuthServer) -> None:
        self.server, self.policy = server, server.policy

    async def introspect(self, request: Request) -> Response:
        """What an access token is worth now, for a resource server that proved who it is (RFC 7662 section 2.1)."""
        rules = self.policy.introspection
        try:
            params = await posted(request)
            rules.client(self.server, request, params)
            told = await rules.tell(self.server, params.need("token"))
        except OAuthError as exc:
            return error_answer(exc)
        return answer(told, headers=UNCACHED)


def resource_server(server: OAuthServer, request: Request, params: Params) -> Client:
    """A client that is registered as one that may ask.

    Raises:
        OAuthError: ``invalid_client``, or ``unauthorized_client`` for a client that may not ask.
    """
    client = authenticated(server, request, params)
    if not client.introspects:
        raise OAuthError("unauthorized_client", "this client may not ask about tokens")
    return client


async def tell(server: OAuthServer, value: str) -> Mapping[str, Any]:
    """The same judgement that the API makes; refresh tokens are none of its business (RFC 7662 section 4)."""
    rules = server.policy.introspection
    try:
        use = await server.access.read(value, server.clock.now())
    except Rejected:
        return rules.inactive(server, value)
    told = {name: use.claims[name] for name in ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti")}
    bound = {"token_type": "DPoP", "cnf": use.claims["cnf"]} if "cnf" in use.claims else {}
    return {"active": True, "token_type": "Bearer", **told, **bound}


@dataclass(frozen=True, slots=True)
class Introspection:
    """What introspection tells, and whom."""

    client: Callable[[OAuthServer, Request, Params], Client] = resource_server
    tell: Callable[[OAuthServer, str], Awaitable[Mapping[str, Any]]] = tell
    inactive: Callable[[OAuthServer, str], Mapping[str, Any]] = lambda _server, _value: INACTIVE
