"""Races: requests that set out together, and requests that the target holds in flight while something ends.

A race needs two requests in flight or more, even where the run is told to send one at a time: it takes its own places,
no more than that, and there is one race at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.listing import Listing
from conformance.target.oracle import Judgement
from conformance.target.party import Party
from conformance.target.sender import Sender
from conformance.target.templates import render
from conformance.target.verbs import StepFailedError
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.system import System

ROUNDS = 4
"""One round proves nothing; a race that is lost now and then shows in a few."""
RUNNERS = 8
ARRIVAL = 5.0
"""Seconds in which a held request should have arrived."""
LOOK = 0.02
"""Seconds between two looks at a held request."""


@dataclass
class Line:
    """Where runners wait for each other: it opens when every one is there or has dropped out."""

    missing: int
    gun: asyncio.Event = field(default_factory=asyncio.Event)

    def arrive(self) -> None:
        """Count a runner."""
        self.missing -= 1
        if self.missing <= 0:
            self.gun.set()


@dataclass
class Runner:
    """One client of a race. It lines up before its request, and again before the last byte of it.

    Without the first line a server with few workers would wait for last bytes while others still prepare.
    """

    lines: tuple[Line, Line]
    passed: set[int] = field(default_factory=set)
    raced: bool = False
    """Its last byte went when the others' did."""

    async def line_up(self) -> None:
        """Wait until all are about to send."""
        await self._reach(0)

    async def wait(self) -> None:
        """Wait until all have sent everything but the last byte."""
        await self._reach(1)
        self.raced = True

    def done(self) -> None:
        """Finished, or out of the race; nobody waits for this one any more."""
        self._arrive(0)
        self._arrive(1)

    async def _reach(self, at: int) -> None:
        self._arrive(at)
        await self.lines[at].gun.wait()

    def _arrive(self, at: int) -> None:
        if at not in self.passed:
            self.passed.add(at)
            self.lines[at].arrive()


def track_of(system: System) -> asyncio.Lock:
    """Held by the one race of a run."""
    return system.learned.track


