"""Faults of the session id: how it is made, and how it is looked up."""

from __future__ import annotations

import hashlib
import hmac
import json
import posixpath
import secrets
import sqlite3
import uuid
from base64 import urlsafe_b64encode
from itertools import count

from starlette.requests import Request

from .session_cookie import only_value
from .session_policy import Issue, SessionPolicy, random_id, sha256
from .session_store import Session, SessionTable
from .session_switch import fault, life
from .web import Refused


def _sequential(policy: SessionPolicy) -> SessionPolicy:
    numbers = count(secrets.randbits(120) | 1 << 119)
    return life(new_id=lambda _issue: f"{next(numbers):032x}")(policy)


def _hashed_counter(policy: SessionPolicy) -> SessionPolicy:
    numbers = count(1)
    return life(new_id=lambda _issue: hashlib.sha256(str(next(numbers)).encode()).hexdigest())(policy)


def _static_per_user(policy: SessionPolicy) -> SessionPolicy:
    key = secrets.token_bytes(32)

    def new_id(issue: Issue) -> str:
        return hmac.digest(key, issue.account.sub.encode(), "sha256").hex() if issue.account else random_id(issue)

    return life(new_id=new_id)(policy)


def _begins_with_time(issue: Issue) -> str:
    stamp = f"{int(issue.now * 1e6):014x}"
    return stamp + secrets.token_hex(16)


def _of_login_second(issue: Issue) -> str:
    if issue.account is None:
        return random_id(issue)
    what = f"{issue.account.sub}|{int(issue.now)}|{issue.source}|{issue.agent}"
    return hashlib.sha256(what.encode()).hexdigest()


def _embeds_user(issue: Issue) -> str:
    if issue.account is None:
        return random_id(issue)
    shown = {"user": issue.account.name, "n": secrets.token_hex(16)}
    return urlsafe_b64encode(json.dumps(shown).encode()).rstrip(b"=").decode()


def _pasted_into_sql(table: SessionTable, value: str) -> Session | None:
    recent = "SELECT * FROM sessions ORDER BY sub IS NULL, born DESC"
    try:
        row = table.db.row(f"SELECT * FROM ({recent}) WHERE digest = '{value}'")  # noqa: S608
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return None
    return Session(*row) if row else None


def _as_path(value: str) -> str:
    return sha256(posixpath.normpath(value.split("\0")[0].replace("%2f", "/").replace("%2F", "/")).rpartition("/")[2])


_EMPTY = frozenset({"", "null", "undefined", "0", "true", "false", "None", "NaN", "[]", "{}", '""', "[object Object]"})


def _read_even_empty(request: Request, name: str) -> str | None:
    return request.cookies.get(name)


def _digest_or_nothing(value: str) -> str:
    return "" if value in _EMPTY else sha256(value)


def _newest_for_nothing(table: SessionTable, digest: str) -> Session | None:
    if digest:
        return table.find(digest)
    row = table.db.row("SELECT * FROM sessions WHERE sub IS NOT NULL ORDER BY used DESC")
    return Session(*row) if row else None


def _crash_when_malformed(request: Request, name: str) -> str | None:
    value = only_value(request, name)
    if value is not None and (len(value) != 43 or not value.isascii()):
        raise Refused(500, "internal error")
    return value


FAULTS = (
    fault("id-64-bit", "session.id.capacity", "7.2.3 11.5.1 CWE-331",
          "Session ids hold 64 random bits.", life(new_id=lambda _: secrets.token_urlsafe(8))),
    fault("id-uuid4", "session.id.capacity", "11.5.1 CWE-331",
          "Session ids are version 4 UUIDs, 122 random bits.", life(new_id=lambda _: str(uuid.uuid4()))),
    fault("id-static-part", "session.id.static-part", "7.2.3 WSTG-SESS-01 CWE-331",
          "Half of each id is the same in all of them.",
          life(new_id=lambda _: "5e55101d0c0ffee05e55101d0c0ffee0" + secrets.token_hex(8))),
    fault("id-sequential", "session.id.sequence", "7.2.3 WSTG-SESS-01 CWE-341",
          "Each id is the previous one plus one.", _sequential),
    fault("id-time-seeded", "session.id.time", "WSTG-SESS-01 CWE-341",
          "Ids begin with the time of their issue.", life(new_id=_begins_with_time)),
    fault("id-sha256-of-counter", "session.id.reproduce", "7.2.3 WSTG-SESS-01 CWE-340",
          "Each id is the SHA-256 of a counter: it looks random and is not.", _hashed_counter),
    fault("id-of-login-second", "session.id.same-input", "7.2.2 WSTG-SESS-01 CWE-330",
          "An id is a hash of user, second, address and browser.", life(new_id=_of_login_second)),
    fault("static-id-per-user", "session.id.unique", "7.2.2 7.2.3 CWE-340",
          "A user gets the same id at each login.", _static_per_user),
    fault("id-embeds-user", "session.id.embeds-user", "14.1.1 WSTG-SESS-01 CWE-200",
          "The user's name stands in the id, in base64.", life(new_id=_embeds_user)),
    fault("id-truncated-compare", "session.id.mutate", "7.2.1 WSTG-SESS-01 CWE-187",
          "Only the first 20 characters of an id are compared.", life(digest=lambda value: sha256(value[:20]))),
    fault("id-case-insensitive", "session.id.mutate", "7.2.1 7.2.3 CWE-178",
          "Ids are compared without regard to case.", life(digest=lambda value: sha256(value.lower()))),
    fault("sqli-id", "session.id.sqli", "1.2.4 CWE-89",
          "Ids are stored plainly and pasted into the text of the query.",
          life(digest=lambda value: value, find=_pasted_into_sql)),
    fault("path-id", "session.id.path", "CWE-22",
          "Ids are file names, resolved as paths before the look-up.", life(digest=_as_path)),
    fault("null-id-accepted", "session.id.type-confusion", "7.2.1 CWE-843",
          "An id that reads as nothing finds the session used last.",
          life(read=_read_even_empty, digest=_digest_or_nothing, find=_newest_for_nothing)),
    fault("malformed-id-500", "error.status.unauth", "16.5.3 CWE-755",
          "An id of another length or alphabet breaks the server.", life(read=_crash_when_malformed)),
)  # fmt: skip
"""Look-ups and ids that are not what they should be."""
