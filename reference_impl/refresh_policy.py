"""What a refresh server decides, as frozen values and small functions; the defaults are right.

Access tokens are decided by a :class:`TokenPolicy`, as at the token server; families by :class:`FamilyRules`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .accounts import Account, Accounts
from .clock import Clock
from .families import Families, Family, FamilyRules, Issued
from .refresh_carrier import IN_BODY, RefreshCarrier
from .refresh_tokens import FamilyTokens
from .store import Database
from .token_keys import Keys
from .token_life import Grant, Revocation
from .token_policy import TokenPolicy

if TYPE_CHECKING:
    from .refresh_server import RefreshServer


def by_family(families: Families) -> Revocation:
    """What names an access token is its family: it is asked for at every use, so that nothing lags (7.4.1)."""

    def logout(_db: Database, _accounts: Accounts, grant: Grant, _now: float) -> None:
        families.end(grant.name)

    def everywhere(_accounts: Accounts, sub: str) -> None:
        families.end_user(sub)

    return Revocation(
        active=True,
        name=lambda _raw, claims: str(claims.get("fam")),
        logout=logout,
        ended=lambda _db, grant: not families.lives(families.family(grant.name)),
        everywhere=everywhere,
        password=everywhere,
    )


def live_owner(accounts: Accounts, family: Family) -> Account | None:
    """Whom a refresh is for: nobody, once the account is disabled or deleted (ASVS-v5.0.0-7.4.2)."""
    account = accounts.find(family.sub)
    return account if account is not None and account.enabled else None


async def spent(server: RefreshServer, presented: str) -> Issued:
    """Only what the store of families knows is a refresh token: kinds are not interchangeable (9.2.2).

    The account is looked at first, so that a refusal spends nothing.
    """
    family = server.families.owner(presented)
    if family is not None:
        server.owner(family)
    return await server.families.spend(presented)


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """Everything together."""

    access: TokenPolicy = field(default_factory=TokenPolicy)
    """Access tokens; their revocation is what ``ends`` says, their carrier what ``carrier`` says."""
    rules: FamilyRules = field(default_factory=FamilyRules)
    families: Callable[[Database, Clock, FamilyRules], Families] = Families
    ends: Callable[[Families], Revocation] = by_family
    """How access tokens end with their family."""
    tokens: Callable[[TokenPolicy, Database, Keys], FamilyTokens] = FamilyTokens
    redeem: Callable[[RefreshServer, str], Awaitable[Issued]] = spent
    """What a presented refresh token gives. Raises Rejected."""
    owner: Callable[[Accounts, Family], Account | None] = live_owner
    carrier: RefreshCarrier = IN_BODY
    declared: Mapping[str, Any] = field(default_factory=dict)
    """For the description: promises that differ from those of the sound server."""

    def described(self) -> TokenPolicy:
        """The policy of the access tokens, as far as a description tells it."""
        return replace(self.access, revocation=Revocation(active=True), carrier=self.carrier.access)

    def bound(self, families: Families) -> TokenPolicy:
        """The policy of the access tokens that hang on these families."""
        return replace(self.access, revocation=self.ends(families), carrier=self.carrier.access)
