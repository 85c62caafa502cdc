"""Where common frameworks keep the switch that a remedy speaks of."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any


def pointers(id: str) -> Mapping[str, str]:
    """Framework and setting for a check; empty where nothing beyond the remedy is known."""
    return {
        framework: text
        for entry in entries()
        if any(fnmatchcase(id, glob) for glob in entry["checks"])
        for framework, text in entry.items()
        if framework != "checks"
    }


@functools.cache
def entries() -> tuple[Mapping[str, Any], ...]:
    """The tables of `pointers.toml`: globs of checks in ``checks``, all other keys are frameworks."""
    text = files("conformance").joinpath("pointers.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["pointer"])
