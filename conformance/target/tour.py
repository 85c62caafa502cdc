"""One walk through the target as its user, made once in a run: what cookies, caches and addresses are judged by."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.answer_rules import COOKIE_RULES, Facts, Flags, Flaw, flags_of, flaws_of_login, set_cookies
from conformance.target.cookies import Jar, Mode
from conformance.target.entrances import entrance_cookies, entrances
from conformance.target.limits import absolute_limit
from conformance.target.party import Party
from conformance.target.set_cookie import SetCookie
from conformance.target.view import View
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.system import System


@dataclass(frozen=True, slots=True)
class Tour:
    """What was said on the way."""

    before: tuple[Exchange, ...] = field(repr=False)
    """As a stranger."""
    inside: tuple[Exchange, ...] = field(repr=False)
    """From the login on, logout left out."""
    ending: tuple[Exchange, ...] = field(repr=False)
    """The logout."""
    secrets: tuple[tuple[str, str], ...] = field(repr=False)
    """Name and value of each cookie that authenticates."""
    form_token: str = field(default="", repr=False)
    """The anti-forgery value that the login took; empty without one."""
    drift: float = 0.0
    """Seconds by which the target's clock was ahead of the kit's: it may have travelled before."""

    @property
    def whole(self) -> tuple[Exchange, ...]:
        """Every exchange."""
        return self.before + self.inside + self.ending

    @property
    def signed_in(self) -> tuple[Exchange, ...]:
        """Those answers that went to somebody signed in, or that signed somebody in."""
        names = {name for name, _ in self.secrets}
        setting = {id(e) for e, c in self.set_cookies() if c.name in names}
        return tuple(e for e in self.inside if id(e) in setting or self._carried(e))

    def _carried(self, exchange: Exchange) -> bool:
        sent = b"; ".join(value for name, value in exchange.request.headers if name.lower() == b"cookie")
        return any(value.encode() in sent for _, value in self.secrets)

    def cookies(self, exchanges: tuple[Exchange, ...] | None = None) -> Iterator[tuple[Exchange, SetCookie]]:
        """Every cookie set on the way, each with the answer that set it; deletions too."""
        for exchange in self.whole if exchanges is None else exchanges:
            for cookie in set_cookies(exchange):
                yield exchange, cookie

    def moment(self, exchange: Exchange) -> float:
        """When it was sent, on the target's clock: a date in a cookie is the target's."""
        return exchange.sent_at + self.drift

    def set_cookies(self) -> Iterator[tuple[Exchange, SetCookie]]:
        """The same without deletions, which other rules bind."""
        return ((e, c) for e, c in self.cookies() if not c.clears(self.moment(e)))

    def flags(self) -> dict[str, Flags]:
        """The attributes with which each cookie was first set."""
        found: dict[str, Flags] = {}
        for _, cookie in self.set_cookies():
            found.setdefault(cookie.name, flags_of(cookie))
        return found

    def flawed(self, id: str, facts: Facts) -> Iterator[tuple[Exchange, Flaw]]:
        """Cookies set on the way that break the rule of a check, each with the answer that set it."""
        for exchange, cookie in self.cookies() if id == "cookie.attr.prefix-broken" else self.set_cookies():
            if flaw := COOKIE_RULES[id](cookie, facts, self.moment(exchange)):
                yield exchange, flaw


class Guide:
    """Makes the tour when it is first asked for."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = asyncio.Lock()
        self._tour: Tour | None = None

    async def tour(self) -> Tour:
        """The run's tour.

        Raises:
            Inconclusive: the login did not work.
        """
        async with self._lock:
            if self._tour is None:
                self._tour = await self._walk()
            return self._tour

    async def _walk(self) -> Tour:
        system = self._system
        before, inside, ending = Log(), Log(), Log()
        drift = system.clock.now() - time.time()
        for visit in entrances(system):
            await entrance_cookies(system.stranger(before), visit)
        alice = await system.login(system.accounts[0], inside)
        secrets = tuple((c.name, alice.secret(c)) for c in system.carriers if c.kind == "cookie")
        await alice.whoami()
        for route in system.description.protected:
            await alice.visit(route, f"alice: {route}")
        if system.description.logout:
            with contextlib.suppress(Inconclusive):
                await alice.in_log(ending).logout()
        form_token = alice.tokens.get("csrf", "")
        return Tour(tuple(before), tuple(inside), tuple(ending), secrets, form_token, drift)


class Touring(View):
    """The tour as checks ask for it."""

    async def tour(self) -> Tour:
        """The run's walk through the target."""
        return await self.system.guide.tour()

    def cookie_facts(self, tour: Tour | None = None) -> Facts:
        """What cookies are judged by; with a tour, also by how they looked first."""
        host = self.system.description.origin.partition("://")[2].partition(":")[0]
        sessions = frozenset(carrier.name for carrier in self.cookies)
        flags = tour.flags() if tour else {}
        return Facts(sessions, self.public_https, host, absolute_limit(self.system), flags)

    async def expect_cookies(self, id: str) -> None:
        """No cookie that the tour saw breaks the rule of this check."""
        tour = await self.tour()
        self.expect_sound(tour.flawed(id, self.cookie_facts(tour)))

    async def expect_cookies_of_login(self, id: str, party: Party) -> None:
        """No cookie that this login set breaks the rule of this check."""
        for flaw in flaws_of_login(id, party.history, self.cookie_facts()):
            self.violation(flaw.expected, flaw.actual, _until_set(party.history, flaw.about))

    def expect_sound(self, found: Iterable[tuple[Exchange, Flaw]]) -> None:
        """None of these was found."""
        for exchange, flaw in found:
            self.violation(flaw.expected, flaw.actual, [exchange])

    def is_session(self, cookie: SetCookie) -> bool:
        """Whether a cookie is one of those that authenticate."""
        return cookie.name in {carrier.name for carrier in self.cookies}

    def browser_after(self, exchanges: tuple[Exchange, ...]) -> Jar:
        """The jar of a browser that saw these answers at the target's public address."""
        jar = Jar()
        for exchange in exchanges:
            if exchange.answer:
                url = self._public(exchange.request.url)
                jar.store(exchange.answer.all("set-cookie"), url, self.clock.now(), mode=Mode.BROWSER_HTTPS)
        return jar

    def _public(self, url: str) -> str:
        """The URL as the browser of a user would have it."""
        described = self.system.description
        return url.replace(described.base_url, described.public_url or described.base_url, 1)


def _until_set(history: Sequence[Exchange], name: str) -> Sequence[Exchange]:
    """The exchanges up to the one that set a cookie last: that one shows it."""
    setting = [
        at for at, exchange in enumerate(history, 1)
        if any(c.name == name and not c.deletes(exchange.sent_at) for c in set_cookies(exchange))
    ]  # fmt: skip
    return history[: setting[-1]] if setting else history
