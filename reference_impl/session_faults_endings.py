"""Faults of ending: logout, timeouts, limits, the owner's list, and what an administrator does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from math import floor, inf

from .accounts import Account, Accounts
from .session_policy import Issue, Life, SessionPolicy, replace_carried, within_limits
from .session_store import Session, SessionTable
from .session_switch import accounts, both, ending, fault, life, nothing, proof, surface
from .web import Refused


async def _not_ended(_table: SessionTable, _session: Session, _now: float) -> None:
    """The cookie is cleared all the same."""


async def _everyone_ended(table: SessionTable, _session: Session, _now: float) -> None:
    table.end_everyone()


def _crash() -> None:
    raise Refused(500, "internal error")


def _undone_by_login(policy: SessionPolicy) -> SessionPolicy:
    parked: dict[str | None, list[Session]] = {}

    async def logout(table: SessionTable, session: Session, _now: float) -> None:
        parked.setdefault(session.sub, []).append(session)
        table.end(session.digest)

    async def issue_and_unpark(table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int) -> bool:
        if session.sub:
            for old in parked.pop(session.sub, []):
                table.insert(old, limit)
        return replace_carried(table, who, issue, session, limit)

    return both(ending(logout=logout), life(issue=issue_and_unpark))(policy)


def _all_but_oldest(table: SessionTable, sub: str, _now: float) -> None:
    oldest, *_ = table.of(sub)
    table.end_user(sub, oldest.digest)


def _cut_off_by_second(policy: SessionPolicy) -> SessionPolicy:
    cut_off: dict[str | None, float] = {}

    def everywhere(table: SessionTable, sub: str, now: float) -> None:
        table.end_user(sub)
        cut_off[sub] = floor(now) + 2

    def alive(session: Session, now: float, limits: Life) -> bool:
        return session.born >= cut_off.get(session.sub, 0) and within_limits(session, now, limits)

    return both(ending(everywhere=everywhere), life(alive=alive))(policy)


def _exists(table: SessionTable, session: Session, _now: float, _life: Life) -> bool:
    return table.find(session.digest) is not None


def _reborn(table: SessionTable, session: Session, now: float, _life: Life) -> bool:
    sql = "UPDATE sessions SET used = ?, born = ? WHERE digest = ?"
    return table.db.change(sql, now, now, session.digest) == 1


async def _revive_at_login(table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    table.db.change("UPDATE sessions SET used = ? WHERE sub = ?", issue.now, session.sub)
    return replace_carried(table, who, issue, session, limit)


def _any_handle(table: SessionTable, _sub: str, handle: str) -> bool:
    return table.db.change("DELETE FROM sessions WHERE handle = ?", handle) == 1


def _every_handle(table: SessionTable, sub: str, _handle: str) -> bool:
    table.end_user(sub)
    return True


def _one_more(policy: SessionPolicy) -> SessionPolicy:
    return life(max_sessions=policy.life.max_sessions + 1)(policy)


_exists_at_all: Callable[[Account | None], bool] = lambda account: account is not None  # noqa: E731


def _persisted(policy: SessionPolicy) -> SessionPolicy:
    limited = replace(policy.surface.cookie, max_age=int(policy.life.idle))
    return both(life(idle=inf, absolute=inf), surface(cookie=limited))(policy)


LOGOUT = (
    fault("logout-clears-cookie-only", "session.logout.replay", "7.4.1 WSTG-SESS-06 CWE-613",
          "Logout deletes the cookie in the browser and nothing at the server.", ending(logout=_not_ended)),
    fault("logout-undone-by-login", "session.logout.replay-later", "7.4.1 WSTG-SESS-06 CWE-613",
          "The next login of the same user revives the sessions that were logged out.", _undone_by_login),
    fault("logout-keeps-cookie", "session.logout.clears-cookie", "WSTG-SESS-06 CWE-613",
          "Logout leaves the cookie in the browser.", surface(deletion=nothing, clear_site_data=None)),
    fault("logout-kills-everyone", "session.logout.scope", "7.4.1 CWE-613",
          "One logout ends the sessions of all users.", ending(logout=_everyone_ended)),
    fault("logout-twice-500", "session.logout.idempotent", "16.5.3 WSTG-SESS-06 CWE-754",
          "Logout without a live session breaks the server.", ending(nothing=_crash)),
    fault("logout-all-misses-one", "session.logout-all.complete", "7.4.3 7.5.2 CWE-613",
          "Logout everywhere spares the oldest session.", ending(everywhere=_all_but_oldest)),
    fault("logout-all-kills-everyone", "session.logout-all.precise", "7.4.1 CWE-613",
          "Logout everywhere ends the sessions of other users too.",
          ending(everywhere=lambda table, _sub, _now: table.end_everyone())),
    fault("logout-all-second-granular", "session.logout-all.precise", "7.4.1 CWE-613",
          "Logout everywhere cuts off by whole seconds, and so ends sessions begun after it.", _cut_off_by_second),
)  # fmt: skip
TIMEOUTS = (
    fault("no-idle", "session.timeout.idle", "7.3.1 WSTG-SESS-07 CWE-613",
          "An unused session never ends before its absolute limit.", life(idle=inf)),
    fault("no-absolute", "session.timeout.absolute", "7.3.2 WSTG-SESS-07 CWE-613",
          "A session that is kept busy never ends.", life(absolute=inf)),
    fault("absolute-slides", "session.timeout.absolute", "7.3.2 WSTG-SESS-07 CWE-613",
          "Each use starts the absolute limit again.", life(save=_reborn)),
    fault("idle-never-slides", "session.timeout.slide", "7.3.1 CWE-613",
          "Use does not extend the idle time: users are logged out at work.", life(save=_exists)),
    fault("client-side-expiry", "session.timeout.server-side", "7.3.1 7.3.2 WSTG-SESS-07 CWE-602",
          "Only the cookie's Max-Age ends a session.", _persisted),
    fault("expired-revived-by-login", "session.timeout.no-revival", "7.4.1 CWE-613",
          "Expired sessions are kept, and a login of their user makes them fresh.",
          life(issue=_revive_at_login, bury=nothing, purge=nothing)),
)  # fmt: skip
OWNER = (
    fault("pwchange-keeps-others", "session.pwchange.others", "7.4.3 CWE-613",
          "Other sessions outlive a password change that was to end them.", ending(others=nothing)),
    fault("pwchange-no-current", "session.pwchange.needs-current", "6.2.3 CWE-620",
          "The password changes without the current one.", proof(change_password=False)),
    fault("email-no-password", "session.sensitive.reauth", "7.5.1 CWE-306",
          "The e-mail address changes without the password.", proof(change_email=False)),
    fault("list-leaks-ids", "session.list.truth", "7.5.2 CWE-200",
          "The handles in the list are the ids themselves.", life(new_handle=lambda value: value)),
    fault("list-misses-one", "session.list.truth", "7.5.2 CWE-200",
          "The list shows the newest session alone.", life(own=lambda table, sub: table.of(sub)[-1:])),
    fault("list-shows-everyone", "session.list.foreign", "7.5.2 8.2.2 CWE-639",
          "The list shows the sessions of all users.", life(own=lambda table, _sub: table.everyone())),
    fault("revoke-no-password", "session.list.revoke", "7.5.2 CWE-306",
          "A session is revoked without the password.", proof(revoke=False)),
    fault("revoke-kills-all", "session.list.revoke", "7.5.2 CWE-613",
          "Revoking one session ends all of the user's.", ending(revoke=_every_handle)),
    fault("revoke-foreign", "session.list.foreign", "7.5.2 8.2.2 CWE-639",
          "Any user may revoke any handle.", ending(revoke=_any_handle)),
    fault("limit-off-by-one", "session.limit.policy", "7.1.2 WSTG-SESS-11 CWE-193",
          "One session more than declared.", _one_more),
    fault("no-limit", "session.limit.policy", "7.1.2 WSTG-SESS-11 CWE-770",
          "Any number of sessions at a time.", life(max_sessions=10**9)),
)  # fmt: skip
ADMIN = (
    fault("disable-keeps", "session.disable.kills", "7.4.2 CWE-613",
          "A disabled account cannot log in, but its sessions go on.",
          both(ending(disabled=nothing), life(usable=_exists_at_all))),
    fault("enable-revives", "session.disable.kills", "7.4.2 CWE-613",
          "Sessions of a disabled account come back when it is enabled.", ending(disabled=nothing)),
    fault("delete-keeps", "session.delete.kills", "7.4.2 CWE-613",
          "A deleted account cannot log in, but its sessions go on.",
          both(ending(deleted=nothing, delete_account=lambda who, sub: who.set_enabled(sub, False)),
               life(usable=_exists_at_all))),
    fault("recreate-inherits", "session.delete.kills", "7.4.2 10.3.3 CWE-672",
          "Subjects are made from names, and who registers a deleted name gets its sessions.",
          both(ending(deleted=nothing), accounts(new_sub=lambda name: sha256(name.encode()).hexdigest()[:32]))),
    fault("admin-end-keeps", "session.admin.terminate", "7.4.5 CWE-613",
          "An administrator's act to end a user's sessions ends none.", ending(by_admin=nothing)),
)  # fmt: skip

FAULTS = (*LOGOUT, *TIMEOUTS, *OWNER, *ADMIN)
"""Sessions that live on, or die without need."""
