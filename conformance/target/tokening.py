"""The back channel under attack: clients, scopes, races, revocation, introspection and metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conformance.attacks.identifiers import capacity, classify
from conformance.attacks.jwt import parse
from conformance.attacks.material import is_number
from conformance.errors import Inconclusive
from conformance.target.consenting import Consenting
from conformance.target.oauth_messages import Change, Client, Code, TokenAnswer, TokenRequest
from conformance.target.oracle import server_error
from conformance.target.system import is_loopback
from conformance.target.templates import json_of
from conformance.target.verbs import perform

if TYPE_CHECKING:
    from conformance.attacks.token_requests import Bad
    from conformance.model import Exchange
    from conformance.target.party import Party

BITS = 128
"""RFC 6749 section 10.10: a credential is guessed with probability 2^-128 at most."""
LIFETIME_SLACK = 5.0
"""Seconds by which a stated lifetime and a token's own expiry may differ: rounding, and the time between."""
ANNOUNCED = {
    "authorization_endpoint": "GET", "token_endpoint": "POST", "revocation_endpoint": "POST",
    "introspection_endpoint": "POST", "userinfo_endpoint": "GET", "jwks_uri": "GET",
}  # fmt: skip
"""What is looked for where it is announced, and by which method."""
REQUIRED = {"issuer": str, "authorization_endpoint": str, "token_endpoint": str, "response_types_supported": list}
"""RFC 8414 section 2, for a server with the code flow."""


