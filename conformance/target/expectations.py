"""What a check expects of a party's credential. Every refusal is bracketed by a positive control."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.errors import Inconclusive
from conformance.explore import together
from conformance.model import Exchange
from conformance.target.oracle import Judgement, RouteOracle, server_error
from conformance.target.party import Party
from conformance.target.view import View

WAVE = 32
"""Attacks sent at once when a check tries many."""
BREAKS = (
    ": it breaks where it should refuse. Whoever catches every error of the verifier, and refuses, mends this for all "
    "checks with the same reason"
)
"""What stands behind a server error where a refusal was due; many checks may wait for that one repair."""


class Expectations(View):
    """Accepted, refused, logged out: or the check ends."""

    async def expect_accepted(self, party: Party, why: str = "a positive control") -> Judgement:
        """The credential works and names its owner, or the check is inconclusive."""
        judged = await party.whoami()
        if not judged.accepted:
            self.inconclusive(f"{why} failed: {party.label} is {judged}", (*party.history, judged.exchange))
        if party.principal is not None and judged.name != party.principal:
            reason = f"{why} failed: {party.label} should be {party.principal!r} but is {judged}"
            self.inconclusive(reason, (*party.history, judged.exchange))
        return judged

    async def expect_refused(self, party: Party, *, everywhere: bool = False) -> None:
        """The credential is refused while genuine ones are accepted; `everywhere` asks every protected route."""
        judged = await party.whoami()
        self._demand_refusal(party, judged, self.log)
        for route, oracle in self.system.routes if everywhere else ():
            self._demand_refusal(party, await self._on_route(party, route, oracle), self.log, route)
        await self.system.control(judged.exchange.sent_at, party.base)

    async def expect_all_refused(self, parties: Iterable[Party]) -> None:
        """Each credential is refused while genuine ones are accepted; sent in waves, the first success decides."""
        waiting = self._some(parties)
        unclear: Inconclusive | None = None
        for start in range(0, len(waiting), WAVE):
            wave = waiting[start : start + WAVE]
            answers = await together(party.whoami() for party in wave)
            for party, judged in zip(wave, answers, strict=True):
                try:
                    self._demand_refusal(party, judged, (judged.exchange,))
                except Inconclusive as stop:
                    unclear = unclear or stop
            since = max(a.exchange.sent_at for a in answers)
            for base in {p.base.secret(): p.base for p in wave if p.base}.values() or [None]:
                await self.system.control(since, base)
        if unclear:
            raise unclear

    async def expect_all_handled(self, parties: Iterable[Party]) -> None:
        """Each credential is refused, and none breaks the server: twice the same 5xx is a violation here."""
        found = self._some(parties)
        answers = await together(party.whoami() for party in found)
        for party, judged in zip(found, answers, strict=True):
            # Beside the others it may have broken of what they did: what is asked again is asked alone.
            broken = [judged.exchange]
            if server_error(broken):
                broken.append((await party.whoami()).exchange)
            await self.system.control(max(e.sent_at for e in (*(a.exchange for a in answers), *broken)), party.base)
            if server_error(broken):
                self.violation(f"{party.label} is refused", f"{judged.why}, twice", (*party.history, *broken))
            self._demand_refusal(party, judged, (judged.exchange,))

    async def expect_logged_out(self, party: Party) -> None:
        """Log a party out; the target must show that it understood, or the check is inconclusive.

        A success without any effect on the client counts as understood: whether the server did anything is what
        checks are about. A redirect or a 401 without any effect may be a refusal.
        """
        exchange = await party.logout()
        answer = exchange.answer
        if answer is None or not self.system.took_logout(exchange):
            self.inconclusive(f"logout answered {answer.status if answer else exchange.error}")
        if answer.status == 401 and (await party.whoami()).accepted:
            self.inconclusive("logout answered 401 and the client stays signed in: it may have been refused")
        if 300 <= answer.status < 400 and (await party.whoami()).accepted:
            where = answer.header("location")
            self.inconclusive(f"logout redirected to {where} and the client stays signed in: is `logout` right?")

    def _some(self, parties: Iterable[Party]) -> list[Party]:
        """The parties of an attack; without any, nothing was tried and nothing may be concluded."""
        found = list(parties)
        return found or self.inconclusive("the attack has no member on this target: nothing was tried")

    async def _on_route(self, party: Party, route: str, oracle: RouteOracle) -> Judgement:
        return oracle.judge(await party.visit(route, f"{party.label}: {route}"))

    def _demand_refusal(self, party: Party, judged: Judgement, shown: Iterable[Exchange], route: str = "") -> None:
        on = f" on {route}" if route else ""
        if judged.accepted:
            self.violation(f"{party.label} is refused{on}", f"{judged}{on}", (*party.history, *shown))
        if not judged.refused:
            why = BREAKS if server_error([judged.exchange]) else ""
            self.inconclusive(f"whether {party.label} was refused{on} is {judged}{why}", (*party.history, *shown))
