"""Families of refresh tokens: every token that descends from one login or one grant (RFC 9700 section 4.14.2).

A token is random, stored as a digest, and works once: spending it is one conditional update, which gives a successor.
Who presents a spent one holds a copy, or a copy was used before him; nobody can tell which, so the family ends.
A family lives as long as its row says so, and that row is read at every use: what was issued while the family ended
is dead from the start.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .clock import Clock
from .store import Database, Row
from .token_guard import Rejected

FAMILIES = """CREATE TABLE IF NOT EXISTS families (
    id TEXT PRIMARY KEY, sub TEXT NOT NULL, client TEXT NOT NULL, data TEXT NOT NULL,
    born REAL NOT NULL, used REAL NOT NULL, ended INTEGER NOT NULL)"""
BY_SUBJECT = "CREATE INDEX IF NOT EXISTS families_by_sub ON families (sub)"
BY_BIRTH = "CREATE INDEX IF NOT EXISTS families_by_birth ON families (born)"
TOKENS = """CREATE TABLE IF NOT EXISTS refresh_tokens (
    digest TEXT PRIMARY KEY, family TEXT NOT NULL, parent TEXT NOT NULL, spent REAL)"""
BY_FAMILY = "CREATE INDEX IF NOT EXISTS refresh_tokens_by_family ON refresh_tokens (family)"
BY_PARENT = "CREATE INDEX IF NOT EXISTS refresh_tokens_by_parent ON refresh_tokens (parent)"

LONGEST = 256
"""Characters of a value that is worth hashing; a genuine one has 43."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family as it was when it was read."""

    id: str
    """Random, and worthless as a credential: access tokens carry it."""
    sub: str
    client: str
    """Whom the tokens were issued to; empty for a first-party login."""
    data: str = field(repr=False)
    """What the server keeps with the family, such as the scope; its own to read."""
    born: float
    """When the user authenticated, in seconds since the epoch. No refresh moves it (ASVS-v5.0.0-10.4.8)."""
    used: float
    """When the latest token was issued."""
    ended: bool


@dataclass(frozen=True, slots=True)
class Token:
    """The row of one refresh token as it was when it was read."""

    digest: str = field(repr=False)
    family: str
    parent: str = field(repr=False)
    """The digest of the token that was spent for it; empty for the first of a family."""
    spent: float | None
    """When it was spent, in seconds since the epoch, or None."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new refresh token and the family that it belongs to."""

    value: str = field(repr=False)
    family: Family


Spend = Callable[["Families", Token, float], Awaitable[bool]]
"""``(families, token, now)``: whether the token was live and is spent now."""
Replayed = Callable[["Families", Token, float], Awaitable[None]]
"""``(families, token, now)``: what the presentation of a spent token causes."""


