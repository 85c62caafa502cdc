"""Probes of the front channel: whether a server misbehaves as a fault's summary says.

Pages, redirects, codes and challenges. The rest stands in ``oauth_probes_back.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from reference_impl import Reference
from tests.reference_oauth import (
    ORIGIN,
    PASSWORD,
    URI,
    VERIFIER,
    Browser,
    Probe,
    Tokens,
    api,
    front,
    logged_in,
    s256,
    send,
    took,
)

EVIL = "https://attacker.example/callback"


# The authorization endpoint


def coded(client: str = "web", uri: str | None = None, **changes: str | None) -> Probe:
    """Whether a request with these changes leads to a code, at the client's address or at another."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        page = await browser.ask(client, **changes)
        answer = await browser.decide(page) if page.status_code == 200 else page
        place = answer.headers.get("location", "").partition("?")[0]
        return "code" in front(answer) and place == (uri or URI[client])

    return probe


def asked_twice(**values: tuple[str, str]) -> Probe:
    """Whether a request with repeated parameters leads to a code."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        proper = (await browser.ask()).request.url.params.multi_items()
        pairs = [pair for pair in proper if pair[0] not in values]
        pairs += [(name, value) for name, both in values.items() for value in both]
        page = await browser.http.get("/authorize?" + urlencode(pairs))
        answer = await browser.decide(page) if page.status_code == 200 else page
        return "code" in front(answer)

    return probe


def sent_to(uri: str, **changes: str | None) -> Probe:
    """Whether a browser, logged in or not, is sent to an address that nobody registered."""

    async def probe(reference: Reference) -> bool:
        answers = [await one.ask(**changes) for one in (Browser(reference), await logged_in(reference))]
        return any(answer.headers.get("location", "").startswith(uri) for answer in answers)

    return probe


async def fixed_port(reference: Reference) -> bool:
    uri = "http://127.0.0.1:61234/callback"
    return not await coded("native", uri, redirect_uri=uri, scope="profile")(reference)


async def implicit(reference: Reference) -> bool:
    browser = await logged_in(reference)
    page = await browser.ask(response_type="token")
    token = front(await browser.decide(page)).get("access_token") if page.status_code == 200 else None
    return token is not None and (await api(browser.bare, token)).status_code == 200


async def framable(reference: Reference) -> bool:
    pages = [await Browser(reference).http.get("/login"), await (await logged_in(reference)).ask()]
    return any("frame-ancestors" not in page.headers["content-security-policy"] for page in pages)


async def consent_forged(reference: Reference) -> bool:
    """Bob knows what his own page of consent carries, and nothing of hers."""
    browser = await logged_in(reference)
    page = await (await logged_in(reference, "bob")).ask()
    handle = page.text.partition('name="request" value="')[2].partition('"')[0]
    elsewhere = {"Origin": "https://attacker.example", "Sec-Fetch-Site": "cross-site"}
    fields = {"request": handle, "decision": "allow"}
    return "code" in front(await browser.http.post("/consent", data=fields, headers=elsewhere))


async def by_password(reference: Reference) -> bool:
    fields = {"grant_type": "password", "username": "alice", "password": PASSWORD["alice"], "scope": "profile"}
    return took(await send(Browser(reference).bare, "/token", fields, "web"))


async def asked_once(reference: Reference) -> bool:
    browser = await logged_in(reference)
    await browser.tokens("native", "profile")
    return "code" in front(await browser.ask("native", "profile"))


def answered(test: Callable[[dict[str, str]], bool], **changes: str) -> Probe:
    """Whether the answer to the client passes a test."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        return test(front(await browser.decide(await browser.ask(**changes))))

    return probe


def announces(test: Callable[[dict[str, Any]], bool]) -> Probe:
    async def probe(reference: Reference) -> bool:
        return test((await Browser(reference).bare.get("/.well-known/oauth-authorization-server")).json())

    return probe


# Codes and PKCE


def redeems(
    asking: dict[str, str | None] | None = None, by: str = "web", edit: Callable[[str], str] = str, **changes: Any
) -> Probe:
    """Whether a code that was asked for like this is redeemed like that."""

    async def probe(reference: Reference) -> bool:
        browser = await logged_in(reference)
        code = await browser.allow(by, "profile", **(asking or {}))
        return bool(code) and took(await browser.redeem(edit(code), by, **changes))

    return probe


async def stolen_by_spa(reference: Reference) -> bool:
    browser = await logged_in(reference)
    return took(await browser.redeem(await browser.allow(), "spa", redirect_uri=URI["web"]))


async def replayed(reference: Reference, verifier: str = VERIFIER, refresh: bool = False) -> tuple[bool, Tokens]:
    """Whether the second redemption of a code gives a token, and what the first gave."""
    browser = await logged_in(reference)
    code = await browser.allow()
    first = Tokens(browser.bare, "web", await browser.redeem(code))
    first = await first.refreshed() if refresh else first
    return took(await browser.redeem(code, code_verifier=verifier)), first


async def reusable(reference: Reference) -> bool:
    return (await replayed(reference))[0]


async def access_spared(reference: Reference) -> bool:
    _, first = await replayed(reference)
    return await first.works() and not took((await first.refreshed()).answer)


async def refresh_spared(reference: Reference) -> bool:
    _, first = await replayed(reference)
    return not await first.works() and took((await first.refreshed()).answer)


