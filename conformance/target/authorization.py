"""Driving an authorization server without a browser: the kit is the user's browser, and it is the client.

A redirect to a client is never followed. What users reach at `public_url` the kit reaches at `base_url`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit
from weakref import WeakKeyDictionary

import httpx

from conformance.attacks.dpop_proofs import new_key
from conformance.errors import DescriptionError, Inconclusive, NotApplicable, PreflightError
from conformance.target.cookies import Jar
from conformance.target.dpop_proofs import Prover
from conformance.target.grammar import Verb
from conformance.target.key_clients import find_audiences, key_of
from conformance.target.oauth_messages import (
    AuthorizationRequest,
    AuthorizationResponse,
    Change,
    Client,
    TokenAnswer,
    TokenRequest,
    altered,
    new_verifier,
    s256,
)
from conformance.target.party import form_body
from conformance.target.templates import UnknownWordError, forms, json_of, render
from conformance.target.verbs import FORM, HTML, choose_form, perform
from conformance.target.wire import origin_of

if TYPE_CHECKING:
    from conformance.model import Exchange
    from conformance.target.oauth_table import Consent, OAuth, OAuthClient
    from conformance.target.party import Party
    from conformance.target.system import System
    from conformance.target.templates import Form

MAX_HOPS = 10
"""Redirects and pages between an authorization request and its end."""
ENDPOINTS = ("authorization", "token", "revocation", "introspection")
PUSH = "pushed_authorization_request"
ABOUT_THE_RESPONSE = ("code", "error", "access_token", "id_token")


@dataclass
class AuthorizationServer:
    """The server under test, as its metadata and the description have it."""

    system: System = field(repr=False)
    described: OAuth
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Its metadata document (RFC 8414); empty where the description names none."""
    fetched: Exchange | None = field(default=None, repr=False)
    """The exchange that brought the metadata."""
    trouble: str = ""
    """Why the last login gave no token."""
    pusher: Client | None = None
    """The client that was seen to push a request (RFC 9126)."""
    reference: str = ""
    """The reference that it got."""
    reference_life: float = 0.0
    """Seconds for which that was to live."""

    def __post_init__(self) -> None:
        self.audiences: dict[str, str] = {}
        """What each client's assertions name as their audience, where the description does not say."""
        self._proven: dict[str, tuple[list[float], asyncio.Lock]] = {}
        self._browsing: WeakKeyDictionary[Jar, asyncio.Lock] = WeakKeyDictionary()
        self._prover: Prover | None = None

    @property
    def clients(self) -> tuple[Client, ...]:
        """The clients that the kit plays, in the order of the description.

        Without the one whose secret is guessed at: its genuine use would clear its failures, and it may be locked.
        """
        every = self.all_clients
        others = tuple(client for client in every if client.id != self.described.throttle_client)
        return others if any(client.redirect_uri for client in others) else every

    @property
    def all_clients(self) -> tuple[Client, ...]:
        """Every described client."""
        return tuple(
            Client(
                id, c.secret or "", c.auth or _method(c), c.redirect_uri or "",
                tuple(self.described.scopes if c.scopes is None else c.scopes), tuple(c.more_redirect_uris),
                (c.require_pushed_authorization_requests or self.everybody_pushes) and self.offers(PUSH),
                key_of(self, id, c),
            )
            for id, c in self.described.clients.items()
        )  # fmt: skip

    @property
    def default_client(self) -> Client:
        """The client of ordinary logins: the first that users can be sent back to."""
        return next(client for client in self.clients if client.redirect_uri)

    @property
    def everybody_pushes(self) -> bool:
        """Whether the server takes pushed requests only, as it announces (RFC 9126 section 5)."""
        return self.metadata.get("require_pushed_authorization_requests") is True

    @property
    def issuer(self) -> str:
        """The issuer identifier, as described or else as announced; empty where neither says."""
        return self.described.issuer or str(self.metadata.get("issuer") or "")

    def endpoint(self, name: str) -> str | None:
        """The address of an endpoint, or None where the server has none, such as ``token``."""
        told = getattr(self.described, f"{name}_endpoint") or self.metadata.get(f"{name}_endpoint")
        return self.reach(told) if isinstance(told, str) and told else None

    def announced(self, name: str) -> str:
        """An endpoint's address as its users know it."""
        described, public = self.system.description, self.described
        told = getattr(public, f"{name}_endpoint") or self.metadata.get(f"{name}_endpoint") or ""
        return urljoin((described.public_url or described.base_url) + "/", str(told))

    @property
    def proof_algorithms(self) -> tuple[str, ...]:
        """The algorithms of DPoP proofs that the metadata names (RFC 9449 section 5.1); none where it is silent."""
        told = self.metadata.get("dpop_signing_alg_values_supported")
        return tuple(alg for alg in told if isinstance(alg, str)) if isinstance(told, list) else ()

    @property
    def constant_prover(self) -> Prover | None:
        """The key of every client that the kit plays, where tokens are described as bound to one.

        One key for all: what an attacker lacks is then what the attack is about, never the key.
        """
        if self._prover is None and self.described.dpop:
            self._prover = self.prover()
        return self._prover

    def prover(self) -> Prover:
        """A client's fresh key, and the proofs of it."""
        return Prover(self.system, new_key(self.proof_algorithms))

    def offers(self, name: str) -> bool:
        """Whether the server has an endpoint that the kit may use; of those that it can do without."""
        return self._own(self.endpoint(name) or "")

    def reach(self, url: str) -> str:
        """Where the kit reaches a URL of the server."""
        return self.system.reach(url)

    def _own(self, url: str) -> bool:
        try:
            return url.startswith(("http://", "https://")) and origin_of(url) in self.system.wire.origins
        except (ValueError, httpx.InvalidURL):
            return False

    async def discover(self, stranger: Party) -> None:
        """Fetch the metadata, and see that the endpoints are where the kit may go.

        Raises:
            PreflightError: no metadata is there, or it names another host.
        """
        place = self.described.metadata
        if place:
            exchange = await stranger.send("GET", self.reach(place), purpose="fetch the server's metadata")
            document = json_of(exchange.answer) if exchange.answer and exchange.answer.status == 200 else None
            if not isinstance(document, dict):
                hint = "name the metadata's path, or state the endpoints yourself"
                raise PreflightError("oauth.metadata", f"{place} holds no JSON object", hint, (exchange,))
            self.metadata, self.fetched = document, exchange
        for name in ENDPOINTS:
            url = self.endpoint(name)
            if url is None and name in ("authorization", "token"):
                hint = f"state oauth.{name}_endpoint"
                raise PreflightError("oauth.metadata", f"the metadata names no {name}_endpoint", hint)
            if url and not self._own(url):
                hint = f"if that is right, say so: oauth.{name}_endpoint = {url!r}"
                raise PreflightError("oauth.metadata", f"the {name} endpoint is at another host: {url}", hint)
        await find_audiences(self, stranger)

    # -- the authorization request

    def request(self, client: Client, **changes: Change) -> AuthorizationRequest:
        """A proper request of a client: code flow, fresh state, PKCE with S256; then some parameters changed."""
        pkce = self.system.description.policy.pkce != "none"
        scope = " ".join(client.scopes)
        asked = changes.get("scope", scope) or ""
        openid = "openid" in (asked if isinstance(asked, list) else asked.split())
        verifier = new_verifier() if pkce else ""
        self.system.secrets.learn(verifier, f"code verifier of {client.id}")
        proper = {
            "response_type": "code", "client_id": client.id, "redirect_uri": client.redirect_uri,
            "scope": scope, "state": secrets.token_urlsafe(12),
            **({"code_challenge": s256(verifier), "code_challenge_method": "S256"} if pkce else {}),
            **({"nonce": secrets.token_urlsafe(12)} if openid else {}),
            **self.described.parameters,
        }  # fmt: skip
        given = tuple((name, value) for name, value in proper.items() if value)
        return AuthorizationRequest(client, altered(given, changes), verifier)

    async def ask(
        self, browser: Party, request: AuthorizationRequest, *, consent: Consent | None = None, decide: bool = True
    ) -> AuthorizationResponse:
        """Send a browser to the server, and answer its page of consent; ends at a redirect to a client, or on a page.

        Args:
            browser: whoever is, or is not, logged in at the server.
            request: what the client asks.
            consent: how the page is answered; by default as described.
            decide: False leaves the page of consent unanswered.
        """
        purpose = f"{browser.label} is sent to the server by {request.client}"
        at = self.endpoint("authorization") or ""
        at += "&" if urlsplit(at).query else "?"
        adapter = self.system.adapter
        # A browser goes one way at a time: a server may keep in its session, or in cookies, which way that is. What is
        # pushed must not wait for that: its reference lives for seconds.
        async with self._browsing.setdefault(browser.jar, asyncio.Lock()):
            if request.client.pushes and not request.front:
                pushed, exchange = await self.push(browser, request)
                if pushed is None:
                    return AuthorizationResponse(request, (exchange,))
                request = _as_registered(pushed)
            if adapter is not None and adapter.offers("authorize"):
                location, trail = await adapter.authorize(browser, at + request.query, purpose)
                return AuthorizationResponse(request, trail, location)
            trail = (await browser.send("GET", at + request.query, purpose=purpose, accept=HTML),)
            return await self._drive(
                browser, request, trail, purpose, (consent or self.described.consent) if decide else None
            )

    async def push(self, browser: Party, request: AuthorizationRequest) -> tuple[AuthorizationRequest | None, Exchange]:
        """The same request, pushed by its client (RFC 9126), as the browser brings it; None where that is refused."""
        purpose = f"{request.client} pushes its request"
        form = TokenRequest(request.client, request.parameters)
        answer = await self.call(self.client_of(browser), form, purpose, PUSH)
        reference = answer.reference
        browser.learn("request_uri", reference)
        return (request.by(reference) if reference else None), answer.exchange

    async def answer_page(
        self, browser: Party, page: AuthorizationResponse, form: Form, headers: Mapping[str, str], purpose: str
    ) -> AuthorizationResponse:
        """Where this browser was shown a page of consent, send a form as a page of any site may; where that leads."""
        if self.form_of_consent(page.exchange, browser) is None:
            return page
        fill = self._fill(browser, self.described.consent)
        sent = await self._submit(browser, form, fill, "", purpose, headers)
        return await self._drive(browser, page.request, (*page.trail, sent), purpose, None)

    async def decide(self, browser: Party, page: AuthorizationResponse) -> AuthorizationResponse:
        """Answer the page of consent that a request led this browser to before."""
        purpose = f"{browser.label} decides on the request of {page.request.client}"
        return await self._drive(browser, page.request, page.trail, purpose, self.described.consent)

    async def lead(
        self, browser: Party, request: AuthorizationRequest, first: Exchange, purpose: str, how: Consent | None,
        page: str,
    ) -> AuthorizationResponse:  # fmt: skip
        """What an answer of the server leads a browser to; a page with a question, such as ``logout``, is answered."""
        return await self._drive(browser, request, (first,), purpose, how, page)

    async def _drive(
        self, browser: Party, request: AuthorizationRequest, trail: tuple[Exchange, ...], purpose: str,
        consent: Consent | None, page: str = "consent",
    ) -> AuthorizationResponse:  # fmt: skip
        """Follow redirects on the server's own addresses, and answer one page of consent."""
        for _ in range(MAX_HOPS):
            location = self._redirect(trail[-1])
            if location and self._leaves(location, request):
                return AuthorizationResponse(request, trail, location)
            if location:
                following = f"{purpose}: follow the redirect"
                trail = (*trail, await browser.send("GET", self.reach(location), purpose=following, accept=HTML))
                continue
            more = await self._consent(browser, consent, trail, page) if consent else None
            if more is None:
                break
            consent, trail = None, (*trail, more)
        return AuthorizationResponse(request, trail)

    async def prove(self, browser: Party, client: Client, since: float) -> None:
        """See that a proper request of a client, sent after `since`, gives a code.

        Raises:
            Inconclusive: it gives none.
        """
        proven, lock = self._proven.setdefault(client.id, ([0.0], asyncio.Lock()))
        async with lock:
            if proven[0] < since:
                response = await self.ask(browser, self.request(client))
                if not response.code:
                    reason = f"the positive control failed: a proper request of {client} ended in {response}"
                    raise Inconclusive(reason, response.trail)
                proven[0] = response.trail[0].sent_at

    @staticmethod
    def _redirect(exchange: Exchange) -> str:
        answer = exchange.answer
        location = answer.header("location") if answer and 300 <= answer.status < 400 else None
        try:
            return urljoin(exchange.request.url, location) if location else ""
        except ValueError:
            return location or ""

    def _leaves(self, location: str, request: AuthorizationRequest) -> bool:
        """Whether a redirect goes to a client: off the server, or with an answer to where it was asked."""
        if not self._own(self.reach(location)):
            return True
        place = location.split("?")[0].split("#")[0]
        asked = [v.split("?")[0].split("#")[0] for n, v in request.parameters if n == "redirect_uri"]
        known = [uri.split("?")[0] for client in self.clients for uri in client.redirect_uris]
        return place in (*asked, *known) and any(f"{name}=" in location for name in ABOUT_THE_RESPONSE)

    async def _consent(
        self, browser: Party, how: Consent, trail: tuple[Exchange, ...], kind: str = "consent"
    ) -> Exchange | None:
        """Answer the page of consent; None where the page holds no such form."""
        purpose = f"{browser.label} answers the page of {kind}"
        page = trail[-1]
        if how.steps:
            words = {"authorization_url": trail[0].request.url}
            return await perform(browser, f"oauth.{kind}", Verb(steps=how.steps), purpose, words)
        form = self.form_of_consent(page, browser, how)
        if form is None:
            return None
        return await self._submit(browser, form, self._fill(browser, how), page.request.url, purpose)

    def _fill(self, browser: Party, how: Consent) -> dict[str, str]:
        try:
            filled: dict[str, str] = render(how.fill, {**self.system.words(browser), **browser.tokens})
        except UnknownWordError as problem:
            raise DescriptionError(self.system.where, "oauth.consent", str(problem)) from None
        return filled

    def form_of_consent(self, page: Exchange, browser: Party, how: Consent | None = None) -> Form | None:
        """The form in which the user answers, on the page that a request led to; None where there is none."""
        described = how or self.described.consent
        if page.answer is None or page.answer.status >= 300:
            return None
        fill = self._fill(browser, described)
        action = urljoin(page.request.url, described.action) if described.action else None
        found = forms(page.answer.body, page.request.url)
        if any("password" in name.lower() for name in fill):
            return choose_form(found, fill, action)
        # A form that asks for a password is the login: whoever is shown it is not logged in.
        return choose_form(tuple(form for form in found if not form.has_password), fill, action)

    async def _submit(
        self, browser: Party, form: Form, fill: Mapping[str, str], page: str, purpose: str,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:  # fmt: skip
        fields = [(name, value) for name, value in form.fields if name not in fill] + list(fill.items())
        target, head = self.reach(form.action), headers or {"Referer": page}
        if form.method == "GET":
            target += ("&" if urlsplit(target).query else "?") + urlencode(fields)
            return await browser.send("GET", target, purpose=purpose, headers=head, accept=HTML)
        return await browser.send(
            "POST", target, purpose=purpose, headers=head, content=form_body(fields), content_type=FORM, accept=HTML
        )

    # -- the client's own requests

    async def call(
        self, client: Party, request: TokenRequest, purpose: str, endpoint: str = "token", *, bare: bool = False
    ) -> TokenAnswer:
        """Send a request of a client to the token, revocation or introspection endpoint; `bare` without credentials."""
        more, headers = ((), {}) if bare else request.credentials()
        names = {name for name, _ in request.form}
        fields = [*request.form, *((name, value) for name, value in more if name not in names)]
        url = self.endpoint(endpoint) or ""
        if request.query:
            url += ("&" if urlsplit(url).query else "?") + urlencode(request.query)
        posted = request.method == "POST"
        if not posted and fields:
            url += ("&" if urlsplit(url).query else "?") + urlencode(fields)
        exchange = await client.send(
            request.method, url, purpose=purpose, headers=headers, accept="application/json",
            content=form_body(fields) if posted else None, content_type=FORM if posted else None,
            omit=("Origin", "Sec-Fetch-Site"),
        )  # fmt: skip
        answer = TokenAnswer(request, exchange)
        for name in ("access_token", "refresh_token", "id_token"):
            client.learn(name.replace("_", " "), answer.text(name))
        client.learn("client assertion", dict(fields).get("client_assertion", ""))
        return answer

    def redemption(self, code: str, request: AuthorizationRequest, **changes: Change) -> TokenRequest:
        """The proper request for the tokens of a code (RFC 6749 section 4.1.3), then some parameters changed."""
        uri = request.value("redirect_uri")
        proper = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": uri, "code_verifier": request.verifier,
        }  # fmt: skip
        given = tuple((name, value) for name, value in proper.items() if value)
        return TokenRequest(request.client, altered(given, changes))

    def refreshing(self, client: Client, token: str, **changes: Change) -> TokenRequest:
        """The proper request for the successor of a refresh token (RFC 6749 section 6)."""
        return TokenRequest(client, altered((("grant_type", "refresh_token"), ("refresh_token", token)), changes))

    def told_of_method(self, client: Client) -> str:
        """What to try where a client was refused that is described with a secret alone: many take one method."""
        chosen = client.auth == "basic" and not self.described.clients[client.id].auth
        return f'; where it sends its secret in the form, say oauth.clients.{client}.auth = "post"' if chosen else ""

    async def grant(self, party: Party) -> None:
        """Let a client have tokens of whoever is logged in here: the party's, else the default one.

        Where that fails, `trouble` says why.
        """
        client = party.client or self.default_client
        response = await self.ask(party, self.request(client))
        if not response.code:
            self.trouble = f"the authorization request of {client} ended in {response}, not in a code"
            return
        party.learn("authorization code", response.code)
        party.prover = self.constant_prover
        answer = await self.call(
            self.client_of(party), self.redemption(response.code, response.request), f"{client} redeems the code"
        )
        if not answer.granted:
            told = self.told_of_method(client) if answer.error == "invalid_client" else ""
            self.trouble = f"{client} redeemed its code and got {answer}{told}"
            return
        if self.constant_prover and answer.text("token_type").lower() != "dpop":
            self.trouble = f"with a proof, {client} got a token of type {answer.text('token_type')}: see `oauth.dpop`"
            return
        self.trouble = ""
        take(party, answer)

    def client_of(self, party: Party, *, alone: bool = False) -> Party:
        """A client beside the user's browser, of which nothing travels with it; `alone` on a connection of its own."""
        system = self.system
        # Clients are many and short-lived: they share a few connections, since some servers have places for a hundred.
        lane = system.own_lane() if alone else system.spare_lane(party.lane)
        return replace(
            party, lane=lane, jar=Jar(), tokens={}, base=None, replays=False, prover=self.constant_prover
        )  # fmt: skip


def _as_registered(pushed: AuthorizationRequest) -> AuthorizationRequest:
    """A pushed request, unless a client with a secret brought an address with it that is not registered.

    Raises:
        NotApplicable: such a client may (RFC 9126 section 2.4), so that what follows is no redirect to a stranger.
    """
    client, asked = pushed.client, [value for name, value in pushed.parameters if name == "redirect_uri"]
    if not client.public and not set(asked) <= set(client.redirect_uris):
        told = f"{client}, which must push and has a secret, may bring a redirect URI that is not registered"
        raise NotApplicable(f"{told}: oauth.par.redirect-validated speaks of that")
    return pushed


def _method(client: OAuthClient) -> str:
    return "private_key_jwt" if client.private_key else "basic" if client.secret else "none"


def take(party: Party, answer: TokenAnswer) -> None:
    """Give a party the tokens of an answer."""
    names = {"access_token": "access", "refresh_token": "refresh", "id_token": "id_token"}
    party.tokens.update({short: answer.text(name) for name, short in names.items() if answer.text(name)})
    party.client, party.lifetime = answer.request.client, answer.expires_in
