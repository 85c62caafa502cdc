"""The authorization server without faults: codes and the token endpoint, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from reference_impl import Clock, Reference, build
from reference_impl.oauth_clients import SECRETS
from tests.reference_oauth import (
    EVERYTHING,
    ORIGIN,
    URI,
    VERIFIER,
    Browser,
    Tokens,
    claims,
    error,
    logged_in,
    s256,
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


# Codes


async def test_code_works_once_and_its_replay_ends_everything(reference: Reference, clock: Clock) -> None:
    browser = await logged_in(reference)
    code = await browser.allow()
    first = Tokens(browser.bare, "web", await browser.redeem(code))
    heir = await first.refreshed()
    assert [await first.works(), await heir.works()] == [True, True]
    clock.advance(61)
    assert error(await browser.redeem(code)) == (400, "invalid_grant")
    assert [await first.works(), await heir.works()] == [False, False]
    assert error((await heir.refreshed()).answer) == (400, "invalid_grant")


async def test_wrong_claims_neither_burn_nor_revoke(reference: Reference) -> None:
    browser = await logged_in(reference)
    code = await browser.allow()

    async def wrong() -> set[tuple[int, str]]:
        answers = [
            await browser.redeem(code, code_verifier="w" * 43),
            await browser.redeem(code, redirect_uri=URI["spa"]),
            await browser.redeem(code, "spa", redirect_uri=URI["web"]),
            await browser.redeem(code[:-1]),
            await browser.redeem(code + "x"),
        ]
        return {error(answer) for answer in answers}

    assert await wrong() == {(400, "invalid_grant")}
    tokens = Tokens(browser.bare, "web", await browser.redeem(code))
    assert await wrong() == {(400, "invalid_grant")}
    assert await tokens.works()


@pytest.mark.parametrize(("seconds", "works"), [(59.5, True), (60, False), (3600, False)])
async def test_code_lives_for_a_minute(reference: Reference, clock: Clock, seconds: float, works: bool) -> None:
    browser = await logged_in(reference)
    code = await browser.allow()
    clock.advance(seconds)
    assert took(await browser.redeem(code)) is works


@pytest.mark.parametrize(
    ("verifier", "works"),
    [
        (VERIFIER, True), (None, False), ("", False), (s256(VERIFIER), False), (VERIFIER[:-1], False),
        (VERIFIER + "x", False), (VERIFIER.upper(), False), (VERIFIER + "\0", False), ("x" * 129, False),
    ],
)  # fmt: skip
async def test_verifier_must_fit(reference: Reference, verifier: str | None, works: bool) -> None:
    browser = await logged_in(reference)
    assert took(await browser.redeem(await browser.allow(), code_verifier=verifier)) is works


@pytest.mark.parametrize("verifier", ["x" * 42, "x" * 129, "x" * 42 + " ", "x" * 42 + "+"])
async def test_verifier_has_a_grammar(reference: Reference, verifier: str) -> None:
    browser = await logged_in(reference)
    code = await browser.allow(code_challenge=s256(verifier))
    assert error(await browser.redeem(code, code_verifier=verifier)) == (400, "invalid_grant")


async def test_code_ends_with_the_session_that_it_was_allowed_in(reference: Reference) -> None:
    browser = await logged_in(reference)
    code = await browser.allow()
    await browser.logout()
    assert error(await browser.redeem(code)) == (400, "invalid_grant")


# The token endpoint


@pytest.mark.parametrize("client", ["web", "spa", "native"])
async def test_answer_and_access_token(reference: Reference, client: str) -> None:
    tokens = await (await logged_in(reference)).tokens(client, "notes.read profile")
    told = tokens.answer.json()
    assert set(told) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 300, "notes.read profile")
    assert [tokens.answer.headers[name] for name in ("cache-control", "pragma")] == ["no-store", "no-cache"]
    assert {"typ": "at+jwt", "alg": "RS256"}.items() <= claims(tokens.access, 0).items()
    said = claims(tokens.access)
    assert set(said) == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "grant"}
    assert (said["iss"], said["client_id"], said["scope"]) == (ORIGIN, client, "notes.read profile")
    assert (said["iat"], said["exp"]) == (1_000_000, 1_000_300)
    assert (await tokens.api()).json() == {"id": said["sub"], "name": "alice"}


BASIC = ("web", SECRETS["web"])
GRANT = {"grant_type": "authorization_code", "code": "x"}


@pytest.mark.parametrize(
    ("fields", "auth", "expected"),
    [
        ({}, BASIC, (400, "invalid_request")),
        ({"grant_type": ""}, BASIC, (400, "invalid_request")),
        ({"grant_type": "password"}, BASIC, (400, "unsupported_grant_type")),
        ({"grant_type": "authorization_code"}, BASIC, (400, "invalid_request")),
        ({"grant_type": "refresh_token"}, BASIC, (400, "invalid_request")),
        (GRANT, BASIC, (400, "invalid_grant")),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, BASIC, (400, "invalid_grant")),
        (GRANT, ("api", SECRETS["api"]), (400, "unauthorized_client")),
        (GRANT, ("web", "x"), (401, "invalid_client")),
        (GRANT, ("web", ""), (401, "invalid_client")),
        (GRANT, ("nobody", SECRETS["web"]), (401, "invalid_client")),
        (GRANT, ("spa", ""), (400, "invalid_grant")),
        (GRANT, ("spa", "x"), (401, "invalid_client")),
        (GRANT, None, (401, "invalid_client")),
        ({**GRANT, "client_id": "web"}, None, (401, "invalid_client")),
        ({**GRANT, "client_id": "web", "client_secret": ""}, None, (401, "invalid_client")),
        ({**GRANT, "client_id": "spa", "client_secret": "x"}, None, (401, "invalid_client")),
        ({**GRANT, "client_id": "spa"}, None, (400, "invalid_grant")),
        ({**GRANT, "client_id": "web", "client_secret": SECRETS["web"]}, None, (400, "invalid_grant")),
        ({**GRANT, "client_id": "web"}, BASIC, (400, "invalid_grant")),
        ({**GRANT, "client_id": "spa"}, BASIC, (400, "invalid_request")),
        ({**GRANT, "client_secret": SECRETS["web"]}, BASIC, (400, "invalid_request")),
        ({**GRANT, "code": ["x", "x"]}, BASIC, (400, "invalid_request")),
        ({**GRANT, "unknown": ["x", "y"], "resource": ["x", "y"]}, BASIC, (400, "invalid_grant")),
        ({**GRANT, "code": "x" * 70_000}, BASIC, (413, "invalid_request")),
    ],
    ids=str,
)
async def test_errors(
    reference: Reference, fields: dict[str, Any], auth: tuple[str, str] | None, expected: tuple[int, str]
) -> None:
    answer = await Browser(reference).bare.post("/token", data={**fields, "x": ""}, auth=auth)
    assert error(answer) == expected
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)


@pytest.mark.parametrize("field", ["Bearer x", "Basic", "Basic x", "Basic d2Vi", "Basic \xff", "Basic d2Vi Og=="])
async def test_malformed_credentials(reference: Reference, field: str) -> None:
    headers = {"Authorization": field.encode("latin-1")}
    answer = await Browser(reference).bare.post("/token", data={**GRANT, "client_id": "spa"}, headers=headers)
    assert error(answer) == (401, "invalid_client")


async def test_only_a_posted_form_counts(reference: Reference) -> None:
    browser = await logged_in(reference)
    fields = {**GRANT, "code": await browser.allow("spa"), "code_verifier": VERIFIER, "client_id": "spa"}
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        assert (await browser.bare.request(method, "/token", params=fields)).status_code == 405
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for options in ({"params": fields}, {"params": fields, "headers": form}, {"json": fields}, {"content": b"x"}):
        assert not took(await browser.bare.post("/token", **options))
    for raw in (b"grant_type=%ff", b"\xff", b"&" * 200, b"a=1&" * 200, b"=" * 90):
        assert (await browser.bare.post("/token", content=raw, headers=form)).status_code in (400, 401)
    assert took(await browser.bare.post("/token", data=fields))


# Refresh


async def test_refresh_token_works_once_and_its_replay_ends_everything(reference: Reference) -> None:
    first = await (await logged_in(reference)).tokens("spa")
    second = await first.refreshed()
    third = await second.refreshed()
    assert [await one.works() for one in (first, second, third)] == [True, True, True]
    assert error((await first.refreshed()).answer) == (400, "invalid_grant")
    assert [await one.works() for one in (first, second, third)] == [False, False, False]
    assert error((await third.refreshed()).answer) == (400, "invalid_grant")


async def test_foreign_or_unproven_clients_change_nothing(reference: Reference) -> None:
    first = await (await logged_in(reference)).tokens()
    second = await first.refreshed()
    for token in (first.refresh, second.refresh):
        fields = {"grant_type": "refresh_token", "refresh_token": token}
        assert error(await send(first.http, "/token", fields, "spa")) == (400, "invalid_grant")
        assert error(await first.http.post("/token", data=fields | {"client_id": "web"})) == (401, "invalid_client")
    assert await (await second.refreshed()).works()


async def test_scope_may_shrink_and_never_grows(reference: Reference) -> None:
    tokens = await (await logged_in(reference)).tokens(scope="profile notes.read")
    narrow = await tokens.refreshed(scope="profile")
    assert (narrow.answer.json()["scope"], claims(narrow.access)["scope"]) == ("profile", "profile")
    assert (await narrow.api("GET /api/note")).status_code == 403
    for wide in (EVERYTHING, "notes.write", "x"):
        assert error((await narrow.refreshed(scope=wide)).answer) == (400, "invalid_scope")
    again = await narrow.refreshed()
    assert again.answer.json()["scope"] == "profile notes.read"


async def test_refresh_token_dies_of_idleness_and_of_age(reference: Reference, clock: Clock) -> None:
    tokens = await (await logged_in(reference)).tokens()
    for _ in range(24):
        clock.advance(3599)
        tokens = await tokens.refreshed()
        assert took(tokens.answer)
    clock.advance(24)
    assert error((await tokens.refreshed()).answer) == (400, "invalid_grant")
    other = await (await logged_in(reference)).tokens()
    clock.advance(3600)
    assert error((await other.refreshed()).answer) == (400, "invalid_grant")
