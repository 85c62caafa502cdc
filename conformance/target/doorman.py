"""Who counts the failed logins that the kit causes, so that no account of the target is locked by them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Doorman:
    """The failures of a run."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Failing logins are tried one at a time."""
    failures: dict[str, int] = field(default_factory=dict)
    """In a row, by account."""


@dataclass
class Patience:
    """How long one check may take: its clock stands while it waits for its turn, which others may hold for long."""

    limit: asyncio.Timeout | None = None
    _queued: int = 0
    _left: float | None = None

    @contextlib.asynccontextmanager
    async def in_turn(self, turn: asyncio.Lock) -> AsyncIterator[None]:
        """Hold the turn; the wait for it is not time that the check takes."""
        self._stand()
        try:
            await turn.acquire()
        finally:
            self._go_on()
        try:
            yield
        finally:
            turn.release()

    def _stand(self) -> None:
        self._queued += 1
        if self._queued == 1 and self.limit and (end := self.limit.when()) is not None and not self.limit.expired():
            self._left = end - asyncio.get_running_loop().time()
            self.limit.reschedule(None)

    def _go_on(self) -> None:
        self._queued -= 1
        if not self._queued and self.limit and self._left is not None:
            # The check may be over, and this one of the tasks that it leaves behind.
            with contextlib.suppress(RuntimeError):
                self.limit.reschedule(asyncio.get_running_loop().time() + self._left)
            self._left = None
