"""Faults of recovery: who is signed in by a question, what lives on, what works twice."""

from __future__ import annotations

from .session_guard import Held
from .session_store import SessionTable
from .session_switch import fault, nothing, recovery
from .store import Database


def _kept_in_the_session(table: SessionTable, held: Held | None, sub: str) -> None:
    """Whose password it is stands where other pages read who is signed in."""
    if held is not None:
        table.db.change("UPDATE sessions SET sub = ? WHERE digest = ?", sub, held.session.digest)


def _never_spent(db: Database, digest: str, after: float) -> str | None:
    row = db.row("SELECT sub FROM recoveries WHERE digest = ? AND born > ?", digest, after)
    return str(row[0]) if row else None


FAULTS = (
    fault("recovery-puzzles", "session.issue.puzzling", "7.2.1 WSTG-SESS-08 CWE-841",
          "Whoever asks for a user's password is that user in the session.", recovery(asked=_kept_in_the_session)),
    fault("recovery-spares-sessions", "session.pwchange.reset", "7.4.3 CWE-613",
          "Sessions live on when the password is set by recovery.", recovery(recovered=nothing)),
    fault("recovery-link-stays", "token.jti.replay", "6.4.3 WSTG-ATHN-09 CWE-294",
          "A link for a new password works until it expires.", recovery(spend=_never_spent)),
)  # fmt: skip
"""Primary killers are rows of the groups Issuance, Termination and Claims of the catalogue."""
