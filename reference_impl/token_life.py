"""Tokens from issue to end: signed ones, which carry everything, and opaque ones, which name a row."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .accounts import Account, Accounts
from .store import Database
from .token_claims import AUDIENCE, Claims
from .token_guard import Rejected
from .token_keys import Keys, sign

if TYPE_CHECKING:
    from .token_policy import TokenPolicy

ENDED = "CREATE TABLE IF NOT EXISTS ended (name TEXT PRIMARY KEY, exp REAL NOT NULL)"
OPAQUE = """CREATE TABLE IF NOT EXISTS opaque (
    digest TEXT PRIMARY KEY, sub TEXT NOT NULL, audience TEXT NOT NULL, exp REAL NOT NULL,
    generation INTEGER NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token that was verified gives: a subject, not yet an account."""

    sub: str
    name: str = field(repr=False)
    """What names this token among all: its ``jti``, or the digest of an opaque one."""
    exp: float
    generation: object = None
    """The generation of the account at issue, where tokens carry it."""


class Tokens(Protocol):
    """How access tokens are made and read."""

    def issue(self, account: Account, now: float, audience: str) -> str:
        """A new token; the account is as it was when its password was checked."""
        ...

    async def read(self, raw: bytes, now: float) -> Grant:
        """What a token gives. Raises Rejected."""
        ...


class SignedTokens:
    """JWTs. Nothing is stored at issue, and nothing but the key is needed to verify."""

    def __init__(self, policy: TokenPolicy, db: Database, keys: Keys) -> None:
        self._policy, self._db, self._keys = policy, db, keys
        db.change(ENDED)

    def issue(self, account: Account, now: float, audience: str = AUDIENCE) -> str:
        """Sign the claims of an account, and its generation where revocation compares it."""
        policy = self._policy
        claims = policy.minting.claims(account, now, policy.rules.lifetime, audience)
        return sign(self._keys, {**claims, **policy.revocation.stamp(account)})

    async def read(self, raw: bytes, now: float) -> Grant:
        """Form, then signature, then claims: nothing is read before it is worth reading."""
        policy = self._policy
        envelope = policy.open(policy.guard, raw)
        await policy.verify(envelope, self._keys)
        claims = policy.rules.read(envelope.payload, now)
        grant = Grant(claims["sub"], policy.revocation.name(raw, claims), claims["exp"], claims.get("gen"))
        if policy.revocation.ended(self._db, grant):
            raise Rejected("ended before its time")
        return grant


class OpaqueTokens:
    """Random values that mean nothing without the database, where only their digests stand."""

    def __init__(self, policy: TokenPolicy, db: Database, _keys: Keys) -> None:
        self._policy, self._db = policy, db
        db.change(OPAQUE)

    def issue(self, account: Account, now: float, audience: str = AUDIENCE) -> str:
        """Store the digest of a new value."""
        token = self._policy.opaque.new(account, now)
        exp = int(now) + self._policy.rules.lifetime
        values = (self._policy.opaque.digest(token.encode()), account.sub, audience, exp, account.generation)
        self._db.change("DELETE FROM opaque WHERE exp <= ?", now)
        self._db.change("INSERT OR REPLACE INTO opaque VALUES (?, ?, ?, ?, ?)", *values)
        return token

    async def read(self, raw: bytes, now: float) -> Grant:
        """Find the row."""
        digest = self._policy.opaque.digest(raw)
        row = self._db.row("SELECT sub, audience, exp, generation FROM opaque WHERE digest = ?", digest)
        if row is None or not now < row[2]:
            raise Rejected("unknown or expired")
        if not self._policy.rules.audience({"aud": row[1]}, now, self._policy.rules):
            raise Rejected("for another service")
        return Grant(row[0], digest, row[2], row[3])


def sha256(raw: bytes) -> str:
    """What is stored instead of an opaque token."""
    return hashlib.sha256(raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Opaque:
    """How opaque tokens are made and compared."""

    new: Callable[[Account, float], str] = lambda _account, _now: secrets.token_urlsafe(32)
    """256 bits from the operating system (ASVS-v5.0.0-7.2.3)."""
    digest: Callable[[bytes], str] = sha256


@dataclass(frozen=True, slots=True)
class Revocation:
    """How tokens end before they expire. The defaults are those of a stateless server: they do not.

    What that costs (ASVS-v5.0.0-7.4.1, 7.4.3, 7.4.5): a stolen token works until it expires, whatever its owner does.
    """

    active: bool = False
    """Whether tokens can end early, for the routes and the description that depend on it."""
    name: Callable[[bytes, Claims], str] = lambda _raw, claims: str(claims.get("jti"))
    """What identifies a token: never its text, which may have several spellings."""
    stamp: Callable[[Account], Mapping[str, Any]] = lambda _account: {}
    """Claims that revocation needs."""
    logout: Callable[[Database, Accounts, Grant, float], None] = lambda *_: None
    ended: Callable[[Database, Grant], bool] = lambda _db, _grant: False
    current: Callable[[Account, Grant], bool] = lambda _account, _grant: True
    """Whether the token belongs to the present generation of the account."""
    everywhere: Callable[[Accounts, str], None] = lambda _accounts, _sub: None
    """End all tokens of a subject."""
    password: Callable[[Accounts, str], None] = lambda _accounts, _sub: None
    """What a password change ends."""


def remember_ended(db: Database, _accounts: Accounts, grant: Grant, now: float) -> None:
    """Note that a token has ended, until it would have expired anyway."""
    db.change("DELETE FROM ended WHERE exp < ?", now - 3600)
    db.change("INSERT OR IGNORE INTO ended VALUES (?, ?)", grant.name, grant.exp)


def is_ended(db: Database, grant: Grant) -> bool:
    """Whether a token was ended."""
    return db.row("SELECT 1 FROM ended WHERE name = ?", grant.name) is not None


def of_generation(account: Account, grant: Grant) -> bool:
    """A counter, not a date: within one second tokens are issued and revoked more than once."""
    return account.generation == grant.generation


REVOCABLE = Revocation(
    active=True,
    stamp=lambda account: {"gen": account.generation},
    logout=remember_ended,
    ended=is_ended,
    current=of_generation,
    everywhere=lambda accounts, sub: accounts.bump(sub),
    password=lambda accounts, sub: accounts.bump(sub),
)
"""A list of ended tokens and a generation counter for each account, both in the database that replicas share."""


def forget(db: Database, _accounts: Accounts, grant: Grant, _now: float) -> None:
    """Delete an opaque token's row."""
    db.change("DELETE FROM opaque WHERE digest = ?", grant.name)


FORGETTING = Revocation(
    active=True,
    logout=forget,
    current=of_generation,
    everywhere=REVOCABLE.everywhere,
    password=REVOCABLE.password,
)
"""For opaque tokens, which end when their row does."""
