"""The engine: what becomes of a check that passes, fails, breaks, hangs or cannot run, and who runs beside whom."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

import conformance.runner
from conformance.certify import Selection, Session
from conformance.errors import Advice, PickproofError, Stop
from conformance.locks import AccountLock, hold
from conformance.model import Capability, Check, Finding, Outcome, Report, Summary, Verdict
from conformance.registry import check, given
from conformance.runner import Progress, duration, plan, profile_verdicts, run
from conformance.standards import Profile
from conformance.target.clock import RealClock, TravellingClock
from conformance.target.facade import Target
from conformance.target.system import System
from tests.toys import BASE, STRICT, Site, a_system, proven, verdict_of


async def all_of(system: System, checks: Iterable[Check], **options: Any) -> dict[str, Verdict]:
    todo = plan(system, list(checks), [STRICT], **options)
    return {verdict.check.id: verdict async for verdict in run(system, todo)}


def toy(id: str, body: Callable[[Target], Any], **options: Any) -> Check:
    """A check without a story."""

    async def attack(target: Target) -> None:
        """What must hold holds.

        Remedy: mend it.
        """
        await body(target)

    return check(id, sources=["TOY-1"], **options)(attack)


# -- one check, every outcome


@check("toy.pass", sources=["TOY-1"])
async def passing(target: Target) -> None:
    """A copy is refused after logout.

    Remedy: end the session.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen()
    await target.expect_accepted(thief)
    await target.expect_logged_out(alice)
    await target.expect_refused(thief)


class LogoutWithoutEffect(Site):
    async def logout(self, request: Request) -> Response:
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_pass() -> None:
    async with proven(Site()) as system:
        verdict = await verdict_of(system, passing)
    assert (verdict.outcome, verdict.expected) == (Outcome.PASS, "A copy is refused after logout.")
    assert verdict.requests >= 5
    assert verdict.seconds > 0


@pytest.mark.asyncio
async def test_fail_shows_what_was_expected_and_what_came() -> None:
    async with proven(LogoutWithoutEffect()) as system:
        verdict = await verdict_of(system, passing)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.expected == "a thief with alice's session is refused"
    assert verdict.actual == "accepted as alice"
    told = [exchange.purpose for exchange in verdict.evidence]
    assert told[0] == "alice logs in"
    assert told[-1] == "a thief with alice's session: who am I?"
    assert [e.sent_at for e in verdict.evidence] == sorted(e.sent_at for e in verdict.evidence)


@pytest.mark.asyncio
async def test_what_no_profile_demands_is_advice() -> None:
    async with proven(LogoutWithoutEffect()) as system:
        verdict = await conformance.runner.judge_one(system, passing, [])
    assert verdict.outcome is Outcome.ADVICE


async def advising(target: Target) -> None:
    target.advise("shorter", "longer", ())


async def unsure(target: Target) -> None:
    target.inconclusive("nobody knows")


async def lacking(target: Target) -> None:
    target.not_applicable("no such thing here")


async def broken(target: Target) -> None:
    raise KeyError("oops")


async def unusable(target: Target) -> None:
    raise PickproofError("the user can mend this")


async def timed_out(target: Target) -> None:
    raise TimeoutError


@pytest.mark.parametrize(
    ("body", "outcome", "told"),
    [
        (advising, Outcome.ADVICE, "longer"),
        (unsure, Outcome.INCONCLUSIVE, "nobody knows"),
        (lacking, Outcome.NOT_APPLICABLE, "no such thing here"),
        (broken, Outcome.ERROR, "a bug of Pickproof: KeyError: 'oops' (test_runner.py:"),
        (unusable, Outcome.INCONCLUSIVE, "the user can mend this"),
        (timed_out, Outcome.ERROR, "TimeoutError"),
    ],
)
@pytest.mark.asyncio
async def test_how_a_check_ends(body: Any, outcome: Outcome, told: str) -> None:
    async with proven(Site()) as system:
        verdict = await verdict_of(system, toy("toy.ends", body))
    assert verdict.outcome is outcome
    assert told in verdict.reason + verdict.actual


@pytest.mark.asyncio
async def test_a_bare_stop_is_inconclusive() -> None:
    async def body(target: Target) -> None:
        raise Stop("enough")

    async with proven(Site()) as system:
        assert (await verdict_of(system, toy("toy.stop", body))).outcome is Outcome.INCONCLUSIVE


