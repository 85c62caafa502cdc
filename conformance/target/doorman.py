"""Who counts the failed logins that the kit causes, so that no account of the target is locked by them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Doorman:
    """The failures of a run."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Failing logins are tried one at a time."""
    failures: dict[str, int] = field(default_factory=dict)
    """In a row, by account."""
