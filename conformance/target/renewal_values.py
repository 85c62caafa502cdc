"""The value of a refresh token: what it refers to, what it is mistaken for, altered copies, samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.errors import Inconclusive
from conformance.target.party import Party
from conformance.target.renewal import Renewing
from conformance.target.sampler import Sample
from conformance.target.system import System

ENOUGH = 100
"""Refresh tokens of one chain after which short ones and counters show."""
FEWEST = 12
PATIENCE = 10.0
"""Seconds that collecting them may take."""


@dataclass
class Lender:
    """A live refresh token that many attacks look at while none spends it."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """One attack at a time: the second of two that succeed would be a replay, and undo what the first one shows."""
    party: Party | None = None
    proven: float = 0.0


class RefreshValues(Renewing):
    """Verbs about the value of a refresh token."""

    async def need_reference(self) -> None:
        """The refresh token must refer to something, instead of carrying it.

        Raises:
            NotApplicable: it is signed.
        """
        if await self.is_self_contained(await self.refresh_carrier()):
            self.not_applicable("the refresh token is signed: it carries its content itself, and refers to nothing")

    async def other_kinds(self, party: Party) -> list[tuple[str, str]]:
        """Credentials of a party that are no refresh tokens, each with its name.

        Raises:
            NotApplicable: there are none: what opens the routes is the refresh token itself.
        """
        own = await self.refresh_token(party)
        found = {f"the {c.name} {c.kind}": party.secret(c) for c in self.system.carriers}
        found |= {"an ID token": party.tokens.get("id_token", "")}
        kinds = [(name, value) for name, value in found.items() if value and value != own]
        return kinds or self.not_applicable("the refresh token is the access token: refresh.not-a-bearer judges")

    async def expect_altered_refused(self, alter: Callable[[str, tuple[int, int]], str | None]) -> None:
        """What differs from a live refresh token in any way gives nothing; the live one still does afterwards."""
        lender, span = lender_of(self.system), await self.varying_span(await self.refresh_carrier())
        async with lender.turn:
            owner = await self._lent(lender)
            value = alter(await self.refresh_token(owner), span)
            if value is None:
                return
            forger = owner.stolen(f"an attacker with an altered refresh token of {owner.label}").in_log(self.log)
            forger.lane = self.system.spare_lane(owner.lane)
            renewal = await self.present(forger, value)
            if opened := await self.works(renewal):
                lender.party = None
                self.violation("an altered refresh token gives nothing", opened, self.log)
        async with lender.turn:
            await self._prove_lent(lender, renewal.exchange.sent_at)

    async def _lent(self, lender: Lender) -> Party:
        if lender.party is None:
            system = self.system
            lender.party = await system.login(system.accounts[0], system.log, lane=system.spare_lane())
        return lender.party

    async def _prove_lent(self, lender: Lender, since: float) -> None:
        """The live token was live all the time: now it is spent, and works."""
        if lender.proven >= since or lender.party is None:
            return
        owner, lender.party = lender.party, None
        began = time.time()
        lender.party = await self.refreshed(owner.in_log(self.system.log))
        lender.proven = began

    async def refresh_sample(self) -> Sample:
        """Refresh tokens in the order of issue: of one chain, and of logins where a refresh replaces nothing.

        Raises:
            NotApplicable: they are signed, and so refer to nothing.
        """
        carrier = await self.refresh_carrier()
        if await self.is_self_contained(carrier):
            self.not_applicable("the refresh token is signed: it carries its content itself, and refers to nothing")
        party, began = await self.own_login("alice"), time.monotonic()
        values, times = [party.secret(carrier)], [self.clock.now()]
        while len(values) < FEWEST or (len(values) < ENOUGH and time.monotonic() - began < PATIENCE):
            renewal = await self.present(party)
            if not renewal.granted:
                raise Inconclusive("a genuine refresh was refused while tokens were collected", (renewal.exchange,))
            if renewal.party.secret(carrier) == values[-1]:
                return await self.sampled(carrier)
            party = renewal.party
            values.append(party.secret(carrier))
            times.append(self.clock.now())
        owners = ("alice",) * len(values)
        return Sample(tuple(values), tuple(times), owners, tuple(self.log)[:3], dear=len(values) < ENOUGH)


def lender_of(system: System) -> Lender:
    """The live refresh token of a run that attacks may look at."""
    found = system.learned.lender = system.learned.lender or Lender()
    return found
