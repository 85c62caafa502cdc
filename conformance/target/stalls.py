"""Time as the kit attends to it: while its own event loop stalls, no target is late.

A busy machine may keep the kit from running for seconds. The answers that arrived meanwhile lie unread, and a timer
that goes off first would call the target silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TICK = 0.25
"""Seconds between two looks; more than two of them at once were no waiting, but a stall."""


class Attention:
    """Looks again and again, and tells each time how many seconds were really waited since the last look."""

    def __init__(self, look: Callable[[float], bool], shortest: float) -> None:
        """`look` says whether to go on; `shortest` is the shortest limit that it minds, in seconds."""
        self._loop = asyncio.get_running_loop()
        self._look, self._tick = look, min(TICK, shortest / 4)
        self._rest()

    def _rest(self) -> None:
        self._since = self._loop.time()
        self._handle = self._loop.call_at(self._since + self._tick, self._wake)

    def _wake(self) -> None:
        if self._look(min(self._loop.time() - self._since, 2 * self._tick)):
            self._rest()

    def stop(self) -> None:
        """Look no more."""
        self._handle.cancel()
