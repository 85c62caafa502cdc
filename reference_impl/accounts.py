"""The accounts of a reference server: who may log in, and what an owner or an administrator may change.

Shared by every scheme. What may differ stands in :class:`AccountPolicy`.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from .clock import Clock
from .passwords import TEST, Cost, Hasher, check_new
from .store import Database, Row
from .throttle import Throttle, ThrottleLimits

TABLE = """CREATE TABLE IF NOT EXISTS accounts (
    sub TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, email TEXT NOT NULL, password TEXT NOT NULL,
    role TEXT NOT NULL, enabled INTEGER NOT NULL, generation INTEGER NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as it was when it was read."""

    sub: str
    """Random, and never given to anyone else, not even after deletion (ASVS-v5.0.0-10.3.3)."""
    name: str
    """Normalised: see :func:`normal`."""
    email: str
    password: str = field(repr=False)
    """The encoded argon2id hash."""
    role: str
    """``user`` or ``admin``."""
    enabled: bool
    generation: int
    """Grows whenever every older credential of the account must die; for schemes without sessions."""


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """What may differ between account stores; the defaults are right."""

    prepare: Callable[[str], str] = lambda password: password
    """What becomes of a typed password before it is hashed: nothing (ASVS-v5.0.0-6.2.8)."""
    new_sub: Callable[[str], str] = lambda _name: secrets.token_hex(16)
    """The subject of a new account, given its name."""
    unknown_costs_the_same: bool = True
    """Whether an unknown name causes a hash too, so that time tells nothing (ASVS-v5.0.0-6.3.8)."""
    throttle: ThrottleLimits = field(default_factory=ThrottleLimits)
    cost: Cost | None = None
    """The hash cost; None takes the one that the server is started with."""


class NameTaken(ValueError):
    """The wanted account name exists."""


def normal(name: str) -> str:
    """The one spelling of a name: compatibility-composed, case-folded, without outer space.

    Accounts and throttling share it, so that no second spelling gets guesses of its own.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


class Accounts:
    """Accounts in a database."""

    def __init__(self, db: Database, clock: Clock, policy: AccountPolicy | None = None, cost: Cost = TEST) -> None:
        self.policy = policy or AccountPolicy()
        self.db = db
        self._hasher = Hasher(self.policy.cost or cost)
        self._throttle = Throttle(db, clock, self.policy.throttle)
        db.change(TABLE)

    async def authenticate(self, name: str, password: str, source: str) -> Account | None:
        """The enabled account that this name and password belong to, or None, whatever the reason.

        ``source`` is the address of the peer, never a header (ASVS-v5.0.0-4.1.3).

        Raises:
            Throttled: too many failures with this name or from this source.
        """
        name = normal(name)
        async with self._throttle.turn(name, source):
            account = self.named(name)
            if not await self._proves(account, password) or account is None or not account.enabled:
                self._throttle.failed(name, source)
                return None
            self._throttle.succeeded(name, source)
            return account

    async def _proves(self, account: Account | None, password: str) -> bool:
        if account is None and not self.policy.unknown_costs_the_same:
            return False
        encoded = account.password if account else self._hasher.dummy
        return await self._hasher.verify(encoded, self.policy.prepare(password)) and account is not None

    def find(self, sub: str) -> Account | None:
        """The account with this subject, disabled ones included."""
        return _account(self.db.row("SELECT * FROM accounts WHERE sub = ?", sub))

    def named(self, name: str) -> Account | None:
        """The account with this name, disabled ones included."""
        return _account(self.db.row("SELECT * FROM accounts WHERE name = ?", normal(name)))

    def register(self, name: str, password: str, email: str = "", role: str = "user") -> Account:
        """Create an account.

        Raises:
            NameTaken: the name exists.
            WeakPassword: the rules refuse the password.
        """
        name = normal(name)
        check_new(password, name)
        encoded = self._hasher.hash(self.policy.prepare(password))
        account = Account(self.policy.new_sub(name), name, email, encoded, role, True, 0)
        values = (account.sub, name, email, encoded, role, 1, 0)
        if not self.db.change("INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)", *values):
            raise NameTaken(name)
        return account

    def set_password(self, account: Account, password: str) -> bool:
        """Store a new password; False when the account changed since it was read.

        Raises:
            WeakPassword: the rules refuse the password.
        """
        check_new(password, account.name)
        encoded = self._hasher.hash(self.policy.prepare(password))
        sql = "UPDATE accounts SET password = ? WHERE sub = ? AND password = ?"
        return self.db.change(sql, encoded, account.sub, account.password) == 1

    def set_email(self, sub: str, email: str) -> None:
        """Change the e-mail address."""
        self.db.change("UPDATE accounts SET email = ? WHERE sub = ?", email, sub)

    def set_role(self, sub: str, role: str) -> None:
        """Give ``admin`` or take it; who asks what the role is asks here, so that it counts from now on (8.3.2)."""
        self.db.change("UPDATE accounts SET role = ? WHERE sub = ?", role, sub)

    def set_enabled(self, sub: str, enabled: bool) -> None:
        """Disable or enable; what died at disabling stays dead."""
        self.db.change("UPDATE accounts SET enabled = ? WHERE sub = ?", int(enabled), sub)

    def bump(self, sub: str) -> None:
        """Start a new generation: for schemes that compare it, every older credential is dead."""
        self.db.change("UPDATE accounts SET generation = generation + 1 WHERE sub = ?", sub)

    def delete(self, sub: str) -> None:
        """Remove the account; its name becomes free, its subject never returns."""
        self.db.change("DELETE FROM accounts WHERE sub = ?", sub)


def _account(row: Row | None) -> Account | None:
    if row is None:
        return None
    sub, name, email, password, role, enabled, generation = row
    return Account(sub, name, email, password, role, bool(enabled), generation)
