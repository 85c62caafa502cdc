"""Known failures: accepted for a reason, by someone, until a day. Strict both ways, so that the list can't rot.

A file is TOML with one ``[[known]]`` table for each check: ``id``, ``reason``, ``owner`` and ``until``, the last day
on which the failure is accepted.
"""

from __future__ import annotations

import datetime
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conformance.errors import DescriptionError, UsageError
from conformance.model import Outcome, Report, Verdict
from conformance.registry import catalogue
from conformance.report.safe import clean

KEYS = ("id", "reason", "owner", "until")
DAYS = 90
"""How long a failure that is written down anew is accepted."""
HEAD = """\
# Known failures of this target. Fill in `reason` and `owner` of each; an entry that no longer fails, has expired or
# matches no check is an error. `until` is the last day on which the failure is accepted.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted failure."""

    id: str
    reason: str
    owner: str
    until: datetime.date


def read_baseline(path: Path, today: datetime.date | None = None) -> tuple[Entry, ...]:
    """The entries of a file, each known, complete and in force.

    Raises:
        DescriptionError: the file can't be read, or an entry is incomplete, expired, twice there or of no check;
            names the entry and what to do.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DescriptionError(str(path), "", problem.strerror or "cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DescriptionError(str(path), "", f"no TOML: {problem}") from None
    rows = table.get("known", [])
    if set(table) - {"known"} or not isinstance(rows, list):
        raise DescriptionError(str(path), "", "it holds more than [[known]] tables", "`--write-baseline` writes one")
    entries = tuple(_entry(path, number, row) for number, row in enumerate(rows, 1))
    _judge(path, entries, today or datetime.datetime.now(datetime.UTC).date())
    return entries


def apply(report: Report, entries: Iterable[Entry]) -> Report:
    """The report with accepted failures as known ones; what a profile's demands came to stays as it is."""
    accepted = tuple(entries)
    return replace(report, verdicts=tuple(accept(verdict, accepted) for verdict in report.verdicts))


def stale(entries: Iterable[Entry], reports: Sequence[Report]) -> tuple[Entry, ...]:
    """The entries whose check held wherever it was decided; undecided and unselected checks prove nothing."""
    outcomes: dict[str, set[Outcome]] = {}
    for verdict in (verdict for report in reports for verdict in report.verdicts):
        outcomes.setdefault(verdict.check.id, set()).add(verdict.outcome)
    held = {Outcome.PASS, Outcome.ADVICE, Outcome.NOT_APPLICABLE}
    decided = {Outcome.PASS, Outcome.ADVICE}
    return tuple(e for e in entries if (o := outcomes.get(e.id, set())) & decided and o <= held)


def refuse_to_overwrite(path: Path) -> None:
    """Say so before anything is attacked.

    Raises:
        UsageError: there is such a file, or no folder for it.
    """
    if path.exists():
        raise UsageError(f"--write-baseline {path}: it exists; reasons may stand in it. Name another file")
    if not path.parent.is_dir():
        raise UsageError(f"--write-baseline {path}: there is no folder {path.parent}")


def write_baseline(
    path: Path, reports: Iterable[Report], kept: Iterable[Entry] = (), today: datetime.date | None = None
) -> None:
    """Write what fails as entries whose reason and owner are still to be filled in; entries in force are kept."""
    until = (today or datetime.datetime.now(datetime.UTC).date()) + datetime.timedelta(days=DAYS)
    found = {v.check.id: Entry(v.check.id, "", "", until) for r in reports for v in r.verdicts if v.outcome == "fail"}
    entries = {**found, **{entry.id: entry for entry in kept}}
    text = "".join(_written(entries[id]) for id in sorted(entries))
    path.write_text(HEAD + text, encoding="utf-8")


def _written(entry: Entry) -> str:
    # JSON spells a text as TOML does, but for DEL, which no clean text holds.
    rows = {key: json.dumps(getattr(entry, key), ensure_ascii=False) for key in KEYS[:3]}
    rows["until"] = entry.until.isoformat()
    title = f"# {check.title}\n" if (check := catalogue().get(entry.id)) else ""
    return f"\n[[known]]\n{title}" + "".join(f"{key} = {value}\n" for key, value in rows.items())


def accept(verdict: Verdict, entries: Iterable[Entry]) -> Verdict:
    """The verdict as a known failure, where it is a failure that an entry accepts."""
    entry = next((entry for entry in entries if entry.id == verdict.check.id), None)
    if entry is None or verdict.outcome is not Outcome.FAIL:
        return verdict
    reason = f"accepted by {entry.owner} until {entry.until.isoformat()}: {entry.reason}"
    return replace(verdict, outcome=Outcome.KNOWN, reason=reason)


def _entry(path: Path, number: int, row: Any) -> Entry:
    where = f"entry {number}"
    if not isinstance(row, dict):
        raise DescriptionError(str(path), where, "is no table")
    where += f" ({clean(str(row['id']))})" if "id" in row else ""
    for key in row.keys() - set(KEYS):
        raise DescriptionError(str(path), where, f"has an unknown key {clean(str(key))!r}", f"keys: {', '.join(KEYS)}")
    for key in KEYS[:3]:
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise DescriptionError(str(path), where, f"{key} is missing or empty", f'{key} = "…"')
    until = row.get("until")
    if type(until) is not datetime.date:
        raise DescriptionError(str(path), where, "until is missing or no date", "until = 2027-03-31, without quotes")
    texts = {key: clean(row[key]) for key in KEYS[:3]}
    return Entry(until=until, **texts)


def _judge(path: Path, entries: Sequence[Entry], today: datetime.date) -> None:
    known, seen = set(catalogue()), set[str]()
    for entry in entries:
        if entry.id not in known:
            raise DescriptionError(str(path), entry.id, "matches no check", "`pickproof list` shows every id")
        if entry.id in seen:
            raise DescriptionError(str(path), entry.id, "stands there twice")
        if entry.until < today:
            hint = "mend it, or decide anew until when it is accepted"
            raise DescriptionError(str(path), entry.id, f"expired on {entry.until.isoformat()}", hint)
        seen.add(entry.id)
