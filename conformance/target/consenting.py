"""The front channel under attack: redirects, pages of consent, challenges."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conformance.attacks.edits import TextEdit
from conformance.attacks.redirects import Variant
from conformance.target.acts import TOKEN_NAME
from conformance.target.granting import LOOPBACK, Granting
from conformance.target.oauth_messages import AuthorizationResponse, Client, Code, TokenAnswer, new_verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from conformance.target.party import Party
    from conformance.target.templates import Form

ELSEWHERE = {"Origin": "https://attacker.pickproof.example", "Sec-Fetch-Site": "cross-site"}
ANCESTORS = re.compile(r"(?:^|;)\s*frame-ancestors\s+([^;]*)", re.IGNORECASE)
PARTS = re.compile(r"[/?&=;#]")
UNGUESSED = 8
"""Characters from which on a value that nobody else was shown is not guessed."""
ANYBODY = re.compile(r"(?:^|\s)(?:\*|https?:|https?://\*)(?:\s|$)")


def known_elsewhere(form: Form, other: Form, words: Container[str]) -> Form:
    """What of a form somebody knows who was shown another one, and the words of the account that the form is for.

    What stands in one of them alone and is too long to guess is known to its browser only; so is what bears the name
    of an anti-forgery value.
    """
    theirs = {*dict(other.fields).values(), *PARTS.split(other.action)}

    def secret(value: str) -> bool:
        return len(value) >= UNGUESSED and value not in theirs and value not in words

    fields = tuple((name, value) for name, value in form.fields if not TOKEN_NAME.search(name) and not secret(value))
    hidden = any(secret(part) for part in PARTS.split(form.action))
    return replace(form, fields=fields, action=other.action if hidden else form.action)


class Consenting(Granting):
    """What a browser is led to, and what a page of another site makes of it."""

    # -- clients and requests

    def client_without_pkce(self) -> Client:
        """The client that may most likely ask without a challenge: a confidential one, else any."""
        confidential = (c for c in self.authorization.clients if c.redirect_uri and not c.public)
        return next(confidential, None) or self.client()

    def native_client(self) -> Client:
        """A public client whose address any program on the device can take: loopback, or a scheme of its own.

        Raises:
            NotApplicable: none is described.
        """
        native = [c for c in self.authorization.clients if c.public and c.redirect_uri]
        found = (c for c in native if c.redirect_uri.startswith(LOOPBACK) or not c.redirect_uri.startswith("http"))
        return next(found, None) or self.not_applicable("no public client on loopback or a scheme of its own")

    def client_lacking_a_scope(self) -> tuple[Client, str]:
        """A client, and a scope value that it is not registered for.

        Raises:
            NotApplicable: every described client may ask for everything.
        """
        every = self.authorization.described.scopes
        found = ((c, s) for c in self.authorization.clients if c.redirect_uri for s in every if s not in c.scopes)
        return next(found, None) or self.not_applicable("every described client may ask for every scope")

    @staticmethod
    def on_port(uri: str, port: int) -> str:
        """A loopback redirect URI on another port."""
        parts = urlsplit(uri)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return parts._replace(netloc=f"{host}:{port}").geturl()

    # -- redirects

    async def expect_nothing_sent_to(self, browser: Party, client: Client, variant: Variant) -> None:
        """A misspelt redirect URI is not redirected to; at about the same time the proper one gives a code."""
        uri = variant.of(client.redirect_uri)
        if uri == client.redirect_uri:
            return
        response = await self.authorize(browser, client, redirect_uri=uri)
        self.demand_not_sent_away(response)
        await self.prove_code(browser, client, response.trail[0].sent_at)

    def demand_answer(self, response: AuthorizationResponse) -> None:
        """The server answered, and did not fail."""
        if response.broken:
            self.inconclusive(f"the authorization request ended in {response}", response.trail)

    def expect_issuer(self, response: AuthorizationResponse) -> None:
        """The response carries the announced issuer, once."""
        announced, found = str(self.authorization.metadata.get("issuer")), response.values("iss")
        if found != [announced]:
            self.violation(f"iss={announced} in the response", f"{found or 'no iss'} in {response}", response.trail)

    async def expect_silent_answer(self, browser: Party, client: Client) -> None:
        """A request with ``prompt=none`` is answered with a code while its user is logged in, or nothing is proven."""
        await self.code(browser, client)
        response = await self.authorize(browser, client, prompt="none")
        if not response.code and response.error not in ("consent_required", "interaction_required"):
            self.inconclusive(f"with the user logged in, prompt=none ended in {response}", response.trail)

    # -- pages

    async def first_page(self, browser: Party, client: Client) -> AuthorizationResponse:
        """The page that a request leads this browser to, not answered."""
        return await self.ask(browser, self.request(client), decide=False)

    def expect_unframeable(self, response: AuthorizationResponse) -> None:
        """The page at the end forbids other sites to frame it."""
        answer = response.exchange.answer
        self.demand_answer(response)
        if response.location or answer is None or answer.status >= 300:
            return
        policies = [found for value in answer.all("content-security-policy") for found in ANCESTORS.findall(value)]
        by_policy = any(not ANYBODY.search(ancestors) for ancestors in policies)
        by_option = (answer.header("x-frame-options") or "").strip().upper() in ("DENY", "SAMEORIGIN")
        if not by_policy and not by_option:
            path = urlsplit(response.exchange.request.url).path
            self.violation(f"{path} forbids framing by frame-ancestors or X-Frame-Options", "neither is there")

    async def expect_consent_unforgeable(self, victim: Party, attacker: Party, client: Client) -> None:
        """A consent that another site sends in the victim's browser has no effect; the victim's own has.

        The attacker knows every field of the form but what the victim's browser alone is shown, in a field or in the
        address that the form is sent to: it is left out, and in its place stands what the attacker's own browser was
        given for the same request.
        """
        server, request = self.authorization, self.request(client)
        own = await self.ask(victim, request, decide=False)
        form = server.form_of_consent(own.exchange, victim)
        if form is None:
            self.not_applicable(f"no page of consent is shown: the request ended in {own}")
        foreign = server.form_of_consent((await self.ask(attacker, request, decide=False)).exchange, attacker)
        # Where the attacker is asked nothing, two pages of the victim tell what is new on each.
        theirs, own_words = foreign or form, set(self.system.words(victim).values())
        forgeries: dict[str, Callable[[Form], Form]] = {
            "without its anti-forgery value": lambda shown: known_elsewhere(shown, theirs, own_words)
        }
        if foreign is not None:
            forgeries["of the attacker's own page"] = lambda _: theirs
        for what, forged in forgeries.items():
            page = await self.ask(victim, request, decide=False)
            sent = forged(server.form_of_consent(page.exchange, victim) or form)
            answer = await server.answer_page(victim, page, sent, ELSEWHERE, f"another site sends a form {what}")
            self.demand_no_code(answer, f"a form of consent {what} has no effect")
        await self.code(victim, client)

    # -- challenges

    async def fresh_code(self) -> Code:
        """A code of its own for one input among many, from a browser that all of them share."""
        return await self.code(await self.shared_login("alice"))

    async def expect_altered_code_refused(self, answer: TokenAnswer, code: Code) -> None:
        """An altered redemption is refused; the genuine one, of this code or of a fresh one, is accepted."""
        self.demand_refusal(answer, "an altered redemption gives no token", (*code.response.trail[-1:],))
        if not (await self.redeem(code)).granted:
            await self.granted(code.browser, code.client)

    async def expect_pkce_demanded(self, browser: Party, client: Client) -> None:
        """Without a challenge no token comes out; with one it does."""
        response = await self.authorize(browser, client, code_challenge=None, code_challenge_method=None)
        self.demand_answer(response)
        if response.code:
            answer = await self.redeem(self.code_of(response, browser), code_verifier=None)
            promised = self.policy.pkce
            declared = f'; declared: policy.pkce = "{promised}"' if promised != "required" else ""
            self.demand_refusal(answer, f"{client} gets no token without PKCE", note=declared)
        await self.granted(browser, client)

    async def expect_plain_refused(self, browser: Party, client: Client, method: str | None) -> None:
        """A challenge that is the verifier itself leads to no token."""
        verifier = new_verifier()
        self.system.secrets.learn(verifier, f"code verifier of {client.id}")
        request = self.request(client, code_challenge=verifier, code_challenge_method=method)
        response = await self.ask(browser, replace(request, verifier=verifier))
        self.demand_answer(response)
        if response.code:
            answer = await self.redeem(self.code_of(response, browser))
            told = "method plain" if method else "no method, which means plain,"
            self.demand_refusal(answer, f"a challenge with {told} gives no token")

    # -- altered inputs

    @staticmethod
    def edited(edit: TextEdit, value: str) -> str | None:
        """A value edited anywhere, or None where the edit does not change it."""
        return edit.apply(value, (0, len(value)))
