"""Tokens under every name that an algorithm has, registered or private, with a signature that none of them made.

Sources: RFC 8725 section 3.1, RFC 7515 section 4.1.1, the registry of RFC 7518 section 7.1 and what was added since.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.attacks import jwt
from conformance.attacks.material import Forgery, Material

SIGNING = (
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "ES256K", "EdDSA", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "RS1",
)  # fmt: skip
"""For signatures."""
ENCRYPTING = ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "A128KW", "dir", "ECDH-ES", "A128GCMKW", "PBES2-HS256+A128KW")
"""For keys of encrypted tokens: no signature is made by them."""
PRIVATE = ("HS1", "MD5", "SHA256", "plain", "default", "auto", "null", "false", "0", "pickproof", "RS256,none")
"""Registered nowhere."""


def registered(m: Material) -> Iterator[Forgery]:
    """The changed identity under each other name, with the genuine signature."""
    for name in (*SIGNING, *ENCRYPTING, *PRIVATE):
        if name != m.genuine.alg:
            token = jwt.compact(m.header({"alg": name}), m.payload, m.genuine.signature)
            yield Forgery(f"alg {name}", token, f"alg is {name}, identity changed, genuine signature kept")


FAMILIES = {"token.alg.registry": registered}
