"""What every act of a life needs: who is there, what is tried with the verbs of checks, who must be spared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conformance.errors import Stop
from conformance.lifecycle.model import Family

if TYPE_CHECKING:
    from conformance.lifecycle.world import World


class Acting:
    """The base of all acts."""

    def __init__(self, world: World) -> None:
        self.world, self.target, self.system = world, world.target, world.system
        self.wrong: set[str] = set()
        """Whose password was tried wrongly: once for each user, since a target may count."""

    @contextlib.contextmanager
    def trying(self, told: str, *touched: Family) -> Iterator[None]:
        """Something done with verbs of checks; where nothing came of it, it is passed over, and these are in doubt."""
        self.world.tell(told)
        try:
            yield
        except Stop:
            for family in touched:
                family.doubtful = True

    def crowd(self, family: Family) -> None:
        """A login of this user that the model does not know may have ended others, by a limit that nobody tells."""
        family.user.crowded = True
        if self.system.login_ends_others or self.target.policy.max_sessions is None:
            for one in (family, *self.world.others(family)):
                one.doubtful = True

    async def company(self, family: Family, count: int = 1) -> None:
        """So many other sessions of the same user live beside this one, where there is room."""
        for _ in range(count - len(self.world.others(family))):
            if self.world.room(family.user):
                await self.world.log_in(family.user)

    async def foreigner(self, family: Family) -> Family | None:
        """A session of another user; where that one has none, a new one."""
        world = self.world
        found = next((one for one in world.alive if one.user is not family.user), None)
        others = [user for user in world.users if user is not family.user]
        return found or (await world.log_in(others[0]) if others else None)

    async def spared(self, family: Family) -> None:
        """Whoever an act is none of the business of is asked at once: the same user elsewhere, and another one (I9)."""
        surely = [one for one in self.world.alive if not one.doubtful and one is not family]
        own = [one for one in surely if one.user is family.user]
        foreign = [one for one in surely if one.user is not family.user]
        for one in (*own[:1], *foreign[:1]):
            await self.world.must_be_accepted(one)
