"""What credentials say: keys and secrets behind them, data inside them, and how big they are."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from conformance.attacks.account_data import Leak, find_account_data
from conformance.attacks.families.spelling import order_of
from conformance.attacks.guess import derived_words, guess_secret, published_secrets
from conformance.attacks.jwt import HMAC_DIGESTS, Token, parse
from conformance.attacks.keys import jwks_flaws, verifying_key
from conformance.attacks.secrecy import find_personal_data, find_secrets
from conformance.errors import DescriptionError
from conformance.model import Exchange
from conformance.target.cast import PERSONAL, told
from conformance.target.endings import Endings
from conformance.target.other_audience import token_for_another_service
from conformance.target.party import Carrier, Party
from conformance.target.samples import Sampling

MOST_WORDS = 400_000
"""Words of the user's own list that are tried: a second or two in a worker. Crackers do the rest."""
CRACKER = "hashcat -a 0 -m 16500 TOKEN_FILE WORDLIST"
"""For more than a dictionary: hashcat's mode for JSON Web Tokens."""
COOKIE_LIMIT, HEADER_LIMIT = 4096, 8192
"""Bytes: what browsers keep of a cookie (RFC 6265 section 6.1), and the header that common servers read at most."""
REFERENCE_ID = 43
"""Characters of a random session id of 256 bits in base64url: what a token is measured against."""
PUBLIC = ("iss", "aud", "typ")
"""Claims that a refusal may name."""
SEGMENT = 16
"""Characters of a token whose return in a refusal is no accident."""


BINDING = ("/at_hash", "/c_hash", "/s_hash")
"""Claims that are hashes of what was issued beside an ID token (OpenID Connect Core sections 3.1.3.6, 3.3.2.11)."""


def _binds(leak: Leak) -> bool:
    """Whether it is the hash of a token where one belongs: nobody guesses the token from it."""
    return leak.kind.endswith(" token)") and any(name in leak.where for name in BINDING)


