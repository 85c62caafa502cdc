"""The target's clock: real waiting, or time travel where the target offers it.

Travelled time is shared by every running check, so it jumps only when all of them wait, and then to the earliest
moment that one of them waits for: a discrete-event simulation with the target inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from conformance.errors import Inconclusive


class Clock(Protocol):
    """What checks and the runner ask of time."""

    travels: bool
    kind: str

    def now(self) -> float:
        """Seconds since the epoch, as the target counts them."""

    async def until(self, moment: float) -> None:
        """Return once the target's clock has reached `moment`."""

    def enter(self) -> None:
        """A check begins to run, in the context in which this is called."""

    def leave(self) -> None:
        """A check has ended."""


@dataclass
class RealClock:
    """Waits as long as it takes; waits of different checks overlap by themselves."""

    travels: bool = False
    kind: str = "real"
    waiting: dict[int, float] = field(default_factory=dict)
    """Moments that running checks wait for, for the progress display."""
    begun: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)
    """Notified when a wait begins."""
    _ids: itertools.count[int] = field(default_factory=itertools.count, repr=False)

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def until(self, moment: float) -> None:
        """Sleep until `moment`."""
        ticket = next(self._ids)
        self.waiting[ticket] = moment
        async with self.begun:
            self.begun.notify_all()
        try:
            # The loop's clock and the wall clock drift apart, so look again after each sleep.
            while (left := moment - time.time()) > 0:  # noqa: ASYNC110 - nothing announces the time
                await asyncio.sleep(left)
        finally:
            del self.waiting[ticket]

    def enter(self) -> None:
        """Nothing to count."""

    def leave(self) -> None:
        """Nothing to count."""


RUNNING: ContextVar[object] = ContextVar("running check")
"""Tells whose wait it is: tasks that a check starts inherit its context."""

Jump = Callable[[float, float], Awaitable[None]]
"""Moves the target's clock: by so many seconds, to so much ahead of real time in all."""


@dataclass(eq=False)
class _Sleeper:
    """One wait of a check; a check may have several at once."""

    moment: float
    woken: asyncio.Future[None]
    check: object


@dataclass
class TravellingClock:
    """Jumps instead of waiting."""

    jump: Jump
    kind: str
    travels: bool = True
    offset: float = 0.0
    """Seconds that the target's clock is ahead of real time."""
    _running: int = 0
    _sleepers: list[_Sleeper] = field(default_factory=list, repr=False)
    _jumping: asyncio.Task[None] | None = field(default=None, repr=False)

    def now(self) -> float:
        """Seconds since the epoch on the target's clock."""
        return time.time() + self.offset

    async def until(self, moment: float) -> None:
        """Wait until every running check waits and this is the next moment to come."""
        if moment <= self.now():
            return
        sleeper = _Sleeper(moment, asyncio.get_running_loop().create_future(), RUNNING.get(object()))
        self._sleepers.append(sleeper)
        self._maybe_jump()
        try:
            await sleeper.woken
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def enter(self) -> None:
        """One more running check, which time must wait for."""
        RUNNING.set(object())
        self._running += 1

    def leave(self) -> None:
        """One running check less; those that wait may be the only ones now."""
        self._running -= 1
        self._maybe_jump()

    def _maybe_jump(self) -> None:
        idle = self._jumping is None or self._jumping.done()
        asleep = {id(sleeper.check) for sleeper in self._sleepers}
        if asleep and len(asleep) >= self._running and idle:
            self._jumping = asyncio.get_running_loop().create_task(self._advance())
            # Whoever was to be woken may be gone by then, and the others wait on.
            self._jumping.add_done_callback(lambda _: self._maybe_jump())

    async def _advance(self) -> None:
        moment = min((sleeper.moment for sleeper in self._sleepers), default=0.0)
        by = max(0.0, moment - self.now())
        try:
            await self.jump(by, self.offset + by)
            self.offset += by
        except Exception as problem:
            self._wake(lambda _: True, Inconclusive(f"the target's clock could not be moved: {problem}"))
            return
        self._wake(lambda when: when <= moment, None)

    def _wake(self, due: Callable[[float], bool], failure: Inconclusive | None) -> None:
        for sleeper in [s for s in self._sleepers if due(s.moment)]:
            self._sleepers.remove(sleeper)
            if not sleeper.woken.done():
                sleeper.woken.set_exception(failure) if failure else sleeper.woken.set_result(None)


def faketime_jump(path: Path) -> Jump:
    """Jump by rewriting libfaketime's FAKETIME_TIMESTAMP_FILE, by rename so that no half line is ever read."""

    async def jump(_by: float, offset: float) -> None:
        _replace(path, f"+{offset:.3f}\n")

    return jump


def command_jump(words: list[str]) -> Jump:
    """Jump by a command, in whose arguments {seconds}, {offset} and {now} stand for the jump."""

    async def jump(by: float, offset: float) -> None:
        told = {"{seconds}": f"{by:.3f}", "{offset}": f"{offset:.3f}", "{now}": f"{time.time() + offset:.3f}"}
        spoken = [_spoken(word, told) for word in words]
        process = await asyncio.create_subprocess_exec(
            *spoken, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, error = await asyncio.wait_for(process.communicate(), 30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode:
            said = error.decode(errors="replace")[-200:]
            raise RuntimeError(f"`{spoken[0]}` ended with {process.returncode}: {said}")

    return jump


def _spoken(word: str, told: dict[str, str]) -> str:
    for name, value in told.items():
        word = word.replace(name, value)
    return word


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        # The target may run as another user.
        os.fchmod(file.fileno(), mode)
    Path(name).replace(path)
