"""What the pytest door says: a failure in plain lines, the exchanges behind it, and why a run could not begin."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.commands.reach import shown as in_one_line
from conformance.errors import PickproofError, PreflightError
from conformance.masking import Secrets
from conformance.model import FAILED, UNDECIDED, Verdict
from conformance.report.facts import short, word
from conformance.report.lines import Line, field, fitting, wrapped
from conformance.report.masked import Message, Step, steps
from conformance.report.safe import clean, shown

WIDTH = 100
STORY = 12
"""Steps of an attack that are told; of longer ones the first and the last."""
BODY = 300
"""Characters of a body in the log section; the evidence on disk has more."""
TELLING = frozenset({
    "authorization", "cookie", "origin", "x-csrf-token", "set-cookie", "location", "www-authenticate",
})  # fmt: skip
"""The headers that the log section shows; the evidence on disk has all."""
PARAGRAPH = 1200
REASON = 2000


@dataclass(frozen=True, slots=True)
class Context:
    """What a failure says besides its verdict."""

    target: str
    """As on the command line."""
    seed: int
    out: Path
    """The folder of the reports."""
    secrets: Secrets
    reached: tuple[str, ...] = ()
    """The options that say how the target is reached."""


def failure(verdict: Verdict, context: Context) -> str:
    """A failed, inconclusive or errored check: expectation, finding, attack, remedy, how to run it again."""
    check, secrets = verdict.check, context.secrets
    level = f"  [{verdict.level}]" if verdict.level else ""
    lines: list[Line] = [((f"{word(verdict)}  {check.id}{level}", ""),)]
    lines += wrapped(shown(check.title, secrets), WIDTH, first="  ")
    lines += [(), *_found(verdict, secrets)]
    lines += _story(steps(verdict.evidence, secrets))
    if verdict.outcome in FAILED:
        lines += field("remedy", shown(check.remedy, secrets, PARAGRAPH), WIDTH)
        lines += field("sources", ", ".join(check.sources), WIDTH)
    if verdict.evidence:
        lines += field("evidence", clean(str(context.out / "evidence" / f"{check.id}.har")), WIDTH)
    return "\n".join([*map(_plain, lines), f"  run again   {again(verdict, context)}"])


def again(verdict: Verdict, context: Context) -> str:
    """The command that runs one check again, on one line so that it can be copied."""
    options = ["--target", context.target, "--only", verdict.check.id]
    options += ["--allow", "destructive"] if verdict.check.destructive else []
    options += ["--seed", str(context.seed)] if context.seed else []
    # A short --timeout is what other plugins call the limit of one test.
    options += ["--pickproof-timeout" if word == "--timeout" else word for word in context.reached]
    return shlex.join(["pytest", "conformance", *options])


def headline(verdict: Verdict, secrets: Secrets) -> str:
    """One line for the summary: what came instead of what was expected, or why nothing is known."""
    return short(verdict, secrets)


def advice(verdict: Verdict, secrets: Secrets) -> str:
    """What a warning says: the finding, and what to do about it."""
    found = shown(verdict.actual or verdict.reason or verdict.check.title, secrets, PARAGRAPH)
    return f"{verdict.check.id}: {found}. {shown(verdict.check.remedy, secrets, PARAGRAPH)}"


def exchanges(verdict: Verdict, secrets: Secrets) -> str:
    """The requests and answers behind a verdict, masked."""
    return "\n".join(_exchange(step) for step in steps(verdict.evidence, secrets))


def trouble(problem: BaseException, where: str, secrets: Secrets) -> str:
    """Why a run could not begin, with the last exchanges of preflight."""
    text = str(problem) if isinstance(problem, PickproofError) else getattr(problem, "reason", str(problem))
    place = f"{where}: " if where and where not in text else ""
    lines = [f"{place}{shown(text, secrets, REASON, lines=True)}"]
    if isinstance(problem, PreflightError):
        lines += [f"  {in_one_line(exchange, secrets)}" for exchange in problem.exchanges[-3:]]
    return "\n".join(lines)


def bug(problem: BaseException) -> str:
    """An unforeseen exception: where it came from, and not its text, which may hold anything."""
    at = traceback.extract_tb(problem.__traceback__)[-1]
    return f"a bug of Pickproof: {type(problem).__name__} at {Path(at.filename).name}:{at.lineno}"


def _found(verdict: Verdict, secrets: Secrets) -> Iterable[Line]:
    if verdict.outcome in UNDECIDED:
        return field("reason", shown(verdict.reason or verdict.actual, secrets, PARAGRAPH), WIDTH)
    lines = field("expected", shown(verdict.expected or verdict.check.title, secrets, PARAGRAPH), WIDTH)
    lines += field("actual", shown(verdict.actual or verdict.reason, secrets, PARAGRAPH), WIDTH)
    return lines + (field("input", shown(verdict.example, secrets, PARAGRAPH), WIDTH) if verdict.example else [])


def _story(story: tuple[Step, ...]) -> list[Line]:
    if not story:
        return []
    gap = max(0, len(story) - STORY)
    told: list[Line] = [(("  attack", ""),)]
    for step in story:
        if gap and step.number == STORY // 2 + 1:
            told += [((f"       ... {gap} more steps, see the evidence", ""),)]
        if not STORY // 2 < step.number <= STORY // 2 + gap:
            told += wrapped(f"{step.purpose} -> {step.outcome}", WIDTH, first=f"    {step.number:2}. ", after=" " * 8)
    return told


def _exchange(step: Step) -> str:
    lines = [f"{step.number}. {step.purpose}", f"> {step.method} {step.url}", *_message(step.request, ">")]
    lines += [f"< {step.outcome}", *(_message(step.answer, "<") if step.answer else ())]
    return "\n".join(lines)


def _message(message: Message, mark: str) -> Iterator[str]:
    yield from (f"{mark} {name}: {value}" for name, value in message.headers if name.lower() in TELLING)
    if message.size:
        yield f"{mark} {fitting(' '.join((message.body or f'({message.size} bytes that are not text)').split()), BODY)}"


def _plain(line: Line) -> str:
    return "".join(part for part, _ in line)
