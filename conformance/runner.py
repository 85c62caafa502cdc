"""The engine: takes checks, yields verdicts. All of them run at once on one event loop; waits overlap by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
import traceback
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.errors import Advice, Inconclusive, NotApplicable, PickproofError, Stop, Violation
from conformance.estimate import Cost, cost_of
from conformance.explore import Hit, explore
from conformance.locks import AccountLock, hold
from conformance.model import UNDECIDED, Capability, Check, Exchange, Finding, Outcome, Verdict
from conformance.registry import catalogue
from conformance.standards import EFFECTS, Profile, judge
from conformance.target.clock import RealClock
from conformance.target.facade import Target
from conformance.target.system import System, is_loopback
from conformance.target.wire import for_record

GRACE = 90.0
"""Seconds that a check may take beyond what it declares to wait."""
LOGINS, SLOWEST = 60, 3.0
"""Logins that it may need besides, and the seconds that one is waited for: a sound hash of passwords takes its time."""
DEFAULT_BUDGET = 300.0
HEAD_START = 10.0
"""Seconds that the other checks hold back at most while those that wait get to their waits."""
SHOWN_WHEN_UNCLEAR = 6
AT_HAND = 8
"""Checks under way beyond the requests in flight: each holds connections, of which some servers take a hundred."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do."""

    checks: tuple[Check, ...]
    skipped: tuple[Verdict, ...]
    profiles: tuple[Profile, ...]
    longest_wait: float = 0.0
    """Seconds of real time; zero where the target's clock travels."""
    cost: Cost = field(default_factory=Cost)
    """What the checks ask of the target, about."""


def plan(
    system: System,
    checks: Sequence[Check],
    profiles: Sequence[Profile],
    *,
    destructive: bool = False,
    budget: float = DEFAULT_BUDGET,
) -> Plan:
    """Decide which checks can run on this target; the others become reasoned verdicts.

    Args:
        system: after preflight.
        checks: the selection.
        profiles: what decides whether a violation is a failure or advice.
        destructive: whether checks that change an account for good may run.
        budget: seconds of real time that the longest wait may take.
    """
    runnable, skipped = [], []
    for check in checks:
        try:
            reason = _obstacle(system, check, destructive, budget)
        except Exception as bug:
            skipped.append(_verdict(check, Outcome.ERROR, profiles, reason=_bug(bug)))
            continue
        if reason:
            skipped.append(_verdict(check, Outcome.NOT_APPLICABLE, profiles, reason=reason))
        else:
            runnable.append(check)
    waits = [] if system.clock.travels else [_wait(system, check) for check in runnable]
    longest = max(waits, default=0.0)
    return Plan(tuple(runnable), tuple(skipped), tuple(profiles), longest, cost_of(system, runnable))


def _obstacle(system: System, check: Check, destructive: bool, budget: float) -> str | None:
    lacking = [need for need in check.needs if need not in system.capabilities]
    if lacking:
        hints = [f"{need}: {system.missing[need]}" if need in system.missing else str(need) for need in lacking]
        return f"the target lacks {'; '.join(hints)}"
    if check.destructive and not destructive:
        return "destructive: it runs with --allow destructive"
    if check.load and not destructive and not is_loopback(system.base_url):
        return "it presses a target that is not on this machine: it runs with --allow destructive"
    wait = _wait(system, check)
    if wait > budget and not system.clock.travels:
        return (
            f"it would have to wait {duration(wait)}, more than the budget of {duration(budget)}: "
            "describe `clock`, or point at a deployment with a shorter limit"
        )
    return None


def _wait(system: System, check: Check) -> float:
    # A target whose clock is far behind issues tokens that ended long ago, by ours.
    return max(0.0, check.waits(system)) if check.waits else 0.0


