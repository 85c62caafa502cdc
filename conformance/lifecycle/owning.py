"""Acts of a life upon what its user owns: the list of sessions, and a state that nobody else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.attacks.crosssite import BLIND, forgeries
from conformance.attacks.lives import Act
from conformance.errors import Stop
from conformance.lifecycle.model import Family
from conformance.lifecycle.proving import Proving
from conformance.target.acts import act_of
from conformance.target.stage import Victim, change_state, fresh_value, mutate_of, read_state
from conformance.target.verbs import StepFailedError

TOKENS = ("without a token", "with a wrong token", "with another user's token", "with another session's token")
NO_OWN = 2
"""Those from here on are what somebody else is given."""


class Owning(Proving):
    """One method for each act."""

    async def look_at_the_list(self, act: Act) -> None:
        """The list shows as many sessions as live, and none of their credentials (I10, I13)."""
        world, family = self.world, await self.world.living(act)
        if family.user.crowded:
            known = [one for one in world.alive if not one.user.crowded and not one.doubtful]
            if not known:
                return
            family = known[act.who % len(known)]
        await self.company(family)
        items = await world.target.sessions_of(family.owner)
        listed = len(items)
        world.tell(f"{family} looks at the list of sessions")
        others = world.others(family)
        if {item.handle for item in items} & {one.owner.secret() for one in (family, *others)}:
            world.violated("the list names no session by its credential", "a handle is one")
        least = 1 + sum(not other.doubtful for other in others)
        if not least <= listed <= 1 + len(others):
            most = "" if least == 1 + len(others) else f" to {1 + len(others)}"
            world.violated(f"the list shows {least}{most} sessions", f"it shows {listed}")

    async def revoke_a_listed_session(self, act: Act) -> None:
        """A listed session ends when its user says so with the password, it alone, and not by anybody else (I7, I9)."""
        world, family = self.world, await self.world.surely_living(act)
        if not world.room(family.user) or not await self.past_fresh_login(family.owner):
            return
        await world.must_be_accepted(family, silently=True)
        try:
            other, handle = await self.target.on_another_device(family.owner)
        except Stop:
            self.crowd(family)
            return
        victim = await world.admitted(family.user, replace(other, label=family.user.name))
        world.tell(f"{family.user.name} logs in once more, as {victim}")
        await (self._revoked, self._revoked_without_proof, self._revoked_by_another)[act.what % 3](
            act, family, victim, handle
        )

    async def _revoked(self, _: Act, family: Family, victim: Family, handle: str) -> None:
        with self.trying(f"{family} revokes the session of {victim}", victim):
            await self.target.revoke(family.owner, handle)
            self.world.end(victim, f"{family} revoked it")
        await self.world.must_be_accepted(family)
        await self.spared(family)

    async def _revoked_without_proof(self, act: Act, family: Family, victim: Family, handle: str) -> None:
        attempts = self.target.unproven_revocations(family.owner)
        attempt, thief = attempts[act.who % len(attempts)], family.owner.stolen()
        with self.trying(f"mallory revokes {victim}'s session {attempt}", family, victim):
            await self.target.expect_not_revoked(victim.owner, thief, handle, attempt)

    async def _revoked_by_another(self, _: Act, family: Family, victim: Family, handle: str) -> None:
        attempt, self.world.of = self.target.as_foreigner(), ("session.list.foreign",)
        if foreigner := await self.foreigner(family):
            with self.trying(f"{foreigner} revokes {victim}'s session", foreigner, victim):
                await self.target.expect_not_revoked(victim.owner, foreigner.owner, handle, attempt)

    async def change_something(self, act: Act) -> None:
        """A user's own session changes the user's state."""
        await self.changed(await self.world.living(act))

    async def changed(self, family: Family) -> None:
        """Change the state, and see that it is."""
        world, user, value = self.world, family.user, fresh_value()
        if user.first_state is None:
            user.first_state = await read_state(family.owner) or ""
        await change_state(family.owner, value)
        after = await read_state(family.owner)
        world.tell(f"{family} changes something")
        # Without the genuine change in force, nothing is known that a forged one could alter.
        user.state = after if after and value in after else None

    async def change_something_without_its_token(self, act: Act) -> None:
        """No page of another site changes anything, without the token, or with another one than the session's (I11)."""
        world, family = self.world, await self.world.surely_living(act)
        await self.changed(family)
        if family.user.state is None:
            return
        with self.trying(f"another site sends {family}'s browser here, {TOKENS[act.what % len(TOKENS)]}", family):
            owner = family.owner
            described = await act_of(owner, "mutate", mutate_of(self.system), f"{owner.label} prepares the change")
            tokens = await self._tokens(act, family, described.token)
            if not (described.has_open_token if tokens else described.has_token) or tokens == ("",):
                return
            victim = Victim(owner, described, family.user.state)
            for forgery in forgeries(BLIND, victim.typical_bodies, tokens):
                effect = await self.target.attacked(victim, forgery)
                if effect and effect.own:
                    world.violated(f"{forgery} changes nothing", effect.said)

    async def _tokens(self, act: Act, family: Family, genuine: str) -> tuple[Any, ...]:
        """What stands for the token: nothing, a wrong one, that of another user, that of another session."""
        kind = act.what % len(TOKENS)
        if kind < NO_OWN:
            return ((), (genuine[::-1],))[kind]
        await self.company(family)
        other = await self.foreigner(family) if kind == NO_OWN else next(iter(self.world.others(family)), None)
        return (await self.target.token_of(other.owner) if other and genuine else ()) or ("",)

    async def change_something_at_once(self, act: Act) -> None:
        """What two users write at the same moment stands in their own accounts (I4)."""
        family = await self.world.surely_living(act)
        other = await self.foreigner(family)
        if other is None or other.doubtful:
            return
        for one in (family, other):
            await self.changed(one)
            if one.user.state is None:
                return
            one.user.state = None
        with self.trying(f"{family} and {other} change something at the same moment", family, other):
            await self.target.expect_writes_apart(family.owner, other.owner)

    async def change_something_with_what_is_dead(self, act: Act) -> None:
        """What is over changes nothing (I11)."""
        world = self.world
        for one in [one for one in world.alive if one.user.state is None and not one.doubtful][:1]:
            await self.changed(one)
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
