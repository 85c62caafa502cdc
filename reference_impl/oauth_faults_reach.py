"""Faults of where tokens of the authorization server reach."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import Account, Accounts
from .oauth_access import TYPE, AccessTokens, alive, named, verified
from .oauth_clients import Client, authenticated
from .oauth_endings import end_token
from .oauth_grants import Grant, Grants
from .oauth_params import Params
from .oauth_switch import Change, access, both, fault, fresh, grant_types, revocation, tokens, wrapped
from .oauth_tokens import GRANT_TYPES, by_refresh_token, for_itself
from .oauth_variants_reach import THROTTLED
from .token_claims import Claims
from .token_keys import sign
from .token_life import is_ended

if TYPE_CHECKING:
    from .oauth_server import OAuthServer
    from .oauth_tokens import TokenEndpoint


ANOTHER_ASKS = 0.3
"""Seconds for which a revocation waits for somebody else's request."""


async def _for_whatever_is_asked(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    """``resource`` of the request becomes the audience, granted or not."""
    data, wanted = await by_refresh_token(endpoint, client, params), params.get("resource")
    if wanted is None:
        return data
    claims = jwt.decode(data["access_token"], options={"verify_signature": False})
    return {**data, "access_token": sign(endpoint.server.keys, {**claims, "aud": wanted}, TYPE)}


def _or_who_is_called_so(grants: Grants, accounts: Accounts, claims: Claims) -> tuple[Grant, Account] | None:
    """Whoever is called like the subject of a token without a user is taken for it."""
    account = accounts.named(str(claims["sub"]))
    if account is None:
        return alive(grants, accounts, claims)
    sub, client = account.sub, str(claims["client_id"])
    return Grant(str(claims["grant"]), sub, client, "", (), claims["iat"], claims["iat"]), account


def _emptied_too_soon() -> Change:
    """A memory of good tokens is emptied before the revocation is written: who asks in between fills it again.

    The revocation waits for such a request, for a moment, so that the order does not depend on luck.
    """
    good: set[str] = set()
    refilled: set[str] = set()
    asked: dict[str, asyncio.Event] = {}

    async def open_and_look(tokens: AccessTokens, raw: bytes) -> bytes:
        payload = await verified(tokens, raw)
        claims = json.loads(payload)
        if not is_ended(tokens.db, named(claims)):
            good.add(claims["jti"])
        asked.setdefault(claims["jti"], asyncio.Event()).set()
        return payload

    async def empty_first(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/revoke":
            await app(scope, receive, send)
            return
        message = await receive()
        jti = _jti_of(message.get("body", b""))
        good.discard(jti)
        asked[jti] = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked[jti].wait(), ANOTHER_ASKS)
            refilled.add(jti)
        messages = iter([message])

        async def again() -> Message:
            return next(messages, None) or await receive()

        await app(scope, again, send)

    def end(server: OAuthServer, claims: Claims) -> None:
        end_token(server, claims)
        if claims["jti"] not in refilled:
            # The revocation's own look at the token put it there.
            good.discard(claims["jti"])

    remembered = access(open=open_and_look, revoked=lambda _db, claims: claims["jti"] not in good)
    return both(remembered, revocation(access=end), wrapped(empty_first))


def _jti_of(body: bytes) -> str:
    token = dict(parse_qsl(body.decode("latin-1"))).get("token", "")
    try:
        return str(jwt.decode(token, options={"verify_signature": False}).get("jti"))
    except jwt.PyJWTError:
        return ""


def _refreshed_by(grant_type: Any) -> Change:
    return tokens(grant_types={**GRANT_TYPES, "refresh_token": grant_type})


FAULTS = (
    fault("refresh-any-resource", "refresh.resource-no-widen", "RFC9700-4.14.2-scope RFC8707-2.2 CWE-269",
          "A refresh gives a token for whatever service it asks for.", _refreshed_by(_for_whatever_is_asked)),
    fault("client-as-user", "bearer.client-not-user", "RFC9700-4.15 RFC9700-4.15.1 CWE-290",
          "A client's token for itself opens the account of whoever is called like it.",
          grant_types(client_credentials=for_itself(lambda client, _params: client.confidential)),
          access(alive=_or_who_is_called_so)),
    fault("secret-guessable", "oauth.client.bruteforce", "RFC6749-2.3.1 CWE-307",
          "Wrong secrets of clients are not counted.", THROTTLED, tokens(client=authenticated)),
    fault("revocation-remembered-late", "oauth.revoke.immediate", "RFC7009-2.1 CWE-362",
          "A request that asks while a token is being revoked puts it back among the good ones.",
          fresh(_emptied_too_soon)),
)  # fmt: skip
"""Primary killers are rows of groups F, H and J of the catalogue's OAuth part."""