def duration(seconds: float) -> str:
    """Seconds in the unit that people would use."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


@dataclass
class Progress:
    """What goes on right now, for a display."""

    running: set[str] = field(default_factory=set)
    done: int = 0
    total: int = 0


async def run(system: System, todo: Plan, progress: Progress | None = None) -> AsyncGenerator[Verdict, None]:
    """Run a plan; yields each verdict as it is reached, what cannot run first.

    Closing the iterator cancels what still runs.
    """
    for verdict in todo.skipped:
        yield verdict
    seen = progress or Progress()
    seen.total = len(todo.checks)
    locks = [AccountLock() for _ in system.accounts]
    alone = asyncio.Lock()
    # Writers first, then whoever waits longest, so that every wait begins at the start. Among writers, properties last:
    # they take longest, and somebody waits for a first verdict.
    order = sorted(
        (c for c in todo.checks if not c.last),
        key=lambda c: (not _exclusive(system, c), -_wait(system, c), c.examples, c.id),
    )
    tasks: list[asyncio.Task[Verdict]] = []
    places = asyncio.Semaphore(system.wire.limits.concurrency + AT_HAND)

    def start(check: Check, place: contextlib.AbstractAsyncContextManager[None]) -> None:
        task = _one(system, check, todo.profiles, locks, alone, seen, place)
        tasks.append(asyncio.create_task(task, name=check.id))

    try:
        waiting = [check for check in order if _wait(system, check) > 0]
        # Whoever waits for minutes would keep those out that need their accounts alone, and these all the others.
        first = [check for check in order if _exclusive(system, check) and check not in waiting]
        for check in first:
            start(check, places)
        for task in tuple(tasks):
            verdict = await task
            seen.done += 1
            yield verdict
        for check in waiting:
            start(check, contextlib.nullcontext())
        await _all_waiting(system, tasks[len(first) :])
        for check in order:
            if check not in waiting and check not in first:
                start(check, places)
        for finished in asyncio.as_completed(tasks[len(first) :]):
            verdict = await finished
            seen.done += 1
            yield verdict
        for check in (check for check in todo.checks if check.last):
            start(check, places)
            verdict = await tasks[-1]
            seen.done += 1
            yield verdict
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _exclusive(system: System, check: Check) -> bool:
    """Whether a check needs its accounts alone here; where time travels, one check's hours pass for all of them."""
    apart = check.newcomers and Capability.REGISTER in system.capabilities and not system.clock.travels
    return check.exclusive and not apart


