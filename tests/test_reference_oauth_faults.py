"""The authorization server's faults and variants: wrong in exactly one way with each, at work in each variant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.standards import requirements
from reference_impl import FAULTS, VARIANTS, Clock, build
from reference_impl.oauth_access import half_of
from tests import (
    oauth_probes_back,
    oauth_probes_dpop,
    oauth_probes_front,
    oauth_probes_jwts,
    oauth_probes_odd,
    oauth_probes_par,
    rest_probes,
)
from tests.oauth_probes_par import bring, pushed
from tests.reference_oauth import (
    EVERYTHING,
    ORIGIN,
    URI,
    Browser,
    Tokens,
    claims,
    error,
    front,
    logged_in,
    send,
    took,
)

pytestmark = pytest.mark.asyncio
OAUTH_FAULTS = {fault.id: fault for fault in FAULTS if fault.scheme == "oauth"}
OAUTH_VARIANTS = [v.id for v in VARIANTS if "oauth" in v.schemes and v.id != "dpop-demanded"]
"""Those that serve a client without a key; `test_reference_oauth_dpop.py` is about the other one."""
PROBES = {
    **oauth_probes_front.PROBES, **oauth_probes_back.PROBES, **oauth_probes_odd.PROBES, **oauth_probes_dpop.PROBES,
    **oauth_probes_par.PROBES, **oauth_probes_jwts.PROBES, **rest_probes.OAUTH,
}  # fmt: skip
BASE = {
    "logout-keeps-session": ["openid"], "id-token-of-another": ["openid"], "any-token-as-hint": ["openid"],
    "session-at-the-api": ["session-jwt"], "dpop-any-nonce": ["dpop-nonce"], "par-not-required": ["par-required"],
    **{fault: ["openid"] for fault in oauth_probes_par.PROBES if fault.startswith("end-session")},
    "end-session-hint-unverified": ["openid", "end-session-quiet"],
    **rest_probes.OAUTH_BASE,
}  # fmt: skip
"""The sound server that a fault is compared with, where that is not the default."""


async def test_each_fault_is_probed() -> None:
    assert set(PROBES) == set(OAUTH_FAULTS)
    assert not set(oauth_probes_front.PROBES) & set(oauth_probes_back.PROBES)


@pytest.mark.parametrize("fault", PROBES)
async def test_fault_does_what_it_says_and_the_sound_server_does_not(fault: str) -> None:
    assert await PROBES[fault](build("oauth", [fault]))
    assert not await PROBES[fault](build("oauth", BASE.get(fault, [])))


async def test_fault_rows_are_well_formed() -> None:
    known = {one.id for one in requirements()}
    for fault in OAUTH_FAULTS.values():
        assert fault.summary.endswith(".")
        assert fault.primary.startswith(("oauth.", "refresh.", "bearer.", "token."))
        assert all(source in known for source in fault.sources), fault
    assert len(OAUTH_FAULTS) == sum(fault.scheme == "oauth" for fault in FAULTS)


@pytest.mark.parametrize("switch", [*OAUTH_VARIANTS, *sorted(OAUTH_FAULTS)])
async def test_every_server_serves_its_users(switch: str) -> None:
    reference = build("oauth", [switch])
    browser = Browser(reference)
    # Everybody shows secrets in the header here; without it only a client that has none is served.
    client = "spa" if switch == "basic-off" else "web"
    # Who must push is served by reference.
    pushing = switch in ("par-required", "par-required-web")
    asked = await (bring(browser, await pushed(browser, scope=EVERYTHING)) if pushing else browser.ask(client))
    answer = await browser.login(page=asked.headers["location"])
    page = await browser.http.get(answer.headers["location"])
    code = front(await browser.decide(page))["code"]
    tokens = Tokens(browser.bare, client, await browser.redeem(code, client))
    assert (await tokens.api()).json()["name"] == "alice"
    assert (await (await tokens.refreshed()).api("GET /api/note")).status_code == 200
    json.dumps(reference.describe(ORIGIN))


# Variants


async def test_openid_says_who_logged_in() -> None:
    clock = Clock(lambda: 1_000_000.0)
    browser = await logged_in(build("oauth", ["openid"], clock=clock))
    clock.advance(30)
    tokens = Tokens(browser.bare, "spa", await browser.redeem(await browser.allow("spa", "openid", nonce="n"), "spa"))
    told = claims(tokens.answer.json()["id_token"])
    assert told == {
        "iss": ORIGIN, "aud": "spa", "sub": claims(tokens.access)["sub"], "nonce": "n",
        "iat": 1_000_030, "exp": 1_000_330, "auth_time": 1_000_000, "at_hash": half_of(tokens.access),
    }  # fmt: skip
    refreshed = await tokens.refreshed()
    again = claims(refreshed.answer.json()["id_token"])
    kept = {name: value for name, value in told.items() if name != "nonce"}
    assert again == {**kept, "at_hash": half_of(refreshed.access)}
    assert (await browser.bare.get("/.well-known/openid-configuration")).json()["issuer"] == ORIGIN


async def test_openid_prompts() -> None:
    browser = Browser(build("oauth", ["openid"]))
    assert front(await browser.ask(prompt="none"))["error"] == "login_required"
    await browser.login()
    assert front(await browser.ask(prompt="none")) == {"error": "consent_required", "state": "state-1", "iss": ORIGIN}
    await browser.allow()
    assert "code" in front(await browser.ask(prompt="none"))
    assert front(await browser.ask("spa", prompt="none"))["error"] == "consent_required"
    again = await browser.ask(prompt="login")
    assert again.headers["location"].startswith("/login?next=")
    done = await browser.login(page=again.headers["location"])
    assert "prompt" not in done.headers["location"]
    await browser.logout()
    assert front(await browser.ask(prompt="none"))["error"] == "login_required"


async def test_id_token_opens_nothing() -> None:
    browser = await logged_in(build("oauth", ["openid"]))
    tokens = await browser.tokens(scope=f"openid {EVERYTHING}")
    answer = await browser.bare.get("/api/me", headers={"Authorization": f"Bearer {tokens.answer.json()['id_token']}"})
    assert answer.status_code == 401


async def test_plain_server_knows_no_openid() -> None:
    browser = await logged_in(build("oauth"))
    assert front(await browser.ask(scope="openid"))["error"] == "invalid_scope"
    assert (await browser.ask(prompt="none")).status_code == 200
    assert (await browser.http.get("/.well-known/openid-configuration")).status_code == 404


async def test_confidential_client_keeps_its_token_without_rotation() -> None:
    browser = await logged_in(build("oauth", ["no-rotation"]))
    web, spa = await browser.tokens(), await browser.tokens("spa")
    again = await web.refreshed()
    assert again.refresh == web.refresh
    assert (await spa.refreshed()).refresh != spa.refresh
    await web.revoke()
    assert error((await again.refreshed()).answer) == (400, "invalid_grant")


async def test_grace_gives_the_same_successor_for_a_while() -> None:
    clock = Clock(lambda: 1_000_000.0)
    tokens = await (await logged_in(build("oauth", ["grace-30"], clock=clock))).tokens()
    first = await tokens.refreshed()
    clock.advance(29)
    again = await tokens.refreshed()
    assert again.refresh == first.refresh
    clock.advance(1)
    assert error((await tokens.refreshed()).answer) == (400, "invalid_grant")
    assert not await first.works()


async def test_opaque_tokens_are_known_to_the_server_alone() -> None:
    clock = Clock(lambda: 1_000_000.0)
    tokens = await (await logged_in(build("oauth", ["opaque"], clock=clock))).tokens()
    assert "." not in tokens.access
    assert (await tokens.active())["scope"] == EVERYTHING
    clock.advance(299)
    assert await tokens.works()
    clock.advance(1)
    assert not await tokens.works()
    assert await tokens.active() == {"active": False}


async def test_another_resource_server_introspects() -> None:
    reference = build("oauth", ["introspection-other-credentials"])
    tokens = await (await logged_in(reference)).tokens()
    described: dict[str, Any] = reference.describe(ORIGIN)["oauth"]
    client = described["clients"][described["introspection_client"]]
    fields = {"token": tokens.access, "client_id": "gateway", "client_secret": client["secret"]}
    assert (await tokens.http.post("/introspect", data=fields)).json()["active"]
    assert error(await send(tokens.http, "/introspect", {"token": tokens.access}, "api")) == (401, "invalid_client")


@pytest.mark.parametrize("variant", ["consent-remembered", "openid"])
async def test_confidential_client_is_remembered_until_withdrawn(variant: str) -> None:
    browser = await logged_in(build("oauth", [variant]))
    await browser.allow(scope="profile notes.read")
    assert "code" in front(await browser.ask(scope="notes.read"))
    assert (await browser.ask(scope="notes.write")).status_code == 200
    await browser.allow("spa")
    assert (await browser.ask("spa")).status_code == 200
    await browser.withdraw("web")
    assert (await browser.ask(scope="notes.read")).status_code == 200


async def test_foreign_scopes_are_left_out() -> None:
    browser = await logged_in(build("oauth", ["scope-narrowed"]))
    answer = await browser.redeem(await browser.allow("native", "notes.read notes.write"), "native")
    assert answer.json()["scope"] == "notes.read"


async def test_small_differences() -> None:
    assert (await (await logged_in(build("oauth", ["redirect-302"]))).ask("spa", "x")).status_code == 302
    browser = await logged_in(build("oauth", ["no-iss"]))
    assert "iss" not in front(await browser.decide(await browser.ask()))
    browser = await logged_in(build("oauth", ["invalid-client-400"]))
    wrong = {"client_id": "web", "client_secret": "x"}
    assert error(await browser.bare.post("/token", data=wrong)) == (400, "invalid_client")
    answer = await browser.bare.post("/token", data={"client_id": "web"}, auth=("web", "x"))
    assert error(answer) == (401, "invalid_client")
    tokens = await (await logged_in(build("oauth", ["revoke-foreign-quietly"]))).tokens()
    assert ((await tokens.revoke(by="spa")).status_code, await tokens.works()) == (200, True)
    browser = await logged_in(build("oauth", ["status-403"]))
    assert (await browser.bare.get("/api/me")).status_code == 403
    tokens = await (await logged_in(build("oauth", ["extra-members"]))).tokens()
    assert took(tokens.answer)
    assert tokens.answer.json()["ext_expires_in"] == 300
    described = build("oauth", ["secret-post"]).describe(ORIGIN)["oauth"]["clients"]["web"]
    assert (described["auth"], described["redirect_uri"]) == ("post", URI["web"])
