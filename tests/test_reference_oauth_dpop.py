"""The authorization server with DPoP: what a sound client gets, and the variants."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from reference_impl import Clock, build
from tests.oauth_probes_dpop import TOKEN, Bound, Key, bound, redeemed
from tests.reference_oauth import ORIGIN, Browser, claims, error, logged_in, send, took

pytestmark = pytest.mark.asyncio
NOW = 1_000_000.0


def challenge(answer: httpx.Response) -> str:
    return answer.headers.get("www-authenticate", "")


async def test_a_proof_binds_the_token_to_its_key() -> None:
    client = await bound(build("oauth"))
    assert client.answer.json()["token_type"] == "DPoP"
    assert claims(client.access)["cnf"] == {"jkt": client.key.jkt}
    assert (await client.opens(client.proof())).json()["name"] == "alice"
    told = (await send(client.browser.bare, "/introspect", {"token": client.access}, "api")).json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": client.key.jkt})


async def test_without_a_proof_tokens_are_bearer_tokens_as_before() -> None:
    tokens = await (await logged_in(build("oauth"))).tokens()
    assert tokens.answer.json()["token_type"] == "Bearer"
    assert await tokens.works()
    key = Key()
    client = Bound(await logged_in(build("oauth")), key, "web", tokens.answer)
    answer = await Bound(client.browser, key, "web", tokens.answer).opens(client.proof())
    assert answer.status_code == 401


async def test_the_metadata_names_the_algorithms() -> None:
    async def told(*variants: str) -> Any:
        browser = Browser(build("oauth", variants))
        return (await browser.bare.get("/.well-known/oauth-authorization-server")).json()

    assert "ES256" in (await told())["dpop_signing_alg_values_supported"]
    assert (await told("dpop-strict"))["dpop_signing_alg_values_supported"] == ["ES256"]
    assert "dpop_signing_alg_values_supported" not in await told("dpop-off")


async def test_a_refused_proof_is_named() -> None:
    client = await bound(build("oauth"))
    answer = await redeemed(client.browser, await client.browser.allow(), "web", "no proof")
    assert error(answer) == (400, "invalid_dpop_proof")
    refused = await client.opens("no proof")
    assert refused.status_code == 401
    assert challenge(refused).startswith("DPoP ")
    assert 'error="invalid_dpop_proof", algs="ES256 ' in challenge(refused)


async def test_the_spelling_of_an_address_does_not_count() -> None:
    client = await bound(build("oauth"))
    spelled = client.proof(htu="HTTPS://OAUTH.reference.example:443/api/me?x#y")
    assert (await client.opens(spelled)).status_code == 200
    strict = await bound(build("oauth", ["dpop-strict"]))
    assert (await strict.opens(strict.proof(htu="HTTPS://OAUTH.reference.example/api/me"))).status_code == 401


async def test_refresh_tokens_of_public_clients_alone_are_bound() -> None:
    public, web = await bound(build("oauth"), "spa"), await bound(build("oauth"))
    assert error(await public.refreshed(Key())) == (400, "invalid_grant")
    assert took(await public.refreshed(public.key))
    other = Key()
    again = await web.refreshed(other)
    assert claims(again.json()["access_token"])["cnf"] == {"jkt": other.jkt}


async def test_a_wrong_key_does_not_spend_the_code() -> None:
    browser, key = await logged_in(build("oauth")), Key()
    code = await browser.allow(dpop_jkt=key.jkt)
    assert error(await redeemed(browser, code, "web")) == (400, "invalid_grant")
    assert error(await redeemed(browser, code, "web", Key().proof("POST", TOKEN))) == (400, "invalid_grant")
    assert took(await redeemed(browser, code, "web", key.proof("POST", TOKEN)))


@pytest.mark.parametrize(
    ("variant", "old", "early"), [("", 60, 10), ("dpop-strict", 30, 2), ("dpop-lenient", 300, 300)]
)
async def test_proofs_are_good_for_a_while(variant: str, old: int, early: int) -> None:
    reference = build("oauth", [variant] if variant else [], clock=Clock(lambda: NOW))
    browser = await logged_in(reference)
    for iat, good in ((NOW - old, True), (NOW - old - 1, False), (NOW + early, True), (NOW + early + 1, False)):
        proof = Key().proof("POST", TOKEN, iat=int(iat))
        assert took(await redeemed(browser, await browser.allow(), "web", proof)) is good


async def test_demanded() -> None:
    reference = build("oauth", ["dpop-demanded"])
    browser = await logged_in(reference)
    assert error(await browser.redeem(await browser.allow())) == (400, "invalid_dpop_proof")
    client = await bound(reference)
    assert (await client.opens(client.proof())).status_code == 200
    assert took(await client.refreshed(client.key))
    assert reference.describe(ORIGIN)["oauth"]["dpop"] is True


async def test_each_place_has_its_own_nonce() -> None:
    clock = Clock(time.time)
    browser, key = await logged_in(build("oauth", ["dpop-nonce"], clock=clock)), Key()
    answer = await redeemed(browser, await browser.allow(), "web", key.proof("POST", TOKEN))
    assert error(answer) == (400, "use_dpop_nonce")
    nonce = answer.headers["dpop-nonce"]
    answer = await redeemed(browser, await browser.allow(), "web", key.proof("POST", TOKEN, nonce=nonce))
    client = Bound(browser, key, "web", answer)
    refused = await client.opens(client.proof(nonce=nonce))
    assert (refused.status_code, "use_dpop_nonce" in challenge(refused)) == (401, True)
    other = refused.headers["dpop-nonce"]
    assert other != nonce
    assert (await client.opens(client.proof(nonce=other))).status_code == 200
    clock.advance(121)
    assert (await client.opens(client.proof(nonce=other))).status_code == 401


async def test_off_knows_nothing_of_proofs() -> None:
    client = await bound(build("oauth", ["dpop-off"]))
    assert client.answer.json()["token_type"] == "Bearer"
    assert (await client.opens(client.proof())).status_code == 401
    assert (await client.opens(scheme="Bearer")).status_code == 200


@pytest.mark.parametrize("odd", [{"iat": 10**400}, {"iat": -(10**400)}, {"jti": "\ud800"}])
async def test_odd_claims_break_nothing(odd: dict[str, Any]) -> None:
    browser = await logged_in(build("oauth"))
    answer = await redeemed(browser, await browser.allow(), "web", Key().proof("POST", TOKEN, **odd))
    assert answer.status_code < 500


async def test_a_hash_that_is_no_text_breaks_nothing() -> None:
    client = await bound(build("oauth"))
    assert (await client.opens(client.proof(ath="\ud800"))).status_code == 401
