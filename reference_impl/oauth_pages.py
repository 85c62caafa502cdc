"""The HTML of the authorization server: log in, consent, account, grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from .accounts import Account
from .oauth_grants import Asked, Grant
from .session_html import HTML_STYLE, form, render
from .session_json import CHALLENGE
from .web import page

LOG_IN = "Log in"
MEANINGS = {
    "openid": "Know that it is you",
    "profile": "See your name",
    "notes.read": "Read your note",
    "notes.write": "Change your note",
}
"""What a scope means, in words for the user (ASVS-v5.0.0-10.7.1)."""


def hidden(name: str, value: str) -> str:
    """A field that the user does not see."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def start_page() -> Response:
    """For people who open the address."""
    return page(render("OAuth reference server", f'<h1>OAuth reference server</h1><a href="/account">{LOG_IN}</a>'))


def login_page(token: str, target: str | None, failure: str = "") -> Response:
    """The login form, which remembers where the user was going; after a failure too."""
    action = "/login?" + urlencode({"next": target}) if target else "/login"
    message = f'<p role="alert">{escape(failure)}</p>' if failure else ""
    body = render(LOG_IN, message + form(action, token, ("user", "password"), LOG_IN))
    return page(body, 401, CHALLENGE) if failure else page(body)


def consent_page(account: Account, asked: Asked, handle: str, token: str) -> Response:
    """Who asks for what, and where the browser goes next (RFC 6749 section 10.2)."""
    wants = "".join(f"<li>{escape(MEANINGS.get(scope, scope))}</li>" for scope in asked.scope)
    buttons = hidden("request", handle) + (
        '<button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button>'
    )
    body = (
        f"<p>You are {escape(account.name)}. The application <strong>{escape(asked.client)}</strong> wants to:</p>"
        f"<ul>{wants}</ul><p>You will return to {escape(asked.redirect_uri)}.</p>{_form('/consent', token, buttons)}"
    )
    return page(render("Allow access?", body))


def account_page(account: Account, token: str) -> Response:
    """Who is logged in, and what the user may do here."""
    forms = form("/password", token, ("current", "new"), "Change the password") + form("/logout", token, (), "Log out")
    body = f'<h1 id="name">{escape(account.name)}</h1>{forms}<p><a href="/grants">Applications with access</a></p>'
    return page(render("Your account", body))


def grants_page(grants: list[Grant], token: str) -> Response:
    """Each application that has access, with a form that takes it away."""
    scopes: dict[str, list[str]] = {}
    for grant in grants:
        scopes.setdefault(grant.client, []).extend(grant.scope)
    items = "".join(
        f"<li>{escape(client)}: {escape(', '.join(MEANINGS.get(scope, scope) for scope in dict.fromkeys(held)))}"
        f"{form(f'/grants/{client}/withdraw', token, (), 'Withdraw')}</li>"
        for client, held in scopes.items()
    )
    return page(render("Applications with access", f'<ul id="grants">{items}</ul>'))


def refusal_page(words: str) -> Response:
    """For a request that must not leave this site (RFC 6749 section 4.1.2.1)."""
    return page(render("Not possible", f'<p role="alert">{escape(words)}</p>'), 400)


def _form(action: str, token: str, inputs: str) -> str:
    return f'<form method="post" action="{action}">{hidden("csrf", token)}{inputs}</form>'


def _done(_data: Mapping[str, Any], location: str, _status: int) -> Response:
    return RedirectResponse("/account" if location == "/me" else location, 303)


STYLE = replace(HTML_STYLE, who=account_page, done=_done, form=lambda token, _onward: login_page(token, None))
"""Pages of the session server, with our own account page."""
