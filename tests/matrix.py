"""Measuring the kill matrix: every check against every fault of the reference servers."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from conformance.certify import Selection, Session
from conformance.estimate import Cost
from conformance.matrix import kills
from conformance.model import Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.standards import Profile
from reference_impl import FAULTS, SCHEMES

WORKERS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """What the checks said of one reference server."""

    target: str
    outcomes: dict[str, str]
    reasons: dict[str, str]
    estimated: Cost = field(default_factory=Cost)
    """What the plan told before the run."""
    asked: Cost = field(default_factory=Cost)
    """What the run then took."""

    def having(self, outcome: Outcome) -> list[str]:
        """Ids of the checks with this outcome, sorted."""
        return sorted(id for id, found in self.outcomes.items() if found == outcome)


def everything() -> Profile:
    """The profile under which any violation at all is a failure: the matrix asks what bites, not how hard."""
    sources = {source for check in catalogue().values() for source in check.sources}
    return Profile("everything", "every source of every check", "", dict.fromkeys(sources, "fail"))


STATISTICS = (
    "session.id.capacity", "session.id.reproduce", "session.id.sequence", "session.id.static-part", "session.id.time",
    "session.id.unique", "token.opaque.*", "session.limit.*", "session.mixup.load",
)  # fmt: skip
"""Checks that log in hundreds of times: most of a run, and blind to faults that leave ids and limits alone."""


async def verdicts(
    target: str, options: Options | None = None, skip: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> list[Verdict]:
    """Certify a target and return every verdict."""
    return (await _certified(target, options or Options(), skip, only)).verdicts


async def _certified(target: str, options: Options, skip: tuple[str, ...], only: tuple[str, ...]) -> Session:
    async with opened(target, options) as system:
        session = Session(system, Selection(only=only, skip=skip, destructive=True))
        await session.prepare(judged_by=[everything()])
        async for _ in session.run():
            pass
        return session


def measure(target: str, skip: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> Row:
    """The row of one target."""
    present = tuple(glob for glob in skip if fnmatch.filter(catalogue(), glob))
    session = asyncio.run(_certified(target, Options(), present, only))
    found, system = session.verdicts, session.system
    return Row(
        target,
        {v.check.id: str(v.outcome) for v in found},
        {v.check.id: v.reason or v.actual for v in found},
        session.plan.cost if session.plan else Cost(),
        Cost(system.logins, system.wire.requests),
    )


def measure_all(
    targets: Iterable[str],
    brief: Iterable[str] = (),
    only: Mapping[str, tuple[str, ...]] | None = None,
    idle: Iterable[str] = (),
) -> dict[str, Row]:
    """The rows of several targets, on both cores; those in `brief` without the statistics, those in `only` cut.

    Those in `idle` wait more than they work: all of them run beside the others.
    """
    names, short, cut, waiting = list(targets), set(brief), only or {}, set(idle)
    with ProcessPoolExecutor(WORKERS) as pool, ProcessPoolExecutor(max(1, len(waiting))) as beside:
        work = {
            name: (beside if name in waiting else pool).submit(
                measure, name, STATISTICS if name in short else (), cut.get(name, ())
            )
            for name in names
        }
        return {name: done.result() for name, done in work.items()}


STATISTICAL = ("session.id", "token.opaque", "session.limit", "session.mixup")
"""How the checks begin whose faults are met by the statistics even where every check meets every fault."""


def measured(*, whole: bool = False) -> dict[str, Row]:
    """Every server with one fault, and every server without; on the `whole`, every check meets every fault."""
    known = frozenset(catalogue())
    wanted = {f"ref:{f.scheme}+{f.id}": f for f in FAULTS if f.primary in known}
    brief = [t for t, f in wanted.items() if whole and not f.primary.startswith(STATISTICAL)]
    only = {} if whole else {t: (f.primary, *_orphans(f.scheme, f.id)) for t, f in wanted.items()}
    return measure_all([*(f"ref:{s}" for s in SCHEMES), *wanted], brief, only)


def _orphans(scheme: str, fault: str) -> list[str]:
    """Checks that are no fault's own and that the stored matrix proves on this fault first."""
    own, first = {f.primary for f in FAULTS}, {}
    for where, killers in sorted(kills().items()):
        for check in killers:
            first.setdefault(check, where)
    return [check for check, where in first.items() if check in set(catalogue()) - own and where == (scheme, fault)]
