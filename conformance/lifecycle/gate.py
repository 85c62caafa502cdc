"""Forced interleaving: a request is held inside the target while an act is done from its beginning to its end.

A server that loads a session when a request begins and writes it when the request ends can bring back what ended in
between. Where the target offers a gate, nothing is left to luck: the request is in the handler when the act begins, and
goes on when it is over. Then what ended is tried, the credential itself and whatever the late answer set.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.attacks.lives import ACTS, Act
from conformance.errors import Inconclusive
from conformance.lifecycle.model import Dead, Family
from conformance.model import Capability
from conformance.target.party import Party

if TYPE_CHECKING:
    from conformance.lifecycle.world import World

OF_ITS_OWN = ("log out", "prove the password again", "be disabled and enabled", "be thrown out")
"""Acts that end the session, or the id, that they are done with."""
OF_OTHERS = ("log out everywhere", "change the password")
"""Acts that end the other sessions of the user."""


class Gated:
    """One method for the act."""

    world: World

    async def hold_a_request_meanwhile(self, act: Act) -> None:
        """A request is held while its session ends: it brings nothing back (I2), nor does its answer (I5)."""
        world, family = self.world, await self.world.surely_living(act)
        ending = self._ending(act)
        held = await self._beside(family) if ending in OF_OTHERS else family
        # The kit lets the request go as alice, whose login must not be what ends the session.
        alone = family.user.account and not world.system.side_by_side
        if not ending or held is None or alone:
            return
        tab = replace(held.owner.stolen(f"mallory with what came of a request of {held}'s"), replays=False)
        before = tab.secret()
        told = f"a request of {held}'s is held in the target"
        # A logout everywhere takes the one of its user's sessions that its second number says: not the held one.
        own = [one for one in world.alive if one.user is family.user].index(family)
        which = own if held is not family else act.what
        await self._while_held(tab, told, Act(ending, world.alive.index(family), which))
        # Where the session lives on under another id, what the late answer set may be its own.
        if held.ended or (tab.secret() == before and _is_dead(world, before)):
            world.dead.append(Dead(tab, held.ended or "its session has another id"))

    def _ending(self, act: Act) -> str:
        offered = self.world.target.system.capabilities
        # Without accounts of its own, an act that ends others' sessions could end those that the kit needs to let go.
        able = [name for name in (*OF_ITS_OWN, *OF_OTHERS) if ACTS[name] <= offered]
        own = [name for name in able if name in OF_ITS_OWN or Capability.REGISTER in offered]
        return own[act.what % len(own)] if own else ""

    async def _beside(self, family: Family) -> Family | None:
        """Another session of the same user."""
        if not self.world.others(family) and self.world.room(family.user):
            await self.world.log_in(family.user)
        return next((other for other in self.world.others(family) if not other.doubtful), None)

    async def _while_held(self, tab: Party, told: str, act: Act) -> None:
        """Do an act while a request is held; where none can be held, it is done all the same."""
        begun = over = False
        try:
            async with self.world.target.in_flight(tab):
                begun = True
                self.world.tell(told)
                await self.perform(act)
                over = True
        except Inconclusive:
            if begun and not over:
                raise
        if over:
            self.world.tell("the request is let go")
        else:
            await self.perform(act)

    async def perform(self, act: Act) -> None:
        """Do what an act says."""
        raise NotImplementedError


def _is_dead(world: World, value: str) -> bool:
    return any(dead.holder.secret() == value for dead in world.dead)
