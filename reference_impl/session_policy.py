"""What a session server decides, as frozen values and small functions; the defaults are right.

A fault or a variant replaces one member, the server itself stays as it is.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from .accounts import Account, AccountPolicy, Accounts
from .session_cookie import Cookie, only_value, safe_next
from .session_guard import PUBLIC_ORIGIN, Guard
from .session_json import JSON_STYLE, Style
from .session_recovery import Recovery
from .session_store import Session, SessionTable
from .web import HEADERS


@dataclass(frozen=True, slots=True)
class Issue:
    """An occasion on which a session id is issued."""

    reason: str
    """``anonymous``, ``login``, or ``again`` for step-up and password change."""
    account: Account | None
    """Who authenticated, or None for a session before login."""
    carried: str | None = field(repr=False)
    """The value that the request carried, whatever it is worth."""
    held: Session | None
    """The live session behind that value, if any."""
    now: float
    source: str
    agent: str


def random_id(_issue: Issue) -> str:
    """256 bits from the operating system (ASVS-v5.0.0-7.2.3); nothing that anyone knew before is ever an id."""
    return secrets.token_urlsafe(32)


def sha256(value: str) -> str:
    """What is stored instead of the id."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def replace_carried(table: SessionTable, accounts: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    """Start a session and end the carried one, whoever owns it, in one transaction.

    False, and nothing changes, when the account changed since its password was checked (a login that races a
    password change must not outlive it), or when the session to continue ended meanwhile.
    """
    with table.db.transaction():
        if issue.account is not None and accounts.find(issue.account.sub) != issue.account:
            return False
        ended = issue.held is not None and table.end(issue.held.digest)
        if issue.reason == "again" and not ended:
            return False
        table.insert(session, limit)
        return True


async def issue_at_once(table: SessionTable, accounts: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    """:func:`replace_carried` without giving way to other requests."""
    return replace_carried(table, accounts, issue, session, limit)


def within_limits(session: Session, now: float, life: Life) -> bool:
    """Both timeouts, measured at the server (ASVS-v5.0.0-7.3.1, 7.3.2)."""
    return now < session.used + life.idle and now < session.born + life.absolute


def usable(account: Account | None) -> bool:
    """Whether a session may act for the account that it names (ASVS-v5.0.0-7.4.2)."""
    return account is not None and account.enabled


async def whose(session: Session) -> str | None:
    """The subject that a session acts for."""
    return session.sub


async def authenticate(accounts: Accounts, user: object, password: object, source: str) -> Account | None:
    """The account that a name and a password prove, both of which must be strings."""
    if not isinstance(user, str) or not isinstance(password, str):
        return None
    return await accounts.authenticate(user, password, source)


async def end_this(table: SessionTable, session: Session, _now: float) -> None:
    """Logout: the server forgets, whatever the browser does with its cookie (ASVS-v5.0.0-7.4.1)."""
    table.end(session.digest)


@dataclass(frozen=True, slots=True)
class Life:
    """How a session is born, found and kept."""

    idle: float = 15 * 60
    absolute: float = 12 * 3600
    max_sessions: int = 100
    """Sessions that one user may have at a time; the oldest gives way (ASVS-v5.0.0-7.1.2)."""
    new_id: Callable[[Issue], str] = random_id
    new_handle: Callable[[str], str] = lambda _id: secrets.token_urlsafe(12)
    digest: Callable[[str], str] = sha256
    issue: Callable[[SessionTable, Accounts, Issue, Session, int], Awaitable[bool]] = issue_at_once
    read: Callable[[Request, str], str | None] = only_value
    find: Callable[[SessionTable, str], Session | None] = lambda table, digest: table.find(digest)
    alive: Callable[[Session, float, Life], bool] = within_limits
    bury: Callable[[SessionTable, Session], object] = lambda table, session: table.end(session.digest)
    """What becomes of an expired session that is presented. Death is final, even if the clock goes back."""
    purge: Callable[[SessionTable, float, Life], None] = lambda table, now, life: table.purge(
        now, life.idle, life.absolute
    )
    save: Callable[[SessionTable, Session, float, Life], bool] = lambda table, session, now, _life: table.touch(
        session.digest, now
    )
    """Notes a successful use; False when the session ended meanwhile."""
    renews: Callable[[Session, float, Life], bool] = lambda _session, _now, _life: False
    """Whether the answer to a use sets the cookie again."""
    whose: Callable[[Session], Awaitable[str | None]] = whose
    own: Callable[[SessionTable, str], list[Session]] = lambda table, sub: table.of(sub)
    """The sessions that the owner's list shows."""
    usable: Callable[[Account | None], bool] = usable


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends when; each takes effect before the answer is sent."""

    logout: Callable[[SessionTable, Session, float], Awaitable[None]] = end_this
    nothing: Callable[[], None] = lambda: None
    """Logout without a live session: harmless."""
    everywhere: Callable[[SessionTable, str, float], None] = lambda table, sub, _now: table.end_user(sub)
    others: Callable[[SessionTable, str, str], None] = lambda table, sub, but: table.end_user(sub, but)
    """At a password change, unless the user keeps them (ASVS-v5.0.0-7.4.3)."""
    revoke: Callable[[SessionTable, str, str], bool] = lambda table, sub, handle: table.end_handle(sub, handle)
    disabled: Callable[[SessionTable, str], None] = lambda table, sub: table.end_user(sub)
    deleted: Callable[[SessionTable, str], None] = lambda table, sub: table.end_user(sub)
    by_admin: Callable[[SessionTable, str], None] = lambda table, sub: table.end_user(sub)
    delete_account: Callable[[Accounts, str], None] = lambda accounts, sub: accounts.delete(sub)
    failed_login: Callable[[SessionTable, Accounts, str, Session | None], None] = lambda *_: None
    """What a failed login changes: nothing."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Which acts ask for the password, though a session lives (ASVS-v5.0.0-7.5.1, 7.5.2, 6.2.3)."""

    change_password: bool = True
    change_email: bool = True
    revoke: bool = True
    fresh: float = 0.0
    """Seconds after a login in which the address and the list do not ask again; a new password always does."""


