"""Pushed authorization requests (RFC 9126): the client sends its request itself, the browser carries a reference.

What the user's browser brings is then no more than a name for a request that is stored here. A reference may be opened
again while its user logs in and decides, since people reload pages (section 4); it is spent by the decision.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from .oauth_clients import Client, authenticated, sha256
from .oauth_params import UNCACHED, OAuthError, Params, error_answer, invalid_request, posted
from .web import answer

if TYPE_CHECKING:
    from .oauth_authorize import AuthorizationEndpoint
    from .oauth_server import OAuthServer
    from .store import Database

URN = "urn:ietf:params:oauth:request_uri:"
LIFETIME = 60.0
"""Seconds in which a browser has to arrive with a reference (RFC 9126 section 2.2)."""
CREDENTIALS = ("client_secret", "client_assertion", "client_assertion_type")
"""What a client shows of itself: never kept with its request."""
TABLE = """CREATE TABLE IF NOT EXISTS pushed (
    digest TEXT PRIMARY KEY, client TEXT NOT NULL, params TEXT NOT NULL, born REAL NOT NULL, spent INTEGER NOT NULL)"""
DECIDES = 600.0
"""Seconds for which a request is kept beyond its lifetime: its user may be reading the page of consent."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A request that was pushed, as it was when it was read."""

    digest: str
    client: str
    params: Params
    born: float
    spent: bool


class PushedRequests:
    """The table."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.change(TABLE)

    def keep(self, digest: str, client: str, params: Params, now: float) -> None:
        """Store a request; forget those that nobody can be deciding on any more."""
        self.db.change("DELETE FROM pushed WHERE born <= ?", now - LIFETIME - DECIDES)
        self.db.change("INSERT INTO pushed VALUES (?, ?, ?, ?, 0)", digest, client, json.dumps(params.pairs), now)

    def find(self, digest: str) -> Pushed | None:
        """The request with this digest, spent or not."""
        row = self.db.row("SELECT * FROM pushed WHERE digest = ?", digest)
        if row is None:
            return None
        return Pushed(row[0], row[1], Params(tuple((n, v) for n, v in json.loads(row[2]))), row[3], bool(row[4]))

    def spend(self, digest: str) -> bool:
        """Whether it was still there to be spent: one statement, so that two decisions cannot both find it unspent."""
        return self.db.row("UPDATE pushed SET spent = 1 WHERE digest = ? AND spent = 0 RETURNING 1", digest) is not None

    def fulfil_login(self, digest: str, params: Params) -> None:
        """``prompt=login`` is fulfilled by the login that follows (OpenID Connect Core section 3.1.2.1)."""
        left = [pair for pair in params.pairs if pair != ("prompt", "login")]
        self.db.change("UPDATE pushed SET params = ? WHERE digest = ?", json.dumps(left), digest)


def without_reference(params: Params) -> None:
    """A pushed request refers to no other one (RFC 9126 section 2.1).

    Raises:
        OAuthError: ``invalid_request``.
    """
    if params.get("request_uri") is not None:
        raise invalid_request("a pushed request has no request_uri")


def own_id(client: Client, params: Params) -> None:
    """A client pushes in its own name.

    Raises:
        OAuthError: ``invalid_request``.
    """
    if params.need("client_id") != client.id:
        raise invalid_request("client_id is another client's")


def valid(endpoint: AuthorizationEndpoint, client: Client, params: Params) -> None:
    """What would be refused at the authorization endpoint is refused here already (RFC 9126 section 2.1).

    Raises:
        OAuthError: the error of RFC 6749 section 4.1.2.1, or ``invalid_request`` for a redirect URI of somebody else.
    """
    own_id(client, params)
    uri = endpoint.place(client, params, pushed=True)
    if uri is None:
        raise invalid_request("redirect_uri is not the client's")
    endpoint.asked(params, client, uri)


def live(pushed: Pushed, client: str, now: float) -> bool:
    """Whether a reference is worth something to whoever brings it (RFC 9126 sections 2.2 and 4)."""
    return pushed.client == client and not pushed.spent and now < pushed.born + LIFETIME


def told(value: str) -> Response:
    """The reference and its lifetime, with 201 (RFC 9126 section 2.2)."""
    return answer({"request_uri": value, "expires_in": int(LIFETIME)}, 201, UNCACHED)


@dataclass(frozen=True, slots=True)
class Pushing:
    """What pushing decides."""

    client: Callable[[OAuthServer, Request, Params], Client] = authenticated
    """As at the token endpoint (RFC 9126 section 2.1)."""
    refused: Callable[[Params], None] = without_reference
    valid: Callable[[AuthorizationEndpoint, Client, Params], None] = valid
    new: Callable[[], str] = lambda: URN + secrets.token_urlsafe(32)
    """256 bits from the operating system (RFC 9126 sections 2.2 and 7.1)."""
    told: Callable[[str], Response] = told
    live: Callable[[Pushed, str, float], bool] = live
    opened: Callable[[PushedRequests, Pushed, Params], Params | None] = lambda _table, pushed, _beside: pushed.params
    """The request that counts, given what else stands in the query: nothing of that (RFC 9101 section 6.3)."""
    spend: Callable[[PushedRequests, str], bool] = PushedRequests.spend
    trusted: Callable[[Client], bool] = lambda _client: False
    """Whether a client may bring a redirect URI that is not registered; one that authenticated might (section 2.4)."""
    required: Callable[[Client], bool] = lambda client: client.pushes
    """Whether a client may ask in no other way (RFC 9126 section 6)."""
    everybody: bool = False
    """Whether the metadata says so of all (RFC 9126 section 5)."""


class PushedRequestEndpoint:
    """``POST /par``."""

    def __init__(self, server: OAuthServer, authorization: AuthorizationEndpoint) -> None:
        self.server, self.authorization, self.rules = server, authorization, server.policy.pushing

    async def push(self, request: Request) -> Response:
        """Authenticate the client, look at its request, and give it a reference."""
        try:
            params = await posted(request)
            client = self.rules.client(self.server, request, params)
            self.rules.refused(params)
            self.rules.valid(self.authorization, client, params)
        except OAuthError as exc:
            return error_answer(exc)
        value = self.rules.new()
        kept = Params(tuple(pair for pair in params.pairs if pair[0] not in CREDENTIALS))
        self.server.pushed.keep(sha256(value), client.id, kept, self.server.clock.now())
        return self.rules.told(value)


@dataclass(frozen=True, slots=True)
class Opened:
    """An authorization request, however it came."""

    params: Params
    again: Params
    """What brings the browser back here after the login."""
    pushed: str | None = None
    """The digest of its reference, if it was pushed."""


def opened(server: OAuthServer, params: Params) -> Opened | None:
    """The request that a browser brings, itself or by reference; None for a reference that is worth nothing."""
    rules, given = server.policy.pushing, params.all("request_uri")
    if not given:
        return Opened(params, params)
    pushed = server.pushed.find(sha256(given[0])) if len(given) == 1 else None
    if pushed is None or not rules.live(pushed, params.get("client_id") or "", server.clock.now()):
        return None
    found = rules.opened(server.pushed, pushed, params)
    return None if found is None else Opened(found, params, pushed.digest)


def announced(policy: Any, issuer: str) -> Mapping[str, Any]:
    """What the metadata says of it (RFC 9126 section 5)."""
    more = {"require_pushed_authorization_requests": True} if policy.pushing.everybody else {}
    return {"pushed_authorization_request_endpoint": f"{issuer}/par", **more}
