"""junit.xml, for build servers: one suite for each topic, one case for each check."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from conformance.masking import Secrets
from conformance.model import Outcome, Report, Verdict
from conformance.report import facts
from conformance.report.masked import steps
from conformance.report.safe import clean, shown

_ELEMENT = {
    Outcome.FAIL: "failure",
    Outcome.INCONCLUSIVE: "error",
    Outcome.ERROR: "error",
    Outcome.NOT_APPLICABLE: "skipped",
    Outcome.KNOWN: "skipped",
}


def to_junit(report: Report, secrets: Secrets) -> str:
    """The report as JUnit XML.

    A failure is a ``failure``; inconclusive and error are an ``error`` whose type is that word; not applicable and
    known are ``skipped`` with a message; advice passes and says what it has to say in ``system-out``.
    """
    name = shown(f"pickproof {report.target.name}", secrets)
    root = Xml.Element("testsuites", {"name": name, **_counts(report.verdicts), "time": f"{report.seconds:.3f}"})
    for topic, verdicts in facts.topics(report).items():
        seconds = sum(v.seconds for v in verdicts)
        attributes = {"name": clean(topic), **_counts(verdicts), "time": f"{seconds:.3f}"}
        suite = Xml.SubElement(root, "testsuite", {**attributes, "timestamp": clean(report.started)})
        for verdict in verdicts:
            suite.append(_case(verdict, secrets))
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _counts(verdicts: Iterable[Verdict]) -> dict[str, str]:
    kinds = [_ELEMENT.get(verdict.outcome, "passed") for verdict in verdicts]
    errors, failures, skipped = (str(kinds.count(kind)) for kind in ("error", "failure", "skipped"))
    return {"tests": str(len(kinds)), "failures": failures, "errors": errors, "skipped": skipped}


def _case(verdict: Verdict, secrets: Secrets) -> Xml.Element:
    check = verdict.check
    case = Xml.Element("testcase", classname=f"pickproof.{check.topic}", name=check.id, time=f"{verdict.seconds:.3f}")
    element = _ELEMENT.get(verdict.outcome)
    if element:
        message = f"{verdict.outcome.value}: {facts.short(verdict, secrets)}"
        found = Xml.SubElement(case, element, message=message)
        if element != "skipped":
            found.set("type", verdict.outcome.value)
            found.text = _details(verdict, secrets)
    elif verdict.outcome is Outcome.ADVICE:
        Xml.SubElement(case, "system-out").text = _details(verdict, secrets)
    return case


def _details(verdict: Verdict, secrets: Secrets) -> str:
    check = verdict.check
    rows = {"": check.title, "expected": verdict.expected, "actual": verdict.actual, "reason": verdict.reason,
            "input": verdict.example or "", "remedy": check.remedy, "sources": ", ".join(check.sources)}  # fmt: skip
    told = [f"{name}: {shown(text, secrets, 1200)}".removeprefix(": ") for name, text in rows.items() if text]
    story = [f"{step.number}. {step.purpose} -> {step.outcome}" for step in steps(verdict.evidence, secrets)]
    return "\n".join((*told, *story))
