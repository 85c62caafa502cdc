"""The main job, without a door: open a target, prove its description, run the checks, hand out a Report.

Both doors, the command and the pytest plugin, call this; neither knows how a verdict is reached.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance import __version__
from conformance.errors import NothingTestedError
from conformance.model import Check, Outcome, Report, Verdict
from conformance.registry import catalogue
from conformance.runner import DEFAULT_BUDGET, Plan, Progress, plan, profile_verdicts, run
from conformance.standards import Profile, default_profiles, profile
from conformance.target.preflight import Proof, preflight
from conformance.target.system import System
from conformance.vigil import Vigil


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run is asked to check."""

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    """Empty for those that belong to the target's scheme."""
    destructive: bool = False
    budget: float = DEFAULT_BUDGET
    """Seconds of real time that the longest wait may take."""

    @property
    def whole(self) -> bool:
        """Whether nothing was left out by hand."""
        return not (self.only or self.skip)

    def as_json(self) -> dict[str, Any]:
        """The selection for a report."""
        return {
            "only": list(self.only), "skip": list(self.skip), "allow": ["destructive"] if self.destructive else [],
            "budget": self.budget,
        }  # fmt: skip

    def checks(self) -> tuple[Check, ...]:
        """The chosen checks.

        Raises:
            UsageError: a glob matches nothing.
            NothingTestedError: nothing is left.
        """
        return catalogue().select(self.only, self.skip)


@dataclass
class Session:
    """One run against one opened system: preflight, plan, verdicts, report."""

    system: System
    selection: Selection
    progress: Progress = field(default_factory=Progress)
    proofs: list[Proof] = field(default_factory=list)
    plan: Plan | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    partial: str | None = None

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC)

    async def prepare(self, wait_for: float = 0, judged_by: Sequence[Profile] = ()) -> Plan:
        """Prove the description and decide what will run.

        Args:
            wait_for: seconds to keep trying until the target answers at all.
            judged_by: profiles that no name stands for, in place of the selection's.

        Raises:
            PreflightError: the target does not do what its description says.
            UsageError: an unknown profile or check.
        """
        checks = self.selection.checks()
        chosen = [*judged_by, *(profile(name) for name in self.selection.profiles)]
        async for proof in preflight(self.system, wait_for):
            self.proofs.append(proof)
        chosen = chosen or [profile(name) for name in default_profiles(self.system.scheme)]
        if self.selection.profiles:
            demanded = {source for one in chosen for source in one.demands}
            checks = tuple(c for c in checks if demanded & set(c.sources))
            if not checks:
                raise NothingTestedError(f"no check decides a requirement of {', '.join(self.selection.profiles)}")
        self.plan = plan(
            self.system, checks, chosen, destructive=self.selection.destructive, budget=self.selection.budget
        )
        return self.plan

    def cut(self) -> tuple[Check, ...]:
        """The checks that the target could undergo and the budget leaves out."""
        todo = self.plan or Plan((), (), ())
        return tuple(
            v.check
            for v in todo.skipped
            if v.check.waits
            and set(v.check.needs) <= set(self.system.capabilities)
            and (self.selection.destructive or not v.check.destructive)
        )

    async def run(self) -> AsyncIterator[Verdict]:
        """Run the plan; each verdict is kept for the report as it comes.

        A target that stops answering ends the run: what was not decided by then is inconclusive.
        """
        if self.plan is None:
            raise RuntimeError("prepare first")
        vigil = Vigil(self.system)
        async for verdict in vigil.over(run(self.system, self.plan, self.progress)):
            self.verdicts.append(verdict)
            yield verdict
        self.partial = self.partial or vigil.told
        for verdict in self._unfinished(self.plan.checks):
            self.verdicts.append(verdict)
            yield verdict

    def report(self) -> Report:
        """What was found so far; checks of the plan that a run broken off never decided are inconclusive."""
        todo = self.plan or Plan((), (), ())
        missing = self._unfinished(todo.checks)
        verdicts = tuple(sorted((*self.verdicts, *missing), key=lambda v: v.check.id))
        whole = self.selection.whole and not self.partial and not missing
        return Report(
            kit_version=__version__,
            target=self.system.summary(),
            profiles=profile_verdicts(todo.profiles, verdicts, whole=whole),
            selection=self.selection.as_json(),
            partial=self.partial,
            seed=self.system.seed,
            started=self._started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self._began,
            requests=self.system.wire.requests,
            logins=self.system.logins,
            verdicts=verdicts,
        )

    def _unfinished(self, planned: Sequence[Check]) -> list[Verdict]:
        if self.partial is None:
            return []
        done = {verdict.check.id for verdict in self.verdicts}
        reason = f"not finished: {self.partial.partition(':')[0]}"
        return [Verdict(c, Outcome.INCONCLUSIVE, reason=reason) for c in planned if c.id not in done]
