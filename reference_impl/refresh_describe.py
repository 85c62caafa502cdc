"""How to test a refresh server: its description, in the grammar of ``target.toml``."""

from __future__ import annotations

from typing import Any

from .refresh_policy import RefreshPolicy
from .token_describe import describe as describe_token
from .token_describe import extras as token_extras
from .token_keys import Keys


def describe(policy: RefreshPolicy, keys: Keys, base_url: str) -> dict[str, Any]:
    """The description of a server with this policy and key at this address."""
    rules, carrier = policy.rules, policy.carrier
    table = describe_token(policy.described(), keys, base_url)
    both = {"take": dict(carrier.access.take)}
    promised = {
        "absolute": f"{rules.absolute:g}s",
        "refresh_lifetime": f"{rules.absolute:g}s",
        "refresh_idle": f"{rules.idle:g}s",
        "rotation": rules.rotates,
        "grace_seconds": f"{rules.grace:g}s",
    }
    return {
        **table,
        "refresh": {"send": "POST /refresh", **carrier.refresh},
        "change_password": {**table["change_password"], **both},
        "policy": {**table["policy"], **promised, **policy.declared},
    }


def extras(policy: RefreshPolicy) -> dict[str, Any]:
    """What no description says: how many failures in a row throttle an account."""
    return token_extras(policy.access)
