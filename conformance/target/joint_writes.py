"""Changes of several users that arrive together."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.mutation import Mutations
from conformance.target.party import Party
from conformance.target.races import track_of
from conformance.target.stage import change_state, fresh_value, read_state

WRITES = 4
"""Changes of each user that are sent together."""


class JointWrites(Mutations):
    """Verbs about simultaneous writes."""

    async def expect_own_writes(self, *others: Party) -> None:
        """Changes of several users, alice among them, that arrive together each reach their own user's state."""
        stage = self.system.stage
        async with stage.open(), stage.alone() as victim:
            stage.stale()
            await self.expect_writes_apart(victim.party.in_log(self.log), *others)

    async def expect_writes_apart(self, *users: Party) -> None:
        """The same of these users, of whom no two are one; what stood there is written back."""
        before = [await read_state(user) for user in users]
        if any(text == before[0] for text in before[1:]):
            self.not_applicable("the described state is one for all users")
        sent = [[fresh_value() for _ in range(WRITES)] for _ in users]
        pairs = [(user, value) for user, values in zip(users, sent, strict=True) for value in values]
        # On connections of their own, and outside the run's places, or they would wait for each other.
        async with track_of(self.system):
            racers = [replace(user, lane=self.system.own_lane(), racing=True) for user, _ in pairs]
            done = await asyncio.gather(*(_written(r, value) for r, (_, value) in zip(racers, pairs, strict=True)))
        after = [await read_state(user) for user in users]
        for user, text in zip(users, before, strict=True):
            await _written(user, text or "")
        shown = [exchange for exchange in done if exchange]
        for (at, user), text in zip(enumerate(users), after, strict=True):
            for foreign, values in ((users[i], sent[i]) for i in range(len(users)) if i != at):
                if any(value in (text or "") for value in values):
                    actual = f"what {foreign.label} wrote stands in {user.label}'s"
                    self.violation("each change reaches the state of who sent it", actual, shown)
        for user, values, text in zip(users, sent, after, strict=True):
            if not any(value in (text or "") for value in values):
                self.inconclusive(f"none of {user.label}'s changes stands there afterwards", shown)


async def _written(user: Party, value: str) -> Exchange | None:
    try:
        return await change_state(user, value)
    except Inconclusive:
        return None
