"""Faults of rights that were taken away."""

from __future__ import annotations

from .accounts import Account
from .token_life import Grant
from .token_switch import Change, fault, fresh, whole


def _as_it_was() -> Change:
    """The role is that of the moment when the token first asked for it, as if it stood in there."""
    seen: dict[str, str] = {}

    def role(grant: Grant, account: Account) -> str:
        return seen.setdefault(grant.name, account.role)

    return whole(role=role)


FAULTS = (
    fault("role-kept-in-token", "token.role.recheck", "8.3.2 CWE-863",
          "A token keeps the role that its user had when it was first shown.", fresh(_as_it_was)),
)  # fmt: skip
"""Primary killers are rows of the group Claims of the catalogue."""
