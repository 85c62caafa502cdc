"""Who sends requests: an account's user, a thief with a copied credential, a stranger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import httpx

from conformance.errors import DescriptionError
from conformance.model import Exchange
from conformance.target.cookies import Jar
from conformance.target.dpop_proofs import by_dpop
from conformance.target.templates import UnknownWordError, render

if TYPE_CHECKING:
    from conformance.target.dpop_proofs import Prover
    from conformance.target.grammar import Verb
    from conformance.target.oauth_messages import Client as OAuthClient
    from conformance.target.oracle import Judgement
    from conformance.target.system import System
    from conformance.target.wire import Log

USER_AGENT = "Pickproof (authentication conformance test)"
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DEFAULT_USE = {"access": "header:Authorization: Bearer {access}"}


@dataclass(frozen=True, slots=True)
class Carrier:
    """Where a credential travels: a cookie or a token, by name."""

    kind: str
    """``cookie`` or ``token``."""
    name: str

    def __str__(self) -> str:
        return f"the {self.name} cookie" if self.kind == "cookie" else f"the {self.name} token"


class Hold(Protocol):
    """What a request waits for."""

    async def line_up(self) -> Any:
        """Return when the request may be sent, but for its last byte."""

    async def wait(self) -> Any:
        """Return when that byte may go."""


@dataclass
class Party:
    """One client: its cookies, its tokens and a connection of its own."""

    system: System = field(repr=False)
    label: str
    """What reports call it: ``alice``, ``a thief with alice's session``."""
    owner: str | None
    """The account whose credential it holds, if any."""
    lane: httpx.AsyncBaseTransport = field(repr=False)
    log: Log = field(repr=False)
    jar: Jar = field(default_factory=Jar, repr=False)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    principal: str | None = None
    """The name that the target gave at this login."""
    issued_at: float = 0.0
    """The target's time of the login."""
    lifetime: float | None = None
    """Seconds, where the login's answer said ``expires_in``."""
    history: tuple[Exchange, ...] = field(default=(), repr=False)
    """The exchanges of the login, for the evidence of whatever follows."""
    turned_away: bool = False
    """The login was answered with an error, whatever the client then counts as."""
    base: Party | None = field(default=None, repr=False)
    """Whose genuine credential this one was altered from: the positive control of its refusal."""
    also_cookies: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent after the jar's cookies, as they are."""
    also_query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent in the query of every request."""
    also_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request."""
    also_fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Header fields sent as they are after all others, even of a name that is there already."""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Fields of an account that the description lacks, such as one that the kit registered."""
    home: str = ""
    """The base URL of the replica that it talks to; empty for the described one."""
    client: OAuthClient | None = field(default=None, repr=False)
    """The OAuth client that its tokens were issued to."""
    prover: Prover | None = field(default=None, repr=False)
    """Proves the key that its tokens are bound to, where they are."""
    hold: Hold | None = field(default=None, repr=False)
    """What each change waits for: the common start of a race."""
    racing: bool = False
    """Its requests overlap others on purpose, and wait for no place among the run's requests in flight."""
    start: asyncio.Event | None = field(default=None, repr=False)
    """For races: the last byte of each request waits until this is set."""
    replays: bool = False
    """It sends copied values whatever the target says: an answer's Set-Cookie does not touch them."""

    # -- what it holds

    def secret(self, carrier: Carrier | None = None) -> str:
        """The value of a carrier, by default of the one that authenticates; empty where it holds none."""
        where = carrier or self.system.carrier
        return (self.jar.get(where.name) if where.kind == "cookie" else self.tokens.get(where.name)) or ""

    def in_log(self, log: Log) -> Party:
        """The same party, recording elsewhere: cookies, tokens and connection are shared."""
        return replace(self, log=log)

    def stolen(self, label: str | None = None) -> Party:
        """A thief with a copy of every credential: the same secrets, another client, a connection of its own."""
        return replace(
            self, label=label or f"a thief with {self.label}'s session", lane=self.system.own_lane(),
            jar=self.jar.copy(), tokens=dict(self.tokens), base=None, replays=True,
        )  # fmt: skip

    def holding(self, value: str | bytes, carrier: Carrier | None = None, label: str | None = None) -> Party:
        """A thief whose credential was replaced by `value`."""
        where = carrier or self.system.carrier
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        thief = self.lacking(where, label or f"an attacker with an altered copy of {self.label}'s credential")
        thief.take_up(text, where)
        return thief

    def take_up(self, value: str, carrier: Carrier) -> None:
        """Hold a value as the credential."""
        if carrier.kind == "token":
            self.tokens[carrier.name] = value
        else:
            self.jar.put(carrier.name, value, self.system.base_url)

    def lacking(self, carrier: Carrier, label: str) -> Party:
        """A thief without this credential, and without any that authenticates by itself in its place."""
        thief = self.stolen(label)
        for one in (carrier,) if self.system.joint else {carrier, *self.system.carriers}:
            if one.kind == "cookie":
                thief.jar.discard(one.name)
            else:
                thief.tokens.pop(one.name, None)
        # Attacks of this kind come in hundreds: they share a few connections.
        thief.lane = self.system.spare_lane(self.lane)
        thief.base = self.base or (self if self.principal else None)
        return thief

    def learn(self, what: str, value: str) -> None:
        """Mask a value from now on."""
        self.system.secrets.learn(value, f"{what} of {self.owner or 'a stranger'}")

    # -- what it does

    async def send(
        self,
        method: str,
        path: str,
        *,
        purpose: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        content_type: str | None = None,
        files: Iterable[tuple[str, str]] | None = None,
        accept: str = "application/json, text/html;q=0.9, */*;q=0.8",
        omit: Iterable[str] = (),
    ) -> Exchange:
        """Send one request with everything that this party holds, and keep the cookies that come back.

        Of the headers that are not named in `headers`, those of `omit` are left out: a page of another site sends
        neither this target's `Origin` nor what its own scripts add. `files` are the fields of a multipart form.

        Raises:
            DescriptionError: `headers` or `use` names an unknown word.
        """
        # Joined as text: what an attack writes into a path must leave as it is.
        url = path if path.startswith("http") else (self.home or self.system.base_url) + "/" * (path[:1] != "/") + path
        carried, cookie_pairs, params = self._presented()
        params.update(query or {})
        if params:
            url += ("&" if urlsplit(url).query else "?") + urlencode(params)
        head: dict[str, str] = {"Accept": accept, "User-Agent": USER_AGENT}
        if method.upper() not in SAFE:
            # A browser of the target's own pages: some servers demand one of the two with every change.
            head |= {"Origin": _origin(url), "Sec-Fetch-Site": "same-origin"}
        if content_type:
            head["Content-Type"] = content_type
        if cookies := self._cookie_header(url, cookie_pairs):
            head["Cookie"] = cookies
        everywhere = self._rendered("headers", self.system.headers, self.system.words(self))
        for more in (everywhere, carried, dict(self.also_headers)):
            head = _merged(head, more)
        unwanted = {name.lower() for name in omit}
        head = _merged({name: value for name, value in head.items() if name.lower() not in unwanted}, headers or {})
        hold = self.hold if method.upper() not in SAFE else None
        if hold:
            await hold.line_up()
        request = httpx.Request(
            method.upper(), _address(url),
            headers=[(k.encode("latin-1"), _bytes(v)) for k, v in (*head.items(), *self.also_fields)],
            extensions={"hold": hold or self.start} if hold or self.start else {},
            **_body(content, files),
        )  # fmt: skip
        transmit = partial(
            self.system.wire.send, self.lane, party=self.label, purpose=purpose, log=self.log, racing=self.racing
        )
        exchange = await (self.prover.send(request, transmit) if self.prover else transmit(request))
        if exchange.answer and not self.replays:
            self.jar.store(exchange.answer.all("set-cookie"), url, self.system.clock.now())
            for name, value in self.jar.as_pairs():
                self.learn(f"{name} cookie", value)
        return exchange

    @property
    def _use(self) -> Mapping[str, str]:
        """How tokens travel, by their name."""
        use = {**DEFAULT_USE, **self.system.use}
        return {name: by_dpop(how) for name, how in use.items()} if self.prover else use

    def _presented(self) -> tuple[dict[str, str], list[tuple[str, str]], dict[str, str]]:
        headers: dict[str, str] = {}
        cookies: list[tuple[str, str]] = []
        query: dict[str, str] = {}
        for name, template in self._use.items():
            if name not in self.tokens:
                continue
            kind, _, rest = template.partition(":")
            if kind == "header":
                header, _, value = rest.partition(":")
                headers[header.strip()] = self._rendered(f"use.{name}", value.strip(), self.tokens)
            elif kind == "cookie":
                cookies.append((rest, self.tokens[name]))
            else:
                query[rest] = self.tokens[name]
        return headers, [*cookies, *self.also_cookies], {**query, **dict(self.also_query)}

    def without_scheme(self, name: str, text: str) -> str:
        """A token bare, where the answer wrote before it what `use` writes there, as in ``Bearer eyJ…``."""
        _, _, carrier = self._use.get(name, "").partition(":")
        written = carrier.partition(":")[2].strip().partition("{")[0]
        said = bool(written) and text.lower().startswith(written.lower())
        return text[len(written) :].strip() or text if said else text

    def _rendered(self, key: str, template: Any, words: Mapping[str, str]) -> Any:
        """What stands at a key of the description that goes along with every request of whatever verb."""
        try:
            return render(template, words)
        except UnknownWordError as problem:
            raise DescriptionError(self.system.where, key, str(problem)) from None

    def _cookie_header(self, url: str, extra: Iterable[tuple[str, str]]) -> str:
        stored = self.jar.header_for(url, self.system.clock.now())
        named = [f"{name}={value}" for name, value in extra]
        return "; ".join([stored, *named] if stored else named)

    async def whoami(self) -> Judgement:
        """Ask the identity route who this is."""
        from conformance.target.verbs import identify

        exchange, name = await identify(self)
        return self.system.oracle.judge(exchange, name)

    async def visit(self, route: str, purpose: str, **headers: str) -> Exchange:
        """Send a bare ``METHOD /path``."""
        method, path = route.split(" ", 1)
        return await self.send(method, path, purpose=purpose, headers=headers)

    async def attempt_login(self, password: str) -> Exchange:
        """Try to log in with this password; whether it worked is for the caller to find out."""
        login = self.system.description.login
        return await self.verb("login", login, f"{self.label}: try to log in", password=password)

    async def verb(self, name: str, verb: Verb | None, purpose: str, **words: str) -> Exchange:
        """Perform a verb of the description as this party."""
        from conformance.target.verbs import perform

        try:
            return await perform(self, name, verb, purpose, words)
        finally:
            self.system.doubt_after(name, self.owner)

    async def logout(self) -> Exchange:
        """End this session the way the description says."""
        return await self.verb("logout", self.system.description.logout, f"{self.label} logs out")


def _merged(head: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Headers with others in their place; names are compared without regard to case (RFC 9110 section 5.1)."""
    replaced = {name.lower() for name in more}
    return {**{name: value for name, value in head.items() if name.lower() not in replaced}, **more}


@lru_cache(maxsize=256)
def _address(url: str) -> httpx.URL:
    """The same few routes are asked thousands of times, and parsing an address is a tenth of what a request costs."""
    return httpx.URL(url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _body(content: bytes | None, files: Iterable[tuple[str, str]] | None) -> dict[str, Any]:
    if files is not None:
        # Pairs, since a form may have several fields of one name.
        return {"files": [(name, (None, value)) for name, value in files]}
    return {} if content is None else {"content": content}


def json_body(value: Any) -> bytes:
    """A JSON body."""
    return json.dumps(value).encode()


def form_body(fields: Iterable[tuple[str, str]]) -> bytes:
    """An ``application/x-www-form-urlencoded`` body."""
    return urlencode(list(fields), quote_via=quote).encode()
