"""What an administrator may do to the accounts and sessions of others (ASVS-v5.0.0-7.4.2, 7.4.5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .accounts import Accounts
from .session_policy import SessionPolicy
from .session_store import SessionTable
from .web import Refused


class Administration:
    """Acts by account name; each account change and the end of its sessions are one transaction."""

    def __init__(self, policy: SessionPolicy, table: SessionTable, accounts: Accounts) -> None:
        self._ending, self._table, self._accounts = policy.ending, table, accounts
        self._acts: dict[str, Callable[[str], None]] = {
            "disable": self.disable,
            "enable": self.enable,
            "delete": self.delete,
            "end-sessions": self.end_sessions,
            "grant-role": partial(self.give_role, "admin"),
            "revoke-role": partial(self.give_role, "user"),
        }

    def only(self, role: str) -> None:
        """Refuse everybody else.

        Raises:
            Refused: 403.
        """
        if role != "admin":
            raise Refused(403, "only for administrators")

    def act(self, act: str, name: str) -> None:
        """Do ``disable``, ``enable``, ``delete``, ``end-sessions``, ``grant-role`` or ``revoke-role``.

        Raises:
            Refused: 404 for an unknown act or account.
        """
        account = self._accounts.named(name)
        if act not in self._acts or account is None:
            raise Refused(404, "no such thing here")
        self._acts[act](account.sub)

    def give_role(self, role: str, sub: str) -> None:
        """Another role, which counts from now on."""
        self._accounts.set_role(sub, role)

    def disable(self, sub: str) -> None:
        """No login any more, and the sessions end; they stay ended."""
        with self._table.db.transaction():
            self._accounts.set_enabled(sub, False)
            self._ending.disabled(self._table, sub)

    def enable(self, sub: str) -> None:
        """Login works again; nothing that died comes back."""
        self._accounts.set_enabled(sub, True)

    def delete(self, sub: str) -> None:
        """The account and its sessions are gone."""
        with self._table.db.transaction():
            self._ending.deleted(self._table, sub)
            self._ending.delete_account(self._accounts, sub)

    def end_sessions(self, sub: str) -> None:
        """Whoever is logged in to the account is out."""
        self._ending.by_admin(self._table, sub)
