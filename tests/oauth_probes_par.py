"""Probes of pushed requests and of applications' logout: whether a server misbehaves as a fault's summary says."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable

import httpx

from conformance.target.listener import Listener
from reference_impl import Reference
from tests.reference_oauth import EVERYTHING, VERIFIER, Browser, Probe, front, logged_in, s256, send, took

PUSHED = "profile notes.read"
BYE = "https://web.client.example/bye"
OTHER_VERIFIER = "w" * 41 + "-2"


async def push(browser: Browser, client: str = "web", scope: str = PUSHED, **changes: str | None) -> httpx.Response:
    """What a push of the request that a browser would bring is answered."""
    proper = browser.request(client, scope, **changes)
    return await send(browser.bare, "/par", proper, client)


async def pushed(browser: Browser, client: str = "web", scope: str = PUSHED, **changes: str | None) -> str:
    """The reference of a pushed request, or an empty string."""
    return str((await push(browser, client, scope, **changes)).json().get("request_uri", ""))


async def bring(browser: Browser, reference: str, client: str = "web", **beside: str) -> httpx.Response:
    """What a browser is shown that brings a reference."""
    return await browser.http.get("/authorize", params={"client_id": client, "request_uri": reference, **beside})


async def allowed(browser: Browser, page: httpx.Response) -> dict[str, str]:
    """What the client is told once the user has allowed what a page asks, or without that."""
    return front(await browser.decide(page) if page.status_code == 200 else page)


def brought(client: str = "web", again: bool = False, later: float = 0, **beside: str) -> Probe:
    """Whether the reference of a request of web leads to a code when it is brought like this."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        value = await pushed(browser)
        if again:
            assert "code" in await allowed(browser, await bring(browser, value))
        reference.clock.advance(later)
        other = await logged_in(reference)
        return "code" in await allowed(other, await bring(other, value, client, **beside))

    return probe


def pushes(test: Callable[[httpx.Response], bool], client: str = "web", **changes: str | None) -> Probe:
    """Whether the answer to a push passes a test."""

    async def probe(reference: Reference) -> bool:
        return test(await push(Browser(reference), client, **changes))

    return probe


