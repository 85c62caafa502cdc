"""Faults of algorithms by their names, and of keys that are too short for theirs."""

from __future__ import annotations

import secrets

from .token_guard import Envelope
from .token_keys import Keys
from .token_switch import accepts, alg, fault, whole
from .token_variants import MINTING

WITHOUT_CODE = frozenset({"ES256K", "EdDSA", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"})
"""Algorithms that the verifier's library was built without."""


def _short() -> Keys:
    secret = secrets.token_hex(8).encode()
    return Keys("HS256", secrets.token_hex(8), secret, secret)


def _no_code_no_check(envelope: Envelope, _keys: Keys) -> bool:
    return alg(envelope) in WITHOUT_CODE


FAULTS = (
    fault("algorithm-without-code", "token.alg.registry", "RFC8725-3.1 9.1.2 CWE-347",
          "A token whose algorithm the library was built without counts as verified.", accepts(_no_code_no_check)),
    fault("secret-short", "token.secret.min-length", "RFC7518-3.2 CWE-326",
          "Tokens are signed with HS256 and a random secret of 16 bytes.", MINTING, whole(keys=_short)),
)  # fmt: skip
"""Primary killers are rows of the groups Algorithm confusion and Keys of the catalogue."""
