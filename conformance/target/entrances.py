"""Where a stranger may be given a session before any login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.errors import Inconclusive

if TYPE_CHECKING:
    from conformance.target.party import Party
    from conformance.target.system import System


def entrances(system: System) -> list[str]:
    """Visits worth trying: the login's pages, the anti-forgery value, the start page."""
    described = system.description
    pages = [s.page for s in (described.login.steps if described.login else []) if s.page]
    return list(dict.fromkeys([*(f"GET {page}" for page in pages), *(["csrf"] if described.csrf else []), "GET /"]))


async def entrance_cookies(stranger: Party, visit: str) -> set[str]:
    """Make a stranger visit an entrance; the names of cookies that it then holds."""
    try:
        if visit == "csrf":
            await stranger.verb("csrf", stranger.system.description.csrf, "a stranger fetches the anti-forgery value")
        else:
            await stranger.visit(visit, f"a stranger visits {visit.split(' ', 1)[1]}")
    except Inconclusive:
        return set()
    return {name for name, _ in stranger.jar.as_pairs()}
