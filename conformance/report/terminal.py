"""The report on a terminal or in a log file: plain lines that need neither colour nor a wide window."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from conformance.masking import Secrets
from conformance.model import Outcome, Report, Verdict
from conformance.report import facts
from conformance.report.curl import command
from conformance.report.lines import Line, field, fitting, wrapped
from conformance.report.masked import Step, steps
from conformance.report.safe import clean, shown

if TYPE_CHECKING:
    from rich.console import Console

NARROW, WIDE = 40, 110
"""Lines are never laid out for less, and never grow longer: nobody reads them."""
LISTED = 2
"""Checks that could not run for one reason and are named one by one; more are named by area unless verbose."""
STORY = 12
"""Steps of an attack that are told; of longer ones the first and the last."""
ROOM = 12
"""Columns below which the list leaves the reason out rather than show a stump of it."""
NAMED = 12
"""Failures that the summary names."""
REASONS = 5
"""Reasons of one kind for which checks could not run that are told; the report has the others."""
HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "describe": "Describe more, and more is tested:",
        "none": "The target has none of it:",
        "other": "For other reasons:",
    }
)
INLINE = 8
"""Lines of a curl command that is shown at once instead of in a file."""

STYLE: Mapping[Outcome, str] = MappingProxyType({
    Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.ADVICE: "yellow", Outcome.NOT_APPLICABLE: "dim",
    Outcome.INCONCLUSIVE: "bold yellow", Outcome.KNOWN: "magenta", Outcome.ERROR: "bold red",
})  # fmt: skip
VERDICT_STYLE = MappingProxyType({"conforms": "bold green", "violated": "bold red", "undecided": "bold yellow"})
MARK: Mapping[Outcome, str] = MappingProxyType({Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.ERROR: "✗"})
# What stands in for a sign that the terminal's encoding lacks.
ASCII = str.maketrans({"✓": "+", "✗": "x", "‹": "<", "›": ">", "…": "...", "·": "-", "’": "'"})


@dataclass(frozen=True, slots=True)
class _View:
    report: Report
    secrets: Secrets
    width: int
    out_dir: Path | None
    verbose: bool


def show(
    report: Report,
    secrets: Secrets,
    *,
    console: Console | None = None,
    out_dir: Path | None = None,
    verbose: bool = False,
    quiet: bool = False,
) -> None:
    """Print a report.

    Args:
        report: what to say.
        secrets: masks whatever came from the target.
        console: where to; standard output without one. Colour, width and encoding are its business.
        out_dir: where `write` put the files, to be named; without it short curl commands stand in the text.
        verbose: also what could not be tested line by line, and the story of each attack.
        quiet: only failures and the summary.
    """
    if console is None:
        console = _standard_output()
    view = _View(report, secrets, max(NARROW, min(console.width, WIDE)), out_dir, verbose)
    emit(console, _head(view))
    emit(console, _failures(view) if quiet else (*_list(view), *_failures(view), *_sections(view), *_not_tested(view)))
    emit(console, _summary(view))


def show_untested(report: Report, secrets: Secrets) -> None:
    """Print why checks cannot run, every reason of it: the end of a plan."""
    console = _standard_output()
    emit(console, _not_tested(_View(report, secrets, max(NARROW, min(console.width, WIDE)), None, verbose=False)))


def _standard_output() -> Console:
    """The terminal, or a file or pipe with room for whole sentences: nobody could make that wider."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=WIDE)


def emit(console: Console, lines: Iterable[Line]) -> None:
    """Print lines as they are, in signs that the console's encoding has."""
    from rich.text import Text

    for line in lines:
        text = Text()
        for part, style in line:
            text.append(_encodable(part, console.encoding), style)
        console.print(text, soft_wrap=True, highlight=False)


