"""How to test the authorization server: its description, in the grammar of ``target.toml``."""

from __future__ import annotations

from typing import Any

from .oauth_assertion_key import private_half
from .oauth_browser import ISSUER
from .oauth_clients import BILLING, SECRETS, Client
from .oauth_metadata import WELL_KNOWN
from .oauth_policy import OAuthPolicy
from .people import described
from .token_keys import private_pem

RESOURCES = {
    "profile": {"send": "GET /api/me"},
    "notes.read": {"send": "GET /api/note"},
    "notes.write": {"send": "POST /api/note", "json": {"note": "a note"}},
}


def describe(policy: OAuthPolicy, base_url: str) -> dict[str, Any]:
    """The description of a server with this policy at this address."""
    acts = ("disable", "enable", "delete", "end-sessions")
    credentials = {"user": "{user}", "password": "{password}"}
    passwords = {"current": "{password}", "new": "{new_password}"}
    return {
        "base_url": base_url,
        "public_url": ISSUER,
        "headers": dict(policy.browser.surface.client_headers),
        "accounts": described(),
        "login": {"page": "/login", "fill": credentials},
        "logout": {"page": "/account", "action": "/logout"},
        "change_password": {"page": "/account", "action": "/password", "fill": passwords},
        "register": {"send": "POST /register", "json": {**credentials, "email": "{email}"}},
        "identity": {"send": "GET /api/me", "name": "json:/name"},
        "protected": ["GET /api/note"],
        "mutate": {
            "send": "POST /api/note",
            "json": {"note": "{value}"},
            "read": {"send": "GET /api/note", "value": "json:/note"},
        },
        "admin": {act: {"send": f"POST /admin/users/{{name}}/{act}"} for act in acts},
        "oauth": _oauth(policy),
        "keys": {"private_pem": private_pem(policy.keys())} if policy.hands_out_key else {},
        "policy": {
            "access_lifetime": "300s",
            "refresh_lifetime": "24h",
            "refresh_idle": "1h",
            "code_lifetime": "60s",
            "pkce": "required",
            **policy.declared.policy,
        },
    }


def extras(policy: OAuthPolicy) -> dict[str, Any]:
    """What no description says: how many failures in a row throttle an account."""
    return {"throttle": {"failures": policy.accounts.throttle.account}}


def _oauth(policy: OAuthPolicy) -> dict[str, Any]:
    return {
        "metadata": WELL_KNOWN,
        "scopes": _scopes(policy),
        "consent": {"fill": {"decision": "allow"}},
        "deny": {"fill": {"decision": "deny"}},
        **({"logout": {"fill": {"logout": "yes"}}} if policy.openid else {}),
        "withdraw": {"page": "/grants", "action": "/grants/{client}/withdraw"},
        "introspection_client": policy.declared.introspection_client,
        **({"throttle_client": "daemon"} if any(client.id == "daemon" for client in policy.clients) else {}),
        "clients": {client.id: _client(policy, client) for client in policy.clients},
        "resources": RESOURCES,
        **({"dpop": True} if policy.declared.dpop else {}),
        "other_audience": {"client": "web", "scopes": ["profile", BILLING]},
    }


def _client(policy: OAuthPolicy, client: Client) -> dict[str, Any]:
    secret = {"secret": SECRETS[client.id]} if client.digest is not None else {}
    if client.key is not None:
        key = {"private_key": private_half(client.key), "key_id": client.key.kid, "signing_alg": client.key.alg}
        secret = {**secret, **key}
    known = "private_key_jwt" if client.key else "basic" if client.confidential else "none"
    auth = policy.declared.auth.get(client.id, known) if client.confidential else known
    where = {"redirect_uri": client.redirect_uris[0]} if client.redirect_uris else {}
    further = {"more_redirect_uris": list(client.redirect_uris[1:])} if client.redirect_uris[1:] else {}
    allowed = [scope for scope in client.scopes if scope != BILLING]
    fewer = 0 < len(allowed) < len(_scopes(policy))
    leaving = {"post_logout_redirect_uris": list(client.logout_uris)} if policy.openid and client.logout_uris else {}
    pushes = {"require_pushed_authorization_requests": True} if client.pushes else {}
    scopes = {"scopes": allowed} if fewer else {}
    return {**secret, "auth": auth, **where, **further, **scopes, **leaving, **pushes}


def _scopes(policy: OAuthPolicy) -> list[str]:
    return [*RESOURCES, *(["openid"] if policy.openid else [])]
