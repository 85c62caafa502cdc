"""Where attacks on the described state take place.

The state is one for all checks of a run. The stage proves again and again that the genuine change works, and puts the
state back when nobody is left.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conformance.attacks.crosssite import FORM_BODIES, JSON_BODIES, SIMPLE_BODIES, TYPICAL_BODIES, Body
from conformance.errors import Inconclusive
from conformance.locks import AccountLock, LastFailure
from conformance.model import Exchange
from conformance.target.acts import Act, act_of
from conformance.target.oracle import unclear_reason
from conformance.target.party import Party
from conformance.target.templates import extract

if TYPE_CHECKING:
    from conformance.target.description import Mutate
    from conformance.target.system import System

FRESH = 5.0
"""Seconds for which it counts as proven that the genuine change has an effect."""


@dataclass(frozen=True, slots=True)
class Victim:
    """Somebody logged in, whose browser other sites use; the state is known, and so is how it is changed."""

    party: Party
    act: Act
    state: str
    """What stands there now."""

    @property
    def bodies(self) -> tuple[Body, ...]:
        """Bodies that a page of any site may send, as far as they can say what this act says."""
        return SIMPLE_BODIES if isinstance(self.act.fields or {}, dict) else JSON_BODIES

    @property
    def typical_bodies(self) -> tuple[Body, ...]:
        """One or two of them, for attacks in which the body is not the point."""
        typical = TYPICAL_BODIES if self.act.kind == "json" else FORM_BODIES[:1]
        return tuple(body for body in typical if body in self.bodies)


@dataclass
class Stage:
    """Where attacks on the state take place, many at once as long as none of them succeeds."""

    system: System = field(repr=False)
    lock: AccountLock = field(default_factory=AccountLock, repr=False)
    """Attacks read; what changes the state on purpose writes."""
    failure: LastFailure = field(default_factory=LastFailure)
    crowd: int = 0
    victim: Victim | None = None
    original: str | None = None
    """What stood there before; None when it was empty, or nothing that can be written back."""
    proven_at: float = -FRESH

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Whoever was last puts the state back."""
        self.crowd += 1
        try:
            yield
        finally:
            self.crowd -= 1
            if not self.crowd:
                async with self.lock.write():
                    await self._put_back()

    @contextlib.asynccontextmanager
    async def shared(self) -> AsyncIterator[Victim]:
        """The victim, together with other attacks; the genuine change was proven a moment ago.

        Raises:
            Inconclusive: the genuine change has no effect, though everything about it is right.
        """
        asked = time.monotonic()
        while True:
            async with self.lock.read():
                if self.victim and time.monotonic() - self.proven_at < FRESH:
                    yield self.victim
                    return
            async with self.alone(FRESH, asked):
                pass

    @contextlib.asynccontextmanager
    async def alone(self, fresh: float = 0.0, asked: float = math.inf) -> AsyncIterator[Victim]:
        """The victim, without other attacks, proven within the last `fresh` seconds.

        A proof that failed after `asked`, in seconds of the monotonic clock, is not tried again.
        """
        async with self.lock.write():
            if self.victim is None or time.monotonic() - self.proven_at >= fresh:
                with self.failure.told_to_who_waited_since(asked):
                    self.victim = await self._set_up()
            yield self.victim

    def stale(self) -> None:
        """Prove again before the next attack: something has changed the state."""
        self.proven_at = -FRESH

    async def _set_up(self) -> Victim:
        if self.victim is None:
            return await self._prove(await self._log_in())
        try:
            return await self._prove(self.victim.party)
        except Inconclusive:
            # The session may have died of age, or of what an attack did to it; a fresh login settles it.
            return await self._prove(await self._log_in())

    async def _log_in(self) -> Party:
        system = self.system
        # On a connection of the run's own: the victim outlives the check that first needs one.
        return await system.login(system.accounts[0], system.log, lane=system.spare_lane())

    async def _prove(self, party: Party) -> Victim:
        """Change the state the genuine way and read it back."""
        before, value = await read_state(party), fresh_value()
        exchange = await change_state(party, value)
        after = await read_state(party)
        if after is None or value not in after:
            status = exchange.answer.status if exchange.answer else exchange.error
            reason = f"the positive control failed: the described change, with everything right, got {status}, and "
            reason += f"the read shows {after!r} instead of the new value: is `mutate` right?"
            raise Inconclusive(reason, (exchange,))
        if self.victim is None:
            self.original = before if after == value else None
        act = await act_of(party, "mutate", mutate_of(self.system), f"{party.label} prepares the change")
        self.proven_at = time.monotonic()
        return Victim(party, act, after)

    async def _put_back(self) -> None:
        if self.victim is not None:
            with contextlib.suppress(Inconclusive):
                await change_state(self.victim.party, self.original or "")
            self.victim = None


def fresh_value() -> str:
    """A value that stands nowhere yet."""
    return f"pp{secrets.token_hex(6)}"


async def change_state(party: Party, value: str) -> Exchange:
    """Perform the described change with everything right."""
    return await party.verb("mutate", mutate_of(party.system), f"{party.label} changes the state", value=value)


async def read_state(party: Party) -> str | None:
    """What the described read shows this party; None where it shows nothing.

    Raises:
        Inconclusive: no answer, or one that says nothing: an unreadable state is not a changed one.
    """
    read = mutate_of(party.system).read
    exchange = await party.verb("mutate.read", read, f"{party.label} reads the state")
    if unclear := unclear_reason(exchange):
        raise Inconclusive(f"the state could not be read: {unclear}", (exchange,))
    return extract(read.value, exchange.answer, dict(party.jar.as_pairs())) if exchange.answer else None


def mutate_of(system: System) -> Mutate:
    """The described change.

    Raises:
        Inconclusive: there is none.
    """
    if system.description.mutate is None:
        raise Inconclusive("the description has no `mutate`")
    return system.description.mutate


def browser_of(party: Party) -> Party:
    """A party's browser while it shows a page of another site; what comes back stays there."""
    lane = party.system.spare_lane(party.lane)
    return replace(party, label=f"{party.label}'s browser", lane=lane, jar=party.jar.copy(), replays=True)
