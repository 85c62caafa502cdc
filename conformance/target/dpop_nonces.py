"""Nonces that a server gives for proofs (RFC 9449 sections 8 and 9): whether they are demanded, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conformance.attacks.dpop_nonces import foreseeable
from conformance.attacks.dpop_proofs import Variation, with_nonce
from conformance.target.dpop import Possession
from conformance.target.dpop_proofs import asks_for_nonce, nonce_in
from conformance.target.ids import flipped
from conformance.target.oauth_messages import UNISSUED, TokenRequest

if TYPE_CHECKING:
    from conformance.model import Exchange
    from conformance.target.party import Party

SAMPLE = 16
"""Nonces that are asked for in each place."""
TOKEN_ENDPOINT = "the token endpoint"  # noqa: S105
NO_NONCE = with_nonce(None, "a proof without a nonce")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a place said to a sound proof without a nonce."""

    place: str
    demanded: bool
    """It refused the proof, and asked for a nonce."""
    nonce: str = field(repr=False)
    """What it gave, or an empty string."""


class Nonces(Possession):
    """What comes of proofs with and without the nonce that a server gives."""

    async def without_nonce(self, browser: Party, bound: Party) -> list[Asked]:
        """How the token endpoint, and the protected resource if it knows proofs, meet sound proofs without a nonce."""
        answer = await self.redeem_with(await self.code(browser), self.key().writing(NO_NONCE))
        seen = {TOKEN_ENDPOINT: answer.exchange}
        if await self.api_knows_proofs(bound):
            seen["the protected resource"] = (await self.proving(bound, NO_NONCE).whoami()).exchange
        return [Asked(place, asks_for_nonce(exchange), nonce_in(exchange)) for place, exchange in seen.items()]

    async def nonces_asked(self, browser: Party, bound: Party) -> list[Asked]:
        """Where the server gives nonces.

        Raises:
            NotApplicable: nowhere.
        """
        given = [one for one in await self.without_nonce(browser, bound) if one.nonce]
        return given or self.not_applicable("the server gives no nonces for proofs, which it need not")

    async def expect_refused_where(self, browser: Party, bound: Party, asked: Asked, odd: Sequence[Variation]) -> None:
        """Odd proofs are refused in a place, which accepts sound ones."""
        if asked.place == TOKEN_ENDPOINT:
            await self.expect_no_token_by(browser, odd)
        else:
            await self.expect_all_refused(self.proving(bound, how) for how in odd)

    async def expect_old_and_early_refused(self, browser: Party, odd: Sequence[Variation]) -> None:
        """Proofs of another day are refused wherever the server goes by their time.

        One that demands nonces may go by the time in them instead (section 11.1): of it nothing is asked.

        Raises:
            NotApplicable: it demands nonces everywhere.
        """
        bound = await self.bound(browser)
        timed = [one for one in await self.without_nonce(browser, bound) if not one.demanded]
        for asked in timed:
            await self.expect_refused_where(browser, bound, asked, odd)
        if not timed:
            self.not_applicable("the server demands nonces, and may go by the time in them")

    async def expect_nonce_heeded(self, browser: Party, bound: Party, asked: Asked) -> None:
        """Where a nonce was given, a proof with another one is refused; where it was demanded, one without is, too."""
        others = [with_nonce(flipped(asked.nonce), "a proof with an altered nonce")]
        others += [with_nonce("pickproof-invented-nonce", "a proof with an invented nonce")]
        if asked.demanded:
            others.append(NO_NONCE)
        await self.expect_refused_where(browser, bound, asked, others)

    def advise_demand(self, asked: Sequence[Asked]) -> None:
        """Whoever gives nonces should demand them: a proof without is as good as one made long ahead (section 11.3)."""
        lax = [one.place for one in asked if not one.demanded]
        if lax:
            told = "a proof without the nonce that was given is refused"
            self.advise(told, f"{' and '.join(lax)} gave one, and took a proof without")

    async def nonces_given(self, browser: Party, bound: Party, asked: Asked) -> list[Exchange]:
        """Answers with nonces, of requests that follow each other."""
        if asked.place != TOKEN_ENDPOINT:
            party = self.proving(bound, NO_NONCE)
            return [(await party.whoami()).exchange for _ in range(SAMPLE)]
        client = replace(self.authorization.client_of(browser), prover=self.key().writing(NO_NONCE))
        request, told = TokenRequest(self.authorization.default_client, UNISSUED), "a client asks for a nonce"
        return [(await self.authorization.call(client, request, told)).exchange for _ in range(SAMPLE)]

    def expect_unforeseeable(self, exchanges: Sequence[Exchange]) -> None:
        """Each answer has one nonce at the most, of the characters that it may have, and none can be foreseen."""
        for exchange in exchanges:
            fields = exchange.answer.all("dpop-nonce") if exchange.answer else ()
            if len(fields) > 1:
                self.violation("one DPoP-Nonce in an answer", f"{len(fields)} of them", (exchange,))
        values = [nonce for exchange in exchanges if (nonce := nonce_in(exchange))]
        if not values:
            self.inconclusive("the server gave a nonce before, and none when it was asked for more")
        if why := foreseeable(values, self.clock.now()):
            self.violation("nonces that nobody foresees", why, exchanges[:2])
        self.note = f"judged on {len(set(values))} different nonces"
