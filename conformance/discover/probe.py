"""The careful client of discovery: few requests, one host, nothing that changes anything but its own sessions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from conformance.errors import DescriptionError, Inconclusive, PreflightError
from conformance.model import Answer, Exchange
from conformance.open import Options, make_system, sender
from conformance.report.safe import clean
from conformance.target.description import parse
from conformance.target.grammar import Verb
from conformance.target.oracle import face
from conformance.target.party import Party
from conformance.target.strangers import connection_hint
from conformance.target.system import System
from conformance.target.templates import forms, json_of
from conformance.target.verbs import browse, perform
from conformance.target.wire import origin_of

MOST_REQUESTS = 200
FOR_PREFLIGHT = 45
"""Requests that exploring leaves to the preflight of what it drafted."""
NOWHERE = "/pickproof-looks-where-nothing-is"
ABSENT = frozenset({404, 405, 410, 501, 502, 503, 504})
PLACE = re.compile(r"/(?!/)[!-z|~]{0,200}")
"""Paths that a description may repeat: printable, no braces, not endless."""
WORD = re.compile(r"[!-z|~]{1,100}")
"""Names of fields and members of which the same holds."""
RANDOM = 16
"""Characters from which on a text without a space may be a number of the request."""
PENDING = {"login": {"send": "GET /"}, "identity": {"send": "GET /", "name": "json:/name"}}
"""What stands in for verbs that are not found yet."""


class Budget:
    """Requests that may still be sent."""

    def __init__(self, most: int = MOST_REQUESTS, kept: int = FOR_PREFLIGHT) -> None:
        self.most, self.spent, self.kept = most, 0, kept

    @property
    def left(self) -> int:
        """How many more; those that are kept for later do not count."""
        return self.most - self.kept - self.spent

    def within(self, options: Options) -> Options:
        """The options, with transports that send within the budget."""
        inner = options.transport or sender(options)
        return replace(options, transport=lambda: _Counted(inner(), self))


class _Counted(httpx.AsyncBaseTransport):
    """Sends until the budget is spent; what comes after is told as not sent."""

    def __init__(self, inner: httpx.AsyncBaseTransport, budget: Budget) -> None:
        self._inner, self._budget = inner, budget

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, or refuse to."""
        if self._budget.left <= 0:
            raise httpx.LocalProtocolError(f"the budget of {self._budget.most} requests is spent", request=request)
        self._budget.spent += 1
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()


@dataclass
class Probe:
    """A target that is being explored."""

    system: System
    budget: Budget
    start: str
    """Where the user pointed, as a path."""
    nothing: Answer | None = None
    """What the target says where nothing is."""
    nothing_posted: Answer | None = None
    seen: dict[str, Exchange] = field(default_factory=dict)
    """What a stranger got, by path."""
    attempts: int = 0
    """Logins that were tried while it was not known yet how one logs in."""
    refused: dict[str, int] = field(default_factory=dict)
    """Routes that refused a login as one of wrong credentials, and the status."""
    written: tuple[str, ...] = ()
    """Addresses that the target's own scripts name."""
    _front: Exchange | None = None

    # -- looking

    async def look(self, path: str) -> Exchange:
        """What a stranger gets at a path, asked once."""
        if path not in self.seen:
            stranger = self.system.stranger(self.system.log, "init")
            self.seen[path] = await stranger.send("GET", path, purpose=f"init looks at {path}")
        return self.seen[path]

    async def front(self) -> Exchange:
        """The start page as a stranger's browser comes to it, opened once."""
        if self._front is None:
            self._front = await self.open(self.stranger(), self.start)
        return self._front

    async def open(self, party: Party, path: str) -> Exchange:
        """A page as a browser opens it, redirects on this host followed."""
        return await browse(party, path, f"{party.label} opens {path}")

    def stranger(self) -> Party:
        """A new client without any credential."""
        return self.client(None)

    def client(self, account: str | None) -> Party:
        """A new client of an account, not yet logged in."""
        return Party(self.system, account or "a stranger", account, self.system.own_lane(), self.system.log)

    async def attempt(self, party: Party, name: str, verb: Mapping[str, Any]) -> Exchange | None:
        """Perform a verb that may be wrong; None where a step of it could not be done."""
        try:
            return await perform(party, name, Verb.model_validate(verb), f"{party.label} tries: {name}")
        except (Inconclusive, DescriptionError):
            return None

    def describe(self, table: Mapping[str, Any]) -> None:
        """Make what was found so far the description that parties follow."""
        known = {"base_url": self.system.base_url, "accounts": _spoken(self.system), **PENDING, **table}
        self.system.description = parse(known, "the draft")

    # -- judging

    def absent(self, exchange: Exchange) -> bool:
        """Whether nothing stands there: not found, or what the target says to any path at all."""
        answer = exchange.answer
        if answer is None or answer.status in ABSENT:
            return True
        posted = exchange.request.method not in ("GET", "HEAD")
        common = self.nothing_posted if posted else self.nothing
        return common is not None and common.status not in ABSENT and alike(answer, common, exchange.request.url)

    def answers_here(self, exchange: Exchange) -> bool:
        """Whether a post got what no other path gets, be it a 404: what it asked for may be what is not found."""
        answer, common = exchange.answer, self.nothing_posted
        return answer is not None and common is not None and not alike(answer, common, exchange.request.url)

    def path_of(self, url: str) -> str | None:
        """Path and query of a URL of this target; None for another host and for what a description can't say."""
        try:
            if origin_of(url) not in self.system.wire.origins:
                return None
            parts = urlsplit(url)
        except (ValueError, httpx.InvalidURL):
            return None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return path if PLACE.fullmatch(path) else None

    def slashed(self, exchange: Exchange) -> str | None:
        """The same path with a slash more or less at its end, where an answer sends the client there."""
        onward, asked = self.redirected_to(exchange), self.path_of(exchange.request.url)
        return onward if onward and asked and onward != asked and onward.strip("/") == asked.strip("/") else None

    def redirected_to(self, exchange: Exchange) -> str | None:
        """Where an answer sends the browser, as a path of this target."""
        location = exchange.answer.header("location") if exchange.answer else None
        if not location or not exchange.answer or not 300 <= exchange.answer.status < 400:
            return None
        try:
            return self.path_of(urljoin(exchange.request.url, location))
        except ValueError:
            return None


