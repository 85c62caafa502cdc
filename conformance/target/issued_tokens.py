"""After the first tokens: hints, odd methods, what introspection and metadata say, tokens in places of another kind."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.attacks.assertions import ASSERTION_TYPE
from conformance.attacks.jwt import Token, parse
from conformance.attacks.material import is_number
from conformance.model import Capability
from conformance.target.back_channel import BackChannel
from conformance.target.front_channel import on_this_machine
from conformance.target.oauth_messages import Client, TokenAnswer, TokenRequest
from conformance.target.tokening import LIFETIME_SLACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.target.party import Party

EVIL = "attacker.pickproof.example"
FORWARDED: Mapping[str, Mapping[str, str]] = {
    "X-Forwarded-Host": {"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "https"},
    "Forwarded": {"Forwarded": f"host={EVIL};proto=https"},
    "X-Original-Host": {"X-Original-Host": EVIL, "X-Host": EVIL},
}
"""What a proxy in front would say of the host that a client asked for, by the field's name."""
COOKIE_NAMES = ("access_token", "token", "jwt", "auth_token", "Authorization", "bearer")
SAME_CLAIMS = ("iss", "sub", "aud", "auth_time")
"""OpenID Connect Core section 12.2: what a refreshed ID token keeps, where both have it."""
PARAMETER = re.compile(r"""\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[!#$%&'*+.^_`|~\w-]+)\s*(?:,|$)""")
ANOTHER = re.compile(r"\s*[\w-]+\s*(?:,|$|\s[\w-]+\s*=|\s[\w.~+/-]+=*\s*(?:,|$))")
"""Where another challenge begins in the same field (RFC 9110 section 11.6.1): it may have no parameters."""
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class IssuedTokens(BackChannel):
    """What becomes of tokens, and what the server says of them and of itself."""

    # -- revocation

    async def revoke_by(self, party: Party, kind: str, *, hint: str = "", method: str = "POST") -> TokenAnswer:
        """Ask for the revocation of a party's own token, with a hint at its type or by another method."""
        who = self.client_of(party)
        form = (("token", party.tokens[kind]), *((("token_type_hint", hint),) if hint else ()))
        told = f"{who} revokes the {kind} token of {party.label}" + (f", calling it {hint}" if hint else "")
        return await self.call(party, TokenRequest(who, form, method=method), told, "revocation")

    async def expect_revoked_despite(self, answer: TokenAnswer, party: Party, hint: str) -> None:
        """A revocation with a wrong hint has its effect, where one without a hint has.

        Raises:
            NotApplicable: refresh tokens live on after any revocation.
        """
        if answer.exchange.answer is None or answer.exchange.answer.status >= 500:
            self.inconclusive(f"a revocation got {answer}")
        renewal = await self.renewed(party)
        fresh = await self.granted(await self.own_login("alice"), party.client)
        if renewal.granted:
            await self.revoke_token(fresh, "refresh")
            if (await self.renewed(fresh)).granted:
                self.not_applicable("no revocation ends refresh tokens here: oauth.revoke.refresh speaks of that")
        told = f"a refresh token that was revoked as {hint} gives no tokens"
        self.demand_refusal(renewal, told, (answer.exchange,))
        await self.expect_renews(fresh)

    async def expect_still_good(self, party: Party, event: str) -> None:
        """A token pair that an event must leave alone still works."""
        await self.expect_kept(party, event)
        if "refresh" in party.tokens and (answer := await self.renewed(party)).refused:
            self.violation(f"the refresh token still works after {event}", str(answer), (*self.log,))

    async def successor(self, party: Party) -> Party:
        """Whoever holds what a refresh gave.

        Raises:
            NotApplicable: it gave no other refresh token.
        """
        heir = self.holder(party, await self.renewed(party))
        if heir.tokens.get("refresh") in (None, party.tokens["refresh"]):
            self.not_applicable("a refresh gives no other refresh token here")
        return heir

    async def expect_stays_dead(self, party: Party) -> None:
        """An access token that was revoked is dead, and its refresh token's use does not bring it back."""
        if await self.survives(party):
            self.not_applicable("revoked access tokens live on here: oauth.revoke.access speaks of that")
        answer = await self.renewed(party)
        self.note = f"the refresh token {'still works' if answer.granted else 'ended with it'}"
        if answer.granted and await self.survives(party):
            self.violation("a revoked access token stays dead", "its refresh token was used, and it works again")

    # -- introspection

    async def introspect_by_get(self, party: Party) -> TokenAnswer:
        """Ask about a token with the token in the query."""
        who = self.introspector()
        request = TokenRequest(who, (("token", party.tokens["access"]),), method="GET")
        return await self.call(party, request, f"{who} asks about a token of {party.label} by GET", "introspection")

    def expect_consistent(self, answer: TokenAnswer, party: Party, granted: TokenAnswer) -> None:
        """What introspection says of a token is what was granted, and what the token says itself."""
        if not self.active(answer):
            self.inconclusive("introspection calls a token inactive that was issued a moment ago")
        said, wrong = answer.document, []
        if said.get("client_id") not in (None, self.client_of(party).id):
            wrong.append(f"client_id is {said['client_id']}, not {self.client_of(party)}")
        more = set(answer.text("scope").split()) - set(granted.scopes or ())
        if granted.scopes and more:
            wrong.append(f"scope has {' '.join(sorted(more))}, which was not granted")
        own = token.claims if (token := parse(party.tokens["access"])) else {}
        both = [name for name in ("iss", "sub", "exp", "jti", "client_id") if name in own and name in said]
        wrong += [f"{name} differs from the token's" for name in both if not agree(said[name], own[name])]
        if wrong:
            self.violation("introspection says what was granted", "; ".join(wrong), (answer.exchange, granted.exchange))
        if is_number(said.get("exp")) and is_number(said.get("iat")) and party.lifetime is not None:
            differs = float(said["exp"]) - float(said["iat"]) - party.lifetime
            if abs(differs) > LIFETIME_SLACK:
                # Both are optional, and a client may be told less than the whole: no sentence of a standard binds them.
                told = "exp - iat is expires_in"
                self.advise(told, f"{differs:.0f} s lie between", (answer.exchange, granted.exchange))

    # -- bearer tokens at the API

    def in_cookies(self, party: Party) -> Party:
        """A browser that holds a party's access token as a cookie of this or that name, and nowhere else."""
        token = party.secret(self.bearer)
        probe = self.bare(party, f"a browser with {party.label}'s token in cookies")
        return replace(probe, also_cookies=tuple((name, token) for name in COOKIE_NAMES))

    async def expect_challenge_well_formed(self, party: Party) -> None:
        """The challenge of a refusal can be read, and names each parameter once."""
        answer = (told := await self.refusal(party)).exchange.answer
        for field in answer.all("www-authenticate") if answer else ():
            scheme, _, rest = field.strip().partition(" ")
            if scheme.lower() != "bearer" or not rest.strip():
                continue
            names: list[str] = []
            at = 0
            while match := PARAMETER.match(rest, at):
                names, at = [*names, match[1].lower()], match.end()
            if at < len(rest.rstrip()) and not ANOTHER.match(rest, at):
                self.violation("a challenge of name=value pairs", f"{field!r} cannot be read", [told.exchange])
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                self.violation("no parameter stands twice", f"{', '.join(twice)} in {field!r}", [told.exchange])

    async def both_ways(self) -> Party:
        """Bob, who sends his own token in the header and alice's in the query.

        Raises:
            NotApplicable: a token in the query counts nowhere, so that the header is the only way.
        """
        alice, bob = await self.shared_login("alice"), await self.shared_login("bob")
        token = alice.secret(self.bearer)
        if (await self.in_query(self.bare(alice, "a client"), token).whoami()).refused:
            self.not_applicable("a token in the query does not count, so that there is but one way")
        return self.in_query(replace(bob.stolen("bob"), base=bob), token)

    async def expect_private(self, party: Party) -> None:
        """An answer to a token in the query is not for shared caches.

        Raises:
            NotApplicable: a token in the query counts nowhere.
        """
        judged = await party.whoami()
        if judged.refused:
            self.not_applicable("a token in the query does not count")
        if not judged.accepted:
            self.inconclusive(f"whether a token in the query counts is {judged}")
        said = (judged.exchange.answer.header("cache-control") if judged.exchange.answer else "") or ""
        if not {"private", "no-store"} & set(re.split(r"[\s,]+", said.lower())):
            self.violation("Cache-Control: private", f"Cache-Control: {said}" if said else "no Cache-Control")

    # -- tokens in places of another kind

    def client_with_a_proof(self) -> Client:
        """A client that must prove who it is, where one is described; else any."""
        proving = (c for c in self.authorization.clients if c.redirect_uri and not c.public)
        return next(proving, None) or self.client()

    def access_jwt(self, party: Party) -> Token:
        """The access token of a party, read.

        Raises:
            NotApplicable: it cannot be read.
        """
        return parse(party.tokens.get("access", "")) or self.not_applicable("access tokens are opaque")

    async def expect_no_assertion(self, party: Party, client: Client, token: str, what: str) -> None:
        """A token is neither a grant nor the proof of a client that needs one."""
        grant = await self.token_request(party, client, grant_type=JWT_BEARER, assertion=token)
        self.demand_refusal(grant, f"{what} is no assertion for a grant")
        if client.public:
            # It proves nothing, and what it sends besides is a parameter to ignore (RFC 6749 section 3.2).
            return
        code = await self.code(await self.shared_login("alice"), client)
        shown = {"client_id": client.id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
        request = self.redemption(code, shown)
        answer = await self.call(party, request, f"{client} shows {what} in place of its secret", bare=True)
        self.demand_refusal(answer, f"{what} does not authenticate {client}")

    def expect_same_user(self, before: str, after: str) -> None:
        """A refreshed ID token says of the login what the first one said."""
        first, second = parse(before), parse(after)
        if first is None or second is None:
            self.inconclusive("an ID token cannot be read")
        one, other = first.claims, second.claims
        kept = [n for n in SAME_CLAIMS if n in one and n in other and not agree(one[n], other[n])]
        wrong = [n for n in kept if not set(listed(one[n])) <= set(listed(other[n]))]
        if wrong:
            self.violation("iss, sub, aud and auth_time stay", f"{', '.join(wrong)} changed with the refresh")

    async def expect_opens_again(self, party: Party, scope: str) -> None:
        """A refreshed token does what a scope allows that was granted at first."""
        if not await self.opens(party, scope):
            self.violation(f"the refreshed token opens what {scope} allows", "it does not", (*self.log,))

    # -- metadata

    def clear_endpoints(self) -> list[str]:
        """Endpoints that the metadata has at plain http, off loopback.

        Raises:
            NotApplicable: there are some, and nothing says how users reach the target.
        """
        document = self.authorization.metadata
        urls = {n: v for n, v in document.items() if n.endswith("_endpoint") or n in ("issuer", "jwks_uri")}
        found = sorted(n for n, v in urls.items() if str(v).startswith("http://") and not on_this_machine(str(v)))
        if found and not self.has(Capability.HTTPS):
            self.not_applicable(f"{', '.join(found)} at plain http; whether users get there, `public_url` would tell")
        return found

    async def expect_host_ignored(self, browser: Party) -> None:
        """The metadata is the same whatever a request says of the host that it was sent to."""
        place = self.authorization.reach(self.authorization.described.metadata or "")
        for what, fields in FORWARDED.items():
            # An address of its own each: what a cache keeps of a bad answer must not reach others.
            mine = {"pickproof": secrets.token_hex(8)}
            told = f"fetch the metadata with {what}"
            exchange = await browser.send("GET", place, purpose=told, headers=fields, query=mine)
            answer = exchange.answer
            if answer is None or answer.status >= 500:
                self.inconclusive(f"the metadata with {what}: {answer.status if answer else exchange.error}")
            if EVIL.encode() in answer.body:
                self.violation("the metadata names the configured issuer", f"{what} chooses its URLs", (exchange,))

    def announced(self, name: str) -> list[str] | None:
        """A list of the metadata, or None where it has none."""
        value: Any = self.authorization.metadata.get(name)
        return [str(one) for one in value] if isinstance(value, list) else None

    # -- the browser's session

    async def planted_login(self, client: Client) -> tuple[Party, Party]:
        """A browser with the cookies of a visit before login, and an attacker who has seen them.

        Raises:
            NotApplicable: such a visit leaves no cookie.
        """
        visitor = self.stranger()
        await self.ask(visitor, self.request(client), decide=False)
        if not visitor.jar.as_pairs():
            self.not_applicable("a visit before login leaves no cookie that an attacker could plant")
        attacker = replace(visitor.stolen("an attacker who planted the cookies of a visit"), replays=False)
        return visitor, attacker


def listed(value: object) -> list[str]:
    """A claim as a list, since an audience of one may stand as a text or in a list."""
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]


def agree(one: object, other: object) -> bool:
    """Whether two claims say the same: numbers to the second, since a part of one may be cut off."""
    if is_number(one) and is_number(other):
        return abs(float(one) - float(other)) < 1
    return listed(one) == listed(other)
