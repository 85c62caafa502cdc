"""Encrypted tokens where signed ones are expected: whoever knows the public key can make them.

Sources: 8725bis sections 2.3 and 3.3, CVE-2022-3102, CVE-2023-51774.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.attacks import jwe
from conformance.attacks.material import Forgery, Material

KEPT = ("kid", "typ")
"""Members of the genuine header that stay, so that the look-up of the key and the test of the kind go on."""

ALGORITHMS = {"RSA": ("RSA-OAEP", "RSA-OAEP-256"), "EC": ("ECDH-ES",)}


def encrypted_instead(m: Material) -> Iterator[Forgery]:
    """The changed claims, encrypted to the public key that verifies signatures: a decryption proves nothing."""
    if m.key is None:
        return
    header = {name: m.genuine.header[name] for name in KEPT if name in m.genuine.header}
    for alg in ALGORITHMS.get(m.key.kty, ()):
        raw = jwe.for_public_key(alg, m.key.load(), m.payload, header)
        yield Forgery(f"encrypted with {alg}", raw, f"identity changed, encrypted to the public key with {alg}")


FAMILIES = {"token.jwe.sign-encrypt-confusion": encrypted_instead}
