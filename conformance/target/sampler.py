"""Session ids collected for statistics: one sample for a whole run, shared by every check that measures it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.attacks.identifiers import Kind, classify
from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.entrances import entrance_cookies
from conformance.target.party import Carrier, Party
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.system import System

ENOUGH = 200
"""Ids after which counters, clocks and short or small-alphabet ids show."""
FEWEST = 12
KEPT_OPEN = 4
"""Logins that stay open while others follow: some servers hand a second login the first one's token again."""
MOST_SHOWN = 8
"""Exchanges after which no further repeat is recorded."""
PATIENCE = 10.0
"""Seconds that collecting may take where logins are dear: a password hash costs what hundreds of requests do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Ids in the order of issue."""

    values: tuple[str, ...] = field(repr=False)
    times: tuple[float, ...]
    """The target's time of each issue, seconds since the epoch."""
    owners: tuple[str, ...]
    """The account of each, or ``a visitor``."""
    evidence: tuple[Exchange, ...] = field(repr=False)
    """How the first two were issued."""
    dear: bool
    """Collecting was cut short because logins take long."""

    @property
    def repeats(self) -> int:
        """How many ids had been issued before, to anyone."""
        return len(self.values) - len(set(self.values))

    @property
    def shared(self) -> int:
        """How many ids were issued to more than one account."""
        owners: dict[str, set[str]] = {}
        for value, owner in zip(self.values, self.owners, strict=True):
            owners.setdefault(value, set()).add(owner)
        return sum(len(found) > 1 for found in owners.values())

    @property
    def kind(self) -> Kind:
        """What the ids are made of."""
        return classify(self.values)

    @property
    def computable(self) -> tuple[str, ...]:
        """What an outsider would have to compute: the id, and what is beside it unless that is surely a signature."""
        return self.kind.parts if self.kind.certain else self.values

    def __str__(self) -> str:
        return f"{len(self.values)} ids" + (" (logins are slow here)" if self.dear else "")


def sample_size(system: System) -> tuple[int, int]:
    """Logins and visits that a whole sample takes."""
    return (FEWEST, ENOUGH - FEWEST) if system.pre_login else (ENOUGH, 0)


class Sampler:
    """Collects a sample of one carrier once, however many checks ask."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = asyncio.Lock()
        self._taken: dict[Carrier, Sample] = {}

    async def sample(self, carrier: Carrier, *, brief: bool = False) -> Sample:
        """The sample of a carrier; a brief one where only repeats are asked for.

        Raises:
            Inconclusive: logins stopped working before enough ids were collected.
        """
        async with self._lock:
            if carrier not in self._taken:
                self._taken[carrier] = await self._collect(carrier, FEWEST if brief else ENOUGH)
            return self._taken[carrier]

    async def _collect(self, carrier: Carrier, enough: int) -> Sample:
        values: list[str] = []
        times: list[float] = []
        owners: list[str] = []
        evidence: list[Exchange] = []
        began = time.monotonic()
        open_: list[Party] = []
        while len(values) < FEWEST or (len(values) < enough and time.monotonic() - began < PATIENCE):
            log = Log()
            party, value = await self._one(log, values, carrier)
            again = value in values
            if not value:
                raise Inconclusive(f"a login gave no {carrier}", tuple(log))
            values.append(value)
            times.append(party.issued_at)
            owners.append(party.owner or "a visitor")
            evidence += tuple(log) if len(values) <= 2 or (again and len(evidence) < MOST_SHOWN) else ()
            # Hundreds of live sessions are no way to leave a target.
            if party.owner and len(open_) < KEPT_OPEN and self._system.description.policy.max_sessions is None:
                open_.append(party)
            elif party.owner:
                await self._leave(party)
        for party in open_:
            await self._leave(party)
        return Sample(tuple(values), tuple(times), tuple(owners), tuple(evidence), len(values) < enough)

    async def _one(self, log: Log, values: list[str], carrier: Carrier) -> tuple[Party, str]:
        """A new id: mostly of a visitor where those get the same kind, since that is cheap; else of a login."""
        system = self._system
        if system.pre_login and len(values) >= FEWEST:
            visitor = system.stranger(log, "a visitor")
            await entrance_cookies(visitor, system.pre_login)
            visitor.issued_at = system.clock.now()
            if len(visitor.secret(carrier)) == len(values[0]):
                return visitor, visitor.secret(carrier)
        account = system.accounts[len(values) % min(2, len(system.accounts))]
        party = await system.login(account, log, lane=system.spare_lane())
        value = party.secret(carrier)
        return party, value

    async def _leave(self, party: Party) -> None:
        """Log out; whether the logout works is another check's question."""
        with contextlib.suppress(Inconclusive):
            if self._system.description.logout:
                await party.logout()
