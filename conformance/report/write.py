"""The report as files, one for each kind of reader, and the evidence behind each verdict that needs some."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.masking import Secrets
from conformance.model import Report, Verdict
from conformance.report.curl import script
from conformance.report.document import to_json
from conformance.report.facts import WITH_EVIDENCE, ordered
from conformance.report.har import to_har
from conformance.report.junit import to_junit
from conformance.report.markdown import to_markdown
from conformance.report.page import to_html
from conformance.report.sarif import to_sarif

EVIDENCE = "evidence"
_ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)+")
_OURS = re.compile(rf"{_ID.pattern}\.(?:har|sh)")
_PRIVATE = 0o700


def write(report: Report, secrets: Secrets, out: Path) -> dict[str, Path]:
    """Write every artefact of a report into the folder `out`, readable by its owner alone.

    Each file appears whole or not at all; evidence of an earlier run in the same folder is removed. Writing the
    same report twice changes nothing.

    Returns:
        Where each artefact is, by its name below `out`.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder = out / EVIDENCE
    out.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    folder.mkdir(mode=_PRIVATE, exist_ok=True)
    kept = [v for v in ordered(report) if v.evidence and v.outcome in WITH_EVIDENCE and _ID.fullmatch(v.check.id)]
    paths = {v.check.id: f"{EVIDENCE}/{v.check.id}.har" for v in kept}
    texts = _evidence(report, secrets, kept) | {
        "report.json": _json(to_json(report, secrets, paths)),
        "report.html": to_html(report, secrets, paths),
        "junit.xml": to_junit(report, secrets),
        "report.sarif": _json(to_sarif(report, secrets)),
        "summary.md": to_markdown(report, secrets),
    }
    _remove_stale(folder, {Path(name).name for name in texts})
    return {name: put(out / name, text) for name, text in texts.items()}


def obstacle(out: Path) -> str | None:
    """What keeps `write` from writing into `out`, or None; nothing is made."""
    at = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not at.is_dir():
        return f"{at} is no folder"
    return None if os.access(at, os.W_OK | os.X_OK) else f"{at} cannot be written"


def _evidence(report: Report, secrets: Secrets, verdicts: Iterable[Verdict]) -> dict[str, str]:
    found: dict[str, str] = {}
    for verdict in verdicts:
        stem = f"{EVIDENCE}/{verdict.check.id}"
        found[f"{stem}.har"] = _json(to_har(verdict, secrets, report.kit_version))
        found[f"{stem}.sh"] = script(verdict, secrets)
    return found


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _remove_stale(folder: Path, wanted: Iterable[str]) -> None:
    """What an earlier run left behind; a name that no check can have is not ours to delete."""
    for path in folder.iterdir():
        if path.name not in wanted and _OURS.fullmatch(path.name) and not path.is_dir():
            path.unlink()


def put(path: Path, text: str) -> Path:
    """Write a file, readable by its owner alone; it appears whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".pickproof-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
