"""Acts of a life that end an account or its sessions from outside, and a crowd of logins that presses their number."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from conformance.attacks.lives import Act
from conformance.errors import NotApplicable
from conformance.lifecycle.acting import Acting
from conformance.lifecycle.model import User

AGAIN = 2
"""Of four deletions, so many after which the same name is registered again."""


class Administering(Acting):
    """One method for each act."""

    async def be_disabled_and_enabled(self, act: Act) -> None:
        """Whoever is disabled is out, and enabling brings nothing back."""
        world, family = self.world, await self.world.living(act)
        admin = self.system.description.admin
        if "disable" not in admin or "enable" not in admin:
            return
        await self.target.administer("disable", family.owner)
        world.tell(f"the administrator disables {family.user.name}")
        for one in (family, *world.others(family)):
            world.end(one, f"{family.user.name} was disabled")
        await world.probe_the_dead()
        if world.dead[-1].renews:
            with contextlib.suppress(NotApplicable):
                await world.must_not_renew(world.dead[-1])
        await self.target.administer("enable", family.owner)
        world.tell(f"the administrator enables {family.user.name}")
        await self.spared(family)

    async def be_thrown_out(self, act: Act) -> None:
        """An administrator ends all sessions of a user, and no others."""
        world, family = self.world, await self.world.living(act)
        if "end-sessions" not in self.system.description.admin:
            return
        await self.target.administer("end-sessions", family.owner)
        world.tell(f"the administrator ends {family.user.name}'s sessions")
        for one in (family, *world.others(family)):
            world.end(one, f"the administrator ended {family.user.name}'s sessions")
        await self.spared(family)

    async def be_deleted(self, act: Act) -> None:
        """A deleted account has no session, and whoever registers its name inherits none."""
        world, family = self.world, await self.world.surely_living(act)
        user, deleters = family.user, self.target.deleters
        deleted = False
        with self.trying(f"the account of {user.name} is deleted", family, *world.others(family)):
            await self.target.delete_account(family.owner, deleters[act.what % len(deleters)])
            deleted = True
        if not deleted:
            return
        for one in (family, *world.others(family)):
            world.end(one, f"the account of {user.name} was deleted")
        await world.probe_the_dead()
        await self.spared(family)
        again = None
        if act.what % 4 < AGAIN:
            with self.trying("somebody registers the same name"):
                again = await self.target.register_again(family.owner)
        if again is None:
            world.tell(f"another {user.name} registers")
        newcomer = again or await self.target.newcomer()
        heir = User(f"the next {user.name}".replace("the next the next", "the next"), None, newcomer.facts)
        heir.principal = newcomer.principal
        world.users[world.users.index(user)] = heir
        await world.admitted(heir, replace(newcomer, label=heir.name))

    async def come_in_crowds(self, act: Act) -> None:
        """However many log in, one after the other or at once, no more of them live than declared (I10)."""
        most = self.target.most_sessions
        with self.trying(f"somebody new logs in {most} times and more"):
            user = await self.target.newcomer()
            sessions = [user, *await self.target.more_logins(user, most - 1)]
            more = self.target.rush_of_logins(user) if act.what % 2 else self.target.more_logins(user, 2)
            await self.target.expect_at_most(most, [*sessions, *await more])