def sha256(value: str) -> str:
    """What is stored instead of a token, so that a stolen table opens nothing."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def random_value(_spent: str) -> str:
    """256 bits from the operating system (RFC 6749 section 10.10, ASVS-v5.0.0-7.2.3)."""
    return secrets.token_urlsafe(32)


async def spend_once(families: Families, token: Token, now: float) -> bool:
    """One conditional update: of two that present the same token at once, one changes the row (RFC 9700 4.14.2)."""
    sql = "UPDATE refresh_tokens SET spent = ? WHERE digest = ? AND spent IS NULL"
    return families.db.change(sql, now, token.digest) == 1


async def end_family(families: Families, token: Token, _now: float) -> None:
    """The family ends with everything that hangs on it, access tokens included (ASVS-v5.0.0-10.4.5)."""
    families.end(token.family)


@dataclass(frozen=True, slots=True)
class FamilyRules:
    """What a store of families decides; the defaults are right. A fault or a variant replaces a member."""

    idle: float = 3600.0
    """Seconds after which an unused token is dead (RFC 9700 section 4.14.2)."""
    absolute: float = 86400.0
    """Seconds from authentication after which the family is dead, however busy (ASVS-v5.0.0-10.4.8)."""
    rotates: bool = True
    """Whether a use replaces the token."""
    grace: float = 0.0
    """Seconds for which a spent token gives its successor again, to a client that never got the first answer.

    Needs a ``new`` that derives a successor from its parent, so that there is one successor, however often asked.
    """
    new: Callable[[str], str] = random_value
    """The value of a new token, given the one that is spent for it; empty for the first."""
    digest: Callable[[str], str] = sha256
    spend: Spend = spend_once
    replayed: Replayed = end_family
    renewed_birth: Callable[[Family, float], float] = lambda family, _now: family.born
    """When the user authenticated, after a refresh: when he did before."""


class Families:
    """Families in a database that replicas may share. Every change is an update of what exists, never an upsert."""

    def __init__(self, db: Database, clock: Clock, rules: FamilyRules | None = None) -> None:
        self.db, self.clock, self.rules = db, clock, rules or FamilyRules()
        for sql in (FAMILIES, BY_SUBJECT, BY_BIRTH, TOKENS, BY_FAMILY, BY_PARENT):
            db.change(sql)

    # Issue and spend

    def begin(self, sub: str, client: str = "", data: str = "") -> Issued:
        """Start a family and issue its first token, after the user has authenticated."""
        now = self.clock.now()
        self.purge(now)
        family = Family(secrets.token_hex(16), sub, client, data, now, now, False)
        with self.db.transaction():
            values = (family.id, sub, client, data, now, now, 0)
            self.db.change("INSERT INTO families VALUES (?, ?, ?, ?, ?, ?, ?)", *values)
            return Issued(self.issue(family, ""), family)

    async def spend(self, value: str, client: str = "") -> Issued:
        """The successor of a live token that was issued to this client; a spent one ends its family.

        A token of another client is neither spent nor counted as a replay: or any client could end what belongs to
        another.

        Raises:
            Rejected: unknown, spent, expired, ended, or issued to another client.
        """
        now, token = self.clock.now(), self.token(value)
        family = self.family(token.family) if token else None
        if token is None or family is None or family.client != client:
            raise Rejected("no refresh token of this client")
        if not self.lives(family, now):
            raise Rejected("the family has ended or expired")
        if not self.rules.rotates:
            return Issued(value, self._renewed(family, now))
        if await self.rules.spend(self, token, now) or self._again(token, now):
            return self._successor(value, family, now)
        await self.rules.replayed(self, token, now)
        raise Rejected("spent before")

    def _again(self, token: Token, now: float) -> bool:
        """Whether a spent token may ask for its successor once more: within the grace, while nobody used that one.

        The grace counts from the spending, so that asking does not lengthen it.
        """
        found = self.db.row("SELECT spent FROM refresh_tokens WHERE digest = ?", token.digest)
        spent = found[0] if found else None
        if not self.rules.grace or spent is None or not now < spent + self.rules.grace:
            return False
        used = "SELECT 1 FROM refresh_tokens WHERE parent = ? AND spent IS NOT NULL"
        return self.db.row(used, token.digest) is None

    def _successor(self, value: str, family: Family, now: float) -> Issued:
        with self.db.transaction():
            return Issued(self.issue(family, value), self._renewed(family, now))

    def _renewed(self, family: Family, now: float) -> Family:
        born = self.rules.renewed_birth(family, now)
        self.db.change("UPDATE families SET used = ?, born = ? WHERE id = ?", now, born, family.id)
        return self.family(family.id) or family

    def issue(self, family: Family, spent: str) -> str:
        """A new token of a family; ``spent`` is the value that it replaces, empty for the first."""
        value, parent = self.rules.new(spent), self.rules.digest(spent) if spent else ""
        row = (self.rules.digest(value), family.id, parent, None)
        self.db.change("INSERT OR IGNORE INTO refresh_tokens VALUES (?, ?, ?, ?)", *row)
        return value

    # Look up

    def token(self, value: str) -> Token | None:
        """The row of a presented value, live or not; None for what was never issued."""
        if not 0 < len(value) <= LONGEST:
            return None
        row = self.db.row("SELECT * FROM refresh_tokens WHERE digest = ?", self.rules.digest(value))
        return Token(*row) if row else None

    def family(self, id: str) -> Family | None:
        """A family, live or not."""
        row = self.db.row("SELECT * FROM families WHERE id = ?", id)
        return _family(row) if row else None

    def owner(self, value: str) -> Family | None:
        """The family, live or not, that a presented value belongs to: for logout, revocation and introspection."""
        token = self.token(value)
        return self.family(token.family) if token else None

    def of(self, sub: str) -> list[Family]:
        """The live families of a subject, oldest first."""
        now = self.clock.now()
        rows = self.db.rows("SELECT * FROM families WHERE sub = ? ORDER BY born, rowid", sub)
        return [family for family in map(_family, rows) if self.lives(family, now)]

    def lives(self, family: Family | None, now: float | None = None) -> bool:
        """Whether a family has neither ended nor outlived its limits: what an API asks at each access token."""
        moment = self.clock.now() if now is None else now
        return (
            family is not None
            and not family.ended
            and moment < family.used + self.rules.idle
            and moment < family.born + self.rules.absolute
        )

    # End

    def end(self, id: str) -> None:
        """End one family (logout, revocation, replay)."""
        self.db.change("UPDATE families SET ended = 1 WHERE id = ?", id)

    def end_user(self, sub: str, but: str = "", client: str | None = None) -> None:
        """End every family of a subject, except the one called ``but``; of one client only, where it is named."""
        of_client, named = ("", ()) if client is None else (" AND client = ?", (client,))
        self.db.change(f"UPDATE families SET ended = 1 WHERE sub = ? AND id <> ?{of_client}", sub, but, *named)  # noqa: S608

    def end_everyone(self) -> None:
        """End every family (ASVS-v5.0.0-7.4.5)."""
        self.db.change("UPDATE families SET ended = 1")

    def purge(self, now: float) -> None:
        """Forget what is past its absolute limit. Ended families stay until then, and their spent tokens with them."""
        old = "FROM families WHERE born <= ?"
        with self.db.transaction():
            limit = now - self.rules.absolute
            self.db.change(f"DELETE FROM refresh_tokens WHERE family IN (SELECT id {old})", limit)  # noqa: S608
            self.db.change(f"DELETE {old}", limit)


def _family(row: Row) -> Family:
    id, sub, client, data, born, used, ended = row
    return Family(id, sub, client, data, born, used, bool(ended))