async def _all_waiting(system: System, tasks: Sequence[asyncio.Task[Verdict]]) -> None:
    """Let the checks that wait get through their logins first: the longest wait decides when a run ends."""
    clock = system.clock
    if not isinstance(clock, RealClock) or not system.side_by_side or not tasks:
        return
    done = asyncio.ensure_future(asyncio.wait(tasks))
    begun = asyncio.ensure_future(_begun(clock, len(tasks)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HEAD_START):
            await _first(done, begun)


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Return when one of them is done, and cancel the others."""
    ended = asyncio.Event()
    for future in futures:
        future.add_done_callback(lambda _: ended.set())
    try:
        await ended.wait()
    finally:
        for future in futures:
            future.cancel()


async def _begun(clock: RealClock, count: int) -> None:
    async with clock.begun:
        await clock.begun.wait_for(lambda: len(clock.waiting) >= count)


async def _one(
    system: System,
    check: Check,
    profiles: Sequence[Profile],
    locks: Iterable[AccountLock],
    alone: asyncio.Lock,
    progress: Progress,
    place: contextlib.AbstractAsyncContextManager[None],
) -> Verdict:
    exclusive = _exclusive(system, check) or not system.side_by_side
    async with place, hold(locks, alone=exclusive):
        if exclusive:
            async with alone:
                verdict = await _counted(system, check, profiles, progress)
                system.doubt_shared()
                return verdict
        return await _counted(system, check, profiles, progress)


async def _counted(system: System, check: Check, profiles: Sequence[Profile], progress: Progress) -> Verdict:
    system.clock.enter()
    progress.running.add(check.id)
    try:
        return await judge_one(system, check, profiles)
    finally:
        progress.running.discard(check.id)
        system.clock.leave()


async def judge_one(system: System, check: Check, profiles: Sequence[Profile]) -> Verdict:
    """Run one check and say what it found; never raises but when cancelled."""
    target = Target(system, check)
    began, clock = time.monotonic(), time.time()
    limit = GRACE + LOGINS * min(system.login_seconds, SLOWEST)
    limit += 0 if system.clock.travels else _wait(system, check)
    try:
        async with system.lanes_of_a_check(), asyncio.timeout(limit) as target.patience.limit:
            verdict = await _attack(target, profiles)
    except TimeoutError:
        reason = f"not decided within {duration(limit)}"
        verdict = _verdict(check, Outcome.INCONCLUSIVE, profiles, reason=reason, evidence=_tail(target))
    return replace(verdict, seconds=time.monotonic() - began, requests=target.log.count, began=clock)


async def _attack(target: Target, profiles: Sequence[Profile]) -> Verdict:
    check = target.check
    try:
        tried = await _body(target, profiles)
    except Hit as hit:
        found, example = hit.violation.finding, _example(hit.inputs)
        check = _broken(check, found)
        outcome = Outcome(judge(check.sources, profiles)[0])
        verdict = _verdict(check, outcome, profiles, found.expected, found.actual, "", found.evidence, example)
        return replace(verdict, inputs=hit.inputs)
    except Violation as violation:
        found = violation.finding
        check = _broken(check, found)
        outcome = Outcome(judge(check.sources, profiles)[0])
        return _verdict(check, outcome, profiles, found.expected, found.actual, "", found.evidence)
    except Advice as advice:
        found = advice.finding
        return _verdict(check, Outcome.ADVICE, profiles, found.expected, found.actual, "", found.evidence)
    except NotApplicable as stop:
        return _verdict(check, Outcome.NOT_APPLICABLE, profiles, reason=stop.reason)
    except Stop as stop:
        shown = stop.evidence or _tail(target)
        return _verdict(check, Outcome.INCONCLUSIVE, profiles, reason=stop.reason, evidence=shown)
    except PickproofError as problem:
        return _verdict(check, Outcome.INCONCLUSIVE, profiles, reason=str(problem), evidence=_tail(target))
    except asyncio.CancelledError as bug:
        if _cancelled_from_outside():
            raise
        return _verdict(check, Outcome.ERROR, profiles, reason=_bug(bug), evidence=_tail(target))
    except Exception as bug:
        return _verdict(check, Outcome.ERROR, profiles, reason=_bug(bug), evidence=_tail(target))
    return _verdict(check, Outcome.PASS, profiles, expected=check.title, actual=tried)


def _cancelled_from_outside() -> bool:
    """Whether the run ends or the check's time is up, as opposed to a task that the check itself cancelled."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _broken(check: Check, found: Finding) -> Check:
    """The check as it stands in the verdict: a finding is graded by what it breaks, whoever came upon it."""
    if not found.of:
        return check
    broken = [catalogue()[id] for id in found.of]
    sources = tuple(dict.fromkeys(source for one in broken for source in one.sources))
    return replace(check, sources=sources, remedy=" ".join(dict.fromkeys(one.remedy for one in broken)))


async def _body(target: Target, profiles: Sequence[Profile]) -> str:
    check = target.check
    if check.strategy is None:
        await check.run(target)
        return target.note
    strategies = {name: _fitted(made, target) for name, made in check.strategy().items()}
    seed = int.from_bytes(hashlib.sha256(f"{target.system.seed}/{check.id}".encode()).digest()[:8], "big")
    under_way = 0

    async def attempt(inputs: Mapping[str, Any]) -> None:
        # Each input may wait for a time of its own; the check itself counts for one of them.
        nonlocal under_way
        under_way += 1
        if under_way > 1:
            target.clock.enter()
        try:
            await check.run(target.branch(), **inputs)
        finally:
            under_way -= 1
            if under_way:
                target.clock.leave()

    def weight(violation: Violation) -> int:
        # What the check is about comes first where the profiles demand it, then by what becomes of it.
        found = violation.finding
        effect = EFFECTS.index(judge(_broken(check, found).sources, profiles)[0])
        return effect + 1 if effect or found.aside else 0

    tried = await explore(attempt, strategies, seed, check.examples, weight)
    if not target.log.count:
        raise Inconclusive(f"none of {tried} inputs fits the target, so that nothing was sent")
    return f"{tried} distinct inputs were refused"


def _fitted(made: Any, target: Target) -> Any:
    """A strategy as the target's capabilities allow it, where it asks for that."""
    return made.fitted(target.system.capabilities) if hasattr(made, "fitted") else made


def _example(inputs: object) -> str:
    values = inputs.values() if isinstance(inputs, dict) else [inputs]
    return ", ".join(map(repr, values))


def _bug(bug: BaseException) -> str:
    at = traceback.extract_tb(bug.__traceback__)[-1]
    return f"a bug of Pickproof: {type(bug).__name__}: {bug} ({Path(at.filename).name}:{at.lineno})"


def _tail(target: Target) -> tuple[Exchange, ...]:
    return tuple(target.log)[-SHOWN_WHEN_UNCLEAR:]


def _verdict(
    check: Check,
    outcome: Outcome,
    profiles: Sequence[Profile],
    expected: str = "",
    actual: str = "",
    reason: str = "",
    evidence: tuple[Exchange, ...] = (),
    example: str | None = None,
) -> Verdict:
    level = judge(check.sources, profiles)[1]
    return Verdict(check, outcome, level, expected, actual, reason, example, evidence=tuple(map(for_record, evidence)))


def profile_verdicts(profiles: Iterable[Profile], verdicts: Sequence[Verdict], *, whole: bool) -> dict[str, str]:
    """What each profile's own demands came to: ``violated``, ``undecided`` or ``conforms``.

    A run that left checks out cannot say that a profile conforms.
    """
    return {profile.name: _profile_verdict(profile, verdicts, whole) for profile in profiles}


def _profile_verdict(profile: Profile, verdicts: Sequence[Verdict], whole: bool) -> str:
    demanded = [v for v in verdicts if profile.demands.keys() & set(v.check.sources)]
    if any(v.outcome is Outcome.FAIL and judge(v.check.sources, [profile])[0] == "fail" for v in demanded):
        return "violated"
    unsure = any(v.outcome in UNDECIDED for v in demanded)
    decided = any(v.outcome in (Outcome.PASS, Outcome.ADVICE, Outcome.KNOWN) for v in demanded)
    return "conforms" if decided and whole and not unsure else "undecided"
