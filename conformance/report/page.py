"""report.html: one page for people, without scripts and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from conformance.masking import Secrets
from conformance.model import UNDECIDED, Outcome, Report, Verdict
from conformance.report import facts
from conformance.report.markup import Html, join, tag
from conformance.report.masked import Step, steps
from conformance.report.page_sections import sections
from conformance.report.safe import clean, shown
from conformance.standards import cited_as

STEPS = 40
"""Steps of an attack that the page tells; the evidence has them all."""
SHOWN_BODY = 4000
"""Characters of one message that the page shows."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def to_html(report: Report, secrets: Secrets, evidence: Mapping[str, str] = MappingProxyType({})) -> str:
    """The report as one self-contained page.

    Args:
        report: what to say.
        secrets: masks whatever came from the target.
        evidence: where the exchanges of a check are, by id, relative to the page.
    """
    title = f"Pickproof: {shown(report.target.name, secrets)}"
    head = join([
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="referrer" content="no-referrer">'),
        tag("title", title),
        tag("style", Html(Path(__file__).with_name("page.css").read_text(encoding="utf-8"))),
    ])  # fmt: skip
    body = [_head(report, secrets)]
    body += [_stories(report, secrets, evidence, outcome, name) for outcome, name in facts.TITLES.items()]
    body += [_not_tested(report, secrets), sections(report, secrets), _table(report, secrets)]
    body += [_colophon(report, secrets)]
    page = tag("html", tag("head", head), tag("body", *body), lang="en")
    return f"<!doctype html>\n{page}\n"


def _head(report: Report, secrets: Secrets) -> Html:
    target = report.target
    where = join([f"{target.scheme} at ", tag("code", shown(target.base_url, secrets)), f", {report.started}"])
    why = tag("a", "what was not tested, and why", href="#not-tested") if report.counts[Outcome.NOT_APPLICABLE] else ""
    early = "" if report.partial is None else f"The run ended early: {shown(report.partial, secrets)}"
    return tag(
        "header",
        tag("h1", shown(target.name, secrets)),
        tag("p", where, class_="soft"),
        tag("p", early, class_="partial") if early else "",
        tag("ul", *(_profile(name, verdict) for name, verdict in report.profiles.items()), class_="profiles"),
        tag("p", facts.counted(report), class_="counts"),
        _index(report, secrets),
        tag("p", why, class_="soft") if why else "",
        tag("p", f"{facts.effort(report)}; seed {report.seed}. "
                 f"Exit {report.exit_code}: {facts.exit_meaning(report)}.", class_="soft"),
    )  # fmt: skip


def _index(report: Report, secrets: Secrets) -> Html:
    """The failures in one look, each with a link to its story."""
    failed = facts.having(report, Outcome.FAIL)
    if len(failed) < 2:
        return Html()
    rows = (
        tag("li", tag("a", _s(v.check.title, secrets), href=f"#{v.check.id}"), " ",
            tag("span", f"{v.check.id} · {v.level}", class_="id soft"))
        for v in failed
    )  # fmt: skip
    return tag("ul", *rows, class_="found")


def _profile(name: str, verdict: str) -> Html:
    meaning = tag("span", facts.PROFILE_MEANING.get(verdict, ""), class_="soft")
    return tag("li", tag("strong", verdict), " ", tag("span", name, class_="id"), meaning, class_=verdict)


def _not_tested(report: Report, secrets: Secrets) -> Html:
    reasons = facts.not_tested(report, secrets)
    if not reasons:
        return Html()
    rows = [
        tag("li", tag("details", tag("summary", f"{why} ({len(ids)})"), tag("span", ", ".join(ids), class_="id")))
        for why, ids in reasons.items()
    ]
    return tag("section", tag("h2", "Not tested, and why"), tag("ul", *rows, class_="untested"), id="not-tested")


def _stories(report: Report, secrets: Secrets, evidence: Mapping[str, str], outcome: Outcome, title: str) -> Html:
    verdicts = facts.having(report, outcome)
    if not verdicts:
        return Html()
    told = [_story(report, verdict, secrets, evidence.get(verdict.check.id)) for verdict in verdicts]
    return tag("section", tag("h2", f"{title} ({len(verdicts)})"), *told)


