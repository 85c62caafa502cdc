"""The forge: for each check id, the tokens that it sends, most often accepted first.

Everything is built from a genuine token at the level of bytes and JSON text. The families stand in ``families``:
what nobody signed, other spellings, algorithm confusion, injected keys, and well-signed tokens with wrong content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from conformance.attacks.families import (
    confusion,
    contents,
    encryption,
    headers,
    injection,
    minted,
    signature,
    spelling,
)
from conformance.attacks.families.minted import control, impersonation
from conformance.attacks.material import (
    Forgery,
    Material,
    SigningKey,
    Swap,
    claims_for,
    identity_swap,
    material,
)

__all__ = [
    "FAMILIES",
    "MINTED",
    "Forgery",
    "Material",
    "SigningKey",
    "Swap",
    "claims_for",
    "control",
    "identity_swap",
    "impersonation",
    "material",
]

Family = Callable[[Material], Iterator[Forgery]]


def _distinct(family: Family) -> Family:
    """The family without members that equal a genuine token or an earlier member on the wire."""

    def distinct(m: Material) -> Iterator[Forgery]:
        seen = {token.raw.encode() for token in (m.genuine, m.second, m.other) if token}
        for forgery in family(m):
            if forgery.wire not in seen:
                seen.add(forgery.wire)
                yield forgery

    return distinct


FAMILIES: dict[str, Family] = {
    check_id: _distinct(family)
    for module in (signature, spelling, confusion, injection, encryption, minted, headers, contents)
    for check_id, family in module.FAMILIES.items()
}
"""Check id to family. A family yields nothing where the material lacks what it needs."""

MINTED = frozenset({**minted.FAMILIES, **headers.FAMILIES, **contents.FAMILIES})
"""Check ids that need ``Material.signing``."""