class Racing(Listing):
    """Verbs about what overlaps."""

    @property
    def runners(self) -> int:
        """How many clients race: as many as the run may send at once, at least two, at most `RUNNERS`."""
        return min(RUNNERS, max(2, self.system.wire.limits.concurrency))

    def rounds(self, calls: int) -> range:
        """The rounds of a race; the verdict says how many there were."""
        self.note = f"no violation in {ROUNDS} rounds of {calls} calls"
        return range(ROUNDS)

    # -- a common start

    async def log_in_at_once(self, clients: Sequence[Party]) -> None:
        """Every client logs in, with the last byte of each login sent at the same moment, on warm connections.

        Raises:
            Inconclusive: they did not overlap.
        """
        lines = (Line(len(clients)), Line(len(clients)))
        entrants = [Runner(lines) for _ in clients]
        async with track_of(self.system):
            await asyncio.gather(*map(self._run, clients, entrants))
        raced = sum(runner.raced for runner in entrants)
        if raced < 2:
            self.inconclusive(f"{raced} of {len(clients)} logins set out together")

    async def _run(self, client: Party, runner: Runner) -> None:
        client.hold, client.racing = runner, True
        self.system.logins += 1
        try:
            if isinstance(client.lane, Sender):
                await client.lane.warm(httpx.URL(self.system.base_url))
            with contextlib.suppress(StepFailedError):
                await client.verb("login", self.system.description.login, f"{client.label} logs in, as others do")
        finally:
            runner.done()
            client.hold, client.racing = None, False

    def over_one_visit(self, visitor: Party, *accounts: str) -> list[Party]:
        """Clients that hold the same visitor's cookies, one for each account."""
        return [
            replace(
                visitor, label=f"{account}, over the shared visit", owner=self.known(account),
                lane=self.system.own_lane(), jar=visitor.jar.copy(), tokens=dict(visitor.tokens), log=Log(self.log.add),
            )
            for account in accounts
        ]  # fmt: skip

    async def need_new_id(self, visitor: Party) -> None:
        """End the check where a login keeps the id from before it: then all logins over one visit share a session."""
        alice = await self.own_login("alice", carrying=visitor)
        if any(alice.secret(cookie) == visitor.secret(cookie) for cookie in self.cookies):
            self.not_applicable("login keeps the id: session.issue.rotate-at-login speaks of that")

    # -- use and logout

    async def need_true_logout(self) -> None:
        """End the check where a logout does not even end a session that nothing else goes on in."""
        alice = await self.own_login("alice")
        thief = alice.stolen()
        await self.expect_accepted(thief)
        await self.expect_logged_out(alice)
        if await self.survives(thief):
            self.not_applicable("logout does not end the session: session.logout.replay speaks of that")

    async def log_out(self, party: Party) -> None:
        """Log a party out; that it works at all was shown before.

        Raises:
            Inconclusive: the logout was refused.
        """
        exchange = await party.logout()
        if not self.system.took_logout(exchange):
            status = exchange.answer.status if exchange.answer else exchange.error
            self.inconclusive(f"logout answered {status}", (exchange,))

    async def expect_all_over(self, parties: Sequence[Party], event: str, shown: Sequence[Exchange]) -> None:
        """Requests that set out after an event, which these exchanges brought about, are refused."""
        for party, judged in zip(parties, await self.all_judged(parties), strict=True):
            if judged.accepted:
                evidence = (*party.history, *shown, judged.exchange)
                self.violation(f"{party.label} is refused from {event} on", str(judged), evidence)
            if not judged.refused:
                self.inconclusive(f"whether {party.label} is refused after {event} is {judged}", (judged.exchange,))
        await self.system.control(time.time())

    # -- in flight

    def another_tab(self, party: Party) -> Party:
        """Another tab of the same browser: one jar, a connection of its own."""
        return replace(party, label=f"another tab of {party.label}", lane=self.system.own_lane())

    @contextlib.asynccontextmanager
    async def in_flight(self, party: Party) -> AsyncIterator[None]:
        """A request of this party that the target holds, once it was let in, until the block ends.

        Raises:
            Inconclusive: it was answered before it was released, or never arrived.
        """
        gate = self.system.description.gate
        if gate is None or not gate.look:
            self.not_applicable("describe `gate.look`: without it nobody knows when the request is in flight")
        words = {"hold": f"pp{secrets.token_hex(6)}"}
        keeper = await self.shared_login("alice")
        async with track_of(self.system):
            held = replace(party, racing=True)
            late = asyncio.create_task(held.visit(render(gate.held, words), f"{party.label}: held in flight"))
            try:
                await self._arrived(keeper, render(gate.look, words), late)
                yield
            finally:
                released = time.time()
                await keeper.visit(render(gate.release, words), "let the held request go on")
                exchange = await late
        if exchange.answer is None or exchange.sent_at + exchange.seconds < released:
            said = exchange.answer.status if exchange.answer else exchange.error
            self.inconclusive(f"the request was not held until its release ({said}): is `gate` right?", (exchange,))

    async def _arrived(self, keeper: Party, look: str, late: asyncio.Task[Exchange]) -> None:
        """Wait until the target says that the request is held."""
        until = time.monotonic() + ARRIVAL
        while time.monotonic() < until and not late.done():
            seen = await keeper.visit(look, "is the request held?")
            if seen.answer and seen.answer.status == 200:
                return
            await asyncio.sleep(LOOK)
        raise Inconclusive("`gate.look` never told that the request is held: is `gate` right?")

    async def all_judged(self, parties: Sequence[Party]) -> list[Judgement]:
        """What each of these is told when it asks who it is, a few at a time."""
        found: list[Judgement] = []
        for start in range(0, len(parties), self.runners):
            found += await asyncio.gather(*(p.whoami() for p in parties[start : start + self.runners]))
        return found
