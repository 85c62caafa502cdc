"""report.sarif: SARIF 2.1.0, for code scanning; one rule for each check with a finding, one result for each finding."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from conformance.masking import Secrets
from conformance.model import FAILED, UNDECIDED, Check, Outcome, Report, Verdict
from conformance.report.facts import ordered
from conformance.report.masked import steps
from conformance.report.safe import shown

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
PROSE = 2000
FOUND = FAILED | {Outcome.ADVICE}
"""The outcomes that are results; what stayed undecided is told as a notification of the run."""
SEVERITY: Mapping[str, str] = MappingProxyType({"error": "8.0", "warning": "5.0", "note": "2.0"})
"""GitHub's ``security-severity``: high, medium, low."""


def to_sarif(report: Report, secrets: Secrets) -> dict[str, Any]:
    """The report as a SARIF log with one run, without secrets.

    A result's level is the profile's: ``error`` for a failure, ``warning`` or ``note`` for advice. A known failure is
    a suppressed error. Fingerprints depend on the check and the target's name alone, so that a finding stays the
    same one from run to run.
    """
    verdicts = [v for v in ordered(report) if v.outcome in FOUND]
    driver = {
        "name": "Pickproof",
        "semanticVersion": report.kit_version,
        "rules": [_rule(verdict) for verdict in verdicts],
    }
    results = [_result(report, verdict, at, secrets) for at, verdict in enumerate(verdicts)]
    run = {"tool": {"driver": driver}, "invocations": [_invocation(report, secrets)], "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run | {"columnKind": "unicodeCodePoints"}]}


def _rule(verdict: Verdict) -> dict[str, Any]:
    check, level = verdict.check, _level(verdict)
    text = "\n\n".join(part for part in (check.title, check.story, f"Remedy: {check.remedy}") if part)
    markdown = f"{check.title}\n\n{check.story}\n\n**Remedy:** {check.remedy}\n\nSources: {', '.join(check.sources)}"
    return {
        "id": check.id,
        "name": _name(check),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.story or check.title},
        "help": {"text": text, "markdown": markdown},
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["security", "authentication", *check.sources],
            "security-severity": SEVERITY[level],
            "precision": "very-high",
        },
    }


def _name(check: Check) -> str:
    return "".join(part.capitalize() for part in check.id.replace("-", ".").split("."))


def _level(verdict: Verdict) -> str:
    if verdict.outcome is not Outcome.ADVICE:
        return "error"
    return "note" if verdict.level in ("MAY", "INFO", None) else "warning"


def _result(report: Report, verdict: Verdict, at: int, secrets: Secrets) -> dict[str, Any]:
    found = verdict.actual or verdict.reason
    message = f"{verdict.check.title} Expected: {verdict.expected or 'just that'}; actual: {found}"
    result: dict[str, Any] = {
        "ruleId": verdict.check.id,
        "ruleIndex": at,
        "kind": "fail",
        "level": _level(verdict),
        "message": {"text": shown(message, secrets, PROSE)},
        "locations": [_location(report, secrets)],
        "partialFingerprints": {"pickproof/v1": fingerprint(report, verdict.check, secrets)},
        "properties": {"level": verdict.level or "", "outcome": verdict.outcome.value},
    }
    if verdict.outcome is Outcome.KNOWN:
        justification = shown(verdict.reason, secrets, PROSE)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
    flow = [
        {"location": {"message": {"text": f"{step.purpose} -> {step.outcome}"}}, "executionOrder": step.number}
        for step in steps(verdict.evidence, secrets)
    ]
    if flow:
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    return result


def fingerprint(report: Report, check: Check, secrets: Secrets) -> str:
    """What makes a finding the same one in every run: the check and the name of the target."""
    return hashlib.sha256(f"{check.id}\0{shown(report.target.name, secrets)}".encode()).hexdigest()


def _location(report: Report, secrets: Secrets) -> dict[str, Any]:
    """The description, as the one file of the user's that has to do with it; a target has no source to point at."""
    word = PurePosixPath(report.target.word.replace("\\", "/"))
    inside = word.suffix == ".toml" and not word.is_absolute() and ".." not in word.parts
    uri = quote(shown(str(word), secrets)) if inside else "target.toml"
    where = {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
    name = shown(report.target.name, secrets)
    return {"physicalLocation": where, "logicalLocations": [{"name": name, "kind": "resource"}]}


def _invocation(report: Report, secrets: Secrets) -> dict[str, Any]:
    notifications = [
        {
            "level": "error" if verdict.outcome is Outcome.ERROR else "warning",
            "descriptor": {"id": verdict.check.id},
            "message": {"text": shown(f"{verdict.check.id}: {verdict.outcome}: {verdict.reason}", secrets, PROSE)},
        }
        for verdict in ordered(report)
        if verdict.outcome in UNDECIDED
    ]
    return {
        "executionSuccessful": report.partial is None and not report.counts[Outcome.ERROR],
        "exitCode": report.exit_code,
        "startTimeUtc": report.started.replace("+00:00", "Z"),
        "toolExecutionNotifications": notifications,
    }
