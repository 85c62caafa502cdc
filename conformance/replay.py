"""Trying again what failed: each check of an earlier report alone, its recorded input pinned, compared step by step."""

from __future__ import annotations

import difflib
import enum
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.certify import Selection, Session
from conformance.errors import NothingTestedError, UsageError
from conformance.example import read
from conformance.masking import Secrets
from conformance.model import FAILED, Check, Exchange, Outcome, Verdict
from conformance.registry import catalogue
from conformance.report.masked import steps
from conformance.report.read import Past, PastStep, Row, read_steps
from conformance.report.safe import clean, shown
from conformance.target.facade import Target
from conformance.target.system import System

NOT_SENT = "not sent"


class State(enum.StrEnum):
    """What became of a recorded failure."""

    OPEN = "still open"
    FIXED = "fixed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the recorded attack, then and now."""

    purpose: str
    recorded: str
    current: str

    @property
    def changed(self) -> bool:
        """Whether the target answered otherwise."""
        return self.recorded != self.current


@dataclass(frozen=True, slots=True)
class Replayed:
    """One recorded failure and what became of it; every text may be shown."""

    row: Row
    state: State
    reason: str
    """What was found, or why nothing can be said."""
    steps: tuple[Step, ...] = ()


@dataclass
class _Pinned:
    """A check with its recorded input in place of generated ones; remembers what it sent."""

    check: Check
    inputs: Mapping[str, Any]
    sent: list[Exchange] = field(default_factory=list)

    def as_check(self) -> Check:
        return replace(self.check, run=self._run, strategy=None, examples=0)

    async def _run(self, target: Target) -> None:
        try:
            await self.check.run(target, **self.inputs)
        finally:
            self.sent.extend(target.log)


def chosen(past: Past, ids: Iterable[str] = ()) -> tuple[Row, ...]:
    """The rows to replay: those named, or all that failed.

    Raises:
        UsageError: a check is not in the report, or did not fail in it; the text lists those that did.
        NothingTestedError: nothing failed.
    """
    failed = tuple(row for row in past.rows.values() if row.outcome in FAILED)
    if not failed:
        raise NothingTestedError(f"{past.folder}: nothing failed in this report, so there is nothing to replay")
    wanted = tuple(ids)
    for id in wanted:
        if id not in {row.id for row in failed}:
            was = f"was {past.rows[id].outcome}" if id in past.rows else "is not in this report"
            raise UsageError(f"{clean(id)} {was}; failed are {', '.join(clean(row.id) for row in failed)}")
    return tuple(row for row in failed if row.id in wanted) if wanted else failed


async def replay(
    past: Past, rows: Iterable[Row], system: System, *, destructive: bool = False, wait_for: float = 0,
    around: Sequence[Exchange] = (),
) -> AsyncIterator[Replayed]:  # fmt: skip
    """Re-run the checks of these rows; yields what became of each, what cannot be tried first.

    Args:
        past: the report that they are from.
        rows: of `chosen`.
        system: opened with the report's seed, not yet proven.
        destructive: whether checks that change an account for good may run.
        wait_for: seconds to keep trying until the target answers at all.
        around: grows by what is sent outside the checks, such as the logins that they share.

    Raises:
        PreflightError: the target does not do what its description says.
        UsageError: evidence that the report names is missing.
    """
    pinned: dict[str, _Pinned] = {}
    recorded: dict[str, tuple[Row, tuple[PastStep, ...]]] = {}
    for row in rows:
        try:
            pinned[row.id] = _pin(row)
            recorded[row.id] = row, read_steps(past, row)
        except ValueError as problem:
            yield Replayed(row, State.UNKNOWN, str(problem))
    if not pinned:
        return
    selection = Selection(tuple(pinned), (), past.profiles, destructive, past.budget or Selection().budget)
    session = Session(system, selection)
    todo = await session.prepare(wait_for)
    session.plan = replace(todo, checks=tuple(pinned[check.id].as_check() for check in todo.checks))
    async for verdict in session.run():
        row, before = recorded.pop(verdict.check.id)
        yield _compared(row, before, verdict, pinned[row.id], around, system.secrets)
    for row, _ in recorded.values():
        yield Replayed(row, State.UNKNOWN, "no profile of the report demands it any more")


def _pin(row: Row) -> _Pinned:
    known = catalogue()
    if row.id not in set(known):
        raise ValueError("this version of Pickproof has no such check")
    check = known[row.id]
    if check.strategy is None:
        return _Pinned(check, {})
    if row.inputs is None:
        raise ValueError("the report holds no input that could be tried again: it held a secret, or the report is old")
    return _Pinned(check, read(row.inputs, check))


def _compared(
    row: Row, before: tuple[PastStep, ...], verdict: Verdict, pinned: _Pinned, around: Sequence[Exchange],
    secrets: Secrets,
) -> Replayed:  # fmt: skip
    exchanges = verdict.evidence if verdict.outcome in FAILED else (*around, *pinned.sent)
    told = [PastStep(step.purpose, step.outcome) for step in steps(exchanges, secrets)]
    state, reason = _state(before, told, verdict, pinned)
    return Replayed(row, state, shown(reason, secrets, 600), _aligned(before, told))


def _state(before: Iterable[PastStep], now: Iterable[PastStep], verdict: Verdict, pinned: _Pinned) -> tuple[State, str]:
    if verdict.outcome is Outcome.FAIL:
        return State.OPEN, verdict.actual
    if verdict.outcome is not Outcome.PASS:
        return State.UNKNOWN, f"{verdict.outcome}: {verdict.reason or verdict.actual}"
    if not _attacked(before, now, pinned):
        return State.UNKNOWN, "the recorded input changes nothing in the credential of this run, so it was not sent"
    return State.FIXED, "the attack is refused now"


def _attacked(before: Iterable[PastStep], now: Iterable[PastStep], pinned: _Pinned) -> bool:
    """Whether a step that names the input was sent this time, where one was recorded.

    An input is a recipe; applied to another session id it may spell the genuine one, and nothing is tried at all.
    """
    names = [clean(str(value)) for value in pinned.inputs.values()]
    telling = {step.purpose for step in before if any(name in step.purpose for name in names)}
    return not telling or bool(telling & {step.purpose for step in now})


def _aligned(before: tuple[PastStep, ...], now: list[PastStep]) -> tuple[Step, ...]:
    """Each recorded step beside the current one with the same purpose, in order."""
    matcher = difflib.SequenceMatcher(None, [s.purpose for s in before], [s.purpose for s in now], autojunk=False)
    partner = {a + i: b + i for a, b, size in matcher.get_matching_blocks() for i in range(size)}
    return tuple(
        Step(clean(step.purpose), clean(step.outcome), now[partner[at]].outcome if at in partner else NOT_SENT)
        for at, step in enumerate(before)
    )
