"""Faults of issuing: ids that survive a login, are taken over from the client, or reach the wrong user."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request

from .accounts import Accounts
from .session_cookie import only_value
from .session_policy import Issue, SessionPolicy, random_id, replace_carried, sha256
from .session_store import Session, SessionTable
from .session_switch import both, ending, fault, life


def kept_at_login(issue: Issue) -> str:
    """The id that the browser had, where nobody was logged in by it."""
    anonymous = issue.reason == "login" and issue.held is not None and issue.held.sub is None
    return issue.carried if anonymous and issue.carried else random_id(issue)


def _adopting_unknown(policy: SessionPolicy) -> SessionPolicy:
    adopted: set[str] = set()

    def new_id(issue: Issue) -> str:
        if issue.carried and (issue.held is None or issue.carried in adopted):
            adopted.add(issue.carried)
            return issue.carried
        return random_id(issue)

    return life(new_id=new_id)(policy)


def _adopting_logged_out(policy: SessionPolicy) -> SessionPolicy:
    logged_out: set[str] = set()

    async def logout(table: SessionTable, session: Session, _now: float) -> None:
        logged_out.add(session.digest)
        table.end(session.digest)

    def new_id(issue: Issue) -> str:
        return issue.carried if issue.carried and sha256(issue.carried) in logged_out else random_id(issue)

    return both(ending(logout=logout), life(new_id=new_id))(policy)


def _foreign_kept(issue: Issue) -> str:
    foreign = issue.held and issue.account and issue.held.sub not in (None, issue.account.sub)
    return issue.carried if foreign and issue.carried else random_id(issue)


async def _both_ids_authenticated(
    table: SessionTable, accounts: Accounts, issue: Issue, session: Session, limit: int
) -> bool:
    anonymous = issue.held if issue.held and issue.held.sub is None else None
    if anonymous:
        issue = replace(issue, held=None)
        table.db.change("UPDATE sessions SET sub = ? WHERE digest = ?", session.sub, anonymous.digest)
    return replace_carried(table, accounts, issue, session, limit)


async def _carried_user_stays(
    table: SessionTable, accounts: Accounts, issue: Issue, session: Session, limit: int
) -> bool:
    sub = (issue.held and issue.held.sub) or session.sub
    return replace_carried(table, accounts, issue, replace(session, sub=sub), limit)


async def _old_id_lives(table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    issue = replace(issue, held=None, reason="login") if issue.reason == "again" else issue
    return replace_carried(table, who, issue, session, limit)


async def _foreign_id_lives(table: SessionTable, who: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    foreign = issue.reason == "login" and issue.held is not None and issue.held.sub not in (None, session.sub)
    return replace_carried(table, who, replace(issue, held=None) if foreign else issue, session, limit)


def _failure_binds(table: SessionTable, accounts: Accounts, user: str, held: Session | None) -> None:
    account = accounts.named(user)
    if account and held:
        table.db.change("UPDATE sessions SET sub = ? WHERE digest = ?", account.sub, held.digest)


def _failure_ends(table: SessionTable, accounts: Accounts, user: str, _held: Session | None) -> None:
    account = accounts.named(user)
    if account:
        table.db.change("DELETE FROM sessions WHERE sub = ?", account.sub)


def _from_query_too(request: Request, name: str) -> str | None:
    names = (name, "sid", "session", "session_id", "sessionid", "PHPSESSID", "JSESSIONID")
    return only_value(request, name) or next(filter(None, map(request.query_params.get, names)), None)


FAULTS = (
    fault("keep-id-at-login", "session.issue.rotate-at-login", "7.2.4 WSTG-SESS-03 CWE-384",
          "The id from before the login goes on as the user's.", life(new_id=kept_at_login)),
    fault("adopt-unknown-id", "session.issue.adopt-unknown", "7.2.4 WSTG-SESS-03 CWE-384",
          "An id that the client made up becomes the session's id.", _adopting_unknown),
    fault("adopt-logged-out-id", "session.issue.adopt-after-logout", "7.4.1 7.2.4 CWE-384",
          "The id of an ended session is used again when it is presented at login.", _adopting_logged_out),
    fault("adopt-foreign-id", "session.issue.adopt-foreign", "7.2.4 WSTG-SESS-03 CWE-384",
          "A login over another user's live session takes that id over.", life(new_id=_foreign_kept)),
    fault("old-prelogin-id-lives", "session.issue.old-dies-at-login", "7.2.4 WSTG-SESS-03 CWE-384",
          "Login issues a new id, but the one from before is logged in as well.",
          life(issue=_both_ids_authenticated)),
    fault("failed-login-elevates", "session.issue.fail-no-elevate", "WSTG-SESS-08 CWE-287",
          "A failed login leaves the named user in the session.", ending(failed_login=_failure_binds)),
    fault("failed-login-ends-sessions", "lifecycle.model", "16.5.3 CWE-645",
          "A failed login ends every session of the user whom it names.", ending(failed_login=_failure_ends)),
    fault("relogin-merges", "session.issue.relogin-other", "7.2.4 WSTG-SESS-08 CWE-488",
          "A login as somebody else over a live session goes on acting for the first user.",
          life(issue=_carried_user_stays)),
    fault("relogin-keeps-old", "session.issue.relogin-other", "7.2.4 CWE-613",
          "A login as somebody else gives a new session, and the first user's goes on.", life(issue=_foreign_id_lives)),
    fault("id-accepted-from-query", "session.issue.via-param", "14.2.1 WSTG-SESS-04 CWE-598",
          "The id may also stand in the query.", life(read=_from_query_too)),
    fault("stepup-keeps-id", "session.issue.rotate-at-reauth", "7.2.4 CWE-384",
          "Asking for the password again raises the session under its old id.",
          life(new_id=lambda issue: (issue.reason == "again" and issue.carried) or random_id(issue))),
    fault("stepup-old-id-lives", "session.issue.rotate-at-reauth", "7.2.4 CWE-613",
          "Asking for the password again gives a new id, and the old one goes on.", life(issue=_old_id_lives)),
)  # fmt: skip
"""Ids that anyone knew before, or that name the wrong user."""
