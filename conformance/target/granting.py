"""Codes, tokens and refusals of an authorization server, in the words of its attacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from conformance.attacks.jwt import parse
from conformance.attacks.redirects import place, sent_elsewhere
from conformance.model import Exchange
from conformance.target.authorization import take
from conformance.target.endings import Endings
from conformance.target.oauth_messages import (
    AuthorizationRequest,
    AuthorizationResponse,
    Change,
    Client,
    Code,
    Pairs,
    TokenAnswer,
    TokenRequest,
    altered,
)
from conformance.target.party import Party
from conformance.target.templates import json_of

if TYPE_CHECKING:
    from conformance.target.authorization import AuthorizationServer

NOTHING: Mapping[str, Change] = MappingProxyType({})
LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")


def _kinds(client: Client) -> tuple[str, str]:
    return (
        "public" if client.public else "key" if client.key else "confidential",
        "loopback" if client.redirect_uri.startswith(LOOPBACK) else "web",
    )


def bound_to_a_key(party: Party) -> str:
    """What says that a client's tokens are of use with its key alone (RFC 9449, RFC 8705); empty where nothing does."""
    token = parse(party.tokens.get("access", ""))
    if token and "cnf" in token.claims:
        return "cnf"
    documents = (json_of(exchange.answer) for exchange in party.history if exchange.answer)
    kinds = {str(document.get("token_type")) for document in documents if isinstance(document, dict)}
    return next((f"token_type={kind}" for kind in kinds if kind.lower() == "dpop"), "")


