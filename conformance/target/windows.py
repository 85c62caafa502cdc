"""Windows: a few acts that set out together on warm connections, and the demand that some order of them explains all.

What a login or a refresh gave is asked afterwards: whether it worked, its use shows, not the status of its answer.
Those that are known to matter stand in `conformance.target.known_windows`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

import httpx

from conformance.lifecycle.linearizability import MOST, Event, Kind, Promises, Said, State, contradiction, unknown
from conformance.model import Capability, Exchange
from conformance.target.crowds import Crowding
from conformance.target.grammar import Verb
from conformance.target.oracle import unclear_reason
from conformance.target.party import SAFE, Party
from conformance.target.races import Line, Runner, track_of
from conformance.target.renewal_races import HEAD_STARTS, RenewalRaces
from conformance.target.sender import Sender
from conformance.target.verbs import StepFailedError
from conformance.target.wire import Log


@dataclass(frozen=True)
class Deed:
    """What one client of a window does."""

    client: Party
    perform: Callable[[Party], Awaitable[Event]]
    """Does it as this client; the instants are filled in by whoever starts it."""


@dataclass
class Starter(Runner):
    """A runner that sets out a little after the others."""

    delay: float = 0.0
    """Seconds after the common start."""

    async def wait(self) -> None:
        """Wait until all have sent everything but the last byte, and then for the delay."""
        first = not self.raced
        await super().wait()
        await asyncio.sleep(self.delay if first else 0)


class Windows(Crowding, RenewalRaces):
    """Verbs about acts that overlap."""

    # -- what may be done in a window

    def using(self, party: Party) -> Deed:
        """Ask who a party is."""
        return Deed(party, self._use)

    def logging_out(self, party: Party) -> Deed:
        """Log a party out."""
        return Deed(party, self._log_out)

    def logging_in(self, client: Party, user: str) -> Deed:
        """Log a client in with the password of its account; `user` is the name that the target gives it."""
        return Deed(client, partial(self._log_in, user))

    def refreshing(self, party: Party) -> Deed:
        """Present a party's refresh token."""
        return Deed(party, self._refresh)

    def changing_password(self, party: Party, new: str) -> Deed:
        """Give a party's account a new password."""
        return Deed(party, partial(self._change, new))

    # -- a window

    async def at_once(
        self, deeds: Sequence[Deed], delays: Sequence[float] = (), *, surely: bool = True
    ) -> list[Event]:  # fmt: skip
        """Do all this, started together on warm connections: the last byte of each change goes when all others' do.

        `delays` are seconds after the common start, in the order of the deeds. Not `surely`: sent at once will do,
        though nothing holds the last byte, as by an adapter.

        Raises:
            Inconclusive: they did not overlap.
        """
        lines = (Line(len(deeds)), Line(len(deeds)))
        runners = [Starter(lines, delay=delay) for _, delay in zip_longest(deeds, delays, fillvalue=0.0)]
        async with track_of(self.system):
            events = await asyncio.gather(*map(self._race, deeds, runners))
        if surely and (raced := sum(runner.raced for runner in runners)) < min(2, len(deeds)):
            self.inconclusive(f"{raced} of {len(deeds)} acts set out together")
        return events

    async def before(self, ending: Deed, deeds: Sequence[Deed]) -> list[Event]:
        """Do what ends something a moment after the others: nobody knows how far they have to be to be overlooked."""
        return await self.at_once([*deeds, ending], [0.0] * len(deeds) + [self.rng.choice(HEAD_STARTS)])

    async def alone(self, deed: Deed) -> float:
        """Seconds that an act takes while nothing else goes on."""
        (event,) = await self.at_once([deed])
        return max((exchange.seconds for exchange in event.exchanges), default=0.0)

    async def _race(self, deed: Deed, runner: Runner) -> Event:
        racer = replace(deed.client, hold=runner, racing=True)
        try:
            if isinstance(racer.lane, Sender):
                await racer.lane.warm(httpx.URL(racer.home or self.system.base_url))
            return await self.recorded(racer, deed.perform)
        finally:
            deed.client.tokens, deed.client.jar = racer.tokens, racer.jar
            runner.done()

    async def used(self, parties: Iterable[Party]) -> list[Event]:
        """What each of these is told when it asks who it is, one after the other."""
        return [await self.recorded(party, self._use) for party in parties]

    async def refreshed_in_turn(self, parties: Iterable[Party]) -> list[Event]:
        """Each of these presents its refresh token, one after the other; done means that what came back works."""
        return [await self.recorded(party, self._refresh_and_look) for party in parties]

    async def recorded(self, party: Party, perform: Callable[[Party], Awaitable[Event]]) -> Event:
        """Do something, and note when, and what was sent for it."""
        own = party.in_log(Log(self.log.add))
        began = time.perf_counter()
        event = await perform(own)
        party.tokens, party.jar = own.tokens, own.jar
        return replace(event, sent=began, received=time.perf_counter(), exchanges=tuple(own.log))

    # -- the verdict

    async def held(self, *parties: Party) -> State:
        """The model of what lives at the start: the logins of these parties, each with all that it holds."""
        state = State()
        for party in parties:
            values, user = await self.values(party), party.principal or ""
            passwords = state.passwords | {(user, self.system.words(party).get("password", ""))}
            state = replace(state.giving(values, user, "+".join(values)), passwords=passwords)
        return state

    async def values(self, party: Party) -> tuple[str, ...]:
        """Every credential that a party holds."""
        carriers = [*self.system.carriers, *([await self.refresh_carrier()] if self.has(Capability.REFRESH) else [])]
        return tuple(dict.fromkeys(value for carrier in carriers if (value := party.secret(carrier))))

    async def _new(self, party: Party, before: Sequence[str]) -> tuple[str, ...]:
        return tuple(value for value in await self.values(party) if value not in before)

    @property
    def promises(self) -> Promises:
        """What the target has declared or shown of itself."""
        policy = self.policy
        return Promises(
            "all" if self.system.logout_ends_others else policy.logout_ends, self.system.login_ends_others,
            policy.password_change_ends, policy.rotation, bool(policy.grace_seconds), policy.reuse_cascade,
        )  # fmt: skip

    async def expect_explained(
        self, events: Sequence[Event], start: State, what: str, *, refusals: bool = True
    ) -> None:  # fmt: skip
        """Some order of these acts, in keeping with real time, explains all answers; without `refusals`, the others.

        Raises:
            Inconclusive: only a refusal is left without a reason.
        """
        told = [unknown(e) if e.said is Said.REFUSED and not refusals else e for e in events]
        found = contradiction([_named(event, start) for event in told], start, self.promises)
        if found is None:
            return
        shown = [exchange for event in found.events for exchange in event.exchanges]
        if not found.sure:
            self.inconclusive(f"{what}: refused without a reason that the kit knows ({found})", shown)
        # What was accepted stays accepted: nothing of the moment explains it, so that it need not come again.
        self.violation(
            f"{what}: some order of the acts explains all answers", f"none does: {found}", shown, proven=True
        )

    @property
    def window(self) -> int:
        """How many acts set out together."""
        return min(MOST, self.runners)

    # -- the acts

    async def _use(self, party: Party) -> Event:
        if party.hold:
            await party.hold.line_up()
            await party.hold.wait()
        # Some targets write the session anew into every answer: what was shown is what was held before.
        shown, before = party.secret(), await self.values(party)
        judged = await party.whoami()
        said = Said.DONE if judged.accepted else Said.REFUSED if judged.refused else Said.UNCLEAR
        label, given = f"{party.label} asks who it is", await self._new(party, before) if judged.accepted else ()
        return Event(Kind.USE, label, said, shown=shown, given=given, user=judged.name or "")

    async def _log_out(self, party: Party) -> Event:
        if party.hold and _only_reads(self.system.description.logout):
            await party.hold.line_up()
            await party.hold.wait()
        shown, exchange = party.secret(), await _last(party.logout())
        # A success that nothing shows is no refusal, either.
        said = Said.DONE if exchange and self.system.took_logout(exchange) else _refused(exchange, 400)
        return Event(Kind.LOGOUT, f"{party.label} logs out", said, shown=shown)

    async def _log_in(self, user: str, party: Party) -> Event:
        self.system.logins += 1
        label, password = f"{party.label} logs in", self.system.words(party).get("password", "")
        await _last(party.verb("login", self.system.description.login, label))
        # A session from before that goes on as the user's is theirs, too: session.issue.rotate-at-login judges that.
        given = await self.values(party)
        # Whether it worked, the use of what it gave shows.
        return Event(Kind.LOGIN, label, Said.UNCLEAR, given=given, user=user, password=password)

    async def _refresh(self, party: Party) -> Event:
        shown, before = party.secret(await self.refresh_carrier()), await self.values(party)
        renewal = await self.present(party)
        party.tokens, party.jar = {**party.tokens, **renewal.party.tokens}, renewal.party.jar
        given = await self._new(party, before) if renewal.granted else ()
        # The same here.
        said = Said.UNCLEAR if renewal.granted else _refused(renewal.exchange)
        return Event(Kind.REFRESH, f"{party.label} refreshes", said, shown=shown, given=given)

    async def _refresh_and_look(self, party: Party) -> Event:
        shown, before = party.secret(await self.refresh_carrier()), await self.values(party)
        renewal = await self.present(party)
        said = Said.DONE if await self.works(renewal) else _refused(renewal.exchange)
        label, given = f"{party.label} refreshes afterwards", await self._new(renewal.party, before)
        return Event(Kind.REFRESH, label, said, shown=shown, given=given)

    async def _change(self, new: str, party: Party) -> Event:
        shown, before = party.secret(), await self.values(party)
        verb, label = self.system.description.change_password, f"{party.label} changes the password"
        exchange = await _last(party.verb("change_password", verb, label, new_password=new))
        given = await self._new(party, before)
        return Event(Kind.NEW_PASSWORD, label, _said(exchange), shown=shown, given=given, password=new)


def _named(event: Event, start: State) -> Event:
    """The same, where a use names nobody whom the window knows: some products give each login a name of its own."""
    users = {one.user for one in start.held} | {user for user, _ in start.passwords}
    return event if event.kind is not Kind.USE or event.user in users else replace(event, user="")


async def _last(act: Awaitable[Exchange]) -> Exchange | None:
    """The last exchange of a verb, also of one that could not be done to its end."""
    try:
        return await act
    except StepFailedError as stop:
        return stop.evidence[-1] if stop.evidence else None


def _only_reads(verb: Verb | None) -> bool:
    """Whether no request of a verb is one that a race would hold back."""
    return verb is not None and all((step.send or "POST").split()[0].upper() in SAFE for step in verb.steps)


def _said(exchange: Exchange | None) -> Said:
    answer = exchange.answer if exchange else None
    return Said.DONE if answer and answer.status < 400 else _refused(exchange)


def _refused(exchange: Exchange | None, least: int = 0) -> Said:
    """Refused, whatever the status from the least on is, unless the answer is of the moment."""
    if exchange is None or exchange.answer is None or unclear_reason(exchange) or exchange.answer.status < least:
        return Said.UNCLEAR
    return Said.REFUSED