class Tokening(Consenting):
    """What clients, thieves and resource servers ask of the endpoints."""

    ROUNDS = 3
    AT_ONCE = 8

    # -- clients

    def client_of(self, party: Party) -> Client:
        """The client that a party's tokens were issued to."""
        return party.client or self.authorization.default_client

    @staticmethod
    def pretending(client: Client, secret: str) -> Client:
        """Somebody who claims to be a client, with another secret."""
        return replace(client, secret=secret, auth=client.auth if client.auth != "none" else "basic")

    @staticmethod
    def nobody() -> Client:
        """A client that nobody registered."""
        return Client("pickproof-no-such-client")

    async def token_request(self, owner: Party, client: Client, **form: str) -> TokenAnswer:
        """A client's token request with just these parameters."""
        request = TokenRequest(client, tuple(form.items()))
        return await self.call(owner, request, f"{client} asks for a token by {form.get('grant_type')}")

    async def redeem_in_query(self, code: Code) -> TokenAnswer:
        """Redeem a code by POST with everything in the query and nothing in the body."""
        request = self.redemption(code)
        auth = code.client.auth if code.client.key else "post" if code.client.secret else "none"
        more, _ = replace(request, auth=auth).credentials()
        moved = TokenRequest(code.client, (), method="POST", query=(*request.form, *more))
        return await self.call(code.browser, moved, f"{code.client} redeems a code in the query", bare=True)

    def parameter_of(self, code: Code, name: str) -> str:
        """The value of a parameter in the proper redemption of a code, or an empty string."""
        request = self.redemption(code)
        return next((value for key, value in request.form if key == name), "")

    # -- what an answer must and must not say

    def expect_not_stored(self, answer: TokenAnswer) -> None:
        """A response with tokens forbids storing."""
        if not answer.granted:
            self.inconclusive(f"a proper token request got {answer}")
        self.expect_no_store(answer)

    def expect_no_store(self, answer: TokenAnswer) -> None:
        """An answer of the token endpoint, whatever it says, forbids storing."""
        said = (answer.exchange.answer.header("cache-control") if answer.exchange.answer else "") or ""
        if "no-store" not in said.lower():
            self.violation("Cache-Control: no-store", f"Cache-Control: {said}" if said else "no Cache-Control")

    def expect_error(self, answer: TokenAnswer, codes: Sequence[str]) -> None:
        """A refusal has one of these error codes, and a status that goes with it."""
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if answer.error not in codes:
            self.violation(f"error={' or '.join(codes)}", str(answer), (answer.exchange,))
        if status not in ((400, 401) if answer.error == "invalid_client" else (400,)):
            self.violation(f"{answer.error} comes with 400", str(answer), (answer.exchange,))

    def expect_lifetime(self, party: Party, stated: float) -> None:
        """The stated lifetime is that of the token, where the token can be read."""
        token = parse(party.tokens["access"])
        exp, iat = (token.claims.get("exp"), token.claims.get("iat")) if token else (None, None)
        if is_number(exp):
            life = float(exp) - (float(iat) if is_number(iat) else party.issued_at)
            if abs(life - stated) > LIFETIME_SLACK:
                self.violation(f"expires_in of about {life:.0f} s, as in the token", f"expires_in is {stated:.0f} s")
        declared = self.policy.access_lifetime
        if declared and stated > declared + LIFETIME_SLACK:
            self.violation(f"at most {declared:.0f} s, as declared", f"expires_in is {stated:.0f} s")

    def expect_no_echo(self, answer: TokenAnswer, code: Code) -> None:
        """An error repeats nothing secret and shows no insides."""
        body = answer.exchange.answer.body.decode("utf-8", "replace") if answer.exchange.answer else ""
        secrets = {
            "the code": code.value,
            "the code verifier": code.verifier,
            "the client's secret": code.client.secret,
        }
        shown = [what for what, value in secrets.items() if value and value in body]
        shown += ["a stack trace"] if "Traceback (most recent call last)" in body or "\tat " in body else []
        if shown:
            self.violation("the error says nothing secret", f"it shows {', '.join(shown)}", (answer.exchange,))

    async def expect_handled(self, browser: Party, bad: Bad) -> None:
        """A malformed request gets no token and breaks nothing: twice the same 5xx that says nothing is a violation."""
        codes = [await self.code(browser), await self.code(browser)]
        answers = [await self.redeem_by(code, self.redemption(code, bad.changes(code.value))) for code in codes]
        if bad.parameter in ("code", "grant_type") and any(a.granted for a in answers):
            self.violation(f"no token for {bad}", str(answers[0]))
        if all(a.refused for a in answers):
            return
        statuses = [a.exchange.answer.status if a.exchange.answer else 0 for a in answers]
        if server_error([a.exchange for a in answers]):
            self.violation(f"a refusal of {bad}", f"{statuses[0]}, twice")
        if 0 in statuses or max(statuses) >= 500:
            self.inconclusive(f"{bad} got {answers[0]}, then {answers[1]}")

    def expect_unguessable(self, values: Sequence[str], what: str) -> None:
        """Values that never repeat, and whose varying part has room for 128 random bits."""
        if len(set(values)) < len(values):
            self.violation(f"no two {what} are the same", f"{len(values) - len(set(values))} repeats in {len(values)}")
        kind = classify(list(values))
        if kind.form == "self-contained":
            self.note = f"{what} carry their content themselves"
            return
        bits = min(capacity(kind.parts).full_bits, capacity(kind.parts, kind.id_span).bits)
        if kind.certain and bits < BITS - 1e-9:
            self.violation(f"room for {BITS} varying bits", f"at most {bits:.0f} in {len(values)} {what}")
        self.note = f"room for {bits:.0f} varying bits, judged on {len(values)} {what}"

    # -- scopes

    def scopes_with_resources(self, client: Client) -> list[str]:
        """The scope values that a client may ask for and that open something."""
        known = self.authorization.described.resources
        return [scope for scope in client.scopes if scope in known]

    def narrow_and_wide(self, client: Client) -> tuple[str, str]:
        """Two scope values of a client; the second opens something that the first does not.

        Raises:
            NotApplicable: it has no two.
        """
        opening = self.scopes_with_resources(client)
        narrow = next((scope for scope in client.scopes if scope != opening[-1]), None) if opening else None
        if narrow is None:
            self.not_applicable(f"{client} has no two scope values with a request for one of them")
        return narrow, opening[-1]

    async def _opens(self, party: Party, scope: str) -> Exchange:
        verb = self.authorization.described.resources[scope]
        key, told = f"oauth.resources.{scope}", f"{party.label} does what {scope} allows"
        if all(step.send and step.send.startswith("GET ") for step in verb.steps):
            return await perform(party, key, verb, told)
        # It may change the very state on which other checks prove their attacks.
        stage = self.system.stage
        async with stage.lock.write():
            stage.stale()
            return await perform(party, key, verb, told)

    async def expect_open(self, party: Party, scope: str) -> None:
        """A positive control: the token does what its scope allows."""
        exchange = await self._opens(party, scope)
        status = exchange.answer.status if exchange.answer else 0
        if not 200 <= status < 300:
            self.inconclusive(f"a token that holds {scope} got {status or exchange.error}: is `oauth.resources` right?")

    async def expect_closed(self, party: Party, scope: str, why: str) -> None:
        """The token does not do what a scope allows that it was not given."""
        exchange = await self._opens(party, scope)
        status = exchange.answer.status if exchange.answer else 0
        if 200 <= status < 300:
            self.violation(f"what {scope} allows is refused: {why}", f"{status}", (*party.history, *self.log))
        if status not in (401, 403):
            self.inconclusive(f"whether {scope} was refused is unclear: {status or exchange.error}")

    async def opens(self, party: Party, scope: str) -> bool:
        """Whether a token does what a scope allows."""
        answer = (await self._opens(party, scope)).answer
        return answer is not None and 200 <= answer.status < 300

    async def expect_insufficient(self, party: Party, scope: str) -> None:
        """The refusal for want of a scope has the status and the challenge of RFC 6750 section 3.1."""
        await self.expect_closed(party, scope, "the token lacks it")
        answer = (await self._opens(party, scope)).answer
        challenge = " ".join(answer.all("www-authenticate")) if answer else ""
        if answer is None or answer.status != 403 or "insufficient_scope" not in challenge:
            said = f"{answer.status if answer else 0} with {challenge or 'no challenge'}"
            self.violation('403 with error="insufficient_scope"', said)

    # -- renewing

    async def expect_not_renewed(self, party: Party, expected: str, code: Code | None = None) -> None:
        """A refresh token is refused; that of a fresh grant, sent the same way, is accepted."""
        self.demand_refusal(await self.renewed(party), expected, party.history)
        browser = code.browser if code else await self.own_login("alice")
        await self.expect_renews(await self.granted(browser, party.client))

    async def expect_renews(self, party: Party) -> None:
        """A positive control: the refresh token gives new tokens."""
        answer = await self.renewed(party)
        if not answer.granted:
            self.inconclusive(f"the positive control failed: a proper refresh got {answer}", (*self.log,))

    async def withdraw(self, browser: Party, client: Client) -> None:
        """The user takes back what a client was allowed.

        Raises:
            Inconclusive: the withdrawal was refused.
        """
        verb = self.authorization.described.withdraw
        told = f"{browser.label} withdraws the grant of {client}"
        exchange = await perform(browser, "oauth.withdraw", verb, told, {"client": client.id})
        if exchange.answer is None or exchange.answer.status >= 400:
            raise Inconclusive("the withdrawal was refused: is `oauth.withdraw` right?", (exchange,))

    # -- races

    async def redeem_together(self, *codes: Code, **changes: Change) -> list[TokenAnswer]:
        """Redemptions that start together on connections that are open already: of several codes, or many of one."""
        racing = codes if len(codes) > 1 else codes * self.AT_ONCE
        clients = [self.authorization.client_of(code.browser, alone=True) for code in racing]
        await self.warm(clients)
        asked = [self.redemption(code, changes) for code in racing]
        calls = (self.authorization.call(c, r, f"{c.label} redeems") for c, r in zip(clients, asked, strict=True))
        return list(await asyncio.gather(*calls))

    async def warm(self, parties: Sequence[Party]) -> None:
        """Open every connection, so that what follows arrives together."""
        at = "/" + self.authorization.reach("/").rpartition("/")[2]
        await asyncio.gather(*(p.send("GET", at, purpose="open the connection") for p in parties))

    def demand_one_winner(self, answers: Sequence[TokenAnswer]) -> None:
        """One success at the most; none, or an answer that is unclear, decides nothing."""
        winners = sum(answer.granted for answer in answers)
        if winners > 1:
            self.violation("one success at the most", f"{winners} of {len(answers)} redemptions gave tokens")
        if winners == 0 or any(not a.granted and not a.refused for a in answers):
            told = ", ".join(sorted({str(answer) for answer in answers}))
            self.inconclusive(f"{winners} of {len(answers)} redemptions succeeded, the answers being {told}")

    def winner(self, owner: Party, answers: Sequence[TokenAnswer]) -> Party:
        """The client whose redemption succeeded."""
        self.demand_one_winner(answers)
        return self.holder(owner, next(answer for answer in answers if answer.granted))

    async def refresh_and_revoke_together(self, party: Party) -> TokenAnswer:
        """A refresh and the revocation of its token, started together; what the refresh gave."""
        clients = [self.authorization.client_of(party, alone=True) for _ in range(2)]
        await self.warm(clients)
        who, token = self.client_of(party), party.tokens["refresh"]
        revocation = TokenRequest(who, (("token", token), ("token_type_hint", "refresh_token")))
        renewal = self.authorization.refreshing(who, token)
        answer, _ = await asyncio.gather(
            self.authorization.call(clients[0], renewal, f"{who} refreshes"),
            self.authorization.call(clients[1], revocation, f"{who} revokes", "revocation"),
        )
        return answer

    async def expect_revocation_reaches_heirs(self, party: Party) -> None:
        """One after the other, the revocation of a replaced refresh token ends its successor.

        Raises:
            NotApplicable: it does not, so that a refresh that came first explains every survivor of a race.
        """
        heir = self.holder(party, await self.renewed(party))
        await self.call_revoke(party, party.tokens["refresh"])
        if (await self.renewed(heir)).granted:
            self.not_applicable("revoking a replaced refresh token ends nothing here, so that no order can be told")

    async def expect_no_survivor(self, party: Party, answer: TokenAnswer) -> None:
        """After a revocation in flight neither the old refresh token nor a successor gives tokens."""
        heirs = [self.holder(party, answer)] if answer.granted else []
        for holder in (*heirs, party):
            if "refresh" in holder.tokens:
                self.demand_refusal(await self.renewed(holder), "no refresh token survives the revocation")

    # -- revocation and introspection

    async def call_revoke(
        self, party: Party, token: str, *, client: Client | None = None, auth: str = ""
    ) -> TokenAnswer:
        """Ask for a token's revocation, as its client or as another one."""
        who = client or self.client_of(party)
        request = TokenRequest(who, (("token", token),), auth=auth)
        return await self.call(party, request, f"{who} revokes a token of {party.label}", "revocation")

    async def revoke_token(self, party: Party, kind: str) -> TokenAnswer:
        """Revoke one of a party's own tokens, ``access`` or ``refresh``; the server must say that it did.

        Raises:
            Inconclusive: the proper revocation was refused.
            NotApplicable: the server revokes no tokens of this kind.
        """
        answer = await self.call_revoke(party, party.tokens[kind])
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if answer.error == "unsupported_token_type":
            self.not_applicable(f"the server does not revoke {kind} tokens, and says so")
        if not 200 <= status < 300:
            self.inconclusive(f"a proper revocation got {answer}")
        return answer

    def expect_same_status(self, answer: TokenAnswer, genuine: TokenAnswer, what: str) -> None:
        """The revocation of a token that is none is answered as a genuine one."""
        one, other = (a.exchange.answer.status if a.exchange.answer else 0 for a in (answer, genuine))
        if not one or one >= 500:
            self.inconclusive(f"the revocation of {what} got {answer}")
        if one != other:
            self.violation(f"revoking {what} is answered {other}, as a genuine one", f"{one} {answer.error}".strip())

    def introspector(self) -> Client:
        """The client that may introspect: as described, else the first confidential one, else the first."""
        named = self.authorization.described.introspection_client
        clients = self.authorization.clients
        found = [*(c for c in clients if c.id == named), *(c for c in clients if not c.public), *clients]
        return found[0]

    async def introspect(self, token: str, party: Party, client: Client | None = None) -> TokenAnswer:
        """Ask the server about a token."""
        who = client or self.introspector()
        request = TokenRequest(who, (("token", token),))
        return await self.call(party, request, f"{who} asks about a token of {party.label}", "introspection")

    def active(self, answer: TokenAnswer) -> bool:
        """What introspection says of a token.

        Raises:
            Inconclusive: it says neither active nor inactive.
        """
        said = answer.document.get("active")
        if not isinstance(said, bool) or answer.exchange.answer is None or answer.exchange.answer.status >= 300:
            self.inconclusive(f"introspection says neither active nor inactive: {answer}")
        return said

    async def expect_active(self, party: Party) -> None:
        """A positive control: a live token is called active."""
        if not self.active(await self.introspect(party.tokens["access"], party)):
            self.inconclusive("introspection calls a token inactive that was issued a moment ago")

    def expect_untold(self, answer: TokenAnswer, asked: str = "without credentials") -> None:
        """Introspection tells nothing to whoever asks like this."""
        if answer.document.get("active") is True:
            self.violation(f"introspection tells nothing when asked {asked}", "it tells about a token")
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if not status or status >= 500:
            self.inconclusive(f"introspection, asked {asked}, got {answer}")

    async def dead_tokens(self, party: Party) -> dict[str, str]:
        """Tokens that are dead for a reason each; the party's own end by this."""
        dead = {"a made-up token": "pickproof-made-up-token"}
        if "refresh" in party.tokens and self.policy.rotation:
            answer = await self.renewed(party)
            if answer.granted and answer.text("refresh_token") not in ("", party.tokens["refresh"]):
                dead["a replaced refresh token"] = party.tokens["refresh"]
        if self.authorization.endpoint("revocation"):
            other = await self.granted(await self.own_login("alice"))
            await self.revoke_token(other, "access")
            dead["a revoked access token"] = other.tokens["access"]
        return dead

    def expect_inactive(self, answer: TokenAnswer, what: str) -> None:
        """A dead token is called inactive."""
        if self.active(answer):
            self.violation(f"{what} is inactive", "introspection calls it active")

    def expect_minimal(self, answer: TokenAnswer, what: str) -> None:
        """An inactive answer says nothing else."""
        self.expect_inactive(answer, what)
        more = sorted(set(answer.document) - {"active"})
        if more:
            self.violation("nothing beside active: false", f"about {what} it also tells {', '.join(more)}")

    async def expect_agreement(self, party: Party, when: str) -> None:
        """Introspection calls an access token active exactly while the API accepts it."""
        active = self.active(await self.introspect(party.tokens["access"], party))
        accepted = await self.survives(party)
        if active != accepted:
            said = f"introspection says {'active' if active else 'inactive'}, and the API "
            said += "accepts it" if accepted else "refuses it"
            declared = self.declared_stateless
            self.violation(
                f"both agree on an access token, {when}", said + (f"; declared: {declared}" if declared else "")
            )

    # -- metadata

    def announced_issuer(self) -> tuple[str, list[str]]:
        """The issuer in the metadata, and the issuers that its place stands for (RFC 8414 section 3.1).

        Raises:
            Inconclusive: the description says only how this machine reaches the server, and the issuer is elsewhere.
        """
        system = self.system
        place = self.authorization.described.metadata or ""
        path = urlsplit(place).path
        well_known = path.split("/.well-known/")
        own = well_known[0] + "/" + "/".join(well_known[-1].split("/")[1:]) if len(well_known) > 1 else ""
        roots = {system.base_url, system.description.public_url or system.base_url}
        if place.startswith("http"):
            roots = {f"{urlsplit(place).scheme}://{urlsplit(place).netloc}"}
        places = sorted({root.rstrip("/") + own.rstrip("/") for root in roots})
        issuer = str(self.authorization.metadata.get("issuer"))
        known = [*places, *(f"{p}/" for p in places)]
        if issuer not in known and system.description.public_url is None and is_loopback(system.base_url):
            self.inconclusive(f"the issuer is {issuer}; whether users reach the server there, `public_url` would tell",
                              self.metadata_evidence())  # fmt: skip
        return issuer, known

    def metadata_evidence(self) -> tuple[Exchange, ...]:
        """The exchange that fetched the metadata."""
        found = self.authorization.fetched
        return (found,) if found else ()

    def wrong_metadata(self) -> list[str]:
        """What required members of the metadata lack, in words."""
        document = self.authorization.metadata
        wrong = [f"{name} is missing" for name in REQUIRED if name not in document]
        wrong += [f"{name} is no {kind.__name__}" for name, kind in REQUIRED.items()
                  if name in document and not isinstance(document[name], kind)]  # fmt: skip
        urls = [name for name in document if name.endswith(("_endpoint", "jwks_uri"))]
        return wrong + [f"{name} is no URL" for name in urls if not str(document[name]).startswith("http")]

    async def expect_announced_works(self, party: Party) -> None:
        """Endpoints that are announced exist, and the announced grants are given."""
        document, server = self.authorization.metadata, self.authorization
        if "refresh_token" in (document.get("grant_types_supported") or ()) and "refresh" in party.tokens:
            answer = await self.renewed(party)
            if not answer.granted:
                self.violation("the announced grant refresh_token works", str(answer))
        methods = document.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" in methods:
            answer = await self.redeem(await self.code(await self.own_login("alice")), code_verifier="x" * 43)
            self.demand_refusal(answer, "the announced S256 is enforced")
        for name, method in [(n, m) for n, m in ANNOUNCED.items() if n in document]:
            url = server.reach(str(document[name]))
            exchange = await party.send(method, url, purpose=f"is the announced {name} there?")
            if exchange.answer and exchange.answer.status == 404:
                self.violation(f"the announced {name} is there", "404", (exchange,))
            if name == "jwks_uri" and exchange.answer and not isinstance(json_of(exchange.answer), dict):
                self.violation("the announced key set is one", f"{exchange.answer.status} without JSON", (exchange,))
