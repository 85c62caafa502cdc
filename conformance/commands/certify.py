"""`pickproof certify TARGET…`: the main job."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import signal
import sys
from pathlib import Path

from conformance.certify import Selection, Session
from conformance.commands.reach import options_of, tell_preflight
from conformance.errors import PreflightError
from conformance.open import opened
from conformance.report.live import Live, estimate
from conformance.report.terminal import show
from conformance.report.write import write

INTERRUPTED = "interrupted"


def main(options: argparse.Namespace) -> int:
    """Certify each target in turn; the exit code is the worst of theirs."""
    selection = Selection(
        tuple(options.only), tuple(options.skip), tuple(options.profile), "destructive" in options.allow, options.budget
    )
    selection.checks()
    codes = []
    for target in options.targets:
        out = options.out if len(options.targets) == 1 else options.out / _folder(target)
        codes.append(asyncio.run(_certify(target, selection, options, out)))
    return worst(codes)


def worst(codes: list[int]) -> int:
    """One exit code for several: usage and preflight first, then violations, then doubt, then nothing tested."""
    return next((code for code in (2, 1, 3, 5) if code in codes), 0)


def _folder(target: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", target).strip("-.") or "target"


async def _certify(target: str, selection: Selection, options: argparse.Namespace, out: Path) -> int:
    async with opened(target, options_of(options)) as system:
        session = Session(system, selection)
        try:
            plan = await session.prepare(options.wait_for)
        except PreflightError as problem:
            tell_preflight(problem, system.where, system.secrets)
            return problem.exit_code
        if not options.quiet:
            print(estimate(plan, system.summary()), flush=True)
        if options.dry_run:
            _tell_plan(session)
            return 0
        await _run(session, quiet=options.quiet)
        report = session.report()
        write(report, system.secrets, out)
        show(report, system.secrets, out_dir=out, quiet=options.quiet)
        return report.exit_code


def _tell_plan(session: Session) -> None:
    if session.plan is None:
        return
    for check in session.plan.checks:
        print(f"  would run  {check.id:34} {check.title}")
    for verdict in session.plan.skipped:
        print(f"  would skip {verdict.check.id:34} {verdict.reason}")


async def _run(session: Session, *, quiet: bool) -> None:
    """Run the plan to its end, or until Ctrl-C: what was found by then is a valid, partial report."""
    running = asyncio.ensure_future(_drain(session))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        session.partial = INTERRUPTED
        running.cancel()

    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGINT, stop)
        loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        with contextlib.nullcontext() if quiet else _live(session):
            await running
    except asyncio.CancelledError:
        if session.partial is None:
            raise
        print("interrupted: the report holds what was found so far", file=sys.stderr)
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)


def _live(session: Session) -> Live:
    from rich.console import Console

    # Progress is no result: it goes where errors go, so that a pipe gets the report alone.
    return Live(session.progress, session.system.clock, Console(stderr=True))


async def _drain(session: Session) -> None:
    async for _ in session.run():
        pass
