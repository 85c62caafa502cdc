"""Faults of rights that were taken away."""

from __future__ import annotations

from dataclasses import replace

from .accounts import Account
from .session_policy import SessionPolicy
from .session_store import Session
from .session_switch import fault


def _as_it_was(policy: SessionPolicy) -> SessionPolicy:
    """The role is kept in the session when it is first asked for."""
    seen: dict[str, str] = {}

    def role(session: Session, account: Account) -> str:
        return seen.setdefault(session.digest, account.role)

    return replace(policy, role=role)


FAULTS = (
    fault("role-kept-in-session", "session.issue.rotate-at-role-change", "8.3.2 CWE-613",
          "A session keeps the role that its user had when it was first asked for.", _as_it_was),
)  # fmt: skip
"""Primary killers are rows of the group Issuance of the catalogue."""
