"""What a user writes, and how big the cookies grow by it."""

from __future__ import annotations

from conformance.model import Exchange
from conformance.target.answer_rules import set_cookies
from conformance.target.mutation import Mutations
from conformance.target.oracle import unclear_reason
from conformance.target.set_cookie import BROWSER_PAIR_LIMIT
from conformance.target.stage import change_state, fresh_value

LONG = (5000, 4090)
"""Characters of a text that no cookie may hold whole beside its name; the shorter one where the longer is refused."""


class CookieSize(Mutations):
    """Verbs about cookies that users can make grow."""

    async def expect_cookies_stay_small(self) -> None:
        """A long text that a user writes makes no cookie bigger than browsers keep; then the state is put back."""
        stage = self.system.stage
        async with stage.open(), stage.alone() as victim:
            stage.stale()
            party = victim.party.in_log(self.log).stolen("a browser of the user, who writes a long text")
            for size in LONG:
                written = await change_state(party, fresh_value().ljust(size, "x"))
                if written.answer is None or written.answer.status < 400:
                    break
            shown = [written, (await party.whoami()).exchange]
        for exchange in shown:
            self._demand_small(exchange)
        if reason := unclear_reason(written):
            self.inconclusive(f"whether a long text is taken is open: {reason}", shown)
        refused = written.answer is not None and written.answer.status >= 400
        self.note = f"a text of {size} characters is {'refused' if refused else 'taken, and stands in no cookie'}"

    def _demand_small(self, exchange: Exchange) -> None:
        for cookie in set_cookies(exchange):
            size = len(cookie.name) + len(cookie.value)
            if size > BROWSER_PAIR_LIMIT:
                told = f"the cookie {cookie.name} has {size} bytes, and browsers drop it"
                self.violation(f"no cookie is bigger than {BROWSER_PAIR_LIMIT} bytes", told, [exchange])
