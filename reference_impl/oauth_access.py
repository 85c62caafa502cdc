"""Access tokens as JWTs (RFC 9068): how they are made, and what must hold whenever one is used.

The guard, the keys and the rules for claims are those of the token server. Two things come on top: a type and an
audience of our own, and the grant behind the token, which is looked up at each use. That costs one read, and ends
tokens at once when the user, the client or an administrator ends the grant.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import token_life
from .accounts import Account, Accounts
from .oauth_browser import ISSUER
from .oauth_clients import BILLING
from .oauth_grants import Grant, Grants
from .store import Database
from .token_claims import Claims, Rules
from .token_guard import Guard, Header, Rejected, encode, open_compact
from .token_keys import Keys, by_library, sign

AUDIENCE = "https://api.oauth.reference.example"
OTHER_AUDIENCE = "https://billing.oauth.reference.example"
"""Another API that takes tokens of the same issuer; ours must not, and its must not take ours."""
TYPE = "at+jwt"
LIFETIME = 300.0
"""Seconds that an access token lives."""


def at_jwt(header: Header) -> None:
    """Only access tokens, in either spelling of their type (RFC 9068 section 4)."""
    if header.get("typ") not in (TYPE, f"application/{TYPE}"):
        raise Rejected("another kind of token")


def our_issuer(claims: Claims, _now: float, _rules: Rules) -> bool:
    """Exactly, as a text (RFC 9068 section 4)."""
    return bool(claims["iss"] == ISSUER)


def for_one_api(claims: Claims, _now: float, _rules: Rules) -> bool:
    """Exactly one of the APIs that we issue for, and no list (RFC 9068 section 2.2)."""
    return claims["aud"] in (AUDIENCE, OTHER_AUDIENCE)


def for_our_api(claims: Claims) -> bool:
    """Our API, and no other (RFC 9068 section 4)."""
    return bool(claims["aud"] == AUDIENCE)


def audience(scope: tuple[str, ...]) -> str:
    """The API that the scope of a grant belongs to: its tokens are for no other (RFC 9700 section 2.3)."""
    return OTHER_AUDIENCE if BILLING in scope else AUDIENCE


def rules() -> Rules:
    """What RFC 9068 section 2.2 requires, and the grant."""
    required = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope", "grant")
    return Rules(required=required, lifetime=LIFETIME, issuer=our_issuer, audience=for_one_api)


@dataclass(frozen=True, slots=True)
class Use:
    """A genuine access token and what stands behind it at this moment."""

    claims: Claims
    scope: tuple[str, ...]
    grant: Grant
    account: Account


def alive(grants: Grants, accounts: Accounts, claims: Claims) -> tuple[Grant, Account] | None:
    """The grant and the account behind a token, unless one of them has ended."""
    grant = grants.find(str(claims["grant"]))
    account = accounts.find(claims["sub"])
    if grant is None or not grant.live or account is None or not account.enabled:
        return None
    return grant, account


def signed(tokens: AccessTokens, claims: Mapping[str, Any]) -> str:
    """A JWT that says this and no more: whoever holds it can read it (RFC 9068 section 6)."""
    return sign(tokens.keys, claims, TYPE)


async def verified(tokens: AccessTokens, raw: bytes) -> bytes:
    """The payload of a token that our key signed.

    Raises:
        Rejected: it is none.
    """
    envelope = open_compact(tokens.policy.guard, raw)
    await by_library(envelope, tokens.keys)
    return envelope.payload


@dataclass(frozen=True, slots=True)
class Access:
    """How access tokens are made and read."""

    guard: Guard = field(default_factory=lambda: Guard(kind=at_jwt))
    rules: Rules = field(default_factory=rules)
    ours: Callable[[Claims], bool] = for_our_api
    alive: Callable[[Grants, Accounts, Claims], tuple[Grant, Account] | None] = alive
    revoked: Callable[[Database, Claims], bool] = lambda db, claims: token_life.is_ended(db, named(claims))
    """Whether this one token was revoked, though its grant lives (RFC 7009 section 2.1)."""
    seal: Callable[[AccessTokens, Mapping[str, Any]], str] = signed
    open: Callable[[AccessTokens, bytes], Awaitable[bytes]] = verified


def named(claims: Claims) -> token_life.Grant:
    """A token by its ``jti``, as the list of ended tokens knows it."""
    return token_life.Grant(claims["sub"], str(claims["jti"]), claims["exp"])


class AccessTokens:
    """A policy at work."""

    def __init__(self, policy: Access, db: Database, grants: Grants, accounts: Accounts, keys: Keys) -> None:
        self.policy, self.db, self.grants, self.accounts, self.keys = policy, db, grants, accounts, keys
        db.change(token_life.ENDED)

    def issue(self, grant: Grant, scope: tuple[str, ...], now: float, jkt: str | None = None) -> str:
        """A token for the API (RFC 9068 section 2); with a thumbprint, bound to that key (RFC 9449 section 6.1)."""
        claims = {
            "iss": ISSUER,
            "aud": audience(grant.scope),
            "sub": grant.sub,
            "client_id": grant.client,
            "iat": int(now),
            "exp": int(now) + int(self.policy.rules.lifetime),
            "jti": secrets.token_hex(16),
            "scope": " ".join(scope),
            "grant": grant.id,
            **({"cnf": {"jkt": jkt}} if jkt is not None else {}),
        }
        return self.policy.seal(self, claims)

    async def genuine(self, raw: str, now: float) -> Claims:
        """The claims of a token that we signed and that has not expired; the API asks more.

        Raises:
            Rejected: it is none of ours, or too old.
        """
        payload = await self.policy.open(self, raw.encode("utf-8", "surrogatepass"))
        return self.policy.rules.read(payload, now)

    async def read(self, raw: str, now: float) -> Use:
        """What stands behind a token now.

        Raises:
            Rejected: nothing; it is not genuine, for another API, expired, revoked, or its grant or account has ended.
        """
        claims = await self.genuine(raw, now)
        if not self.policy.ours(claims):
            raise Rejected("for another API")
        behind = self.policy.alive(self.grants, self.accounts, claims)
        if behind is None or self.policy.revoked(self.db, claims):
            raise Rejected("ended before its time")
        return Use(claims, tuple(str(claims["scope"]).split()), *behind)

    def revoke(self, claims: Claims, now: float) -> None:
        """End one token."""
        token_life.remember_ended(self.db, self.accounts, named(claims), now)


def half_of(token: str) -> str:
    """What an ID token says of the token beside it (OpenID Connect Core section 3.1.3.6)."""
    return encode(hashlib.sha256(token.encode()).digest()[:16])


def id_token(keys: Keys, grant: Grant, nonce: str | None, now: float, beside: str) -> str:
    """Who logged in, for the client alone (OpenID Connect Core section 2). The type keeps it out of the API."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": grant.client,
        "sub": grant.sub,
        "iat": int(now),
        "exp": int(now) + int(LIFETIME),
        "auth_time": int(grant.authenticated),
        "at_hash": half_of(beside),
    }
    return sign(keys, {**claims, **({"nonce": nonce} if nonce is not None else {})}, "JWT")
