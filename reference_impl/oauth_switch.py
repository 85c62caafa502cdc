"""Small words in which the faults and variants of the authorization server are written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .faults import Fault, Variant
from .oauth_policy import OAuthPolicy

Change = Callable[[OAuthPolicy], OAuthPolicy]
Handler = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]

PAUSE = 0.02
"""Seconds for which the losing side of a race gives way."""


def fault(id: str, primary: str, sources: str, summary: str, *changes: Change) -> Fault:
    """A row of a fault table; sources are separated by spaces, ``7.4.1`` is short for ``ASVS-v5.0.0-7.4.1``.

    Of several changes the first ones are the variant that the fault needs, such as ``openid``.
    """
    spelled = tuple(s if "-" in s else f"ASVS-v5.0.0-{s}" for s in sources.split())
    return Fault(id, "oauth", summary, spelled, primary, both(*changes))


def variant(id: str, summary: str, *changes: Change, **relations: Any) -> Variant:
    """A row of the variant table; ``decides`` and ``apart`` tell with which others it does not go."""
    return Variant(id, ("oauth",), summary, both(*changes), **relations)


def both(*changes: Change) -> Change:
    """One change after the other."""

    def apply(policy: OAuthPolicy) -> OAuthPolicy:
        for change in changes:
            policy = change(policy)
        return policy

    return apply


def whole(**changes: Any) -> Change:
    """Replace members of the policy itself."""
    return lambda policy: replace(policy, **changes)


def _part(name: str) -> Callable[..., Change]:
    def part(**changes: Any) -> Change:
        return lambda policy: replace(policy, **{name: replace(getattr(policy, name), **changes)})

    part.__doc__ = f"Replace members of the policy's ``{name}``."
    return part


authorize = _part("authorize")
codes = _part("codes")
pushing = _part("pushing")
end_session = _part("end_session")
auth = _part("auth")
assertions = _part("assertions")
tokens = _part("tokens")
refresh = _part("refresh")
access = _part("access")
revocation = _part("revocation")
introspection = _part("introspection")
resource = _part("resource")
metadata = _part("metadata")
dpop = _part("dpop")
surface = _part("surface")
browser = _part("browser")


def declared(
    *, auth: Mapping[str, str] | None = None, policy: Mapping[str, object] | None = None, **changes: Any
) -> Change:
    """Say more in the description, beside what it says already of other clients and other limits."""

    def apply(before: OAuthPolicy) -> OAuthPolicy:
        told = before.declared
        more = replace(told, auth={**told.auth, **(auth or {})}, policy={**told.policy, **(policy or {})}, **changes)
        return replace(before, declared=more)

    return apply


def pkce(**changes: Any) -> Change:
    """Replace members of the policy's ``codes.pkce``."""
    return lambda policy: codes(pkce=replace(policy.codes.pkce, **changes))(policy)


def rules(**changes: Any) -> Change:
    """Replace members of the policy's ``refresh.rules``."""
    return lambda policy: refresh(rules=replace(policy.refresh.rules, **changes))(policy)


def grant_types(**changes: Any) -> Change:
    """Add or replace grant types, and allow every client to use them."""
    names = frozenset(changes)

    def apply(policy: OAuthPolicy) -> OAuthPolicy:
        known, allowed = policy.tokens.grant_types, policy.tokens.allowed
        more = {"grant_types": {**known, **changes}}
        return tokens(**more, allowed=lambda client, name: name in names or allowed(client, name))(policy)

    return apply


def wrapped(handler: Handler) -> Change:
    """Put a handler around the whole server; it gets the HTTP requests only."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            await (handler(app, scope, receive, send) if scope["type"] == "http" else app(scope, receive, send))

        return outer

    return lambda policy: surface(wrap=(*policy.surface.wrap, wrap))(policy)


def fresh(make: Callable[[], Change]) -> Change:
    """A change with state of its own for each server that is built."""
    return lambda policy: make()(policy)


def nothing(*_: object) -> None:
    """The missing behaviour itself."""