def alike(one: Answer, other: Answer, url: str) -> bool:
    """Whether two answers are the same page but for what changes with every request."""
    if face(one, url) != face(other, url):
        return False
    if one.status >= 300:
        return True
    if (told := json_of(one)) is not None:
        return bool(_gist(told, url) == _gist(json_of(other), NOWHERE))
    first, second = ([form.names for form in forms(a.body, url)] for a in (one, other))
    return first == second and abs(len(one.body) - len(other.body)) <= 64 + len(other.body) // 20


def _gist(told: Any, url: str) -> Any:
    """What a JSON answer says, without the path that was asked for and without what is different every time."""
    if not isinstance(told, dict):
        return told
    path = urlsplit(url).path
    texts = {key: value.replace(path, "") if isinstance(value, str) else None for key, value in told.items()}
    return {key: None if text and len(text) >= RANDOM and " " not in text else text for key, text in texts.items()}


def document(exchange: Exchange) -> Any:
    """The JSON of an answer, or None."""
    return json_of(exchange.answer) if exchange.answer is not None else None


def is_page(exchange: Exchange) -> bool:
    """Whether an answer is HTML."""
    return exchange.answer is not None and "html" in (exchange.answer.header("content-type") or "").lower()


async def opened_probe(url: str, accounts: Mapping[str, Mapping[str, str]], options: Options) -> Probe:
    """A probe of the target at a URL.

    Raises:
        DescriptionError: the URL is none.
        PreflightError: nothing answers there.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise DescriptionError(url, "base_url", "is no URL", "one looks like http://127.0.0.1:8000") from None
    base = url if parts.username else f"{parts.scheme}://{parts.netloc}"
    budget = Budget()
    described = parse({"base_url": base, "accounts": {**(accounts or {"alice": {}})}, **PENDING}, url)
    system = make_system(described, url, "", None, budget.within(options))
    probe = Probe(system, budget, parts.path if PLACE.fullmatch(parts.path) else "/")
    first = await probe.look(probe.start)
    if trouble := _unusable(base, first, system):
        await system.close()
        raise trouble
    probe.nothing = (await probe.look(NOWHERE)).answer
    posted = await probe.stranger().send("POST", NOWHERE, purpose="init posts to nowhere")
    probe.nothing_posted = posted.answer
    return probe


def _unusable(base: str, first: Exchange, system: System) -> PreflightError | None:
    """Why nothing can be explored: no answer, or one that leads to another host."""
    if first.answer is None:
        hint = connection_hint(system, first.error)
        return PreflightError("base_url", clean(f"{base} does not answer: {first.error}"), hint, (first,))
    location = first.answer.header("location") or ""
    try:
        leaves = location.startswith(("http://", "https://")) and origin_of(location) not in system.wire.origins
    except (ValueError, httpx.InvalidURL):
        leaves = False
    if not leaves or not 300 <= first.answer.status < 400:
        return None
    hint = "init asks no host but the one that it is given: give it that one, if it is the target"
    return PreflightError("base_url", clean(f"{base} redirects to {location}"), hint, (first,))


def _spoken(system: System) -> dict[str, dict[str, str]]:
    return {name: account.words() for name, account in system.description.accounts.items()}
