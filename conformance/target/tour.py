"""One walk through the target as its user, made once in a run: what cookies, caches and addresses are judged by."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.cookies import Jar, Mode
from conformance.target.entrances import entrance_cookies, entrances
from conformance.target.set_cookie import SetCookie, parse_set_cookie
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
            for header in exchange.answer.all("set-cookie") if exchange.answer else ():
                yield exchange, parse_set_cookie(header)

    def set_cookies(self) -> Iterator[tuple[Exchange, SetCookie]]:
        """The same without deletions, which other rules bind."""
        return ((e, c) for e, c in self.cookies() if not c.clears(e.sent_at))


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
        return Tour(tuple(before), tuple(inside), tuple(ending), secrets, alice.tokens.get("csrf", ""))


class Touring(View):
    """The tour as checks ask for it."""

    async def tour(self) -> Tour:
        """The run's walk through the target."""
        return await self.system.guide.tour()

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
