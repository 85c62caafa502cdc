"""The table of sessions: what the server remembers, keyed by a hash of what the client holds."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from .store import Database, Row

TABLE = """CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, handle TEXT UNIQUE NOT NULL, sub TEXT, born REAL NOT NULL, used REAL NOT NULL,
    elevated REAL NOT NULL, label TEXT NOT NULL)"""
BY_SUBJECT = "CREATE INDEX IF NOT EXISTS sessions_by_sub ON sessions (sub)"


@dataclass(frozen=True, slots=True)
class Session:
    """One session as it was when it was read."""

    digest: str
    """SHA-256 of the id, so that a stolen table opens nothing."""
    handle: str
    """A second random name, for the owner's list; worthless as a credential (ASVS-v5.0.0-7.5.2)."""
    sub: str | None
    """The subject, or None before login."""
    born: float
    """When the user authenticated, in seconds since the epoch; for an anonymous session when it was issued."""
    used: float
    """When it was last used with success."""
    elevated: float = 0.0
    """When the password was last asked again, or 0."""
    label: str = ""
    """The browser that it was issued to, as the owner's list shows it."""


class SessionTable:
    """Sessions in the database. Writes are update-if-exists; only :meth:`insert` creates."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.change(TABLE)
        db.change(BY_SUBJECT)

    def find(self, digest: str) -> Session | None:
        """The session with this digest, live or expired."""
        return _session(self.db.row("SELECT * FROM sessions WHERE digest = ?", digest))

    def insert(self, session: Session, limit: int) -> None:
        """Create a session and, in the same transaction, end the user's oldest beyond the limit."""
        with self.db.transaction():
            self.db.change("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", *astuple(session))
            if session.sub is not None:
                self._evict(session.sub, limit)

    def _evict(self, sub: str, limit: int) -> None:
        newest = "SELECT digest FROM sessions WHERE sub = ? ORDER BY born DESC, rowid DESC LIMIT ?"
        self.db.change(f"DELETE FROM sessions WHERE sub = ? AND digest NOT IN ({newest})", sub, sub, limit)  # noqa: S608

    def touch(self, digest: str, now: float) -> bool:
        """Note a use; False when the session ended meanwhile, and then nothing is written."""
        return self.db.change("UPDATE sessions SET used = max(used, ?) WHERE digest = ?", now, digest) == 1

    def end(self, digest: str) -> bool:
        """Forget one session; False when there was none."""
        return self.db.change("DELETE FROM sessions WHERE digest = ?", digest) == 1

    def end_handle(self, sub: str, handle: str) -> bool:
        """Forget the user's session with this handle; False when the user has none."""
        return self.db.change("DELETE FROM sessions WHERE sub = ? AND handle = ?", sub, handle) == 1

    def end_user(self, sub: str, but: str = "") -> None:
        """Forget every session of a user, except the one with the digest ``but``."""
        self.db.change("DELETE FROM sessions WHERE sub = ? AND digest <> ?", sub, but)

    def end_everyone(self) -> None:
        """Forget every session (ASVS-v5.0.0-7.4.5)."""
        self.db.change("DELETE FROM sessions")

    def purge(self, now: float, idle: float, absolute: float) -> None:
        """Forget what has expired."""
        self.db.change("DELETE FROM sessions WHERE used <= ? OR born <= ?", now - idle, now - absolute)

    def of(self, sub: str) -> list[Session]:
        """The user's sessions, oldest first, expired ones included."""
        rows = self.db.rows("SELECT * FROM sessions WHERE sub = ? ORDER BY born, rowid", sub)
        return [Session(*row) for row in rows]

    def everyone(self) -> list[Session]:
        """The sessions of all users."""
        return [Session(*row) for row in self.db.rows("SELECT * FROM sessions WHERE sub IS NOT NULL")]


def _session(row: Row | None) -> Session | None:
    return Session(*row) if row else None
