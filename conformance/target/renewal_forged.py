"""Refresh tokens that carry their content: forged copies, and what a refresh adds to an older access token."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from conformance.attacks.jwt import Token, parse
from conformance.model import Capability
from conformance.target.limits import access_expiry
from conformance.target.oracle import unclear_reason
from conformance.target.party import Party
from conformance.target.renewal_races import RenewalRaces
from conformance.target.tokening import Tokening

if TYPE_CHECKING:
    from conformance.attacks.forge import Forgery
    from conformance.target.oauth_messages import TokenAnswer

FORGED = (
    "token.payload.tamper", "token.sig.stripped", "token.alg.none", "token.alg.none-case", "token.alg.missing",
    "token.sig.zero", "token.sig.truncated", "token.header.tamper", "token.alg.hs-empty",
)  # fmt: skip
"""Families of forgeries that need no key: who changes a refresh token has nothing but a genuine one."""
ELSEWHERE = "https://elsewhere.pickproof.example/api"
"""A resource that no grant was ever for."""


class RenewalForgeries(RenewalRaces, Tokening):
    """Verbs about what stands inside a refresh token, and what its use must not give."""

    # -- forged copies

    async def signed_refresh(self, party: Party) -> Token:
        """A party's refresh token, read.

        Raises:
            NotApplicable: it cannot be read, so that its content is on the server.
        """
        told = "the refresh token is opaque: it carries nothing that could be changed; refresh.mutation judges"
        return parse(await self.refresh_token(party)) or self.not_applicable(told)

    async def expect_forged_renewals_refused(self) -> None:
        """No forgery of a signed refresh token gives anything, while a genuine one does."""
        owner, unclear = await self.own_login("alice"), ""
        for forgery in await self._renewal_forgeries(owner):
            forger = owner.stolen(f"an attacker with a forged refresh token ({forgery.name})")
            renewal = await self.present(forger, forgery.wire.decode("latin-1"))
            if reason := unclear_reason(renewal.exchange):
                unclear = unclear or f"{forgery.name}: {reason}"
            elif opened := await self.works(renewal):
                self.violation(f"{forger.label} gets nothing", opened, (*owner.history, renewal.exchange))
        await self.control_refresh(renewal.exchange.sent_at)
        if unclear:
            self.inconclusive(f"whether a forged refresh token is refused is open: {unclear}", self.shown())

    async def _renewal_forgeries(self, owner: Party) -> list[Forgery]:
        from conformance.attacks.forge import FAMILIES, material

        genuine, carrier = await self.signed_refresh(owner), await self.refresh_carrier()
        second = parse((await self.system.another_login()).secret(carrier))
        bob = await self.system.shared_login(self.known("bob")) if self.has(Capability.SECOND_ACCOUNT) else None
        stuff = material(
            genuine, second=second, other=parse(bob.secret(carrier)) if bob else None, keys=self.system.public_keys,
            now=self.clock.now(), leeway=self.policy.leeway,
        )  # fmt: skip
        return [forgery for family in FORGED for forgery in FAMILIES[family](stuff)]

    # -- other resources

    async def renewed_for(self, party: Party, parameter: str, resource: str) -> TokenAnswer:
        """Refresh for a resource, named by this or that parameter."""
        changes: dict[str, Any] = {parameter: resource}
        return await self.renewed(party, **changes)

    async def expect_not_for(self, party: Party, resource: str, how: str) -> None:
        """The access token that a refresh gave is not meant for a resource that was not granted."""
        if resource in await self.audience(party):
            self.violation("a refresh reaches what was granted, and no other service", f"{how}, and aud names it")

    async def audience(self, party: Party) -> list[str]:
        """Whom an access token is meant for, by itself or by introspection.

        Raises:
            NotApplicable: neither says.
        """
        token = parse(party.tokens.get("access", ""))
        said = token.claims.get("aud") if token else None
        if said is None and token is None and self.has(Capability.INTROSPECT):
            answer: TokenAnswer = await self.introspect(party.tokens["access"], party)
            said = answer.document.get("aud")
        found = said if isinstance(said, list) else [said]
        return [str(one) for one in found if one] or self.not_applicable(
            "neither the access token nor introspection names an audience: to what it is bound is not seen"
        )

    # -- older access tokens

    async def expect_not_prolonged(self, alice: Party) -> None:
        """Refreshes do not lengthen the life of the access token from before them.

        Raises:
            NotApplicable: nothing says when it ends, or a refresh gives no other one.
        """
        life = access_expiry(self.system, alice) or self.not_applicable("nothing says when the access token ends")
        if self.policy.refresh_lifetime is not None and self.policy.refresh_lifetime < life:
            self.not_applicable("the refresh token ends before the access token has surely expired")
        end = alice.issued_at + life
        heir = await self.keep_refreshing(alice, end)
        if heir.secret() == alice.secret():
            self.not_applicable("a refresh gives the same access token again")
        await self.clock.until(end)
        await self.expect_refused(alice.stolen(f"a thief with {alice.label}'s access token from before the refreshes"))

    # -- after a race

    async def raced_renewals(self, party: Party) -> list[Party]:
        """Whoever got tokens from presentations of one refresh token at the same moment.

        Raises:
            Inconclusive: nobody did.
        """
        renewals = self.with_tokens(await self.present_at_once([party] * self.calls))
        return [renewal.party for renewal in renewals] or self.inconclusive("no refresh of the race was answered")

    async def end_the_grant(self, browser: Party, party: Party, winners: Sequence[Party]) -> str:
        """Take back what a client was allowed, or log out where there are no clients; the event in words, if it was.

        Where the race itself ended some of what came out of it, whoever is left logs out.

        Raises:
            NotApplicable: neither can be done.
        """
        if self.has(Capability.WITHDRAW):
            await self.withdraw(browser, self.client_of(party))
            return "the withdrawal"
        if not self.has(Capability.LOGOUT) or self.system.authorization is not None:
            self.not_applicable("describe `oauth.withdraw`, or `logout`: the grant cannot be ended")
        for client in (browser, *winners):
            if self.system.took_logout(await client.logout()):
                return "the logout"
        return ""

    async def expect_none_live(self, winners: Iterable[Party], event: str) -> None:
        """Whatever came out of a race is dead after an event that ends the grant.

        Raises:
            Inconclusive: something lives, and there was no such event.
        """
        for winner in winners:
            live = await self.works(await self.present(winner))
            if not live and self.policy.access_revocation and self.system.authorization is None:
                judged = await winner.whoami()
                live = str(judged) if judged.accepted else ""
            if live and not event:
                self.inconclusive("nothing that came out of the race can log out", self.shown())
            if live:
                self.violation(f"no token of the race works after {event}", live, self.shown())
        await self.control_refresh(time.time())
