"""Logging out at an OpenID provider (RP-Initiated Logout): who may ask for it, and where the browser goes then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from conformance.attacks.jwt import b64_encode, compact, edit, parse
from conformance.attacks.redirects import EVIL, ONE_OF_EACH, place
from conformance.model import Capability
from conformance.target.back_channel import BackChannel
from conformance.target.consenting import ELSEWHERE
from conformance.target.front_channel import split
from conformance.target.ids import flipped
from conformance.target.oauth_messages import AuthorizationRequest, AuthorizationResponse, Client
from conformance.target.party import form_body
from conformance.target.verbs import FORM, HTML

if TYPE_CHECKING:
    from conformance.target.oauth_messages import Pairs
    from conformance.target.party import Party

LINK = {"Sec-Fetch-Site": "cross-site"}
"""A browser that follows a link of another site."""
ASKED = ("consent_required", "interaction_required", "account_selection_required")
"""Errors of a silent request whose user is known (OpenID Connect Core section 3.1.2.6)."""
OFFLINE = "offline_access"
"""The scope whose refresh tokens outlive the session (OpenID Connect Core section 11)."""


@dataclass(frozen=True, slots=True)
class Lure:
    """A logout request of somebody who is not the user, nor a client with a token of the user's session."""

    what: str
    parameters: Pairs = ()
    method: str = "GET"

    @property
    def headers(self) -> Mapping[str, str]:
        """What a browser sends along that another site led there."""
        return LINK if self.method == "GET" else ELSEWHERE


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that is not registered for the client's logouts."""

    what: str
    uri: str
    hinted: bool = True
    """Whether the client shows for whom it asks."""


def resigned(hint: str) -> str:
    """The same token, its signature spoilt in the middle, where no spare bits are."""
    head, _, signature = hint.rpartition(".")
    return f"{head}.{flipped(signature)}"


def unsigned(hint: str) -> str:
    """The same claims under ``alg: none``."""
    token = parse(hint)
    return compact(edit(token.header_raw, {"alg": "none"}), token.payload_raw) if token else f"{b64_encode(b'{}')}.."