@pytest.mark.asyncio
async def test_a_task_that_a_check_cancels_ends_that_check_alone() -> None:
    async def body(target: Target) -> None:
        inner = asyncio.create_task(asyncio.sleep(9))
        inner.cancel()
        await inner

    async with proven(Site()) as system:
        verdicts = await all_of(system, [toy("toy.cancels", body), passing])
    assert verdicts["toy.cancels"].outcome is Outcome.ERROR
    assert verdicts["toy.pass"].outcome is Outcome.PASS


def in_a_hurry(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(conformance.runner, "GRACE", seconds)
    monkeypatch.setattr(conformance.runner, "LOGINS", 0)


@pytest.mark.asyncio
async def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_hurry(monkeypatch, 0.1)

    async def body(target: Target) -> None:
        await target.stranger().whoami()
        await asyncio.sleep(60)

    async with proven(Site()) as system:
        verdict = await verdict_of(system, toy("toy.hangs", body))
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "not decided within 0.1 s")
    assert verdict.evidence


@pytest.mark.asyncio
async def test_a_check_has_longer_where_logins_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance.runner, "GRACE", 0.1)

    async def body(_: Target) -> None:
        await asyncio.sleep(0.4)

    async with proven(Site()) as system:
        system.login_seconds = 0.0
        assert (await verdict_of(system, toy("toy.long", body))).reason == "not decided within 0.1 s"
        system.login_seconds = 0.1
        assert (await verdict_of(system, toy("toy.long", body))).outcome is Outcome.PASS


@pytest.mark.asyncio
async def test_waiting_for_a_turn_takes_no_time_of_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_hurry(monkeypatch, 0.2)

    async def body(target: Target) -> None:
        turn = target.system.doorman.turn
        await turn.acquire()
        asyncio.get_running_loop().call_later(0.6, turn.release)
        await asyncio.gather(*(target.branch().failing("bob", "bob", "wrong") for _ in range(2)))

    async with proven(Site()) as system:
        assert (await verdict_of(system, toy("toy.queues", body))).outcome is Outcome.PASS


@pytest.mark.asyncio
async def test_waiting_for_time_to_travel_takes_no_time_of_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_hurry(monkeypatch, 0.2)

    async def jump(by: float, offset: float) -> None:
        pass

    async def body(target: Target) -> None:
        # Another check works, longer than this one may take.
        target.system.clock.enter()
        asyncio.get_running_loop().call_later(0.6, target.system.clock.leave)
        await target.clock.until(target.clock.now() + 3600)

    async with proven(Site(), clock=TravellingClock(jump, "test")) as system:
        assert (await verdict_of(system, toy("toy.waits", body))).outcome is Outcome.PASS


@pytest.mark.asyncio
async def test_a_wait_for_others_that_never_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_hurry(monkeypatch, 0.1)
    monkeypatch.setattr("conformance.target.doorman.LONGEST", 0.1)

    async def body(target: Target) -> None:
        turn = target.system.doorman.turn
        await turn.acquire()
        await target.failing("bob", "bob", "wrong")

    async with proven(Site()) as system:
        verdict = await verdict_of(system, toy("toy.waits-for-itself", body))
    assert verdict.reason == "not decided within 0.1 s"


@pytest.mark.asyncio
async def test_a_check_that_hangs_in_its_turn_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_hurry(monkeypatch, 0.1)

    async def body(target: Target) -> None:
        async with target.patience.in_turn(target.system.doorman.turn):
            await asyncio.sleep(60)

    async with proven(Site()) as system:
        verdict = await verdict_of(system, toy("toy.hangs-in-turn", body))
        assert not system.doorman.turn.locked()
    assert verdict.reason == "not decided within 0.1 s"


@pytest.mark.asyncio
async def test_words_of_the_target_are_masked_in_the_finding() -> None:
    async def body(target: Target) -> None:
        alice = await target.own_login("alice")
        target.violation("nothing", f"it said {alice.secret()}")

    async with proven(Site()) as system:
        verdict = await verdict_of(system, toy("toy.leaks", body))
    assert verdict.actual.startswith("it said ‹sid cookie of alice")


# -- positive controls


@pytest.mark.asyncio
async def test_a_failed_control_concludes_nothing() -> None:
    async def body(target: Target) -> None:
        alice = await target.own_login("alice")
        await alice.logout()
        await target.expect_accepted(alice)

    async with proven(Site()) as system:
        verdict = await verdict_of(system, toy("toy.control", body))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason.startswith("a positive control failed: alice is refused")


