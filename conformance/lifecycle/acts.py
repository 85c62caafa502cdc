"""The acts of a life: what each does to the target, and to the model."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence

from conformance.attacks import jwt
from conformance.attacks.edits import LETTERS, SPREAD, TEXT_KINDS, SignatureEdit, TextEdit
from conformance.attacks.lives import Act
from conformance.errors import NotApplicable, Violation
from conformance.explore import together
from conformance.lifecycle.administering import Administering
from conformance.lifecycle.gate import Gated
from conformance.lifecycle.grants import Grants
from conformance.lifecycle.model import DEAD, KINDS, LIVE, Dead, Family, User
from conformance.lifecycle.overlaps import Overlaps
from conformance.lifecycle.owning import Owning
from conformance.lifecycle.timing import Timing
from conformance.model import Capability
from conformance.target.cookies import Jar

SPELLINGS = ("token.revoke.malleable.es", "token.revoke.malleable.b64")
"""Families of forgeries that mean the same token."""
AT_ONCE = 3
"""Times that everybody asks at the same moment: whoever is confused with somebody else is so now and then."""


class Acts(Owning, Administering, Timing, Grants, Overlaps, Gated):
    """One method for each act of `conformance.attacks.lives`, its name with underscores."""

    async def perform(self, act: Act) -> None:
        """Do what an act says, where the target has what it needs by now."""
        try:
            with contextlib.suppress(NotApplicable):
                await getattr(self, act.name.replace(" ", "_"))(act)
        except Violation as found:
            if self.world.contradicted:
                raise
            self.world.violated(found.finding.expected, found.finding.actual, proven=found.proven)

    # -- coming and using

    async def log_in(self, act: Act) -> None:
        """A login, with cookies that were planted before or without."""
        await self.log_in_carrying(act, act.what % DEAD)

    async def log_in_with_what_is_dead(self, act: Act) -> None:
        """A login over a session that was logged out, a moment ago or before: it stays out."""
        if act.what % 2 == 0 or not self.world.dead:
            await self.log_out(act)
        await self.log_in_carrying(act, DEAD + KINDS * (act.what // 2 if act.what % 2 else 0))

    async def log_in_over_a_session(self, act: Act) -> None:
        """A login over a live session, of another user or of the same."""
        await self.log_in_carrying(act, LIVE + KINDS * act.what)

    async def log_in_carrying(self, act: Act, which: int) -> None:
        """A login with what `World.planted` gives."""
        world, user = self.world, self.world.users[act.who % len(self.world.users)]
        jar, carrying, family = await world.planted(which, user)
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
        if user.name in self.wrong or (user.account and self.system.description.login is None):
            return
        self.wrong.add(user.name)
        jar, carrying, family = await world.planted(act.what % (LIVE + 1), user)
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
        family.owner.home = self.world.homes[act.what % len(self.world.homes)]
        await self.world.must_be_accepted(family)

    async def use_all_at_once(self, _: Act) -> None:
        """Whatever others do at the same moment, everybody is who they are (I4)."""
        surely = [family for family in self.world.alive if not family.doubtful]
        for _time in range(AT_ONCE):
            await together(self.world.must_be_accepted(family) for family in surely)

    async def steal(self, act: Act) -> None:
        """A copy joins the thief's collection."""
        family = await self.world.living(act)
        family.stolen.append(family.owner.stolen(f"mallory with a copy of {family}'s session"))
        self.world.tell(f"mallory copies {family}'s session")

    async def use_what_was_stolen(self, act: Act) -> None:
        """A copy of what lives names its owner, or nobody (I4)."""
        family = await self.world.living(act)
        if not family.stolen:
            await self.steal(act)
            family = await self.world.living(act)
        if family.stolen:
            judged = await family.stolen[act.what % len(family.stolen)].whoami()
            self.world.tell(f"mallory uses the copy of {family}'s session")
            if judged.accepted:
                self.world.must_be_named(judged, family.user, "the copy")

    async def alter(self, act: Act) -> None:
        """A credential that was edited in one place is nobody's, and the genuine one goes on (I7)."""
        family = await self.world.living(act)
        values = [one.owner.secret() for one in self.world.families]
        altered = self.edited(family.owner.secret(), values, act)
        label = f"an altered copy of {family}'s session"
        await together(
            self.world.must_be_refused(Dead(family.owner.holding(value, None, label), "it was altered"))
            for value in altered
        )
        await self.world.must_be_accepted(family)

    def edited(self, value: str, known: list[str], act: Act) -> Iterator[str]:
        """Half of the ways in which a value can be edited; an opaque one in the part that tells it from others."""
        half, at = act.what % 2, act.who
        if token := jwt.parse(value):
            made = (SignatureEdit.apply(edit, token) for edit in SPREAD[(at // 2 + half) % 4 :: 4])
        else:
            span = telling(value, [one for one in known if one not in ("", value)])
            kinds = (TextEdit(kind, at, LETTERS[at % len(LETTERS)]) for kind in TEXT_KINDS[half::2])
            made = (edit.apply(value, span) for edit in kinds)
        return (changed for changed in made if changed)

    async def send_it_elsewhere(self, act: Act) -> None:
        """A session id that stands anywhere but in its cookie is nobody's."""
        family = await self.world.living(act)
        places = list(self.target.carrying_elsewhere(family.owner))[act.what % 2 :: 2]
        await together(self.world.must_be_refused(Dead(holder, "it stands elsewhere")) for holder in places)

    # -- going

    async def log_out(self, act: Act) -> None:
        """A logout ends its session, and no other one (I9)."""
        world, family = self.world, await self.world.surely_living(act)
        await self.company(family)
        for home in self.world.homes[1:]:
            # A replica may remember what it has seen.
            family.owner.home = home
            await world.must_be_accepted(family, silently=True)
        family.owner.home = self.world.homes[act.what % len(self.world.homes)]
        copy = family.owner.stolen(f"mallory with a copy of {family}'s session")
        await self.target.expect_logged_out(family.owner)
        world.tell(f"{family} logs out")
        world.end(family, f"{family} logged out", copy=copy)
        world.dead.append(Dead(family.owner, f"{family} logged out"))
        if self.ends_others(family):
            for other in world.others(family):
                other.doubtful = True
        await self.spared(family)

    def ends_others(self, family: Family) -> bool:
        """Whether a logout of this session may end others of its user.

        What is measured of sessions is taken as it is; of tokens it must be declared (token.revoke.isolation).
        """
        if self.target.policy.logout_ends == "all":
            return True
        values = [one.owner.secret() for one in self.world.families if one.user is family.user]
        shared = len(set(values)) < len(values)
        return shared or (self.system.logout_ends_others and not self.target.has(Capability.TOKEN))

    async def spell_otherwise_what_is_dead(self, act: Act) -> None:
        """Another spelling of a signed token is as dead as the token (I2)."""
        if not any(jwt.parse(dead.holder.secret()) for dead in self.world.dead):
            await self.log_out(act)
        for dead in [dead for dead in self.world.dead if jwt.parse(dead.holder.secret())][-1:]:
            spelled = [holder for family in SPELLINGS for holder in self.target.respelled(dead.holder, family)]
            some = spelled[act.what % 2 :: 2]
            await together(self.world.must_be_refused(Dead(holder, dead.reason)) for holder in some)

    async def log_out_with_what_is_dead(self, act: Act) -> None:
        """A logout by nobody breaks nothing and ends nobody's session (I7, I8)."""
        if not self.world.dead:
            await self.log_out(act)
        held = [dead for dead in self.world.dead if act.what % 2 or dead.holder.secret()]
        dead = held[-1] if held else self.world.dead[-1]
        with self.trying(f"{dead.holder.label} logs out"):
            await self.target.expect_harmless_logout(dead.holder)

    async def log_out_everywhere(self, act: Act) -> None:
        """A logout everywhere ends the user's other sessions, and nobody else's, nor what begins after it."""
        world, family = self.world, await self.world.surely_living(act)
        await self.company(family, 2)
        sessions = [one for one in world.alive if one.user is family.user]
        family = sessions[act.what % 3 % len(sessions)]
        await world.must_be_accepted(family, silently=True)
        if not family.alive:
            return
        if family is sessions[-1]:
            await self.target.at_a_new_second()
        await self.target.log_out_everywhere(family.owner)
        world.tell(f"{family} logs out everywhere")
        family.doubtful = True
        for other in world.others(family):
            world.end(other, f"{family} logged out everywhere")
        await self.spared(family)
        await self.come_back(family.user)

    async def come_back(self, user: User) -> None:
        """A login right after the end of all sessions is a new beginning (I9)."""
        world = self.world
        party, exchange, _ = await world.enter(user, Jar())
        judged = await party.whoami()
        world.tell(f"{user.name} logs in again at once")
        if judged.accepted:
            await world.admitted(user, party)
        elif judged.refused:
            await self.target.at_a_new_second(later=3)
            await world.log_in(user)
            world.violated(f"the session of {user.name} that begins right after goes on", judged)
        else:
            world.unclear(f"a genuine login of {user.name} is {judged}", exchange)


def telling(value: str, others: Sequence[str]) -> tuple[int, int]:
    """The part of a value, from where to where, in which it differs from others; what is the same may be a label."""
    if not others:
        return 0, len(value)
    front = min(same(value, other) for other in others)
    return front, len(value) - min(same(value[::-1], other[::-1]) for other in others)


def same(one: str, other: str) -> int:
    """How many characters two values have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, its) in pairs if mine != its), min(len(one), len(other)))
