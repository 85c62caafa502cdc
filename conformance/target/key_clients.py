"""Clients that authenticate with a private key (RFC 7523 section 2.2), and which audience the server wants of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.attacks.assertions import ClientKey
from conformance.target.oauth_messages import UNISSUED, Client, TokenRequest

if TYPE_CHECKING:
    from conformance.target.authorization import AuthorizationServer
    from conformance.target.oauth_table import OAuthClient
    from conformance.target.party import Party


def key_of(server: AuthorizationServer, id: str, described: OAuthClient) -> ClientKey | None:
    """What a client signs assertions with, as described."""
    if not described.private_key:
        return None
    audience = described.assertion_audience or server.audiences.get(id) or next(iter(_audiences(server)), "")
    return ClientKey(
        described.private_key, described.signing_alg or "", described.key_id or "", audience, server.system.clock.now
    )


def _audiences(server: AuthorizationServer) -> list[str]:
    """What may identify the server (RFC 7523 section 3), as its users know it: servers differ in what they take."""
    token = server.described.token_endpoint or str(server.metadata.get("token_endpoint") or "")
    public = server.system.description.public_url or server.system.base_url
    absolute = token if token.startswith("http") else public.rstrip("/") + token
    return [found for found in (server.issuer, absolute) if found]


async def find_audiences(server: AuthorizationServer, stranger: Party) -> None:
    """See for each client with a key which audience the server takes, where the description does not say."""
    for client in [c for c in server.clients if c.key]:
        if server.described.clients[client.id].assertion_audience:
            continue
        for audience in _audiences(server):
            server.audiences[client.id] = audience
            if await _known(server, stranger, next(c for c in server.clients if c.id == client.id)):
                break
        else:
            del server.audiences[client.id]


async def _known(server: AuthorizationServer, stranger: Party, client: Client) -> bool:
    """Whether the token endpoint takes this for the client, asked with a code that nobody issued."""
    form = (*UNISSUED, *((("redirect_uri", client.redirect_uri),) if client.redirect_uri else ()))
    told = f"{client} shows an assertion for {client.key.audience if client.key else ''}"
    answer = await server.call(server.client_of(stranger), TokenRequest(client, form), told)
    status = answer.exchange.answer.status if answer.exchange.answer else 0
    return bool(answer.error) and answer.error != "invalid_client" and 400 <= status < 500 and status != 401
