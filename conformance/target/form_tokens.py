"""Anti-forgery values as such: where they come from, how long they hold, where they stand."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conformance.attacks.crosssite import BLIND, Forgery, forgeries
from conformance.attacks.edits import TextEdit
from conformance.attacks.identifiers import capacity, classify
from conformance.attacks.origins import foreign_origins
from conformance.model import Exchange
from conformance.target.acts import Act, act_of, repeat
from conformance.target.cookies import Jar
from conformance.target.mutation import Mutations
from conformance.target.party import Party
from conformance.target.stage import Victim, change_state, fresh_value, mutate_of, read_state
from conformance.target.templates import forms, links
from conformance.target.tour import Tour
from conformance.target.verbs import NotTakenError

ENOUGH_BITS = 128
FORGERY_NAME = re.compile(r"csrf|xsrf|forgery|authenticity|requestverification|^_token$", re.IGNORECASE)
"""Fields that can be nothing else: a nonce of OpenID or a token of a page's place may stand in addresses."""
LONG = 16
"""Characters of a value whose return somewhere is no accident."""


class FormTokens(Mutations):
    """Verbs about anti-forgery values."""

    async def form_tokens(self) -> list[str]:
        """The values of three sessions, of two users where there are two.

        Raises:
            NotApplicable: the described change carries none.
        """
        found = [await self._form_token(await self.shared_login(name)) for name in self.system.accounts[:2]]
        alone = self.system.login_ends_others
        found.append(await self._form_token(await (self.own_login() if alone else self.system.another_login())))
        if not all(found):
            self.not_applicable("the described change carries no anti-forgery value")
        return found

    async def _form_token(self, party: Party) -> str:
        act = await act_of(party, "mutate", mutate_of(self.system), f"{party.label} prepares the change")
        return act.token if act.has_token else ""

    def expect_form_tokens_apart(self, tokens: list[str]) -> None:
        """The values differ from session to session, and have room for enough bits."""
        if len(set(tokens)) < len(tokens):
            self.violation("each session has an anti-forgery value of its own", "two of three sessions share one")
        kind = classify(tokens)
        whole = capacity(kind.parts)
        if kind.form == "reference" and kind.certain and whole.full_bits < ENOUGH_BITS - 1e-9:
            actual = f"at most {whole.full_bits:.0f} bits: {whole.positions} characters, {whole.alphabet}"
            self.violation(f"an anti-forgery value has room for {ENOUGH_BITS} bits", actual)
        self.note = f"room for {whole.full_bits:.0f} bits, judged on {len(tokens)} values"

    # -- before and after the login

    async def token_before_login(self) -> tuple[str, Jar]:
        """The anti-forgery value of a visitor, and the visitor's cookies.

        Raises:
            NotApplicable: visitors are given none.
        """
        described = self.system.description
        visitor = replace(self.stranger(), label="a visitor about to log in", owner=self.known("alice"))
        token = ""
        if described.login:
            act = await act_of(visitor, "login", described.login, "a visitor opens the login")
            token = act.token or visitor.tokens.get("csrf", "")
        if not token and described.csrf:
            # A target may give the value to users alone.
            with contextlib.suppress(NotTakenError):
                await visitor.verb("csrf", described.csrf, "a visitor fetches the anti-forgery value")
            token = visitor.tokens.get("csrf", "")
        return token or self.not_applicable("visitors are given no anti-forgery value before login"), visitor.jar

    async def expect_spent(self, token: str, jar: Jar) -> None:
        """A visitor's value has no effect once that visitor is alice, sent by the target's own page; a new one has.

        Raises:
            NotApplicable: a value that was made up has an effect, too: from a page of its own the target asks for none.
        """
        stage = self.system.stage
        async with stage.open(), stage.alone():
            stage.stale()
            alice = await self.own_login("alice", carrying=jar)
            before = await read_state(alice)
            act = await act_of(alice, "mutate", mutate_of(self.system), f"{alice.label} prepares the change")
            if not act.has_token:
                self.not_applicable("the described change carries no anti-forgery value")
            exchange, held = await self._acted(alice, replace(act, token=token))
            _, unread = await self._acted(alice, replace(act, token=_made_up(token))) if held else (None, False)
            genuine, works = await self._acted(alice, await self._fresh_act(alice))
            await change_state(alice, before or "")
        if not works:
            self.inconclusive("the positive control failed: not even the new anti-forgery value works", [genuine])
        if unread:
            self.not_applicable("the target's own pages need no genuine value: csrf.token.wrong judges the others")
        if held:
            actual = "the one from before the login still works"
            self.violation("a login gives a new anti-forgery value and ends the old one", actual, [exchange])

    async def _fresh_act(self, alice: Party) -> Act:
        return await act_of(alice, "mutate", mutate_of(self.system), f"{alice.label} prepares the change")

    async def _acted(self, alice: Party, act: Act) -> tuple[Exchange, bool]:
        value = fresh_value()
        exchange = await repeat(alice, act, value)
        return exchange, value in (await read_state(alice) or "")

    # -- pairs of cookie and field

    def attackers_pair(self, victim: Victim, bob: Party, token: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        """Cookies for the victim's browser and a value that goes with them, both the attacker's.

        Raises:
            NotApplicable: no cookie stands beside the session that could hold such a value.
        """
        session = {carrier.name for carrier in self.cookies}
        own = dict(bob.jar.as_pairs())
        beside = [name for name, _ in victim.party.jar.as_pairs() if name not in session and name in own]
        # Browsers let no other host plant such a one (RFC 6265bis section 4.1.3.2).
        names = [name for name in beside if not name.lower().startswith("__host-")]
        if not names or not token:
            self.not_applicable("no cookie beside the session that others can plant holds an anti-forgery value")
        yield [(name, own[name]) for name in names], token, ", with the attacker's own pair of cookie and token"
        if same := [name for name, value in victim.party.jar.as_pairs() if name in names and value == victim.act.token]:
            made = "x" * len(victim.act.token)
            yield [(name, made) for name in same], (made,), ", with a pair of cookie and token that was made up"

    def pair_forgeries(self, victim: Victim, token: tuple[Any, ...], said: str) -> list[Forgery]:
        """Forged changes with this value."""
        return forgeries(BLIND, victim.typical_bodies, token, said)

    # -- where they stand

    def expect_not_in_addresses(self, tour: Tour) -> None:
        """No anti-forgery value stands in an address.

        Raises:
            NotApplicable: the tour met none.
        """
        seen = set[str]()
        for exchange in tour.whole:
            answer = exchange.answer
            page = answer.body if answer and "html" in (answer.header("content-type") or "") else b""
            shown = forms(page, exchange.request.url)
            hidden = {v for form in shown for n, v in form.fields if FORGERY_NAME.search(n) and len(v) >= LONG}
            tokens = hidden | ({tour.form_token} if len(tour.form_token) >= LONG else set())
            seen |= tokens
            places = [exchange.request.url, answer.header("location") or "" if answer else ""]
            places += [*links(page, exchange.request.url), *(form.action for form in shown)]
            if any(token in place for token in tokens for place in places):
                expected = "an anti-forgery value stands in no address"
                self.violation(expected, f"it stands in one: {exchange.purpose}", [exchange])
        if not seen:
            self.not_applicable("no page and no answer on the way holds an anti-forgery value")

    async def expect_not_readable(self, alice: Party) -> None:
        """No foreign origin may read the answer that gives the value."""
        described = self.system.description.csrf
        route = described.steps[-1].send if described else None
        if not route or "{" in route:
            return
        for origin in foreign_origins(self.system.description.origin):
            exchange = await alice.visit(route, f"a page of {origin} fetches alice's anti-forgery value", Origin=origin)
            answer = exchange.answer
            allowed = answer.header("access-control-allow-origin") if answer else None
            trusted = (answer.header("access-control-allow-credentials") or "").lower() == "true" if answer else False
            if trusted and allowed in (origin, "null"):
                expected = f"{origin} cannot read anti-forgery values"
                self.violation(expected, f"Access-Control-Allow-Origin: {allowed}", [exchange])


def _made_up(token: str) -> str:
    """A value of the same look that nobody was given."""
    return TextEdit("character changed", len(token) // 2).apply(token, (0, len(token))) or f"{token}0"
