"""The checks on refresh tokens: each fault caught, sound servers and variants left alone, little targets judged."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import secrets
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.attacks.schedules import DEEPEST, EVENTS, WIDEST, Schedule, Script, depths, schedules, scripts
from conformance.certify import Selection, Session
from conformance.model import Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.standards import requirement
from conformance.target.facade import Target
from conformance.target.party import Carrier
from reference_impl import FAULTS, VARIANTS
from tests.matrix import everything, verdicts
from tests.toys import Site, proven

IDS = fnmatch.filter(catalogue(), "refresh.*")
FIRST_PARTY = sorted(
    f"refresh.{name}" for name in (
        "absolute-expiry", "access-not-refresh", "after-logout", "after-password-change", "after-user-disabled",
        "cookie.csrf", "entropy", "family-isolation", "grace-bounded", "idle-expiry", "lost-response", "mutation",
        "not-a-bearer", "race.double-spend", "race.no-fork", "race.vs-logout", "reuse-any-depth", "reuse-rejected",
        "reuse-revokes-access", "reuse-revokes-active", "revoked-stays-revoked", "rotation",
    )
)  # fmt: skip
"""What a target without OAuth can show."""
KILLED = [(f.id, f.primary) for f in FAULTS if f.scheme == "refresh"]
CLEAN = ["ref:refresh", "ref:refresh+replica"]
DIFFERENT = {v.id: v.fails for v in VARIANTS if "refresh" in v.schemes}


def judged(target: str, *only: str) -> dict[str, Verdict]:
    """What some checks say of a target, under a profile that demands everything."""

    async def run() -> dict[str, Verdict]:
        async with opened(target, Options()) as system:
            session = Session(system, Selection(only=only, destructive=True))
            await session.prepare(judged_by=[everything()])
            return {verdict.check.id: verdict async for verdict in session.run()}

    return asyncio.run(run())


def bad(found: Mapping[str, Verdict]) -> dict[str, str]:
    """Whatever is neither a pass nor a reasoned absence."""
    fine = (Outcome.PASS, Outcome.NOT_APPLICABLE)
    return {id: f"{v.outcome} {v.reason or v.actual}" for id, v in found.items() if v.outcome not in fine}


# -- the reference server


def test_every_row_has_a_check_and_every_check_a_fault() -> None:
    assert set(FIRST_PARTY) <= set(IDS)
    assert {primary for _, primary in KILLED} >= set(FIRST_PARTY)


@pytest.mark.parametrize(("fault", "primary"), KILLED, ids=[fault for fault, _ in KILLED])
def test_each_fault_is_caught(fault: str, primary: str) -> None:
    verdict = judged(f"ref:refresh+{fault}", primary)[primary]
    assert verdict.outcome is Outcome.FAIL, verdict.reason
    assert verdict.expected
    assert verdict.actual
    assert 0 < len(verdict.evidence) <= 16


@pytest.mark.parametrize("target", CLEAN)
def test_the_sound_server_passes(target: str) -> None:
    found = judged(target, "refresh.*", "token.*", "bearer.*")
    assert not bad(found)
    passed = {id for id, v in found.items() if v.outcome is Outcome.PASS}
    assert passed >= set(FIRST_PARTY) - {"refresh.grace-bounded", "refresh.cookie.csrf"}


@pytest.mark.parametrize("variant", sorted(DIFFERENT))
def test_a_variant_fails_only_what_it_declares(variant: str) -> None:
    families = ("refresh.*", "token.revoke.*", "session.logout*", "session.admin.terminate", "lifecycle.*")
    found = judged(f"ref:refresh+{variant}", *families)
    assert set(bad(found)) == DIFFERENT[variant]
    assert all(v.outcome is Outcome.FAIL for id, v in found.items() if id in DIFFERENT[variant])


@pytest.mark.parametrize(
    ("variant", "id"), [("grace-30", "refresh.grace-bounded"), ("refresh-in-cookie", "refresh.cookie.csrf")]
)
def test_what_only_a_variant_shows_is_tested_there(variant: str, id: str) -> None:
    assert judged(f"ref:refresh+{variant}", id)[id].outcome is Outcome.PASS
    assert judged("ref:refresh", id)[id].outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("variant", "id", "said"),
    [
        ("no-rotation", "refresh.rotation", "declared: policy.rotation = false"),
        ("stateless-access", "refresh.reuse-revokes-access", "declared: policy.access_revocation = false"),
    ],
)
def test_a_declared_weakness_stays_a_failure(variant: str, id: str, said: str) -> None:
    assert judged(f"ref:refresh+{variant}", id)[id].actual.endswith(said)


def test_a_server_without_refresh_is_not_judged() -> None:
    for scheme in ("session", "token"):
        found = judged(f"ref:{scheme}", *FIRST_PARTY)
        assert {v.outcome for v in found.values()} == {Outcome.NOT_APPLICABLE}


def test_a_race_says_how_often_it_was_run() -> None:
    async def run() -> Target:
        async with opened("ref:refresh", Options()) as system:
            await Session(system, Selection()).prepare(judged_by=[everything()])
            target = Target(system, catalogue()["refresh.race.double-spend"])
            async with system.lanes_of_a_check():
                await target.check.run(target)
            return target

    assert asyncio.run(run()).note.startswith("3 rounds of 8 calls")


@pytest.mark.parametrize("id", IDS)
def test_sources_are_known(id: str) -> None:
    for source in catalogue()[id].sources:
        requirement(source)


# -- what is drawn


def test_schedules_and_scripts_are_what_they_say() -> None:
    @settings(max_examples=60, database=None)
    @given(schedules(), scripts(), depths())
    def look(schedule: Schedule, script: Script, depth: int) -> None:
        assert 2 <= len(schedule.back) <= WIDEST
        assert 0 in schedule.back
        assert 1 <= schedule.depth <= 2
        assert schedule.replays is (set(schedule.back) != {0})
        assert set(script.events) <= set(EVENTS)
        assert 2 <= depth <= DEEPEST

    look()
    assert str(Schedule((0, 1, 0))) == "the live token x 2 and the one before x 1 at once"


# -- little targets


class Refreshing(Site):
    """An access token and a refresh token, which each refresh replaces; reuse ends the family."""

    def __init__(self) -> None:
        super().__init__()
        self.families: dict[str, list[str]] = {}
        """By family: its refresh tokens, the live one last."""

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/refresh", self.refresh, methods=["POST"])]

    def welcome(self, request: Request, user: str) -> Response:
        family = secrets.token_hex(8)
        self.families[family] = []
        return self.hand_out(family, user)

    def hand_out(self, family: str, user: str) -> Response:
        access, refresh = f"{family}.{user}.{secrets.token_hex(16)}", f"{family}.{user}.{secrets.token_hex(16)}"
        self.sessions[access] = user
        self.families[family].append(refresh)
        return JSONResponse({"access": access, "refresh": refresh})

    def who(self, request: Request) -> str | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.sessions.get(token) if token.split(".")[0] in self.families else None

    async def presented(self, request: Request) -> str:
        return str((await request.json()).get("refresh", ""))

    async def refresh(self, request: Request) -> Response:
        token = await self.presented(request)
        family, _, rest = token.partition(".")
        live = self.families.get(family, [])
        if token not in live:
            return self.refusal()
        if token != live[-1]:
            del self.families[family]
            return self.refusal()
        return self.hand_out(family, rest.partition(".")[0])

    def refusal(self) -> Response:
        return JSONResponse({"error": "refused"}, 401)

    async def logout(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.families.pop(token.split(".")[0], None)
        return Response(status_code=204)


TAKE = {"access": "json:/access", "refresh": "json:/refresh"}
WORDS: dict[str, Any] = {
    "login": {"send": "POST /login", "json": {"user": "{user}", "password": "{password}"}, "take": TAKE},
    "refresh": {"send": "POST /refresh", "json": {"refresh": "{refresh}"}, "take": TAKE},
}


async def verdict(site: Site, id: str, **changes: Any) -> Verdict:
    """What one check says of a little target."""
    async with proven(site, {**WORDS, **changes}) as system:
        return await judge_one(system, catalogue()[id], [everything()])


QUICK = sorted(
    {id for id in FIRST_PARTY if not catalogue()[id].destructive} - {"refresh.entropy", "refresh.after-user-disabled"}
    - {"refresh.after-password-change"}
)  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("id", QUICK)
async def test_a_sound_little_target_is_never_blamed(id: str) -> None:
    found = await verdict(Refreshing(), id)
    assert found.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), found.reason or found.actual


class Sliding(Refreshing):
    """One kind of token, which opens routes and is renewed."""

    def hand_out(self, family: str, user: str) -> Response:
        token = f"{family}.{user}.{secrets.token_hex(16)}"
        self.sessions[token] = user
        self.families[family].append(token)
        return JSONResponse({"access": token})


TWICE = {"access": "json:/access", "refresh": "json:/access"}
ONCE = {"access": "json:/access"}


@pytest.mark.asyncio
async def test_one_token_for_both_is_judged_once() -> None:
    words = {name: {**WORDS[name], "take": TWICE} for name in WORDS}
    assert (await verdict(Sliding(), "refresh.after-logout", **words)).outcome is Outcome.PASS
    assert (await verdict(Sliding(), "refresh.not-a-bearer", **words)).outcome is Outcome.FAIL
    found = await verdict(Sliding(), "refresh.access-not-refresh", **words)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "refresh.not-a-bearer judges" in found.reason


@pytest.mark.asyncio
async def test_an_access_token_that_is_renewed_is_to_be_taken_twice() -> None:
    words = {name: {**WORDS[name], "take": ONCE} for name in WORDS}
    words["refresh"]["json"] = {"refresh": "{access}"}
    found = await verdict(Sliding(), "refresh.after-logout", **words)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "take it as `refresh` too" in found.reason


class Broken(Refreshing):
    def refusal(self) -> Response:
        return JSONResponse({"error": "oops"}, 500)


@pytest.mark.asyncio
@pytest.mark.parametrize("id", ["refresh.reuse-rejected", "refresh.access-not-refresh", "refresh.after-logout"])
async def test_a_server_error_is_no_refusal(id: str) -> None:
    found = await verdict(Broken(), id)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "500" in found.reason


class Deaf(Refreshing):
    async def refresh(self, request: Request) -> Response:
        return self.refusal()


@pytest.mark.asyncio
@pytest.mark.parametrize("id", sorted({*QUICK} - {"refresh.grace-bounded", "refresh.idle-expiry",
                                                  "refresh.absolute-expiry", "refresh.cookie.csrf"}))  # fmt: skip
async def test_without_a_genuine_refresh_nothing_is_concluded(id: str) -> None:
    assert (await verdict(Deaf(), id)).outcome is Outcome.INCONCLUSIVE


class Silent(Refreshing):
    """Refuses with 200, and says so in the body."""

    def refusal(self) -> Response:
        return JSONResponse({"error": "refused"})


class Half(Refreshing):
    """A replay is answered with tokens, which do not work."""

    def refusal(self) -> Response:
        return JSONResponse({"access": "x", "refresh": "y"})


@pytest.mark.asyncio
@pytest.mark.parametrize("site", [Silent, Half])
@pytest.mark.parametrize("id", ["refresh.reuse-rejected", "refresh.reuse-revokes-active", "refresh.race.double-spend"])
async def test_effects_decide_and_not_status_codes(site: type[Site], id: str) -> None:
    found = await verdict(site(), id)
    assert found.outcome is Outcome.PASS, found.reason or found.actual


class DoubleSubmit(Refreshing):
    """Everything in cookies: the refresh needs, in a header, what stands in a cookie that scripts read."""

    def hand_out(self, family: str, user: str) -> Response:
        given = json.loads(bytes(super().hand_out(family, user).body))
        answer = JSONResponse({"ok": True})
        for name in ("access", "refresh"):
            answer.set_cookie(f"csrf_{name}", secrets.token_hex(8))
            answer.set_cookie(f"{name}_token", given[name], httponly=True)
        return answer

    def who(self, request: Request) -> str | None:
        token = request.cookies.get("access_token", "")
        return self.sessions.get(token) if token.split(".")[0] in self.families else None

    async def presented(self, request: Request) -> str:
        csrf = request.cookies.get("csrf_refresh")
        return request.cookies.get("refresh_token", "") if csrf and csrf == request.headers.get("x-csrf") else ""


@pytest.mark.asyncio
@pytest.mark.parametrize("id", ["refresh.mutation", "refresh.access-not-refresh", "refresh.reuse-rejected"])
async def test_the_half_of_a_double_submit_is_not_taken_for_the_refresh_token(id: str) -> None:
    steps = [
        {"send": "GET /me", "take": {"half": "cookie:csrf_refresh"}},
        {"send": "POST /refresh", "headers": {"X-CSRF": "{half}"}},
    ]
    login = {name: value for name, value in WORDS["login"].items() if name != "take"}
    async with proven(DoubleSubmit(), {**WORDS, "login": login, "refresh": {"steps": steps}}) as system:
        target = Target(system, catalogue()[id])
        assert await target.refresh_carrier() == Carrier("cookie", "refresh_token")
        found = await judge_one(system, catalogue()[id], [everything()])
        assert found.outcome is Outcome.PASS, found.reason or found.actual


class OneForEachUser(Refreshing):
    """A login replaces the user's refresh token; the access tokens of other logins go on."""

    def hand_out(self, family: str, user: str) -> Response:
        for other in self.families:
            self.families[other] = [token for token in self.families[other] if token.split(".")[1] != user]
        return super().hand_out(family, user)


