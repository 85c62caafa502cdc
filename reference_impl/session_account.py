"""What an account's owner may do in a session: the endpoints behind the login."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .accounts import NameTaken, normal
from .passwords import WeakPassword
from .session_admin import Administration
from .session_gate import Gate
from .session_server import Call, SessionServer
from .web import Refused, text

NOTES = "CREATE TABLE IF NOT EXISTS notes (sub TEXT PRIMARY KEY, note TEXT NOT NULL)"
LONGEST_NAME = 64
ELEVATED = 300.0
"""Seconds for which a step-up counts."""


class AccountPages:
    """The endpoints; each takes a :class:`Call`, so it never meets a stranger or a forged request."""

    def __init__(self, server: SessionServer) -> None:
        self.server, self.policy, self.style = server, server.policy, server.style
        self.db, self.accounts, self.sessions, self.table = server.db, server.accounts, server.sessions, server.table
        self.admin = Administration(self.policy, self.table, self.accounts)
        self.gate = Gate()
        self.db.change(NOTES)

    async def me(self, call: Call) -> Response:
        """Who is logged in."""
        return self.style.who(call.account, self.server.token(call.held))

    async def register(self, request: Request) -> Response:
        """Create an account; logging in to it is a second step."""
        fields = await self.server.guarded(request, self.sessions.held(request))
        email = text(fields, "email", 320) if "email" in fields else ""
        if not 1 <= len(normal(text(fields, "user"))) <= LONGEST_NAME:
            raise Refused(422, f"a name has 1 to {LONGEST_NAME} characters")
        try:
            account = self.accounts.register(text(fields, "user"), text(fields, "password"), email)
        except NameTaken:
            raise Refused(409, "this name is taken") from None
        except WeakPassword as exc:
            raise Refused(422, str(exc)) from None
        return self.style.done({"id": account.sub}, "/login", 201)

    async def change_password(self, call: Call) -> Response:
        """A new password for the current one; other sessions end unless the user keeps them (7.4.3)."""
        await self.server.confirm(call, self.policy.proof.change_password, "current")
        with self.db.transaction():
            try:
                changed = self.accounts.set_password(call.account, text(call.fields, "new"))
            except WeakPassword as exc:
                raise Refused(422, str(exc)) from None
            if changed and call.fields.get("end_others", True) not in (False, "false"):
                self.policy.ending.others(self.table, call.account.sub, call.held.session.digest)
        account = self.accounts.find(call.account.sub)
        return await self.server.renewed(call, account) if changed and account else self.style.stranger(call.request)

    async def read_email(self, call: Call) -> Response:
        """The caller's address."""
        return self.style.email(call.account.email)

    async def change_email(self, call: Call) -> Response:
        """A new address; recovery goes there, so it asks for the password (7.5.1)."""
        await self.server.confirm(call, self.policy.proof.change_email and self.server.stale(call))
        self.accounts.set_email(call.account.sub, text(call.fields, "email", 320))
        return self.style.done({}, "/me", 200)

    async def delete_account(self, call: Call) -> Response:
        """Delete the account with its sessions and its note."""
        await self.server.confirm(call)
        self.admin.delete(call.account.sub)
        self.db.change("DELETE FROM notes WHERE sub = ?", call.account.sub)
        return self.sessions.take(self.style.done({}, "/login", 200))

    async def list_sessions(self, call: Call) -> Response:
        """The caller's live sessions, by handle; ids are never shown (7.5.2)."""
        now, life = self.server.clock.now(), self.policy.life
        own = [s for s in life.own(self.table, call.account.sub) if life.alive(s, now, life)]
        current = call.held.session.digest
        rows = [{"handle": s.handle, "born": s.born, "used": s.used, "label": s.label,
                 "current": s.digest == current} for s in own]  # fmt: skip
        return self.style.sessions(rows)

    async def revoke(self, call: Call) -> Response:
        """End one of the caller's sessions; a handle of somebody else does not exist here."""
        await self.server.confirm(call, self.policy.proof.revoke and self.server.stale(call))
        handle = call.request.path_params["handle"]
        if not self.policy.ending.revoke(self.table, call.account.sub, handle):
            raise Refused(404, "no such session")
        return self.style.done({}, "/sessions", 200)

    async def read_note(self, call: Call) -> Response:
        """The caller's note."""
        row = self.db.row("SELECT note FROM notes WHERE sub = ?", call.account.sub)
        return self.style.note(row[0] if row else "")

    async def write_note(self, call: Call) -> Response:
        """Replace the caller's note."""
        note = text(call.fields, "note")
        self.db.change("INSERT OR REPLACE INTO notes VALUES (?, ?)", call.account.sub, note)
        return self.style.done({"note": note}, "/note", 200)

    async def vault(self, call: Call) -> Response:
        """Only after a step-up within the last five minutes (7.5.3)."""
        if self.server.clock.now() >= call.held.session.elevated + ELEVATED:
            raise Refused(403, "confirm your password first")
        return self.style.who(call.account, self.server.token(call.held))

    async def slow(self, call: Call) -> Response:
        """The same as ``/me``, after being held at the gate: for tests that need a request in flight."""
        await self.gate.hold(call.request.query_params.get("hold", ""))
        return await self.me(call)

    # Administration

    async def office(self, call: Call) -> Response:
        """A page for administrators."""
        self.admin.only(self.policy.role(call.held.session, call.account))
        return self.style.who(call.account, self.server.token(call.held))

    async def administer(self, call: Call) -> Response:
        """Disable, enable, delete an account, or end its sessions (7.4.2, 7.4.5)."""
        self.admin.only(self.policy.role(call.held.session, call.account))
        self.admin.act(call.request.path_params["act"], call.request.path_params["name"])
        return self.style.done({}, "/me", 200)

    async def end_everyone(self, call: Call) -> Response:
        """End every session of everybody (7.4.5)."""
        self.admin.only(self.policy.role(call.held.session, call.account))
        self.table.end_everyone()
        return self.sessions.take(self.style.done({}, "/login", 200))
