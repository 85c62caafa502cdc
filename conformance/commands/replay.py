"""`pickproof replay DIR [ID]`: what became of the failures of an earlier report."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from conformance import __version__
from conformance.commands.reach import options_of, tell_preflight
from conformance.errors import PreflightError, UsageError
from conformance.model import Exchange
from conformance.open import opened
from conformance.replay import Replayed, State, chosen, replay
from conformance.report.read import Past, read_report
from conformance.report.safe import clean

SCHEMA = "pickproof-replay/0"


def main(options: argparse.Namespace) -> int:
    """Replay and tell; 0 all fixed, 1 something still open, 3 nothing open but something undecided."""
    past = read_report(options.report)
    rows = chosen(past, options.ids)
    word = options.target or past.word
    if not word or "‹" in word:
        raise UsageError(f"{options.report}: the report does not say where the target is: name it with --target")
    if options.seed is None:
        options.seed = past.seed
    if past.kit_version != __version__:
        print(f"pickproof: the report is of version {clean(past.kit_version)}, this is {__version__}", file=sys.stderr)
    return asyncio.run(_replay(options, past, rows, word))


async def _replay(options: argparse.Namespace, past: Past, rows: Iterable[Any], word: str) -> int:
    around: list[Exchange] = []
    async with opened(word, options_of(options, around.append)) as system:
        again = replay(
            past, rows, system, destructive="destructive" in options.allow, wait_for=options.wait_for, around=around
        )
        try:
            found = [one async for one in again]
        except PreflightError as problem:
            tell_preflight(problem, system.where, system.secrets)
            return problem.exit_code
    found.sort(key=lambda one: one.row.id)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "checks": [as_json(one) for one in found]}, indent=2))
    else:
        print("\n".join(_told(past, word, found)))
    return exit_code(found)


def exit_code(found: Iterable[Replayed]) -> int:
    """1 while something is open, 3 when something cannot be told, else 0."""
    states = {one.state for one in found}
    return 1 if State.OPEN in states else 3 if State.UNKNOWN in states else 0


def as_json(one: Replayed) -> dict[str, Any]:
    """One replayed check for programs."""
    return {
        "id": one.row.id, "state": one.state.value, "reason": one.reason, "example": one.row.example,
        "steps": [{"purpose": s.purpose, "recorded": s.recorded, "current": s.current} for s in one.steps],
    }  # fmt: skip


def _steps(one: Replayed) -> Iterator[str]:
    """The attack again, step by step; at length only where an answer is another one than then."""
    for number, step in enumerate(one.steps, 1):
        now = f"; now -> {step.current}" if step.changed else ""
        yield f"  {number:2}. {step.purpose} -> {step.recorded}{now}"
    if one.steps and not any(step.changed for step in one.steps):
        yield "      every answer is as recorded"


def _told(past: Past, word: str, found: Iterable[Replayed]) -> Iterator[str]:
    yield f"Replay of {clean(str(past.folder))}, recorded {clean(past.started)}, against {clean(word)}"
    for one in found:
        yield f"\n{one.state}  {clean(one.row.id)}"
        yield f"  {clean(one.row.title)}"
        if one.row.example:
            yield f"  input     {clean(one.row.example)}"
        yield from _steps(one)
        yield f"  recorded  {clean(one.row.actual)}"
        yield f"  now       {one.reason}"
    counts = {state: sum(one.state is state for one in found) for state in State}
    yield "\n" + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
