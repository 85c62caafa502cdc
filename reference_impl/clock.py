"""The time of a reference server: the real one plus an offset that tests may advance."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, movable.

    Every deadline of a reference server is compared with this clock and with no other, so that one
    :meth:`advance` moves idle timeouts, absolute timeouts, token expiry and throttling together.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._offset = 0.0

    def now(self) -> float:
        """The current time in seconds since the epoch, as a float."""
        return self._source() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock; negative seconds move it back."""
        self._offset += seconds
