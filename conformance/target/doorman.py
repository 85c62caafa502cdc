"""Who counts the failed logins that the kit causes, so that no account of the target is locked by them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.target.clock import Clock


@dataclass
class Doorman:
    """The failures of a run."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Failing logins are tried one at a time."""
    failures: dict[str, int] = field(default_factory=dict)
    """In a row, by account."""
    siege: object = field(default=None, repr=False)
    """What came of guessing at the account with the role throttle, once it was tried."""
    besieging: asyncio.Lock = field(default_factory=asyncio.Lock)


LONGEST = 900.0
"""Seconds for which a check waits for others at most; two that wait for each other end then."""


@dataclass
class Patience:
    """How long one check may take: its clock stands while it waits for others, who may take long."""

    limit: asyncio.Timeout | None = None
    _queued: int = 0
    _left: float | None = None

    @contextlib.asynccontextmanager
    async def in_turn(self, turn: asyncio.Lock) -> AsyncIterator[None]:
        """Hold the turn; the wait for it is not time that the check takes."""
        with self.standing():
            await turn.acquire()
        try:
            yield
        finally:
            turn.release()

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """A wait that ends when others are done, and takes none of the check's own time."""
        self._stand()
        try:
            yield
        finally:
            self._go_on()

    def _stand(self) -> None:
        self._queued += 1
        if self._queued == 1 and self.limit and (end := self.limit.when()) is not None and not self.limit.expired():
            self._left = end - asyncio.get_running_loop().time()
            self.limit.reschedule(end + LONGEST)

    def _go_on(self) -> None:
        self._queued -= 1
        if not self._queued and self.limit and self._left is not None:
            # The check may be over, and this one of the tasks that it leaves behind.
            with contextlib.suppress(RuntimeError):
                self.limit.reschedule(asyncio.get_running_loop().time() + self._left)
            self._left = None


class PatientClock:
    """The target's clock for one check: time travels when every check waits, however long the others work till then."""

    def __init__(self, clock: Clock, patience: Patience) -> None:
        self.travels, self.kind = clock.travels, clock.kind
        self._clock, self._patience = clock, patience

    def now(self) -> float:
        """Seconds since the epoch, as the target counts them."""
        return self._clock.now()

    async def until(self, moment: float) -> None:
        """Return once the target's clock has reached `moment`."""
        # What a real clock takes is the check's own time, which its limit allows for.
        with self._patience.standing() if self.travels else contextlib.nullcontext():
            await self._clock.until(moment)

    def enter(self) -> None:
        """A check begins to run, in the context in which this is called."""
        self._clock.enter()

    def leave(self) -> None:
        """A check has ended."""
        self._clock.leave()
