"""A token presented otherwise than described: in raw header fields, in the query, in a body, at another replica."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from conformance.attacks.bearer import DETOURS, Detour
from conformance.attacks.jwt import Token, parse
from conformance.model import Capability, Exchange
from conformance.target.oracle import Judgement, RouteOracle, server_error
from conformance.target.party import Carrier, Party
from conformance.target.stage import mutate_of
from conformance.target.templates import extract, render
from conformance.target.tokens import TokenAttacks

if TYPE_CHECKING:
    from conformance.target.grammar import Step

_PARAMETER = re.compile(r'([a-z_]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', re.IGNORECASE)
_BEARER = re.compile(r"(?:^|,)\s*Bearer(?=\s|,|$)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How the target worded a refusal of a request."""

    status: int
    bearer: bool
    """It carries a Bearer challenge."""
    error: str
    """The challenge's error code, or an empty string."""
    exchange: Exchange = field(repr=False)

    def __str__(self) -> str:
        if not self.bearer:
            return f"{self.status} without a Bearer challenge"
        return f"{self.status} with a Bearer challenge" + (f" and error={self.error}" if self.error else "")


class Presenting(TokenAttacks):
    """Who sends a token, and where in the request it stands."""

    @property
    def credential(self) -> Carrier:
        """What carries the access token: a header, else a cookie with a signed token.

        Raises:
            NotApplicable: the login gives no token.
        """
        tokens = [c for c in self.system.carriers if c.kind == "token"]
        signed = [c for c in self.system.carriers if parse(self.system.any_shared().secret(c))]
        return next(iter([*tokens, *signed]), None) or self.not_applicable("no credential of the login is a token")

    @property
    def bearer(self) -> Carrier:
        """The token that scripts hold and send themselves.

        Raises:
            NotApplicable: the login gives none.
        """
        own = [c for c in self.system.carriers if c.kind == "token"]
        found = [c for c in own if not self.system.use.get(c.name, "").startswith("cookie:")]
        return next(iter(found), None) or self.not_applicable("no token travels otherwise than in a cookie")

    def need_token(self) -> None:
        """End the check where the login gives no token, as a server with sessions does."""
        _ = self.credential

    def signed(self, party: Party) -> Token | None:
        """The access token of a party, where it can be read."""
        return parse(party.secret(self.credential))

    # -- other header fields

    def bare(self, party: Party, label: str) -> Party:
        """A party stripped of what authenticates it; its refusal is controlled with the genuine credential."""
        probe = party.stolen(label)
        probe.lane, probe.base = self.system.spare_lane(party.lane), party
        probe.tokens = {name: value for name, value in probe.tokens.items() if name == "csrf"}
        probe.jar.discard(*(c.name for c in self.cookies))
        return probe

    def presenting(self, party: Party, *values: str, label: str = "a client") -> Party:
        """A party that sends these ``Authorization`` fields, and its token nowhere else."""
        return replace(self.bare(party, label), also_fields=tuple(("Authorization", value) for value in values))

    @property
    def declared_otherwise(self) -> str:
        """The header field of its own in which the description presents the token; nothing where it is Bearer's."""
        use = self.system.use.get(self.bearer.name, "header:Authorization: Bearer")
        bearers = re.match(r"header:\s*authorization:\s*bearer\b", use, re.IGNORECASE)
        return "" if bearers or not use.startswith("header:") else use

    def need_unbound_tokens(self) -> None:
        """End the check where every token is bound to a key: by Bearer none may be taken (RFC 9449 section 7.2)."""
        if self.system.description.oauth and self.system.description.oauth.dpop:
            self.not_applicable("tokens are bound to a key (`oauth.dpop`): the scheme is DPoP, and Bearer's is refused")

    async def need_bearer_scheme(self) -> None:
        """End the check where the target is described with a scheme of its own, and takes no other."""
        if self.declared_otherwise:
            await self.speaker()

    async def speaker(self) -> Party:
        """Alice, whose token works with the Bearer scheme.

        Raises:
            NotApplicable: it does not; `bearer.header-ok` judges that.
        """
        alice = await self.shared_login("alice")
        if not self.system.speaks_bearer:
            judged = await self.presenting(alice, f"Bearer {alice.secret(self.bearer)}").whoami()
            self.system.speaks_bearer = not judged.refused
        if not self.system.speaks_bearer:
            how = f"the token travels as {self.declared_otherwise!r}: " if self.declared_otherwise else ""
            self.not_applicable(f"{how}the target does not take tokens by the Bearer scheme; see bearer.header-ok")
        return alice

    async def expect_served(self, party: Party, expected: str) -> None:
        """The target accepts what must work while it accepts the genuine credential as described."""
        judged = await party.whoami()
        await self.system.control(judged.exchange.sent_at, party.base)
        owner = party.base.principal if party.base else party.principal
        if judged.refused or (judged.accepted and judged.name != owner):
            self.violation(expected, f"{party.label} is {judged}", (*party.history, judged.exchange))
        if not judged.accepted:
            self.inconclusive(f"whether {party.label} is accepted is {judged}", (*party.history, judged.exchange))

    async def expect_no_reading(self, party: Party) -> None:
        """What is malformed is not accepted, and breaks nothing; that a connection is closed on it is an answer."""
        judged = await party.whoami()
        answers = [judged.exchange]
        if server_error(answers):
            answers.append((await party.whoami()).exchange)
        await self.system.control(answers[-1].sent_at, party.base)
        if server_error(answers) or judged.accepted:
            self.violation(f"{party.label} is refused", str(judged), (*party.history, *answers))
        if judged.exchange.answer and not judged.refused:
            self.inconclusive(f"whether {party.label} was refused is {judged}", (*party.history, *answers))

    async def refusal(self, party: Party) -> Refusal:
        """How the target words the refusal of a party.

        Raises:
            Inconclusive: it is not refused, or the target broke.
        """
        judged = await party.whoami()
        answer = judged.exchange.answer
        if answer is None or not judged.refused:
            self.inconclusive(f"{party.label} is {judged}")
        challenge = next((m[1] for field in answer.all("www-authenticate") if (m := _BEARER.search(field))), None)
        found = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(challenge or "")}
        return Refusal(answer.status, challenge is not None, found.get("error", ""), judged.exchange)

    async def made_up(self) -> Party:
        """A client with a token of the right form that nobody issued."""
        token = "".join(self.rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=43))
        return self.presenting(await self.speaker(), f"Bearer {token}", label="a client with a made-up token")

    # -- the query and the body

    async def askers(self) -> list[Party]:
        """Who sends alice's token where it does not belong: somebody without a token, and bob beside his own."""
        alice = await self.shared_login("alice")
        found = [self.bare(alice, "a client without Authorization")]
        if self.has(Capability.SECOND_ACCOUNT):
            bob = await self.shared_login("bob")
            found.append(replace(bob.stolen("bob"), base=bob))
        return found

    def in_query(self, asker: Party, token: str) -> Party:
        """Somebody who sends a token in the query: as RFC 6750 names it, and as the description does."""
        kind, _, declared = self.system.use.get(self.bearer.name, "").partition(":")
        names = {"access_token", declared} if kind == "query" else {"access_token"}
        label = f"{asker.label} with alice's token in the query"
        return replace(asker, label=label, also_query=tuple((name, token) for name in sorted(names)))

    async def whoami_with_body(self, party: Party, body: bytes, media: str) -> Judgement:
        """Ask the identity route, with a body in the request."""
        verb, step = self.system.description.identity, self._identity_step()
        words = {**self.system.words(party), **party.tokens}
        method, path = render(step.send, words).split(" ", 1)
        exchange = await party.send(
            method, path, purpose=f"{party.label} with alice's token in the body ({media}): who am I?",
            headers=render(step.headers, words), query=render(step.query, words), content=body, content_type=media,
        )  # fmt: skip
        name = extract(verb.name, exchange.answer, {}) if verb and exchange.answer else None
        return self.system.oracle.judge(exchange, name)

    def _identity_step(self) -> Step:
        verb = self.system.description.identity
        plain = verb is not None and len(verb.steps) == 1 and verb.steps[0].send and not self.system.adapter
        bodiless = plain and verb and verb.steps[0].json_ is None and verb.steps[0].form is None
        if not bodiless or verb is None:
            self.not_applicable("`identity` is not one request without a body, so a body cannot be added to it")
        return verb.steps[0]

    async def expect_not_alice(self, judged: Judgement, where: str) -> None:
        """A token of alice in a wrong place does not make somebody else alice."""
        alice = await self.shared_login("alice")
        if judged.accepted and judged.name == alice.principal:
            self.violation(f"a token in {where} does not count", f"{judged}, its owner", (judged.exchange,))
        if not judged.accepted and not judged.refused:
            self.inconclusive(f"whether a token in {where} counts is {judged}")
        await self.system.control(judged.exchange.sent_at, alice)

    # -- other methods and paths

    async def expect_no_detour(self, route: str, oracle: RouteOracle, detour: Detour) -> None:
        """A stranger gets on no detour what only insiders get on the route."""
        method, path = route.split(" ", 1)
        if method != "GET" or not oracle.decides or "?" in path:
            return
        exchange = await self._detoured(path, detour)
        if not oracle.judge(exchange).accepted:
            return
        if detour.another_path and oracle.judge(await self._detoured(f"{path}-pickproof", detour)).accepted:
            return  # any address is answered like this one: a page that says that nothing is there
        if detour.method == "OPTIONS":
            inside = await (await self.shared_login("alice")).visit(route, f"alice: {route}")
            if not (inside.answer and exchange.answer and inside.answer.body == exchange.answer.body):
                return  # it tells methods, no content
        self.violation(f"a stranger is refused ({detour.name} of {path})", "answered like the user", [exchange])

    async def _detoured(self, path: str, detour: Detour) -> Exchange:
        url = self.system.base_url + detour.path(path) + detour.suffix
        purpose = f"a stranger: {detour.name} of {path}"
        return await self.stranger().send(detour.method, url, purpose=purpose, headers=detour.headers)

    @property
    def detours(self) -> list[tuple[str, RouteOracle, Detour]]:
        """Every detour of every further protected route."""
        return [(route, oracle, detour) for route, oracle in self.system.routes for detour in DETOURS]

    # -- whose state

    @contextlib.asynccontextmanager
    async def state_of_alice(self) -> AsyncIterator[tuple[Party, str]]:
        """Alice, and a value that she alone has just written; what stood there before comes back."""
        stage = self.system.stage
        async with stage.open(), stage.alone() as victim:
            yield victim.party.in_log(self.log), victim.state

    async def state_seen_by(self, party: Party) -> str | None:
        """What the described read shows a party; None where it is refused."""
        read = mutate_of(self.system).read
        answer = (await party.verb("mutate.read", read, f"{party.label} reads the state")).answer
        if answer is None or answer.status >= 500:
            self.inconclusive(f"the described read gave {party.label} no answer to judge")
        return extract(read.value, answer, {}) or "" if answer.status < 300 else None

    def mixed(self, with_cookies: Party, with_token: Party) -> Party:
        """A client with one user's cookies and another user's token."""
        label = f"a client with {with_cookies.label}'s cookie and {with_token.label}'s header"
        client = with_token.stolen(label)
        client.jar = with_cookies.jar.copy()
        return client

    # -- replicas

    @property
    def replicas(self) -> list[str]:
        """The further base URLs of the deployment."""
        return list(self.system.description.replicas)

    def at(self, replica: str, party: Party) -> Party:
        """A party's copied credential, used at a replica; an empty text stands for the described server."""
        there = party.stolen(f"{party.label}'s credential at {replica or 'the described server'}")
        there.home = replica
        for name, value in party.jar.as_pairs():
            there.jar.put(name, value, replica or self.system.base_url)
        return there

    async def login_at(self, replica: str, account: str = "alice") -> Party:
        """A login at a replica, which proves that it is alive; the check is inconclusive without."""
        system = self.system
        lane = system.own_lane()
        party = Party(system, f"{account} at {replica}", self.known(account), lane, self.log, home=replica)
        await party.verb("login", system.description.login, f"{party.label} logs in")
        judged = await party.whoami()
        if not judged.accepted:
            self.inconclusive(f"a login at the replica {replica} is {judged}: is it up, with the same accounts?")
        party.principal, party.issued_at = judged.name, self.clock.now()
        return party
