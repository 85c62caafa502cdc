"""`pickproof certify TARGET…`: the main job."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.baseline import Entry, apply, read_baseline, refuse_to_overwrite, stale, write_baseline
from conformance.certify import Selection, Session
from conformance.commands.reach import options_of, tell_preflight
from conformance.errors import PreflightError, UsageError
from conformance.masking import Secrets
from conformance.model import Report
from conformance.open import opened
from conformance.report.live import Live, estimate, pace
from conformance.report.terminal import show, show_untested
from conformance.report.write import obstacle, put, write
from conformance.share import hide_hosts

if TYPE_CHECKING:
    from conformance.certificate import Signer

INTERRUPTED = "interrupted"


def main(options: argparse.Namespace) -> int:
    """Certify each target in turn; the exit code is the worst of theirs."""
    selection = Selection(
        tuple(options.only), tuple(options.skip), tuple(options.profile), "destructive" in options.allow, options.budget
    )
    selection.checks()
    signer = _signer(options, selection)
    accepted = read_baseline(options.baseline) if options.baseline else ()
    if options.write_baseline:
        refuse_to_overwrite(options.write_baseline)
    if not options.dry_run and (why := obstacle(options.out)):
        # Told now: a run whose report is lost has troubled the target for nothing.
        raise UsageError(f"--out {options.out}: {why}")
    found: list[Report] = []
    codes = []
    for target in options.targets:
        out = options.out if len(options.targets) == 1 else options.out / _folder(target)
        codes.append(asyncio.run(_certify(target, selection, options, out, accepted, found, signer)))
    if options.write_baseline and found:
        write_baseline(options.write_baseline, found, accepted)
    outdated = stale(accepted, found)
    for entry in outdated:
        print(f"pickproof: {options.baseline}: {entry.id} no longer fails: delete its entry", file=sys.stderr)
    code = worst(codes)
    return 2 if outdated and code != 1 else code


def worst(codes: list[int]) -> int:
    """One exit code for several: usage and preflight first, then violations, then doubt, then nothing tested."""
    return next((code for code in (2, 1, 3, 5) if code in codes), 0)


def _folder(target: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", target).strip("-.") or "target"


async def _certify(
    target: str, selection: Selection, options: argparse.Namespace, out: Path, accepted: Sequence[Entry],
    found: list[Report], signer: Signer | None,
) -> int:  # fmt: skip
    async with opened(target, options_of(options)) as system:
        if options.share:
            hide_hosts(system)
        session = Session(system, selection)
        try:
            plan = await session.prepare(options.wait_for)
        except PreflightError as problem:
            tell_preflight(problem, system.where, system.secrets)
            return problem.exit_code
        if signer:
            _refuse_cut(session)
        if not options.quiet:
            print(estimate(plan, system.summary()))
            print(pace(options.concurrency, options.rate), flush=True)
        if options.dry_run:
            _tell_plan(session, system.secrets)
            return 0
        await _run(session, quiet=options.quiet)
        report = apply(session.report(), accepted)
        found.append(report)
        try:
            _write(report, system.secrets, out)
            if signer:
                _sign(report, system.secrets, out, signer)
        except OSError as problem:
            show(report, system.secrets, quiet=options.quiet)
            print(f"pickproof: --out {out}: {problem.strerror}: the report stands above alone", file=sys.stderr)
            return report.exit_code or 2
        show(report, system.secrets, out_dir=out, quiet=options.quiet)
        return report.exit_code


def _signer(options: argparse.Namespace, selection: Selection) -> Signer | None:
    """Whoever signs, known before anything is attacked.

    Raises:
        UsageError: no usable key, or a selection that no certificate may vouch for.
    """
    if options.sign is None:
        return None
    from conformance.certificate import Signer

    if not selection.whole:
        raise UsageError("--sign: a certificate vouches for the whole of a profile: leave out --only and --skip")
    if options.dry_run:
        raise UsageError("--sign: a dry run decides nothing that could be signed")
    return Signer.load(options.sign)


def _refuse_cut(session: Session) -> None:
    cut = session.cut()
    if cut:
        names = ", ".join(check.id for check in cut)
        raise UsageError(
            f"--sign: a budget of {session.selection.budget:.0f} s leaves out {names}, so no certificate can be given: "
            "raise --budget, or describe `clock`"
        )


def _sign(report: Report, secrets: Secrets, out: Path, signer: Signer) -> None:
    from conformance.certificate import statement

    if report.partial is not None:
        print(f"pickproof: no certificate: the run ended early ({report.partial})", file=sys.stderr)
        return
    put(out / "certificate.json", signer.sign(statement(report, secrets, (out / "report.json").read_bytes())))


def _write(report: Report, secrets: Secrets, out: Path) -> None:
    # A certificate of an earlier run vouches for another report than the one that is written now.
    (out / "certificate.json").unlink(missing_ok=True)
    paths = write(report, secrets, out)
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with contextlib.suppress(OSError), Path(page).open("a", encoding="utf-8") as file:
            file.write(paths["summary.md"].read_text(encoding="utf-8"))


def _tell_plan(session: Session, secrets: Secrets) -> None:
    if session.plan is None:
        return
    print("\nWould run")
    for check in session.plan.checks:
        print(f"  {check.id:34} {check.title}")
    sys.stdout.flush()
    show_untested(replace(session.report(), verdicts=session.plan.skipped), secrets)


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
