"""The heart of the token server: who may call, and every endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account, Accounts, NameTaken
from .clock import Clock
from .passwords import WeakPassword
from .store import Database
from .throttle import Throttled
from .token_claims import AUDIENCE
from .token_guard import Rejected
from .token_keys import Keys
from .token_life import Grant
from .token_policy import TokenPolicy
from .web import Refused, answer, body, source, text

NOTES = "CREATE TABLE IF NOT EXISTS notes (sub TEXT PRIMARY KEY, note TEXT NOT NULL)"


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token was verified and whose account is alive."""

    request: Request
    grant: Grant
    account: Account


Endpoint = Callable[[Call], Awaitable[Response]]


class TokenServer:
    """A policy at work."""

    def __init__(self, policy: TokenPolicy, clock: Clock, db: Database, accounts: Accounts, keys: Keys) -> None:
        self.policy, self.clock, self.db, self.accounts, self.keys = policy, clock, db, accounts, keys
        self.tokens = policy.tokens(policy, db, keys)
        db.change(NOTES)

    # Who may call

    def protected(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Only with a valid token of a live account; every route and method goes through here."""

        async def handler(request: Request) -> Response:
            return await endpoint(await self.called(request))

        return handler

    async def called(self, request: Request) -> Call:
        """The call that a request is.

        Raises:
            Refused: no token, an invalid one, or one that no account stands behind any more.
        """
        carrier = self.policy.carrier
        carrier.allows(request)
        raw = carrier.read(request)
        if raw is None:
            raise carrier.missing()
        try:
            grant = await self.tokens.read(raw, self.clock.now())
            return Call(request, grant, self.behind(grant))
        except Rejected:
            raise carrier.invalid(raw) from None

    def behind(self, grant: Grant) -> Account:
        """The account that a token speaks for.

        Raises:
            Rejected: unknown, disabled, deleted, or of another generation.
        """
        account = self.policy.subject(self.accounts, grant)
        if account is None or not self.policy.revocation.current(account, grant):
            raise Rejected("no live account")
        return account

    # Logging in and out

    async def login(self, request: Request) -> Response:
        """Prove a name and a password; a token for this API, or for the ``resource`` asked for (RFC 8707)."""
        self.policy.carrier.allows(request)
        fields = await body(request)
        audience = text({"resource": AUDIENCE, **fields}, "resource")
        if audience not in self.policy.minting.audiences:
            raise Refused(400, "no such resource")
        account = await self.prove(request, text(fields, "user"), text(fields, "password"))
        if account is None:
            raise Refused(401, "the name or the password is wrong", self.policy.carrier.missing().headers)
        return self.deliver(account, audience)

    async def prove(self, request: Request, name: str, password: str) -> Account | None:
        """Name and password against the accounts, throttled."""
        try:
            return await self.accounts.authenticate(name, password, source(request))
        except Throttled as exc:
            raise Refused(429, "too many attempts", {"retry-after": str(int(exc.seconds) + 1)}) from None

    def deliver(self, account: Account, audience: str = AUDIENCE) -> Response:
        """A fresh token for an account."""
        surface, rules = self.policy.surface, self.policy.rules
        token = self.tokens.issue(account, self.clock.now(), audience)
        data = {"access_token": token, "token_type": "Bearer", "expires_in": surface.expires_in(rules.lifetime)}
        return self.policy.carrier.deliver(surface.login(data, account, self.keys))

    async def logout(self, call: Call) -> Response:
        """End the token; a stateless server can only ask the client to forget it."""
        self.policy.revocation.logout(self.db, self.accounts, call.grant, self.clock.now())
        return self.dismissed()

    async def logout_all(self, call: Call) -> Response:
        """End every token of the caller."""
        self.policy.revocation.everywhere(self.accounts, call.account.sub)
        return self.dismissed()

    def dismissed(self) -> Response:
        """The answer to a logout."""
        response = Response(status_code=204)
        self.policy.carrier.dismiss(response)
        return response

    # The account

    async def register(self, request: Request) -> Response:
        """Create an account; logging in to it is a second step."""
        self.policy.carrier.allows(request)
        fields = await body(request)
        email = text({"email": "", **fields}, "email", 320)
        try:
            account = self.accounts.register(text(fields, "user"), text(fields, "password"), email)
        except NameTaken:
            raise Refused(409, "this name is taken") from None
        except WeakPassword as exc:
            raise Refused(422, str(exc)) from None
        return answer({"id": account.sub}, 201)

    async def change_password(self, call: Call) -> Response:
        """A new password for the current one, and a fresh token: the old ones end, where tokens can end (7.4.3)."""
        fields = await body(call.request)
        if await self.prove(call.request, call.account.name, text(fields, "current")) is None:
            raise Refused(403, "the password is wrong")
        with self.db.transaction():
            try:
                changed = self.accounts.set_password(call.account, text(fields, "new"))
            except WeakPassword as exc:
                raise Refused(422, str(exc)) from None
            if changed:
                self.policy.revocation.password(self.accounts, call.account.sub)
            account = self.accounts.find(call.account.sub)
        if not changed or account is None:
            raise Refused(409, "the account changed meanwhile")
        return self.deliver(account)

    async def me(self, call: Call) -> Response:
        """Who is calling."""
        return answer({"id": call.account.sub, "name": call.account.name, "email": call.account.email})

    async def read_note(self, call: Call) -> Response:
        """The caller's note."""
        owner = self.policy.surface.note_owner(call.account, call.request)
        row = self.db.row("SELECT note FROM notes WHERE sub = ?", owner)
        return answer({"note": row[0] if row else ""})

    async def write_note(self, call: Call) -> Response:
        """Replace the caller's note."""
        note = text(await body(call.request), "note")
        owner = self.policy.surface.note_owner(call.account, call.request)
        self.db.change("INSERT OR REPLACE INTO notes VALUES (?, ?)", owner, note)
        return answer({"note": note})

    async def administer(self, call: Call) -> Response:
        """Disable, enable or delete an account, or end its tokens, where tokens can end (7.4.2, 7.4.5)."""
        self.only_admin(call)
        account = self.accounts.named(call.request.path_params["name"])
        act = self.acts().get(call.request.path_params["act"])
        if account is None or act is None:
            raise Refused(404, "no such thing here")
        with self.db.transaction():
            act(account.sub)
        return Response(status_code=204)

    async def office(self, call: Call) -> Response:
        """A page for administrators."""
        self.only_admin(call)
        return answer({"accounts": "all"})

    def only_admin(self, call: Call) -> None:
        """Refuse everybody else.

        Raises:
            Refused: 403.
        """
        if self.policy.role(call.grant, call.account) != "admin":
            raise Refused(403, "only for administrators")

    def acts(self) -> dict[str, Callable[[str], None]]:
        """What an administrator can do to an account, by name."""
        everywhere = self.policy.revocation.everywhere

        def disable(sub: str) -> None:
            self.accounts.set_enabled(sub, False)
            everywhere(self.accounts, sub)

        def delete(sub: str) -> None:
            self.accounts.delete(sub)
            self.db.change("DELETE FROM notes WHERE sub = ?", sub)

        return {
            "disable": disable,
            "enable": lambda sub: self.accounts.set_enabled(sub, True),
            "delete": delete,
            "grant-role": lambda sub: self.accounts.set_role(sub, "admin"),
            "revoke-role": lambda sub: self.accounts.set_role(sub, "user"),
            **({"end-sessions": lambda sub: everywhere(self.accounts, sub)} if self.policy.revocation.active else {}),
        }

    # For everybody

    async def jwks(self, _request: Request) -> Response:
        """The public key (RFC 7517 section 5). A shared secret is never published."""
        if self.keys.symmetric:
            raise Refused(404, "no such thing here")
        return answer({"keys": [dict(self.policy.surface.publish(self.keys))]})

    async def failed(self, _request: Request, exc: Exception) -> Response:
        """Every refusal, in the server's one way of speaking."""
        if isinstance(exc, Refused):
            return self.policy.surface.problem(exc.status, exc.title, exc.headers)
        status = exc.status_code if isinstance(exc, HTTPException) else 400
        headers: Any = getattr(exc, "headers", None)
        return self.policy.surface.problem(status, "no such thing here", headers)
