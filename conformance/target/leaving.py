"""Verbs about logging out: everywhere, twice, without a session."""

from __future__ import annotations

import math

from conformance.target.expectations import Expectations
from conformance.target.party import Party
from conformance.target.verbs import StepFailedError


class Leaving(Expectations):
    """How sessions are ended on purpose."""

    async def log_out_everywhere(self, party: Party) -> None:
        """End every session of a party's account, or the check is inconclusive."""
        verb = self.system.description.logout_all
        exchange = await party.verb("logout_all", verb, f"{party.label} logs out everywhere")
        if exchange.answer is None or exchange.answer.status >= 400:
            status = exchange.answer.status if exchange.answer else exchange.error
            self.inconclusive(f"logout everywhere answered {status}")

    async def at_a_new_second(self, later: int = 1) -> None:
        """Wait until the target's clock has begun another second, the next one or a few later."""
        await self.clock.until(math.floor(self.clock.now()) + later + 0.05)

    async def expect_harmless_logout(self, party: Party) -> None:
        """A logout by someone who is not signed in: twice the same 5xx is a violation."""
        broken = []
        for _ in range(2):
            try:
                exchange = await party.logout()
            except StepFailedError:
                # No page to log out from: there is nothing that could break.
                return
            if exchange.answer is None or exchange.answer.status < 500:
                return
            broken.append(exchange)
        await self.system.control(broken[-1].sent_at)
        status = broken[-1].answer.status if broken[-1].answer else 0
        self.violation(f"a logout by {party.label} does no harm", f"{status}, twice", broken)
