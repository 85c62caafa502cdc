"""More of the front channel under attack: what a request's oddities change, and what pages and headers give away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, quote_plus, urljoin, urlsplit

from conformance.attacks.redirects import place
from conformance.target.consenting import ELSEWHERE
from conformance.target.oauth_messages import NOT_IMPLEMENTED, AuthorizationResponse, Client, TokenAnswer
from conformance.target.tokening import Tokening

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from conformance.model import Exchange
    from conformance.target.party import Party

ERRONEOUS: Mapping[str, Mapping[str, str]] = {
    "an unknown response_type": {"response_type": "pickproof"},
    "an unknown scope": {"scope": "pickproof-no-such-scope"},
}
"""Requests whose client and redirect URI are right, so that their error may be told to the client."""
LINKED = re.compile(r"""\b(?:href|action|formaction|src|data|content)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.I)
RUN = re.compile(r"\s*(?:\d*\s*;\s*url\s*=\s*)?(?:javascript|data|vbscript|file):", re.I)
LOADED = re.compile(r"""<(?:script|img|iframe|embed|video|audio|source|object|link)\b[^>]*?\b(?:src|href|data)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)""", re.I)  # fmt: skip  # noqa: E501
GUARDED = {
    "no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
}  # fmt: skip
"""Referrer policies that tell another site no query."""
ERROR_TEXT = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
"""RFC 6749 sections 4.1.2.1 and 5.2: what error and error_description are made of."""
MARKUP = "pickproof\"'></script><ppx>"
"""Ends any attribute and any script, and opens an element that no page has."""
SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.I | re.S)
SPLIT = "pickproof\r\nX-Pickproof: split"
SENDS_BODY_ON = (307, 308)


@dataclass(frozen=True, slots=True)
class Clear:
    """A redirect URI that would carry a code in the clear."""

    client: Client
    uri: str
    how: str
    """Why it might work."""


