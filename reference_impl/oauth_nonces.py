"""Nonces for DPoP proofs (RFC 9449 sections 8 and 9): they hold the time of the server, sealed with a secret."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .token_guard import encode

SLOT = 60.0
"""Seconds after which new proofs get another nonce."""


@cache
def _key() -> bytes:
    """The key of this process. A deployment reads it from its secret store, so that replicas share it."""
    return secrets.token_bytes(32)


def sealed(place: str, now: float) -> str:
    """The nonce of a place and a minute: nobody computes it without the key, and nothing has to be stored."""
    return encode(hmac.digest(_key(), f"{place} {int(now // SLOT)}".encode(), "sha256")[:18])


def recent(place: str, nonce: object, now: float) -> bool:
    """Whether a nonce is that of this minute or of the one before, and of this place."""
    told = nonce.encode("utf-8", "surrogatepass") if isinstance(nonce, str) else b""
    return any(hmac.compare_digest(told, sealed(place, now - back).encode()) for back in (0.0, SLOT))


@dataclass(frozen=True, slots=True)
class Nonces:
    """How nonces are made and compared."""

    new: Callable[[str, float], str] = sealed
    accepted: Callable[[str, object, float], bool] = recent
