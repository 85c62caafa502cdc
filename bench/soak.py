"""``python -m bench.soak``: sound servers certified again and again on a busy machine; no verdict may ever differ.

Nothing is retried and nothing forgiven: a verdict that came out differently once is printed, with the seed and the
concurrency that bring it back, and the exit code is 1. Checks that measure time may say that they cannot on such a
machine; that is printed, and no deviation.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from conformance.commands.demo import STATELESS
from conformance.model import Outcome
from conformance.open import Options
from conformance.target.wire import Limits
from reference_impl import SCHEMES
from tests.matrix import verdicts

CONCURRENCIES = (1, 8, 32)
RUNS = 50
TIMING = frozenset({"login.enum.time"})
"""Checks whose measurement a busy machine may leave undecided."""
WRONG = frozenset({str(Outcome.FAIL), str(Outcome.ERROR), str(Outcome.INCONCLUSIVE)})


@dataclass(frozen=True, slots=True)
class Run:
    """One certification of a sound server."""

    target: str
    seed: int
    concurrency: int
    outcomes: dict[str, str]
    reasons: dict[str, str]
    broke: str = ""
    """Why there are no verdicts."""

    def __str__(self) -> str:
        return f"{self.target} --seed {self.seed} --concurrency {self.concurrency}"


@dataclass(frozen=True, slots=True)
class Deviation:
    """A verdict that a sound server must not get, or does not always get."""

    run: Run
    check: str
    usual: str

    def __str__(self) -> str:
        found = self.run.outcomes.get(self.check, "no verdict")
        usually = f", usually {self.usual}" if self.usual != found else ", every time"
        return f"{self.check} is {found}{usually}: {self.run}: {self.run.reasons.get(self.check, '')}"


def one(target: str, seed: int, concurrency: int) -> Run:
    """Certify a target once, every check included."""
    options = Options(limits=Limits(concurrency), seed=seed)
    try:
        found = asyncio.run(verdicts(target, options))
    except Exception as problem:
        return Run(target, seed, concurrency, {}, {}, f"{type(problem).__name__}: {problem}")
    outcomes = {v.check.id: str(v.outcome) for v in found}
    return Run(target, seed, concurrency, outcomes, {v.check.id: v.reason or v.actual for v in found})


def deviations(runs: Sequence[Run], allowed: frozenset[str]) -> list[Deviation]:
    """What differs between runs of one target, and whatever is wrong though it never differs.

    `allowed` are checks that the target fails by nature.
    """
    whole = [run for run in runs if not run.broke]
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for run in whole:
        for check, outcome in run.outcomes.items():
            counts[check][outcome] += 1
    usual = {check: count.most_common(1)[0][0] for check, count in counts.items()}
    found = [(run, check, run.outcomes.get(check)) for run in whole for check in usual]
    wrong = WRONG - {str(Outcome.FAIL)}
    return [
        Deviation(run, check, usual[check])
        for run, check, outcome in found
        if outcome != usual[check] or outcome in (wrong if check in allowed else WRONG)
    ]


def counts_against(deviation: Deviation) -> bool:
    """Whether a deviation is more than a measurement that a busy machine does not allow."""
    undecided = deviation.run.outcomes.get(deviation.check) == Outcome.INCONCLUSIVE
    return not (undecided and deviation.check in TIMING)


def _burn() -> None:
    while True:
        pass


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Burn CPU beside what is measured, in so many processes."""
    burning = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(processes)]
    for process in burning:
        process.start()
    try:
        yield
    finally:
        for process in burning:
            process.terminate()
            process.join()


def soaked(targets: Sequence[str], runs: int, workers: int) -> Iterator[Run]:
    """Every run of every target, as each ends."""
    plan = [(t, n, CONCURRENCIES[n % len(CONCURRENCIES)]) for n in range(runs) for t in targets]
    with ProcessPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(one, *words) for words in plan]):
            yield done.result()


def report(target: str, runs: Sequence[Run]) -> int:
    """Print what deviates at one target; how many of it count."""
    found = deviations(runs, STATELESS.get(target.removeprefix("ref:"), frozenset()))
    broken = [run for run in runs if run.broke]
    serious = sum(map(counts_against, found)) + len(broken)
    print(f"{target}: {len(runs)} runs, {serious} deviations")
    for run in broken:
        print(f"  no verdicts: {run}: {run.broke}")
    for deviation in found:
        print(f"  {'' if counts_against(deviation) else '(allowed) '}{deviation}")
    return serious


def main() -> int:
    """0 where nothing deviates, else 1."""
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("schemes", nargs="*", metavar="SCHEME", help=f"of {', '.join(SCHEMES)}; all by default")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each server (%(default)s)")
    parser.add_argument("--busy", type=int, default=cores, help="processes that burn CPU beside (%(default)s)")
    parser.add_argument("--workers", type=int, default=cores, help="runs at a time (%(default)s)")
    options = parser.parse_args()
    if unknown := [scheme for scheme in options.schemes if scheme not in SCHEMES]:
        parser.error(f"no scheme {', '.join(unknown)}; there are {', '.join(SCHEMES)}")
    targets = [f"ref:{scheme}" for scheme in options.schemes or SCHEMES]
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    with busy(options.busy):
        for run in soaked(targets, options.runs, options.workers):
            runs[run.target].append(run)
            print(f"{len(runs[run.target])} of {options.runs}: {run}", file=sys.stderr, flush=True)
    return int(sum(report(target, sorted(runs[target], key=lambda run: run.seed)) for target in targets) > 0)


if __name__ == "__main__":
    sys.exit(main())
