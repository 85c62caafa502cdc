"""Acts of a life upon refresh tokens: refreshes and replays, by their owner, by thieves and by other clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.attacks import jwt
from conformance.attacks.lives import Act
from conformance.lifecycle.acting import Acting
from conformance.lifecycle.model import Dead, Family
from conformance.model import Capability
from conformance.target.limits import past_grace

if TYPE_CHECKING:
    from collections.abc import Iterator

CAME_BACK = "one of its spent tokens came back"
EARLY = 0.75
"""The part of a grace after which a retry is early enough, whatever the clocks."""


class Renewing(Acting):
    """One method for each act."""

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
        before, after = await self.target.refresh_token(spent), await self.target.refresh_token(renewal.party)
        if after != before:
            family.spent.append(spent)
        elif self.target.must_rotate(family.owner) and told_apart(before):
            world.violated(f"{family} gets another refresh token", "the same one goes on")
        family.owner = renewal.party
        family.owner.principal = family.user.principal
        return True

    async def rotating(self, act: Act) -> Family:
        """A session whose spent refresh tokens must be worth nothing: one at a public client, where clients differ.

        Raises:
            NotApplicable: there is none, and none can be.
        """
        family = await self.world.living(act)
        if self.target.must_rotate(family.owner):
            return family
        for one in [one for one in self.world.alive if self.target.must_rotate(one.owner)]:
            if not one.doubtful or await self.world.resolved(one):
                return one
        if self.world.public is None or not self.world.room(family.user):
            self.target.not_applicable("no refresh token here must be replaced")
        return await self.world.log_in(family.user, client=self.world.public) or family

    async def replay_a_spent_one(self, act: Act) -> None:
        """A spent refresh token gives nothing, and ends its family alone where that is promised (I5, I14)."""
        wait = past_grace(self.system)
        if wait and not self.target.clock.travels:
            return
        world, family = self.world, await self.rotating(act)
        if not await self.aged(family):
            return
        await self.company(family)
        if wait:
            await world.let_pass(wait)
        for at in ((-1,), (0,), (0, -1))[act.what % 3]:
            thief = family.spent[at]
            renewal = await self.target.present(thief)
            world.tell(f"{thief.label} presents it")
            if opened := await self.target.works(renewal):
                world.violated(f"{thief.label} gets nothing", opened)
        family.doubtful = True
        if self.target.policy.reuse_cascade:
            family.renewal_ended = CAME_BACK
            # At once: asking with its access token first could end what is told of it.
            await self.refreshed(family)
        await self.spared(family)

    async def aged(self, family: Family) -> bool:
        """Whether the family has two spent refresh tokens by now, so that one is no parent of the one in use."""
        for _ in range(2 - len(family.spent)):
            if not await self.refreshed(family):
                return False
        return bool(family.spent)

    async def replay_beside_a_refresh(self, act: Act) -> None:
        """A spent token and the live one, presented at the same moment: in whatever order, nothing is left (I14)."""
        family, policy = await self.rotating(act), self.target.policy
        if policy.grace_seconds or not policy.reuse_cascade or not await self.aged(family):
            return
        spent, live = family.spent[-1 - act.what // 2 % 2], family.owner
        presented = [spent, live] if act.what % 2 else [live, spent]
        with self.trying(f"{spent.label} presents it while {family} refreshes", family):
            family.doubtful, family.renewal_ended = True, CAME_BACK
            renewals = await self.target.present_at_once(presented)
            await self.target.expect_no_fork(renewals, 0, "a replay beside a refresh")

    async def ask_again_within_the_grace(self, act: Act) -> None:
        """A retry within a declared grace leads to one live token, and lengthens nothing (I14)."""
        grace, clock = self.target.policy.grace_seconds, self.target.clock
        if not grace or not clock.travels:
            return
        family = await self.rotating(act)
        spent_at = clock.now()
        if not await self.refreshed(family):
            return
        spent, told = family.spent[-1], f"{family} refreshes again, as if no answer had come"
        with self.trying(told, family):
            family.doubtful = True
            given = [family.owner, *await self.target.retry(spent)]
            if act.what % 2:
                await self.target.expect_one_live(given, "a retry after a lost answer")
                return
            await self.world.let_pass(max(0.0, spent_at + EARLY * grace - clock.now()))
            given += await self.target.retry(spent)
            await self.world.let_pass(max(0.0, spent_at + past_grace(self.system) - clock.now()))
            await self.gives_nothing(Dead(spent, "the grace is over"))
            for party in given if self.target.policy.reuse_cascade else ():
                await self.gives_nothing(Dead(party, CAME_BACK))

    async def gives_nothing(self, dead: Dead) -> None:
        """A refresh token that is dead for a reason gives nothing; told when it does."""
        self.world.tell(f"{dead.holder.label} presents a refresh token")
        await self.world.must_not_renew(dead)

    async def refresh_with_what_is_dead(self, act: Act) -> None:
        """What ended is not renewed (I5)."""
        if not any(dead.renews for dead in self.world.dead) and self.target.has(Capability.LOGOUT):
            await self.log_out(act)
        able = [dead for dead in self.world.dead if dead.renews]
        if able:
            await self.world.must_not_renew(able[act.who % len(able)])

    async def refresh_with_an_altered_token(self, act: Act) -> None:
        """A refresh token that was edited in one place gives nothing."""
        family = await self.world.living(act)
        carrier = await self.target.refresh_carrier()
        known = [one.owner.secret(carrier) for one in self.world.families]
        # A server may take a value that is nearly right for an attack, and end the session.
        family.doubtful = True
        for value in self.edited(await self.target.refresh_token(family.owner), known, act):
            renewal = await self.target.present(family.owner, value)
            if opened := await self.target.works(renewal):
                self.world.tell(f"mallory presents an altered copy of {family}'s refresh token")
                self.world.violated("an altered refresh token gives nothing", opened)

    async def use_a_token_of_another_kind(self, act: Act) -> None:
        """A refresh token or an ID token opens no route, and an access token gives no new one."""
        family = await self.world.living(act)
        tokens, access = family.owner.tokens, family.owner.tokens.get("access")
        if access and act.what % 2 and self.target.has(Capability.REFRESH):
            if access == await self.target.refresh_token(family.owner):
                return
            renewal = await self.target.present(family.owner, access)
            self.world.tell(f"mallory presents {family}'s access token as a refresh token")
            if opened := await self.target.works(renewal):
                self.world.violated("an access token gives no new token", opened)
        elif access:
            for kind in [kind for kind in ("refresh", "id_token") if tokens.get(kind, access) != access]:
                label = f"mallory with {family}'s {kind.replace('_', ' ')} as access token"
                mallory = family.owner.holding(tokens[kind], None, label)
                await self.world.must_be_refused(Dead(mallory, "it is of another kind"))

    async def refresh_as_another_client(self, act: Act) -> None:
        """A refresh token, live or spent, is worth nothing to another client."""
        world, family = self.world, await self.world.living(act)
        own = family.owner.client or self.target.authorization.default_client
        if act.what % 2 and not await self.refreshed(family):
            return
        token = await self.target.refresh_token(family.spent[-1] if act.what % 2 and family.spent else family.owner)
        thieves = [(self.target.other_client(own), "")] + ([] if own.public else [(own, "none")])
        for client, auth in thieves:
            answer = await self.target.renewed(family.owner, token=token, client=client, auth=auth)
            said = f"{client} without its secret" if auth else f"{client}"
            world.tell(f"{said} presents a refresh token of {family} at {own}")
            if answer.granted:
                world.violated(f"{said} gets nothing", answer)
        # That it ends nothing either is recommended alone (OAUTH21-7.5.3): refresh.foreign-replay-no-dos judges that.
        family.doubtful = True

    async def log_out(self, act: Act) -> None:
        """As in `Acts`."""
        raise NotImplementedError

    def edited(self, value: str, known: list[str], act: Act) -> Iterator[str]:
        """As in `Acts`."""
        raise NotImplementedError


def told_apart(token: str) -> bool:
    """Whether no two tokens are the same bytes: signed ones of one second may be, without a number of their own."""
    parsed = jwt.parse(token)
    return parsed is None or "jti" in parsed.claims
