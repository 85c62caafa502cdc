"""Attacks on signed tokens: finding the token among a party's credentials, and forging others from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from conformance.attacks.account_data import find_account_data
from conformance.attacks.jwt import Token, parse
from conformance.attacks.secrecy import find_personal_data
from conformance.target.cast import PERSONAL, Cast, told
from conformance.target.expectations import Expectations
from conformance.target.party import Carrier, Party

if TYPE_CHECKING:
    from conformance.attacks.forge import Forgery, Material

MARKER = {"pickproof": "forged"}
"""What a forgery changes where no second account offers an identity to take over."""

WHY_NONE = {
    "token.alg.rs-to-hs": "the target's tokens are not RSA-signed, or no public key that verifies them is known",
    "token.alg.es-to-hs": "the target's tokens are not ECDSA-signed, or no public key that verifies them is known",
    "token.alg.es-": "the target's tokens are not ECDSA-signed",
    "token.key.jwk-samekid": "the target's tokens name no key",
    "token.key.jku-bypass": "the target's tokens name no address that their verifier might trust",
    "token.alg.hash-switch": "the key of the target's tokens works with one algorithm alone",
    "token.sub": "the target's tokens name no subject",
    "token.jwe.sign": "the target's tokens are HMAC-signed, or no public key that verifies them is known",
    "token.sig.other-token": "two logins gave the same token, so there is no other signature to borrow",
    "token.aud": "the target's tokens name no audience",
    "token.iss": "the target's tokens name no issuer",
}
"""Why a family may have no member on a target, by the beginning of its id."""


class TokenAttacks(Cast, Expectations):
    """Signed tokens in whatever carries them: a header or a cookie."""

    def jwt(self, party: Party) -> tuple[Carrier, Token]:
        """The signed token among a party's credentials, and where it travels.

        Raises:
            NotApplicable: none is a JWT.
        """
        found = ((carrier, parse(party.secret(carrier))) for carrier in self.system.carriers)
        first = next(((carrier, token) for carrier, token in found if token), None)
        return first or self.not_applicable("no credential of the login is a signed JWT")

    def personal_data_in(self, token: Token, party: Party) -> list[str]:
        """Personal data in a token's claims: by detectors, and what the kit knows of the account; allowed ones out."""
        claims = {name: value for name, value in token.claims.items() if name not in self.policy.claims_allowed}
        text = json.dumps(claims)
        known = self.facts_about(party)
        facts = {name: value for name, value in known.items() if name in PERSONAL}
        return told([*find_account_data(text, facts), *find_personal_data(text, known.get("user", ""))])

    async def expect_forgeries_refused(self) -> None:
        """Every member of this check's own family of forgeries is refused, the genuine token being accepted."""
        await self.expect_all_refused(await self.forged(self.check.id))

    async def expect_signatures_of_fixed_length(self) -> None:
        """The target's own ECDSA signatures are two numbers of fixed length (RFC 7518 section 3.4)."""
        from conformance.attacks.families.spelling import is_der

        alice = await self.shared_login("alice")
        if is_der(self.jwt(alice)[1]):
            self.violation("an ECDSA signature is two numbers of fixed length", "the target's own is in ASN.1")

    async def expect_forgeries_handled(self) -> None:
        """Every member of this check's family is refused, and none of them breaks the server."""
        await self.expect_all_handled(await self.forged(self.check.id))

    async def expect_first_never_counts(self) -> None:
        """Of claims that stand twice the first has no effect: nobody becomes another user, nothing dead lives.

        That the last one counts, which is the owner's, conforms (RFC 7519 section 4).
        """
        refused = []
        for forgery, party in await self._forgeries(self.check.id):
            judged = await party.whoami()
            owner = party.base.principal if party.base else None
            if forgery.same_identity or not judged.accepted:
                refused.append(party)
            elif judged.name != owner:
                self.violation(f"{party.label} is nobody, or {owner}", str(judged), (*party.history, judged.exchange))
            else:
                self.note = "of a claim that stands twice the last counts"
        await self.expect_expiry_counts()
        await self.expect_all_refused(refused)

    async def expect_expiry_counts(self) -> None:
        """A token that expired an hour ago is refused: else no odd expiry that is accepted tells how one is read."""
        _, ended = (await self._forgeries("token.exp.boundary"))[0]
        if (await ended.whoami()).accepted:
            self.not_applicable(
                "the target takes expired tokens, whatever their exp, so how it reads one tells nothing"
            )

    async def forged(self, family: str) -> list[Party]:
        """An attacker for each member of a forgery family, each asserting another user's identity where it can.

        Raises:
            NotApplicable: the family has no member on this target.
            Inconclusive: it needs a key that the target trusts, and the target refuses a token signed with it.
        """
        return [party for _, party in await self._forgeries(family)]

    async def _forgeries(self, family: str) -> list[tuple[Forgery, Party]]:
        """The members of a forgery family, each with its attacker.

        Raises:
            NotApplicable: the family has no member on this target.
            Inconclusive: it needs a key that the target trusts, and the target refuses a token signed with it.
        """
        from conformance.attacks.forge import FAMILIES, MINTED, control

        alice = await self.shared_login("alice")
        carrier, genuine = self.jwt(alice)
        stuff = await self._material(genuine, carrier)
        if family in MINTED and (good := control(stuff)):
            await self.expect_accepted(self._holding(alice, good, carrier), "a token signed with the key in `keys`")
        pairs = [(forgery, self._holding(alice, forgery, carrier)) for forgery in FAMILIES[family](stuff)]
        if not pairs:
            reason = next((why for start, why in WHY_NONE.items() if family.startswith(start)), None)
            self.not_applicable(reason or "no forgery of this kind can be made from the target's tokens")
        return pairs

    def _holding(self, alice: Party, forgery: Forgery, carrier: Carrier) -> Party:
        return alice.holding(forgery.wire, carrier, f"an attacker with a forged token ({forgery.name})")

    async def _material(self, genuine: Token, carrier: Carrier) -> Material:
        from conformance.attacks.forge import Material, SigningKey, Swap, material

        keys = self.system.description.keys
        private = keys.secret or keys.private_pem
        listener = await self.system.listener_url()
        other = await self._victim(carrier)
        stuff = material(
            genuine,
            second=parse((await self.system.another_login()).secret(carrier)),
            other=other,
            keys=self.system.public_keys,
            now=self.clock.now(),
            leeway=self.policy.leeway,
            listener=listener and f"{listener}/{self.nonce}",
            signing=SigningKey(private, genuine.alg) if private else None,
        )
        if other is not None:
            return stuff
        return Material(
            genuine,
            Swap(MARKER),
            stuff.second,
            None,
            stuff.keys,
            stuff.now,
            stuff.leeway,
            stuff.listener,
            stuff.signing,
        )

    @property
    def nonce(self) -> str:
        """Ties a fetch at the kit's listener to this check of this run."""
        return f"{self.check.id.replace('.', '-')}-{self.system.seed}"

    async def expect_no_fetch(self) -> None:
        """The target fetched nothing from the address that this check's forgeries named."""
        listener = self.system.listener
        hits = await listener.hits(self.nonce) if listener else []
        if hits:
            self.violation("the target fetches nothing that a token names", f"it fetched {hits[0]}")

    async def _victim(self, carrier: Carrier) -> Token | None:
        if len(self.system.accounts) < 2:
            return None
        return parse((await self.system.shared_login(self.known("bob"))).secret(carrier))