class Dying(Site):
    """Answers everybody 401 from some moment on, as a target does whose store is gone."""

    dead = False

    def who(self, request: Request) -> str | None:
        return None if self.dead else super().who(request)


@pytest.mark.asyncio
async def test_a_target_that_refuses_everybody_does_not_pass() -> None:
    site = Dying()

    async def body(target: Target) -> None:
        alice = await target.own_login("alice")
        site.dead = True
        await target.expect_refused(alice.stolen())

    async with proven(site) as system:
        verdict = await verdict_of(system, toy("toy.dead", body))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "login of alice" in verdict.reason


@pytest.mark.asyncio
async def test_an_altered_credential_is_compared_with_the_one_it_came_from() -> None:
    site = Dying()

    async def body(target: Target) -> None:
        alice = await target.own_login("alice")
        altered = alice.holding("f" * 32)
        site.sessions.clear()
        await target.expect_refused(altered)

    async with proven(site) as system:
        verdict = await verdict_of(system, toy("toy.base", body))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the genuine credential, sent after the altered one, is refused" in verdict.reason


@pytest.mark.parametrize("status", [429, 503, 500, 408, 204])
@pytest.mark.asyncio
async def test_an_answer_that_is_no_refusal_does_not_pass(status: int) -> None:
    class Odd(Site):
        odd = False

        def stranger(self, request: Request) -> Response:
            return Response(status_code=status if self.odd else 401)

    site = Odd()

    async def body(target: Target) -> None:
        alice = await target.own_login("alice")
        site.odd = True
        await target.expect_refused(alice.holding("f" * 32))

    async with proven(site) as system:
        assert (await verdict_of(system, toy("toy.odd", body))).outcome is Outcome.INCONCLUSIVE


@pytest.mark.asyncio
async def test_a_check_that_tried_nothing_does_not_pass() -> None:
    async def body(target: Target) -> None:
        await target.expect_all_refused([])

    async with proven(Site()) as system:
        assert (await verdict_of(system, toy("toy.empty", body))).outcome is not Outcome.PASS


@pytest.mark.asyncio
async def test_a_property_whose_inputs_fit_nothing_does_not_pass() -> None:
    @check("toy.unfit", sources=["TOY-1"])
    @given(examples=5, number=lambda: st.integers(0, 9))
    async def unfit(target: Target, number: int) -> None:
        """Nothing is sent.

        Remedy: none.
        """

    async with proven(Site()) as system:
        verdict = await verdict_of(system, unfit)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "nothing was sent" in verdict.reason


class Vanishing(httpx.AsyncBaseTransport):
    """Serves a site until it is gone."""

    def __init__(self, after: int) -> None:
        self.inner, self.left = httpx.ASGITransport(app=Site()), after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left < 0:
            raise httpx.ConnectError("refused")
        return await self.inner.handle_async_request(request)


@pytest.mark.parametrize("after", range(7))
@pytest.mark.asyncio
async def test_a_target_that_dies_midway_is_inconclusive(after: int) -> None:
    transport = Vanishing(10**6)
    async with proven(transport) as system:
        transport.left = after
        verdicts = await all_of(system, [passing, guessing])
    assert {v.outcome for v in verdicts.values()} <= {Outcome.INCONCLUSIVE, Outcome.PASS}
    assert verdicts["toy.guess"].outcome is Outcome.INCONCLUSIVE


# -- properties


@check("toy.guess", sources=["TOY-1"])
@given(examples=20, text=lambda: st.text("0123456789abcdef", min_size=1, max_size=32))
async def guessing(target: Target, text: str) -> None:
    """No other id is accepted.

    Remedy: compare whole ids.
    """
    alice = await target.shared_login("alice")
    await target.expect_refused(alice.holding(text))


class Guessable(Site):
    """Takes any id that holds a seven for alice's; its own ids hold none."""

    def new_session(self, user: str) -> str:
        sid = secrets.token_hex(16).replace("7", "8")
        self.sessions[sid] = user
        return sid

    def who(self, request: Request) -> str | None:
        return super().who(request) or ("alice" if "7" in request.cookies.get("sid", "") else None)


@pytest.mark.asyncio
async def test_a_property_tells_how_many_inputs_it_tried() -> None:
    async with proven(Site()) as system:
        verdict = await verdict_of(system, guessing)
    assert verdict.outcome is Outcome.PASS
    count, rest = verdict.actual.split(" ", 1)
    assert 10 < int(count) <= 20
    assert rest == "distinct inputs were refused"


