"""Growing delays against password guessing (ASVS-v5.0.0-6.3.1, NIST SP 800-63B-4 section 3.2.2)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from .clock import Clock
from .store import Database

TABLE = "CREATE TABLE IF NOT EXISTS failures (key TEXT PRIMARY KEY, count INTEGER, last REAL, until REAL)"


class Throttled(Exception):
    """Too many failures; ask again after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many failed attempts")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How many consecutive failures are free, and how the delay grows after them."""

    account: int = 20
    """Free failures for one account name, existing or not. NIST allows at most 100."""
    source: int = 1000
    """Free failures from one address, generous because many people may share one."""
    first: float = 1.0
    """Seconds of the first delay; each further failure doubles it."""
    longest: float = 900.0
    """Seconds; bounded, so that a stranger cannot lock an owner out for ever (ASVS-v5.0.0-6.1.1)."""
    forgives: bool = True
    """A success clears the failures before it (NIST SP 800-63B-4 section 3.2.2)."""
    forget: float = 3600.0
    """Seconds without a failure after which a count starts again."""


class Throttle:
    """Counts failures by account name and by source, in the database that replicas share."""

    def __init__(self, database: Database, clock: Clock, limits: ThrottleLimits) -> None:
        self._db, self._clock, self._limits = database, clock, limits
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        database.change(TABLE)

    @asynccontextmanager
    async def turn(self, name: str, source: str) -> AsyncIterator[None]:
        """One attempt at a time for each name, so that a burst of parallel guesses is counted like a row of them.

        Raises:
            Throttled: the name or the source must wait; the attempt does not count then.
        """
        lock = self._turns.setdefault(name, asyncio.Lock())
        async with lock:
            now = self._clock.now()
            wait = max(self._wait(key, now) for key, _ in self._keys(name, source))
            if wait > 0:
                raise Throttled(wait)
            yield

    def failed(self, name: str, source: str) -> None:
        """Count a failure of the name, which may not exist, and of the source."""
        with self._db.transaction():
            for key, free in self._keys(name, source):
                self._count(key, free, self._clock.now())

    def succeeded(self, name: str, source: str) -> None:
        """Clear the name's failures; those of the source stay, or a guesser would clear them with his own account."""
        (account, _), _ = self._keys(name, source)
        if self._limits.forgives:
            self._db.change("DELETE FROM failures WHERE key = ?", account)

    def _keys(self, name: str, source: str) -> tuple[tuple[str, int], tuple[str, int]]:
        # Hashed, so that a password typed into the name field is never stored.
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return (f"account:{digest}", self._limits.account), (f"source:{source}", self._limits.source)

    def _wait(self, key: str, now: float) -> float:
        row = self._db.row("SELECT until FROM failures WHERE key = ?", key)
        return float(row[0]) - now if row else 0.0

    def _count(self, key: str, free: int, now: float) -> None:
        row = self._db.row("SELECT count, last FROM failures WHERE key = ?", key)
        count = 1 + (int(row[0]) if row and now - row[1] < self._limits.forget else 0)
        over = min(count - free, 32)
        delay = min(self._limits.first * 2 ** (over - 1), self._limits.longest) if over > 0 else 0.0
        self._db.change("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", key, count, now, now + delay)
