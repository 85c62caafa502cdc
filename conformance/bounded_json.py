"""Reading JSON of a hostile target: what is nested without end must not take the interpreter down."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100
"""Objects and arrays inside one another; no answer that speaks of sessions or keys comes near."""
_PIECE = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""A text, whose brackets do not count, or a bracket."""


def loads(document: bytes | str, **hooks: Any) -> Any:
    """The value of a JSON document; `hooks` are those of the standard library.

    Raises:
        ValueError: no JSON, or nested too deeply. A RecursionError may come too late: the stack of C is shallower.
    """
    raw = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deep(raw):
        raise ValueError("nested too deeply")
    return json.loads(document, **hooks)


def _is_deep(raw: bytes) -> bool:
    depth = 0
    for piece in _PIECE.finditer(raw):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(piece[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False