@pytest.mark.asyncio
async def test_where_a_login_ends_the_refresh_token_before_checks_run_one_at_a_time() -> None:
    async with proven(OneForEachUser(), WORDS) as system:
        assert system.login_ends_refresh
        assert system.why_alone == "a second login ends the account's first refresh token"
    for site in (Refreshing, Sticky, Deaf):
        async with proven(site(), WORDS) as system:
            assert not system.login_ends_refresh


class OneLogoutForAll(Refreshing):
    """A logout ends every refresh token of its user; the access tokens of other logins go on."""

    async def logout(self, request: Request) -> Response:
        user = self.who(request)
        answer = await super().logout(request)
        for family, live in self.families.items():
            self.families[family] = [token for token in live if token.split(".")[1] != user]
        return answer


@pytest.mark.asyncio
async def test_where_a_logout_ends_every_refresh_token_checks_run_one_at_a_time() -> None:
    async with proven(OneLogoutForAll(), WORDS) as system:
        assert system.logout_ends_refresh
        assert system.why_alone == "a logout ends the account's other refresh tokens too"
    for site in (Refreshing, Sticky, Deaf, OneForEachUser):
        async with proven(site(), WORDS) as system:
            assert not system.logout_ends_refresh


class Sticky(Refreshing):
    """Answers without a new refresh token: the one that was shown goes on (RFC 6749 section 6)."""

    async def refresh(self, request: Request) -> Response:
        token = await self.presented(request)
        family, user, _ = [*token.split("."), "", ""][:3]
        if token not in self.families.get(family, []):
            return self.refusal()
        access = f"{family}.{user}.{secrets.token_hex(16)}"
        self.sessions[access] = user
        return JSONResponse({"access": access})


