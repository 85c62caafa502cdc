"""Families of refresh tokens as checks speak of them: killed, played with, retried, aged, and asked for by others."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from conformance.attacks.crosssite import Forgery
from conformance.attacks.schedules import Schedule, Script
from conformance.target.acts import act_of, forge
from conformance.target.limits import past_grace
from conformance.target.mutation import AWAY
from conformance.target.oracle import unclear_reason
from conformance.target.party import Party
from conformance.target.renewal import Renewal
from conformance.target.renewal_values import RefreshValues
from conformance.target.stage import browser_of


class Families(RefreshValues):
    """Verbs about whole families."""

    # -- what is declared

    @property
    def declared_static(self) -> str:
        """The key by which the description admits that refresh tokens are not replaced, or nothing."""
        return "" if self.policy.rotation else "policy.rotation = false"

    @property
    def declared_lenient(self) -> str:
        """The key by which the description admits that reuse ends no family, or nothing."""
        return "" if self.policy.reuse_cascade else "policy.reuse_cascade = false"

    async def expect_another_token(self, party: Party, successor: Party) -> None:
        """A refresh replaced the refresh token; whether the old one still works is for others to judge."""
        if await self.refresh_token(successor) == await self.refresh_token(party):
            declared = f"; declared: {self.declared_static}" if self.declared_static else ""
            self.violation("a refresh replaces the refresh token", f"the same one goes on{declared}")

    def need_side_by_side(self) -> None:
        """Two sessions of one account must live at once.

        Raises:
            NotApplicable: they do not.
        """
        if not self.system.side_by_side:
            self.not_applicable("two logins of a user do not live side by side")

    # -- death

    async def expect_access_ended(self, party: Party, event: str) -> None:
        """An access token is refused from an event on, which ended its refresh token."""
        judged = await party.whoami()
        if judged.accepted:
            declared = f"; declared: {self.declared_stateless}" if self.declared_stateless else ""
            self.violation(f"{party.label} is refused from {event} on", f"{judged}{declared}", self.shown())
        if not judged.refused:
            self.inconclusive(f"whether {party.label} was refused after {event} is {judged}")
        await self.system.control(judged.exchange.sent_at)

    async def kill(self, family: Sequence[Party]) -> list[Party]:
        """End a family by a replay of its first token; those of it whose access tokens died with it.

        Raises:
            NotApplicable: the replay ends nothing.
        """
        await self.replay(family[0])
        if await self.works(await self.present(family[-1])):
            self.not_applicable("a replay ends no family here: refresh.reuse-revokes-active judges that")
        return [party for party in family if (await party.whoami()).refused]

    async def play(self, script: Script, family: Sequence[Party]) -> list[Party]:
        """Do what a script says to a family that is dead; whoever was given something by it."""
        between = family[len(family) // 2]
        presented = {"the first token": family[0], "a token in between": between, "the last token": family[-1]}
        given: list[Party] = []
        for event in script.events:
            if event in presented:
                renewal = await self.present(presented[event].stolen(f"a thief with {event}"))
                given += [renewal.party] if renewal.granted else []
            else:
                await self.own_login("alice")
        return given

    async def expect_still_dead(self, refresh: Iterable[Party], access: Iterable[Party], when: str) -> None:
        """None of these refreshes, none of those acts."""
        for party in refresh:
            if opened := await self.works(await self.present(party)):
                self.violation(
                    f"no refresh token of a dead family works {when}", f"{party.label} got {opened}", self.shown()
                )
        for party in access:
            if (judged := await party.whoami()).accepted:
                self.violation(
                    f"no access token of a dead family works {when}", f"{party.label} is {judged}", self.shown()
                )
        await self.control_refresh(time.time())

    # -- a lost answer

    async def retry(self, party: Party) -> list[Party]:
        """Present once more what was just spent, as a client that got no answer; whoever was given something."""
        renewal = await self.present(party.stolen(f"{party.label}, who got no answer"))
        if reason := unclear_reason(renewal.exchange):
            self.inconclusive(f"whether a retry gets new tokens is open: {reason}")
        return [renewal.party] if renewal.granted else []

    async def past_grace_since(self, spent_at: float) -> None:
        """Wait until what was spent at a moment (the target's time) is no longer honoured."""
        await self.clock.until(spent_at + past_grace(self.system))

    async def expect_one_live(self, parties: Sequence[Party], after: str) -> None:
        """Of several refresh tokens, the latest first, no more than one gives anything; the same one counts once."""
        carrier = await self.refresh_carrier()
        distinct = {party.secret(carrier): party for party in parties}
        live = [p for p in reversed(distinct.values()) if await self.works(await self.present(p))]
        if len(live) > 1:
            self.violation(f"at most one live refresh token after {after}", f"{len(live)} work")
        await self.control_refresh(time.time())

    def told_of_retry(self, given: Sequence[Party]) -> None:
        """Say how a retry was answered; advice where a grace is declared and none was given."""
        grace = self.policy.grace_seconds
        if grace and not given:
            self.advise(f"a retry within the declared grace of {grace:.0f} s is answered", "the client is refused")
        self.note = "a retry is answered, with one live token" if given else "a retry is refused"

    # -- age

    async def keep_refreshing(self, party: Party, until: float) -> Party:
        """Refresh often enough to meet no idle limit, until shortly before `until` (the target's time)."""
        start = self.clock.now()
        pause = min(0.75 * (self.policy.refresh_idle or until - start), (until - start) / 4)
        while self.clock.now() + pause < until:
            await self.clock.until(self.clock.now() + pause)
            party = await self.refreshed(party)
        return party

    async def replay(self, spent: Party) -> Renewal:
        """Present a spent refresh token, past its grace; what comes of it is for others to judge."""
        await self.past_grace()
        return await self.present(spent.stolen(f"a thief with a spent refresh token of {spent.label}"))

    # -- others

    async def login_again(self, user: Party) -> Party:
        """A second session of somebody, whom the description may not list."""
        return await (self.own_login(user.owner) if user.owner else self.login_with(user.facts))

    @property
    def can_enable(self) -> bool:
        """Whether the administrator can enable an account again."""
        return "enable" in self.system.description.admin

    def most_live(self, schedule: Schedule) -> int:
        """How many live refresh tokens a schedule may leave, in whatever order it is played."""
        if schedule.replays and self.policy.reuse_cascade:
            return 0
        return len(schedule.back) if self.policy.grace_seconds else 1

    # -- other sites

    async def need_refresh_cookie(self) -> None:
        """The refresh token must travel in a cookie.

        Raises:
            NotApplicable: a script sends it, which another site's cannot.
        """
        if (await self.refresh_carrier()).kind != "cookie":
            self.not_applicable(
                "the refresh token travels in no cookie, so that no other site can make a browser send it"
            )

    @property
    def cookie_verbs(self) -> list[str]:
        """What a cookie with a refresh token may be good for."""
        return [name for name in ("refresh", "logout") if getattr(self.system.description, name)]

    async def expect_family_untouched(self, party: Party, verb: str, forgery: Forgery) -> Party:
        """A forged request changes nothing for a family: its live token still refreshes; the party after that."""
        described = self.system.description.refresh if verb == "refresh" else self.system.description.logout
        if described is None:
            self.not_applicable(f"`{verb}` is the adapter's")
        act = await act_of(party, verb, described, f"{party.label} prepares the {verb}")
        browser, carrier = browser_of(party), await self.refresh_carrier()
        exchange = await forge(browser, act, forgery)
        answer = exchange.answer
        if answer is None or answer.status in AWAY:
            self.inconclusive(f"whether {forgery} would have an effect is open", (exchange,))
        browser.jar.store(answer.all("set-cookie"), exchange.request.url, self.clock.now())
        if verb == "refresh" and browser.secret(carrier) not in ("", party.secret(carrier)):
            self.violation(f"{forgery} causes no refresh", "the browser got another refresh token", (exchange,))
        renewal = await self.present(party)
        if not await self.works(renewal):
            await self.control_refresh(renewal.exchange.sent_at)
            actual = "afterwards the refresh token is dead"
            self.violation(f"{forgery} causes no {verb}", actual, (*party.history, exchange, renewal.exchange))
        return renewal.party
