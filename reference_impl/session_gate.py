"""A gate that holds requests in flight, so that a test can force the order of a race.

A test needs it, a product does not: leave this module and the routes ``/slow`` and ``/gate`` out of a copy.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import Request
from starlette.responses import Response

from .web import answer

PATIENCE = 5.0
"""Seconds of real time after which a held request goes on by itself."""
MOST = 1000
"""Holds at a time; more pass without waiting."""


class Gate:
    """Named holds: a request waits at one until somebody releases it."""

    def __init__(self) -> None:
        self._held: dict[str, asyncio.Event] = {}

    async def hold(self, name: str) -> None:
        """Wait until the hold is released; no name means no wait."""
        if not name or len(self._held) >= MOST:
            return
        event = self._held.setdefault(name, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), PATIENCE)
        self._held.pop(name, None)

    async def look(self, request: Request) -> Response:
        """``GET /gate/{hold}``: 200 when a request waits there, else 404."""
        held = request.path_params["hold"] in self._held
        return answer({"held": held}, 200 if held else 404)

    async def release(self, request: Request) -> Response:
        """``POST /gate/{hold}/release``: let the request go on; tells whether one waited."""
        event = self._held.get(request.path_params["hold"])
        if event is not None:
            event.set()
        return answer({"released": event is not None})
