"""Acts of a life at an authorization server: codes that come twice, tokens revoked, grants withdrawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.attacks.edits import LETTERS, TEXT_KINDS, TextEdit
from conformance.attacks.lives import Act
from conformance.lifecycle.acting import Acting
from conformance.lifecycle.model import Dead, Family
from conformance.model import Capability
from conformance.target.limits import SKEW
from conformance.target.oauth_messages import new_verifier
from conformance.target.party import Party

if TYPE_CHECKING:
    from conformance.target.oauth_messages import Code

CODE_LIFETIME = 600.0
"""Seconds: RFC 6749 section 4.1.2 recommends no more."""
REUSE = ("oauth.code.reuse-revokes-access", "oauth.code.reuse-revokes-refresh")
"""What asks that a code's second use ends what it gave: RFC 6749 section 4.1.2 only recommends it."""
UNPROVEN = ("oauth.pkce.wrong-verifier", "oauth.code.failed-first-attempt")
"""What asks for the verifier, at every attempt."""


class Grants(Acting):
    """One method for each act. The session that an act is of is the browser in which its user is asked."""

    async def over(self, party: Party, reason: str, of: tuple[str, ...]) -> None:
        """From now on neither token of a client may work; graded as the checks that ask the same."""
        copy = party.stolen(f"mallory with a copy of {party.label}")
        dead = Dead(copy, reason, "refresh" in copy.tokens, of)
        await self.world.must_be_refused(dead)
        if dead.renews:
            self.nothing_for(await self.target.renewed(copy), f"{copy.label} gets nothing ({reason})", of)
        self.world.dead.append(dead)

    def doubt_grants(self, family: Family) -> None:
        """A server may keep one grant for each user and client: what ends one may have ended others of the user."""
        for one in (family, *self.world.others(family)):
            one.doubtful = True

    async def redeem_a_code_twice(self, act: Act) -> None:
        """A code that comes again gives nothing, and ends what it gave, and what came of that (I5, I14)."""
        family = await self.world.surely_living(act)
        with self.trying(f"a client redeems a code of {family}, and does so again", family):
            code = await self.target.code(family.owner)
            first = await self.target.tokens(code)
            if act.what % 2 and "refresh" in first.tokens:
                self.world.tell("in between it refreshes")
                heir = self.target.holder(family.owner, await self.target.renewed(first))
                heir.tokens = {**first.tokens, **heir.tokens}
                first = heir
            self.nothing_for(await self.target.redeem(code), "a spent code gives no token")
            self.doubt_grants(family)
            await self.over(first, "its code came a second time", REUSE)
        await self.foreigners_live(family)

    def nothing_for(self, answer: object, expected: str, of: tuple[str, ...] | None = None) -> None:
        """A token request gave nothing, or that is what is wrong."""
        if getattr(answer, "granted", False):
            self.world.violated(expected, answer, of=of)

    async def foreigners_live(self, family: Family) -> None:
        """What ends a grant of one user ends nobody else's (I8)."""
        foreign = [one for one in self.world.alive if one.user is not family.user and not one.doubtful]
        for one in foreign[:1]:
            await self.world.must_be_accepted(one)

    async def redeem_a_code_wrongly(self, act: Act) -> None:
        """A code is worth nothing when altered, to another client, as another kind of token or too late.

        That a try of a spent one ends nothing is recommended alone: oauth.code.invalid-replay-no-dos judges that.
        """
        family = await self.world.surely_living(act)
        tries = (self._altered, self._by_another_client, self._as_refresh_token, self._too_late, self._unproven)
        with self.trying(f"somebody tries a code of {family}", family):
            code = await self.target.code(family.owner)
            await tries[act.what % len(tries)](code, act)

    async def _altered(self, code: Code, act: Act) -> None:
        for kind in TEXT_KINDS[act.who % 2 :: 2]:
            value = self.target.edited(TextEdit(kind, act.who, LETTERS[act.who % len(LETTERS)]), code.value)
            if value is not None:
                answer = await self.target.redeem(code, code=value)
                self.nothing_for(answer, f"a code with {kind} gives no token")

    async def _by_another_client(self, code: Code, _: Act) -> None:
        if self.target.has(Capability.SECOND_CLIENT):
            other = self.target.other_client(code.client)
            self.nothing_for(await self.target.redeem(code, client=other), f"{other} gets nothing for another's code")

    async def _as_refresh_token(self, code: Code, _: Act) -> None:
        if self.target.has(Capability.REFRESH):
            owner = replace(code.browser, client=code.client)
            answer = await self.target.renewed(owner, token=code.value)
            self.nothing_for(answer, "a code is no refresh token")

    async def _too_late(self, code: Code, _: Act) -> None:
        if self.target.clock.travels:
            await self.world.let_pass((self.target.policy.code_lifetime or CODE_LIFETIME) + SKEW)
            self.world.tell("the time of the code is over")
            self.nothing_for(await self.target.redeem(code), "an expired code gives no token")

    async def _unproven(self, code: Code, _: Act) -> None:
        if self.target.policy.pkce != "none":
            for verifier in (new_verifier(), new_verifier(), None):
                answer = await self.target.redeem(code, code_verifier=verifier)
                self.nothing_for(answer, "no wrong verifier gives a token, however often one is tried", UNPROVEN)

    async def log_in_over_a_code(self, act: Act) -> None:
        """A code stays its user's when somebody else logs in in the browser that asked for it (I4)."""
        family = await self.world.surely_living(act)
        other = next((user for user in self.world.users if user is not family.user), None)
        if not other or not self.world.room(other):
            return
        with self.trying(f"{family} asks for a code, and {other.name} logs in in the same browser", family):
            code = await self.target.code(family.owner)
            family.doubtful = True
            if await self.world.log_in(other, family.owner.jar, f"{family}'s session"):
                answer = await self.target.redeem(code)
                if answer.granted:
                    judged = await self.target.holder(family.owner, answer).whoami()
                    self.world.must_be_named(judged, family.user, f"whoever redeems the code of {family}")

    async def redeem_a_code_at_once(self, act: Act) -> None:
        """Of redemptions at the same moment one succeeds, and what it gave ends, since the code came again (I5)."""
        family = await self.world.surely_living(act)
        with self.trying(f"a code of {family} is redeemed several times at once", family):
            code = await self.target.code(family.owner)
            winner = self.target.winner(family.owner, await self.target.redeem_together(code))
            self.doubt_grants(family)
            await self.over(winner, "its code came several times at once", ("oauth.race.code-losers-revoke",))

    async def revoke_a_token(self, act: Act) -> None:
        """A revoked token is dead, and nobody else's is (I2, I8)."""
        family = await self.world.surely_living(act)
        with self.trying(f"the client revokes a token that {family} has given it", family):
            party = await self.target.granted(family.owner, family.owner.client)
            kind = "refresh" if act.what % 2 and "refresh" in party.tokens else "access"
            await self.target.revoke_token(party, kind)
            self.doubt_grants(family)
            revoked = party.stolen(f"mallory with a copy of the {kind} token of {party.label}")
            if kind == "access":
                revoked.tokens.pop("refresh", None)
                self.world.dead.append(Dead(revoked, "it was revoked"))
            else:
                # That the access token ends, too, is recommended alone: oauth.revoke.cascade-to-access judges that.
                await self.world.must_not_renew(Dead(revoked, "it was revoked"))
        await self.foreigners_live(family)

    async def revoke_the_token_of_another(self, act: Act) -> None:
        """A client revokes no token of another one, and nobody a confidential client's without its secret (I7)."""
        family = await self.world.surely_living(act)
        own = family.owner.client or self.target.authorization.default_client
        if act.what % 2:
            client, auth, who = self.target.other_client(own), "", "another client"
        elif own.public:
            return
        else:
            client, auth, who = own, "none", "somebody without the client's secret"
        for kind in [kind for kind in ("access", "refresh") if kind in family.owner.tokens]:
            token = family.owner.tokens[kind]
            answer = await self.target.call_revoke(family.owner, token, client=client, auth=auth)
            self.world.tell(f"{who} revokes the {kind} token of {family} ({answer})")
        await self.world.must_be_accepted(family)

    async def refresh_while_it_is_revoked(self, act: Act) -> None:
        """A refresh and the revocation of its token at once: in whatever order, nothing is left (I5)."""
        family = await self.world.surely_living(act)
        learned = self.system.learned
        with self.trying(f"a token of {family} is refreshed while it is revoked", family):
            if learned.revocation_reaches_heirs is None:
                learned.revocation_reaches_heirs = False
                await self.target.expect_revocation_reaches_heirs(await self.target.granted(family.owner))
                learned.revocation_reaches_heirs = True
            if not learned.revocation_reaches_heirs:
                return
            self.doubt_grants(family)
            party = await self.target.granted(family.owner)
            answer = await self.target.refresh_and_revoke_together(party)
            await self.target.expect_no_survivor(party, answer)

    async def withdraw_a_grant(self, act: Act) -> None:
        """What a user took back from a client renews nothing (I5)."""
        family = await self.world.surely_living(act)
        client = family.owner.client or self.target.authorization.default_client
        with self.trying(f"{family} withdraws the grant of {client}", family):
            party = await self.target.granted(family.owner, client)
            await self.target.withdraw(family.owner, client)
            self.doubt_grants(family)
            copy = party.stolen(f"mallory with a copy of {party.label}")
            await self.world.must_not_renew(Dead(copy, "the grant was withdrawn"))
        await self.foreigners_live(family)

    async def authorize_with_what_is_dead(self, act: Act) -> None:
        """A browser that was logged out gets no code without another login (I2)."""
        family = await self.world.surely_living(act)
        with self.trying(f"{family} logs out, and a copy of the browser is sent to the server", family):
            client = self.target.client()
            await self.target.expect_silent_answer(family.owner, client)
            copy = family.owner.stolen(f"mallory with a copy of {family}'s browser")
            await family.owner.logout()
            family.doubtful = True
            for browser in (copy, family.owner):
                response = await self.target.authorize(browser, client, prompt="none")
                self.target.demand_no_code(response, "no code for a browser that was logged out")
