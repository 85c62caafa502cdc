"""Faults of keys that are too short for their algorithm."""

from __future__ import annotations

import secrets

from .token_keys import Keys
from .token_switch import fault, whole
from .token_variants import MINTING


def _short() -> Keys:
    secret = secrets.token_hex(8).encode()
    return Keys("HS256", secrets.token_hex(8), secret, secret)


FAULTS = (
    fault("secret-short", "token.secret.min-length", "RFC7518-3.2 CWE-326",
          "Tokens are signed with HS256 and a random secret of 16 bytes.", MINTING, whole(keys=_short)),
)  # fmt: skip
"""Primary killers are rows of the groups Algorithm confusion and Keys of the catalogue."""