@pytest.mark.asyncio
async def test_a_property_tells_the_smallest_input() -> None:
    async with proven(Guessable()) as system:
        verdict = await verdict_of(system, guessing)
    assert (verdict.outcome, verdict.example) == (Outcome.FAIL, "'7'")
    assert verdict.evidence[-1].answer


@pytest.mark.asyncio
async def test_a_property_without_inputs_does_not_pass() -> None:
    @check("toy.nothing", sources=["TOY-1"])
    @given(text=lambda: st.nothing())
    async def nothing(target: Target, text: str) -> None:
        """Nothing.

        Remedy: none.
        """

    async with proven(Site()) as system:
        assert (await verdict_of(system, nothing)).outcome is Outcome.ERROR


@pytest.mark.asyncio
async def test_nothing_runs_on_after_the_verdict_of_a_property() -> None:
    running = 0

    @check("toy.advice", sources=["TOY-1"])
    @given(examples=20, number=lambda: st.integers(0, 1000))
    async def mixed(target: Target, number: int) -> None:
        """Some advice.

        Remedy: none.
        """
        nonlocal running
        if number == 0:
            raise Advice(Finding("a", "b"))
        running += 1
        try:
            await asyncio.sleep(0.05)
        finally:
            running -= 1

    async with proven(Site()) as system:
        assert (await verdict_of(system, mixed)).outcome is Outcome.ADVICE
        assert running == 0


# -- the plan


@pytest.mark.asyncio
async def test_what_the_target_lacks_is_told_with_what_would_add_it() -> None:
    async with proven(Site()) as system:
        verdicts = await all_of(system, [toy("toy.needs", unsure, needs=[Capability.REFRESH, Capability.CLOCK])])
    found = verdicts["toy.needs"]
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert found.reason == (
        "the target lacks refresh: describe `refresh`, where the login gives a refresh token; "
        "clock: describe `clock`, so that hours pass in a moment"
    )


@pytest.mark.asyncio
async def test_destructive_checks_need_leave() -> None:
    harmful = toy("toy.harm", unsure, destructive=True)
    async with proven(Site()) as system:
        kept = (await all_of(system, [harmful]))["toy.harm"]
        assert (kept.outcome, kept.reason) == (
            Outcome.NOT_APPLICABLE,
            "destructive: it runs with --allow destructive",
        )
        assert (await all_of(system, [harmful], destructive=True))["toy.harm"].outcome is Outcome.INCONCLUSIVE


@pytest.mark.asyncio
async def test_a_wait_beyond_the_budget_is_not_applicable() -> None:
    waiting = toy("toy.wait", passing.run, waits=lambda _: 7200.0)
    async with proven(Site()) as system:
        todo = plan(system, [waiting, passing], [STRICT], budget=300)
        assert todo.longest_wait == 0
        assert [c.id for c in todo.checks] == ["toy.pass"]
        assert todo.skipped[0].reason.startswith("it would have to wait 2 h, more than the budget of 5 min")
        assert plan(system, [waiting], [STRICT], budget=7200).longest_wait == 7200


@pytest.mark.asyncio
async def test_a_travelling_clock_knows_no_budget() -> None:
    async def jump(by: float, offset: float) -> None:
        return

    waiting = toy("toy.wait", passing.run, waits=lambda _: 1e6)
    async with proven(Site(), clock=TravellingClock(jump, "toy")) as system:
        todo = plan(system, [waiting], [STRICT], budget=1)
        assert (len(todo.checks), todo.longest_wait) == (1, 0.0)


