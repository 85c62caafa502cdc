"""What users granted to clients: grants, the authorization codes that open them, and requests that wait for consent.

Every token names its grant, and a grant is looked up at each use; so ending one row ends every code and token that
descends from it, also one that is being issued at that moment.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .store import Database, Row

TABLES = (
    """CREATE TABLE IF NOT EXISTS requests (
        digest TEXT PRIMARY KEY, session TEXT NOT NULL, asked TEXT NOT NULL, born REAL NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS grants (
        id TEXT PRIMARY KEY, sub TEXT NOT NULL, client TEXT NOT NULL, session TEXT NOT NULL, scope TEXT NOT NULL,
        authenticated REAL NOT NULL, born REAL NOT NULL, live INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS codes (
        digest TEXT PRIMARY KEY, "grant" TEXT NOT NULL, asked TEXT NOT NULL, born REAL NOT NULL,
        spent INTEGER NOT NULL)""",
)
PATIENCE = 600.0
"""Seconds that a request waits for the user's consent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that was found right (RFC 6749 section 4.1.1)."""

    client: str
    redirect_uri: str
    scope: tuple[str, ...]
    state: str | None
    challenge: str | None
    """The S256 challenge (RFC 7636 section 4.3)."""
    nonce: str | None = None
    """For the ID token (OpenID Connect Core section 3.1.2.1)."""
    response_type: str = "code"
    jkt: str | None = None
    """The key that must redeem the code (RFC 9449 section 10)."""
    pushed: str | None = None
    """The digest of its reference, if it was pushed (RFC 9126)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one user allowed one client in one browser session."""

    id: str
    sub: str
    client: str
    session: str
    """The handle of the browser session; the grant ends with its logout."""
    scope: tuple[str, ...]
    authenticated: float
    """When the user typed the password, in seconds since the epoch."""
    born: float
    live: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code as it was when it was read."""

    digest: str
    grant: str
    asked: Asked
    """What it is bound to: client, redirect URI, challenge, scope."""
    born: float
    spent: bool


class Grants:
    """The three tables."""

    def __init__(self, db: Database) -> None:
        self.db = db
        for table in TABLES:
            db.change(table)

    # Requests that wait for the user

    def wait(self, digest: str, session: str, asked: Asked, now: float) -> None:
        """Keep a request until the user of this session decides; forget those that waited too long."""
        self.db.change("DELETE FROM requests WHERE born <= ?", now - PATIENCE)
        self.db.change("INSERT INTO requests VALUES (?, ?, ?, ?)", digest, session, json.dumps(asdict(asked)), now)

    def take(self, digest: str, session: str, now: float) -> Asked | None:
        """A waiting request of this session, once."""
        sql = "DELETE FROM requests WHERE digest = ? AND session = ? AND born > ? RETURNING asked"
        row = self.db.row(sql, digest, session, now - PATIENCE)
        return _asked(row[0]) if row else None

    # Grants

    def add(self, grant: Grant) -> None:
        """Create a grant."""
        scope = " ".join(grant.scope)
        values = (grant.id, grant.sub, grant.client, grant.session, scope, grant.authenticated, grant.born, 1)
        self.db.change("INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *values)

    def find(self, grant: str) -> Grant | None:
        """The grant, live or ended."""
        row = self.db.row("SELECT * FROM grants WHERE id = ?", grant)
        return _grant(row) if row else None

    def of(self, sub: str, since: float) -> list[Grant]:
        """The live grants of a user that are younger than ``since``."""
        sql = "SELECT * FROM grants WHERE sub = ? AND live = 1 AND born > ? ORDER BY born, rowid"
        return [_grant(row) for row in self.db.rows(sql, sub, since)]

    def end(self, grant: str) -> None:
        """End a grant, for good, with everything that descends from it."""
        end_of_grant(self.db, grant)

    # Codes

    def keep(self, code: Code) -> None:
        """Store a new code. It stays after it is spent, or its replay would not be known for one."""
        asked = json.dumps(asdict(code.asked))
        self.db.change("INSERT INTO codes VALUES (?, ?, ?, ?, ?)", code.digest, code.grant, asked, code.born, 0)

    def code(self, digest: str) -> Code | None:
        """The code with this digest, whatever has become of it."""
        row = self.db.row("SELECT * FROM codes WHERE digest = ?", digest)
        return Code(row[0], row[1], _asked(row[2]), row[3], bool(row[4])) if row else None

    def spend(self, digest: str) -> None:
        """Mark a code as redeemed."""
        self.db.change("UPDATE codes SET spent = 1 WHERE digest = ?", digest)

    def purge(self, before: float) -> None:
        """Forget grants and codes that are older; nothing of them can live any more."""
        self.db.change("DELETE FROM codes WHERE born <= ?", before)
        self.db.change("DELETE FROM grants WHERE born <= ?", before)


def end_of_grant(db: Database, grant: str) -> None:
    """End one grant."""
    db.change("UPDATE grants SET live = 0 WHERE id = ?", grant)


def end_of_user(db: Database, sub: str) -> None:
    """End every grant of a user."""
    db.change("UPDATE grants SET live = 0 WHERE sub = ?", sub)


def end_of_client(db: Database, sub: str, client: str) -> None:
    """End what a user granted to a client (RFC 9700 section 4.14.2, ASVS-v5.0.0-10.7.3)."""
    db.change("UPDATE grants SET live = 0 WHERE sub = ? AND client = ?", sub, client)


def end_of_session(db: Database, session: str) -> None:
    """End what was granted in a browser session."""
    db.change("UPDATE grants SET live = 0 WHERE session = ?", session)


def move_session(db: Database, before: str, after: str) -> None:
    """The session goes on under a new id, because the same user authenticated again."""
    db.change("UPDATE grants SET session = ? WHERE session = ?", after, before)


def _asked(text: str) -> Asked:
    fields = json.loads(text)
    return Asked(**{**fields, "scope": tuple(fields["scope"])})


def _grant(row: Row) -> Grant:
    id_, sub, client, session, scope, authenticated, born, live = row
    return Grant(id_, sub, client, session, tuple(scope.split()), authenticated, born, bool(live))