@pytest.mark.asyncio
async def test_an_answer_without_a_refresh_token_is_one() -> None:
    found = await verdict(Sticky(), "refresh.rotation")
    assert (found.outcome, found.actual) == (Outcome.FAIL, "the same one goes on")
    assert (await verdict(Sticky(), "refresh.after-logout")).outcome is Outcome.PASS
    reuse = await verdict(Sticky(), "refresh.reuse-rejected")
    assert reuse.outcome is Outcome.NOT_APPLICABLE
    assert "refresh.rotation judges that" in reuse.reason


class Bound(Sticky):
    """Its tokens are of use with a key of the client alone, and so need no rotation."""

    def hand_out(self, family: str, user: str) -> Response:
        told = json.loads(bytes(super().hand_out(family, user).body))
        return JSONResponse({**told, "token_type": "DPoP"})


OF_PUBLIC_CLIENTS = (
    "refresh.lost-response", "refresh.race.double-spend", "refresh.race.no-fork", "refresh.reuse-any-depth",
    "refresh.reuse-rejected", "refresh.reuse-revokes-access", "refresh.reuse-revokes-active", "refresh.rotation",
)  # fmt: skip
"""What RFC 9700 section 2.2.2 asks where a client can neither keep a secret nor prove a key."""


@pytest.mark.asyncio
@pytest.mark.parametrize("id", OF_PUBLIC_CLIENTS)
async def test_tokens_bound_to_a_key_need_no_rotation(id: str) -> None:
    found = await verdict(Bound(), id)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "token_type=DPoP" in found.reason


