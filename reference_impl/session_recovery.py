"""A new password for somebody who forgot the old one (ASVS-v5.0.0-6.4.3, 7.4.3).

The link is random, stored as a digest, good for one use and a quarter of an hour. It goes to the address on file, and
the answer is the same whether such an account exists. Nobody is logged in by it: the new password is for that. Every
session of the account ends, since whoever forgot a password cannot tell who else has it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from .accounts import normal
from .families import sha256
from .passwords import WeakPassword
from .session_guard import Held
from .session_store import SessionTable
from .store import Database
from .web import Refused, answer, text

if TYPE_CHECKING:
    from .session_server import SessionServer

TABLE = "CREATE TABLE IF NOT EXISTS recoveries (digest TEXT PRIMARY KEY, sub TEXT NOT NULL, born REAL NOT NULL)"
LIFETIME = 900.0
"""Seconds for which a link is good."""


def spend(db: Database, digest: str, after: float) -> str | None:
    """The subject of a link, which is gone with it: of two that present it at once, one gets an answer."""
    row = db.row("DELETE FROM recoveries WHERE digest = ? AND born > ? RETURNING sub", digest, after)
    return str(row[0]) if row else None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What recovery decides; the defaults are right."""

    asked: Callable[[SessionTable, Held | None, str], None] = lambda *_: None
    """``(sessions, session that asks, subject)``: what the question changes in the session: nothing."""
    spend: Callable[[Database, str, float], str | None] = spend
    recovered: Callable[[SessionTable, str], None] = lambda table, sub: table.end_user(sub)
    """What ends with the old password."""


class RecoveryPages:
    """The endpoints for strangers; ``mailbox`` stands for the mail server of a test."""

    def __init__(self, server: SessionServer) -> None:
        self.server, self.policy = server, server.policy.recovery
        self.db, self.accounts = server.db, server.accounts
        self.mails: dict[str, str] = {}
        self.db.change(TABLE)

    async def ask(self, request: Request) -> Response:
        """Send a link to the account's address, if there is such an account."""
        held = self.server.sessions.held(request)
        fields = await self.server.guarded(request, held)
        account, value = self.accounts.named(text(fields, "user")), secrets.token_urlsafe(32)
        if account is not None and account.enabled:
            self.db.change("INSERT INTO recoveries VALUES (?, ?, ?)", sha256(value), account.sub, self._now())
            self.policy.asked(self.server.table, held, account.sub)
            self.mails[account.name] = value
        return self.server.style.done({}, "/login", 200)

    async def reset(self, request: Request) -> Response:
        """A new password for a link; whoever has one proves it by logging in."""
        fields = await self.server.guarded(request, self.server.sessions.held(request))
        with self.db.transaction():
            sub = self.policy.spend(self.db, sha256(text(fields, "token")), self._now() - LIFETIME)
            account = self.accounts.find(sub) if sub else None
            if account is None or not account.enabled:
                raise Refused(400, "this link is not valid any more")
            try:
                self.accounts.set_password(account, text(fields, "new"))
            except WeakPassword as exc:
                raise Refused(422, str(exc)) from None
            self.policy.recovered(self.server.table, account.sub)
        return self.server.style.done({}, "/login", 200)

    async def mailbox(self, request: Request) -> Response:
        """The latest link that was sent to a name. A test needs it, a product does not: leave it out of a copy."""
        sent = self.mails.get(normal(request.path_params["name"]))
        return answer({"token": sent}, 200 if sent else 404)

    def _now(self) -> float:
        return self.server.clock.now()