@pytest.mark.asyncio
async def test_a_wait_that_cannot_be_told_is_an_error_of_that_check() -> None:
    async with proven(Site()) as system:
        verdicts = await all_of(system, [toy("toy.wait", unsure, waits=lambda _: 1 / 0), passing])
    assert verdicts["toy.wait"].outcome is Outcome.ERROR
    assert verdicts["toy.pass"].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25 s"), (90, "90 s"), (300, "5 min"), (7200, "2 h"), (86400, "24 h"), (172800, "2 d")],
)
def test_durations_are_told_as_people_would(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# -- who runs beside whom


class Watch:
    """Counts who is inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.company: list[int] = []

    async def reader(self, target: Target) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0.01)
        self.inside -= 1

    async def writer(self, target: Target) -> None:
        self.company.append(self.inside)
        await self.reader(target)
        self.company.append(self.inside)


@pytest.mark.asyncio
async def test_exclusive_checks_run_alone_and_first() -> None:
    watch = Watch()
    checks = [toy(f"toy.r{n}", watch.reader) for n in range(6)]
    checks += [toy(f"toy.w{n}", watch.writer, exclusive=True) for n in range(3)]
    async with proven(Site()) as system:
        verdicts = await all_of(system, checks)
    assert watch.company == [0] * 6
    assert watch.most == 6
    assert list(verdicts)[:3] == ["toy.w0", "toy.w1", "toy.w2"]


@pytest.mark.asyncio
async def test_what_may_end_the_target_comes_when_all_others_are_through() -> None:
    watch = Watch()
    checks = [toy("toy.fatal", watch.writer, last=True), *(toy(f"toy.r{n}", watch.reader) for n in range(4))]
    async with proven(Site()) as system:
        verdicts = await all_of(system, checks)
    assert list(verdicts)[-1] == "toy.fatal"
    assert watch.company == [0, 0]


@pytest.mark.asyncio
async def test_without_sessions_side_by_side_everything_runs_alone() -> None:
    watch = Watch()
    async with proven(Site()) as system:
        system.login_ends_others = True
        await all_of(system, [toy(f"toy.r{n}", watch.reader) for n in range(4)])
    assert watch.most == 1


@pytest.mark.asyncio
async def test_a_writer_goes_before_readers_that_come_later() -> None:
    lock, order = AccountLock(), []

    async def use(name: str, alone: bool, ready: asyncio.Event | None = None) -> None:
        async with hold([lock], alone=alone):
            order.append(name)
            if ready:
                await ready.wait()

    ready = asyncio.Event()
    first = asyncio.create_task(use("first reader", False, ready))
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(use("writer", True)), asyncio.create_task(use("late reader", False))]
    await asyncio.sleep(0.01)
    ready.set()
    await asyncio.gather(first, *tasks)
    assert order == ["first reader", "writer", "late reader"]


@pytest.mark.asyncio
async def test_a_cancelled_writer_lets_readers_in() -> None:
    lock = AccountLock()
    async with lock.read():
        writer = asyncio.create_task(hold([lock], alone=True).__aenter__())
        await asyncio.sleep(0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        async with asyncio.timeout(1), lock.read():
            pass
    async with asyncio.timeout(1), lock.write():
        pass


def waiting_for(seconds: float) -> Callable[[Target], Any]:
    async def body(target: Target) -> None:
        await target.clock.until(target.clock.now() + seconds)

    return body


@pytest.mark.asyncio
async def test_waits_overlap() -> None:
    checks = [toy(f"toy.w{n}", waiting_for(0.3), waits=lambda _: 0.3) for n in range(6)]
    async with proven(Site(), clock=RealClock()) as system:
        began = time.monotonic()
        verdicts = await all_of(system, checks)
    assert {v.outcome for v in verdicts.values()} == {Outcome.PASS}
    assert time.monotonic() - began < 1


@pytest.mark.asyncio
async def test_hours_pass_in_a_moment_where_the_clock_travels() -> None:
    jumps: list[float] = []

    async def jump(by: float, offset: float) -> None:
        jumps.append(by)

    hours = [3600.0 * n for n in (1, 2, 2, 24)]
    checks = [toy(f"toy.w{n}", waiting_for(s), waits=lambda _: 1.0) for n, s in enumerate(hours)]
    async with proven(Site(), clock=TravellingClock(jump, "toy")) as system:
        verdicts = await all_of(system, [*checks, passing])
    assert {v.outcome for v in verdicts.values()} == {Outcome.PASS}
    assert sum(jumps) == pytest.approx(86400, abs=5)
    assert min(jumps) >= 0


# -- the run as a whole


def the_catalogue() -> list[Check]:
    bodies = {"advice": advising, "unsure": unsure, "lacking": lacking, "broken": broken}
    return [passing, guessing, *(toy(f"toy.{name}", body) for name, body in bodies.items())]


@pytest.mark.parametrize("site", [Site, LogoutWithoutEffect, Guessable])
@pytest.mark.asyncio
async def test_concurrency_changes_no_verdict(site: type[Site]) -> None:
    told = []
    for concurrency in (1, 16):
        async with proven(site(), concurrency=concurrency, seed=3) as system:
            verdicts = await all_of(system, the_catalogue())
        told.append({id: (v.outcome, v.expected, v.actual, v.reason, v.example) for id, v in verdicts.items()})
    assert told[0] == told[1]


@pytest.mark.asyncio
async def test_progress_is_told() -> None:
    progress = Progress()
    async with proven(Site()) as system:
        todo = plan(system, the_catalogue(), [STRICT])
        async for _ in run(system, todo, progress):
            assert progress.total == len(todo.checks)
    assert (progress.done, progress.running) == (progress.total, set())


@pytest.mark.asyncio
async def test_closing_the_run_cancels_what_is_under_way() -> None:
    ended: list[str] = []

    async def endless(target: Target) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(target.check.id)

    async with proven(Site()) as system:
        todo = plan(system, [toy("toy.a", endless), toy("toy.b", endless), passing], [STRICT])
        verdicts = run(system, todo)
        assert (await anext(aiter(verdicts))).check.id == "toy.pass"
        await verdicts.aclose()  # type: ignore[attr-defined]
        assert sorted(ended) == ["toy.a", "toy.b"]
        assert (await all_of(system, [passing]))["toy.pass"].outcome is Outcome.PASS


class Slow(Guessable):
    """Takes its time once told to."""

    pause = 0.0

    async def me(self, request: Request) -> Response:
        await asyncio.sleep(self.pause)
        return await super().me(request)


@pytest.mark.asyncio
async def test_no_request_is_sent_after_a_cancelled_shrink() -> None:
    site, seen = Slow(), 0
    async with proven(site) as system:
        site.pause = 0.02
        running = asyncio.create_task(verdict_of(system, guessing))
        while system.wire.requests < seen + 1 or not _shrinking(site):
            await asyncio.sleep(0.005)
            if running.done():
                pytest.skip("it ended before it could be cancelled")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.sleep(0.05)
        seen = system.wire.requests
        await asyncio.sleep(0.3)
        assert system.wire.requests == seen


def _shrinking(site: Slow) -> bool:
    """A wave of twenty and the controls are through, so that what comes is asked by the shrinking."""
    return site.seen.count("GET /me") > 40


# -- what it all comes to


@pytest.mark.parametrize(
    ("outcomes", "whole", "verdict"),
    [
        ([Outcome.PASS, Outcome.NOT_APPLICABLE], True, "conforms"),
        ([Outcome.PASS, Outcome.NOT_APPLICABLE], False, "undecided"),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], True, "undecided"),
        ([Outcome.PASS, Outcome.ERROR], True, "undecided"),
        ([Outcome.FAIL, Outcome.ERROR], False, "violated"),
        ([Outcome.NOT_APPLICABLE], True, "undecided"),
        ([], True, "undecided"),
    ],
)
def test_what_a_profile_comes_to(outcomes: list[Outcome], whole: bool, verdict: str) -> None:
    verdicts = [Verdict(passing, outcome) for outcome in outcomes]
    other = Profile("other", "t", "", {"TOY-2": "fail"})
    told = profile_verdicts([STRICT, other], verdicts, whole=whole)
    assert told == {"toy": verdict, "other": "undecided"}


@pytest.mark.parametrize(
    ("outcomes", "partial", "code"),
    [
        ([Outcome.PASS, Outcome.ADVICE, Outcome.KNOWN], None, 0),
        ([Outcome.PASS, Outcome.FAIL, Outcome.ERROR], "broken off", 1),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], None, 3),
        ([Outcome.PASS, Outcome.ERROR], None, 3),
        ([Outcome.PASS], "broken off", 3),
        ([Outcome.NOT_APPLICABLE], None, 5),
        ([], None, 5),
    ],
)
def test_exit_codes(outcomes: list[Outcome], partial: str | None, code: int) -> None:
    head = Summary("t", BASE, "session", (), {}, "real", "")
    report = Report(
        "0", head, {}, {}, partial, 0, "", 0, 0, 0, tuple(Verdict(passing, one) for one in outcomes)
    )  # fmt: skip
    assert report.exit_code == code


@pytest.mark.asyncio
async def test_a_run_broken_off_leaves_no_check_unmentioned() -> None:
    async with proven(Site()) as system:
        session = Session(system, Selection())
        with pytest.raises(RuntimeError, match="prepare first"):
            await anext(aiter(session.run()))
        session.plan = plan(system, [passing, toy("toy.unsure", unsure)], [STRICT])
        async for verdict in session.run():
            assert verdict
            break
        session.partial = "interrupted"
        report = session.report()
    assert [v.check.id for v in report.verdicts] == ["toy.pass", "toy.unsure"]
    assert [v.reason for v in report.verdicts].count("not finished: interrupted") == 1
    assert report.exit_code == 3
    assert report.logins >= 3


def test_a_system_can_be_described_without_a_loop() -> None:
    assert a_system(Site()).summary().base_url == BASE