def test_confidential_clients_may_keep_their_refresh_token() -> None:
    found = judged("ref:oauth+no-rotation", *OF_PUBLIC_CLIENTS)
    assert {v.outcome for v in found.values()} == {Outcome.PASS}, bad(found)


def test_without_a_public_client_nobody_is_asked_to_rotate() -> None:
    async def run() -> dict[str, Verdict]:
        async with opened("ref:oauth+no-rotation", Options()) as system:
            clients = system.description.oauth.clients if system.description.oauth else {}
            for public in [name for name, client in clients.items() if client.secret is None]:
                del clients[public]
            session = Session(system, Selection(only=OF_PUBLIC_CLIENTS, destructive=True))
            await session.prepare(judged_by=[everything()])
            return {verdict.check.id: verdict async for verdict in session.run()}

    found = asyncio.run(run())
    assert {v.reason for v in found.values()} == {"no public client is described"}, bad(found)


class Lenient(Refreshing):
    """Refuses what is spent, and leaves the family alone."""

    async def refresh(self, request: Request) -> Response:
        token = await self.presented(request)
        family, user, _ = [*token.split("."), "", ""][:3]
        return self.hand_out(family, user) if token in self.families.get(family, [])[-1:] else self.refusal()


@pytest.mark.asyncio
async def test_declared_leniency_is_told() -> None:
    found = await verdict(Lenient(), "refresh.reuse-revokes-active", policy={"reuse_cascade": False})
    assert found.outcome is Outcome.FAIL
    assert found.actual.endswith("declared: policy.reuse_cascade = false")
    dead = await verdict(Lenient(), "refresh.revoked-stays-revoked")
    assert dead.outcome is Outcome.NOT_APPLICABLE
    assert (await verdict(Lenient(), "refresh.reuse-rejected")).outcome is Outcome.PASS


