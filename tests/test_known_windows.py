"""Windows on the reference servers: each fault of a race is found by its window, and a clean server explains all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.lifecycle.linearizability import MOST, Kind, Said
from conformance.model import Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.facade import Target
from conformance.target.known_windows import Pace
from conformance.target.renewal_races import HEAD_STARTS
from conformance.target.wire import Limits
from tests.matrix import everything
from tests.test_checks_account import having, one, without
from tests.toys import Site, proofs_of, proven

ROUNDS = 6
Window = Callable[[Target], Awaitable[object]]


async def uses(target: Target) -> None:
    await target.logout_against_uses(await target.own_login("alice"))


async def refresh(target: Target) -> None:
    for head_start in HEAD_STARTS:
        await target.logout_against_refresh(await target.own_login("alice"), head_start)


async def refreshes(target: Target) -> None:
    await target.refreshes_against_each_other(await target.own_login("alice"))


async def logins(target: Target) -> None:
    await target.logins_against_each_other(await target.visitor(), "alice", "bob")


async def password(target: Target) -> None:
    user = await target.need_effective_change(await target.newcomer())
    await target.password_against_logins(user)


WINDOWS = [
    ("session", uses, "busy-session-survives-logout"),
    ("session", logins, "double-login-swaps"),
    ("session", password, "pwchange-race"),
    ("refresh", uses, ""),
    ("refresh", refresh, "logout-race"),
    ("refresh", refreshes, "spend-race"),
    ("oauth", uses, ""),
]


async def played(word: str, window: Window, concurrency: int, rounds: int) -> list[Violation]:
    """What a window finds in a few rounds."""
    found = []
    async with opened(word, Options(limits=Limits(concurrency))) as system:
        await proofs_of(system)
        for _ in range(rounds):
            try:
                await window(Target(system, catalogue()["session.race.logout-storm"]))
            except Violation as violation:
                found.append(violation)
    return found


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize(("scheme", "window", "fault"), WINDOWS, ids=[f"{s}-{w.__name__}" for s, w, _ in WINDOWS])
def test_a_window_finds_its_fault_and_nothing_else(scheme: str, window: Window, fault: str, concurrency: int) -> None:
    assert not asyncio.run(played(f"ref:{scheme}", window, concurrency, 2))
    if fault:
        violations = asyncio.run(played(f"ref:{scheme}+{fault}", window, concurrency, ROUNDS))
        assert violations
        assert "none does" in violations[0].finding.actual
        assert violations[0].finding.evidence


def test_a_password_change_is_aimed_at_the_middle_of_the_logins() -> None:
    # The logins begin before the change, or after it, so that its end falls into the given part of them.
    assert Pace(login=0.2, change=0.3).delays([0.5, 1.0]) == pytest.approx([0.0, 0.2, 0.1])
    assert Pace(login=0.4, change=0.1).delays([0.5, 0.0]) == pytest.approx([0.1, 0.0, 0.2])
    assert Pace().delays([0.3]) == [0.0, 0.0]


def test_a_change_that_ends_nothing_is_judged_elsewhere() -> None:
    verdict = one("ref:session+pwchange-keeps-others", "session.race.pwchange")
    assert verdict.outcome == "not-applicable"
    assert "session.pwchange.others speaks of that" in verdict.reason


def test_a_change_that_is_refused_decides_nothing() -> None:
    verdict = one("ref:session", "session.race.pwchange", changed=having(change_password={"send": "POST /nowhere"}))
    assert verdict.outcome == "inconclusive"
    assert "a login with the new one is refused" in verdict.reason


@pytest.mark.parametrize("fault", ["", "+pwchange-race"])
def test_a_listed_account_gets_its_password_back(fault: str) -> None:
    async def scenario() -> tuple[Verdict, bool]:
        async with opened(f"ref:session{fault}", Options()) as system:
            table = system.description.model_dump(by_alias=True, exclude_none=True)
            table["accounts"]["carol"]["role"] = "change-password"
            system.description = type(system.description).model_validate(without("register")(table))
            await proofs_of(system)
            verdict = await judge_one(system, catalogue()["session.race.pwchange"], [everything()])
            party = await system.login("carol", system.log)
            return verdict, (await party.whoami()).accepted

    verdict, accepted = asyncio.run(scenario())
    assert verdict.outcome == ("fail" if fault else "pass"), verdict.reason
    assert accepted


def test_acts_that_cannot_overlap_decide_nothing() -> None:
    async def scenario() -> None:
        async with proven(Site()) as system:
            target = Target(system, catalogue()["session.race.logout-storm"])
            alice = await target.own_login("alice")
            await target.at_once([target.logging_out(alice), target.logging_out(alice.stolen())])

    # The toy's transport holds no last bytes, so nothing is known of the start.
    with pytest.raises(Inconclusive) as raised:
        asyncio.run(scenario())
    assert "0 of 2 acts set out together" in raised.value.reason


def test_a_late_end_of_a_logout_is_seen_by_the_storm() -> None:
    class Late(Site):
        """Answers the logout at once, and ends the session twenty requests later."""

        pending: list[str]
        left = 0

        async def me(self, request: Request) -> Response:
            answer = await super().me(request)
            self.left -= 1
            if self.left == 0:
                for sid in self.pending:
                    self.sessions.pop(sid, None)
            return answer

        async def logout(self, request: Request) -> Response:
            sid = request.cookies.get("sid", "")
            before = dict(self.sessions)
            answer = await super().logout(request)
            self.sessions, self.pending, self.left = before, [sid], 20
            return answer

    async def scenario() -> None:
        async with proven(Late()) as system:
            target = Target(system, catalogue()["session.race.logout-storm"])
            alice = await target.own_login("alice")
            await target.log_out_amid(alice, [alice.stolen() for _ in range(2)])

    with pytest.raises(Violation) as raised:
        asyncio.run(scenario())
    assert "a logout beside uses" in raised.value.finding.expected


def test_a_window_is_small() -> None:
    async def scenario() -> tuple[int, int, list[Said]]:
        async with opened("ref:session", Options(limits=Limits(1))) as system:
            await proofs_of(system)
            target = Target(system, catalogue()["session.race.logout-storm"])
            alice = await target.own_login("alice")
            least = target.window
            system.wire.limits = Limits(64)
            events = await target.at_once([target.using(alice.stolen()) for _ in range(target.window)])
            assert {event.kind for event in events} == {Kind.USE}
            return least, target.window, [event.said for event in events]

    assert asyncio.run(scenario()) == (2, MOST, [Said.DONE] * MOST)


def test_only_one_session_at_a_time_leaves_no_window() -> None:
    async def scenario() -> None:
        async with opened("ref:session", Options()) as system:
            await proofs_of(system)
            system.login_ends_others = True
            target = Target(system, catalogue()["session.race.pwchange"])
            await target.need_effective_change(await target.newcomer())

    with pytest.raises(NotApplicable) as raised:
        asyncio.run(scenario())
    assert "a second login ends" in raised.value.reason


class LeavesByGet(Site):
    """A logout that is a plain link."""

    def routes(self) -> list[Route]:
        return [Route("/logout", self.logout), *super().routes()]


def test_a_logout_by_a_link_sets_out_with_the_others() -> None:
    async def scenario() -> list[Said]:
        async with proven(LeavesByGet(), {"logout": {"send": "GET /logout"}}) as system:
            target = Target(system, catalogue()["session.race.logout-storm"])
            alice = await target.own_login("alice")
            events = await target.at_once([target.logging_out(alice), target.using(alice.stolen())])
            return [event.said for event in events]

    assert asyncio.run(scenario())[0] is Said.DONE


@pytest.mark.parametrize(
    ("fault", "id"),
    [
        ("spend-race", "refresh.race.double-spend"),
        ("replay-race", "refresh.race.no-fork"),
        ("logout-race", "refresh.race.vs-logout"),
    ],
)
def test_a_race_of_refreshes_needs_no_concurrency_of_the_run(fault: str, id: str) -> None:
    assert one(f"ref:refresh+{fault}", id, concurrency=1).outcome == "fail"
    assert one("ref:refresh", id, concurrency=1).outcome == "pass"
