"""Variants of what clients may do at the token endpoint, and of where its tokens reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from .oauth_clients import SECRETS, Client, authenticated, sha256
from .oauth_params import OAuthError, Params
from .oauth_policy import OAuthPolicy
from .oauth_switch import Change, both, declared, fresh, grant_types, tokens, variant
from .oauth_tokens import GRANT_TYPES, by_refresh_token, for_itself

if TYPE_CHECKING:
    from .oauth_server import OAuthServer
    from .oauth_tokens import TokenEndpoint

FREE = 40
"""Wrong secrets in a row after which a client must wait."""
WAIT = 60.0
"""Seconds of the wait."""


def _with_daemon(policy: OAuthPolicy) -> OAuthPolicy:
    return replace(policy, clients=(*policy.clients, Client("daemon", sha256(SECRETS["daemon"]), (), (), ())))


def _counting() -> Change:
    """Failures of each client are counted; its next success, or a wait, clears them."""
    failures: dict[str, tuple[int, float]] = {}

    def client(server: OAuthServer, request: Request, params: Params) -> Client:
        id, now = server.policy.auth.presented(request, params).id or "", server.clock.now()
        count, last = failures.get(id, (0, now))
        if count >= FREE and now < last + WAIT:
            raise OAuthError("slow_down", "too many attempts", 429)
        try:
            found = authenticated(server, request, params)
        except OAuthError:
            failures[id] = (count + 1, now)
            raise
        failures.pop(id, None)
        return found

    return tokens(client=client)


async def _within_the_grant(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    """Another resource than ours was never granted (RFC 8707 section 2)."""
    if params.get("resource") or params.get("audience"):
        raise OAuthError("invalid_target", "this grant is for another resource")
    return await by_refresh_token(endpoint, client, params)


THROTTLED = both(_with_daemon, declared(policy={"throttle_client_failures": FREE}), fresh(_counting))
VARIANTS = (
    variant("client-throttle", "Wrong secrets of a client are counted, as declared.", THROTTLED,
            decides="client-authentication"),
    variant("resource-indicators", "A refresh for another resource than ours is refused.",
            tokens(grant_types={**GRANT_TYPES, "refresh_token": _within_the_grant}),
            apart={"client-tokens": "each replaces the grant types"}),
    variant("client-tokens", "Confidential clients get tokens for themselves.",
            grant_types(client_credentials=for_itself(lambda client, _: client.confidential and bool(client.scopes)))),
)  # fmt: skip
"""In the order in which the documentation lists them."""
