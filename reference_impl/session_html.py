"""How the session server speaks HTML: pages with forms, 303 after each act, the identity in a heading."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .accounts import Account
from .session_json import CHALLENGE, Style
from .web import page

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body>{body}</body></html>
"""
_FORM = '<form method="post" action="{action}"><input type="hidden" name="csrf" value="{csrf}">{inputs}</form>'
_INPUT = '<label>{name} <input name="{name}" type="{type}"></label>'

_ACTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("/note", ("note",), "Save the note"),
    ("/email", ("email", "password"), "Change the e-mail address"),
    ("/password", ("current", "new"), "Change the password"),
    ("/step-up", ("password",), "Confirm that it is you"),
    ("/logout", (), "Log out"),
    ("/logout-all", (), "Log out everywhere"),
)
"""Forms of the account page: action, fields, button."""
_SECRET = frozenset({"password", "current", "new"})


def render(title: str, body: str) -> str:
    """A whole page; the body is HTML already."""
    return _PAGE.format(title=escape(title), body=body)


def form(action: str, token: str, fields: tuple[str, ...], button: str) -> str:
    """A form with its token in a hidden field."""
    inputs = "".join(_INPUT.format(name=f, type="password" if f in _SECRET else "text") for f in fields)
    inputs += f"<button>{escape(button)}</button>"
    return _FORM.format(action=escape(action), csrf=escape(token), inputs=inputs)


def who_page(account: Account, token: str) -> Response:
    """The account page: who it is, and a form for each act."""
    forms = "".join(form(action, token, fields, button) for action, fields, button in _ACTS)
    return page(render("Your account", f'<h1 id="name">{escape(account.name)}</h1>{forms}'))


def login_page(status: int, words: str, token: str, onward: str = "") -> Response:
    """The login form, with a message after a failure; it carries on where the user is to go next."""
    message = f'<p role="alert">{escape(words)}</p>' if words else ""
    action = f"/login?{urlencode({'next': onward})}" if onward else "/login"
    body = message + form(action, token, ("user", "password"), "Log in")
    return page(render("Log in", body), status, CHALLENGE if status == 401 else None)


def _stranger(_request: Request) -> Response:
    return page(render("Log in first", '<a href="/login">Log in</a>'), 401, CHALLENGE)


def _done(_data: Mapping[str, Any], location: str, _status: int) -> Response:
    # 303 and not 302 or 307: the browser must not send the body, which holds a password, again.
    return RedirectResponse(location, 303)


def _problem(status: int, title: str, headers: Mapping[str, str] | None) -> Response:
    return page(render("Refused", f"<p>{escape(title)}</p>"), status, headers)


def _note(text: str) -> Response:
    return page(render("Your note", f'<p id="note">{escape(text)}</p>'))


def _email(address: str) -> Response:
    return page(render("Your e-mail address", f'<p id="email">{escape(address)}</p>'))


def _sessions(rows: list[dict[str, Any]]) -> Response:
    items = "".join(
        f'<li data-handle="{escape(row["handle"])}"{" aria-current=true" if row["current"] else ""}>'
        f"{escape(row['label'])}</li>"
        for row in rows
    )
    return page(render("Your sessions", f'<ul id="sessions">{items}</ul>'))


HTML_STYLE = Style(
    who=who_page, stranger=_stranger, form=lambda token, onward: login_page(200, "", token, onward),
    done=_done,
    failed_login=login_page, problem=_problem, note=_note, email=_email, sessions=_sessions, html=True, data=False,
    identity="html:#name",
    listed={"items": "html:#sessions li", "handle": "html:@data-handle", "current": "html:@aria-current"},
)  # fmt: skip
"""Forms in, pages out."""
