"""Attacks on clients that authenticate with a private key, and on JWTs in the place of others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.attacks import assertions
from conformance.attacks.jwt import parse
from conformance.attacks.material import fresh_times
from conformance.target.issued_tokens import IssuedTokens
from conformance.target.oauth_messages import Change, Client, Code, TokenAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.attacks.assertions import ClientKey
    from conformance.target.party import Party

MADE_UP = "pickproof-made-up-secret"


class Asserting(IssuedTokens):
    """The kit as a client with a key, and as whoever would pass for it without."""

    def key_client(self) -> Client:
        """A client that users can be sent back to and that signs assertions.

        Raises:
            NotApplicable: none is described.
        """
        return self.client("key")

    @staticmethod
    def _key(client: Client) -> ClientKey:
        if client.key is None:
            raise TypeError(f"{client} has no key")
        return client.key

    def assertion(self, client: Client) -> str:
        """A proper assertion of a client."""
        return self._key(client).assertion(client.id)

    def request_object(self, client: Client) -> str:
        """An authorization request that the client signed."""
        return assertions.request_object(self._key(client), client.id, client.redirect_uri)

    def falsified_assertions(self, client: Client) -> list[tuple[str, str]]:
        """Assertions that the client's key signed and that say something false, each with what is false."""
        key = self._key(client)
        found = assertions.falsified(key.claims(client.id), self.policy.leeway)
        # Each has an id of its own, lest one be refused for another's.
        return [(what, key.signed({**claims, "jti": key.claims(client.id)["jti"]})) for what, claims in found]

    def expired_assertion(self, client: Client) -> str:
        """An assertion that was proper once."""
        return dict(self.falsified_assertions(client))[assertions.EXPIRED]

    async def forged_assertions(self, client: Client) -> list[tuple[str, str]]:
        """Assertions that say the truth and that the client's key did not sign."""
        listener = await self.system.listener_url()
        place = f"{listener}/{self.check.id.replace('.', '-')}-{self.system.seed}" if listener else None
        return list(assertions.badly_signed(self._key(client), client.id, self.policy.leeway, place))

    async def redeem_asserting(self, browser: Party, client: Client, assertion: str) -> TokenAnswer:
        """Redeem a fresh code of a client with this as its assertion."""
        return await self.redeem(await self.code(browser, client), client_assertion=assertion)

    async def redeem_shown(self, code: Code, shown: Client, changes: Mapping[str, Change]) -> TokenAnswer:
        """Redeem a code as somebody who shows themselves as its client in another way."""
        return await self.redeem_by(code, replace(self.redemption(code, changes), client=shown))

    def weaker_proofs(self, client: Client) -> Iterator[tuple[str, Client, dict[str, Change]]]:
        """How somebody without the key may show themselves as its client: nothing, a guess, its secret."""
        for what, auth, secret in (
            ("its id alone", "none", ""), ("an empty secret in the header", "basic", ""),
            ("an empty secret in the form", "post", ""), ("a made-up secret in the header", "basic", MADE_UP),
            ("a made-up secret in the form", "post", MADE_UP), ("its id for a secret", "basic", client.id),
        ):  # fmt: skip
            yield what, replace(client, auth=auth, secret=secret, key=None), {}
        empty: dict[str, Change] = {"client_assertion_type": assertions.ASSERTION_TYPE, "client_assertion": ""}
        yield "an empty assertion", replace(client, auth="none", key=None), empty
        if client.secret:
            yield "its secret in the header", replace(client, auth="basic", key=None), {}
            yield "its secret in the form", replace(client, auth="post", key=None), {}
            by_secret = assertions.with_secret(client.secret, self._key(client).claims(client.id))
            yield "an assertion under its secret", client, {"client_assertion": by_secret}

    async def need_assertions_once(self, browser: Party, client: Client) -> None:
        """See that an assertion counts once where the second use comes after the first.

        Raises:
            NotApplicable: it counts again: `oauth.client.assertion-replay` speaks of that.
        """
        assertion = self.assertion(client)
        self.holder(browser, await self.redeem_asserting(browser, client, assertion))
        if (await self.redeem_asserting(browser, client, assertion)).granted:
            self.not_applicable("an assertion counts as often as it is sent, even one after the other")

    # -- tokens of one kind in the place of another

    def assertions_for_the_api(self, client: Client, owner: Party) -> list[tuple[str, str]]:
        """What a client may sign and show to an API: its assertion, and the very claims of a user's token."""
        key, token = self._key(client), parse(owner.secret(self.credential))
        found = [("its assertion", self.assertion(client))]
        if token is not None:
            typ = {"typ": str(token.header["typ"])} if "typ" in token.header else {}
            mine = key.signed({**token.claims, **fresh_times(token, self.clock.now())}, **typ)
            found.append((f"the claims of {owner.label}'s token under its own key", mine))
        return found

    async def expect_hinted(self, browser: Party, party: Party) -> None:
        """A positive control: a silent request with the genuine ID token of this login gives a code.

        Raises:
            NotApplicable: nothing is silent here, or the login gives no ID token to this client.
        """
        client, hint = self.client_of(party), party.tokens.get("id_token")
        if not hint:
            self.not_applicable(f"{client} is given no ID token")
        response = await self.authorize(browser, client, prompt="none", id_token_hint=hint)
        self.demand_answer(response)
        if not response.code:
            self.not_applicable(f"a silent request with the genuine ID token ended in {response}")

    async def need_hints_read(self, browser: Party, party: Party) -> None:
        """See that the server looks at hints at all: a genuine one gives a code, a broken one does not.

        Raises:
            NotApplicable: it does not.
        """
        await self.expect_hinted(browser, party)
        header, payload, _ = party.tokens["id_token"].split(".")
        broken = f"{header}.{payload}.{'A' * 86}"
        response = await self.authorize(browser, self.client_of(party), prompt="none", id_token_hint=broken)
        self.demand_answer(response)
        if response.code:
            self.not_applicable("a hint that nobody signed is as good: the server does not look at hints")

    def session_jwts(self, browser: Party) -> list[tuple[str, str]]:
        """The JWTs among the cookies that a user's browser holds, by name.

        Raises:
            NotApplicable: there is none.
        """
        found = [(name, value) for name, value in browser.jar.as_pairs() if parse(value)]
        return found or self.not_applicable("no cookie of the user's browser is a JWT")
