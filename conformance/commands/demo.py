"""`pickproof demo`: the reference servers certified, then one fault for each scheme caught in the act."""

from __future__ import annotations

import argparse
import asyncio
import signal
import textwrap
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from conformance.certify import Selection, Session
from conformance.errors import UsageError
from conformance.model import UNDECIDED, Outcome, Report, Verdict
from conformance.open import Options, opened
from conformance.report.masked import steps
from reference_impl import FAULTS, SCHEMES

SHOWN: dict[str, tuple[str, str]] = {
    "session": ("logout-clears-cookie-only", "session.logout.replay"),
    "token": ("alg-none", "token.alg.none"),
    "refresh": ("reuse-refused-only", "refresh.reuse-revokes-active"),
    "oauth": ("code-reusable", "oauth.code.single-use"),
}
"""The fault that is shown for each scheme, and the check that must catch it."""

STATELESS: dict[str, frozenset[str]] = {
    "token": frozenset(
        {
            "session.logout.replay",
            "session.issue.relogin-other",
            "hijack.concurrent-use",
            "lifecycle.model",
            "token.revoke.logout",
            "token.revoke.password",
        }
    )
}
"""What a purely stateless server must fail: nothing that it issued can be taken back before it expires."""

SKIPPED = Outcome.NOT_APPLICABLE
TIMING = "login.enum.time"
"""The one check that a busy machine may leave undecided."""


@dataclass(frozen=True, slots=True)
class Act:
    """One server of the demo: what was expected of it, and what came."""

    scheme: str
    text: list[str]
    as_expected: bool


def main(options: argparse.Namespace) -> int:
    """Run the demo; 0 when everything went as expected."""
    unknown = [s for s in options.schemes if s not in SCHEMES]
    if unknown:
        raise UsageError(f"unknown scheme {unknown[0]!r}; one of {', '.join(SCHEMES)}")
    print("Pickproof attacks its own reference servers, on loopback, with nothing else running.\n")
    began, good = time.monotonic(), True
    for act in _acts(options.schemes or SCHEMES):
        print("\n".join(act.text), end="\n\n", flush=True)
        good = good and act.as_expected
    print(f"{'Everything went as expected' if good else 'Something went otherwise than expected'}, "
          f"in {time.monotonic() - began:.0f} s.")  # fmt: skip
    print("Next: describe your own login in a target.toml (see the README) and run `pickproof certify target.toml`.")
    return 0 if good else 1


def _acts(schemes: Sequence[str]) -> Iterator[Act]:
    """Both acts of each scheme, in order. They share nothing, so each core plays one."""
    # A child that an interrupt ends must not print a traceback of its own.
    with ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_DFL)) as stage:
        # The last schemes take longest, so they begin first.
        playing = {(s, act): stage.submit(act, s) for s in reversed(schemes) for act in (_clean, _faulty)}
        for scheme in schemes:
            yield playing[scheme, _clean].result()
            yield playing[scheme, _faulty].result()


def _clean(scheme: str) -> Act:
    report, _ = asyncio.run(_certify(f"ref:{scheme}", ()))
    failed = {v.check.id for v in report.verdicts if v.outcome is Outcome.FAIL}
    expected = STATELESS.get(scheme, frozenset()) & {v.check.id for v in report.verdicts if v.outcome is not SKIPPED}
    passed = sum(v.outcome is Outcome.PASS for v in report.verdicts)
    unsure = [v for v in report.verdicts if v.outcome in UNDECIDED]
    text = [f"The {scheme} server: {passed} checks pass, {report.requests} requests in {report.seconds:.1f} s."]
    text += [f"  fails, as it must: {id}. Nothing can take a stateless token back." for id in sorted(failed & expected)]
    text += [f"  unexpected failure: {id}" for id in sorted(failed - expected)]
    text += [f"  undecided: {v.check.id}: {v.reason}" for v in unsure]
    return Act(scheme, text, failed == expected and all(v.check.id == TIMING for v in unsure))


def _faulty(scheme: str) -> Act:
    fault, check = SHOWN[scheme]
    report, lines = asyncio.run(_certify(f"ref:{scheme}+{fault}", (check,)))
    verdict = report.verdicts[0]
    summary = next(f.summary for f in FAULTS if (f.scheme, f.id) == (scheme, fault))
    text = [f"The same server with the fault {fault}: {summary}", *lines]
    return Act(scheme, text, verdict.outcome is Outcome.FAIL)


async def _certify(target: str, only: tuple[str, ...]) -> tuple[Report, list[str]]:
    async with opened(target, Options()) as system:
        session = Session(system, Selection(only=only))
        await session.prepare()
        async for _ in session.run():
            pass
        report = session.report()
        lines = [line for v in report.verdicts if v.outcome is Outcome.FAIL for line in _story(v, session)]
        return report, lines


def _story(verdict: Verdict, session: Session) -> Iterator[str]:
    """A failure as the attack that showed it."""
    yield f"  {verdict.outcome} {verdict.check.id}"
    for step in steps(verdict.evidence, session.system.secrets):
        yield f"    {step.number}. {step.purpose} -> {step.outcome}"
    yield f"    expected: {verdict.expected}"
    yield f"    actual:   {verdict.actual}"
    yield from textwrap.wrap(f"remedy: {verdict.check.remedy}", 78, initial_indent="    ", subsequent_indent="      ")
