"""Attacks on signed tokens: finding the token among a party's credentials, and forging others from it."""

from __future__ import annotations

import json

from conformance.attacks.account_data import find_account_data
from conformance.attacks.jwt import Token, parse
from conformance.attacks.secrecy import find_personal_data
from conformance.target.cast import PERSONAL, Cast, told
from conformance.target.party import Carrier, Party

MARKER = {"pickproof": "forged"}
"""What a forgery changes where no second account offers an identity to take over."""


class TokenAttacks(Cast):
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
        facts = {name: value for name, value in self.facts_about(party).items() if name in PERSONAL}
        return told([*find_account_data(text, facts), *find_personal_data(text)])

    async def forged(self, family: str) -> list[Party]:
        """An attacker for each member of a forgery family, each asserting another user's identity."""
        from conformance.attacks.forge import FAMILIES, Material, Swap, material

        alice = (await self.system.shared_login(self.known("alice"))).in_log(self.log)
        carrier, genuine = self.jwt(alice)
        second = parse((await self.system.another_login()).secret(carrier))
        other = await self._victim(carrier)
        stuff = material(genuine, second=second, other=other, now=self.clock.now(), leeway=self.policy.leeway)
        if other is None:
            stuff = Material(genuine, Swap(MARKER), second, now=stuff.now, leeway=stuff.leeway)
        return [
            alice.holding(forgery.wire, carrier, f"an attacker with a forged token ({forgery.name})")
            for forgery in FAMILIES[family](stuff)
        ]

    async def _victim(self, carrier: Carrier) -> Token | None:
        if len(self.system.accounts) < 2:
            return None
        return parse((await self.system.shared_login(self.known("bob"))).secret(carrier))
