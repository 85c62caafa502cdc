"""The browser's session at the authorization server: the session server's, and what its end means for grants.

Whoever ends a session ends what was granted in it. A session that merely expires does not: the user logs in again,
and grants have limits of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from . import oauth_pages as pages
from .accounts import Account, Accounts
from .clock import Clock
from .oauth_grants import Grant, Grants, end_of_session, end_of_user, move_session
from .session_account import AccountPages
from .session_cookie import safe_next
from .session_guard import Guard
from .session_json import JSON_STYLE
from .session_policy import Ending, Issue, Life, SessionPolicy, Surface, replace_carried
from .session_server import Call, SessionServer
from .session_store import Session, SessionTable
from .store import Database
from .web import FORM, Refused

if TYPE_CHECKING:
    from .oauth_policy import OAuthPolicy

ISSUER = "https://oauth.reference.example"
FAILED = "the name or the password is wrong"
"""The same words for both (ASVS-v5.0.0-6.3.8)."""


async def begin(table: SessionTable, accounts: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    """A login over a session ends it. Its grants go on only if the same user authenticated again."""
    with table.db.transaction():
        begun = replace_carried(table, accounts, issue, session, limit)
        if begun and issue.held is not None and issue.held.sub is not None:
            _follow(table.db, issue.held, session)
        return begun


def _follow(db: Database, before: Session, after: Session) -> None:
    if before.sub == after.sub:
        move_session(db, before.handle, after.handle)
    else:
        end_of_session(db, before.handle)


async def logout(table: SessionTable, session: Session, _now: float) -> None:
    """The session and everything that was granted in it (RFC 9700 section 4.14.2)."""
    with table.db.transaction():
        table.end(session.digest)
        end_of_session(table.db, session.handle)


def everywhere(table: SessionTable, sub: str, but: str = "") -> None:
    """Every session of a user but one, and every grant; called inside a transaction or on its own."""
    with table.db.transaction():
        table.end_user(sub, but)
        end_of_user(table.db, sub)


def session_policy() -> SessionPolicy:
    """How the browser's session differs from that of the session server."""
    return SessionPolicy(
        # Whoever allows many clients much logs in often.
        life=Life(issue=begin, max_sessions=400),
        ending=Ending(logout=logout, others=everywhere, disabled=everywhere, deleted=everywhere, by_admin=everywhere),
        guard=Guard(types=(FORM,)),
        surface=Surface(style=pages.STYLE, next_path=lambda target, _otherwise: safe_next(target, "/account")),
        public_origin=ISSUER,
    )


def for_scripts(policy: SessionPolicy) -> SessionPolicy:
    """The same sessions for JSON endpoints: the content type and the exact origin are the defence."""
    guard, surface = Guard(same_origin=policy.guard.same_origin, token_ok=None), policy.surface
    return replace(policy, guard=guard, surface=replace(surface, style=JSON_STYLE))


class BrowserPages:
    """What a user sees and does here with a browser, besides consent."""

    def __init__(self, policy: OAuthPolicy, clock: Clock, db: Database, accounts: Accounts) -> None:
        self.policy, self.clock, self.grants = policy, clock, Grants(db)
        self.forms = SessionServer(policy.browser, clock, db, accounts)
        self.scripts = SessionServer(for_scripts(policy.browser), clock, db, accounts)
        self.own, self.remote = AccountPages(self.forms), AccountPages(self.scripts)

    async def start(self, _request: Request) -> Response:
        """A page for people who open the address."""
        return pages.start_page()

    async def login_form(self, request: Request) -> Response:
        """The login form, and a session to bind its token to for who has none yet."""
        server = self.forms
        held, guard = server.sessions.held(request), server.policy.guard
        target = request.query_params.get("next")
        if held is not None:
            return pages.login_page(server.token(held), target)
        value = await server.sessions.begin(request, None, None, "anonymous")
        response = pages.login_page(guard.token(value or "", None), target)
        return server.sessions.give(response, value) if value is not None else response

    async def login(self, request: Request) -> Response:
        """Log in and go on; a failure shows the form again."""
        server = self.forms
        held, response = server.sessions.held(request), await server.login(request)
        if held is None or response.status_code != server.style.failed_login_status:
            return response
        return pages.login_page(server.token(held), request.query_params.get("next"), FAILED)

    async def grants_page(self, call: Call) -> Response:
        """Every application that has access (ASVS-v5.0.0-10.7.2)."""
        return pages.grants_page(self.granted(call.account), self.forms.token(call.held))

    async def withdraw(self, call: Call) -> Response:
        """Access is gone at once."""
        client = call.request.path_params["client"]
        if all(grant.client != client for grant in self.granted(call.account)):
            raise Refused(404, "this application has no access")
        self.policy.withdraw(self.grants.db, call.account.sub, client)
        return self.forms.style.done({}, "/grants", 200)

    def granted(self, account: Account) -> list[Grant]:
        """What a user granted and has not taken back; a grant is over when its refresh tokens would be."""
        return self.grants.of(account.sub, self.clock.now() - self.policy.refresh.rules.absolute)
