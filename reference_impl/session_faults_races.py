"""Faults that only show when requests overlap; each loses at a fixed point where it gives way to others."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import ContextVar
from dataclasses import astuple, replace

from starlette.requests import Request

from .accounts import Account, Accounts
from .session_cookie import only_value
from .session_policy import Issue, Life, SessionPolicy, replace_carried
from .session_store import Session, SessionTable
from .session_switch import both, ending, fault, life

PAUSE = 0.02
"""Seconds for which the losing side gives way."""


def _upsert(table: SessionTable, session: Session, now: float, _life: Life) -> bool:
    row = astuple(replace(session, used=now))
    table.db.change("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", *row)
    return True


def _undoes_evictions(policy: SessionPolicy) -> SessionPolicy:
    logged_out: set[str] = set()

    async def logout(table: SessionTable, session: Session, _now: float) -> None:
        logged_out.add(session.digest)
        table.end(session.digest)

    def save(table: SessionTable, session: Session, now: float, life: Life) -> bool:
        return session.digest not in logged_out and _upsert(table, session, now, life)

    return both(life(save=save), ending(logout=logout))(policy)


async def _counted_then_inserted(
    table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int
) -> bool:
    own = table.of(session.sub) if session.sub else []
    await asyncio.sleep(PAUSE if session.sub else 0)
    if len(own) >= limit:
        table.end(own[0].digest)
    return replace_carried(table, who, issue, session, 10**9)


def _busy_not_ended(policy: SessionPolicy) -> SessionPolicy:
    busy: Counter[str] = Counter()

    async def whose(session: Session) -> str | None:
        busy[session.digest] += 1
        await asyncio.sleep(PAUSE)
        busy[session.digest] -= 1
        return session.sub

    async def logout(table: SessionTable, session: Session, _now: float) -> None:
        if not busy[session.digest]:
            table.end(session.digest)

    return both(life(whose=whose), ending(logout=logout))(policy)


async def _issued_whatever_changed(
    table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int
) -> bool:
    await asyncio.sleep(PAUSE if issue.reason == "login" else 0)
    unchecked = replace(issue, account=None)
    return replace_carried(table, who, unchecked, session, limit)


def _swapped(policy: SessionPolicy) -> SessionPolicy:
    pending: dict[str, Account] = {}

    async def issue_pending(table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int) -> bool:
        if issue.reason == "login" and issue.held and issue.account:
            pending[issue.held.digest] = issue.account
            await asyncio.sleep(PAUSE)
            account = pending[issue.held.digest]
            issue, session = replace(issue, account=account), replace(session, sub=account.sub)
        return replace_carried(table, who, issue, session, limit)

    return life(issue=issue_pending)(policy)


def _mixed_up(policy: SessionPolicy) -> SessionPolicy:
    current: list[str | None] = [None]

    async def whose(session: Session) -> str | None:
        current[0] = session.sub
        await asyncio.sleep(PAUSE / 10)
        return current[0]

    return life(whose=whose)(policy)


def _writes_mixed_up(policy: SessionPolicy) -> SessionPolicy:
    method: ContextVar[str] = ContextVar("method", default="")
    current: list[str | None] = [None]
    waiting = [0]

    def read(request: Request, name: str) -> str | None:
        method.set(request.method)
        return only_value(request, name)

    async def whose(session: Session) -> str | None:
        if method.get() != "POST":
            return session.sub
        current[0], waiting[0] = session.sub, waiting[0] + 1
        await asyncio.sleep(10 * PAUSE / waiting[0])
        waiting[0] -= 1
        return current[0]

    return life(read=read, whose=whose)(policy)


_WATCH = (
    "CREATE TEMP TABLE IF NOT EXISTS ended_here (digest TEXT PRIMARY KEY)",
    """CREATE TEMP TRIGGER IF NOT EXISTS watch AFTER DELETE ON sessions
       BEGIN INSERT OR IGNORE INTO ended_here VALUES (old.digest); END""",
)


def _cached_by_replica(policy: SessionPolicy) -> SessionPolicy:
    cache: dict[str, Session] = {}

    def find(table: SessionTable, digest: str) -> Session | None:
        for sql in _WATCH:
            table.db.change(sql)
        found = table.find(digest)
        if found and found.sub:
            cache[digest] = found
        ended_here = table.db.row("SELECT 1 FROM ended_here WHERE digest = ?", digest)
        return found or (None if ended_here else cache.get(digest))

    def save(table: SessionTable, session: Session, now: float, _life: Life) -> bool:
        return table.touch(session.digest, now) or find(table, session.digest) is not None

    return life(find=find, save=save)(policy)


FAULTS = (
    fault("late-save-resurrects", "session.race.logout-inflight", "7.4.1 CWE-362",
          "A request that was under way at logout writes the session back.", life(save=_upsert)),
    fault("late-set-cookie", "session.race.setcookie-after-logout", "7.4.1 CWE-362",
          "A request that was under way at logout writes the session back and sets its cookie again.",
          life(save=_upsert, renews=lambda *_: True)),
    fault("late-save-undoes-eviction", "lifecycle.model", "7.4.3 7.4.5 CWE-362",
          "A request under way writes back a session that anything but its own logout has ended.", _undoes_evictions),
    fault("busy-session-survives-logout", "session.race.logout-storm", "7.4.1 CWE-362",
          "Logout spares a session that is in use at that moment.", _busy_not_ended),
    fault("double-login-swaps", "session.race.double-login", "7.2.4 CWE-362",
          "Two logins over one anonymous session both become the later user.", _swapped),
    fault("pwchange-race", "session.race.pwchange", "7.4.3 CWE-367",
          "A login whose password was checked before a change gets its session after it.",
          life(issue=_issued_whatever_changed)),
    fault("principal-mixup-under-load", "session.mixup.load", "7.2.1 CWE-488",
          "The current user is a global variable.", _mixed_up),
    fault("writes-mixed-up", "session.race.lost-update", "7.2.1 15.4.1 CWE-362",
          "A change is written for the user who asked for one last.", _writes_mixed_up),
    fault("limit-race", "session.limit.race", "7.1.2 CWE-367",
          "Sessions are counted first and inserted later.", life(issue=_counted_then_inserted)),
    fault("logout-local-only", "session.logout.replica", "7.4.1 CWE-613",
          "Each replica goes on accepting the sessions that it has seen.", _cached_by_replica),
)  # fmt: skip
"""Order that nobody enforced."""
