"""Acts of a life that ask who somebody is once more: with the password, and by a thief without it."""

from __future__ import annotations

import secrets

from conformance.attacks.lives import Act
from conformance.lifecycle.acting import Acting
from conformance.lifecycle.model import Dead
from conformance.target.limits import past_fresh_login
from conformance.target.party import Party


class Proving(Acting):
    """One method for each act."""

    async def prove_the_password_again(self, act: Act) -> None:
        """A proof of the password gives a new value to the session, and an old one is nobody's (I12)."""
        world, family = self.world, await self.world.surely_living(act)
        before = family.owner.stolen(f"mallory with {family}'s session from before the proof")
        # How the target answers a wrong proof is found out in a login of its own.
        self.crowd(family)
        await self.target.step_up(family.owner)
        # Whoever proves the password may be given its limits anew, and tokens that descend from no earlier one.
        family.owner.issued_at = self.target.clock.now()
        family.spent.clear()
        world.tell(f"{family} proves the password again")
        # Where the value stays, this one is accepted, and that is what is wrong: the thief was raised with the owner.
        world.dead.append(Dead(before, "the proof must give a new one"))

    async def change_the_password(self, act: Act) -> None:
        """A new password ends what the policy says."""
        world, family = self.world, await self.world.surely_living(act)
        await self.company(family)
        user, promised = family.user, self.target.policy.password_change_ends
        new = f"Pp-{secrets.token_hex(8)}-Rowan-5!"
        self.system.secrets.learn(new, f"new password of {user.name}")
        verb = self.system.description.change_password
        copy = family.owner.stolen(f"mallory with {family}'s session from before")
        exchange = await family.owner.verb("change_password", verb, f"{family} changes the password", new_password=new)
        if exchange.answer is None or exchange.answer.status >= 400:
            world.unclear("the password change was refused: is `change_password` right?", exchange)
        world.tell(f"{family} changes the password")
        user.facts = {**user.facts, "password": new}
        family.owner.issued_at = self.target.clock.now()
        family.spent.clear()
        for other in world.alive:
            if other.user is user:
                other.owner.facts = user.facts
                other.doubtful = True
        if promised in ("others", "all"):
            for other in world.others(family):
                world.end(other, f"{user.name} changed the password")
        if promised == "all":
            world.end(family, f"{user.name} changed the password", copy=copy)
        await self.spared(family)

    async def change_the_password_without_knowing_it(self, act: Act) -> None:
        """A session alone does not change the password (I7, I12)."""
        family = await self.world.surely_living(act)
        attempts = self.target.unproven_password_changes(family.owner)
        attempt = attempts[act.what % len(attempts)]
        # Whether the new password logs in is tried by logging in.
        self.crowd(family)
        with self.trying(f"mallory changes {family}'s password {attempt}", family):
            await self.target.expect_password_kept(family.owner, attempt)

    async def change_what_is_sensitive_without_the_password(self, _: Act) -> None:
        """A session alone does not change what recovers the account (I12)."""
        with self.trying("mallory changes what is sensitive of somebody new, without the password"):
            # Afterwards a login may need the new address, or a proof of it: this user is in no other act.
            user = await self.target.newcomer()
            if await self.past_fresh_login(user):
                tried = await self.target.sensitive_changes_without_proof(user)
                await self.target.expect_none_taken(user, tried)

    async def past_fresh_login(self, party: Party) -> bool:
        """Whether the login of a session does not stand for the password any more (`policy.fresh_login`)."""
        if not past_fresh_login(self.system):
            return True
        if not self.target.clock.travels:
            return False
        # A proof in between began the time anew.
        party.issued_at = self.target.clock.now()
        await self.target.past_fresh_login(party)
        self.world.doubt_all()
        return True
