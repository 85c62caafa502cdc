"""What clients may do: be guessed at, be taken for users, and have tokens revoked while they are in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.model import Capability, Exchange
from conformance.target.back_channel import BackChannel
from conformance.target.guess_delays import TOO_SLOW, Delays
from conformance.target.known_windows import KnownWindows
from conformance.target.oauth_messages import UNISSUED, Client, TokenAnswer, TokenRequest
from conformance.target.oracle import THROTTLED
from conformance.target.party import Party
from conformance.target.stage import change_state, fresh_value, read_state


class ClientAbuse(KnownWindows, BackChannel):
    """Verbs about clients of an authorization server."""

    # -- guessing

    def client_to_guess_at(self) -> tuple[Client, int]:
        """The client whose secret may be guessed at, and after how many failures the server promises to slow down.

        Raises:
            NotApplicable: none is set aside for it, or nothing is promised.
        """
        named, most = self.authorization.described.throttle_client, self.policy.throttle_client_failures
        found = next((c for c in self.authorization.all_clients if c.id == named), None)
        if found is None or most is None:
            self.not_applicable("name `oauth.throttle_client`, and declare `policy.throttle_client_failures`")
        return found, most

    async def expect_client_throttled(self) -> None:
        """After as many wrong secrets as declared, even the right one is not taken at once."""
        (client, most), alice = self.client_to_guess_at(), await self.shared_login("alice")
        if not await self.knows(alice, client, ""):
            self.inconclusive(f"{client} does not authenticate with its secret: is it right?")
        first = last = await self._guess_at_client(alice, client, 0)
        delays = Delays(first.exchange.seconds, lambda: self._beside(alice))
        slowed, number = _refused(first), 0
        while not (slowed or delays.untold) and number < most:
            number += 1
            last = await self._guess_at_client(alice, client, number)
            slowed = _refused(last) or bool(await delays.after(last.exchange))
        if not slowed:
            last = await self._shown(alice, client, "the right secret")
            if delays.untold or delays.late(last.exchange):
                self.inconclusive(TOO_SLOW, _of(first, last))
            if not _refused(last) and not _unknown(last):
                actual = f"after {most + 1} failures the right secret is taken at once: {last}"
                self.violation(f"after {most} failures a secret can't be guessed at", actual, _of(first, last))
        self.note = f"slowed down after {number} failures at most"

    async def _beside(self, alice: Party) -> Exchange:
        return (await alice.whoami()).exchange

    async def _guess_at_client(self, alice: Party, client: Client, number: int) -> TokenAnswer:
        answer = await self._shown(alice, self.pretending(client, f"pickproof-guess-{number}"), f"guess {number}")
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        if not status or (status >= 500 and status not in THROTTLED):
            self.inconclusive(f"a guess at the secret of {client} got {answer}", (answer.exchange,))
        if not _unknown(answer) and status not in THROTTLED:
            self.not_applicable("a client with a wrong secret is not told apart from one with a wrong code")
        return answer

    async def _shown(self, alice: Party, client: Client, what: str) -> TokenAnswer:
        return await self.call(alice, TokenRequest(client, UNISSUED), f"{client} shows its secret: {what}")

    # -- clients and users

    async def client_tokens(self) -> list[Party]:
        """Every described client that gets a token for itself, with that token.

        Raises:
            NotApplicable: none gets one.
        """
        alice, found = await self.shared_login("alice"), []
        for client in (c for c in self.authorization.clients if not c.public):
            answer = await self.token_request(alice, client, grant_type="client_credentials")
            if answer.granted:
                party = self.holder(alice, answer)
                found.append(replace(party, label=f"{client} with a token for itself", principal=None, client=client))
        return found or self.not_applicable("no described client gets a token for itself")

    async def expect_no_user(self, party: Party) -> None:
        """A client with a token for itself is no user: not a described one, nor one who registered its name."""
        users = [await self.shared_login(name) for name in ("alice", "bob")[: 1 + self.has(Capability.SECOND_ACCOUNT)]]
        namesake = await self._namesake(party)
        judged = await party.whoami()
        if judged.accepted and judged.name in [user.principal for user in users]:
            self.violation(f"{party.label} is no user", str(judged))
        if judged.accepted and namesake and judged.name == namesake.principal:
            told = f"it is {judged}, as {namesake.label} is"
            if await self._reads_as(party, namesake):
                self.violation(f"{party.label} is no user", f"{told}, and reads what that one wrote")
            self.advise(f"{party.label} cannot be taken for a user", told)
        if not judged.accepted and not judged.refused:
            self.inconclusive(f"who {party.label} is, is {judged}")

    async def _namesake(self, party: Party) -> Party | None:
        """A user who registered under the client's id, if the target lets people register, and has the name free."""
        if not self.has(Capability.REGISTER) or party.client is None:
            return None
        facts = {**self._facts(self.account("alice").words()), "user": party.client.id}
        label = f"a user who registered as {party.client}"
        visitor = replace(self.system.stranger(self.log, label), facts=facts)
        exchange = await visitor.verb("register_", self.system.description.register_, f"{label}: register")
        if exchange.answer is None or exchange.answer.status >= 400:
            self.note = f"nobody can register as {party.client}, or somebody has"
            return None
        return replace(await self.login_with(facts), label=label)

    async def _reads_as(self, party: Party, user: Party) -> bool:
        if not self.has(Capability.MUTATE):
            return False
        value = fresh_value()
        await change_state(user, value)
        return value in (await read_state(party) or "")

    # -- revocation beside uses

    async def need_true_revocation(self) -> None:
        """End the check where a revocation does not even end an access token that nobody else uses."""
        party = await self.granted(await self.own_login("alice"))
        await self.expect_accepted(party)
        await self.revoke_token(party, "access")
        if await self.survives(party):
            self.not_applicable("access tokens outlive their revocation: oauth.revoke.access speaks of that")

    async def revoke_amid(self, party: Party, thieves: Sequence[Party]) -> tuple[Exchange, ...]:
        """Revoke an access token while others use it without a pause; returns the revocation."""
        answer, _ = await self.amid(thieves, lambda: self.revoke_token(party, "access"))
        return (answer.exchange,)


def _unknown(answer: TokenAnswer) -> bool:
    """The server does not take this for the client."""
    got = answer.exchange.answer
    return answer.error == "invalid_client" or (got is not None and got.status == 401)


def _refused(answer: TokenAnswer) -> bool:
    return answer.exchange.answer is not None and answer.exchange.answer.status in THROTTLED


def _of(*answers: TokenAnswer) -> list[Exchange]:
    return [answer.exchange for answer in answers]
