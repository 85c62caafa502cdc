"""The heart of the refresh server: the token server, whose access tokens hang on families of refresh tokens."""

from __future__ import annotations

import contextlib

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account, Accounts
from .clock import Clock
from .families import Families, Family, Issued
from .refresh_policy import RefreshPolicy
from .store import Database
from .token_carrier import REALM
from .token_claims import AUDIENCE
from .token_guard import Rejected
from .token_keys import Keys
from .token_server import TokenServer
from .web import Refused


class RefreshServer(TokenServer):
    """A policy at work."""

    def __init__(self, refreshing: RefreshPolicy, clock: Clock, db: Database, accounts: Accounts, keys: Keys) -> None:
        self.refreshing = refreshing
        self.families: Families = refreshing.families(db, clock, refreshing.rules)
        policy = refreshing.bound(self.families)
        super().__init__(policy, clock, db, accounts, keys)
        self.access = refreshing.tokens(policy, db, keys)
        self.tokens = self.access

    # Logging in and out

    async def login(self, request: Request) -> Response:
        """Prove a name and a password: both tokens, the first of a new family."""
        response = await super().login(request)
        carried = await self.refreshing.carrier.read(request) if self.refreshing.carrier.ends_carried else None
        self.end_family_of(carried)
        return response

    def deliver(self, account: Account, audience: str = AUDIENCE) -> Response:
        """Begin a family for an account that has just proven itself."""
        return self.hand_out(account, self.families.begin(account.sub, data=audience))

    def hand_out(self, account: Account, issued: Issued) -> Response:
        """A fresh access token beside a refresh token."""
        surface, rules = self.policy.surface, self.policy.rules
        token = self.access.issue_for(account, self.clock.now(), issued.family)
        data = {
            "access_token": token, "token_type": "Bearer", "expires_in": surface.expires_in(rules.lifetime),
            "refresh_token": issued.value,
        }  # fmt: skip
        return self.policy.carrier.deliver(surface.login(data, account, self.keys))

    async def leave(self, request: Request) -> Response:
        """End the session of whichever tokens come along: when the access token has expired, the refresh token does."""
        self.policy.carrier.allows(request)
        presented = await self.refreshing.carrier.read(request)
        if presented is None:
            return await self.logout(await self.called(request))
        with contextlib.suppress(Refused):
            await self.logout(await self.called(request))
        self.end_family_of(presented)
        return self.dismissed()

    def end_family_of(self, presented: str | None) -> None:
        """End the family that a refresh token belongs to, if it is one of ours, live or spent."""
        family = self.families.owner(presented) if presented else None
        if family is not None:
            self.families.end(family.id)

    # Refreshing

    async def refresh(self, request: Request) -> Response:
        """New tokens for a live refresh token, which is spent by that (RFC 9700 section 4.14.2)."""
        self.policy.carrier.allows(request)
        presented = await self.refreshing.carrier.read(request)
        try:
            issued = await self.refreshing.redeem(self, presented or "")
            return self.hand_out(self.owner(issued.family), issued)
        except Rejected:
            raise Refused(401, "the refresh token is not valid", {"www-authenticate": REALM}) from None

    def owner(self, family: Family) -> Account:
        """The account that new tokens are for.

        Raises:
            Rejected: it is disabled or gone.
        """
        account = self.refreshing.owner(self.accounts, family)
        if account is None:
            raise Rejected("no live account")
        return account
