"""An access log: who asked for what, and what came of it; never what opens an account (ASVS-v5.0.0-16.2.5)."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .token_keys import Keys
from .token_switch import Change, both, whole, wrapped


@cache
def log_file() -> Path:
    """The log of this process, which is gone with it."""
    handle, name = tempfile.mkstemp(prefix="reference-server-", suffix=".log")
    os.close(handle)
    atexit.register(Path(name).unlink, missing_ok=True)
    return Path(name)


def line(scope: Scope, status: int) -> str:
    """Address, method, path without its query, status: secrets may stand in the rest."""
    client = scope.get("client") or ("-", 0)
    return f"{client[0]} {scope['method']} {scope['path']!a} {status}"


def logged(words: Callable[[Scope, int], str] = line) -> Change:
    """A server that writes a line for each answer, and says where."""

    async def handler(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                with log_file().open("a") as file:
                    file.write(words(scope, message["status"]) + "\n")
            await send(message)

        await app(scope, receive, note)

    return both(lambda policy: whole(logs=(str(log_file()),))(policy), wrapped(handler))
