"""The protected resource: an API that serves whoever brings a Bearer token with the right scope (RFC 6750)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from .oauth_access import Use
from .token_carrier import bearer
from .token_guard import Rejected
from .web import Refused, answer, body, text

if TYPE_CHECKING:
    from .oauth_server import OAuthServer

Endpoint = Callable[[Request, Use], Awaitable[Response]]
REALM = 'Bearer realm="oauth"'
"""The challenge for a request without a token; it names no error (RFC 6750 section 3.1)."""


def no_token() -> Refused:
    """Nothing that looks like a token was sent."""
    return Refused(401, "an access token is needed", {"www-authenticate": REALM})


def invalid_token() -> Refused:
    """The same for every reason (RFC 6750 section 3.1)."""
    return Refused(401, "the access token is not valid", {"www-authenticate": f'{REALM}, error="invalid_token"'})


def insufficient_scope(scope: str) -> Refused:
    """A good token for something else (RFC 6750 section 3.1)."""
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
    return Refused(403, "the access token does not allow this", {"www-authenticate": challenge})


def from_header(request: Request) -> tuple[str, bool] | None:
    """The token of the one ``Authorization`` field; neither query, body nor cookies count (RFC 9700 section 4.3.2).

    With it, whether it came by the scheme DPoP (RFC 9449 section 7.1) instead of Bearer.

    Raises:
        Refused: 400 for two fields, since two readers could choose differently.
    """
    fields = request.headers.getlist("authorization")
    if len(fields) > 1:
        raise Refused(400, "one Authorization field, please", {"www-authenticate": f'{REALM}, error="invalid_request"'})
    scheme, _, proven = fields[0].partition(" ") if fields else ("", "", "")
    if scheme.lower() == "dpop":
        return proven.lstrip(" "), True
    token = bearer(fields[0]) if fields else None
    return (token.decode("latin-1"), False) if token is not None else None


def covers(scope: tuple[str, ...], needed: str) -> bool:
    """Whether a token's scope opens an action: each needs its own, writing is not reading (RFC 9700 section 2.3)."""
    return needed in scope


@dataclass(frozen=True, slots=True)
class Resource:
    """What the API decides, and how it refuses."""

    covers: Callable[[tuple[str, ...], str], bool] = covers
    missing: Callable[[], Refused] = no_token
    invalid: Callable[[], Refused] = invalid_token
    narrow: Callable[[str], Refused] = insufficient_scope


class Api:
    """The endpoints under ``/api``."""

    def __init__(self, server: OAuthServer) -> None:
        self.server, self.db = server, server.db

    def needs(self, scope: str, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Only for a live token with this scope; every route of the API goes through here."""
        rules = self.server.policy.resource

        async def handler(request: Request) -> Response:
            use = await self.used(request)
            if not rules.covers(use.scope, scope):
                raise rules.narrow(scope)
            return await endpoint(request, use)

        return handler

    async def used(self, request: Request) -> Use:
        """What the token of a request is worth.

        Raises:
            Refused: 401.
        """
        rules, dpop, found = self.server.policy.resource, self.server.policy.dpop, from_header(request)
        if found is None or (found[1] and not dpop.offered):
            raise rules.missing()
        (raw, proven), now = found, self.server.clock.now()
        try:
            use = await self.server.access.read(raw, now)
        except Rejected:
            raise rules.invalid() from None
        if proven:
            await self.server.proofs.at_api(request, raw, use.claims, now)
        elif not dpop.bearer(request, use.claims):
            raise rules.invalid()
        return use

    async def me(self, _request: Request, use: Use) -> Response:
        """Whose token it is."""
        return answer({"id": use.account.sub, "name": use.account.name})

    async def read_note(self, _request: Request, use: Use) -> Response:
        """The user's note."""
        row = self.db.row("SELECT note FROM notes WHERE sub = ?", use.account.sub)
        return answer({"note": row[0] if row else ""})

    async def write_note(self, request: Request, use: Use) -> Response:
        """Replace the user's note."""
        note = text(await body(request), "note")
        self.db.change("INSERT OR REPLACE INTO notes VALUES (?, ?)", use.account.sub, note)
        return answer({"note": note})