async def descendants_spared(reference: Reference) -> bool:
    _, first = await replayed(reference)
    _, heir = await replayed(reference, refresh=True)
    return not await first.works() and await heir.works()


async def failed_replay_revokes(reference: Reference) -> bool:
    again, first = await replayed(reference, "w" * 43)
    return not again and not await first.works()


async def lives_long(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    reference.clock.advance(60)
    return took(await browser.redeem(code))


async def short(reference: Reference) -> bool:
    return len(await (await logged_in(reference)).allow()) < 32


async def refreshed_by_code(reference: Reference) -> bool:
    browser = await logged_in(reference)
    fields = {"grant_type": "refresh_token", "refresh_token": await browser.allow()}
    return took(await send(browser.bare, "/token", fields, "web"))


async def wider_at_redemption(reference: Reference) -> bool:
    browser = await logged_in(reference)
    answer = await browser.redeem(await browser.allow(scope="profile"), scope="profile notes.write")
    return bool(answer.json()["scope"] == "profile notes.write")


async def raced(reference: Reference) -> list[Tokens]:
    """The winners of eight redemptions of one code."""
    browser = await logged_in(reference)
    code = await browser.allow()
    answers = await asyncio.gather(*(browser.redeem(code) for _ in range(8)))
    return [Tokens(browser.bare, "web", answer) for answer in answers if took(answer)]


async def many_winners(reference: Reference) -> bool:
    return len(await raced(reference)) > 1


async def winner_lives(reference: Reference) -> bool:
    winners = await raced(reference)
    return len(winners) == 1 and await winners[0].works()


async def other_flow(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow()
    await browser.allow(code_challenge=s256("o" * 43))
    return took(await browser.redeem(code, code_verifier="o" * 43))


UNCHALLENGED: dict[str, str | None] = {"code_challenge": None, "code_challenge_method": None}
PROBES: dict[str, Probe] = {
    "response-type-optional": coded(response_type=None),
    "implicit-on": implicit,
    "authorize-last-wins": asked_twice(scope=("profile", "notes.read")),
    "unknown-client-redirected": sent_to(EVIL, client_id="nobody", redirect_uri=EVIL),
    "pages-framable": framable,
    "consent-forgeable": consent_forged,
    "password-grant": by_password,
    "scope-of-any-client": coded("native", scope="notes.write", redirect_uri=URI["native"]),
    "consent-remembered-for-all": asked_once,
    "state-decoded": answered(lambda told: told["state"] == "a b", state="a%20b"),
    "state-dropped": answered(lambda told: "state" not in told),
    "iss-missing": answered(lambda told: "iss" not in told),
    "issuer-of-another": announces(lambda told: told["issuer"] != ORIGIN),
    "metadata-incomplete": announces(lambda told: "response_types_supported" not in told),
    "metadata-boasts": announces(lambda told: "userinfo_endpoint" in told),
    "redirect-prefix": coded(redirect_uri=URI["web"] + "/more", uri=URI["web"] + "/more"),
    "redirect-same-host": coded(redirect_uri="https://web.client.example/x", uri="https://web.client.example/x"),
    "redirect-error-anywhere": sent_to(EVIL, redirect_uri=EVIL),
    "redirect-normalised": coded(
        redirect_uri="https://WEB.client.example/./callback", uri="https://WEB.client.example/./callback"
    ),
    "redirect-of-any-client": coded(redirect_uri=URI["spa"], uri=URI["spa"]),
    "redirect-fragment": coded(redirect_uri=URI["web"] + "#x"),
    "redirect-last-used": asked_twice(redirect_uri=(URI["web"], EVIL)),
    "loopback-port-fixed": fixed_port,
    "redirect-not-bound": redeems(redirect_uri=EVIL),
    "redirect-bound-to-client": redeems(by="native", redirect_uri="http://[::1]/callback"),
    "code-reusable": reusable,
    "replay-spares-access": access_spared,
    "replay-spares-refresh": refresh_spared,
    "replay-spares-descendants": descendants_spared,
    "failed-replay-revokes": failed_replay_revokes,
    "code-lives-long": lives_long,
    "code-of-any-client": stolen_by_spa,
    "code-short": short,
    "code-as-refresh-token": refreshed_by_code,
    "scope-at-redemption": wider_at_redemption,
    "code-race": many_winners,
    "race-losers-forgiven": winner_lives,
    "code-any-case": redeems(edit=str.swapcase),
    "code-prefix": redeems(edit=lambda code: code + "x"),
    "pkce-unknown": redeems(code_verifier="w" * 10),
    "pkce-optional-public": redeems(by="spa", asking=UNCHALLENGED, code_verifier=None),
    "pkce-optional-confidential": redeems(asking=UNCHALLENGED, code_verifier=None),
    "verifier-not-compared": redeems(code_verifier="w" * 43),
    "verifier-prefix": redeems(asking={"code_challenge": s256("v" * 43)}, code_verifier="v" * 44),
    "verifier-optional": redeems(code_verifier=None),
    "verifier-empty": redeems(code_verifier=""),
    "pkce-downgrade": redeems(asking=UNCHALLENGED),
    "challenge-as-verifier": redeems(code_verifier=s256(VERIFIER)),
    "pkce-plain": redeems(asking={"code_challenge": "p" * 43, "code_challenge_method": None}, code_verifier="p" * 43),
    "verifier-any-form": redeems(asking={"code_challenge": s256("short")}, code_verifier="short"),
    "verifier-of-any-flow": other_flow,
}
"""By the id of the fault."""
