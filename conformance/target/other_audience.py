"""Tokens that an authorization server makes for another service of the house (RFC 8707, RFC 9700 section 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.target.oauth_messages import Change

if TYPE_CHECKING:
    from conformance.target.authorization import AuthorizationServer
    from conformance.target.party import Party


async def token_for_another_service(server: AuthorizationServer, browser: Party) -> str:
    """An access token of the user of this browser that is meant for another service; empty where none comes."""
    how = server.described.other_audience
    if how is None:
        return ""
    client = next((c for c in server.clients if c.id == how.client), server.default_client)
    scopes: dict[str, Change] = {"scope": " ".join(how.scopes)} if how.scopes else {}
    response = await server.ask(browser, server.request(client, **scopes, **how.parameters))
    browser.learn("authorization code", response.code)
    if not response.code:
        return ""
    request = server.redemption(response.code, response.request, **how.parameters)
    told = f"{client} redeems the code for another service"
    return (await server.call(server.client_of(browser), request, told)).text("access_token")
