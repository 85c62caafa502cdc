"""The acts of a life: what each does to the target, and to the model."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from conformance.attacks.lives import Act
from conformance.errors import NotApplicable
from conformance.lifecycle.gate import Gated
from conformance.lifecycle.model import DEAD, KINDS, LIVE, Dead, Family, User
from conformance.lifecycle.overlaps import Overlaps
from conformance.lifecycle.owning import Owning
from conformance.model import Capability
from conformance.target.limits import past_absolute, past_idle, past_refresh_idle, past_refresh_lifetime
from conformance.target.verbs import StepFailedError

if TYPE_CHECKING:
    from conformance.lifecycle.world import World

MOSTLY_BARE = 4
"""Draws up to which a wrong login carries nothing."""
REFRESHES = 40
"""Refreshes in a row, at the most, to show that a family has an end."""


class Acts(Owning, Overlaps, Gated):
    """One method for each act of `conformance.attacks.lives`, its name with underscores."""

    def __init__(self, world: World) -> None:
        self.world, self.target, self.system = world, world.target, world.system
        self.wrong = 0

    async def perform(self, act: Act) -> None:
        """Do what an act says, where the target has what it needs by now."""
        with contextlib.suppress(NotApplicable):
            await getattr(self, act.name.replace(" ", "_"))(act)

    # -- coming and using

    async def log_in(self, act: Act) -> None:
        """A login, perhaps with cookies that were planted before."""
        await self.log_in_carrying(act, act.what)

    async def log_in_with_what_is_dead(self, act: Act) -> None:
        """A login over a session that was logged out: it stays out."""
        if not self.world.dead:
            await self.log_out(act)
        await self.log_in_carrying(act, DEAD + KINDS * act.what)

    async def log_in_over_a_session(self, act: Act) -> None:
        """A login over a live session, of another user or of the same."""
        await self.log_in_carrying(act, LIVE + KINDS * act.what)

    async def log_in_carrying(self, act: Act, which: int) -> None:
        """A login with what `World.planted` gives."""
        world, user = self.world, self.world.users[act.who % len(self.world.users)]
        jar, carrying, family = await world.planted(which)
        if not world.room(user) and not (family and family.user is user):
            return
        copy = family.owner.stolen(f"mallory with {family}'s session from before") if family else None
        came = await world.log_in(user, jar, carrying)
        if not family or not copy or came is None:
            return
        if family.user is user and came.owner.secret() == family.owner.secret():
            # Whoever is signed in may be sent on at once: both logins are one session, and end together.
            family.ended = "another login goes on with its session"
        elif family.user is user:
            # A second login in one browser should end the first session; that it may go on is for others to judge.
            family.doubtful = True
        else:
            world.end(family, f"somebody else logged in over {family}", copy=copy)

    async def log_in_wrongly(self, act: Act) -> None:
        """A login with a wrong password, perhaps over a live session, signs nobody in (I7)."""
        world, user = self.world, self.world.users[act.who % len(self.world.users)]
        if self.wrong or (user.account and self.system.description.login is None):
            return
        self.wrong += 1
        jar, carrying, family = await world.planted(act.what if act.what > MOSTLY_BARE else 0)
        if family:
            # What a refused login does to the session that it came with, no requirement says.
            family.doubtful = True
        client, _, _ = await world.enter(user, jar, f"wrong-{secrets.token_hex(8)}")
        world.tell(f"somebody tries a wrong password of {user.name}" + (f", carrying {carrying}" if carrying else ""))
        judged = await client.whoami()
        if judged.accepted and not (family and judged.name == family.user.principal and family.user is not user):
            if family and family.user is user:
                return
            world.violated("a login with a wrong password signs nobody in", judged)
        await self.unharmed(user)
        # The count of failures begins again.
        if world.room(user):
            await world.log_in(user)

    async def unharmed(self, user: User) -> None:
        """What was refused has ended no session of the user's (I7)."""
        surely = [family for family in self.world.alive if family.user is user and not family.doubtful]
        if surely:
            await self.world.must_be_accepted(surely[0])

    async def use(self, act: Act) -> None:
        """A live session is accepted, on any replica."""
        family = await self.world.living(act)
        family.owner.home = self.world.replica(act.what)
        await self.world.must_be_accepted(family)

    async def steal(self, act: Act) -> None:
        """A copy joins the thief's collection."""
        family = await self.world.living(act)
        family.stolen.append(family.owner.stolen(f"mallory with a copy of {family}'s session"))
        self.world.tell(f"mallory copies {family}'s session")

    async def use_what_was_stolen(self, act: Act) -> None:
        """A copy of what lives names its owner, or nobody (I4)."""
        family = await self.world.living(act)
        if family.stolen:
            judged = await family.stolen[act.what % len(family.stolen)].whoami()
            self.world.tell(f"mallory uses the copy of {family}'s session")
            if judged.accepted:
                self.world.must_be_named(judged, family.user, "the copy")

    async def alter(self, act: Act) -> None:
        """A credential with another character in its middle is nobody's."""
        family = await self.world.living(act)
        value = family.owner.secret()
        at = len(value) // 2
        if len(value) < 8 or not value[at].isalnum():
            return
        other = "A" if value[at] != "A" else "B"
        altered = family.owner.holding(
            value[:at] + other + value[at + 1 :], None, f"an altered copy of {family}'s session"
        )
        await self.world.must_be_refused(Dead(altered, "it was altered"))

    # -- going

    async def log_out(self, act: Act) -> None:
        """A logout ends its session."""
        world, family = self.world, await self.world.surely_living(act)
        copy = family.owner.stolen(f"mallory with a copy of {family}'s session")
        await self.target.expect_logged_out(family.owner)
        world.tell(f"{family} logs out")
        world.end(family, f"{family} logged out", copy=copy)
        world.dead.append(Dead(family.owner, f"{family} logged out"))
        if self.system.logout_ends_others or self.target.policy.logout_ends == "all":
            for other in world.others(family):
                other.doubtful = True
        await self.spared(act)

    async def log_out_with_what_is_dead(self, act: Act) -> None:
        """A logout by nobody ends nobody's session (I7, I8)."""
        if not self.world.dead:
            return
        dead = self.world.dead[act.who % len(self.world.dead)]
        try:
            await dead.holder.logout()
        except StepFailedError:
            return
        self.world.tell(f"{dead.holder.label} logs out")

    async def log_out_everywhere(self, act: Act) -> None:
        """A logout everywhere ends the user's other sessions, and nobody else's."""
        world, family = self.world, await self.world.surely_living(act)
        if not world.others(family) and world.room(family.user):
            await world.log_in(family.user)
        await self.target.log_out_everywhere(family.owner)
        world.tell(f"{family} logs out everywhere")
        family.doubtful = True
        for other in world.others(family):
            world.end(other, f"{family} logged out everywhere")
        await self.spared(act)

    async def spared(self, act: Act) -> None:
        """Half of the time, whoever should have been left alone is asked at once (I3)."""
        surely = [family for family in self.world.alive if not family.doubtful]
        if surely and act.what % 2:
            await self.world.must_be_accepted(surely[act.who % len(surely)])

    # -- refreshing

    async def refresh(self, act: Act) -> None:
        """A refresh gives a successor, and spends what it was shown."""
        await self.refreshed(await self.world.living(act))

    async def refreshed(self, family: Family) -> bool:
        """Refresh once; whether it worked."""
        world = self.world
        spent = family.owner.stolen(f"mallory with {family}'s spent refresh token")
        renewal = await self.target.present(family.owner)
        world.tell(f"{family} refreshes")
        opened = await self.target.works(renewal)
        if opened and family.renewal_ended:
            world.violated(f"{family} gets no new token ({family.renewal_ended})", opened)
        if not opened:
            family.doubtful = True
            return False
        if await self.target.refresh_token(renewal.party) != await self.target.refresh_token(spent):
            family.spent.append(spent)
        family.owner = renewal.party
        family.owner.principal = family.user.principal
        return True

    async def replay_a_spent_one(self, act: Act) -> None:
        """A spent refresh token gives nothing, and ends its family where that is promised (I5, I14)."""
        world, family = self.world, await self.world.living(act)
        if self.target.policy.grace_seconds or not self.target.must_rotate(family.owner):
            return
        # Two at least, so that one is no parent of the one in use.
        for _ in range(2 - len(family.spent)):
            if not await self.refreshed(family):
                return
        if not family.spent:
            return
        thief = family.spent[act.what % len(family.spent)]
        renewal = await self.target.present(thief)
        world.tell(f"{thief.label} presents it")
        if opened := await self.target.works(renewal):
            world.violated(f"{thief.label} gets nothing", opened)
        family.doubtful = True
        if self.target.policy.reuse_cascade:
            family.renewal_ended = "one of its spent tokens came back"
            # At once: asking with its access token first could end what is told of it.
            await self.refreshed(family)
        await self.spared(act)

    async def refresh_with_what_is_dead(self, act: Act) -> None:
        """What ended is not renewed (I5)."""
        able = [dead for dead in self.world.dead if dead.renews]
        if not able:
            return
        await self.world.must_not_renew(able[act.who % len(able)])

    async def use_a_refresh_token_as_access(self, act: Act) -> None:
        """A refresh token opens no route."""
        family = await self.world.living(act)
        token = family.owner.tokens.get("refresh")
        if token and "access" in family.owner.tokens:
            mallory = family.owner.holding(token, None, f"mallory with {family}'s refresh token as access token")
            await self.world.must_be_refused(Dead(mallory, "it is of another kind"))

    # -- what owners and administrators do

    async def prove_the_password_again(self, act: Act) -> None:
        """After a proof of the password, an old value of the session is nobody's (I12)."""
        world, family = self.world, await self.world.surely_living(act)
        before = family.owner.stolen(f"mallory with {family}'s session from before the proof")
        # How the target answers a wrong proof is found out in a login of its own.
        family.user.crowded = True
        await self.target.step_up(family.owner)
        # Whoever proves the password may be given its limits anew.
        family.owner.issued_at = self.target.clock.now()
        world.tell(f"{family} proves the password again")
        if family.owner.secret() != before.secret():
            world.dead.append(Dead(before, "the proof gave a new one"))

    async def change_the_password(self, act: Act) -> None:
        """A new password ends what the policy says."""
        world, family = self.world, await self.world.surely_living(act)
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
        for other in world.alive:
            if other.user is user:
                other.owner.facts = user.facts
                other.doubtful = True
        if promised in ("others", "all"):
            for other in world.others(family):
                world.end(other, f"{user.name} changed the password")
        if promised == "all":
            world.end(family, f"{user.name} changed the password", copy=copy)

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
        await self.target.administer("enable", family.owner)
        world.tell(f"the administrator enables {family.user.name}")

    async def be_thrown_out(self, act: Act) -> None:
        """An administrator ends all sessions of a user."""
        world, family = self.world, await self.world.living(act)
        if "end-sessions" not in self.system.description.admin:
            return
        await self.target.administer("end-sessions", family.owner)
        world.tell(f"the administrator ends {family.user.name}'s sessions")
        for one in (family, *world.others(family)):
            world.end(one, f"the administrator ended {family.user.name}'s sessions")

    # -- time

    @property
    def timed(self) -> bool:
        """Whether hours can pass here, and a cookie's session has limits that only the server knows."""
        return self.target.clock.travels and bool(self.target.cookies) and not self.target.has(Capability.TOKEN)

    async def stay_away(self, _: Act) -> None:
        """Nobody does anything for the idle time: then every session is over."""
        world, clock = self.world, self.target.clock
        if self.timed and self.target.policy.idle:
            await clock.until(clock.now() + past_idle(self.system))
            reason = "nobody used it for the idle time"
        elif clock.travels and self.target.has(Capability.REFRESH) and past_refresh_idle(self.system):
            await clock.until(clock.now() + past_refresh_idle(self.system))
            world.tell("everybody stays away for the idle time of refresh tokens")
            left = list(world.alive)
            for family in left:
                family.doubtful, family.renewal_ended = True, "nobody refreshed it for its idle time"
            for family in left:
                # An access token is over by now, too, and would only say that. Not each has a refresh token left.
                with contextlib.suppress(NotApplicable):
                    await self.refreshed(family)
            return
        else:
            return
        world.tell("everybody stays away for the idle time")
        for family in list(world.alive):
            world.end(family, reason)

    async def keep_busy(self, act: Act) -> None:
        """A session that is used all the time ends at the absolute limit, and so do all that are as old."""
        world, clock = self.world, self.target.clock
        if not self.timed or not self.target.policy.absolute:
            return
        family = await world.living(act)
        until = family.owner.issued_at + past_absolute(self.system)
        pause = min(self.target.policy.idle or until, until - clock.now()) * 0.9
        while clock.now() + pause < until and pause > 0:
            await clock.until(clock.now() + pause)
            if not (await family.owner.whoami()).accepted:
                family.doubtful = True
        await clock.until(until)
        world.tell(f"{family} keeps busy until the absolute limit")
        for one in list(world.alive):
            if one.owner.issued_at <= family.owner.issued_at:
                world.end(one, "its absolute limit is past")
            else:
                one.doubtful = True

    async def keep_refreshing(self, act: Act) -> None:
        """A family that is refreshed all the time ends at the limit of its login (I5)."""
        world, clock = self.world, self.target.clock
        life, idle = past_refresh_lifetime(self.system), self.target.policy.refresh_idle
        if not clock.travels or not life:
            return
        family = await world.living(act)
        born = family.owner.issued_at
        pause = min((idle or life) * 0.75, life / 4)
        if life / pause > REFRESHES:
            return
        for one in world.alive:
            one.doubtful = True
        while clock.now() + pause < born + life:
            await clock.until(clock.now() + pause)
            if not await self.refreshed(family):
                return
        await clock.until(born + life)
        world.tell(f"{family} keeps refreshing until the limit of the login")
        family.renewal_ended = "its login is too long ago"
        await self.refreshed(family)
