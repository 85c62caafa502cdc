"""Connections that are kept open between requests, and targets that cannot afford them.

Some servers give a thread to each connection, which waits there for the next request: a dozen idle connections, and
nobody else is served. Whoever waits long for such a server lets go of what idles. Where that helps, nothing is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from conformance.target.connection import Connection

IMPATIENCE = 0.7
"""Seconds without a byte after which idle connections are let go; doubled each time that it does not help."""
MOST_PATIENT = 5.0
PROMPT = 0.3
"""Seconds after that in which the answer comes if it was a thread that it waited for."""
CONVINCED = 3
"""Answers that came so before nothing is kept any more: one may be an accident."""


class Keeping:
    """The idle connections of all parties of a run."""

    def __init__(self) -> None:
        self.affordable = True
        """The target serves others while connections idle."""
        self._idle: set[Connection] = set()
        self._impatience = IMPATIENCE
        self._helped = 0

    def keep(self, connection: Connection) -> None:
        """Note a connection that idles from now on."""
        self._idle.add(connection)

    def take(self, connection: Connection) -> None:
        """Note that a connection is in use again, or closed."""
        self._idle.discard(connection)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Somebody waits for an answer."""
        loop = asyncio.get_running_loop()
        let_go: list[float] = []
        handle = loop.call_later(self._impatience, self._let_go, let_go)
        try:
            yield
        finally:
            handle.cancel()
        if let_go and loop.time() - let_go[0] < PROMPT:
            self._helped += 1
            self.affordable = self._helped < CONVINCED
        elif let_go:
            self._impatience = min(2 * self._impatience, MOST_PATIENT)

    def _let_go(self, noted: list[float]) -> None:
        open_ones = [connection for connection in self._idle if connection.usable]
        self._idle.clear()
        for connection in open_ones:
            connection.close()
        if open_ones:
            noted.append(asyncio.get_running_loop().time())
