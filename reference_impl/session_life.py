"""Sessions in motion: which one a request holds, how one begins, and what the client is told about it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account, Accounts
from .clock import Clock
from .session_guard import Held
from .session_policy import Issue, SessionPolicy
from .session_store import Session, SessionTable
from .web import agent, source


class Sessions:
    """The life of sessions under a policy."""

    def __init__(self, policy: SessionPolicy, table: SessionTable, accounts: Accounts, clock: Clock) -> None:
        self.policy, self.table, self.accounts, self.clock = policy, table, accounts, clock

    def held(self, request: Request) -> Held | None:
        """The live session, anonymous ones included, whose id the request presents."""
        life = self.policy.life
        value = life.read(request, self.policy.surface.cookie.name)
        session = life.find(self.table, life.digest(value)) if value is not None else None
        if value is None or session is None:
            return None
        if not life.alive(session, self.clock.now(), life):
            life.bury(self.table, session)
            return None
        return Held(value, session)

    async def account(self, held: Held | None) -> Account | None:
        """The account that a session acts for; None before login, and for a disabled or deleted account."""
        sub = await self.policy.life.whose(held.session) if held else None
        account = self.accounts.find(sub) if sub else None
        return account if self.policy.life.usable(account) else None

    async def begin(self, request: Request, held: Held | None, account: Account | None, reason: str) -> str | None:
        """Start a session and end the held one; the new id, or None when a rival was faster."""
        life, now = self.policy.life, self.clock.now()
        carried = life.read(request, self.policy.surface.cookie.name)
        called = agent(request)
        issue = Issue(reason, account, carried, held.session if held else None, now, source(request), called)
        value = life.new_id(issue)
        sub, elevated = (account.sub if account else None), (now if reason == "again" else 0.0)
        session = Session(life.digest(value), life.new_handle(value), sub, now, now, elevated, called)
        life.purge(self.table, now, life)
        return value if await life.issue(self.table, self.accounts, issue, session, life.max_sessions) else None

    def keep(self, held: Held, response: Response) -> bool:
        """Note a successful use, and set the cookie again where the policy renews it.

        False when the session ended while the request was under way: nothing may revive it then.
        """
        life, surface, now = self.policy.life, self.policy.surface, self.clock.now()
        renews = life.renews(held.session, now, life)
        if not life.save(self.table, held.session, now, life):
            return False
        if renews:
            cookie = surface.renewed or surface.cookie
            response.headers.append("set-cookie", cookie.written(held.value))
        return True

    def give(self, response: Response, value: str, again: bool = False) -> Response:
        """Hand a session id to the client, in the cookie and nowhere else."""
        surface = self.policy.surface
        cookie = (surface.renewed or surface.cookie) if again else surface.cookie
        response.headers.append("set-cookie", cookie.written(value))
        return response

    def take(self, response: Response) -> Response:
        """Have the client forget its cookie and what it cached (ASVS-v5.0.0-14.3.1)."""
        surface = self.policy.surface
        deletion = surface.deletion(surface.cookie)
        if deletion is not None:
            response.headers.append("set-cookie", deletion)
        if surface.clear_site_data:
            response.headers["clear-site-data"] = surface.clear_site_data
        return response
