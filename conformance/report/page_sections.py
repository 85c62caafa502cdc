"""Further sections of report.html: requirements standard by standard, the time line, and what credentials weigh."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.masking import Secrets
from conformance.model import UNDECIDED, Outcome, Report, Verdict
from conformance.report import facts
from conformance.report.markup import Html, join, tag
from conformance.report.safe import shown
from conformance.standards import Requirement, documents, open_entries, profiles, requirements, scope

WEIGHT = "token.size.budget"
"""The check that measures what a credential adds to each request."""
NO_CHECK = "no check of this run decides it"

# What decides a requirement that several checks look at, the worst first.
_WORST = (
    Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.KNOWN, Outcome.ADVICE, Outcome.PASS,
    Outcome.NOT_APPLICABLE,
)  # fmt: skip


def standards(report: Report) -> Html:
    """Every requirement of the profiles: level, checks, verdict, or why a kit that looks from outside can't decide."""
    rows = _in_scope(report)
    if not rows:
        return Html()
    by_source: dict[str, list[Verdict]] = {}
    for verdict in facts.ordered(report):
        for source in verdict.check.sources:
            by_source.setdefault(source, []).append(verdict)
    parts = [
        _standard(document, [one for one in requirements(document) if one.id in rows], by_source)
        for document in documents()
        if any(one.id in rows for one in requirements(document))
    ]
    note = "The wording is ours; the documents themselves are what counts."
    return tag("section", tag("h2", "Requirements"), tag("p", note, class_="soft"), *parts, id="requirements")


def _in_scope(report: Report) -> frozenset[str]:
    known = profiles()
    return frozenset(one.id for name in report.profiles if name in known for one in scope(name))


def _standard(document: str, rows: list[Requirement], verdicts: dict[str, list[Verdict]]) -> Html:
    decided = sum(any(v.outcome in _DECIDED for v in verdicts.get(one.id, ())) for one in rows)
    summary = f"{document}: {decided} of {facts.plural(len(rows), 'requirement')} decided"
    head = tag("tr", *(tag("th", name) for name in ("requirement", "level", "verdict", "checks, or why not")))
    body = [_requirement(one, verdicts.get(one.id, [])) for one in rows]
    table = tag("table", tag("thead", head), tag("tbody", *body))
    return tag("details", tag("summary", summary), table, class_="standard")


_DECIDED = frozenset(_WORST) - UNDECIDED - {Outcome.NOT_APPLICABLE}


def _requirement(one: Requirement, verdicts: list[Verdict]) -> Html:
    worst = min(verdicts, key=lambda v: _WORST.index(v.outcome), default=None)
    if worst is None:
        verdict: object = tag("span", "not decided", class_="soft")
    else:
        verdict = tag("span", facts.word(worst), class_=f"word {worst.outcome.value}")
    return tag(
        "tr",
        tag("td", tag("span", one.id, class_="id"), Html("<br>"), one.text),
        tag("td", one.level),
        tag("td", verdict),
        tag("td", *_reasons(one, verdicts), class_="soft"),
    )


def _reasons(one: Requirement, verdicts: Iterable[Verdict]) -> list[Html]:
    found = [
        tag("div", tag("a", v.check.id, href=f"#row-{v.check.id}", class_="id"), f" {facts.word(v)}") for v in verdicts
    ]
    if not found and one.testable != "no":
        return [tag("div", "; ".join(filter(None, (open_entries().get(one.id, NO_CHECK), one.why))))]
    return [*found, tag("div", one.why)] if one.why else found


def timeline(report: Report, secrets: Secrets) -> Html:
    """When each check ran, the earliest first."""
    ran = sorted((v for v in report.verdicts if v.began is not None), key=lambda v: (v.began or 0, v.check.id))
    if not ran:
        return Html()
    start = ran[0].began or 0.0
    whole = max(max((v.began or 0) + v.seconds - start for v in ran), 0.001)
    rows = [_bar(v, (v.began or 0) - start, whole, secrets) for v in ran]
    told = f"{facts.plural(len(ran), 'check')} in {facts.span(whole)}, overlapped"
    return tag("section", tag("h2", "Time line"), tag("details", tag("summary", told), tag("ol", *rows, class_="time")))


def _bar(verdict: Verdict, at: float, whole: float, secrets: Secrets) -> Html:
    left = min(100 * at / whole, 99.5)
    width = max(0.5, min(100 * verdict.seconds / whole, 100 - left))
    title = shown(f"{facts.word(verdict)}, from {at:.1f} s, {facts.span(verdict.seconds)}", secrets)
    bar = tag("span", class_=f"bar {verdict.outcome.value}", style=f"margin-left:{left:.2f}%;width:{width:.2f}%")
    name = tag("span", verdict.check.id, class_="id")
    return tag("li", name, tag("span", bar, class_="track", title=title), tag("span", title, class_="soft"))


def weights(report: Report, secrets: Secrets) -> Html:
    """What the credentials add to each request, where it was measured."""
    measured = [v for v in report.verdicts if v.check.id == WEIGHT and v.actual]
    if not measured:
        return Html()
    lines = [tag("li", shown(verdict.actual, secrets, 600)) for verdict in measured]
    return tag("section", tag("h2", "What the credential weighs"), tag("ul", *lines))


def sections(report: Report, secrets: Secrets) -> Html:
    """All of them, in the order of the page."""
    return join([standards(report), weights(report, secrets), timeline(report, secrets)])
