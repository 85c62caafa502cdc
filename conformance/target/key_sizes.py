"""Secrets of the target's tokens that the kit was given: how long they are."""

from __future__ import annotations

import hashlib

from conformance.attacks.guess import guess_secret
from conformance.attacks.jwt import HMAC_DIGESTS
from conformance.target.party import Party
from conformance.target.tokens import TokenAttacks


class KeySizes(TokenAttacks):
    """Verbs about keys that the description tells."""

    def secret_size(self, party: Party) -> tuple[int, int]:
        """The bytes of the secret that signed a party's token, and those that its algorithm asks for.

        Raises:
            NotApplicable: it was signed otherwise, or with another secret than `keys.secret`.
        """
        _, token = self.jwt(party)
        if token.alg not in HMAC_DIGESTS:
            self.not_applicable(f"the target's tokens are signed with {token.alg}: there is no secret to measure")
        secret = self.system.description.keys.secret
        used = guess_secret(token, [secret]) if secret else None
        if used is None:
            self.not_applicable("the secret in `keys` did not sign this token")
        return len(used), hashlib.new(HMAC_DIGESTS[token.alg]).digest_size
