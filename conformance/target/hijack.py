"""Parties with altered, misplaced or mixed session cookies."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterable, Iterator

from conformance.model import Exchange
from conformance.target.cast import Cast
from conformance.target.cookies import Jar
from conformance.target.expectations import Expectations
from conformance.target.oracle import server_error
from conformance.target.party import Party
from conformance.target.verbs import NoFormError, NotLetOnError, NotTakenError

ELSEWHERE = ("sid", "session", "sessionid", "session_id", "PHPSESSID", "JSESSIONID", "token")
"""Parameter names that servers read sessions from, besides the cookie's own name."""
PATH_SIGN = re.compile(r"/|%2f|\.|%00|\x00")


def _no_path(sign: re.Match[str]) -> str:
    """A sign that means nothing in a path, as much or as little part of base64 as the one it stands for."""
    return "+" if sign[0] in ("/", "%2f") else "!"


class Hijacking(Cast, Expectations):
    """Verbs about what a session cookie may be turned into."""

    @property
    def public_host(self) -> str:
        """The host name under which browsers know the target."""
        return self.system.description.origin.partition("://")[2].partition(":")[0]

    @property
    def identity_route(self) -> str:
        """Method and path of the identity's last step."""
        identity = self.system.description.identity
        if identity is None or identity.steps[-1].send is None:
            self.not_applicable("the identity is no single request")
        return identity.steps[-1].send

    @property
    def naming_routes(self) -> tuple[str, ...]:
        """Protected routes besides the identity, on which another user's name would be a leak."""
        return tuple(route for route, _ in self.system.routes if route != self.identity_route)

    async def on_route(self, party: Party, route: str) -> Exchange:
        """What a party is answered on a route."""
        return await party.visit(route, f"{party.label}: {route}")

    @staticmethod
    def names(exchange: Exchange, principal: str) -> bool:
        """Whether an answer names somebody, as a value of its own and not by chance inside another word."""
        text = exchange.answer.body.decode("utf-8", "replace") if exchange.answer else ""
        return len(principal) > 3 and (f'"{principal}"' in text or f">{principal}<" in text)

    async def failed_login(self, account: str, *, carrying: Party | None = None) -> Party:
        """A client after a login with a wrong password.

        Raises:
            Inconclusive: the login could not even be tried.
        """
        jar = carrying.jar.copy() if carrying else Jar()
        label = f"a client after a failed login as {account}"
        party = Party(self.system, label, self.known(account), self.system.spare_lane(), self.log, jar)
        wrong = f"wrong-{secrets.token_hex(8)}"
        with contextlib.suppress(NotTakenError):
            try:
                await party.attempt_login(wrong)
            except NotLetOnError:
                # A login of several steps ends where the password is wrong.
                return party
            except NoFormError:
                # Who is signed in is sent on instead: there is no login that could change anything.
                if carrying is None or not (await carrying.whoami()).accepted:
                    raise
        return party

    def companions(self, alice: Party, bob: Party) -> list[str]:
        """Cookies that both users have, with different values, and that do not authenticate."""
        session = {carrier.name for carrier in self.cookies}
        both = {name for name, _ in alice.jar.as_pairs()} & {name for name, _ in bob.jar.as_pairs()}
        return sorted(name for name in both - session if alice.jar.get(name) != bob.jar.get(name))

    def with_ids(self, alice: Party, ids: Iterable[str]) -> Iterator[Party]:
        """Attackers with hostile ids in place of alice's."""
        genuine = alice.secret(self.cookie)
        for text in ids:
            label = f"an attacker with the session id {text.replace('{id}', '…')!r}"
            yield alice.holding(text.replace("{id}", genuine), self.cookie, label)

    async def with_paths(self, alice: Party, ids: Iterable[str]) -> list[Party]:
        """Attackers with ids that are paths, but for those let in with other signs in place of those of a path.

        What a lenient decoder of base64 drops or ignores makes no path of an id; session.id.mutate judges such ids.
        """
        spelled = list(ids)
        others = self.with_ids(alice, (PATH_SIGN.sub(_no_path, text) for text in spelled))
        pairs = zip(self.with_ids(alice, spelled), others, strict=True)
        return [attacker for attacker, other in pairs if not (await other.whoami()).accepted]

    def with_cookies(self, alice: Party, extra: Iterable[tuple[str, tuple[tuple[str, str], ...]]]) -> Iterator[Party]:
        """Alice's client with more cookies, or with others."""
        for label, cookies in extra:
            client = alice.stolen(f"a client with {label}")
            client.also_cookies = cookies
            yield client

    def carrying_elsewhere(self, alice: Party) -> Iterator[Party]:
        """Strangers who send alice's session id anywhere but in its cookie."""
        value = alice.secret(self.cookie)
        names = dict.fromkeys((self.cookie.name, *ELSEWHERE))
        for name in names:
            client = self.stranger()
            client.label, client.also_query, client.base = f"a stranger with ?{name}=…", ((name, value),), alice
            yield client
        for header in (self.cookie.name, "X-Session-Id", "X-Session-Token", "X-Auth-Token", "Session"):
            client = self.stranger()
            client.label, client.also_headers, client.base = f"a stranger with {header}: …", ((header, value),), alice
            yield client

    async def expect_survived(self, parties: Iterable[Party], alice: Party) -> None:
        """No request of these breaks the server (twice the same 5xx), and alice's session goes on."""
        for party in parties:
            answers = [(await party.whoami()).exchange for _ in range(2)]
            await self.system.control(answers[-1].sent_at, alice)
            if status := server_error(answers):
                self.violation(f"{party.label} is answered without a server error", f"{status}, twice", answers)
            if all(e.answer and e.answer.status >= 500 for e in answers):
                self.inconclusive(f"{party.label} is answered by a gateway, or by a busy target", answers)
