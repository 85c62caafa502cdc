"""report.json: the report for programs, as published in ``report.schema.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.example import spelled
from conformance.masking import Secrets
from conformance.model import REPORT_SCHEMA, Report, Summary, Verdict
from conformance.report.facts import ordered
from conformance.report.safe import shown

PROSE = 2000
"""Characters of one sentence that a program may still want whole."""


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every report.json obeys."""
    text = Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def to_json(report: Report, secrets: Secrets, evidence: Mapping[str, str]) -> dict[str, Any]:
    """The report as plain JSON values, without secrets, the checks sorted by id.

    Args:
        report: what to say.
        secrets: masks whatever came from the target.
        evidence: where the exchanges of a check are, by id, relative to the report.
    """
    return {
        "schema": REPORT_SCHEMA,
        "kit": {"name": "pickproof", "version": report.kit_version},
        "target": _target(report.target, secrets),
        "profiles": dict(report.profiles),
        "selection": _plain(report.selection, secrets),
        "partial": None if report.partial is None else shown(report.partial, secrets, PROSE),
        "seed": report.seed,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "logins": report.logins,
        "summary": {outcome.value: count for outcome, count in report.counts.items()},
        "checks": [_check(verdict, secrets, evidence.get(verdict.check.id)) for verdict in ordered(report)],
    }


def _target(target: Summary, secrets: Secrets) -> dict[str, Any]:
    return {
        "name": shown(target.name, secrets),
        "base_url": shown(target.base_url, secrets, PROSE),
        "word": shown(target.word, secrets, PROSE),
        "scheme": target.scheme,
        "capabilities": sorted(map(str, target.capabilities)),
        "missing": _plain(target.missing, secrets),
        "clock": shown(target.clock, secrets),
        "description_sha256": target.description_sha256,
    }


def _check(verdict: Verdict, secrets: Secrets, evidence: str | None) -> dict[str, Any]:
    example = verdict.example
    return {
        "id": verdict.check.id,
        "title": shown(verdict.check.title, secrets),
        "outcome": verdict.outcome.value,
        "level": verdict.level,
        "sources": list(verdict.check.sources),
        "expected": shown(verdict.expected, secrets, PROSE),
        "actual": shown(verdict.actual, secrets, PROSE),
        "reason": shown(verdict.reason, secrets, PROSE),
        "example": None if example is None else shown(example, secrets, PROSE),
        "inputs": spelled(verdict.inputs, secrets),
        "began": None if verdict.began is None else round(verdict.began, 3),
        "seconds": round(verdict.seconds, 3),
        "requests": verdict.requests,
        "evidence": evidence,
    }


def _plain(value: Any, secrets: Secrets) -> Any:
    """Any value as JSON knows it; what JSON does not know as its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {shown(str(k), secrets): _plain(v, secrets) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item, secrets) for item in value]
        return sorted(items, key=str) if isinstance(value, set | frozenset) else items
    return shown(str(value), secrets, PROSE)
