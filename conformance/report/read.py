"""Reports that were written earlier, read back: report.json, and the steps of a check's evidence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.model import REPORT_SCHEMA, Outcome
from conformance.report.safe import clean

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that are read at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """One check of a report."""

    id: str
    title: str
    outcome: Outcome
    expected: str
    actual: str
    reason: str
    example: str | None
    inputs: dict[str, Any] | None
    """What `conformance.example.spelled` wrote; None for a check without generated inputs."""
    evidence: str | None
    """Where its exchanges are, relative to the report."""


@dataclass(frozen=True, slots=True)
class Past:
    """What replay, diff and the like need of a report."""

    folder: Path
    kit_version: str
    name: str
    word: str
    """What named the target on the command line; empty in a report that does not say."""
    seed: int
    started: str
    profiles: tuple[str, ...]
    budget: float | None
    rows: dict[str, Row]


@dataclass(frozen=True, slots=True)
class PastStep:
    """One exchange of the evidence."""

    purpose: str
    outcome: str
    """``200 OK``, or why no answer came."""


def read_report(where: Path) -> Past:
    """The report in a folder, or a report.json itself.

    Raises:
        UsageError: it is not there, no report, or of another schema; says which.
    """
    path = where / "report.json" if where.is_dir() else where
    document = _json(path, "a folder that `pickproof certify --out` wrote, or its report.json")
    found = document.get("schema")
    if found != REPORT_SCHEMA:
        said = clean(repr(found)) if found is not None else "no schema"
        raise UsageError(f"{path}: no report of this version: it names {said}, not {REPORT_SCHEMA!r}")
    try:
        target = document["target"]
        budget = document["selection"].get("budget")
        rows = [_row(one) for one in document["checks"]]
        return Past(
            path.parent, str(document["kit"]["version"]), str(target["name"]), str(target.get("word", "")),
            int(document["seed"]), str(document["started"]), tuple(map(str, document["profiles"])),
            None if budget is None else float(budget), {row.id: row for row in rows},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise UsageError(f"{path}: a damaged report ({type(problem).__name__}: {clean(str(problem))})") from None


def read_steps(past: Past, row: Row) -> tuple[PastStep, ...]:
    """The exchanges that were recorded for a check; nothing when none were kept.

    Raises:
        UsageError: the file that the report names is missing or damaged.
    """
    if row.evidence is None:
        return ()
    path = past.folder / "evidence" / Path(row.evidence).name
    document = _json(path, "the evidence beside report.json: copy the whole folder")
    try:
        return tuple(_step(entry) for entry in document["log"]["entries"])
    except (KeyError, TypeError, AttributeError) as problem:
        raise UsageError(f"{path}: damaged evidence ({type(problem).__name__}: {clean(str(problem))})") from None


def _json(path: Path, wanted: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: larger than any report; wanted is {wanted}")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"{path}: {problem.strerror or 'cannot be read'}; wanted is {wanted}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path}: not JSON; wanted is {wanted}") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path}: no JSON object; wanted is {wanted}")
    return document


def _row(one: dict[str, Any]) -> Row:
    inputs = one.get("inputs")
    if inputs is not None and not isinstance(inputs, dict):
        raise ValueError("inputs are no object")
    example, evidence = one["example"], one["evidence"]
    return Row(
        str(one["id"]), str(one["title"]), Outcome(one["outcome"]), str(one["expected"]), str(one["actual"]),
        str(one["reason"]), None if example is None else str(example), inputs,
        None if evidence is None else str(evidence),
    )  # fmt: skip


def _step(entry: dict[str, Any]) -> PastStep:
    response = entry["response"]
    answered = f"{response['status']} {response.get('statusText', '')}".strip()
    return PastStep(str(entry.get("comment", "")), str(entry.get("_error") or answered))
