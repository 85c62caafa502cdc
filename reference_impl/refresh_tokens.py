"""Access tokens of the refresh server: short-lived JWTs that name the family on which they hang."""

from __future__ import annotations

from .accounts import Account
from .families import Family
from .store import Database
from .token_keys import Keys, sign
from .token_life import SignedTokens
from .token_policy import TokenPolicy


class FamilyTokens(SignedTokens):
    """JWTs with the claim ``fam``."""

    def __init__(self, policy: TokenPolicy, db: Database, keys: Keys) -> None:
        super().__init__(policy, db, keys)
        self.policy, self.db, self.keys = policy, db, keys

    def issue_for(self, account: Account, now: float, family: Family) -> str:
        """A token for the audience that the family was begun for."""
        policy = self.policy
        claims = policy.minting.claims(account, now, policy.rules.lifetime, family.data)
        return sign(self.keys, {**claims, "fam": family.id, **policy.revocation.stamp(account)})
