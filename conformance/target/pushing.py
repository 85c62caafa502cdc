"""Pushed authorization requests under attack (RFC 9126): what a reference is worth, to whom and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.attacks.jwt import parse
from conformance.attacks.material import is_number
from conformance.attacks.redirects import ONE_OF_EACH, place, sent_elsewhere
from conformance.model import Capability
from conformance.target.authorization import PUSH
from conformance.target.back_channel import BackChannel
from conformance.target.granting import LOOPBACK
from conformance.target.limits import SKEW
from conformance.target.oauth_messages import (
    AuthorizationRequest,
    AuthorizationResponse,
    Client,
    TokenAnswer,
    TokenRequest,
    new_verifier,
    s256,
)
from conformance.target.races import track_of
from conformance.target.verbs import lifetime_in

if TYPE_CHECKING:
    from conformance.target.oauth_messages import Change
    from conformance.target.party import Party
    from conformance.target.system import System

MADE_UP = "urn:ietf:params:oauth:request_uri:pickproof-made-up-reference"
METHOD_NOT_ALLOWED = 405


def past_reference(system: System) -> float:
    """Seconds after a push at which its reference has surely expired."""
    server = system.authorization
    return server.reference_life + slack(system, server.reference) if server and server.reference_life else 0.0


def slack(system: System, reference: str) -> float:
    """Seconds by which a server may be late: the tolerance for clocks is for signed tokens, or declared."""
    policy = system.description.policy
    tolerant = "leeway" in policy.model_fields_set or parse(reference.rpartition(":")[2]) is not None
    return SKEW + (policy.leeway if tolerant else 0.0)


async def find_pusher(system: System, browser: Party) -> str:
    """Find a client whose proper request can be pushed, the default one first; says what was seen, if anything."""
    server = system.authorization
    if server is None or not server.offers(PUSH):
        return ""
    default, answered = server.default_client, ""
    for client in (default, *(c for c in server.clients if c.redirect_uri and c != default)):
        pushed, exchange = await server.push(browser, server.request(client))
        if pushed is not None:
            life = lifetime_in(exchange) or 0.0
            server.pusher, server.reference, server.reference_life = client, pushed.reference, life
            return f"{client} pushes a request" + (f", which waits for {life:.0f} s" if life else "")
        answered = str(exchange.answer.status) if exchange.answer else exchange.error or "nothing"
    return f"no client can push a request: the last was answered {answered}"


class Pushing(BackChannel):
    """What clients push, and what browsers and other clients bring of it."""

    # -- pushing

    def pusher(self, kind: str = "") -> Client:
        """A client that pushes: ``confidential``, ``web`` or the one that was seen to.

        Raises:
            NotApplicable: none of this kind is described.
        """
        seen = self.authorization.pusher
        return seen if seen and not kind else self.client(kind)

    async def push(
        self, browser: Party, request: AuthorizationRequest, told: str = "", *, client: Client | None = None,
        auth: str = "", method: str = "POST", **more: Change,
    ) -> TokenAnswer:  # fmt: skip
        """Push a request, as its client or as somebody else, with more parameters or by another method."""
        who = client or request.client
        form = TokenRequest(who, request.parameters, auth=auth, method=method).but(**more)
        return await self.call(browser, form, f"{who} pushes a request{told and f' {told}'}", PUSH)

    async def pushed(self, browser: Party, client: Client, **changes: Change) -> AuthorizationRequest:
        """A client's proper request, pushed.

        Raises:
            Inconclusive: the push was refused.
        """
        request = self.request(client, **changes)
        answer = await self.push(browser, request)
        return self.by_reference(request, answer)

    def by_reference(self, request: AuthorizationRequest, answer: TokenAnswer) -> AuthorizationRequest:
        """The request as a browser brings it after its push.

        Raises:
            Inconclusive: the push was refused.
        """
        if not answer.reference:
            self.inconclusive(f"a proper push of {request.client} got {answer}", (answer.exchange,))
        self.system.secrets.learn(answer.reference, f"request_uri of {request.client}")
        return request.by(answer.reference)

    def beside(self, request: AuthorizationRequest, **more: str) -> AuthorizationRequest:
        """What a browser brings, with other parameters than the reference in it or beside it."""
        kept = tuple(pair for pair in request.front if pair[0] not in more)
        return replace(request, front=(*kept, *more.items()))

    @staticmethod
    def unpushed(request: AuthorizationRequest, **more: str) -> AuthorizationRequest:
        """A request that its client does not push, though it should."""
        return replace(request, front=(*request.parameters, *more.items()))

    # -- refusals

    def demand_not_pushed(self, answer: TokenAnswer, expected: str) -> None:
        """A push was refused; what is unclear decides nothing."""
        if answer.reference:
            self.violation(expected, f"{answer}", (answer.exchange,))
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if not status or status >= 500 or status == 429:
            self.inconclusive(f"whether the push was refused is unclear: {answer}", (answer.exchange,))

    async def expect_push_works(self, browser: Party, client: Client) -> None:
        """A positive control: a proper request of a client, pushed, leads to a code."""
        self.code_of(await self.ask(browser, await self.pushed(browser, client)), browser)

    def expect_only_post(self, answer: TokenAnswer) -> None:
        """A push by GET is refused, with 405 (RFC 9126 section 2.3)."""
        self.demand_not_pushed(answer, "no request_uri for a push by GET")
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if status != METHOD_NOT_ALLOWED:
            self.advise("405 for a push by GET", f"{status}", (answer.exchange,))

    # -- answers

    def expect_proper_answer(self, answer: TokenAnswer) -> None:
        """201 with a request_uri and its lifetime, a positive number of whole seconds, and not to be stored."""
        got = answer.exchange.answer
        if got is None or not answer.reference:
            self.inconclusive(f"a proper push got {answer}", (answer.exchange,))
        life = answer.document.get("expires_in")
        if got.status != 201:
            self.violation("a push is answered with 201", f"{got.status}", (answer.exchange,))
        if not is_number(life) or life <= 0 or life != int(life):
            told = "nothing" if life is None else repr(life)
            self.violation("expires_in is a positive whole number", f"it is {told}", (answer.exchange,))
        if "no-store" not in (got.header("cache-control") or "").lower():
            # It stands in an example of section 2.2 only.
            said = got.header("cache-control")
            self.advise("Cache-Control: no-store", f"Cache-Control: {said}" if said else "none", (answer.exchange,))

    # -- references

    def beyond(self, answer: TokenAnswer) -> float:
        """The target's time at which a reference has surely expired.

        Raises:
            NotApplicable: the answer does not say how long it lives.
        """
        life = answer.document.get("expires_in")
        if not is_number(life) or life <= 0:
            self.not_applicable("the push names no lifetime: oauth.par.response-form speaks of that")
        return self.clock.now() + float(life) + slack(self.system, answer.reference)

    def web_clients(self) -> list[Client]:
        """Clients whose redirect URI is none of loopback's, public ones first."""
        found = [c for c in self.authorization.clients if c.redirect_uri and not c.redirect_uri.startswith(LOOPBACK)]
        return sorted(found, key=lambda client: not client.public)

    async def expect_no_evil_place(self, browser: Party, client: Client) -> None:
        """A redirect URI that is not registered is refused with the push, or at the latest when a browser brings it.

        A client that authenticated may be allowed to name a new one in its push (RFC 9126 section 2.4).
        """
        for variant in ONE_OF_EACH:
            request = self.request(client, redirect_uri=variant.of(client.redirect_uri))
            answer = await self.push(browser, request, f"with {variant.name}")
            if not answer.reference:
                self.demand_not_pushed(answer, f"no push with {variant.name}")
                continue
            response = await self.ask(browser, self.by_reference(request, answer))
            asked = request.value("redirect_uri")
            if place(response.location) == place(asked) and sent_elsewhere(
                response.location, client.redirect_uris, [asked]
            ):
                told = f"{client} has no browser sent to {variant.name}", str(response)
                if not client.public:
                    self.advise(*told)
                self.violation(*told)
            self.demand_answer(response)

    async def expect_not_overridden(self, browser: Party, client: Client) -> None:
        """What stands beside a reference in the query changes nothing of what was pushed."""
        verifier = new_verifier()
        self.system.secrets.learn(verifier, f"code verifier of {client.id}")
        await self._beside_state(browser, client)
        await self._beside_redirect(browser, client)
        if self.policy.pkce != "none":
            await self._beside_challenge(browser, client, verifier)
        if len(client.scopes) > 1:
            await self._beside_scope(browser, client)

    async def _beside_state(self, browser: Party, client: Client) -> None:
        response = await self.ask(browser, self.beside(await self.pushed(browser, client), state="pickproof-other"))
        if "pickproof-other" in response.values("state"):
            self.violation("the pushed state comes back", "the one beside the reference does", response.trail)
        self.demand_answer(response)

    async def _beside_redirect(self, browser: Party, client: Client) -> None:
        for uri in ("https://attacker.pickproof.example/callback", *client.more_redirect_uris[:1]):
            response = await self.ask(browser, self.beside(await self.pushed(browser, client), redirect_uri=uri))
            if response.location and place(response.location) == place(uri) != place(client.redirect_uri):
                self.violation("the browser is sent to the pushed redirect_uri", str(response), response.trail)
            self.demand_answer(response)

    async def _beside_challenge(self, browser: Party, client: Client, verifier: str) -> None:
        request = self.beside(await self.pushed(browser, client), code_challenge=s256(verifier))
        response = await self.ask(browser, request)
        self.demand_answer(response)
        if response.code:
            answer = await self.redeem(self.code_of(response, browser), code_verifier=verifier)
            self.demand_refusal(answer, "no token for the verifier of a challenge beside the reference")

    async def _beside_scope(self, browser: Party, client: Client) -> None:
        # A scope such as openid changes what is needed of the request.
        narrow = next((scope for scope in client.scopes if scope != "openid"), client.scopes[0])
        more = " ".join(client.scopes)
        response = await self.ask(browser, self.beside(await self.pushed(browser, client, scope=narrow), scope=more))
        self.demand_answer(response)
        if not response.code:
            return
        answer = await self.redeem(self.code_of(response, browser))
        foreign = sorted((answer.scopes or frozenset()) & set(client.scopes) - {narrow})
        if answer.granted and foreign:
            self.violation(f"the pushed scope, {narrow}, is granted", f"{' '.join(foreign)} is, too", (*self.log,))

    # -- policy

    def bound_to_push(self) -> Client:
        """A client that must push its requests.

        Raises:
            NotApplicable: none is described, and the metadata demands it of nobody.
        """
        found = (c for c in self.authorization.clients if c.redirect_uri and c.pushes)
        return next(found, None) or self.not_applicable(
            "no client must push: see `oauth.clients.*.require_pushed_authorization_requests`"
        )

    # -- addresses

    async def send_to_listener(self, browser: Party, client: Client) -> None:
        """Name the kit's own listener as request_uri, in a browser's request and, where it is taken, in a push."""
        url = f"{await self.system.listener_url()}/{self.nonce}/request.jwt"
        request = self.request(client)
        for more in ({}, dict(request.parameters)):
            front = {"client_id": client.id, **more, "request_uri": url}
            await self.ask(browser, replace(request, front=tuple(front.items())), decide=False)
        if self.has(Capability.PUSHED_REQUESTS):
            await self.push(browser, request, "that names an address", request_uri=url)

    async def expect_no_visit(self) -> None:
        """Nobody came to the listener, unless the server announces that it fetches whatever it is told to."""
        listener = self.system.listener
        hits = await listener.hits(self.nonce) if listener else []
        if not hits:
            return
        expected, actual = "the server fetches nothing that a request_uri names", f"it fetched {hits[0]}"
        document = self.authorization.metadata
        if document.get("request_uri_parameter_supported") is True and not document.get(
            "require_request_uri_registration"
        ):
            self.advise(expected, f"{actual}; the metadata announces it, for addresses that nobody registered")
        self.violation(expected, actual)

    # -- races

    async def browsers(self, number: int) -> list[Party]:
        """So many browsers, each with a login of its own, of as many users as there are."""
        names = ["alice", "bob"] if self.has(Capability.SECOND_ACCOUNT) else ["alice"]
        return [await self.own_login(names[at % len(names)]) for at in range(number)]

    async def bring_together(self, browsers: Sequence[Party], request: AuthorizationRequest) -> bool:
        """Several browsers bring one reference and decide together; at most one code comes of it. Whether one did."""
        async with track_of(self.system):
            racers = [replace(browser, lane=self.system.own_lane(), racing=True) for browser in browsers]
            await self.warm(racers)
            pages = await asyncio.gather(*(self.ask(racer, request, decide=False) for racer in racers))
            ends = await asyncio.gather(*map(self._decide, racers, pages))
        codes = {end.code for end in ends if end.code}
        if len(codes) > 1:
            shown = [exchange for end in ends for exchange in end.trail]
            self.violation("one reference leads to one code", f"{len(codes)} codes for {len(ends)} browsers", shown)
        for end in ends:
            self.demand_answer(end)
        return bool(codes)

    async def _decide(self, browser: Party, page: AuthorizationResponse) -> AuthorizationResponse:
        if page.location or page.broken:
            return page
        end = await self.authorization.decide(browser, page)
        if end.code:
            browser.learn("authorization code", end.code)
        return end
