"""What may happen to a family of refresh tokens: in which order, and what at the same moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

DEEPEST = 8
"""Refreshes before the live token."""
EVENTS = ("the first token", "a token in between", "the last token", "a login")
"""What is tried on a dead family: presentations, and a login of the same user."""
WIDEST = 6
"""Presentations at the same moment."""


def depths() -> SearchStrategy[int]:
    """How many refreshes ago a token was spent: two at the least, since one is a check of its own."""
    from hypothesis import strategies as st

    return st.integers(2, DEEPEST)


@dataclass(frozen=True, slots=True)
class Script:
    """Events in their order."""

    events: tuple[str, ...]

    def __str__(self) -> str:
        return ", then ".join(self.events)


def scripts() -> SearchStrategy[Script]:
    """Events in any order, some of them more than once."""
    from hypothesis import strategies as st

    return st.lists(st.sampled_from(EVENTS), min_size=1, max_size=6).map(lambda events: Script(tuple(events)))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which generations of a family are presented at the same moment."""

    back: tuple[int, ...]
    """Refreshes before the live token, for each presentation; 0 is the live one."""

    def __str__(self) -> str:
        names = {0: "the live token", 1: "the one before", 2: "the one before that"}
        counted = {name: self.back.count(at) for at, name in names.items() if at in self.back}
        return " and ".join(f"{name} x {count}" for name, count in counted.items()) + " at once"

    @property
    def depth(self) -> int:
        """How many refreshes the family needs before."""
        return max(1, *self.back)

    @property
    def replays(self) -> bool:
        """Whether a token is presented that was spent before the race."""
        return any(self.back)


def schedules() -> SearchStrategy[Schedule]:
    """The live token at least once, and others: a successor has to be under way for a fork."""
    from hypothesis import strategies as st

    others = st.lists(st.integers(0, 2), min_size=1, max_size=WIDEST - 1)
    return st.tuples(others, st.booleans()).map(lambda drawn: Schedule((*drawn[0], 0) if drawn[1] else (0, *drawn[0])))
