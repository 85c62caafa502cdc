"""The keys of the test clients that sign assertions; a deployment is given the public half at registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec

from .token_keys import Keys, made_rsa, private_pem

KID = "ledger-1"
ALGORITHMS = ("ES256", "PS256")
"""What a client may register to sign with: no shared secret, and not ``none`` (RFC 8414 section 2)."""


def _on_curve() -> Keys:
    private = ec.generate_private_key(ec.SECP256R1())
    return Keys("ES256", KID, private, private.public_key())


def _rsa() -> Keys:
    pair = made_rsa()
    return Keys("PS256", KID, pair.signing, pair.verifying)


MAKERS: Mapping[str, Callable[[], Keys]] = {"ES256": _on_curve, "PS256": _rsa}


@cache
def _pair(alg: str) -> Keys:
    """The key pair of this process for one algorithm, which replicas share."""
    return MAKERS[alg]()


def public_half(alg: str = "ES256") -> Keys:
    """What the server knows: nothing to sign with."""
    pair = _pair(alg)
    return Keys(pair.alg, pair.kid, None, pair.verifying)


def private_half(key: Keys) -> str:
    """What the client has, in PEM, for the description."""
    return private_pem(_pair(key.alg))
