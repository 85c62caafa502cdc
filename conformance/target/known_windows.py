"""The windows that are known to matter: what a server that does one thing at a time need not think of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from conformance.lifecycle.linearizability import Event, Said, State
from conformance.model import Exchange
from conformance.target.party import Party
from conformance.target.races import Line, track_of
from conformance.target.renewal_races import HEAD_STARTS
from conformance.target.windows import Windows

USES = 40
"""Requests that a busy client makes at most while it waits for a logout."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long acts take alone, in seconds."""

    login: float = 0.0
    change: float = 0.0

    def delays(self, parts: Sequence[float]) -> list[float]:
        """When a password change and some logins must start for its end to fall into these parts of the logins.

        A login reads the password's hash at its beginning and issues a session at its end; what a change does shows
        at its own end.
        """
        starts = [0.0, *(self.change - part * self.login for part in parts)]
        return [start - min(starts) for start in starts]


class KnownWindows(Windows):
    """Verbs about acts that overlap, of which one ends what the others want to go on."""

    pace = Pace()
    """Of logins and password changes, once they were measured."""

    # -- logout and login

    async def logout_against_uses(self, alice: Party) -> Event:
        """A session is used while it is logged out, and afterwards: once the logout is answered, it is over.

        Returns the logout.
        """
        start, thieves = await self.held(alice), [alice.stolen() for _ in range(self.window - 1)]
        events = await self.before(self.logging_out(alice), [*map(self.using, thieves)])
        await self.expect_explained([*events, *await self.used(thieves)], start, "a logout beside uses")
        return events[-1]

    async def log_out_amid(self, alice: Party, thieves: Sequence[Party]) -> tuple[Exchange, ...]:
        """Log alice out while others use her session without a pause; returns what she sent.

        Each of them asks once more as soon as the logout is answered, when a late end shows best.

        Raises:
            Inconclusive: the logout was refused.
        """
        start = await self.held(alice)
        logout, uses = await self.amid(thieves, lambda: self.recorded(alice, self._log_out))
        if logout.said is not Said.DONE:
            self.inconclusive(f"{logout}", logout.exchanges)
        for accepted in ([use for use in own if use.said is Said.DONE] for own in uses):
            # What was refused in the crowd may have been for the crowd's sake.
            await self.expect_explained([logout, *accepted[-1:]], start, "a logout beside uses")
        return logout.exchanges

    async def amid(self, thieves: Sequence[Party], act: Callable[[], Awaitable[T]]) -> tuple[T, list[list[Event]]]:
        """What an act gave while others used a session or token without a pause, and what each of them got."""
        over, line = asyncio.Event(), Line(len(thieves))
        async with track_of(self.system):
            using = [asyncio.create_task(self._use_until(over, line, thief)) for thief in thieves]
            try:
                await line.gun.wait()
                given = await act()
            finally:
                over.set()
                uses = await asyncio.gather(*using)
        return given, uses

    async def _use_until(self, over: asyncio.Event, line: Line, party: Party) -> list[Event]:
        """Ask again and again, tell after the first answer, and ask once more when it is over."""
        racer, found = replace(party, racing=True), []
        for at in range(USES):
            last = over.is_set()
            found.append(await self.recorded(racer, self._use))
            if at == 0:
                line.arrive()
            if last:
                return found
        await over.wait()
        return [*found, await self.recorded(racer, self._use)]

    async def logout_against_refresh(self, alice: Party, head_start: float | None = None) -> Event:
        """A session is refreshed while it is logged out: nothing of it works afterwards, old or new.

        Returns the logout; where it was refused, nothing is claimed. One refresh alone: a second one would be a replay,
        which ends the family for another reason.
        """
        start, thief, first = await self.held(alice), alice.stolen(), alice.stolen()
        delay = self.rng.choice(HEAD_STARTS) if head_start is None else head_start
        events = await self.at_once([self.refreshing(thief), self.logging_out(alice)], [0.0, delay], surely=False)
        if events[-1].said is Said.DONE:
            used = await self.used([thief]) if self.policy.access_revocation else []
            carrier = await self.refresh_carrier()
            after = [*used, *await self.refreshed_in_turn(p for p in (thief, first) if p.secret(carrier))]
            await self.expect_explained([*events, *after], start, "a logout beside a refresh", refusals=False)
        return events[-1]

    async def expect_logout_to_win(self, alice: Party, head_start: float) -> bool:
        """Nothing is left of a session when a refresh overlaps its logout; False when that was refused."""
        logout = await self.logout_against_refresh(alice, head_start)
        if logout.said is Said.DONE:
            await self.control_refresh(max(exchange.sent_at for exchange in logout.exchanges))
        return logout.said is Said.DONE

    async def refreshes_against_each_other(self, alice: Party, times: int = 0) -> None:
        """One refresh token is presented more than once at the same moment: its family does not fork.

        Several callers may be given one shared successor. Within a declared grace each may be given one of its own;
        then all of them are one family, which a replay past the grace ends.

        Raises:
            Inconclusive: no call was answered with tokens.
        """
        start, callers = await self.held(alice), [alice.stolen() for _ in range(times or self.window)]
        carrier, grace = await self.refresh_carrier(), self.policy.grace_seconds
        events = await self.at_once([*map(self.refreshing, callers)], surely=False)
        successors = {new: each for each in callers if (new := each.secret(carrier)) not in ("", alice.secret(carrier))}
        if not successors:
            self.inconclusive("no call of the race was answered with tokens")
        if grace and not self.policy.reuse_cascade:
            return
        if grace:
            await self.replay(alice)
            start, events = State(), []
        after = await self._alive(successors.values(), 1 if grace else 2)
        what = "refreshes beside each other" + (", and a replay past the grace" if grace else "")
        await self.expect_explained([*events, *after], start, what, refusals=False)

    async def _alive(self, parties: Iterable[Party], most: int) -> list[Event]:
        """Refreshes that still work, of these parties in turn, until there are so many of them."""
        found: list[Event] = []
        for party in parties:
            found += [event for event in await self.refreshed_in_turn([party]) if event.said is Said.DONE]
            if len(found) == most:
                break
        return found

    async def logins_against_each_other(self, visitor: Party, *accounts: str) -> list[Event]:
        """Users log in over one visitor's session at the same moment: each is itself, or nobody.

        Returns what each is told afterwards.
        """
        clients = self.over_one_visit(visitor, *accounts)
        names = {name: (await self.system.shared_login(self.known(name))).principal or "" for name in accounts}
        passwords = frozenset((names[name], self.account(name).password) for name in accounts)
        deeds = [self.logging_in(client, names[name]) for client, name in zip(clients, accounts, strict=True)]
        logins, uses = await self.at_once(deeds), await self.used(clients)
        # A login that gave something that works was done.
        events = [
            replace(login, said=use.said) if use.said is Said.DONE else login
            for login, use in zip(logins, uses, strict=True)
        ]
        what = "logins beside each other"
        await self.expect_explained([*events, *uses], State(passwords=passwords), what, refusals=False)
        return uses

    def need_some(self, uses: Sequence[Event]) -> None:
        """End the check where none of these was accepted, or one is not understood."""
        shown = [exchange for use in uses for exchange in use.exchanges]
        if unclear := next((use for use in uses if use.said is Said.UNCLEAR), None):
            self.inconclusive(f"{unclear}", shown)
        if not any(use.said is Said.DONE for use in uses):
            self.inconclusive("no login over the shared visit worked", shown)

    # -- a new password

    async def password_against_logins(self, user: Party) -> Party:
        """A password is changed while others log in with the old one: none of their sessions outlives the change.

        Returns a new login of the user; where the account is shared, under the password that it had.
        """
        name, new, start = user.principal or "", self.new_password(user), await self.held(user)
        clients = [self._client(user, lane=True) for _ in range(self.window - 1)]
        deeds = [self.changing_password(user, new), *(self.logging_in(client, name) for client in clients)]
        events = await self.at_once(deeds, self.pace.delays([self.rng.random() for _ in clients]))
        after = await self.used(clients)
        user = await self._settled(user, new)
        await self.expect_explained([*events, *after], start, "a new password beside logins with the old one")
        return user

    async def need_effective_change(self, user: Party) -> Party:
        """End the check where a password change does not even end a session that nothing else goes on in.

        Returns a new login of the user.
        """
        if self.system.login_ends_others:
            self.not_applicable(self.system.why_alone)
        thief = (await self.second_login(user)).stolen()
        await self.expect_accepted(thief)
        client, new = self._client(user, lane=True), self.new_password(user)
        login = await self.alone(self.logging_in(client, user.principal or ""))
        self.pace = Pace(login, await self.alone(self.changing_password(user, new)))
        user = await self._settled(user, new)
        if await self.survives(thief):
            self.not_applicable("a new password does not end other sessions: session.pwchange.others speaks of that")
        return user

    async def _settled(self, user: Party, new: str) -> Party:
        """A new login of a user whose password was changed; an account of the description gets its own back.

        Raises:
            Inconclusive: the change had no effect.
        """
        proof = await self.login_judged(user, new)
        await self._restore_password(user, new)
        if not proof.accepted:
            self.inconclusive(f"the password was changed, and a login with the new one is {proof}")
        return await self.second_login(user if user.owner else replace(user, facts={**user.facts, "password": new}))
