"""Refresh tokens of grants: bound to their client, used once, dead with their grant (RFC 9700 section 4.14.2).

Rotation and the detection of replays are those of ``families.py``: a family for each grant, and its ``data`` is the
grant's id. The grant itself is looked up at each use, so that whatever ends it ends its refresh tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .clock import Clock
from .families import Families, Family, FamilyRules, Issued, Token
from .oauth_clients import Client
from .oauth_grants import Grant, end_of_grant
from .oauth_params import OAuthError
from .store import Database


async def end_grant(families: Families, token: Token, _now: float) -> None:
    """Who presents a spent token holds a copy: the grant ends, access tokens included (ASVS-v5.0.0-10.4.5)."""
    family = families.family(token.family)
    if family is not None:
        families.end(family.id)
        end_of_grant(families.db, family.data)


def not_wider(grant: Grant, wanted: tuple[str, ...], _token: Token) -> tuple[str, ...]:
    """The scope of a refreshed access token: what was asked for, within what the user allowed (RFC 6749 section 6).

    Asking for less once does not shrink the grant.

    Raises:
        OAuthError: ``invalid_scope``.
    """
    if not set(wanted) <= set(grant.scope):
        raise OAuthError("invalid_scope", "the scope is wider than what the user allowed")
    return wanted or grant.scope


@dataclass(frozen=True, slots=True)
class Refresh:
    """How refresh tokens live."""

    rules: FamilyRules = field(default_factory=lambda: FamilyRules(replayed=end_grant))
    rotates: Callable[[Client], bool] = lambda _client: True
    """A must for public clients (RFC 9700 section 2.2.2); FAPI 2.0 leaves it out for confidential ones."""
    scope: Callable[[Grant, tuple[str, ...], Token], tuple[str, ...]] = not_wider
    spender: Callable[[Family, Client], str] = lambda _family, client: client.id
    """The client that a token must have been issued to (RFC 6749 section 6)."""


class RefreshTokens:
    """The families of all grants."""

    def __init__(self, policy: Refresh, db: Database, clock: Clock) -> None:
        self.policy = policy
        self.families = Families(db, clock, policy.rules)
        self._lasting = Families(db, clock, replace(policy.rules, rotates=False))

    def begin(self, grant: Grant) -> str:
        """The first refresh token of a grant."""
        return self.families.begin(grant.sub, grant.client, grant.id).value

    async def spend(self, client: Client, family: Family, value: str) -> Issued:
        """The token to use next.

        Raises:
            Rejected: unknown, spent, expired, ended, or issued to another client.
        """
        families = self.families if self.policy.rotates(client) else self._lasting
        return await families.spend(value, self.policy.spender(family, client))
