"""The authorization server without faults: pushed requests (RFC 9126) and the logout that applications ask for."""

from __future__ import annotations

import pytest

from reference_impl import Clock, Reference, build
from tests.oauth_probes_par import BYE, PUSHED, allowed, bring, hint_of, is_in, leave, push, pushed
from tests.reference_oauth import URI, Browser, error, front, logged_in, send, took

pytestmark = pytest.mark.asyncio


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: 1_000_000.0)


@pytest.fixture
def reference(clock: Clock) -> Reference:
    return build("oauth", clock=clock)


# Pushing


async def test_a_push_is_answered_with_a_reference(reference: Reference) -> None:
    answer = await push(Browser(reference))
    told = answer.json()
    assert (answer.status_code, told["expires_in"], answer.headers["cache-control"]) == (201, 60, "no-store")
    assert told["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert len(told["request_uri"].rpartition(":")[2]) == 43


@pytest.mark.parametrize("client", ["web", "spa"])
async def test_a_reference_leads_to_what_was_pushed(reference: Reference, client: str) -> None:
    browser = await logged_in(reference)
    value = await pushed(browser, client)
    told = await allowed(browser, await bring(browser, value, client, state="other", scope="notes.write"))
    assert told["state"] == "state-1"
    answer = await browser.redeem(told["code"], client)
    assert took(answer)
    assert answer.json()["scope"] == PUSHED


async def test_a_page_may_be_loaded_again_until_its_user_decides(reference: Reference) -> None:
    browser = await logged_in(reference)
    value = await pushed(browser)
    await bring(browser, value)
    page = await bring(browser, value)
    assert "code" in await allowed(browser, page)
    assert (await bring(browser, value)).status_code == 400


async def test_a_no_spends_a_reference_too(reference: Reference) -> None:
    browser = await logged_in(reference)
    value = await pushed(browser)
    answer = await browser.decide(await bring(browser, value), "deny")
    assert front(answer)["error"] == "access_denied"
    assert (await bring(browser, value)).status_code == 400


async def test_a_reference_survives_the_login(reference: Reference) -> None:
    browser = Browser(reference)
    login = (await bring(browser, await pushed(browser))).headers["location"]
    answer = await browser.login(page=login)
    assert "code" in await allowed(browser, await browser.http.get(answer.headers["location"]))


async def test_a_reference_lives_for_a_minute(reference: Reference, clock: Clock) -> None:
    browser = await logged_in(reference)
    value = await pushed(browser)
    clock.advance(59)
    page = await bring(browser, value)
    clock.advance(30)
    assert (await bring(browser, value)).status_code == 400
    assert "code" in await allowed(browser, page), "who was asked in time may take time to answer"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "https://attacker.example/callback"}, "invalid_request"),
        ({"client_id": "spa"}, "invalid_request"),
        ({"client_id": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"request_uri": "https://attacker.example/request.jwt"}, "invalid_request"),
    ],
)
async def test_what_would_be_refused_later_is_refused_at_once(
    reference: Reference, changes: dict[str, str | None], code: str
) -> None:
    browser = Browser(reference)
    scope = changes.get("scope") or PUSHED
    answer = await push(browser, scope=scope, **{n: v for n, v in changes.items() if n != "scope"})
    assert error(answer) == (400, code)


async def test_a_push_proves_its_client(reference: Reference) -> None:
    browser = Browser(reference)
    proper = browser.request("web", PUSHED)
    assert error(await browser.bare.post("/par", data=proper)) == (401, "invalid_client")
    assert error(await browser.bare.post("/par", data=proper, auth=("web", "x"))) == (401, "invalid_client")
    assert (await browser.bare.get("/par", params=proper)).status_code == 405
    secret = {"client_secret": "a-secret-that-is-none"}
    assert error(await browser.bare.post("/par", data={**proper, **secret})) == (401, "invalid_client")


async def test_a_reference_is_its_clients_own(reference: Reference) -> None:
    browser = await logged_in(reference)
    value = await pushed(browser)
    assert (await bring(browser, value, "spa")).status_code == 400
    assert (await bring(browser, value + "x")).status_code == 400
    assert "code" in await allowed(browser, await bring(browser, value))


@pytest.mark.parametrize("variant", ["par-required", "par-required-web"])
async def test_who_must_push_gets_nothing_otherwise(variant: str) -> None:
    browser = await logged_in(build("oauth", [variant]))
    assert front(await browser.ask())["error"] == "invalid_request"
    assert "code" in await allowed(browser, await bring(browser, await pushed(browser)))
    plain = front(await browser.ask("spa"))
    assert ("error" in plain) is (variant == "par-required")


async def test_a_login_that_is_asked_for_happens_once() -> None:
    browser = await logged_in(build("oauth", ["openid"]))
    value = await pushed(browser, prompt="login")
    login = await bring(browser, value)
    assert login.headers["location"].startswith("/login?next=")
    answer = await browser.login(page=login.headers["location"])
    assert "code" in await allowed(browser, await browser.http.get(answer.headers["location"]))