@pytest.mark.asyncio
async def test_a_declared_grace_that_is_not_granted_is_advice() -> None:
    found = await verdict(Refreshing(), "refresh.lost-response", policy={"grace_seconds": "30s"})
    assert found.outcome is Outcome.ADVICE
    assert "the client is refused" in found.actual


class InCookies(Refreshing):
    """The refresh token in a cookie beside another one, which means nothing."""

    def hand_out(self, family: str, user: str) -> Response:
        access, refresh = f"{family}.{user}.{secrets.token_hex(16)}", f"{family}.{user}.{secrets.token_hex(16)}"
        self.sessions[access] = user
        self.families[family].append(refresh)
        answer = JSONResponse({"access": access})
        answer.set_cookie("theme", "dark")
        answer.set_cookie("rt", refresh, httponly=True, path="/refresh")
        return answer

    async def presented(self, request: Request) -> str:
        return request.cookies.get("rt", "")


COOKIES: dict[str, Any] = {
    "login": {**WORDS["login"], "take": {"access": "json:/access"}},
    "refresh": {"send": "POST /refresh", "take": {"access": "json:/access"}},
}


@pytest.mark.asyncio
async def test_the_cookie_with_the_refresh_token_is_found() -> None:
    async with proven(InCookies(), COOKIES) as system:
        target = Target(system, catalogue()["refresh.rotation"])
        assert await target.refresh_carrier() == Carrier("cookie", "rt")
        alice = await target.own_login("alice")
        assert await target.refresh_token(await target.refreshed(alice)) != await target.refresh_token(alice)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("id", "outcome"),
    [
        ("refresh.reuse-rejected", Outcome.PASS),
        ("refresh.reuse-revokes-active", Outcome.PASS),
        ("refresh.mutation", Outcome.PASS),
        ("refresh.race.double-spend", Outcome.PASS),
        ("refresh.cookie.csrf", Outcome.FAIL),
    ],
)
async def test_a_refresh_token_in_a_cookie_is_judged_alike(id: str, outcome: Outcome) -> None:
    found = await verdict(InCookies(), id, **COOKIES)
    assert found.outcome is outcome, found.reason or found.actual


@pytest.mark.asyncio
async def test_a_login_without_a_refresh_token_has_none_to_judge() -> None:
    bare = {"send": "POST /refresh", "take": {"access": "json:/access"}}
    found = await verdict(Refreshing(), "refresh.rotation", **{**COOKIES, "refresh": bare})
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "sets no such cookie" in found.reason


@pytest.mark.asyncio
async def test_limits_that_nobody_declared_are_not_judged() -> None:
    for id, key in (("refresh.idle-expiry", "refresh_idle"), ("refresh.absolute-expiry", "refresh_lifetime")):
        found = await verdict(Refreshing(), id)
        assert found.outcome is Outcome.NOT_APPLICABLE
        assert f"policy.{key}" in found.reason


@pytest.mark.asyncio
async def test_a_signed_token_for_a_disabled_account_is_one_though_the_target_refuses_it() -> None:
    (found,) = await verdicts("ref:refresh+disabled-refreshes", only=("refresh.after-user-disabled",))
    assert "a new signed access token" in found.actual
