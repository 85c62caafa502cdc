"""`pickproof diff A B`: what changed between two reports."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping

from conformance.model import FAILED, UNDECIDED, Outcome
from conformance.report.read import Past, Row, read_report
from conformance.report.safe import clean

SCHEMA = "pickproof-diff/0"
KINDS: Mapping[str, str] = {
    "new": "New failures",
    "fixed": "Fixed",
    "undecided": "No longer decided",
    "changed": "Changed otherwise",
    "added": "Only in the second report",
    "removed": "Only in the first report",
}
"""How a check can differ, what needs attention first."""


def main(options: argparse.Namespace) -> int:
    """Compare and tell; 1 new failures, 3 none, but something is no longer decided or tested, else 0."""
    first, second = read_report(options.first), read_report(options.second)
    found = compare(first, second)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "exit": exit_code(found), **_as_json(first, second, found)}, indent=2))
    else:
        print("\n".join(_told(first, second, found)))
    return exit_code(found)


def compare(first: Past, second: Past) -> dict[str, list[str]]:
    """The ids of the checks that differ, by kind, sorted."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for id in sorted(first.rows.keys() | second.rows.keys()):
        kind = _kind(first.rows.get(id), second.rows.get(id))
        if kind:
            found[kind].append(id)
    return found


def exit_code(found: Mapping[str, list[str]]) -> int:
    """1 for new failures, 3 for what the second report says nothing of any more, else 0."""
    return 1 if found["new"] else 3 if found["undecided"] or found["removed"] else 0


def _kind(before: Row | None, after: Row | None) -> str | None:
    old, new = before and before.outcome, after and after.outcome
    if old == new:
        return None
    if new is Outcome.FAIL and old is not Outcome.KNOWN:
        return "new"
    if new is None:
        return "removed"
    if old is None:
        return "added"
    # A failure that can't be tested any more is not fixed.
    if new in UNDECIDED or (new is Outcome.NOT_APPLICABLE and old not in UNDECIDED):
        return "undecided"
    return "fixed" if old in FAILED and new in (Outcome.PASS, Outcome.ADVICE) else "changed"


def _as_json(first: Past, second: Past, found: Mapping[str, list[str]]) -> dict[str, object]:
    return {
        kind: [{"id": id, "before": _outcome(first, id), "after": _outcome(second, id)} for id in ids]
        for kind, ids in found.items()
    }


def _outcome(past: Past, id: str) -> str | None:
    return past.rows[id].outcome.value if id in past.rows else None


def _told(first: Past, second: Past, found: Mapping[str, list[str]]) -> Iterator[str]:
    for name, past in (("first", first), ("second", second)):
        yield f"{name:6}  {clean(str(past.folder))}: {clean(past.name)}, {clean(past.started)}"
    for kind, title in KINDS.items():
        if found[kind]:
            yield f"\n{title} ({len(found[kind])})"
        for id in found[kind]:
            yield f"  {clean(id)}: {_outcome(first, id) or 'absent'} -> {_outcome(second, id) or 'absent'}"
            row = second.rows.get(id)
            if row and (row.actual or row.reason) and row.outcome is not Outcome.PASS:
                yield f"    {clean(row.actual or row.reason)}"
    if not any(found.values()):
        yield "\nNothing changed."
