"""Sequences of refreshes that ask now for less, now for more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

KINDS = ("wide", "both", "narrow", "nothing")


@dataclass(frozen=True, slots=True)
class Chain:
    """What is asked for, refresh after refresh."""

    kinds: tuple[str, ...]

    def scopes(self, narrow: str, wide: str) -> list[str | None]:
        """The scope parameter of each refresh; None leaves it out."""
        meant = {"wide": wide, "both": f"{narrow} {wide}", "narrow": narrow, "nothing": None}
        return [meant[kind] for kind in self.kinds]

    def __str__(self) -> str:
        return "asked for " + ", then ".join(self.kinds)


def chains() -> SearchStrategy[Chain]:
    """Up to four refreshes."""
    from hypothesis import strategies as st

    return st.lists(st.sampled_from(KINDS), min_size=1, max_size=4).map(lambda kinds: Chain(tuple(kinds)))
