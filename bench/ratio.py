"""One measured figure with its goal."""

from __future__ import annotations

import operator
from dataclasses import dataclass

HOLDS = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, slots=True)
class Ratio:
    """What was measured, and what it should be."""

    name: str
    value: float
    sense: str
    """``>=`` or ``<=``."""
    goal: float
    later: float | None
    """The goal of a later release."""
    how: str
    """The two sides of the ratio, in their units."""
    unit: str = ""

    @property
    def ok(self) -> bool:
        """Whether the goal is met."""
        return bool(HOLDS[self.sense](self.value, self.goal))


def table(ratios: list[Ratio]) -> str:
    """All figures, one a line, under a heading."""
    rows = [("measured", "value", "goal", "later", "", "from")]
    rows += [
        (r.name, f"{r.value:.2f}{r.unit}", f"{r.sense} {r.goal:g}{r.unit}", f"{r.later:g}" if r.later else "",
         "ok" if r.ok else "missed", r.how)
        for r in ratios
    ]  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]) for row in rows
    )