@dataclass(frozen=True, slots=True)
class Surface:
    """What the client sees."""

    style: Style = JSON_STYLE
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    cookie: Cookie = field(default_factory=Cookie)
    renewed: Cookie | None = None
    """How the cookie looks when it is set again; None for the same."""
    deletion: Callable[[Cookie], str | None] = lambda cookie: cookie.deleted()
    clear_site_data: str | None = '"cache", "cookies", "storage"'
    logged_in: Callable[[Response, str, Account, Cookie], None] = lambda _response, _id, _account, _cookie: None
    """A last touch to the answer of a login."""
    next_path: Callable[[object, str], str] = safe_next
    failed_login: Callable[[Accounts, str], str] = lambda _accounts, _user: "the name or the password is wrong"
    """The same words for an unknown name and for a wrong password."""
    client_headers: Mapping[str, str] = field(default_factory=lambda: {"Origin": "{origin}"})
    """What a script in our own page would send with each request, for the description."""
    wrap: tuple[Callable[[ASGIApp], ASGIApp], ...] = ()
    """Middleware around the whole server, innermost first."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Everything together."""

    life: Life = field(default_factory=Life)
    ending: Ending = field(default_factory=Ending)
    guard: Guard = field(default_factory=Guard)
    proof: Proof = field(default_factory=Proof)
    surface: Surface = field(default_factory=Surface)
    accounts: AccountPolicy = field(default_factory=AccountPolicy)
    authenticate: Callable[[Accounts, object, object, str], Awaitable[Account | None]] = authenticate
    recovery: Recovery = field(default_factory=Recovery)
    role: Callable[[Session, Account], str] = lambda _session, account: account.role
    """Which role a session acts with: the one that its user has at this moment (ASVS-v5.0.0-8.3.2)."""
    binding: tuple[str, ...] = ()
    """What of its client a session is bound to, for the description."""
    public_origin: str = PUBLIC_ORIGIN
