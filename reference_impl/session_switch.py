"""Small words in which the faults and variants of the session server are written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .faults import Fault, Variant
from .session_policy import SessionPolicy

Change = Callable[[SessionPolicy], SessionPolicy]
Handler = Callable[[ASGIApp, Scope, Receive, Send], Awaitable[None]]


def fault(id: str, primary: str, sources: str, summary: str, apply: Change, **more: Any) -> Fault:
    """A row of a fault table; sources are separated by spaces, ``7.4.1`` is short for ``ASVS-v5.0.0-7.4.1``.

    ``declares`` is the variant whose promise it breaks.
    """
    spelled = tuple(s if "-" in s else f"ASVS-v5.0.0-{s}" for s in sources.split())
    return Fault(id, "session", summary, spelled, primary, apply, **more)


def variant(id: str, summary: str, apply: Change, **relations: Any) -> Variant:
    """A row of the variant table; ``decides`` and ``apart`` tell with which others it does not go."""
    return Variant(id, ("session",), summary, apply, **relations)


def life(**changes: Any) -> Change:
    """Replace members of :class:`~reference_impl.session_policy.Life`."""
    return lambda policy: replace(policy, life=replace(policy.life, **changes))


def ending(**changes: Any) -> Change:
    """Replace members of ``Ending``."""
    return lambda policy: replace(policy, ending=replace(policy.ending, **changes))


def guard(**changes: Any) -> Change:
    """Replace members of ``Guard``."""
    return lambda policy: replace(policy, guard=replace(policy.guard, **changes))


def proof(**changes: Any) -> Change:
    """Replace members of ``Proof``."""
    return lambda policy: replace(policy, proof=replace(policy.proof, **changes))


def recovery(**changes: Any) -> Change:
    """Replace members of ``Recovery``."""
    return lambda policy: replace(policy, recovery=replace(policy.recovery, **changes))


def surface(**changes: Any) -> Change:
    """Replace members of ``Surface``."""
    return lambda policy: replace(policy, surface=replace(policy.surface, **changes))


def style(**changes: Any) -> Change:
    """Replace members of ``Style``."""
    return lambda policy: surface(style=replace(policy.surface.style, **changes))(policy)


def cookie(**changes: Any) -> Change:
    """Replace attributes of the cookie."""
    return lambda policy: surface(cookie=replace(policy.surface.cookie, **changes))(policy)


def accounts(**changes: Any) -> Change:
    """Replace members of ``AccountPolicy``."""
    return lambda policy: replace(policy, accounts=replace(policy.accounts, **changes))


def wrapped(handler: Handler) -> Change:
    """Put a handler around the whole server; it gets the HTTP requests only."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            await (handler(app, scope, receive, send) if scope["type"] == "http" else app(scope, receive, send))

        return outer

    return lambda policy: surface(wrap=(*policy.surface.wrap, wrap))(policy)


def both(*changes: Change) -> Change:
    """One change after the other."""

    def apply(policy: SessionPolicy) -> SessionPolicy:
        for change in changes:
            policy = change(policy)
        return policy

    return apply


def nothing(*_: object) -> None:
    """The missing behaviour itself."""
