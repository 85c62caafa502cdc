"""Verbs about logging out: everywhere, twice, without a session."""

from __future__ import annotations

import math

from conformance.errors import DescriptionError
from conformance.model import Exchange
from conformance.target.expectations import Expectations
from conformance.target.oracle import server_error
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
        answers: list[Exchange] = []
        for _ in range(2):
            try:
                answers.append(await party.logout())
            except (StepFailedError, DescriptionError):
                # No page to log out from, or no token to name in the request: there is nothing that could break.
                return
            if answers[-1].answer and answers[-1].answer.status < 500:
                return
        await self.system.control(answers[-1].sent_at)
        if status := server_error(answers):
            self.violation(f"a logout by {party.label} does no harm", f"{status}, twice", answers)
        said = " and ".join(str(e.answer.status) if e.answer else str(e.error) for e in answers)
        self.inconclusive(f"a logout by {party.label} got {said}: a gateway, or a busy target", answers)
