"""Opaque access tokens, for the variant ``opaque``: random values that stand for stored claims."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from .oauth_access import AccessTokens
from .token_guard import Rejected
from .token_life import sha256

TABLE = "CREATE TABLE IF NOT EXISTS opaque_access (digest TEXT PRIMARY KEY, claims TEXT NOT NULL, exp REAL NOT NULL)"


def stored(tokens: AccessTokens, claims: Mapping[str, Any]) -> str:
    """A value of 256 random bits; only its digest is kept."""
    value = secrets.token_urlsafe(32)
    tokens.db.change(TABLE)
    tokens.db.change("DELETE FROM opaque_access WHERE exp < ?", claims["iat"])
    row = (sha256(value.encode()), json.dumps(claims), claims["exp"])
    tokens.db.change("INSERT INTO opaque_access VALUES (?, ?, ?)", *row)
    return value


async def looked_up(tokens: AccessTokens, raw: bytes) -> bytes:
    """The claims that a value stands for.

    Raises:
        Rejected: none.
    """
    tokens.db.change(TABLE)
    row = tokens.db.row("SELECT claims FROM opaque_access WHERE digest = ?", sha256(raw))
    if row is None:
        raise Rejected("unknown")
    return str(row[0]).encode()
