"""The target's clock: waits that overlap, jumps that wait for everybody, hooks that fail."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from pathlib import Path

import httpx
import pytest

from conformance.errors import Inconclusive
from conformance.target.clock import Clock, RealClock, TravellingClock, command_jump, faketime_jump
from tests.toys import a_system


class Hook:
    """Remembers the jumps; may be held, and may fail."""

    def __init__(self) -> None:
        self.jumps: list[tuple[int, int]] = []
        self.failure: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, by: float, offset: float) -> None:
        self.jumps.append((round(by), round(offset)))
        await self.go.wait()
        if self.failure:
            raise self.failure


@contextmanager
def running(clock: Clock) -> Iterator[None]:
    clock.enter()
    try:
        yield
    finally:
        clock.leave()


def entered(clock: TravellingClock) -> Context:
    """The context of a check that runs."""
    own = copy_context()
    own.run(clock.enter)
    return own


def waiting(clock: TravellingClock, seconds: float) -> asyncio.Task[None]:
    """A check that runs and waits."""
    return asyncio.create_task(clock.until(clock.now() + seconds), context=entered(clock))


async def checks(clock: TravellingClock, *waits: list[float], order: list[float] | None = None) -> None:
    """Run one check for each list of seconds, which it waits one after the other, counted from now."""
    start = clock.now()
    contexts = [entered(clock) for _ in waits]

    async def one(moments: list[float]) -> None:
        try:
            for moment in moments:
                await clock.until(start + moment)
                assert clock.now() >= start + moment
                if order is not None:
                    order.append(moment)
        finally:
            clock.leave()

    async with asyncio.timeout(2):
        await asyncio.gather(
            *(asyncio.create_task(one(wait), context=own) for wait, own in zip(waits, contexts, strict=True))
        )


@pytest.mark.asyncio
async def test_time_jumps_to_the_earliest_moment_first() -> None:
    hook, order = Hook(), []  # type: ignore[var-annotated]
    clock = TravellingClock(hook, "toy")
    await checks(clock, [300, 400], [100], [200, 350], order=order)
    assert order == [100, 200, 300, 350, 400]
    assert hook.jumps == [(100, 100), (100, 200), (100, 300), (50, 350), (50, 400)]
    assert round(clock.offset) == 400


@pytest.mark.asyncio
async def test_one_jump_serves_all_that_wait_for_it() -> None:
    hook = Hook()
    await checks(TravellingClock(hook, "toy"), [100], [100], [99.9999])
    assert sum(by for by, _ in hook.jumps) == 100
    assert len(hook.jumps) <= 2


@pytest.mark.asyncio
async def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    hook = Hook()
    clock = TravellingClock(hook, "toy")
    clock.enter()
    clock.enter()
    async with asyncio.timeout(1):
        await clock.until(clock.now() - 1)
    assert hook.jumps == []


@pytest.mark.asyncio
async def test_time_stands_still_while_somebody_works() -> None:
    hook = Hook()
    clock = TravellingClock(hook, "toy")
    clock.enter()
    clock.enter()
    one = asyncio.create_task(clock.until(clock.now() + 100))
    await asyncio.sleep(0.05)
    assert hook.jumps == []
    clock.leave()
    await asyncio.wait_for(one, 1)
    assert hook.jumps == [(100, 100)]


@pytest.mark.asyncio
async def test_a_check_that_waits_twice_at_once_counts_once() -> None:
    hook = Hook()
    clock = TravellingClock(hook, "toy")
    clock.enter()
    clock.enter()
    twice = asyncio.gather(clock.until(clock.now() + 100), clock.until(clock.now() + 200))
    await asyncio.sleep(0.05)
    twice.cancel()
    await asyncio.gather(twice, return_exceptions=True)
    assert hook.jumps == []


@pytest.mark.asyncio
async def test_a_cancelled_wait_holds_nobody_up() -> None:
    hook = Hook()
    clock = TravellingClock(hook, "toy")
    clock.enter()
    first, second = waiting(clock, 50), waiting(clock, 100)
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    clock.leave()
    clock.leave()
    await asyncio.wait_for(second, 1)
    assert hook.jumps == [(100, 100)]


@pytest.mark.asyncio
async def test_a_wait_cancelled_during_the_jump_holds_nobody_up() -> None:
    hook = Hook()
    hook.go.clear()
    clock = TravellingClock(hook, "toy")
    first, second = waiting(clock, 50), waiting(clock, 100)
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    clock.leave()
    hook.go.set()
    await asyncio.wait_for(second, 0.5)


@pytest.mark.asyncio
async def test_a_hook_that_fails_wakes_everybody() -> None:
    hook = Hook()
    hook.failure = RuntimeError("no such endpoint")
    clock = TravellingClock(hook, "toy")
    ended = await asyncio.gather(*(waiting(clock, n) for n in (10, 20, 30)), return_exceptions=True)
    assert [type(e) for e in ended] == [Inconclusive] * 3
    assert {e.reason for e in ended if isinstance(e, Inconclusive)} == {
        "the target's clock could not be moved: no such endpoint"
    }
    assert clock.offset == 0
    assert len(hook.jumps) == 1


@pytest.mark.asyncio
async def test_after_a_failure_time_may_move_again() -> None:
    hook = Hook()
    hook.failure = RuntimeError("once")
    clock = TravellingClock(hook, "toy")
    with running(clock), pytest.raises(Inconclusive):
        await clock.until(clock.now() + 10)
    hook.failure = None
    with running(clock):
        await asyncio.wait_for(clock.until(clock.now() + 10), 1)
    assert round(clock.offset) == 10


@pytest.mark.asyncio
async def test_the_real_clock_waits_as_long_as_it_takes() -> None:
    clock = RealClock()
    began = time.monotonic()
    moment = clock.now() + 0.2
    waits = asyncio.gather(*(clock.until(moment) for _ in range(5)))
    await asyncio.sleep(0.01)
    assert list(clock.waiting.values()) == [moment] * 5
    await waits
    assert 0.19 < time.monotonic() - began < 0.6
    assert clock.now() >= moment
    assert clock.waiting == {}


@pytest.mark.asyncio
async def test_the_real_clock_forgets_a_cancelled_wait() -> None:
    clock = RealClock()
    one = asyncio.create_task(clock.until(clock.now() + 60))
    await asyncio.sleep(0.01)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    assert clock.waiting == {}


# -- ways to move it

WRITE = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(' '.join(sys.argv[2:]))"


@pytest.mark.asyncio
async def test_a_command_is_told_the_jump(tmp_path: Path) -> None:
    out = tmp_path / "told"
    await command_jump([sys.executable, "-c", WRITE, str(out), "by={seconds}", "{offset}", "{now}", "$HOME;{x}"])(
        90, 100
    )
    by, offset, now, untouched = out.read_text().split()
    assert (by, offset, untouched) == ("by=90.000", "100.000", "$HOME;{x}")
    assert float(now) == pytest.approx(time.time() + 100, abs=5)


@pytest.mark.asyncio
async def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="ended with 3: no clock here"):
        await command_jump([sys.executable, "-c", "import sys; sys.stderr.write('no clock here'); sys.exit(3)"])(1, 1)


@pytest.mark.asyncio
async def test_a_command_that_is_missing_makes_the_wait_inconclusive() -> None:
    clock = TravellingClock(command_jump(["/no/such/command"]), "command")
    with running(clock), pytest.raises(Inconclusive) as caught:
        await clock.until(clock.now() + 10)
    assert "could not be moved" in caught.value.reason


@pytest.mark.asyncio
async def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = asyncio.wait_for
    monkeypatch.setattr(asyncio, "wait_for", lambda it, _: impatient(it, 0.3))
    out = tmp_path / "late"
    late = f"import time, pathlib; time.sleep(1); pathlib.Path({str(out)!r}).write_text('ran on')"
    with pytest.raises(TimeoutError):
        await command_jump([sys.executable, "-c", late])(1, 1)
    await asyncio.sleep(1)
    assert not out.exists()


@pytest.mark.asyncio
async def test_a_faketime_file_holds_the_offset(tmp_path: Path) -> None:
    file = tmp_path / "faketime"
    file.write_text("+0")
    jump = faketime_jump(file)
    await jump(90, 90)
    await jump(10, 100)
    assert file.read_text() == "+100.000\n"
    assert [p.name for p in tmp_path.iterdir()] == ["faketime"]  # noqa: ASYNC240 - one look


@pytest.mark.asyncio
async def test_a_faketime_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "faketime"
    file.write_text("+0")
    file.chmod(0o644)
    await faketime_jump(file)(90, 90)
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("status", [204, 403])
@pytest.mark.asyncio
async def test_an_endpoint_is_told_the_jump(status: int) -> None:
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status)

    hook = {"send": "POST /clock?by={seconds}", "json": {"offset": "{offset}"}, "headers": {"X-Key": "k"}}
    system = a_system(httpx.MockTransport(serve), {"clock": hook})
    assert (system.clock.travels, system.clock.kind) == (True, "endpoint")
    with running(system.clock):
        if status == 403:
            with pytest.raises(Inconclusive, match="stop") as caught:
                await system.clock.until(system.clock.now() + 60)
            assert "answered 403" in caught.value.reason
        else:
            await system.clock.until(system.clock.now() + 60)
    assert float(asked[0].url.params["by"]) == pytest.approx(60, abs=1)
    assert float(json.loads(asked[0].content)["offset"]) == pytest.approx(60, abs=1)
    assert asked[0].headers["x-key"] == "k"
