"""Watches over a run whether its target still lives: what died is told once, not by each check in turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from conformance.target.strangers import answers
from conformance.target.system import System
from conformance.target.wire import GONE, Pulse

LOOK = 1.0
"""Seconds between two looks at the run."""
FEW = 3
"""Requests in a row that may come to nothing: attacks do that to servers that live."""
GIVE_UP = 30.0
"""Seconds without any answer after which the rest of a run is left; whoever is restarted is back by then."""
SHOWN = 4
"""Requests that are named of those which a process did not finish."""

T = TypeVar("T")


class Vigil:
    """Ends a stream of verdicts when the target is gone, and says so in one line."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._began = time.monotonic()
        self.told: str | None = None
        """What became of the target; None while it lives."""

    async def over(self, stream: AsyncGenerator[T, None]) -> AsyncIterator[T]:
        """The same stream, ended early where the target stopped answering."""
        watch = asyncio.create_task(self._until_gone())
        try:
            async for item in _unless(watch, stream):
                yield item
            if watch.done() or await self._is_gone():
                self.told = self._system.secrets.mask(_told(self._system.wire.pulse, self._began))
        finally:
            await _ended(watch)

    async def _until_gone(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            silence = time.monotonic() - self._system.wire.pulse.answered_at
            if await self._is_gone() and silence > GIVE_UP:
                return

    async def _is_gone(self) -> bool:
        """Whether nothing came back of late, and nothing comes back to a stranger's plain question either."""
        return self._system.wire.pulse.lost >= FEW and not await answers(self._system)


async def _unless(watch: asyncio.Task[None], stream: AsyncGenerator[T, None]) -> AsyncIterator[T]:
    """The items of a stream until the watch is over."""
    try:
        while True:
            step = asyncio.ensure_future(anext(stream))
            try:
                await asyncio.wait({step, watch}, return_when=asyncio.FIRST_COMPLETED)
                if not step.done():
                    watch.result()
                    return
                yield step.result()
            except StopAsyncIteration:
                return
            finally:
                await _ended(step)
    finally:
        await stream.aclose()


async def _ended(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _told(pulse: Pulse, began: float) -> str:
    when = max(0.0, pulse.answered_at - began)
    return (
        f"the target stopped answering {when:.1f} s into the run: "
        f"{pulse.lost} requests in a row came to nothing, the last with: {pulse.trouble}{_cut_off(pulse)}"
    )


def _cut_off(pulse: Pulse) -> str:
    """What a process was working on when it ended, the latest request first: one of them may be what ended it."""
    latest = sorted(pulse.suspects, key=lambda exchange: -exchange.sent_at)
    if not latest or pulse.trouble != GONE:
        return ""
    told = dict.fromkeys(f"{one.purpose} ({one.request.method} {urlsplit(one.request.url).path})" for one in latest)
    more = f", and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return f"; it was working on: {', '.join(list(told)[:SHOWN])}{more}"
