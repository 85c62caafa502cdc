"""Variants of what a session is bound to, and of what follows a recovery."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request

from .session_cookie import only_value
from .session_policy import Issue, SessionPolicy
from .session_switch import Change, life, variant
from .web import agent, source

ID = "the form of the id"


def bound(to: str, of_issue: Callable[[Issue], str], of_request: Callable[[Request], str]) -> Change:
    """Ids carry a keyed digest of what they are bound to, which every request must match."""

    def apply(policy: SessionPolicy) -> SessionPolicy:
        key = secrets.token_bytes(32)

        def mac(value: str, client: str) -> str:
            return hmac.digest(key, f"{value}\0{client}".encode("utf-8", "surrogateescape"), "sha256").hex()

        def new_id(issue: Issue) -> str:
            value = secrets.token_urlsafe(32)
            return f"{value}.{mac(value, of_issue(issue))}"

        def read(request: Request, name: str) -> str | None:
            presented = only_value(request, name)
            value, _, seal = (presented or "").partition(".")
            return presented if hmac.compare_digest(seal.encode(), mac(value, of_request(request)).encode()) else None

        kept = life(new_id=new_id, read=read)(policy)
        return replace(kept, binding=(*policy.binding, to))

    return apply


TO_AGENT = bound("user-agent", lambda issue: issue.agent, agent)
TO_ADDRESS = bound("address", lambda issue: issue.source, source)
VARIANTS = (
    variant("bound-agent", "A session is bound to the User-Agent, as declared.", TO_AGENT, decides=ID),
    variant("bound-address", "A session is bound to the client's address, as declared.", TO_ADDRESS, decides=ID),
)
"""Ids are unique; all serve the scheme ``session``."""
