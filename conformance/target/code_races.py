"""A code that is redeemed while its user logs out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from conformance.lifecycle.linearizability import Event, Kind, Said
from conformance.target.back_channel import BackChannel
from conformance.target.renewal_races import HEAD_STARTS
from conformance.target.windows import Deed, Windows

if TYPE_CHECKING:
    from conformance.target.oauth_messages import Code, TokenAnswer
    from conformance.target.party import Party


class CodeRaces(Windows, BackChannel):
    """Verbs about redemptions that overlap a logout."""

    async def need_both_orders_to_end(self) -> None:
        """End the check where, one after the other, redemption and logout leave a live token in either order."""
        alice = await self.own_login("alice")
        first = await self.granted(alice)
        await self.expect_accepted(first)
        await self.log_out(alice)
        if await self.survives(first):
            self.not_applicable("a logout ends no access token: session.logout.replay speaks of that")
        again = await self.own_login("alice")
        code = await self.code(again)
        await self.log_out(again)
        answer = await self.redeem(code)
        if answer.granted and await self.survives(self.holder(again, answer)):
            self.not_applicable("a code that was issued before the logout works after it, so that no order can be told")

    async def redeem_while_logging_out(self) -> int:
        """A code's redemption and its user's logout, a little later each round, leave no live token; the rounds."""
        decided = 0
        for head_start in HEAD_STARTS:
            alice = await self.own_login("alice")
            code = await self.code(alice)
            answers: list[TokenAnswer] = []
            client = self.authorization.client_of(alice, alone=True)
            redeeming = Deed(client, partial(self._redeem, code, answers))
            _, ending = await self.at_once([redeeming, self.logging_out(alice)], [0.0, head_start])
            decided += ending.said is Said.DONE
            if ending.said is Said.DONE and answers and answers[0].granted:
                holder = self.holder(alice, answers[0])
                if await self.survives(holder):
                    told = f"a token that {client.label} got during the logout of its user is dead after it"
                    self.violation(told, f"it works; {self.exposure(holder)}", (*ending.exchanges, *self.log))
        return decided

    async def _redeem(self, code: Code, answers: list[TokenAnswer], client: Party) -> Event:
        told = f"{code.client} redeems the code while its user logs out"
        answers.append(await self.authorization.call(client, self.redemption(code), told))
        return Event(Kind.USE, told, Said.UNCLEAR)