class SigningOut(BackChannel):
    """What becomes of a browser that somebody sends to the logout."""

    async def sent_to_logout(
        self, browser: Party, parameters: Pairs, *, method: str = "GET", headers: Mapping[str, str] = LINK,
        confirm: bool = False, told: str = "",
    ) -> AuthorizationResponse:  # fmt: skip
        """Send a browser to the end_session endpoint; to `confirm`, the user says yes to the question that comes."""
        server = self.authorization
        url = server.endpoint("end_session") or ""
        purpose = f"{browser.label} is sent to the logout {told}".rstrip()
        if method == "GET":
            url += ("&" if urlsplit(url).query else "?") * bool(parameters) + urlencode(parameters)
            first = await browser.send("GET", url, purpose=purpose, headers=headers, accept=HTML)
        else:
            first = await browser.send(
                "POST", url, purpose=purpose, headers=headers, content=form_body(parameters), content_type=FORM,
                accept=HTML,
            )  # fmt: skip
        request, how = AuthorizationRequest(server.default_client, parameters), server.described.logout
        return await server.lead(browser, request, first, purpose, how if confirm else None, "logout")

    async def signed_in(self, browser: Party, client: Client) -> bool:
        """Whether the server knows whose browser this is: what a silent request says, else the page of a loud one.

        Raises:
            Inconclusive: neither tells.
        """
        silent = await self.authorize(browser, client, prompt="none")
        if silent.code or silent.error in ASKED:
            return True
        if silent.error == "login_required":
            return False
        loud = await self.ask(browser, self.request(client), decide=False)
        if loud.code or self.authorization.form_of_consent(loud.exchange, browser) is not None:
            return True
        page = loud.exchange.answer
        if loud.location or not page or page.status >= 400 or b"password" not in page.body.lower():
            self.inconclusive(f"whether {browser.label} is signed in at the server is unclear: {silent}, then {loud}")
        return False

    async def sign_out(self, browser: Party) -> None:
        """Log out the way clients do it: at the end_session endpoint, the user saying yes; else as described.

        Raises:
            Inconclusive: the user is still signed in there.
        """
        if not self.has(Capability.END_SESSION):
            exchange = await browser.logout()
            if not self.system.took_logout(exchange):
                self.inconclusive("the logout was refused: is `logout` right?", (exchange,))
            return
        hint = (("id_token_hint", browser.tokens["id_token"]),)
        response = await self.sent_to_logout(browser, hint, confirm=True, told="by its client")
        self.demand_answer(response)
        if await self.signed_in(browser, self.client_of(browser)):
            self.inconclusive(f"a logout with the user's own ID token ended in {response}: is `oauth.logout` right?")

    # -- who may ask

    async def expect_signed_in(self, browser: Party) -> None:
        """A positive control: the server knows whose browser this is."""
        if not await self.signed_in(browser, self.client_of(browser)):
            self.inconclusive(f"the positive control failed: {browser.label} logged in, and the server says otherwise")

    def lures(self, alice: Party, bob: Party | None) -> list[Lure]:
        """Logout requests without an ID token of alice's session (RP-Initiated Logout section 2)."""
        own, client = alice.tokens["id_token"], self.client_of(alice)
        hints = {"with an ID token of a spoilt signature": resigned(own), "with an unsigned ID token": unsigned(own)}
        if bob is not None:
            hints[f"with the ID token of {bob.label}"] = bob.tokens["id_token"]
        return [
            Lure("without an ID token"),
            Lure("that only names a client", (("client_id", client.id),)),
            Lure("without an ID token, by POST", (("client_id", client.id),), "POST"),
            *(Lure(what, (("id_token_hint", hint),)) for what, hint in hints.items()),
        ]

    async def expect_asked(self, browser: Party, lure: Lure) -> None:
        """A logout that somebody else asks for leaves the user signed in until the user says so."""
        client = self.client_of(browser)
        response = await self.sent_to_logout(
            browser, lure.parameters, method=lure.method, headers=lure.headers, told=lure.what
        )
        if not await self.signed_in(browser, client):
            expected = f"{browser.label} is asked before a logout {lure.what}"
            shown = (*response.trail, *list(self.log)[-1:])
            self.violation(expected, "the session is over, and nobody was asked", shown)
        self.demand_answer(response)

    # -- where the browser goes

    def leaving_client(self) -> Client:
        """A client with an ID token and, if one is described, a registered address for after the logout."""
        clients = [c for c in self.authorization.clients if c.redirect_uri and "openid" in c.scopes]
        found = next((c for c in clients if self._registered(c)), None)
        return found or self.authorization.default_client

    def _registered(self, client: Client) -> tuple[str, ...]:
        return tuple(self.authorization.described.clients[client.id].post_logout_redirect_uris)

    def destinations(self, client: Client) -> list[Destination]:
        """Addresses that are not registered for a client's logouts."""
        evil, own = f"https://{EVIL}/bye", self._registered(client)
        misspelt = [Destination(v.name, v.of(own[0])) for v in ONE_OF_EACH if own]
        others = [
            Destination(f"the address of {c}", uri)
            for c in self.authorization.clients for uri in self._registered(c) if uri not in own
        ]  # fmt: skip
        return [
            *misspelt, *others[:1], Destination("an address of the attacker's", evil),
            Destination("an address of the attacker's, without an ID token", evil, hinted=False),
        ]  # fmt: skip

    async def leave(self, client: Client, uri: str, *, hinted: bool = True, told: str = "") -> AuthorizationResponse:
        """Log in, and have a client log the user out, who says yes, with an address for afterwards."""
        alice = await self.own_login("alice")
        holder = alice if self.client_of(alice).id == client.id else await self.granted(alice, client)
        shown = ("id_token_hint", holder.tokens["id_token"]) if hinted else ("client_id", client.id)
        parameters = (shown, ("post_logout_redirect_uri", uri))
        return await self.sent_to_logout(alice, parameters, confirm=True, told=told)

    def demand_not_sent_to(self, response: AuthorizationResponse, there: Destination) -> None:
        """The browser is not sent to an address that is not registered."""
        added = {*parse_qsl(split(there.uri).query)} <= {*parse_qsl(split(response.location).query)}
        if response.location and place(response.location) == place(there.uri) and added:
            expected = f"after a logout the browser is not sent to {there.what}"
            self.violation(expected, f"it is sent to {place(response.location)}", response.trail)
        self.demand_answer(response)

    async def expect_sent_back(self, client: Client) -> None:
        """A positive control: after a logout the browser is sent to the registered address.

        Raises:
            NotApplicable: none is described.
            Inconclusive: it is not.
        """
        own = self._registered(client)
        if not own:
            self.not_applicable(
                "no address was registered for a client: see `oauth.clients.*.post_logout_redirect_uris`"
            )
        response = await self.leave(client, own[0], told="with a registered address")
        if place(response.location) != place(own[0]):
            reason = f"a logout with a registered address ended in {response}: is `oauth.logout` right?"
            self.inconclusive(reason, response.trail)

    # -- what else ends, and what does not

    async def expect_as_declared(self, party: Party) -> None:
        """After a logout an access token is dead, or lives until its expiry, where no more was promised."""
        if not await self.survives(party):
            await self.system.control((await party.whoami()).exchange.sent_at)
            self.note = "refused in the first request after the logout"
            return
        left = self.exposure(party)
        if "access_revocation" in self.policy.model_fields_set and self.policy.access_revocation:
            told = f"it is accepted; {left}; declared: policy.access_revocation = true"
            self.violation(f"{party.label} is refused from the logout on", told, (*party.history, *self.log))
        offline = OFFLINE in self.client_of(party).scopes
        if "refresh" in party.tokens and not offline and (await self.renewed(party)).granted:
            self.advise(f"{party.label} is not renewed after the logout", f"it is; {left}")
        self.note = left

    async def dead_at(self, browser: Party, client: Client) -> Party:
        """A client whose tokens of this user were revoked, and are dead.

        Raises:
            NotApplicable: revocation ends no access token here.
        """
        party = await self.granted(browser, client)
        await self.expect_accepted(party)
        if "refresh" in party.tokens:
            await self.revoke_token(party, "refresh")
        await self.revoke_token(party, "access")
        if await self.survives(party):
            self.not_applicable("revoked access tokens live on: oauth.revoke.access speaks of that")
        return party

    async def expect_not_resurrected(self, party: Party, event: str) -> None:
        """What was dead before an event is dead after it."""
        if await self.survives(party):
            self.violation(f"{party.label} stays dead through {event}", "it works again", (*party.history, *self.log))
        if "refresh" in party.tokens:
            told = f"the revoked refresh token of {party.label} stays dead through {event}"
            self.demand_refusal(await self.renewed(party), told)