async def test_variants_of_pushing() -> None:
    browser = await logged_in(build("oauth", ["par-opened-once"]))
    value = await pushed(browser)
    page = await bring(browser, value)
    assert (await bring(browser, value)).status_code == 400
    assert "code" in await allowed(browser, page)
    browser = await logged_in(build("oauth", ["par-checked-later"]))
    value = await pushed(browser, redirect_uri="https://attacker.example/callback")
    assert (await bring(browser, value)).status_code == 400
    browser = Browser(build("oauth", ["par-confidential-only"]))
    assert error(await push(browser, "spa")) == (400, "unauthorized_client")
    browser = await logged_in(build("oauth", ["par-new-redirects"]))
    new = "https://web.client.example/another"
    page = await bring(browser, await pushed(browser, redirect_uri=new))
    assert (await browser.decide(page)).headers["location"].startswith(f"{new}?code=")
    assert error(await push(browser, "spa", redirect_uri=new)) == (400, "invalid_request")
    assert (await browser.ask(redirect_uri=new)).status_code == 400
    described = build("oauth", ["par-required-web"]).describe("http://127.0.0.1:1")["oauth"]["clients"]
    assert described["web"]["require_pushed_authorization_requests"]
    assert "require_pushed_authorization_requests" not in described["spa"]


# Logging out on an application's word


@pytest.fixture
def provider(clock: Clock) -> Reference:
    return build("oauth", ["openid"], clock=clock)


async def test_the_user_is_asked(provider: Reference) -> None:
    browser = await logged_in(provider)
    hint = await hint_of(browser)
    page = await leave(browser, id_token_hint=hint, post_logout_redirect_uri=BYE, state="a b")
    assert await is_in(browser)
    refusal = await browser.submit(page, "/end-session/decide", {"logout": "no"})
    assert (refusal.status_code, await is_in(browser)) == (200, True)
    answer = await browser.submit(page, "/end-session/decide", {"logout": "yes"})
    assert answer.headers["location"] == f"{BYE}?state=a+b"
    assert not await is_in(browser)


async def test_a_logout_ends_what_was_granted(provider: Reference) -> None:
    browser = await logged_in(provider)
    tokens, hint = await browser.tokens("spa"), await hint_of(browser)
    await leave(browser, True, id_token_hint=hint)
    assert not await tokens.works()


async def test_an_expired_proof_is_one(provider: Reference, clock: Clock) -> None:
    browser = await logged_in(provider)
    hint = await hint_of(browser)
    clock.advance(400)
    assert (await leave(browser, True, id_token_hint=hint, post_logout_redirect_uri=BYE)).headers["location"] == BYE


async def test_nobody_logged_in_is_no_error(provider: Reference) -> None:
    browser = await logged_in(provider)
    hint = await hint_of(browser)
    stranger = Browser(provider)
    assert (await leave(stranger)).status_code == 200
    answer = await leave(stranger, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert answer.headers["location"] == BYE
    assert await is_in(browser)


@pytest.mark.parametrize(
    "params",
    [
        {"post_logout_redirect_uri": f"{BYE}/"},
        {"post_logout_redirect_uri": "https://attacker.example/"},
        {"post_logout_redirect_uri": URI["web"]},
        {"client_id": "spa"},
    ],
)
async def test_a_wrong_request_ends_nothing(provider: Reference, params: dict[str, str]) -> None:
    browser = await logged_in(provider)
    answer = await leave(browser, True, id_token_hint=await hint_of(browser), **params)
    assert answer.status_code == 400
    assert await is_in(browser)


async def test_no_other_token_is_a_proof(provider: Reference) -> None:
    browser = await logged_in(provider)
    tokens = await browser.tokens()
    for hint in (tokens.access, "x.y.z", (await hint_of(browser))[:-8] + "AAAAAAAA"):
        assert (await leave(browser, True, id_token_hint=hint)).status_code == 400
    assert await is_in(browser)


async def test_the_answer_cannot_be_forged(provider: Reference) -> None:
    browser = await logged_in(provider)
    elsewhere = {"Origin": "https://attacker.example"}
    answer = await browser.http.post("/end-session/decide", data={"logout": "yes"}, headers=elsewhere)
    assert answer.status_code == 403
    answer = await browser.http.post("/end-session/decide", data={"logout": "yes"})
    assert answer.status_code == 403
    assert await is_in(browser)


async def test_post_asks_as_well(provider: Reference) -> None:
    browser = await logged_in(provider)
    page = await browser.http.post("/end-session", data={"client_id": "web"})
    assert "/end-session/decide" in page.text
    assert await is_in(browser)


async def test_quiet_logout_believes_the_users_own_proof_alone() -> None:
    reference = build("oauth", ["openid", "end-session-quiet"])
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    await leave(alice, id_token_hint=await hint_of(bob))
    await leave(alice)
    assert await is_in(alice)
    await leave(alice, id_token_hint=await hint_of(alice))
    assert not await is_in(alice)


async def test_plain_server_has_no_such_logout(reference: Reference) -> None:
    browser = await logged_in(reference)
    assert (await leave(browser)).status_code == 404
    told = (await browser.bare.get("/.well-known/oauth-authorization-server")).json()
    assert "end_session_endpoint" not in told
    assert told["pushed_authorization_request_endpoint"].endswith("/par")
    assert took(await send(browser.bare, "/token", {**_redeem(await browser.allow())}, "web"))


def _redeem(code: str) -> dict[str, str]:
    return {"grant_type": "authorization_code", "code": code, "code_verifier": "v" * 41 + "-1"}