class FrontChannel(Tokening):
    """What the server makes of odd requests, and what its pages and redirects show."""

    # -- whether a request works

    async def expect_code(self, browser: Party, response: AuthorizationResponse, expected: str) -> None:
        """A code comes, as for a proper request; where it does not, a proper one must give one at that time."""
        if response.code:
            return
        self.demand_answer(response)
        await self.prove_code(browser, response.request.client, response.trail[0].sent_at)
        self.violation(expected, str(response), response.trail)

    async def expect_empty_is_absent(self, browser: Party, client: Client, name: str) -> None:
        """A parameter without a value leads to what its absence leads to."""
        ends = [await self.authorize(browser, client, **{name: value}) for value in (None, "")]
        for response in ends:
            self.demand_answer(response)
        if bool(ends[0].code) != bool(ends[1].code):
            actual = f"without it: {ends[0]}; empty: {ends[1]}"
            self.violation(f"an empty {name} counts as none", actual, (*ends[0].trail[-1:], *ends[1].trail))

    async def erroneous(self, browser: Party, client: Client) -> list[AuthorizationResponse]:
        """The errors that a client is told: of wrong requests, and of a user who says no where that is described."""
        found = [await self.authorize(browser, client, **changes) for changes in ERRONEOUS.values()]
        if self.authorization.described.deny:
            request = self.request(client)
            found.append(await self.authorization.ask(browser, request, consent=self.authorization.described.deny))
        for response in found:
            self.demand_answer(response)
        told = [response for response in found if self.tells_client(response)]
        return told or self.not_applicable("no error is told to the client: each ends on a page of the server")

    # -- where the browser is sent

    @staticmethod
    def tells_client(response: AuthorizationResponse) -> bool:
        """Whether an error is told to the client: where it asked, not on a page of the server's at another host."""
        asked = response.request.value("redirect_uri")
        return bool(response.error) and place(response.location).rstrip("/") == place(asked).rstrip("/")

    def demand_one_code(self, response: AuthorizationResponse) -> None:
        """No response carries two codes."""
        if len(response.values("code")) > 1:
            self.violation("one code in a response", f"{len(response.values('code'))} in {response}")

    def clear_uris(self) -> list[Clear]:
        """Plain http redirect URIs to ask for: those that are registered, and the twin of a registered https one.

        Raises:
            NotApplicable: no client has an address at another host.
        """
        every = [(c, uri) for c in self.authorization.clients for uri in c.redirect_uris]
        found = [
            Clear(client, uri, "which is described as registered")
            for client, uri in every if uri.startswith("http://") and not on_this_machine(uri)
        ]  # fmt: skip
        twins = (Clear(c, "http" + uri[5:], f"asked in place of {uri}") for c, uri in every if uri.startswith("https:"))
        asked = [*found, *list(twins)[:1]]
        return asked or self.not_applicable("no redirect URI with http or https at another host is described")

    def demand_nothing_to_run(self, response: AuthorizationResponse) -> None:
        """No page on the way has a link, a form or a frame that runs what the request brought."""
        for exchange in response.trail:
            found = ("".join(match.groups("")) for match in LINKED.finditer(html_of(exchange)))
            run = next((value for value in map(unescape, found) if RUN.match(value) and "pickproof" in value), None)
            if run:
                self.violation("a page links to no URI that a browser would run", run, (exchange,))

    def client_with_several_uris(self) -> Client:
        """A client with more than one registered redirect URI.

        Raises:
            NotApplicable: none is described.
        """
        found = (c for c in self.authorization.clients if len(c.redirect_uris) > 1)
        return next(found, None) or self.not_applicable(
            "no client with several redirect URIs is described: see `oauth.clients.*.more_redirect_uris`"
        )

    def where_no_code_went(self) -> Iterator[tuple[Client, str]]:
        """Clients, each with a redirect URI to which no code of it is sent: a stranger's, and others of its own."""
        yield self.client("web"), "https://attacker.pickproof.example/callback"
        for client in self.authorization.clients:
            yield from ((client, uri) for uri in client.redirect_uris[1:2])

    def uri_with_query(self) -> tuple[Client, str]:
        """A client, and a registered redirect URI of it that has a query.

        Raises:
            NotApplicable: none is described.
        """
        found = ((c, uri) for c in self.authorization.clients for uri in c.redirect_uris if urlsplit(uri).query)
        return next(found, None) or self.not_applicable("no redirect URI with a query is described")

    def expect_query_kept(self, response: AuthorizationResponse, uri: str) -> None:
        """The registered query stands in the response as it was, beside what the response adds."""
        asked, came = (parse_qsl(split(u).query, keep_blank_values=True) for u in (uri, response.location))
        names = {name for name, _ in asked}
        if [pair for pair in came if pair[0] in names] != asked:
            self.violation(f"the query {urlsplit(uri).query} stays", f"the response has {[n for n, _ in came]}")

    async def expect_scope_named(self, answer: TokenAnswer, owner: Party, foreign: str) -> None:
        """A token that lacks a scope that was asked for comes with its scope, or it does open what that one does.

        Raises:
            NotApplicable: whether the scope was left out cannot be seen, or it was granted.
        """
        party = self.holder(owner, answer)
        if answer.text("scope"):
            return
        # All that was asked for may be granted without a word (RFC 6749 section 5.1): what the token opens must tell.
        entitled = next((c for c in self.authorization.clients if c.redirect_uri and foreign in c.scopes), None)
        if foreign not in self.authorization.described.resources or entitled is None:
            self.not_applicable(f"whether {foreign} was left out is unseen: see `oauth.resources`")
        if await self.opens(party, foreign):
            self.not_applicable(f"{foreign} was granted though the client is not registered for it")
        await self.expect_open(await self.granted(owner, entitled), foreign)
        told = "the response names the scope, which is not the one that was asked for"
        self.violation(told, f"{foreign} is left out, and no scope is named", (answer.exchange, *self.log))

    # -- headers

    async def expect_no_cors(self, browser: Party, client: Client) -> None:
        """No script of another site may read what the authorization endpoint answers."""
        url = self.authorization.endpoint("authorization") or ""
        url += ("&" if urlsplit(url).query else "?") + self.request(client).query
        asks = {**ELSEWHERE, "Access-Control-Request-Method": "GET"}
        for method, headers in (("GET", ELSEWHERE), ("OPTIONS", asks)):
            told = f"a script of another site asks the authorization endpoint ({method})"
            exchange = await browser.send(method, url, purpose=told, headers=headers)
            allowed = exchange.answer.header("access-control-allow-origin") if exchange.answer else None
            if allowed in ("*", ELSEWHERE["Origin"]):
                self.violation("no CORS", f"{method}: Access-Control-Allow-Origin: {allowed}", (exchange,))
            status = exchange.answer.status if exchange.answer else 0
            if not status or (status >= 500 and status != NOT_IMPLEMENTED):
                self.inconclusive(f"{method} got {exchange.answer.status if exchange.answer else exchange.error}")

    def expect_no_body_sent_on(self) -> None:
        """No answer of this check's log makes a browser send a form on: passwords nowhere, others off the server."""
        for exchange in self.log:
            answer, asked = exchange.answer, urlsplit(exchange.request.url)
            if exchange.request.method != "POST" or answer is None or answer.status not in SENDS_BODY_ON:
                continue
            told = answer.header("location") or ""
            there = split(self.authorization.reach(joined(exchange.request.url, told)))
            # The server that is asked keeps what it sends to itself; of that RFC 9700 section 4.12 forbids one thing.
            kept = there.netloc == asked.netloc
            if kept and (there.path.rstrip("/") == asked.path.rstrip("/") or not self._risks_password(exchange)):
                continue
            actual = f"{answer.status} of POST {asked.path} to {split(told).netloc}{there.path}"
            self.violation("no form is sent on by 307 or 308", actual, (exchange,))

    def _risks_password(self, exchange: Exchange) -> bool:
        password, body = self.account("alice").password, exchange.request.body
        shown = {password.encode(), quote_plus(password).encode()} - {b""}
        return exchange.answer is not None and exchange.answer.status == 307 and any(word in body for word in shown)

    # -- pages

    def expect_no_foreign_load(self, response: AuthorizationResponse) -> None:
        """A page whose address holds the request loads nothing of third parties that would be told the address."""
        exchange = response.exchange
        answer = exchange.answer
        self.demand_answer(response)
        if response.location or answer is None or "state=" not in exchange.request.url:
            return
        policy = (answer.header("referrer-policy") or "").split(",")[-1].strip().lower()
        own = {split(url).netloc for url in (self.system.base_url, self.system.description.public_url or "")}
        own |= {f"{host}:{port}" for _, host, port in self.system.wire.origins}
        places = [split(unescape(url)).netloc for url in LOADED.findall(html_of(exchange))]
        foreign = [place for place in places if place and place not in own]
        if foreign and policy not in GUARDED:
            path = urlsplit(exchange.request.url).path
            actual = f"it loads from {foreign[0]}, Referrer-Policy: {policy or 'none'}"
            self.violation(f"{path} with state in its address loads nothing of third parties", actual, (exchange,))

    def expect_not_reflected(self, response: AuthorizationResponse, what: str) -> None:
        """What a request brings stands in no page as markup, and becomes no header."""
        for exchange in response.trail:
            # Within a script that it did not end it is a text, as in a page that carries its data as JSON.
            if "<ppx>" in SCRIPT.sub("", html_of(exchange)):
                self.violation(f"{what} is escaped in pages", "it stands there as markup", (exchange,))
            if exchange.answer and exchange.answer.header("x-pickproof") is not None:
                self.violation(f"a line break in {what} makes no header", "X-Pickproof came back", (exchange,))
        self.demand_answer(response)

    def expect_plain_error(self, error: str, description: str, evidence: Iterable[Exchange]) -> None:
        """An error and its description keep to the characters that they may have."""
        for name, text in (("error", error), ("error_description", description)):
            if not ERROR_TEXT.fullmatch(text):
                odd = sorted(set(ERROR_TEXT.sub("", text)))
                actual = f"{name} has {', '.join(f'U+{ord(c):04X}' for c in odd)}"
                self.violation(f"{name} of printable ASCII without quotation mark and backslash", actual, evidence)


def split(url: str) -> SplitResult:
    """The parts of a URL that the target made; none of one that is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def joined(base: str, url: str) -> str:
    """Where a redirect of the target's making leads; nowhere for one that is none."""
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def on_this_machine(url: str) -> bool:
    """Whether a URL of the target's making is on loopback."""
    host = split(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")


def html_of(exchange: Exchange) -> str:
    """The text of an answer that a browser reads as a page; empty for others."""
    answer = exchange.answer
    kind = (answer.header("content-type") or "text/html") if answer else ""
    return answer.body.decode("utf-8", "replace") if answer and "html" in kind.lower() else ""
