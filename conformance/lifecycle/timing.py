"""Acts of a life in which time passes: sessions and tokens end by themselves, those in use go on."""

from __future__ import annotations

import contextlib

from conformance.attacks.lives import Act
from conformance.errors import NotApplicable
from conformance.lifecycle.model import Dead, Family
from conformance.lifecycle.renewing import Renewing
from conformance.model import Capability
from conformance.target.limits import (
    SKEW,
    access_expiry,
    past_absolute,
    past_idle,
    past_refresh_idle,
    past_refresh_lifetime,
)

REFRESHES = 40
"""Refreshes in a row, at the most, to show that a family has an end."""
USED, SLID = 0.75, 2
"""The part of the idle time after which use must have extended a session, and how often that is looked at."""
BUSY = 0.9
"""The part of the idle time after which a session is used again, where nothing is claimed of that."""
LONGEST = 48 * 3600.0
"""Seconds for which an access token is waited for."""


class Timing(Renewing):
    """One method for each act."""

    @property
    def timed(self) -> bool:
        """Whether hours can pass here, and a cookie's session has limits that only the server knows."""
        return self.target.clock.travels and bool(self.target.cookies) and not self.target.has(Capability.TOKEN)

    async def stay_away(self, _: Act) -> None:
        """Nobody does anything for the idle time: then every session is over."""
        world, clock = self.world, self.target.clock
        if self.timed and self.target.policy.idle:
            await clock.until(clock.now() + past_idle(self.system))
            world.tell("everybody stays away for the idle time")
            world.of = ("session.timeout.idle",)
            for family in list(world.alive):
                world.end(family, "nobody used it for the idle time")
        elif clock.travels and self.target.has(Capability.REFRESH) and past_refresh_idle(self.system):
            await clock.until(clock.now() + past_refresh_idle(self.system))
            world.tell("everybody stays away for the idle time of refresh tokens")
            world.of = ("refresh.idle-expiry",)
            left = list(world.alive)
            for family in left:
                family.doubtful, family.renewal_ended = True, "nobody refreshed it for its idle time"
            for family in left:
                # An access token is over by now, too, and would only say that. Not each has a refresh token left.
                with contextlib.suppress(NotApplicable):
                    await self.refreshed(family)

    async def keep_busy(self, act: Act) -> None:
        """A session that is used all the time goes on until the absolute limit, where all that are as old end."""
        world, clock = self.world, self.target.clock
        if not self.timed or not self.target.policy.absolute:
            return
        family = await world.living(act)
        until = family.owner.issued_at + past_absolute(self.system)
        pause = min(self.target.policy.idle or until, until - clock.now())
        await self.goes_on(family, pause, until)
        while clock.now() + BUSY * pause < until and pause > 0:
            await clock.until(clock.now() + BUSY * pause)
            if not (await family.owner.whoami()).accepted:
                family.doubtful = True
        await clock.until(until)
        world.tell(f"{family} keeps busy until the absolute limit")
        for one in list(world.alive):
            if one.owner.issued_at <= family.owner.issued_at:
                world.end(one, "its absolute limit is past")
            else:
                one.doubtful = True

    async def goes_on(self, family: Family, idle: float, until: float) -> None:
        """Use begins the idle time anew: a session that is used within it goes on (I3)."""
        world, clock = self.world, self.target.clock
        if not self.target.policy.idle or until - clock.now() < (SLID + 1) * idle:
            return
        await world.must_be_accepted(family, silently=True)
        for _ in range(SLID if not family.doubtful else 0):
            world.tell(f"{USED:.0%} of the idle time pass")
            await clock.until(clock.now() + USED * idle)
            await world.must_be_accepted(family)
        for other in world.alive:
            other.doubtful = other.doubtful or other is not family

    async def keep_refreshing(self, act: Act) -> None:
        """A family that is refreshed all the time ends at the limit of its login (I5)."""
        world, clock = self.world, self.target.clock
        life, idle = past_refresh_lifetime(self.system), self.target.policy.refresh_idle
        if not clock.travels or not life:
            return
        family = await world.living(act)
        if family.renewal_ended and world.room(family.user):
            family = await world.log_in(family.user) or family
        born = family.owner.issued_at
        pause = min((idle or life) * 0.75, life / 4)
        if life / pause > REFRESHES:
            return
        world.doubt_all()
        while clock.now() + pause < born + life:
            await clock.until(clock.now() + pause)
            if not await self.refreshed(family):
                return
        await clock.until(born + life)
        world.tell(f"{family} keeps refreshing until the limit of the login")
        family.renewal_ended = "its login is too long ago"
        await self.refreshed(family)

    async def let_the_access_token_expire(self, act: Act) -> None:
        """An access token is refused once its own time, or the declared one, is over; its family may go on."""
        world, clock, policy = self.world, self.target.clock, self.target.policy
        family = await world.living(act)
        said = access_expiry(self.system, family.owner)
        declared = policy.access_lifetime + policy.leeway + SKEW if policy.access_lifetime else None
        ends = [seconds for seconds in (said, declared) if seconds is not None]
        if not clock.travels or not ends or min(ends) > LONGEST:
            return
        expired = family.owner.stolen(f"mallory with {family}'s access token, which has expired")
        expired.tokens.pop("refresh", None)
        await clock.until(family.owner.issued_at + min(ends))
        world.doubt_all()
        world.tell(f"{family}'s access token expires")
        dead = Dead(expired, "its time is over")
        await world.must_be_refused(dead)
        world.dead.append(dead)
        if self.target.has(Capability.REFRESH):
            await self.refreshed(family)
