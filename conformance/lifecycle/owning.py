"""Acts of a life upon what its user owns: the list of sessions, and a state that nobody else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.attacks.lives import Act
from conformance.target.stage import change_state, fresh_value, read_state
from conformance.target.verbs import StepFailedError

if TYPE_CHECKING:
    from conformance.lifecycle.world import World


class Owning:
    """One method for each act."""

    world: World

    async def look_at_the_list(self, act: Act) -> None:
        """The list shows as many sessions as live (I10)."""
        world, family = self.world, await self.world.living(act)
        if family.user.crowded:
            return
        listed = len(await world.target.sessions_of(family.owner))
        world.tell(f"{family} looks at the list of sessions")
        others = world.others(family)
        least = 1 + sum(not other.doubtful for other in others)
        if not least <= listed <= 1 + len(others):
            most = "" if least == 1 + len(others) else f" to {1 + len(others)}"
            world.violated(f"the list shows {least}{most} sessions", f"it shows {listed}")

    async def change_something(self, act: Act) -> None:
        """A user's own session changes the user's state."""
        world, family = self.world, await self.world.living(act)
        user, value = family.user, fresh_value()
        if user.first_state is None:
            user.first_state = await read_state(family.owner) or ""
        await change_state(family.owner, value)
        after = await read_state(family.owner)
        world.tell(f"{family} changes something")
        # Without the genuine change in force, nothing is known that a forged one could alter.
        user.state = after if after and value in after else None

    async def change_something_with_what_is_dead(self, act: Act) -> None:
        """What is over changes nothing (I11)."""
        world = self.world
        alive = [one for one in world.alive if one.user.state is not None and not one.doubtful]
        mallory = [dead.holder for dead in world.dead if any(dead.holder.principal == f.user.principal for f in alive)]
        if not mallory:
            return
        thief = mallory[act.who % len(mallory)]
        family = next(one for one in alive if one.user.principal == thief.principal)
        value = fresh_value()
        try:
            await change_state(thief, value)
        except StepFailedError:
            return
        after = await read_state(family.owner)
        if after and value in after:
            world.tell(f"{thief.label} changes something")
            world.violated(f"the state of {family.user.name} is as it was", "the change of what is over took effect")

    async def restore(self) -> None:
        """Give the described accounts the state back that they had before this life."""
        system = self.world.system
        for user in self.world.users:
            if user.account and user.first_state is not None:
                await change_state(await system.shared_login(user.account), user.first_state)
                system.stage.stale()