def _encodable(text: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _head(view: _View) -> list[Line]:
    report, secrets = view.report, view.secrets
    target = report.target
    place = "" if target.name == target.base_url else f" at {shown(target.base_url, secrets)}"
    where = f"{shown(target.name, secrets)} ({target.scheme}){place}"
    found = wrapped(f"Pickproof {report.kit_version}: {where}", view.width, after="  ")
    return [*found, *_early(view)]


def _early(view: _View, first: str = "") -> list[Line]:
    """Why the run ended before its time, where it did."""
    partial = view.report.partial
    if partial is None:
        return []
    text = f"The run ended early: {shown(partial, view.secrets)}"
    return wrapped(text, view.width, first=first, after=first + "  ", style="bold yellow")


def _list(view: _View) -> list[Line]:
    found: list[Line] = []
    for topic, verdicts in facts.topics(view.report).items():
        listed = [v for v in verdicts if view.verbose or v.outcome is not Outcome.NOT_APPLICABLE]
        if listed:
            column = max(len(v.check.id) for v in listed)
            found += [(), ((topic, "bold"),), *(_row(view, v, column) for v in listed)]
    return found


def _row(view: _View, verdict: Verdict, column: int) -> Line:
    mark = MARK.get(verdict.outcome, " ")
    style = STYLE[verdict.outcome]
    start = f" {facts.word(verdict):12} {verdict.check.id:{column}}  "
    room = view.width - len(start) - 1
    text = fitting(facts.short(verdict, view.secrets), room) if room >= ROOM else ""
    return ((mark, style), (start[:14], style), ((start[14:] + text).rstrip(), ""))


def _failures(view: _View) -> list[Line]:
    failed = facts.having(view.report, Outcome.FAIL)
    return [line for verdict in failed for line in ((), *_failure(view, verdict))]


def _sections(view: _View) -> list[Line]:
    found: list[Line] = []
    for outcome in (Outcome.ADVICE, Outcome.INCONCLUSIVE, Outcome.ERROR, Outcome.KNOWN):
        verdicts = facts.having(view.report, outcome)
        if verdicts:
            found += [(), ((f"{facts.TITLES[outcome]} ({len(verdicts)})", "bold"),)]
            left = [v for v in verdicts if v.began is None and outcome is Outcome.INCONCLUSIVE]
            begun = [v for v in verdicts if v.began is not None or outcome is not Outcome.INCONCLUSIVE]
            found += [line for verdict in begun for line in _brief(view, verdict)]
            found += _left(view, left)
    return found


def _left(view: _View, verdicts: Sequence[Verdict]) -> list[Line]:
    """The checks that a run which ended early never came to, in one paragraph where they are many."""
    if len(verdicts) <= LISTED or view.verbose:
        return [line for verdict in verdicts for line in _brief(view, verdict)]
    areas = ", ".join(_areas(v.check.id for v in verdicts))
    text = f"{shown(verdicts[0].reason, view.secrets)} ({len(verdicts)}): {areas}"
    return wrapped(text, view.width, first="  ", after="    ")


def _failure(view: _View, verdict: Verdict) -> list[Line]:
    check, secrets = verdict.check, view.secrets
    level = f"  [{verdict.level}]" if verdict.level else ""
    found: list[Line] = [((facts.word(verdict), STYLE[verdict.outcome]), (f"  {check.id}", "bold"), (level, ""))]
    found += wrapped(shown(check.title, secrets), view.width, first="  ")
    found += [(), *field("expected", shown(verdict.expected or check.title, secrets, 600), view.width)]
    found += field("actual", shown(verdict.actual or verdict.reason, secrets, 600), view.width)
    if verdict.example:
        found += field("input", shown(verdict.example, secrets, 600), view.width)
    story = steps(verdict.evidence, secrets)
    found += _story(view, story)
    found += field("remedy", shown(check.remedy, secrets, 1200), view.width)
    found += field("sources", ", ".join(check.sources), view.width)
    found += _curl(view, verdict, story)
    return [*found, *_again(view, verdict)]


def _story(view: _View, story: tuple[Step, ...]) -> list[Line]:
    if not story:
        return []
    found: list[Line] = [(("  attack", "bold"),)]
    half = STORY // 2
    gap = len(story) - STORY if len(story) > STORY and not view.verbose else 0
    for step in story:
        if gap and step.number == half + 1:
            found += [((f"       ... {gap} more steps, see the evidence", ""),)]
        if not gap or not half < step.number <= half + gap:
            text = f"{step.purpose} -> {step.outcome}"
            found += wrapped(text, view.width, first=f"    {step.number:2}. ", after=" " * 8)
    last = story[-1]
    return [*found, *field("decided by", f"step {last.number}: {last.method} {last.path}", view.width)]


def _curl(view: _View, verdict: Verdict, story: tuple[Step, ...]) -> list[Line]:
    if not story:
        return []
    if view.out_dir is not None:
        return field("curl", clean(str(view.out_dir / "evidence" / f"{verdict.check.id}.sh")), view.width)
    text = command(story[-1]).split("\n")
    fits = all(len(line) + 4 <= view.width or "--url" in line for line in text)
    if len(text) > INLINE or not fits:
        return []
    return [(("  curl", "bold"), (f" of step {len(story)}:", "")), *(((f"    {line}", ""),) for line in text)]


def _again(view: _View, verdict: Verdict) -> list[Line]:
    start, rest = facts.again(view.report, verdict, view.secrets)
    line = field("run again", f"{start} {rest}", view.width)
    # Broken where a shell accepts it, so that it can be copied.
    return line if len(line) == 1 else [*field("run again", f"{start} \\", view.width), *field("", rest, view.width)]


def _brief(view: _View, verdict: Verdict) -> list[Line]:
    advised = verdict.outcome is Outcome.ADVICE
    level = f"  [{verdict.level}]" if verdict.level and advised else ""
    found: list[Line] = [((f"  {verdict.check.id}", STYLE[verdict.outcome]), (level, ""))]
    title = shown(verdict.check.title, view.secrets)
    told = shown(verdict.reason or verdict.actual, view.secrets, 600) or title
    if advised and told != title:
        found += wrapped(title, view.width, first="    ")
        told = f"found: {told}"
    found += wrapped(told, view.width, first="    ", after="    ")
    if advised:
        found += wrapped(shown(verdict.check.remedy, view.secrets, 600), view.width, first="    remedy: ", after="    ")
    if view.verbose:
        found += _story(view, steps(verdict.evidence, view.secrets))
    return found


def _summary(view: _View) -> list[Line]:
    report = view.report
    column = max((len(name) for name in report.profiles), default=0)
    found: list[Line] = [(), (("Summary", "bold"),)]
    found += wrapped(facts.counted(report), view.width, first="  ")
    failed = [verdict.check.id for verdict in facts.having(report, Outcome.FAIL)]
    if len(failed) > 1:
        more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
        found += wrapped(f"failed: {', '.join(failed[:NAMED])}{more}", view.width, first="  ", after="    ")
    for name, verdict in report.profiles.items():
        start = f"  {name:{column}}  {verdict:9}  "
        style = VERDICT_STYLE.get(verdict, "")
        meaning = facts.PROFILE_MEANING.get(verdict, "")
        found += wrapped(meaning, view.width, first=start, after=" " * min(len(start), 24), style=style)
    found += wrapped(f"{facts.effort(report)}; seed {report.seed}", view.width, first="  ", after="    ")
    if view.out_dir is not None:
        found += wrapped(f"report: {clean(str(view.out_dir / 'report.html'))}", view.width, first="  ", after="    ")
    found += _early(view, "  ")
    meaning = f"exit {report.exit_code}: {facts.exit_meaning(report)}"
    return [*found, *wrapped(meaning, view.width, first="  ", style="bold")]


def _not_tested(view: _View) -> list[Line]:
    reasons = facts.not_tested(view.report, view.secrets)
    if not reasons:
        return []
    found: list[Line] = [(), (("Not tested, and why", "bold"),)]
    for kind, title in HEADINGS.items():
        of_kind = {why: ids for why, ids in reasons.items() if facts.kind_of_reason(view.report, ids[0]) == kind}
        found += [((f"  {title}", ""),)] if of_kind else []
        # The page has them all; without one, this is the only place.
        brief = view.out_dir is not None and not view.verbose and len(of_kind) > REASONS + 1
        for why, ids in list(of_kind.items())[: REASONS if brief else None]:
            named = ids if view.verbose or len(ids) <= LISTED else _areas(ids)
            found += wrapped(f"{why} ({len(ids)}): {', '.join(named)}", view.width, first="    ", after="      ")
        if brief:
            rest = list(of_kind.values())[REASONS:]
            checks = facts.plural(sum(map(len, rest)), "check")
            found += wrapped(f"{len(rest)} more reasons ({checks}), see the report", view.width, first="    ")
    return found


def _areas(ids: Iterable[str]) -> list[str]:
    """Globs instead of ids: what the checks are about."""
    return list(dict.fromkeys(f"{id.split('.')[0]}.*" for id in ids))
