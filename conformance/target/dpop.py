"""Tokens that are bound to a key of the client (DPoP, RFC 9449), and what a thief without the key makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.attacks.dpop_proofs import CAPITALS, NO_PROOF, OTHER_KEY, Variation, fixed, for_url
from conformance.attacks.jwt import parse
from conformance.target.back_channel import BackChannel
from conformance.target.dpop_proofs import FIELD, Prover, asks_for_nonce
from conformance.target.oauth_messages import Change, Client, Code, TokenAnswer

if TYPE_CHECKING:
    from conformance.model import Exchange
    from conformance.target.party import Party


def proof_of(exchange: Exchange) -> str:
    """The proof that a request carried."""
    fields = (value for name, value in exchange.request.headers if name.lower() == FIELD.lower().encode())
    return next(fields, b"").decode("latin-1")


class Possession(BackChannel):
    """Verbs about tokens that are bound to a key, and about the proofs of it."""

    # -- bound tokens

    def key(self) -> Prover:
        """A fresh key of a client, and the proofs of it."""
        return self.authorization.prover()

    async def bound(
        self, browser: Party, client: Client | None = None, key: Prover | None = None, **changes: Change
    ) -> Party:  # fmt: skip
        """A client with fresh tokens that are bound to its key: a sound proof is accepted at the token endpoint.

        Raises:
            Inconclusive: a sound proof is refused.
            NotApplicable: the tokens come unbound.
        """
        prover = key or self.key()
        return self.holding_bound(
            browser, await self.redeem_with(await self.code(browser, client, **changes), prover), prover
        )

    def holding_bound(self, browser: Party, answer: TokenAnswer, key: Prover) -> Party:
        """A client with the tokens of an answer to a sound proof, which says that they are bound."""
        if not answer.granted:
            self.inconclusive(f"the positive control failed: a token request with a sound proof got {answer}")
        if answer.text("token_type").lower() != "dpop":
            told = answer.text("token_type") or "none"
            self.not_applicable(f"a sound proof gives unbound tokens (token_type {told}); see oauth.dpop.token-type")
        party = self.holder(browser, answer)
        party.prover = key
        return party

    async def redeem_with(self, code: Code, key: Prover | None) -> TokenAnswer:
        """Redeem a code with a proof of a key, or with none."""
        told = f"{code.client} redeems the code of {code.browser.label} with {_told(key)}"
        client = replace(self.authorization.client_of(code.browser), prover=key)
        return await self.authorization.call(client, self.redemption(code), told)

    async def renew_with(self, party: Party, key: Prover | None) -> TokenAnswer:
        """Present a party's refresh token with a proof of a key, or with none."""
        who = self.client_of(party)
        told = f"{who} presents the refresh token of {party.label} with {_told(key)}"
        client = replace(self.authorization.client_of(party), prover=key)
        return await self.authorization.call(client, self.authorization.refreshing(who, party.tokens["refresh"]), told)

    # -- who sends a bound token

    def proving(self, bound: Party, how: Variation) -> Party:
        """The client of a bound token, its key in hand, whose proofs are written otherwise."""
        prover = (bound.prover or self.key()).writing(how)
        lane = self.system.spare_lane(bound.lane)
        return replace(bound, label=f"a client with {how}", prover=prover, lane=lane, base=bound, replays=True)

    def as_bearer(self, bound: Party) -> Party:
        """Whoever copied a bound token, and sends it by the Bearer scheme without a proof."""
        field = f"Bearer {bound.tokens['access']}"
        return replace(self.presenting(bound, field, label="a thief who sends a bound token as Bearer"), prover=None)

    def thieves(self, bound: Party) -> list[Party]:
        """Whoever copied a bound token and lacks its key: without a proof, with a proof of their own, as Bearer."""
        return [self.proving(bound, NO_PROOF), self.proving(bound, OTHER_KEY), self.as_bearer(bound)]

    async def api_knows_proofs(self, bound: Party) -> bool:
        """Whether the protected resource takes a bound token with its proof.

        One that knows nothing of bound tokens takes them as Bearer's (section 7.2), which nothing forbids it.

        Raises:
            Inconclusive: it takes them neither way.
        """
        if (judged := await bound.whoami()).accepted:
            return True
        if (await self.as_bearer(bound).whoami()).accepted:
            return False
        return self.inconclusive(f"the positive control failed: a bound token with a sound proof is {judged}")

    async def bound_at_api(self, browser: Party) -> Party:
        """A client whose bound token, with a sound proof, opens the protected resource.

        Raises:
            NotApplicable: the protected resource knows nothing of bound tokens.
        """
        bound = await self.bound(browser)
        if not await self.api_knows_proofs(bound):
            self.not_applicable("the protected resource takes bound tokens as Bearer's: it knows nothing of DPoP")
        return bound

    # -- proofs that must be refused

    async def expect_no_token_by(self, browser: Party, unsound: Sequence[Variation]) -> None:
        """No unsound proof gets a token; a sound one, sent the same way before and afterwards, does."""
        await self.bound(browser)
        for how in unsound:
            code = await self.code(browser)
            answer = await self.redeem_with(code, self.key().writing(how))
            self.demand_refusal(answer, f"a token request with {how} is refused", code.response.trail)
        await self.bound(browser)

    async def expect_no_access_by(self, browser: Party, unsound: Sequence[Variation]) -> None:
        """No unsound proof opens the protected resource, which a sound one for the same token does.

        Where the resource knows nothing of bound tokens, the token endpoint alone was judged.
        """
        bound = await self.bound(browser)
        if not await self.api_knows_proofs(bound):
            self.note = "judged at the token endpoint alone: the protected resource knows nothing of DPoP"
            return
        await self.expect_all_refused(self.proving(bound, how) for how in unsound)

    async def expect_refused_in_both_places(self, browser: Party, unsound: Sequence[Variation]) -> None:
        """Unsound proofs are refused by the token endpoint and by the protected resource."""
        await self.expect_no_token_by(browser, unsound)
        await self.expect_no_access_by(browser, unsound)

    async def expect_query_left_out(self, bound: Party) -> None:
        """A proof names the address without its query, whatever the request's own query is (section 4.3, item 9)."""
        asker = replace(bound, label="a client whose request has a query", also_query=(("pickproof", "1"),), base=bound)
        await self.expect_served(asker, "a proof without the request's query is accepted")

    async def advise_normal_form(self, bound: Party) -> None:
        """An address in another spelling of the same meaning is accepted, or that is advised."""
        judged = await self.proving(bound, CAPITALS).whoami()
        if judged.refused:
            self.advise("addresses are compared in their normal form", f"{CAPITALS}: {judged}", (judged.exchange,))

    # -- proofs used again

    async def proof_caught(self, bound: Party) -> Variation:
        """The proof of a request that the protected resource has just answered; whoever caught it sends it again."""
        judged = await bound.whoami()
        if not judged.accepted:
            self.inconclusive(f"the positive control failed: a bound token with a sound proof is {judged}")
        return fixed(proof_of(judged.exchange), "a proof that was used before")

    async def expect_once_at_token_endpoint(self, browser: Party) -> None:
        """A proof that got a token gets no second one."""
        key, code = self.key(), await self.code(browser)
        first = await self.redeem_with(code, key)
        self.holding_bound(browser, first, key)
        again = key.writing(fixed(proof_of(first.exchange), "a proof that was used before"))
        answer = await self.redeem_with(await self.code(browser), again)
        told = "a token request with a proof that was used before is refused"
        self.demand_refusal(answer, told, (first.exchange,))

    async def expect_once_in_a_race(self, bound: Party) -> None:
        """Of many requests with one proof that arrive together, one is served at the most."""
        prover, request = bound.prover or self.key(), (await bound.whoami()).exchange.request
        for _ in range(self.ROUNDS):
            one = prover.writing(fixed(prover.fresh(request, bound.tokens["access"]), "the same proof as others"))
            parties = [replace(bound, lane=self.system.own_lane(), prover=one) for _ in range(self.AT_ONCE)]
            await self.warm([replace(party, tokens={}) for party in parties])
            answers = await asyncio.gather(*(party.whoami() for party in parties))
            served = [judged.exchange for judged in answers if judged.accepted]
            if len(served) > 1:
                self.violation("one proof opens once", f"{len(served)} of {len(answers)} requests were served", served)
            if not served:
                self.inconclusive(f"none of {len(answers)} requests with one proof was served: {answers[0]}")

    # -- other endpoints

    async def expect_bound_to_its_endpoint(self, browser: Party) -> None:
        """A proof that was made for one address opens no other."""
        key = self.key()
        answer = await self.redeem_with(await self.code(browser), key)
        bound = self.holding_bound(browser, answer, key)
        if not await self.api_knows_proofs(bound):
            self.not_applicable("the protected resource takes bound tokens as Bearer's: it knows nothing of DPoP")
        elsewhere = [fixed(proof_of(answer.exchange), "the proof of a token request")]
        addresses = {"the token endpoint": key.public(self.authorization.endpoint("token") or "")}
        for route, _ in self.system.routes:
            addresses[route] = key.public(self.system.base_url + route.partition(" ")[2])
        elsewhere += [for_url(url, name) for name, url in addresses.items()]
        await self.expect_all_refused(self.proving(bound, how) for how in elsewhere)

    # -- binding

    def thumbprint_in(self, party: Party) -> str:
        """The key that a signed access token says it is bound to, or an empty string (section 6.1)."""
        token = parse(party.tokens.get("access", ""))
        bound = token.claims.get("cnf") if token else None
        told = bound.get("jkt") if isinstance(bound, dict) else None
        return told if isinstance(told, str) else ""

    async def expect_type_told(self, browser: Party) -> None:
        """A token that is bound to a key says so by its type.

        Raises:
            NotApplicable: the server gives unbound tokens to whoever sends a proof, which it may (section 5).
        """
        key = self.key()
        answer = await self.redeem_with(await self.code(browser), key)
        if not answer.granted:
            self.inconclusive(f"the positive control failed: a token request with a sound proof got {answer}")
        told = answer.text("token_type")
        if told.lower() == "dpop":
            return
        party = self.holder(browser, answer)
        party.prover = key
        as_bearer = await self.as_bearer(party).whoami()
        needs_key = as_bearer.refused and (await party.whoami()).accepted
        if needs_key or self.thumbprint_in(party) == key.key.thumbprint:
            self.violation("token_type DPoP for a token that is bound to a key", f"token_type {told or 'is missing'}")
        self.not_applicable(f"a sound proof gives unbound tokens (token_type {told or 'none'}), which a server may do")

    async def expect_refresh_needs_key(self, bound: Party, browser: Party) -> None:
        """The refresh token of a public client works with its own key, and with no other."""
        if "refresh" not in bound.tokens:
            self.not_applicable(f"{bound.client} is given no refresh token")
        mine = await self.renew_with(bound, bound.prover)
        if not mine.granted:
            self.inconclusive(f"the positive control failed: a refresh with the key of the first proof got {mine}")
        party = self.holding_bound(browser, mine, bound.prover or self.key())
        party.tokens = {**bound.tokens, **party.tokens}
        for key in (self.key(), None):
            expected = f"a refresh token of a public client is refused with {_foreign(key)}"
            self.demand_refusal(await self.renew_with(party, key), expected, bound.history)
        control = await self.bound(browser, bound.client)
        answer = await self.renew_with(control, control.prover)
        if not answer.granted:
            self.inconclusive(f"the positive control failed: a refresh with the key of the first proof got {answer}")

    async def expect_code_needs_key(self, browser: Party) -> None:
        """A code that was asked for with the name of a key is redeemed with that key alone (section 10)."""
        own = self.key()
        jkt = own.key.thumbprint
        await self.bound(browser, key=own, dpop_jkt=jkt)
        for key in (self.key(), None):
            code = await self.code(browser, dpop_jkt=jkt)
            answer = await self.redeem_with(code, key)
            self.demand_refusal(answer, f"a code bound to a key is refused with {_foreign(key)}", code.response.trail)
        await self.bound(browser, key=own, dpop_jkt=jkt)

    # -- how a refusal is worded

    async def expect_proof_named_in_errors(self, browser: Party, unsound: Variation) -> None:
        """The token endpoint says that it is the proof, and the protected resource challenges for one."""
        bound = await self.bound(browser)
        answer = await self.redeem_with(await self.code(browser), self.key().writing(unsound))
        if not answer.refused:
            self.not_applicable(f"{unsound} is not refused ({answer}), so that there is no refusal to read")
        if answer.error != "invalid_dpop_proof" and not asks_for_nonce(answer.exchange):
            self.violation("error=invalid_dpop_proof", str(answer), (answer.exchange,))
        if not await self.api_knows_proofs(bound):
            return
        judged = await self.proving(bound, unsound).whoami()
        got = judged.exchange.answer
        challenges = ", ".join(got.all("www-authenticate")) if got else ""
        if got is None or not judged.refused:
            self.inconclusive(f"a client with {unsound} is {judged}")
        if got.status != 401 or "dpop" not in challenges.lower().replace("=", " ").split():
            actual = f"{got.status}, {f'challenge {challenges}' if challenges else 'no challenge'}"
            self.violation("401 with WWW-Authenticate: DPoP", actual, (judged.exchange,))
        if "algs=" not in challenges.replace(" ", ""):
            self.advise("the challenge lists the algorithms of proofs (algs)", challenges, (judged.exchange,))


def _foreign(key: Prover | None) -> str:
    return "no proof" if key is None else "a proof by another"


def _told(key: Prover | None) -> str:
    return str(key.variation) if key else str(NO_PROOF)
