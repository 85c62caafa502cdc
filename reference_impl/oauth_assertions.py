"""Clients that prove themselves with a private key: assertions, as RFC 7523 section 3 has them.

The claims say who is meant, and only the registered key and algorithm of that client make it true. An assertion is
for this server, lives for minutes, and counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from .clock import Clock
from .oauth_browser import ISSUER
from .oauth_clients import Client, sha256
from .oauth_params import Params, invalid_client, invalid_request
from .store import Database
from .token_claims import Claims, is_date
from .token_guard import Envelope, Guard, Header, Rejected, open_compact, strict_object
from .token_keys import verifies

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 300.0
"""Seconds from now for which an assertion may be good; its id is remembered for as long (section 3, points 4 and 7)."""
TABLE = "CREATE TABLE IF NOT EXISTS assertions (client TEXT, jti TEXT, exp REAL, PRIMARY KEY (client, jti))"


def no_other_kind(header: Header) -> None:
    """No type, or the general one, or that of client assertions: no other kind of JWT (RFC 8725 section 3.12)."""
    if header.get("typ") not in (None, "JWT", "client-authentication+jwt"):
        raise Rejected("another kind of token")


def by_registered_key(envelope: Envelope, client: Client) -> bool:
    """With the client's own key and algorithm, whatever the header says (RFC 8725 section 3.1)."""
    key = client.key
    if key is None or envelope.header.get("alg") != key.alg or envelope.header.get("kid") not in (None, key.kid):
        return False
    return verifies(key.alg, key.verifying, envelope.signing_input, envelope.signature)


def issued_by(claims: Claims, client: Client) -> bool:
    """The client itself is the issuer (section 3, point 1)."""
    return bool(claims.get("iss") == client.id)


def about(claims: Claims, client: Client) -> bool:
    """And the subject (section 3, point 2 B)."""
    return bool(claims.get("sub") == client.id)


def for_us(claims: Claims, audiences: tuple[str, ...]) -> bool:
    """We are meant, alone or among others (section 3, point 3; RFC 7519 section 4.1.3)."""
    told = claims.get("aud")
    named = told if isinstance(told, list) else [told]
    return any(one in audiences for one in named if isinstance(one, str))


def in_time(claims: Claims, now: float, longest: float) -> bool:
    """It expires, soon and not yet (section 3, point 4)."""
    exp = claims.get("exp")
    return is_date(exp) and now < exp <= now + longest


def begun(claims: Claims, now: float) -> bool:
    """It is valid already, where it says from when (section 3, point 5)."""
    start = claims.get("nbf", 0)
    return is_date(start) and start <= now


def first_use(db: Database, client: Client, claims: Claims, now: float) -> bool:
    """Whether nobody used this id before; written down in the same statement (section 3, point 7)."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        return False
    until = claims.get("exp", now + LIFETIME)
    with db.transaction():
        db.change("DELETE FROM assertions WHERE exp <= ?", now)
        return bool(db.change("INSERT OR IGNORE INTO assertions VALUES (?, ?, ?)", client.id, sha256(jti), until))


@dataclass(frozen=True, slots=True)
class Assertions:
    """What makes an assertion count; each may be replaced."""

    guard: Guard = field(default_factory=lambda: Guard(kind=no_other_kind))
    audiences: tuple[str, ...] = (ISSUER, f"{ISSUER}/token")
    """What we are called: by the issuer, and by the token endpoint."""
    longest: float = LIFETIME
    signed: Callable[[Envelope, Client], bool] = by_registered_key
    issued_by: Callable[[Claims, Client], bool] = issued_by
    about: Callable[[Claims, Client], bool] = about
    for_us: Callable[[Claims, tuple[str, ...]], bool] = for_us
    in_time: Callable[[Claims, float, float], bool] = in_time
    begun: Callable[[Claims, float], bool] = begun
    first_use: Callable[[Database, Client, Claims, float], bool] = first_use


class ClientAssertions:
    """A policy at work."""

    def __init__(self, policy: Assertions, db: Database, clock: Clock, clients: Mapping[str, Client]) -> None:
        self.policy, self.db, self.clock, self.clients = policy, db, clock, clients
        db.change(TABLE)

    def client(self, request: Request, params: Params) -> Client:
        """The client that an assertion proves.

        Raises:
            OAuthError: ``invalid_request`` for a second proof beside it, ``invalid_client`` for one that is none.
        """
        if request.headers.getlist("authorization") or params.get("client_secret") is not None:
            raise invalid_request("the client shows itself twice")
        if params.get("client_assertion_type") != ASSERTION_TYPE:
            raise invalid_client()
        try:
            envelope = open_compact(self.policy.guard, params.need("client_assertion").encode("utf-8", "surrogatepass"))
            claims = strict_object(envelope.payload)
        except Rejected:
            raise invalid_client() from None
        client = self.clients.get(named(claims, params))
        if client is None or not self.proves(envelope, claims, client):
            raise invalid_client()
        return client

    def proves(self, envelope: Envelope, claims: Claims, client: Client) -> bool:
        """Whether the signature is the client's, the claims are right, and it is the first time."""
        rules, now = self.policy, self.clock.now()
        return (
            rules.signed(envelope, client)
            and rules.issued_by(claims, client)
            and rules.about(claims, client)
            and rules.for_us(claims, rules.audiences)
            and rules.in_time(claims, now, rules.longest)
            and rules.begun(claims, now)
            and rules.first_use(self.db, client, claims, now)
        )


def named(claims: Claims, params: Params) -> str:
    """Which client is meant: the ``client_id`` beside an assertion, else its subject (RFC 7521 section 4.2)."""
    subject = claims.get("sub")
    return params.get("client_id") or (subject if isinstance(subject, str) else "")
