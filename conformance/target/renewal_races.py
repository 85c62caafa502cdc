"""Refreshes that overlap: prepared on warm connections, started together, counted by what works afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from conformance.target.oracle import unclear_reason
from conformance.target.party import Party
from conformance.target.races import track_of
from conformance.target.renewal import Renewal
from conformance.target.renewal_family import Families

Result = TypeVar("Result")

CALLS = 8
"""Requests of one round."""
ROUNDS = 3
READY_WITHIN = 5.0
"""Seconds after which a race starts with those who are ready."""
HEAD_STARTS = (0.0, 0.0, 0.002, 0.005, 0.01, 0.02)
"""Seconds by which a refresh precedes the logout, round by round: nobody knows where the target's window is."""


class Start(asyncio.Event):
    """A common start that knows how many wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.changed = asyncio.Event()

    async def wait(self) -> Literal[True]:
        """Wait for the start."""
        self.waiting += 1
        self.changed.set()
        return await super().wait()


class RenewalRaces(Families):
    """Verbs about refreshes under way at the same time."""

    @property
    def calls(self) -> int:
        """How many requests of one round can be held at once."""
        return max(2, min(CALLS, self.system.wire.limits.concurrency))

    async def present_at_once(self, parties: Sequence[Party]) -> list[Renewal]:
        """Each presents its refresh token, all at the same moment; those without any answer are left out."""
        async with track_of(self.system):
            racers = [await self._warm(party) for party in parties]
            start = Start()
            tasks = [asyncio.ensure_future(self.present(racer, start=start)) for racer in racers]
            return [r for r in await _started(start, tasks) if unclear_reason(r.exchange) is None]

    async def _warm(self, party: Party) -> Party:
        """The same credentials on a connection of its own that has just carried a request."""
        racer = party.stolen(party.label)
        visitor = self.bare(racer, "a stranger on a connection to be used")
        visitor.lane = racer.lane
        await visitor.whoami()
        # Each is held back until all of them are under way, whatever the run may send at once.
        return replace(racer, racing=True)

    # -- what is left of it

    async def leaves(self, renewals: Sequence[Renewal]) -> list[Party]:
        """Distinct refresh tokens that came out of a race and still give something."""
        carrier = await self.refresh_carrier()
        unused = {r.party.secret(carrier): r.party for r in self.with_tokens(renewals)}
        return [party for party in unused.values() if await self.works(await self.present(party))]

    def with_tokens(self, renewals: Sequence[Renewal]) -> list[Renewal]:
        """Those that were answered with tokens."""
        return [renewal for renewal in renewals if renewal.granted]

    async def expect_no_fork(self, renewals: Sequence[Renewal], most: int, what: str) -> None:
        """At most so many live refresh tokens are left of a family, whoever was answered first."""
        live = await self.leaves(renewals)
        if len(live) > most:
            said = f"{len(self.with_tokens(renewals))} answers with tokens, {len(live)} live refresh tokens afterwards"
            shown = [*(r.exchange for r in self.with_tokens(renewals)), *list(self.log)[-2:]]
            self.violation(f"at most {most} live refresh token{'s' * (most != 1)} after {what}", said, shown)


async def _ready(start: Start, tasks: Sequence[asyncio.Future[Result]]) -> None:
    """Return when every task is held back, or is over without having been."""
    for task in tasks:
        task.add_done_callback(lambda _: start.changed.set())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN):
            while start.waiting + sum(task.done() for task in tasks) < len(tasks):
                start.changed.clear()
                await start.changed.wait()


async def _started(start: Start, tasks: Sequence[asyncio.Future[Result]]) -> list[Result]:
    """Start what is held back, together, and wait for all of it."""
    try:
        await _ready(start, tasks)
        start.set()
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
