"""What the endpoints of the authorization server share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Accounts
from .clock import Clock
from .oauth_access import AccessTokens
from .oauth_assertions import ClientAssertions
from .oauth_browser import BrowserPages
from .oauth_dpop import Proofs
from .oauth_grants import Grant, Grants
from .oauth_metadata import metadata
from .oauth_par import PushedRequests
from .oauth_refresh import RefreshTokens
from .store import Database
from .token_keys import Keys, public_jwk
from .web import answer

if TYPE_CHECKING:
    from .oauth_policy import OAuthPolicy

SCRIPTS = ("/api/", "/admin/", "/register", "/jwks", "/.well-known/", "/token", "/revoke", "/introspect", "/par")
"""Paths whose refusals are JSON; those of the others are pages."""


class OAuthServer:
    """A policy at work."""

    def __init__(self, policy: OAuthPolicy, clock: Clock, db: Database, accounts: Accounts, keys: Keys) -> None:
        self.policy, self.clock, self.db, self.accounts, self.keys = policy, clock, db, accounts, keys
        self.clients = {client.id: client for client in policy.clients}
        self.grants = Grants(db)
        self.pushed = PushedRequests(db)
        self.assertions = ClientAssertions(policy.assertions, db, clock, self.clients)
        self.access = AccessTokens(policy.access, db, self.grants, accounts, keys)
        self.proofs = Proofs(policy.dpop, db)
        self.refresh = RefreshTokens(policy.refresh, db, clock)
        self.pages = BrowserPages(policy, clock, db, accounts)
        self.browser = self.pages.forms

    def live_grant(self, id_: str) -> Grant | None:
        """The grant, if neither it nor its user's account has ended (ASVS-v5.0.0-7.4.2)."""
        grant = self.grants.find(id_)
        account = self.accounts.find(grant.sub) if grant is not None else None
        return grant if grant is not None and grant.live and account is not None and account.enabled else None

    async def metadata(self, _request: Request) -> Response:
        """The metadata document (RFC 8414 section 3.2)."""
        return answer(self.policy.metadata.told(metadata(self.policy)))

    async def jwks(self, _request: Request) -> Response:
        """The public key (RFC 7517 section 5)."""
        return answer({"keys": [public_jwk(self.keys)]})

    async def failed(self, request: Request, exc: Exception) -> Response:
        """A refusal, as JSON or as a page."""
        speaker = self.pages.scripts if request.url.path.startswith(SCRIPTS) else self.browser
        return await speaker.failed(request, exc)
