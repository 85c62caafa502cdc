"""Faults of the form token itself; the layers beside it stay as they are, but where the summary says otherwise."""

from __future__ import annotations

import hmac
import secrets
from contextvars import ContextVar

from starlette.requests import Request
from starlette.responses import Response

from .accounts import Account
from .session_cookie import Cookie, only_value
from .session_faults_forgery import token_only
from .session_faults_values import beside
from .session_guard import form_token, token_belongs
from .session_policy import Issue, SessionPolicy, random_id
from .session_switch import both, fault, guard, life, surface

PAIR = "csrf-pair"


def _kept_at_login(policy: SessionPolicy) -> SessionPolicy:
    tokens: dict[str, str] = {}

    def token(session_id: str, _sub: str | None) -> str:
        return tokens.setdefault(session_id, secrets.token_urlsafe(32))

    def new_id(issue: Issue) -> str:
        value = random_id(issue)
        if issue.carried in tokens and issue.reason == "login":
            tokens[value] = tokens[issue.carried]
        return value

    return both(life(new_id=new_id), guard(token=token, token_ok=lambda i, sub, given: token(i, sub) == given))(policy)


def _short(session_id: str, _sub: str | None) -> str:
    return hmac.digest(session_id.encode("utf-8", "surrogateescape"), b"form token", "sha256").hex()[:8]


def _in_address(response: Response, value: str, account: Account, _cookie: Cookie) -> None:
    response.status_code, response.headers["location"] = 303, f"/me?csrf={form_token(value, account.sub)}"


def _pair_alone(policy: SessionPolicy) -> SessionPolicy:
    sent: ContextVar[str | None] = ContextVar("sent", default=None)

    def read(request: Request, name: str) -> str | None:
        sent.set(only_value(request, PAIR))
        return only_value(request, name)

    def token_ok(session_id: str, sub: str | None, given: object) -> bool:
        return given == sent.get() if sent.get() else token_belongs(session_id, sub, given)

    def logged_in(response: Response, value: str, account: Account, sound: Cookie) -> None:
        response.headers.append("set-cookie", beside(sound, PAIR, form_token(value, account.sub), http_only=False))

    return both(token_only, guard(token_ok=token_ok), life(read=read), surface(logged_in=logged_in))(policy)


FAULTS = (
    fault("csrf-kept-at-login", "csrf.token.rotates", "CWE-352",
          "The form token of the visit before the login holds after it.", _kept_at_login),
    fault("csrf-short", "csrf.token.quality", "11.5.1 CWE-330",
          "Form tokens have eight hexadecimal digits.",
          guard(token=_short, token_ok=lambda i, sub, given: _short(i, sub) == given)),
    fault("csrf-in-address", "csrf.token.leaks", "CWE-598",
          "Login redirects to an address that holds the form token.", surface(logged_in=_in_address)),
    fault("csrf-pair-alone", "csrf.double-submit.forge", "WSTG-SESS-05 CWE-565",
          "The form token only has to equal a cookie beside it; nothing else defends.", _pair_alone),
)  # fmt: skip
"""Form tokens that hold too long, or too little."""
