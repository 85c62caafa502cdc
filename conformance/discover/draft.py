"""The description that discovery writes: what was found, how, and what is left to a person."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ORDER = (
    "base_url", "public_url", "accounts", "use", "csrf", "login", "identity", "logout", "refresh", "change_password",
    "protected", "return_parameter", "keys",
)  # fmt: skip
EXAMPLES = {
    "login": 'login = { send = "POST /login", json = { username = "{user}", password = "{password}" } }',
    "identity": 'identity = { send = "GET /me", name = "json:/name" }',
    "logout": 'logout = { send = "POST /logout" }',
    "refresh": 'refresh = { send = "POST /refresh", json = { refresh_token = "{refresh}" }, '
    'take = { access = "json:/access_token" } }',
    "public_url": 'public_url = "https://shop.example"',
    "change_password": 'change_password = { send = "POST /password", json = '
    '{ old = "{password}", new = "{new_password}" } }',
    "keys": 'keys.secret = "env:TOKEN_SECRET"',
    "policy": 'policy = { idle = "30m", absolute = "12h" }',
}
OAUTH = """\
# The target publishes metadata of an authorization server. To have it attacked as one, register a client for the
# kit there, fill in the lines below, and point `identity` at a route that takes the access token.
# [oauth]
# metadata = {place}
# [oauth.clients.CLIENT_ID]
# auth = "none"
# redirect_uri = "https://client.example/callback"
"""


@dataclass
class Draft:
    """What discovery has to say."""

    table: dict[str, Any] = field(default_factory=dict)
    accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    """As written: passwords are ``env:NAME``."""
    comments: dict[str, str] = field(default_factory=dict)
    """Why a key stands there, by key."""
    todo: dict[str, str] = field(default_factory=dict)
    """What a person must fill in before anything can be judged, by key."""
    wishes: dict[str, str] = field(default_factory=dict)
    """What a person may fill in, by key."""
    examples: dict[str, str] = field(default_factory=dict)
    """Lines that are nearer to this target than the usual examples, by key."""
    metadata: str | None = None
    requests: int = 0

    def whole(self) -> dict[str, Any]:
        """The table with its accounts."""
        return {**self.table, "accounts": self.accounts}

    def text(self) -> str:
        """The commented `target.toml`."""
        whole, examples = self.whole(), {**EXAMPLES, **self.examples}
        lines = ["# Drafted by `pickproof init`: read it, then prove it with `pickproof doctor`.", ""]
        for key in ORDER:
            if key in whole:
                lines += [*_remark(self.comments.get(key)), *_entry(key, whole[key])]
            for kind, told in (("Mend: " if key in whole else "Fill in: ", self.todo), ("", self.wishes)):
                if key in told:
                    shown = key in examples and key not in whole
                    lines += [*_remark(kind + told[key]), *([f"# {examples[key]}"] if shown else [])]
        lines += ["", "# What the target promises; without a promise the strict reading of the standards holds."]
        lines += [f"# {examples['policy']}"]
        if self.metadata:
            lines += ["", *OAUTH.replace("{place}", quoted(self.metadata)).splitlines()]
        return "\n".join(lines) + "\n"

    def line_of(self, key: str) -> int:
        """The line of the text in which a key stands, or its commented example."""
        pattern = re.compile(rf"(# )?{re.escape(key)}\b.*=")
        lines = self.text().splitlines()
        return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)


def _remark(text: str | None) -> list[str]:
    return [f"# {text}"] if text else []


def _entry(key: str, value: Any) -> list[str]:
    if key in ("accounts", "use"):
        return [f"{key}.{_key(name)} = {_inline(inner)}" for name, inner in value.items()]
    return [f"{key} = {_inline(value)}"]


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_inline(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def quoted(text: str) -> str:
    """A TOML basic string; what no such string can hold is replaced."""
    plain = text.encode("utf-8", "replace").decode().replace("\x7f", "\ufffd")
    return json.dumps(plain, ensure_ascii=False)
