"""Refresh tokens: presenting them, live and spent ones, and what came of it. Effects decide, never status codes.

A refresh spends what it presents, so every party here holds one generation: whoever refreshes becomes another party.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from itertools import takewhile

from conformance.attacks.jwt import parse
from conformance.model import Exchange
from conformance.target.authorization import take
from conformance.target.cast import cookies_set_at_login
from conformance.target.cookies import Jar
from conformance.target.endings import Endings
from conformance.target.grammar import Step, Verb
from conformance.target.leaving import Leaving
from conformance.target.limits import past_grace
from conformance.target.oracle import unclear_reason
from conformance.target.party import Carrier, Party
from conformance.target.samples import Sampling
from conformance.target.templates import extract, mentions
from conformance.target.verbs import NotTakenError, StepFailedError

BEGINNING, END = 4, 8
"""Exchanges that are shown of a long story."""
NO_REFRESH = "no refresh token: `refresh` does not use {refresh}, and the login sets no such cookie"
ITSELF = "; where the access token itself is renewed, take it as `refresh` too, and show it as {refresh}"
NOT_REPLACED = "the refresh token is not replaced at its use: refresh.rotation judges that"


@dataclass(slots=True)
class Renewal:
    """One presentation of a refresh token."""

    party: Party
    """Who presented it, with whatever came back; after a look at whether that works, with what came of the look."""
    exchange: Exchange = field(repr=False)
    granted: bool
    """The answer looks like a success; whether it is one, what came with it shows."""


class Renewing(Endings, Sampling, Leaving):
    """Verbs about refresh tokens."""

    # -- where it travels

    async def refresh_carrier(self) -> Carrier:
        """What holds the refresh token: a token of the login, or a cookie beside those that authenticate.

        Raises:
            NotApplicable: neither the verb names one nor does the login set such a cookie.
        """
        learned = self.system.learned
        if learned.refresh_carrier is None:
            learned.refresh_carrier = await self._find_carrier()
        return learned.refresh_carrier

    async def _find_carrier(self) -> Carrier:
        verb, party = self.system.description.refresh, self.system.any_shared()
        if "refresh" in party.tokens or (verb and _mentioned(verb, "refresh")):
            return Carrier("token", "refresh")
        own = {c.name for c in self.system.carriers}
        names = [name for name in dict.fromkeys(n for n, _ in party.jar.as_pairs()) if name not in own]
        if len(names) > 1:
            return Carrier("cookie", await self._refreshing_cookie(names))
        if not names:
            self.not_applicable(NO_REFRESH + (ITSELF if verb and _mentioned(verb, "access") else ""))
        return Carrier("cookie", names[0])

    async def _refreshing_cookie(self, names: list[str]) -> str:
        """Of several cookies the one that refreshes alone, else the one without which no refresh is granted.

        Where two must be there, one is the half of a double submit that scripts read: the other is hidden from them.
        """
        alice = await self.own_login("alice")
        for name in names:
            alone = alice.stolen(f"alice with the {name} cookie alone")
            alone.jar.discard(*(other for other in names if other != name))
            if (await self._presented(alone, alone.jar.get(name) or "", Carrier("cookie", name))).granted:
                return name
        hidden = {cookie.name for cookie in cookies_set_at_login(alice) if cookie.httponly}
        for name in sorted(names, key=lambda name: name not in hidden):
            without, kept = await self.own_login("alice"), next(other for other in names if other != name)
            without.jar.discard(name)
            if not (await self._presented(without, without.jar.get(kept) or "", Carrier("cookie", kept))).granted:
                return name
        return self.inconclusive("no cookie is needed for a refresh: which one holds the token is open")

    async def refresh_token(self, party: Party) -> str:
        """The refresh token that a party holds.

        Raises:
            NotApplicable: it holds none.
        """
        carrier = await self.refresh_carrier()
        return party.secret(carrier) or self.not_applicable(f"{party.label} holds no refresh token: is `take` right?")

    def shown(self) -> list[Exchange]:
        """How it began and how it ended, of a check that refreshed many times in between."""
        told = list(self.log)
        return told if len(told) <= BEGINNING + END else [*told[:BEGINNING], *told[-END:]]

    # -- one presentation

    async def send_refresh(self, party: Party, token: str, **changes: str) -> Exchange:
        """Send one refresh request with a token; what comes back is kept by the party.

        The one place from which refresh requests leave the kit. A token that is missing from the answer is no error
        here: an answer without one may be a refusal, and a server need not replace what it was shown.

        Raises:
            StepFailedError: the verb could not be performed as described.
        """
        verb, server = self.system.description.refresh, self.system.authorization
        if verb is None and server is not None:
            client = party.client or server.default_client
            alone = replace(party, jar=Jar(), tokens={})
            answer = await server.call(alone, server.refreshing(client, token), f"{party.label} refreshes")
            take(party, answer)
            return answer.exchange
        try:
            exchange = await party.verb(
                "refresh", _without_refresh(verb), f"{party.label} refreshes", **{"refresh": token, **changes}
            )
        except NotTakenError as missing:
            exchange = missing.evidence[0]
        except StepFailedError as stop:
            if not stop.evidence or stop.evidence[-1].answer is not None:
                raise
            exchange = stop.evidence[-1]
        source = verb.steps[-1].take.get("refresh") if verb else None
        if source and exchange.answer and (new := extract(source, exchange.answer, dict(party.jar.as_pairs()))):
            party.tokens["refresh"] = new
            party.learn("refresh token", new)
        return exchange

    async def present(self, party: Party, value: str | None = None, start: asyncio.Event | None = None) -> Renewal:
        """Present a party's refresh token, or another value in its place, and keep what comes back."""
        token = await self.refresh_token(party) if value is None else value
        return await self._presented(party, token, await self.refresh_carrier(), start)

    async def _presented(
        self, party: Party, token: str, carrier: Carrier, start: asyncio.Event | None = None
    ) -> Renewal:
        """The refresh token is shown alone: an access token beside it could be what opens the door."""
        client = replace(
            party, jar=party.jar.copy(), tokens={}, replays=False, base=None, history=(), start=start,
            facts={**party.facts, **party.tokens},
        )  # fmt: skip
        for other in self.cookies:
            if other != carrier:
                client.jar.discard(other.name)
        if carrier.kind == "cookie":
            _place(client, carrier.name, token)
        exchange = await self.send_refresh(client, token)
        answer = exchange.answer
        gave = bool(client.tokens) or (answer is not None and bool(answer.all("set-cookie")))
        client.tokens = {**({"refresh": token} if carrier.kind == "token" else {}), **client.tokens}
        client.facts, client.start, client.history = party.facts, None, (exchange,)
        client.issued_at = self.clock.now()
        clear = unclear_reason(exchange) is None
        return Renewal(client, exchange, clear and answer is not None and answer.status < 400 and gave)

    async def works(self, renewal: Renewal) -> str:
        """What a presentation opened, in words; empty where it was refused, or gave nothing that works.

        Raises:
            Inconclusive: the answer is unclear.
        """
        if reason := unclear_reason(renewal.exchange):
            self.inconclusive(f"whether {renewal.party.label} gets new tokens is open: {reason}")
        if not renewal.granted:
            return ""
        judged = await renewal.party.whoami()
        if judged.accepted:
            return f"a new access token, {judged}"
        if not judged.refused:
            self.inconclusive(f"whether what {renewal.party.label} was given works is {judged}")
        if not renewal.party.secret(await self.refresh_carrier()):
            return ""
        again = await self.present(renewal.party)
        if not again.granted:
            return ""
        renewal.party = again.party
        return "a new refresh token, which works" if (await again.party.whoami()).accepted else ""

    # -- who refreshes

    async def refreshed(self, party: Party) -> Party:
        """The same client after a refresh, which works; the party that went in holds what was spent.

        Raises:
            Inconclusive: the refresh does not work.
        """
        await self._mind_the_second(party)
        renewal = await self.present(party)
        judged = await renewal.party.whoami() if renewal.granted else None
        if judged is None or not judged.accepted:
            answer = renewal.exchange.answer
            said = judged or (answer.status if answer else renewal.exchange.error)
            self.inconclusive(f"the positive control failed: a genuine refresh of {party.label} gave {said}")
        return renewal.party

    async def rotated(self, party: Party) -> Party:
        """The same client after a refresh that replaced its refresh token.

        Raises:
            NotApplicable: it was not replaced.
        """
        successor = await self.refreshed(party)
        if await self.refresh_token(successor) == await self.refresh_token(party):
            self.not_applicable(NOT_REPLACED)
        return successor

    async def chain(self, party: Party, depth: int) -> list[Party]:
        """A client and the generations that follow it; only the last one holds a live refresh token."""
        generations = [party]
        for _ in range(depth):
            generations.append(await self.rotated(generations[-1]))
        return generations

    async def _mind_the_second(self, party: Party) -> None:
        """Two signed tokens of one second may be identical bytes: wait for another one."""
        token = parse(await self.refresh_token(party))
        if token and "jti" not in token.claims:
            await self.at_a_new_second()

    async def past_grace(self) -> None:
        """Wait until what was spent so far is no longer honoured."""
        if wait := past_grace(self.system):
            await self.clock.until(self.clock.now() + wait)

    # -- expectations

    async def expect_no_renewal(
        self, party: Party, when: str, declared: str = "", value: str | None = None, *, nor_signed: bool = False
    ) -> Party:
        """A refresh token gives nothing that works, while a genuine one does; the party with what it was given.

        With `nor_signed` it gives no new JWT either, though the target itself would refuse that.
        """
        renewal = await self.present(party, value)
        if opened := await self.works(renewal):
            actual = opened + (f"; declared: {declared}" if declared else "")
            self.violation(f"{party.label} gets no new token {when}", actual, self.shown())
        if nor_signed and (signed := self._signed_anew(party, renewal)):
            shown = [*takewhile(lambda exchange: exchange is not renewal.exchange, self.log), renewal.exchange]
            self.violation(f"{party.label} gets no new token {when}", signed, shown)
        await self.control_refresh(renewal.exchange.sent_at)
        return renewal.party

    def _signed_anew(self, party: Party, renewal: Renewal) -> str:
        for carrier in self.system.carriers if renewal.granted else ():
            token = renewal.party.secret(carrier)
            if token != party.secret(carrier) and parse(token):
                return "a new signed access token, which every service takes that only verifies it"
        return ""

    async def expect_renewal(self, party: Party, when: str) -> Party:
        """A refresh token that something was none of the business of still works; the party after the refresh."""
        renewal = await self.present(party)
        if not await self.works(renewal):
            await self.control_refresh(renewal.exchange.sent_at)
            answer = renewal.exchange.answer
            actual = f"refused with {answer.status if answer else ''}"
            self.violation(f"{party.label} still refreshes {when}", actual, self.shown())
        return renewal.party

    async def control_refresh(self, since: float) -> None:
        """Prove that a genuine refresh works that began after `since`, in the kit's seconds; checks share the proof.

        Raises:
            Inconclusive: not even a fresh login can refresh.
        """
        learned = self.system.learned
        async with learned.refresh_control:
            if learned.refresh_proven < since:
                began, accounts = time.time(), self.system.accounts
                # Where a login ends the one before, it must not be that of the account under attack.
                other = accounts[0] if self.system.side_by_side else accounts[-1]
                fresh = await self.system.login(other, self.system.log)
                await self.refreshed(fresh)
                learned.refresh_proven = began


def _mentioned(verb: Verb, word: str) -> bool:
    return mentions([_spoken(step) for step in verb.steps], word)


def _spoken(step: Step) -> list[object]:
    return [step.send, step.json_, step.form, step.headers, step.query, step.fill]


def _without_refresh(verb: Verb | None) -> Verb | None:
    """The verb without the demand for a new refresh token, which a server may leave out (RFC 6749 section 6)."""
    if verb is None or "refresh" not in verb.steps[-1].take:
        return verb
    kept = {name: source for name, source in verb.steps[-1].take.items() if name != "refresh"}
    return Verb(steps=[*verb.steps[:-1], verb.steps[-1].model_copy(update={"take": kept})])


def _place(client: Party, name: str, value: str) -> None:
    """Put a value into a cookie of the client, which keeps its domain and path."""
    if client.jar.get(name) is None:
        client.jar.put(name, value, client.home or client.system.base_url)
    client.jar = Jar(replace(cookie, value=value) if cookie.name == name else cookie for cookie in client.jar)
