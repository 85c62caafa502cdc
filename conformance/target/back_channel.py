"""More of the back channel under attack: forms and credentials that are odd, and what an answer must say."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.target.front_channel import FrontChannel
from conformance.target.oauth_messages import UNISSUED, Client, Code, TokenAnswer, TokenRequest, new_verifier, s256
from conformance.target.party import form_body
from conformance.target.verbs import StepFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conformance.target.oauth_messages import Pairs
    from conformance.target.party import Party

BOUNDARY = "pickproof"
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
"""What form-encoding leaves as it is (RFC 6749 appendix B)."""
LONG = 16
"""Characters from which on a value in a code is none by chance."""


def _multipart(fields: Iterable[tuple[str, str]]) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields
    )
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


OTHER_FORMS: dict[str, Callable[[Pairs], bytes]] = {
    "application/json": lambda fields: json.dumps(dict(fields)).encode(),
    f"multipart/form-data; boundary={BOUNDARY}": _multipart,
    "text/plain": form_body,
}
"""Bodies that are no form of RFC 6749, by their type."""


def readable(value: str) -> str:
    """What a value says by itself: its text, and whatever of it can be decoded."""
    return "\n".join([value, *(_decoded(part) for part in (value, *value.split(".")))])


def _decoded(part: str) -> str:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace")
    except ValueError:
        return ""


class BackChannel(FrontChannel):
    """What the token endpoint makes of odd requests, and what it says."""

    # -- codes

    def expect_opaque(self, code: Code) -> None:
        """A code, decoded as far as it goes, shows neither the challenge nor anything secret."""
        account = self.account(code.browser.owner or "alice")
        secrets = {
            "the code verifier": code.verifier, "its challenge": s256(code.verifier) if code.verifier else "",
            "the client's secret": code.client.secret, "the user's password": account.password,
        }  # fmt: skip
        text = readable(code.value)
        shown = [what for what, value in secrets.items() if len(value) >= LONG and value in text]
        if shown:
            self.violation("a code shows nothing of its request", f"decoded, it shows {', '.join(shown)}")

    async def next_in_browser(self, browser: Party, account: str) -> Party:
        """Another user, who logs in in a browser over the session that is there.

        Raises:
            NotApplicable: the target lets nobody log in there before that one has logged out.
        """
        try:
            another = await self.try_login(account, carrying=browser)
        except StepFailedError as failed:
            if not all(exchange.answer for exchange in failed.evidence):
                raise
            another = None
        told = f"{account} cannot log in in a browser in which {browser.label} is"
        return another or self.not_applicable(told)

    async def expect_not_of(self, party: Party, other: Party) -> None:
        """A token is not another user's; it may be of no use."""
        judged = await party.whoami()
        if judged.accepted and judged.name == other.principal != party.principal:
            self.violation(f"the token is not {other.label}'s", f"it is {judged.name}'s", (*self.log,))
        if not judged.accepted and not judged.refused:
            self.inconclusive(f"whose the token is, is {judged}")

    async def expect_unusable(self, answer: TokenAnswer, owner: Party, expected: str) -> None:
        """A token request is refused, or what it gives opens nothing."""
        if answer.granted and await self.survives(self.holder(owner, answer)):
            self.violation(expected, f"{answer}, and the API accepts it", (*self.log,))
        if not answer.granted:
            self.demand_refusal(answer, expected)

    async def expect_still_redeemed(self, code: Code, event: str) -> None:
        """A code still gives its client a token after what is none of the client's business."""
        answer = await self.redeem(code)
        if not answer.granted:
            await self.granted(code.browser, code.client)
            self.violation(f"the code still works after {event}", str(answer), (*self.log,))

    async def need_secret_demanded(self, browser: Party, client: Client) -> None:
        """End the check where a client needs no secret at all: then none that it shows tells anything."""
        if (await self.redeem(await self.code(browser, client), auth="none")).granted:
            self.not_applicable(f"{client} gets tokens without its secret: oauth.client.auth-required judges that")

    # -- challenges

    def need_pkce(self) -> None:
        """End the check where the description says that the server has no PKCE: oauth.pkce.supported speaks of that."""
        if self.policy.pkce == "none":
            self.not_applicable('the server knows no challenges: policy.pkce = "none"')

    async def understood(self, browser: Party, name: str) -> tuple[str, ...]:
        """A parameter of PKCE, or nothing where the server compares no verifier.

        Whoever does not know a parameter ignores it, however often it comes (RFC 6749 sections 3.1 and 3.2).
        """
        answer = await self.redeem(await self.code(browser), code_verifier=new_verifier())
        return () if answer.granted else (name,)

    async def expect_unsatisfiable(
        self, browser: Party, client: Client, what: str, verifier: str, **changes: str
    ) -> bool:
        """A request with an odd challenge gives no code, or one that nothing redeems; whether a code came."""
        response = await self.ask(browser, replace(self.request(client, **changes), verifier=verifier))
        self.demand_answer(response)
        if not response.code:
            return False
        code = self.code_of(response, browser)
        for tried in (verifier, changes.get("code_challenge", ""), None):
            answer = await self.redeem(code, code_verifier=tried)
            self.demand_refusal(answer, f"{what} leads to no token")
        return True

    # -- clients

    def client_by_basic(self) -> Client:
        """A confidential client that authenticates by HTTP Basic.

        Raises:
            NotApplicable: none is described.
        """
        found = (c for c in self.authorization.clients if c.redirect_uri and c.auth == "basic" and not c.public)
        return next(found, None) or self.not_applicable("no client that authenticates by HTTP Basic is described")

    async def redeem_unnamed(self, code: Code) -> TokenAnswer:
        """Redeem a code without a word on which client asks."""
        return await self.call(
            code.browser, self.redemption(code), "somebody redeems a code, without a client", bare=True
        )

    async def redeem_twice_shown(self, code: Code, basic: str, form: str) -> TokenAnswer:
        """Redeem a code with one secret in the header and another in the form."""
        client = code.client
        request = self.redemption(code, {"client_id": client.id, "client_secret": form})
        return await self.redeem_by(code, replace(request, client=replace(client, secret=basic), auth="basic"))

    def client_with_odd_secret(self) -> Client:
        """A confidential client whose id or secret form-encoding changes.

        Raises:
            NotApplicable: none is described.
        """
        found = (c for c in self.authorization.clients if c.secret and not c.key and set(c.id + c.secret) - PLAIN)
        return next(found, None) or self.not_applicable("no client id or secret is described that encoding changes")

    async def knows(self, owner: Party, client: Client, auth: str) -> bool:
        """Whether the token endpoint takes this for the client, asked with a code that nobody issued.

        Raises:
            Inconclusive: the server failed.
        """
        answer = await self.call(owner, TokenRequest(client, UNISSUED, auth=auth), f"{client} shows itself by {auth}")
        self.demand_refusal(answer, "a made-up code gives no token")
        status = answer.exchange.answer.status if answer.exchange.answer else 0
        return answer.error != "invalid_client" and status != 401

    async def expect_basic_understood(self, owner: Party, client: Client) -> None:
        """HTTP Basic works with id and secret form-encoded, where a wrong secret is told apart."""
        if await self.knows(owner, self.pretending(client, "pickproof-wrong-secret"), "basic"):
            self.not_applicable("a client with a wrong secret is not told apart from one with a wrong code")
        if await self.knows(owner, client, "basic"):
            return
        if client.auth != "basic":
            self.not_applicable(f"{client} is registered for another method, which a server may hold it to")
        if not await self.knows(owner, client, "post"):
            self.not_applicable(f"{client} authenticates neither by basic nor by post: is its secret right?")
        self.violation("an id and a secret work form-encoded in Basic", "they do in the form, not in the header")

    def expect_challenge(self, answer: TokenAnswer) -> None:
        """A failed Basic authentication is answered with 401 and a challenge for Basic."""
        got = answer.exchange.answer
        challenges = ", ".join(got.all("www-authenticate")) if got else ""
        if got is None or got.status != 401 or "basic" not in challenges.lower():
            actual = f"{answer}, {f'challenge {challenges}' if challenges else 'no challenge'}"
            self.violation("401 with WWW-Authenticate: Basic", actual, (answer.exchange,))

    # -- forms and answers

    async def redeem_encoded(self, code: Code, media: str) -> TokenAnswer:
        """Redeem a code with a body of another type."""
        request = self.redemption(code)
        more, headers = request.credentials()
        client = self.authorization.client_of(code.browser)
        exchange = await client.send(
            "POST", self.authorization.endpoint("token") or "", purpose=f"{code.client} redeems a code as {media}",
            headers=headers, accept="application/json", content=OTHER_FORMS[media]((*request.form, *more)),
            content_type=media, omit=("Origin", "Sec-Fetch-Site"),
        )  # fmt: skip
        return TokenAnswer(request, exchange)

    def expect_json(self, answer: TokenAnswer) -> None:
        """An answer of the token endpoint is JSON, and says so."""
        got = answer.exchange.answer
        kind = (got.header("content-type") or "") if got else ""
        if got is None or got.status >= 500:
            self.inconclusive(f"a token request got {answer}")
        if kind.split(";")[0].strip().lower() != "application/json":
            self.violation("Content-Type: application/json", f"{got.status} with {kind or 'no Content-Type'}")

    def expect_same_words(self, answers: dict[str, TokenAnswer]) -> None:
        """Codes that are worth nothing for different reasons are refused alike."""
        said = {}
        for what, answer in answers.items():
            self.demand_refusal(answer, f"{what} gives no token")
            status = answer.exchange.answer.status if answer.exchange.answer else 0
            said[what] = f"{status} {answer.error} {answer.text('error_description')!r}"
        if len(set(said.values())) > 1:
            self.violation("one answer for all", "; ".join(f"{what}: {words}" for what, words in said.items()))
