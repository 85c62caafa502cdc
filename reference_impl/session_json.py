"""How the session server speaks JSON, and the shape that any other way of speaking has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account
from .web import answer, problem

CHALLENGE = {"www-authenticate": 'Cookie realm="session"'}
"""RFC 9110 section 11.6.1 wants a challenge with every 401."""


@dataclass(frozen=True, slots=True)
class Style:
    """The answers of a server, as functions; none of them decides anything."""

    who: Callable[[Account, str], Response]
    """``(account, form token)``: who is logged in."""
    stranger: Callable[[Request], Response]
    """For a request without a live session; the same words for none, unknown, expired and ended (16.5.1)."""
    form: Callable[[str, str], Response]
    """``(form token, where to go next)``: what a client needs before it may log in."""
    done: Callable[[Mapping[str, Any], str, int], Response]
    """``(data, where to go, status)``: an act has taken effect."""
    failed_login: Callable[[int, str, str], Response]
    """``(status, words, form token)``."""
    problem: Callable[[int, str, Mapping[str, str] | None], Response]
    """``(status, title, headers)``: a refusal."""
    note: Callable[[str], Response]
    email: Callable[[str], Response]
    sessions: Callable[[list[dict[str, Any]]], Response]
    html: bool = False
    """Whether verbs are HTML forms."""
    data: bool = True
    """Whether the answer to an act carries its data, such as the form token of a new session."""
    identity: str = "json:/name"
    """Where the identity stands, in the grammar of the description."""
    listed: Mapping[str, str] = field(
        default_factory=lambda: {"items": "json:/sessions", "handle": "json:/handle", "current": "json:/current"}
    )
    """Where the sessions stand in the list of them."""
    failed_login_status: int = 401


def _who(account: Account, _token: str) -> Response:
    return answer({"id": account.sub, "name": account.name, "email": account.email})


def _form(token: str, _onward: str) -> Response:
    return answer({"csrf": token})


def _done(data: Mapping[str, Any], _location: str, status: int) -> Response:
    return answer(data, status)


def _failed_login(status: int, words: str, _token: str) -> Response:
    return answer({"error": words}, status, CHALLENGE if status == 401 else None)


def _stranger(_request: Request) -> Response:
    return problem(401, "log in first", CHALLENGE)


def _note(text: str) -> Response:
    return answer({"note": text})


def _email(address: str) -> Response:
    return answer({"email": address})


def _sessions(rows: list[dict[str, Any]]) -> Response:
    return answer({"sessions": rows})


JSON_STYLE = Style(
    who=_who, stranger=_stranger, form=_form, done=_done, failed_login=_failed_login, problem=problem,
    note=_note, email=_email, sessions=_sessions,
)  # fmt: skip
"""The default."""
