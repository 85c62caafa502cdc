"""How to test a token server: its description, in the grammar of ``target.toml``."""

from __future__ import annotations

from typing import Any

from .people import described
from .token_carrier import PUBLIC_ORIGIN
from .token_claims import LIFETIME, OTHER_AUDIENCE
from .token_keys import Keys, private_pem
from .token_life import SignedTokens
from .token_policy import TokenPolicy

Verb = dict[str, Any]

JWKS = "/.well-known/jwks.json"
CREDENTIALS = {"user": "{user}", "password": "{password}"}


def describe(policy: TokenPolicy, keys: Keys, base_url: str) -> dict[str, Any]:
    """The description of a server with this policy and key at this address."""
    carrier, ends = policy.carrier, policy.revocation.active
    take = {"take": dict(carrier.take)} if carrier.take else {}
    access = {"take": {"access": carrier.take["access"]}} if "access" in carrier.take else {}
    passwords = {"current": "{password}", "new": "{new_password}"}
    mutate = {"send": "POST /note", "json": {"note": "{value}"}}
    return {
        "base_url": base_url,
        "public_url": PUBLIC_ORIGIN,
        **({"headers": dict(carrier.client_headers)} if carrier.client_headers else {}),
        "accounts": described(),
        "login": {"send": "POST /login", "json": CREDENTIALS, **take},
        **({"use": {"access": carrier.use}} if carrier.use else {}),
        "identity": {"send": "GET /me", "name": "json:/name"},
        "logout": {"send": "POST /logout"},
        **({"logout_all": {"send": "POST /logout-all"}} if ends else {}),
        "change_password": {"send": "POST /password", "json": passwords, **access},
        "register": {"send": "POST /register", "json": {**CREDENTIALS, "email": "{email}"}},
        "protected": ["GET /me", "GET /note"],
        "mutate": {**mutate, "read": {"send": "GET /note", "value": "json:/note"}},
        **_beyond(policy),
        **({"logs": list(policy.logs)} if policy.logs else {}),
        "keys": _keys(policy, keys),
        "policy": {
            "access_lifetime": f"{LIFETIME:g}s",
            "absolute": f"{LIFETIME:g}s",
            "leeway": f"{policy.rules.leeway:g}s",
            "access_revocation": ends,
            "password_change_ends": "all" if ends else "none",
        },
    }


def extras(policy: TokenPolicy) -> dict[str, Any]:
    """What no description says: how many failures in a row throttle an account."""
    return {"throttle": {"failures": policy.accounts.throttle.account}}


def _beyond(policy: TokenPolicy) -> dict[str, Any]:
    """What an administrator does to the account ``{name}``, and a login for another service."""
    ending = ("end-sessions",) if policy.revocation.active else ()
    acts = ("disable", "enable", "delete", "grant-role", "revoke-role", *ending)
    foreign = {"send": "POST /login", "json": {**CREDENTIALS, "resource": OTHER_AUDIENCE}}
    take = {"take": dict(policy.carrier.take)} if policy.carrier.take else {}
    return {
        "admin": {act: {"send": f"POST /admin/users/{{name}}/{act}"} for act in acts},
        "role_route": "GET /admin/office",
        "other_audience": {**foreign, **take},
    }


def _keys(policy: TokenPolicy, keys: Keys) -> dict[str, str]:
    if policy.tokens is not SignedTokens:
        return {}
    published = {} if keys.symmetric else {"jwks": JWKS}
    if not policy.hands_out_key:
        return published
    return {"secret": keys.signing.decode()} if keys.symmetric else {**published, "private_pem": private_pem(keys)}