class Granting(Endings):
    """The kit as a client of the server under test, and as an attacker among its clients."""

    @property
    def authorization(self) -> AuthorizationServer:
        """The server under test.

        Raises:
            NotApplicable: the target is none.
        """
        return self.system.authorization or self.not_applicable("the target is no authorization server: no `oauth`")

    # -- clients

    def client(self, kind: str = "") -> Client:
        """A client that users can be sent back to: ``public``, ``confidential``, ``loopback``, ``web`` or any.

        A ``confidential`` one authenticates with its secret, a ``key`` one with a private key.
        A ``web`` client's redirect URI is none of loopback's, so that its port is not free.

        Raises:
            NotApplicable: none of this kind is described.
        """
        found = (c for c in self.authorization.clients if c.redirect_uri and (not kind or kind in _kinds(c)))
        return next(found, None) or self.not_applicable(f"no {kind} client is described".replace("  ", " "))

    def other_client(self, client: Client) -> Client:
        """Another client, preferably one that users can be sent back to.

        Raises:
            NotApplicable: only one is described.
        """
        others = [c for c in self.authorization.clients if c.id != client.id]
        found = [*(c for c in others if c.redirect_uri), *others]
        return next(iter(found), None) or self.not_applicable("only one client is described")

    # -- the front channel

    def request(self, client: Client | None = None, **changes: Change) -> AuthorizationRequest:
        """A client's proper authorization request, some parameters changed."""
        return self.authorization.request(client or self.authorization.default_client, **changes)

    async def authorize(self, browser: Party, client: Client | None = None, **changes: Change) -> AuthorizationResponse:
        """Send a browser to the server with a client's proper request, some parameters changed."""
        return await self.ask(browser, self.request(client, **changes))

    async def ask(self, browser: Party, request: AuthorizationRequest, *, decide: bool = True) -> AuthorizationResponse:
        """Send a browser to the server with this request."""
        response = await self.authorization.ask(browser, request, decide=decide)
        if response.code:
            browser.learn("authorization code", response.code)
        return response

    async def code(self, browser: Party, client: Client | None = None, **changes: Change) -> Code:
        """A fresh code that the user of this browser allowed.

        Raises:
            Inconclusive: no code came.
        """
        response = await self.authorize(browser, client, **changes)
        return self.code_of(response, browser)

    def code_of(self, response: AuthorizationResponse, browser: Party) -> Code:
        """The code of a response that must carry one.

        Raises:
            Inconclusive: it carries none.
        """
        if not response.code:
            self.inconclusive(f"an authorization request ended in {response}, not in a code", response.trail)
        return Code(response.code, response, browser)

    # -- the back channel

    async def redeem(
        self, code: Code, /, *, client: Client | None = None, auth: str = "", method: str = "POST", query: Pairs = (),
        **changes: Change,
    ) -> TokenAnswer:  # fmt: skip
        """Redeem a code as its client, or as another one; some parameters changed."""
        request = replace(self.redemption(code, changes), client=client or code.client, auth=auth, method=method)
        return await self.redeem_by(code, replace(request, query=query))

    def redemption(self, code: Code, changes: Mapping[str, Change] = NOTHING) -> TokenRequest:
        """The proper request for the tokens of a code, some parameters changed."""
        request = self.authorization.redemption(code.value, code.response.request)
        return replace(request, form=altered(request.form, changes))

    async def redeem_by(self, code: Code, request: TokenRequest) -> TokenAnswer:
        """Redeem a code by this very request."""
        told = f"{request.client} redeems the code of {code.browser.label}"
        return await self.call(code.browser, request, told)

    async def call(
        self, owner: Party, request: TokenRequest, purpose: str, endpoint: str = "token", *, bare: bool = False
    ) -> TokenAnswer:
        """Send a client's request to one of the server's endpoints; nothing of the owner's browser travels.

        `bare` sends it without the client's authentication.
        """
        client = self.authorization.client_of(owner)
        return await self.authorization.call(client, request, purpose, endpoint, bare=bare)

    async def tokens(self, code: Code) -> Party:
        """A client with the tokens that a code gave; the proper redemption is a positive control.

        Raises:
            Inconclusive: the proper redemption is refused.
        """
        return self.holder(code.browser, await self.redeem(code))

    def holder(self, owner: Party, answer: TokenAnswer) -> Party:
        """A client that holds the tokens of an answer, and nothing else of the user.

        Raises:
            Inconclusive: the answer gave no token.
        """
        if not answer.granted:
            self.inconclusive(f"a proper token request got {answer}", (*self.log,))
        party = self.authorization.client_of(owner)
        party.label = f"{answer.request.client} with {owner.label}'s tokens"
        party.principal, party.issued_at, party.history = owner.principal, self.clock.now(), (answer.exchange,)
        take(party, answer)
        return party

    async def granted(self, browser: Party, client: Client | None = None, **changes: Change) -> Party:
        """A client with fresh tokens of the user of this browser."""
        return await self.tokens(await self.code(browser, client, **changes))

    def must_rotate(self, party: Party) -> bool:
        """Whether a spent refresh token of this party must be worth nothing (RFC 9700 section 4.14.2, ASVS 10.4.5).

        That is demanded of public clients, of tokens that have no client, and of whoever promises it in so many words.
        """
        if not self.policy.rotation or self.system.authorization is None:
            return self.policy.rotation
        client = party.client or self.authorization.default_client
        return client.public or "rotation" in self.policy.model_fields_set

    async def public_login(self, account: str = "alice") -> Party:
        """A login of this check alone, its tokens at a client that cannot keep a secret where tokens have clients.

        Of such clients alone RFC 9700 section 2.2.2 asks that replay be detected: by rotation, or by tokens that are
        bound to a key of the client. A confidential client's refresh token is no use without its secret.

        So, too, where no such client is described and ``policy.rotation`` promises in so many words to rotate.

        Raises:
            NotApplicable: no such client is described, it is given no refresh token, or tokens are bound to a key.
        """
        party = await self.own_login(account)
        public = self.system.authorization and any(client.public for client in self.authorization.clients)
        if self.system.authorization and (public or not self.must_rotate(party)):
            party = await self.granted(party, self.client("public"))
            if "refresh" not in party.tokens:
                self.not_applicable(f"{party.client} is given no refresh token")
        if how := bound_to_a_key(party):
            self.not_applicable(f"tokens are bound to a key of the client ({how}), which stands in for rotation")
        return party

    async def renewed(self, party: Party, *, token: str = "", client: Client | None = None, auth: str = "",
                      **changes: Change) -> TokenAnswer:  # fmt: skip
        """Present a refresh token, by default the party's own, as its client or as another one."""
        who = client or party.client or self.authorization.default_client
        request = self.authorization.refreshing(who, token or party.tokens.get("refresh", ""), **changes)
        return await self.call(party, replace(request, auth=auth), f"{who} presents a refresh token of {party.label}")

    # -- expectations

    async def expect_no_token(self, answer: TokenAnswer, expected: str, code: Code | None = None) -> None:
        """A token request is refused; the genuine one, of a fresh code of the same user and client, is accepted."""
        self.demand_refusal(answer, expected)
        if code is not None:
            await self.granted(code.browser, code.client)

    def demand_refusal(
        self, answer: TokenAnswer, expected: str, shown: Iterable[Exchange] = (), note: str = ""
    ) -> None:
        """No token came, or it is a violation, told with a `note`; what is unclear decides nothing."""
        evidence = (*shown, answer.exchange) if shown else (*self.log,)
        if answer.granted:
            self.violation(expected, f"{answer}{note}", evidence)
        if not answer.refused:
            self.inconclusive(f"whether the token request was refused is unclear: {answer}", evidence)

    def demand_no_grant(self, answer: TokenAnswer, expected: str) -> None:
        """No token came, however the server worded that."""
        if answer.granted:
            self.violation(expected, str(answer), (*self.log,))
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if not answer.refused and (not status or status >= 500 or status == 429):
            self.inconclusive(f"whether the token request was refused is unclear: {answer}")

    async def prove_code(self, browser: Party, client: Client, since: float) -> None:
        """A positive control, shared by attacks that end at about the same time: a proper request gives a code.

        Raises:
            Inconclusive: it gives none.
        """
        await self.authorization.prove(browser, client, since)

    def demand_not_sent_away(self, response: AuthorizationResponse) -> None:
        """The browser stays at the server, or goes to the registered redirect URI."""
        request = response.request
        registered = [uri for c in self.authorization.clients if c.id == request.client.id for uri in c.redirect_uris]
        asked = [value for name, value in request.parameters if name == "redirect_uri"]
        # A redirect that answers the request, or goes where it asked; a server's own error page elsewhere is neither.
        answers = response.code or request.value("state") in response.values("state")
        meant = answers or place(response.location) in map(place, asked)
        if meant and sent_elsewhere(response.location, registered, asked):
            self.violation("the browser is sent to the registered redirect URI or nowhere", str(response))
        if response.broken:
            self.inconclusive(f"the authorization request ended in {response}", response.trail)

    def demand_no_code(self, response: AuthorizationResponse, expected: str) -> None:
        """Neither a code nor a token came out, or it is a violation."""
        if any(response.values(name) for name in ("code", "access_token", "id_token")):
            self.violation(expected, str(response), (*self.log,))
        if response.broken:
            self.inconclusive(f"the authorization request ended in {response}", response.trail)
