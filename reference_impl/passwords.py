"""Password hashing and the rules for a new password (ASVS-v5.0.0-6.2, NIST SP 800-63B-4 section 3.1.1)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST = 8
"""Characters (6.2.1)."""
LONGEST = 1024
"""Characters; far above the 64 that 6.2.9 asks for, low enough that hashing stays cheap."""


class WeakPassword(ValueError):
    """A new password that the rules refuse; the message says why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The work of one argon2id hash."""

    passes: int
    memory: int
    """KiB."""
    lanes: int = 1


TEST = Cost(passes=1, memory=8)
"""About 0.04 ms: only for tests, where hundreds of logins must not take minutes."""
STRONG = Cost(passes=2, memory=19 * 1024)
"""About 30 ms, the least that the OWASP Password Storage Cheat Sheet recommends."""


class Hasher:
    """argon2id in a worker thread, so that hashing never blocks other requests."""

    def __init__(self, cost: Cost) -> None:
        self._argon2 = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes, hash_len=32
        )
        self.dummy = self._argon2.hash("the hash that an unknown user is checked against")

    def hash(self, password: str) -> str:
        """The encoded hash, salt included."""
        return self._argon2.hash(_bytes(password))

    async def verify(self, encoded: str, password: str) -> bool:
        """Whether the password belongs to the hash; takes the same work either way."""
        return await asyncio.to_thread(self._verify, encoded, password)

    def _verify(self, encoded: str, password: str) -> bool:
        try:
            return self._argon2.verify(encoded, _bytes(password))
        except (Argon2Error, InvalidHashError):
            return False


def check_new(password: str, name: str) -> None:
    """Refuse a password that is too short, too long, common, or the user's own name.

    Raises:
        WeakPassword: with the reason.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"a password has {SHORTEST} to {LONGEST} characters")
    if password.casefold() in _common() or password.casefold() == name.casefold():
        raise WeakPassword("this password is among the first that anyone would try")


@cache
def _common() -> frozenset[str]:
    text = files(__package__).joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _bytes(password: str) -> bytes:
    # Bytes, never cut: neither a NUL nor a length may end the password early (6.2.8).
    return password.encode("utf-8", "surrogatepass")
