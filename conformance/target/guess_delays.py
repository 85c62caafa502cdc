"""Whether a target delays guesses, or is merely slow just now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from conformance.model import Exchange

DELAY = 1.0
"""Seconds that an answer takes longer when it is delayed."""
PROOFS = 3
"""Late answers in a row, each with one on time after it, that no busy machine gives by chance."""
DOUBTS = 10
"""Late answers beside which everything else was late, too, until nothing can be told."""

TOO_SLOW = "the target is too slow to tell whether it delays guesses"


@dataclass
class Delays:
    """Late guesses, and something that is no guess after each of them: only where that is on time are they delayed."""

    usual: float
    """Seconds that the first guess took."""
    beside: Callable[[], Awaitable[Exchange]]
    in_a_row: int = 0
    doubts: int = 0

    async def after(self, guess: Exchange) -> str | None:
        """How guesses are delayed, once that is certain."""
        if not self.late(guess):
            self.in_a_row = 0
        elif self.late(await self.beside()):
            self.in_a_row = 0
            self.doubts += 1
        else:
            self.in_a_row += 1
        return f"each of {PROOFS} answers took {DELAY:g} s longer" if self.in_a_row >= PROOFS else None

    def late(self, exchange: Exchange) -> bool:
        """Whether one answer took longer than the first guess, for whatever reason."""
        return exchange.seconds > self.usual + DELAY

    @property
    def untold(self) -> bool:
        """The target is too slow to tell."""
        return self.doubts >= DOUBTS