def overridden(name: str) -> Probe:
    """Whether a parameter beside a reference counts."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        beside = {"state": "other", "scope": EVERYTHING, "code_challenge": s256(OTHER_VERIFIER)}[name]
        told = await allowed(browser, await bring(browser, await pushed(browser), **{name: beside}))
        if name == "state":
            return told["state"] == "other"
        verifier = OTHER_VERIFIER if name == "code_challenge" else VERIFIER
        answer = await browser.redeem(told["code"], code_verifier=verifier)
        return took(answer) and (name != "scope" or answer.json()["scope"] == EVERYTHING)

    return probe


async def unauthenticated(reference: Reference) -> bool:
    browser = Browser(reference)
    answer = await browser.bare.post("/par", data=browser.request("web", PUSHED))
    return answer.status_code == 201


async def by_get(reference: Reference) -> bool:
    browser = Browser(reference)
    return (await browser.bare.get("/par", params=browser.request("spa", PUSHED))).status_code == 201


async def referred(reference: Reference) -> bool:
    browser = Browser(reference)
    return (await push(browser, request_uri=await pushed(browser))).status_code == 201


async def in_a_row(reference: Reference) -> bool:
    browser = Browser(reference)
    first, second = [(await pushed(browser)).rpartition(":")[2] for _ in range(2)]
    return first[:-1] == second[:-1]


async def plain(reference: Reference) -> bool:
    browser = await logged_in(reference)
    return "code" in await allowed(browser, await browser.ask())


async def fetched(reference: Reference) -> bool:
    listener = Listener({})
    await listener.start()
    try:
        await bring(Browser(reference), f"{listener.url}/probe/request.jwt")
        return bool(await listener.hits("probe"))
    finally:
        await listener.stop()


async def two_decide(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    value = await pushed(alice)
    pages = [await bring(alice, value), await bring(bob, value)]
    told = [await allowed(browser, page) for browser, page in zip((alice, bob), pages, strict=True)]
    return all("code" in one for one in told)


# Logout


async def hint_of(browser: Browser) -> str:
    tokens = await browser.tokens(scope=f"openid {EVERYTHING}")
    return str(tokens.answer.json()["id_token"])


async def leave(browser: Browser, confirm: bool = False, **params: str) -> httpx.Response:
    """What a browser is told that is sent to the logout, after a yes where that is asked."""
    page = await browser.http.get("/end-session", params=params)
    if confirm and "/end-session/decide" in page.text:
        return await browser.submit(page, "/end-session/decide", {"logout": "yes"})
    return page


async def is_in(browser: Browser) -> bool:
    return (await browser.http.get("/account")).status_code == 200


def logs_out(hint: Callable[[Reference, Browser], Awaitable[str]] | None) -> Probe:
    """Whether alice is logged out, without a question, by a request with this hint."""

    async def probe(reference: Reference) -> bool:
        alice = await logged_in(reference)
        params = {"id_token_hint": await hint(reference, alice)} if hint else {}
        await leave(alice, **params)
        return not await is_in(alice)

    return probe


async def of_bob(reference: Reference, _alice: Browser) -> str:
    return await hint_of(await logged_in(reference, "bob"))


async def unsigned(_reference: Reference, alice: Browser) -> str:
    payload = (await hint_of(alice)).split(".")[1]
    head = urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    return f"{head}.{payload}."


def sent_to(uri: str, hinted: bool = True) -> Probe:
    """Whether the browser is sent there after a logout."""

    async def probe(reference: Reference) -> bool:
        alice = await logged_in(reference)
        proof = {"id_token_hint": await hint_of(alice)} if hinted else {"client_id": "web"}
        answer = await leave(alice, True, post_logout_redirect_uri=uri, **proof)
        return answer.headers.get("location") == uri

    return probe


async def spared(reference: Reference) -> bool:
    alice = await logged_in(reference)
    tokens, hint = await alice.tokens(), await hint_of(alice)
    await leave(alice, True, id_token_hint=hint)
    return await tokens.works()


async def resurrected(reference: Reference) -> bool:
    alice = await logged_in(reference)
    hint, tokens = await hint_of(alice), await alice.tokens("spa")
    await tokens.revoke()
    await leave(alice, True, id_token_hint=hint)
    return await tokens.works()


async def bobs_too(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    hint, _, bobs = await hint_of(alice), await alice.tokens("spa"), await bob.tokens("spa")
    await leave(alice, True, id_token_hint=hint)
    return not await bobs.works()


async def revived(reference: Reference) -> bool:
    alice = await logged_in(reference)
    redeeming = asyncio.create_task(alice.redeem(await alice.allow()))
    await asyncio.sleep(0)
    await alice.logout()
    answer = await redeeming
    return took(answer) and await alice.works(answer)


PROBES: dict[str, Probe] = {
    "par-never-spent": brought(again=True),
    "par-never-expires": brought(later=60.5),
    "par-of-any-client": brought("spa"),
    "par-unauthenticated": unauthenticated,
    "par-reference-pushed": referred,
    "par-by-get": by_get,
    "par-redirect-anywhere": pushes(
        lambda answer: answer.status_code == 201, "spa", redirect_uri="https://attacker.example/callback"
    ),
    "par-references-counted": in_a_row,
    "par-not-required": plain,
    "par-query-wins": overridden("state"),
    "par-scope-from-query": overridden("scope"),
    "par-challenge-from-query": overridden("code_challenge"),
    "par-answers-200": pushes(lambda answer: answer.status_code == 200),
    "par-lifetime-untold": pushes(lambda answer: "expires_in" not in answer.json()),
    "request-fetched": fetched,
    "par-spent-unseen": two_decide,
    "end-session-unasked": logs_out(None),
    "end-session-any-hint": logs_out(of_bob),
    "end-session-hint-unverified": logs_out(unsigned),
    "end-session-prefix": sent_to(f"{BYE}/more"),
    "end-session-same-host": sent_to("https://web.client.example/other"),
    "end-session-anywhere": sent_to("https://attacker.example/bye", hinted=False),
    "end-session-spares-grants": spared,
    "end-session-writes-back": resurrected,
    "end-session-of-everybody": bobs_too,
    "redemption-revives": revived,
}
"""By the id of the fault."""
