"""Waiting for one another: reader and writer locks for accounts, and failures that several waited for."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from conformance.errors import Inconclusive


class AccountLock:
    """Many readers or one writer; a waiting writer goes before readers that come later."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._readers = 0
        self._writing = False
        self._writers_waiting = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        """Hold the account together with other readers."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._writing and not self._writers_waiting)
            self._readers += 1
        try:
            yield
        finally:
            async with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[None]:
        """Hold the account alone."""
        async with self._changed:
            self._writers_waiting += 1
            try:
                await self._changed.wait_for(lambda: not self._writing and not self._readers)
            finally:
                self._writers_waiting -= 1
                self._changed.notify_all()
            self._writing = True
        try:
            yield
        finally:
            async with self._changed:
                self._writing = False
                self._changed.notify_all()


@asynccontextmanager
async def hold(locks: Iterable[AccountLock], *, alone: bool) -> AsyncIterator[None]:
    """Hold several accounts, taken in one fixed order so that no two checks wait for each other."""
    async with AsyncExitStack() as stack:
        for lock in locks:
            await stack.enter_async_context(lock.write() if alone else lock.read())
        yield


@dataclass
class LastFailure:
    """Why the last try failed, for those who waited for it: one after the other they would all meet the same."""

    at: float = -math.inf
    """On the monotonic clock."""
    stop: Inconclusive | None = None

    @contextmanager
    def told_to_who_waited_since(self, asked: float) -> Iterator[None]:
        """Around a try; `asked` is when its caller began to wait, on the monotonic clock.

        Raises:
            Inconclusive: that of this try, or of one that ended since.
        """
        if self.stop and self.at > asked:
            raise Inconclusive(self.stop.reason, self.stop.evidence, self.stop.key)
        try:
            yield
        except Inconclusive as stop:
            self.at, self.stop = time.monotonic(), stop
            raise
