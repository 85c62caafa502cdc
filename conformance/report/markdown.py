"""summary.md: the report on one screen, for pull requests and for the summary page of a build."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.masking import Secrets
from conformance.model import Outcome, Report, Verdict
from conformance.report import facts
from conformance.report.safe import shown

LISTED = 50
"""Findings of one outcome that are listed; the other files have them all."""
SIGN = {"conforms": "✅", "violated": "❌", "undecided": "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~@:.-])")
"""What Markdown or GitHub reads as more than itself: links, names, addresses, tables."""

_LISTS = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.KNOWN, Outcome.ADVICE)
"""In this order: what a reviewer must act on first."""


def to_markdown(report: Report, secrets: Secrets) -> str:
    """The report as Markdown; whatever comes from the target is escaped, so that it stays text."""
    return "\n".join(_lines(report, secrets)) + "\n"


def plain(text: str, secrets: Secrets, limit: int = 300) -> str:
    """One line that Markdown shows as it stands."""
    safe = shown(text, secrets, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", safe)


def _lines(report: Report, secrets: Secrets) -> Iterator[str]:
    yield f"## Pickproof: {plain(report.target.name, secrets)}"
    yield ""
    yield f"**{facts.counted(report)}** ({facts.effort(report)}; seed {report.seed})"
    if report.partial is not None:
        yield f"\nThe run ended early: {plain(report.partial, secrets)}"
    if report.profiles:
        yield "\n| profile | verdict | |\n| --- | --- | --- |"
        for name, verdict in report.profiles.items():
            yield f"| {plain(name, secrets)} | {SIGN[verdict]} {verdict} | {facts.PROFILE_MEANING[verdict]} |"
    for outcome in _LISTS:
        yield from _list(facts.having(report, outcome), facts.TITLES[outcome], secrets)
    untested = facts.not_tested(report, secrets)
    if untested:
        yield f"\n<details><summary>Not tested, and why ({report.counts[Outcome.NOT_APPLICABLE]})</summary>\n"
        yield from (f"- {plain(why, secrets)} ({len(ids)})" for why, ids in untested.items())
        yield "\n</details>"


def _list(verdicts: tuple[Verdict, ...], title: str, secrets: Secrets) -> Iterator[str]:
    if not verdicts:
        return
    yield f"\n### {title} ({len(verdicts)})\n\n| check | level | what must hold | what was found |"
    yield "| --- | --- | --- | --- |"
    for verdict in verdicts[:LISTED]:
        # The dots of an id are escaped so that no site makes a link of it.
        cells = (verdict.check.id, verdict.level or "", verdict.check.title, verdict.reason or verdict.actual)
        yield f"| {' | '.join(plain(cell, secrets) for cell in cells)} |"
    if len(verdicts) > LISTED:
        yield f"\nand {len(verdicts) - LISTED} more"
