"""How to test a session server: its description, in the grammar of ``target.toml``."""

from __future__ import annotations

from typing import Any

from .people import described
from .session_policy import SessionPolicy

Verb = dict[str, Any]


def describe(policy: SessionPolicy, base_url: str) -> dict[str, Any]:
    """The description of a server with this policy at this address."""
    life, style = policy.life, policy.surface.style
    verbs = _form_verbs(policy) if style.html else _json_verbs(policy)
    return {
        "base_url": base_url,
        "public_url": policy.public_origin,
        "headers": dict(policy.surface.client_headers),
        "accounts": described(),
        **verbs,
        "identity": {"send": "GET /me", "name": style.identity},
        "protected": ["GET /me", "GET /note", "GET /sessions", "GET /slow"],
        **_beyond(policy),
        "return_parameter": "next",
        "policy": {
            "idle": f"{life.idle:g}s",
            "absolute": f"{life.absolute:g}s",
            "max_sessions": life.max_sessions,
            "throttle_failures": policy.accounts.throttle.account,
            "fresh_login": f"{policy.proof.fresh:g}s",
            "binding": list(policy.binding),
        },
    }


def extras(policy: SessionPolicy) -> dict[str, Any]:
    """What no description says: how many failures in a row throttle an account."""
    return {"throttle": {"failures": policy.accounts.throttle.account}}


def _beyond(policy: SessionPolicy) -> dict[str, Any]:
    """Verbs that no page has a form for: of the owner, of an administrator, of a test that forces a race."""
    send = _Sender(policy)
    acts = ("disable", "enable", "delete", "end-sessions", "grant-role", "revoke-role")
    return {
        "sessions": {
            "list": {"send": "GET /sessions", **policy.surface.style.listed},
            "revoke": send("POST /sessions/{handle}/revoke", password="{password}"),  # noqa: S106
        },
        "delete_account": send("DELETE /account", password="{password}"),  # noqa: S106
        "admin": {act: send(f"POST /admin/users/{{name}}/{act}") for act in acts},
        "reset_password": {
            "steps": [
                send("POST /forgot", user="{user}"),
                {"send": "GET /mailbox/{user}", "take": {"link": "json:/token"}},
                send("POST /reset", token="{link}", new="{new_password}"),  # noqa: S106
            ]
        },
        "role_route": "GET /admin/office",
        "gate": {"held": "GET /slow?hold={hold}", "look": "GET /gate/{hold}", "release": "POST /gate/{hold}/release"},
    }


class _Sender:
    """Writes a ``send`` step with the body type and the form token that the server wants."""

    def __init__(self, policy: SessionPolicy) -> None:
        self._body = "form" if policy.surface.style.html else "json"
        self._token = {"csrf": "{csrf}"} if policy.guard.token_ok else {}

    def __call__(self, send: str, **fields: object) -> Verb:
        return {"send": send, self._body: {**fields, **self._token}}


def _json_verbs(policy: SessionPolicy) -> dict[str, Any]:
    send = _Sender(policy)
    token = {"send": "GET /csrf", "take": {"csrf": "json:/csrf"}}
    fresh = {"take": {"csrf": "json:/csrf"}} if policy.guard.token_ok and policy.surface.style.data else {}
    login = send("POST /login", user="{user}", password="{password}") | fresh  # noqa: S106
    guarded = policy.guard.token_ok is not None
    return {
        **({"csrf": token} if guarded else {}),
        "login": {"steps": [token, login]} if guarded else login,
        "logout": send("POST /logout"),
        "logout_all": send("POST /logout-all"),
        "change_password": send("POST /password", current="{password}", new="{new_password}") | fresh,
        "register": _registering(send, token if guarded else None),
        "mutate": send("POST /note", note="{value}") | {"read": {"send": "GET /note", "value": "json:/note"}},
        "sensitive": send("POST /email", email="{email}", password="{password}")  # noqa: S106
        | {"read": {"send": "GET /email", "value": "json:/email"}},
        "step_up": send("POST /step-up", password="{password}") | fresh,  # noqa: S106
    }


def _registering(send: _Sender, token: Verb | None) -> Verb:
    step = send("POST /register", user="{user}", password="{password}", email="{email}")  # noqa: S106
    return {"steps": [token, step]} if token else step


def _form_verbs(policy: SessionPolicy) -> dict[str, Any]:
    send = _Sender(policy)
    token = {"send": "GET /login", "take": {"csrf": "html:input[name=csrf]"}}
    guarded = policy.guard.token_ok is not None
    password = {"current": "{password}", "new": "{new_password}"}
    return {
        **({"csrf": token} if guarded else {}),
        "login": {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}},
        "logout": {"page": "/me", "action": "/logout"},
        "logout_all": {"page": "/me", "action": "/logout-all"},
        "change_password": {"page": "/me", "fill": password, "action": "/password"},
        "register": _registering(send, token if guarded else None),
        "mutate": send("POST /note", note="{value}") | {"read": {"send": "GET /note", "value": "html:#note"}},
        "sensitive": {"page": "/me", "fill": {"email": "{email}", "password": "{password}"}, "action": "/email"}
        | {"read": {"send": "GET /email", "value": "html:#email"}},
        "step_up": {"page": "/me", "fill": {"password": "{password}"}, "action": "/step-up"},
    }
