"""Probes of the back channel: whether a server misbehaves as a fault's summary says.

Client authentication, the token endpoint, refresh, revocation, introspection, the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from reference_impl import Reference
from reference_impl.oauth_clients import SECRETS
from tests.reference_oauth import EVERYTHING, VERIFIER, Browser, Probe, Tokens, claims, front, logged_in, send, took

# The token endpoint


def authenticates(secret: str | None, **query: str) -> Probe:
    """Whether ``web`` redeems a code with this secret in the body, and these parameters in the query."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        body = {"grant_type": "authorization_code", "code": await browser.allow(), "code_verifier": VERIFIER}
        body |= {"client_id": "web"} | ({"client_secret": secret} if secret is not None else {})
        return took(await browser.bare.post("/token", data=body, params=query))

    return probe


async def two_clients(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow("spa")
    fields = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "client_id": "spa"}
    return took(await browser.bare.post("/token", data=fields, auth=("web", SECRETS["web"])))


async def for_itself(reference: Reference) -> bool:
    return took(await send(Browser(reference).bare, "/token", {"grant_type": "client_credentials"}, "spa"))


def in_query(method: str) -> Probe:
    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        fields = {"grant_type": "authorization_code", "code": await browser.allow(), "code_verifier": VERIFIER}
        credentials = ("web", SECRETS["web"])
        return took(await browser.bare.request(method, "/token", params=fields, auth=credentials))

    return probe


def tells(test: Callable[[httpx.Response], bool], **changes: Any) -> Probe:
    """Whether the answer to a redemption with these changes passes a test."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        return test(await browser.redeem(await browser.allow(), **changes))

    return probe


async def echoes(reference: Reference) -> bool:
    return "made-up-code" in (await Browser(reference).redeem("made-up-code")).text


# After the first tokens


def refreshes(by: str | None = None, **changes: Any) -> Probe:
    """Whether ``web``'s refresh token is spent like this."""

    async def probe(reference: Reference) -> bool:
        tokens = await (await logged_in(reference)).tokens(scope="profile")
        fields = {"grant_type": "refresh_token", "refresh_token": tokens.refresh, "client_id": "web"} | changes
        return took(await (send(tokens.http, "/token", fields, by) if by else tokens.http.post("/token", data=fields)))

    return probe


async def narrowed_in_vain(reference: Reference) -> bool:
    tokens = await (await (await logged_in(reference)).tokens()).refreshed(scope="profile")
    return (await tokens.api("GET /api/note")).status_code == 200


