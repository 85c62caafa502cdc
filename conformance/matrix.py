"""The stored kill matrix: which checks catch which fault of the reference servers. Generated, never edited."""

from __future__ import annotations

import functools
import json
from pathlib import Path

STORED = Path(__file__).with_name("kill-matrix.json")


@functools.cache
def kills() -> dict[tuple[str, str], list[str]]:
    """Ids of the checks that fail on each (scheme, fault), as last measured."""
    if not STORED.exists():
        return {}
    table = json.loads(STORED.read_text())["kills"]
    return {(scheme, fault): ids for scheme, row in table.items() for fault, ids in row.items()}


def killed_by(check_id: str) -> list[tuple[str, str]]:
    """The faults (scheme, id) that a check catches."""
    return [fault for fault, ids in kills().items() if check_id in ids]
