"""Clients whose Cookie header no browser would send for this target alone, or that somebody else has written into."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace

from conformance.attacks.cookie_spelling import Spelling, lookalikes
from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.entrances import entrances
from conformance.target.hijack import Hijacking
from conformance.target.logins import Logins
from conformance.target.mutation import Mutations
from conformance.target.party import Party
from conformance.target.set_cookie import parse_set_cookie
from conformance.target.stage import change_state, read_state

PREFIXES = ("__host-", "__secure-", "__http-", "__host-http-")


class CookieParsing(Hijacking, Mutations, Logins):
    """Verbs about the Cookie header."""

    def need_prefix(self) -> None:
        """End the check where the session cookie's name has no prefix, so that none can be got round."""
        name = self.cookie.name
        if not name.lower().startswith(PREFIXES):
            self.not_applicable(f"the name {name} has no prefix to get round: cookie.attr.prefix speaks of that")

    def in_two_fields(self, first: Party, second: Party) -> Party:
        """A client that sends the session cookies of two users, each in a Cookie field of its own."""
        label = f"a client with {first.label}'s session in one Cookie field and {second.label}'s in the next"
        client = replace(first.stolen(label), tokens={})
        pairs = "; ".join(f"{c.name}={second.secret(c)}" for c in self.cookies)
        client.also_fields = (("Cookie", pairs),)
        return client

    def spelled(self, alice: Party, spellings: Iterable[Spelling]) -> Iterator[Party]:
        """Alice's session id, written otherwise."""
        genuine = alice.secret(self.cookie)
        for what, write in spellings:
            if (value := write(genuine)) != genuine:
                yield alice.holding(value, self.cookie, f"a client with the id {what}")

    def renamed(self, alice: Party, spellings: Iterable[Spelling]) -> Iterator[Party]:
        """Alice's session in a cookie whose name is written otherwise."""
        name = self.cookie.name
        for what, write in spellings:
            if write(name) != name:
                yield self._planted(alice, f"the cookie's name {what}", write(name), alice.secret(self.cookie))

    def planted(self, alice: Party) -> Iterator[Party]:
        """Browsers without a session, into which another host has planted what looks like one."""
        for what, name, value in lookalikes(self.cookie.name, alice.secret(self.cookie)):
            yield self._planted(alice, what, name, value)

    def _planted(self, alice: Party, what: str, name: str, value: str) -> Party:
        client = alice.lacking(self.cookie, f"a client with {what}")
        client.also_cookies = ((name, value),)
        return client

    async def expect_not_tossed(self, alice: Party, bob: Party) -> None:
        """A session that a sibling host plants beside the victim's does not win."""
        if self.cookie.name.lower().startswith("__host-"):
            self.not_applicable(f"browsers let no other host plant {self.cookie.name}")
        for first, second in ((bob, alice), (alice, bob)):
            client = self.with_both(first, second)
            judged = await client.whoami()
            await self.system.control(judged.exchange.sent_at)
            if judged.accepted and judged.name == bob.principal:
                actual = f"{client.label} is {judged}: the victim works in the attacker's account"
                self.violation("a planted session beside the victim's own is refused", actual, [judged.exchange])

    # -- what is written into Set-Cookie

    async def expect_nothing_injected(self) -> None:
        """Text with a semicolon or a line end, wherever it is sent, adds no attribute, no cookie and no header."""
        mark = f"pickproof{secrets.token_hex(4)}"
        for text in (f"pp; {mark}=1", f"pp\r\nSet-Cookie: {mark}=1", f"pp\n{mark}: 1"):
            for exchange in [*await self._visited(text), *await self._typed(text), *await self._stored(text)]:
                if found := injected(exchange, mark):
                    self.violation(f"{text!r} stays text in every header", f"it became {found}", [exchange])

    async def _visited(self, text: str) -> list[Exchange]:
        """Pages that are told where to go on, or in which language."""
        parameter = self.system.description.return_parameter or "next"
        login = self.system.description.login
        sent = [step.page or (step.send or "").partition(" ")[2] for step in (login.steps[-1:] if login else ())]
        paths = [visit.partition(" ")[2] for visit in entrances(self.system) if " " in visit]
        paths = [path for path in dict.fromkeys([*sent, *paths]) if path and "{" not in path]
        query = {parameter: text, "lang": text, "theme": text}
        visitor = self.stranger()
        return [
            await visitor.send("GET", path, purpose=f"a stranger asks for {path} with {text!r}", query=query)
            for path in paths
        ]

    async def _typed(self, text: str) -> list[Exchange]:
        if not self.system.description.login or not self.account("alice").user:
            return []
        return [(await self.failing(self.tried_account, text, "pickproof-wrong")).exchange]

    async def _stored(self, text: str) -> list[Exchange]:
        """Text that is stored; what shows it afterwards counts, too."""
        if not self.system.description.mutate:
            return []
        stage = self.system.stage
        async with stage.open(), stage.alone() as victim:
            stage.stale()
            seen = len(list(self.log))
            party = victim.party.in_log(self.log)
            try:
                await change_state(party, text)
                await read_state(party)
            except Inconclusive:
                return []
            return list(self.log)[seen:]


def injected(exchange: Exchange, mark: str) -> str | None:
    """What of an answer's header fields a mark has become, or None."""
    for name, value in exchange.answer.headers if exchange.answer else ():
        if name.lower() == mark:
            return "a header"
        cookie = parse_set_cookie(value) if name.lower() == "set-cookie" else None
        if cookie and cookie.name == mark:
            return "a cookie"
        if cookie and any(key.lower() == mark for key, _ in cookie.attributes):
            return f"an attribute of the cookie {cookie.name}"
    return None
