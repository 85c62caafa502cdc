"""Clients of the authorization server that sign assertions: what counts, what does not, and by which algorithm."""

from __future__ import annotations

import json

import pytest

from conformance.attacks.assertions import loaded
from conformance.attacks.jwt import signed
from reference_impl import build
from tests.oauth_probes_jwts import CLIENT, SOUND, WRONG, asserted, key, redeemed
from tests.reference_oauth import logged_in, took

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("what", SOUND)
async def test_a_proper_assertion_counts(what: str) -> None:
    assert await SOUND[what](build("oauth", []))


@pytest.mark.parametrize("what", WRONG)
async def test_anything_else_does_not(what: str) -> None:
    assert not await WRONG[what](build("oauth", []))


async def test_a_client_signs_with_its_own_algorithm_for_the_issuer_and_shortly() -> None:
    reference = build("oauth", ["assertion-fapi"])
    browser, signer = await logged_in(reference), key(reference, "PS256")

    async def counts(**changes: object) -> bool:
        return took(
            await redeemed(browser, **asserted(signer.signed({**signer.claims(CLIENT), **changes}, alg="PS256")))
        )

    assert await counts()
    assert not await counts(aud=f"{signer.audience}/token")
    assert not await counts(exp=int(reference.clock.now()) + 90)
    assert not took(await redeemed(browser, **asserted(key(reference).assertion(CLIENT))))


async def test_an_assertion_is_needed_for_revocation_too() -> None:
    reference = build("oauth", [])
    browser, signer = await logged_in(reference), key(reference)
    told = (await redeemed(browser, **asserted(signer.assertion(CLIENT)))).json()
    form = {"token": told["refresh_token"], "client_id": CLIENT}
    assert (await browser.bare.post("/revoke", data=form)).status_code == 401
    answer = await browser.bare.post("/revoke", data={**form, **asserted(signer.assertion(CLIENT))})
    assert answer.status_code == 200


async def test_an_id_is_forgotten_with_its_assertion() -> None:
    reference = build("oauth", [])
    browser, signer = await logged_in(reference), key(reference)
    first = {**signer.claims(CLIENT), "jti": "the same"}
    assert took(await redeemed(browser, **asserted(signer.signed(first))))
    assert not took(await redeemed(browser, **asserted(signer.signed(first))))
    reference.clock.advance(61)
    assert took(await redeemed(browser, **asserted(signer.signed({**signer.claims(CLIENT), "jti": "the same"}))))


@pytest.mark.parametrize("odd", [{"exp": 10**400}, {"nbf": 10**400}])
async def test_dates_beyond_all_numbers_are_refused(odd: dict[str, int]) -> None:
    reference = build("oauth")
    signer = key(reference)
    answer = await redeemed(await logged_in(reference), **asserted(signer.signed({**signer.claims(CLIENT), **odd})))
    assert 400 <= answer.status_code < 500


async def test_an_id_that_is_no_text_breaks_nothing() -> None:
    reference = build("oauth")
    signer = key(reference)
    told = json.dumps({**signer.claims(CLIENT), "jti": "\ud800"}).encode()
    odd = signed(json.dumps(signer.header).encode(), told, "ES256", loaded(signer.text)[0])
    assert (await redeemed(await logged_in(reference), **asserted(odd))).status_code < 500