async def wider_later(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens(scope="profile")
    at_once = took((await tokens.refreshed(scope="notes.write")).answer)
    later = await (await tokens.refreshed()).refreshed(scope="notes.write")
    return not at_once and took(later.answer)


async def ended_by_spa(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens()
    heir = await tokens.refreshed()
    await send(tokens.http, "/token", {"grant_type": "refresh_token", "refresh_token": tokens.refresh}, "spa")
    return not await heir.works()


async def revived(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens()
    heir, _ = await asyncio.gather(tokens.refreshed(), tokens.revoke())
    return took(heir.answer) and took((await heir.refreshed()).answer)


def survives(kind: str, alive: Callable[[Tokens], Awaitable[bool]], by: str | None = None) -> Probe:
    """Whether tokens live after a token of this kind was revoked."""

    async def probe(reference: Reference) -> bool:
        tokens = await (await logged_in(reference)).tokens()
        await tokens.revoke(kind, by)
        return await alive(tokens)

    return probe


async def renews(tokens: Tokens) -> bool:
    return took((await tokens.refreshed()).answer)


async def works(tokens: Tokens) -> bool:
    return await tokens.works()


async def withdrawn_renews(reference: Reference) -> bool:
    browser = await logged_in(reference)
    tokens = await browser.tokens()
    await browser.withdraw("web")
    return await renews(tokens)


async def revoked_by_anyone(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens()
    await tokens.http.post("/revoke", data={"token": tokens.access, "client_id": "web"})
    return not await tokens.works()


async def revoked_by_spa(reference: Reference) -> bool:
    return not await survives("access", works, "spa")(reference)


async def unknown_told(reference: Reference) -> bool:
    return (await send(Browser(reference).bare, "/revoke", {"token": "made-up"}, "web")).status_code != 200


async def bob_ended(reference: Reference) -> bool:
    bob = await (await logged_in(reference, "bob")).tokens()
    await (await (await logged_in(reference)).tokens()).revoke()
    return not await bob.works()


async def told_to_anyone(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens()
    return "active" in (await tokens.http.post("/introspect", data={"token": tokens.access})).json()


def told_of_dead(before: bool, test: Callable[[dict[str, Any]], bool]) -> Probe:
    """What introspection says of a revoked access token, asked for before too or not."""

    async def probe(reference: Reference) -> bool:
        tokens = await (await logged_in(reference)).tokens()
        if before:
            await tokens.active()
        await tokens.revoke("access")
        return test(await tokens.active())

    return probe


def without_scope(status: int) -> Probe:
    async def probe(reference: Reference) -> bool:
        tokens = await (await logged_in(reference)).tokens(scope="notes.read")
        return (await tokens.api("POST /api/note")).status_code == status

    return probe


async def silent_after_logout(reference: Reference) -> bool:
    browser = await logged_in(reference)
    await browser.tokens(scope=f"openid {EVERYTHING}")
    before = front(await browser.ask(scope="openid", prompt="none"))
    await browser.logout()
    return "code" in before and "code" in front(await browser.ask(scope="openid", prompt="none"))


PROBES: dict[str, Probe] = {
    "client-id-missing": tells(lambda answer: "client_id" not in claims(answer.json()["access_token"])),
    "secret-optional": authenticates(None),
    "secret-prefix": authenticates(SECRETS["web"][:-1]),
    "client-of-the-body": two_clients,
    "secret-in-uri": authenticates(None, client_id="web", client_secret=SECRETS["web"]),
    "any-grant-type": for_itself,
    "token-by-get": in_query("GET"),
    "token-by-query": in_query("POST"),
    "token-cacheable": tells(lambda answer: answer.headers["cache-control"] != "no-store"),
    "one-error-code": tells(lambda answer: answer.json()["error"] == "invalid_request", grant_type="x"),
    "error-with-200": tells(lambda answer: answer.status_code == 200, grant_type="x"),
    "token-first-wins": tells(took, code_verifier=[VERIFIER, "w" * 43]),
    "expires-in-wrong": tells(lambda answer: bool(answer.json()["expires_in"] != 300)),
    "error-echo": echoes,
    "non-ascii-crashes": tells(lambda answer: answer.status_code >= 500, code_verifier="\u00e9" * 43),
    "refresh-by-any-client": refreshes("spa", client_id="spa"),
    "refresh-unauthenticated": refreshes(),
    "refresh-widens": refreshes("web", scope="notes.write"),
    "refresh-not-narrowed": narrowed_in_vain,
    "refresh-widens-later": wider_later,
    "foreign-replay-revokes": ended_by_spa,
    "refresh-revives": revived,
    "withdrawal-hides": withdrawn_renews,
    "revoke-spares-refresh": survives("refresh", renews),
    "revoke-spares-access": survives("access", works),
    "revoke-without-cascade": survives("refresh", works),
    "revoke-of-any-client": revoked_by_spa,
    "revoke-unauthenticated": revoked_by_anyone,
    "revoke-tells": unknown_told,
    "revoke-ends-all": bob_ended,
    "introspect-for-all": told_to_anyone,
    "introspect-by-its-words": told_of_dead(False, lambda told: bool(told["active"])),
    "introspect-reason": told_of_dead(False, lambda told: set(told) != {"active"}),
    "introspect-remembers": told_of_dead(True, lambda told: bool(told["active"])),
    "scope-missing-401": without_scope(401),
    "scope-of-the-thing": without_scope(200),
    "logout-keeps-session": silent_after_logout,
}
"""By the id of the fault."""
