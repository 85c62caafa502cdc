"""Crowds: many clients of several users at once, and many sessions of one user."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.model import Capability
from conformance.target.oracle import Judgement
from conformance.target.party import Party
from conformance.target.races import ROUNDS, RUNNERS, Racing, track_of
from conformance.target.verbs import StepFailedError
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.system import System

QUESTIONS = 5
"""What each client of a crowd asks in a row."""
MOST_SESSIONS = 128
"""A limit beyond this is not worth the logins that it takes to reach it."""


class Crowding(Racing):
    """Verbs about many at once."""

    async def crowd(self) -> list[Party]:
        """Clients of several users, each on a connection of its own."""
        users = [await self.own_login("alice"), await self.own_login("bob")]
        users += [await self.newcomer() for _ in range(2 * self.has(Capability.REGISTER))]
        return [users[at % len(users)].stolen(users[at % len(users)].label) for at in range(2 * self.runners)]

    async def expect_own_names(self, crowd: Sequence[Party]) -> None:
        """Each client asks a few times while the others do, and is told its own name."""
        async with track_of(self.system):
            answers = await asyncio.gather(*(_asked(replace(client, racing=True)) for client in crowd))
        for client, judged in ((client, one) for client, found in zip(crowd, answers, strict=True) for one in found):
            if judged.accepted and judged.name != client.principal:
                shown = (*client.history, judged.exchange)
                self.violation(f"each answer to {client.label} names {client.label}", str(judged), shown)
            if not judged.accepted:
                self.inconclusive(f"beside {len(crowd)} others, {client.label} is {judged}", (judged.exchange,))

    # -- how many sessions at a time

    @property
    def most_sessions(self) -> int:
        """The declared number of sessions that an account may have at once.

        Raises:
            NotApplicable: none is declared, or one that takes too many logins to reach.
        """
        most = self.policy.max_sessions
        if most is None:
            self.not_applicable("declare `policy.max_sessions`")
        if most > MOST_SESSIONS:
            self.not_applicable(f"`policy.max_sessions` is {most}: it would take as many logins to reach it")
        return most

    async def more_logins(self, user: Party, count: int) -> list[Party]:
        """So many more logins of a user, a few at a time; those that the target refuses are nobody's."""
        found: list[Party] = []
        for start in range(0, count, self.runners):
            clients = [self._client(user) for _ in range(min(self.runners, count - start))]
            await asyncio.gather(*(_logged_in(client) for client in clients))
            found += clients
        return found

    async def rush_of_logins(self, user: Party) -> list[Party]:
        """Logins of one user that set out together."""
        clients = [self._client(user, lane=True) for _ in range(self.runners)]
        await self.log_in_at_once(clients)
        return clients

    def _client(self, user: Party, lane: bool = False) -> Party:
        system = self.system
        client = system.stranger(Log(self.log.add), f"{user.label} on one more device")
        return replace(client, owner=user.owner, facts=user.facts, lane=system.own_lane() if lane else client.lane)

    async def expect_at_most(self, most: int, parties: Sequence[Party]) -> int:
        """No more than so many of these sessions of one user live."""
        judged = await self.all_judged(parties)
        alive = sum(found.accepted for found in judged)
        if alive > most:
            shown = [found.exchange for found in judged if found.accepted]
            actual = f"{alive} of {len(parties)} live; the oldest and the newest are shown"
            self.violation(f"at most {most} sessions of a user live at once", actual, [shown[0], shown[-1]])
        unclear = next((found for found in judged if not found.accepted and not found.refused), None)
        if unclear or not alive:
            self.inconclusive(f"whether each session lives is open: {unclear or 'none of them does'}")
        return alive


def sessions_to_reach(system: System) -> int:
    """Logins until an account has as many sessions as are declared; none where that is not tried."""
    most = system.description.policy.max_sessions or 0
    return most if most <= MOST_SESSIONS else 0


def sessions_to_rush(system: System) -> int:
    """The same, and the rushes of logins that follow."""
    most = sessions_to_reach(system)
    return most + ROUNDS * RUNNERS if most else 0


async def _asked(client: Party) -> list[Judgement]:
    return [await client.whoami() for _ in range(QUESTIONS)]


async def _logged_in(client: Party) -> None:
    client.system.logins += 1
    with contextlib.suppress(StepFailedError):
        await client.verb("login", client.system.description.login, f"{client.label}: log in")