@dataclass(frozen=True, slots=True)
class Weight:
    """What a credential adds to each request."""

    bytes: int
    budget: int
    declared: bool
    carrier: Carrier
    owner: str
    shown: tuple[Exchange, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        limit, what = (
            (COOKIE_LIMIT, "a cookie") if self.carrier.kind == "cookie" else (HEADER_LIMIT, "8 KiB of headers")
        )
        share = f"{100 * self.bytes / limit:.0f} % of {what}"
        times = f"{self.bytes / REFERENCE_ID:.0f} times a session id"
        return f"{self.bytes} bytes with each request of {self.owner}, {times}, {share}"


class Contents(Endings, Sampling):
    """Looking into credentials; whatever is found is told by place, masked."""

    # -- keys

    def published_flaws(self) -> tuple[list[str], list[str], tuple[Exchange, ...]]:
        """What the published key set gives away, what else is wrong with it, and how it was fetched.

        Raises:
            NotApplicable: the keys come from the description, not from a key set.
        """
        document = self.system.key_document
        if not document:
            self.not_applicable("the target publishes no key set that the kit has read")
        flaws = jwks_flaws(document)
        grave = [flaw for flaw in flaws if "private members" in flaw or "shared secret" in flaw]
        shown = [e for e in self.system.log if e.answer and e.answer.body.decode("utf-8", "replace") == document]
        return grave, [flaw for flaw in flaws if flaw not in grave], tuple(shown[-1:])

    def rsa_bits(self, token: Token) -> int:
        """The size of the RSA key that signed a token: its signature is as long as the modulus.

        Raises:
            NotApplicable: it is not signed with RSA.
        """
        if not token.alg.startswith(("RS", "PS")):
            self.not_applicable(f"the target's tokens are signed with {token.alg}, not with RSA")
        key = verifying_key(token, self.system.public_keys)
        size = getattr(key.load(), "key_size", 0) if key else 0
        return int(size) or 8 * len(token.signature)

    async def guessed_secret(self, token: Token) -> bytes | None:
        """The HMAC secret, where it is a published one, a word about the target or one of the user's list.

        Raises:
            NotApplicable: the token is not signed with HMAC.
        """
        if token.alg not in HMAC_DIGESTS:
            self.not_applicable(f"the target's tokens are signed with {token.alg}: there is no secret to guess")
        own = self._wordlist()
        host = urlsplit(self.system.description.public_url or self.system.base_url).hostname or ""
        words = [*published_secrets(), *derived_words(token, host, self.system.description.name or ""), *own]
        self.note = f"none of {len(words)} words; to try more: {CRACKER}"
        found = await self.in_worker(guess_secret, token, words)
        if found is not None:
            self.system.secrets.learn(found.decode("latin-1"), "signing secret")
        return found

    def _wordlist(self) -> list[str]:
        name = self.system.description.keys.wordlist
        if not name:
            return []
        path = Path(name)
        if not path.is_absolute() and self.system.where.endswith(".toml"):
            path = Path(self.system.where).parent / path
        try:
            with path.open(encoding="utf-8", errors="surrogateescape") as file:
                return [line.rstrip("\r\n") for line in itertools.islice(file, MOST_WORDS)]
        except OSError as problem:
            where = self.system.where
            raise DescriptionError(where, "keys.wordlist", problem.strerror or "cannot be read") from None

    # -- secrecy

    def secrets_in(self, party: Party) -> list[str]:
        """Passwords, hashes of them, keys and foreign tokens in any layer of any credential of a party."""
        found: list[Leak] = []
        # An anti-forgery value may stand in the credential that it belongs to: that binds the two (double submit).
        tokens = {name: text for name, text in party.tokens.items() if name != "csrf"}
        for name, value in self._credentials(party):
            facts = {f"{other} token": text for other, text in tokens.items() if other != name and text != value}
            password = self.system.words(party).get("password")
            facts |= {"password": password} if password else {}
            found += [*find_secrets(value), *find_account_data(value, facts)]
        return told(leak for leak in found if not _binds(leak))

    def nested_data_in(self, token: Token, party: Party) -> list[str]:
        """Personal data and secrets that stand in a claim or header only after further decoding."""
        claims = {name: value for name, value in token.claims.items() if name not in self.policy.claims_allowed}
        known = self.facts_about(party)
        facts = {name: value for name, value in known.items() if name in PERSONAL}
        found: list[Leak] = []
        for text in (json.dumps(claims), json.dumps(dict(token.header))):
            found += [
                *find_account_data(text, facts),
                *find_personal_data(text, known.get("user", "")),
                *find_secrets(text),
            ]
        return told(leak for leak in found if len(leak.where.split(" > ")) > 2)

    def canaries_in(self, party: Party) -> list[str]:
        """What a newcomer's credentials tell of the account that was registered a moment ago."""
        facts = self.canaries(party)
        allowed = self.policy.claims_allowed
        found: list[Leak] = []
        for _, value in self._credentials(party):
            token = parse(value)
            texts = [json.dumps({n: v for n, v in token.claims.items() if n not in allowed})] if token else [value]
            texts += [json.dumps(dict(token.header))] if token else []
            found += [leak for text in texts for leak in find_account_data(text, facts)]
        return told(found)

    def _credentials(self, party: Party) -> Iterator[tuple[str, str]]:
        """Every token and cookie of a login."""
        yield from party.tokens.items()
        yield from party.jar.as_pairs()

    async def echoed(self, party: Party) -> tuple[list[str], Exchange]:
        """The parts of a refused credential that stand in its refusal.

        Raises:
            Inconclusive: the target broke.
        """
        judged = await party.whoami()
        answer = judged.exchange.answer
        if answer is None or not judged.refused:
            self.inconclusive(f"{party.label} is {judged}")
        headers = "\n".join(value for name, value in answer.headers if name.lower() != "set-cookie")
        said = f"{headers}\n{answer.body.decode('utf-8', 'replace')}"
        await self.system.control(judged.exchange.sent_at, party.base)
        found = [name for name, part in self._parts(party) if len(part) >= SEGMENT and part in said]
        return found[:1] if found[:1] == ["the credential"] else found, judged.exchange

    def _parts(self, party: Party) -> Iterator[tuple[str, str]]:
        """A credential, its segments and its claims; issuer and audience are no secret, and may be named."""
        value = party.secret(self.credential)
        yield "the credential", value
        yield from ((f"its part {at}", part) for at, part in enumerate(value.split("."), 1))
        token = self.signed(party.base or party)
        claims = token.claims.items() if token else ()
        yield from ((f"its {name}", text) for name, text in claims if isinstance(text, str) and name not in PUBLIC)

    async def refused_credentials(self) -> list[Party]:
        """Alice's credential, altered near its end and at its start, so that it is refused late and early.

        The last characters stay: whether another one there can be read at all hangs on the bits that it leaves unused.

        It is used once before: a target that remembers what it verified answers the altered ones from its memory, and
        would else answer by whether another check had come first.
        """
        alice, carrier = await self.shared_login("alice"), self.credential
        await self.expect_accepted(alice)
        value = alice.secret(carrier)
        other = "A" if value[0] != "A" else "B"
        found = []
        for altered in (value[:-12] + value[-12:-4].swapcase()[::-1] + value[-4:], other + value[1:]):
            self.system.secrets.learn(altered, "altered credential")
            found.append(alice.holding(altered, carrier))
        return found

    def answers_with_tokens(self, party: Party) -> list[Exchange]:
        """The answers of a login whose body holds a token.

        Raises:
            NotApplicable: tokens come in cookies alone.
        """
        values = [value for value in party.tokens.values() if len(value) >= SEGMENT]
        found = [
            e for e in party.history
            if e.answer and any(value in e.answer.body.decode("utf-8", "replace") for value in values)
        ]  # fmt: skip
        return found or self.not_applicable("no answer's body holds a token")

    # -- size

    async def weights(self) -> list[Weight]:
        """What the access token adds to each request: alice's, and that of the account with many roles."""
        parties = [await self.shared_login("alice")]
        if name := self.system.with_role("many-roles"):
            parties.append(await self.system.login(name, self.log))
        return [self._weight(party) for party in parties]

    def _weight(self, party: Party) -> Weight:
        carrier = self.credential
        name = f"{carrier.name}=" if carrier.kind == "cookie" else "Authorization: Bearer "
        declared = self.policy.credential_bytes
        size = len(name) + len(party.secret(carrier).encode())
        budget = COOKIE_LIMIT if declared is None else declared
        return Weight(size, budget, declared is not None, carrier, party.label, party.history)

    # -- kinds of tokens

    async def for_another_service(self) -> Party:
        """Alice's token for another service of the same issuer.

        Raises:
            Inconclusive: the login gave none.
        """
        alice = await self.shared_login("alice")
        if self.system.authorization and self.system.authorization.described.other_audience:
            value = await token_for_another_service(self.system.authorization, alice)
            if not value or self._same_audience(value, alice):
                self.inconclusive("the grant for another service gave no other token: is `oauth.other_audience` right?")
            return alice.holding(value, self.credential, "alice with a token for another service")
        visitor = self.system.stranger(self.log, "alice")
        visitor.owner = alice.owner
        verb = self.system.description.other_audience
        await visitor.verb("other_audience", verb, "alice logs in for another service")
        value = visitor.secret(self.credential)
        if not value or value == alice.secret(self.credential):
            self.inconclusive("the login for another service gave no token: is `other_audience` right?")
        return alice.holding(value, self.credential, "alice with a token for another service")

    def _same_audience(self, value: str, party: Party) -> bool:
        """Whether a token is meant for whom another one is meant for, as far as both can be read."""
        one, other = parse(value), parse(party.secret(self.credential))
        return bool(one and other and one.claims.get("aud") == other.claims.get("aud"))

    async def repeated_nonces(self, carrier: Carrier) -> tuple[int, int, Iterable[Exchange]]:
        """How many ECDSA signatures over different tokens share their first number, of how many, and how issued."""
        sample = await self.sampled(carrier)
        tokens = {token for value in sample.values if (token := parse(value)) and order_of(token.alg)}
        nonces = [token.signature[: len(token.signature) // 2] for token in tokens]
        return len(nonces) - len(set(nonces)), len(nonces), sample.evidence

    async def claims_of_sample(self, carrier: Carrier, name: str) -> tuple[list[object], Iterable[Exchange]]:
        """A claim of the tokens of many logins, where present, and how the first ones were issued."""
        sample = await self.sampled(carrier)
        tokens = [token for value in sample.values if (token := parse(value))]
        return [token.claims[name] for token in tokens if name in token.claims], sample.evidence
