"""The authorization server without faults: what ends a grant, revocation, introspection and the API, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from reference_impl import Clock, Reference, build
from reference_impl.oauth_clients import SECRETS
from tests.reference_oauth import (
    PASSWORD,
    Browser,
    Tokens,
    api,
    claims,
    error,
    logged_in,
    send,
    took,
)

pytestmark = pytest.mark.asyncio


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: 1_000_000.0)


@pytest.fixture
def reference(clock: Clock) -> Reference:
    return build("oauth", clock=clock)


# What ends a grant


async def dead(tokens: Tokens) -> bool:
    """Neither token works; that both say so is asserted."""
    renewed = took((await tokens.refreshed()).answer)
    assert renewed is await tokens.works() is (await tokens.active())["active"]
    return not renewed


@pytest.mark.parametrize("act", ["logout", "withdraw", "password", "disable", "delete", "end-sessions", "other-user"])
async def test_what_ends_a_grant(reference: Reference, act: str) -> None:
    browser, elsewhere, bob = [await logged_in(reference, name) for name in ("alice", "alice", "bob")]
    mine, other, bobs = await browser.tokens(), await elsewhere.tokens("spa"), await bob.tokens()
    if act == "logout":
        assert (await browser.logout()).status_code == 303
    elif act == "withdraw":
        assert "spa" in (await browser.http.get("/grants")).text
        assert (await browser.withdraw("web")).headers["location"] == "/grants"
        assert "/grants/web/" not in (await browser.http.get("/grants")).text
    elif act == "password":
        assert (await browser.change_password("alice-Moves-9-Blue-Herons")).headers["location"] == "/account"
    elif act == "other-user":
        assert (await browser.login("bob")).status_code == 303
    else:
        assert (await browser.administer(act)).status_code == 200
    assert await dead(mine)
    assert await dead(other) is (act not in ("logout", "withdraw", "other-user"))
    assert not await dead(bobs)
    if act == "disable":
        await browser.administer("enable")
        assert await dead(mine)


async def test_logging_in_again_keeps_the_grants_until_logout(reference: Reference) -> None:
    browser = await logged_in(reference)
    tokens = await browser.tokens()
    await browser.login()
    assert await tokens.works()
    await browser.logout()
    assert await dead(tokens)


async def test_grants_outlive_the_idle_browser(reference: Reference, clock: Clock) -> None:
    browser = await logged_in(reference)
    tokens = await browser.tokens()
    clock.advance(1000)
    assert (await browser.http.get("/account")).status_code == 401
    assert await (await tokens.refreshed()).works()


async def test_password_change_asks_for_the_password(reference: Reference) -> None:
    browser = await logged_in(reference)
    tokens = await browser.tokens()
    for fields, status in (({"current": "x", "new": "y" * 20}, 403), ({"current": PASSWORD["alice"], "new": "y"}, 422)):
        page = await browser.http.get("/account")
        assert (await browser.submit(page, "/password", fields)).status_code == status
    assert await tokens.works()


async def test_replicas_share_what_was_granted(tmp_path: Path) -> None:
    here, there = (build("oauth", store=f"sqlite:///{tmp_path}/oauth.db") for _ in range(2))
    browser, other = await logged_in(here), Browser(there)
    code = await browser.allow()
    tokens = Tokens(other.bare, "web", await other.redeem(code))
    assert await tokens.works()
    heir = Tokens(browser.bare, "web", (await tokens.refreshed()).answer)
    assert error(await browser.redeem(code)) == (400, "invalid_grant")
    assert not await tokens.works()
    assert not await heir.works()


# Revocation and introspection


async def test_revocation(reference: Reference) -> None:
    browser = await logged_in(reference)
    first, second = await browser.tokens(), await browser.tokens()
    assert error(await first.revoke(by="spa")) == (400, "invalid_grant")
    assert error(await first.revoke("access", by="spa")) == (400, "invalid_grant")
    assert (await first.revoke("access")).status_code == 200
    assert not await first.works()
    renewed = await first.refreshed()
    assert await renewed.works()
    for hint in ("access_token", "nonsense"):
        fields = {"token": first.refresh, "token_type_hint": hint}
        assert (await send(first.http, "/revoke", fields, "web")).status_code == 200
    assert await dead(renewed)
    assert await second.works()
    for token in (first.refresh, first.access, "made-up", "a.b.c", "\xe9"):
        assert (await send(first.http, "/revoke", {"token": token}, "web")).status_code == 200
    assert error(await send(first.http, "/revoke", {}, "web")) == (400, "invalid_request")
    unproven = {"token": second.access, "client_id": "web"}
    assert error(await first.http.post("/revoke", data=unproven)) == (401, "invalid_client")


async def test_introspection(reference: Reference, clock: Clock) -> None:
    tokens = await (await logged_in(reference)).tokens()
    said = {name: value for name, value in claims(tokens.access).items() if name != "grant"}
    assert await tokens.active() == {"active": True, "token_type": "Bearer", **said}
    for token in (tokens.refresh, "x", tokens.access[:-2]):
        assert (await send(tokens.http, "/introspect", {"token": token}, "api")).json() == {"active": False}
    fields = {"token": tokens.access}
    assert error(await send(tokens.http, "/introspect", fields, None)) == (401, "invalid_client")
    for client in ("web", "spa"):
        assert error(await send(tokens.http, "/introspect", fields, client)) == (400, "unauthorized_client")
    clock.advance(300)
    assert await tokens.active() == {"active": False}


# The API


async def test_each_action_needs_its_scope(reference: Reference) -> None:
    browser = await logged_in(reference)
    opens = {"profile": "GET /api/me", "notes.read": "GET /api/note", "notes.write": "POST /api/note"}
    for held in opens:
        tokens = await browser.tokens(scope=held)
        for needed, what in opens.items():
            answer = await tokens.api(what)
            assert answer.status_code == (200 if held == needed else 403)
            challenge = f'Bearer realm="oauth", error="insufficient_scope", scope="{needed}"'
            assert answer.headers.get("www-authenticate") == (None if held == needed else challenge)
    assert (await (await browser.tokens()).api("GET /api/note")).json() == {"note": "a note"}


async def test_api_takes_access_tokens_in_the_header_only(reference: Reference, clock: Clock) -> None:
    browser = await logged_in(reference)
    tokens, code = await browser.tokens(), await browser.allow()

    async def answered(**options: Any) -> tuple[int, str | None]:
        answer: httpx.Response = await browser.bare.get("/api/me", **options)
        return answer.status_code, answer.headers.get("www-authenticate")

    nothing = (401, 'Bearer realm="oauth"')
    assert await answered() == await answered(params={"access_token": tokens.access}) == nothing
    assert await answered(auth=("web", SECRETS["web"])) == nothing
    for wrong in (tokens.refresh, code, "", "x" * 9000, tokens.access + "="):
        answer = await api(browser.bare, wrong)
        assert (answer.status_code, "invalid_token" in answer.headers["www-authenticate"]) == (401, True)
    twice = [("Authorization", f"Bearer {tokens.access}")] * 2
    assert (await answered(headers=twice))[0] == 400
    clock.advance(299.5)
    assert await tokens.works()
    clock.advance(0.5)
    assert not await tokens.works()
