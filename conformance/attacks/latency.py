"""Attacks that show in how long an answer takes: the same token once cheap, once dear."""

from __future__ import annotations

from collections.abc import Sequence

ITERATIONS = 3_000_000
"""Iterations of PBKDF2: one or two seconds of work; 8725bis section 3.13 allows 1.2 million at the most."""

SHELL = ("x|sleep {}", "x';sleep {};'", "$(sleep {})", "x;sleep {}#")
"""Pieces of a command line that sleep, for the usual ways to quote a word (CWE-78)."""

FLOOR = 0.4
"""Seconds that a dear answer must take longer than the slowest cheap one, to tell it from a busy machine."""


def dear(cheap: Sequence[float], costly: Sequence[float]) -> bool:
    """Whether every costly answer took longer than each cheap one, by more than a machine's moods explain."""
    return bool(cheap) and bool(costly) and min(costly) > 2 * max(cheap) + FLOOR