def _story(report: Report, verdict: Verdict, secrets: Secrets, evidence: str | None) -> Html:
    check = verdict.check
    level = f" · {verdict.level}" if verdict.level else ""
    again = tag("code", " ".join(facts.again(report, verdict, secrets)))
    story = steps(verdict.evidence, secrets)
    return tag(
        "article",
        tag("h3", _word(verdict), f" {_s(check.title, secrets)}"),
        tag("p", check.id, level, class_="id"),
        tag("p", _s(check.story, secrets)) if check.story else "",
        _definitions({
            "expected": _s(verdict.expected, secrets),
            "actual": _s(verdict.actual, secrets),
            "reason": _s(verdict.reason, secrets),
            "input": tag("code", _s(verdict.example or "", secrets)) if verdict.example else "",
        }),
        _steps(story, broken=verdict.outcome is Outcome.FAIL),
        _definitions({
            "remedy": "" if verdict.outcome in UNDECIDED else _s(check.remedy, secrets),
            "sources": _sources(check.sources),
            "evidence": _files(evidence) if evidence else "",
            "run again": again,
        }),
        id=check.id,
    )  # fmt: skip


def _word(verdict: Verdict) -> Html:
    return tag("span", facts.word(verdict), class_=f"word {verdict.outcome.value}")


def _s(text: str, secrets: Secrets) -> str:
    return shown(text, secrets, 2000)


def _definitions(rows: Mapping[str, object]) -> Html:
    return tag("dl", *(join([tag("dt", name), tag("dd", value)]) for name, value in rows.items() if value))


def _sources(ids: tuple[str, ...]) -> Html:
    """Each source with its level and, in our words, what it asks."""
    return tag("ul", *(tag("li", *_source(id)) for id in ids), class_="sources")


def _source(id: str) -> Iterator[object]:
    yield tag("span", id, class_="id")
    if one := cited_as(id):
        yield f" ({one.level}): {one.text}"


def _files(har: str) -> Html:
    names = (har, f"{har.removesuffix('.har')}.sh")
    return join([tag("a", names[0], href=names[0]), ", ", tag("a", names[1], href=names[1])])


def _steps(story: tuple[Step, ...], *, broken: bool) -> Html:
    if not story:
        return Html()
    told = story if len(story) <= STEPS else (*story[: STEPS // 2], *story[-STEPS // 2 :])
    left_out = f"{len(story) - len(told)} steps in the middle are left out here." if len(told) < len(story) else ""
    rows = [_step(step, last=broken and step is story[-1]) for step in told]
    return join([tag("ol", *rows, class_="story"), tag("p", left_out, class_="soft") if left_out else ""])


def _step(step: Step, *, last: bool) -> Html:
    answer = step.answer.text if step.answer else ""
    sent = f"{step.method} {step.url}\n{step.request.text}".rstrip()
    line = tag("span", f"{step.purpose} → {step.outcome}", **({"class_": "last"} if last else {}))
    came = f"{step.outcome}\n{answer}".rstrip()
    both = join(tag("pre", clean(text, SHOWN_BODY, lines=True)) for text in (sent, came))
    details = tag("details", tag("summary", line), both, **({"open": ""} if last else {}))
    return tag("li", details, value=str(step.number))


def _table(report: Report, secrets: Secrets) -> Html:
    head = tag(
        "tr", *(tag("th", name) for name in ("outcome", "check", "sources")), tag("th", "seconds", class_="number")
    )
    rows = [_row(verdict, secrets) for verdict in facts.ordered(report)]
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("section", tag("h2", f"All checks ({len(rows)})"), table)


def _row(verdict: Verdict, secrets: Secrets) -> Html:
    check = verdict.check
    told = verdict.outcome in facts.TITLES
    name: Html = tag("a", check.id, href=f"#{check.id}") if told else tag("span", check.id)
    title = shown(check.title, secrets)
    return tag(
        "tr",
        tag("td", _word(verdict)),
        tag("td", tag("span", name, class_="id"), Html("<br>"), title),
        tag("td", ", ".join(check.sources), class_="soft"),
        tag("td", f"{verdict.seconds:.1f}", class_="number"),
        id=f"row-{check.id}",
    )


def _colophon(report: Report, secrets: Secrets) -> Html:
    target = report.target
    offers = f"The target offers: {', '.join(sorted(map(str, target.capabilities)))}."
    lacks = [f"{name}: {hint}" for name, hint in target.missing.items()]
    return tag(
        "footer",
        tag("h2", "About this run"),
        tag("p", shown(offers, secrets, 2000)),
        tag("p", "It lacks:") if lacks else "",
        tag("ul", *(tag("li", shown(text, secrets)) for text in lacks)) if lacks else "",
        tag("p", f"Checks ran one at a time: {target.why_alone}.") if target.why_alone else "",
        tag("p", f"Clock: {shown(target.clock, secrets)}. Description: ", tag("code", target.description_sha256)),
        tag("p", f"Pickproof {report.kit_version}. It looks from outside; what requests cannot decide is not "
                 "judged here, and no standards body has certified anything.", class_="soft"),
    )  # fmt: skip
