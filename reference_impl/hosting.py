"""A reference server on a loopback port: inside a test, in a thread, or from the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import socket
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from .clock import Clock
from .schemes import Reference

HOST = "127.0.0.1"


class Hosted:
    """A reference server that listens on loopback while the ``with`` block runs.

    ``async with`` serves in the running event loop, ``with`` in a daemon thread. Neither touches signal handlers.
    """

    def __init__(self, reference: Reference, port: int = 0, *, clock_route: bool = False) -> None:
        self.reference = reference
        self._clock_route = clock_route
        self._socket = _listening(port)
        self.port: int = self._socket.getsockname()[1]
        self.base_url = f"http://{HOST}:{self.port}"
        app = ClockRoute(reference.app, reference.clock) if clock_route else reference.app
        self._server = uvicorn.Server(_config(app))
        self._ticking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def describe(self) -> dict[str, Any]:
        """The description of the server at its present address."""
        description = self.reference.describe(self.base_url)
        return description | ({"clock": CLOCK_VERB} if self._clock_route else {})

    async def __aenter__(self) -> Hosted:
        """Start serving in the running loop."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])
        await self._server.on_tick(0)
        self._ticking = asyncio.create_task(self._server.main_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop at once: close every connection, cancel what is still held."""
        if self._ticking is not None:
            self._ticking.cancel()
        for listener in self._server.servers:
            listener.close()
        tasks = list(self._server.server_state.tasks)
        for task in tasks:
            task.cancel()
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    def __enter__(self) -> Hosted:
        """Start serving in a daemon thread with a loop of its own."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reference-server", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.__aenter__(), self._loop).result(10)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop, and end the thread."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def serve(reference: Reference, port: int = 0, *, clock_route: bool = False) -> Hosted:
    """A context manager, sync or async, that serves a reference on loopback; port 0 picks a free one.

    ``clock_route`` adds ``POST /-/clock`` for a kit that runs in another process.
    """
    return Hosted(reference, port, clock_route=clock_route)


CLOCK_VERB = {"send": "POST /-/clock?seconds={seconds}"}
"""The ``clock`` table of a description: advance by ``{seconds}``."""


class ClockRoute:
    """ASGI wrapper with a route that moves the clock; part of the hosting, never of a server to copy."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app, self.clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer ``POST /-/clock?seconds=N`` with the new time, and pass everything else on."""
        if (scope["type"], scope.get("method"), scope.get("path")) != ("http", "POST", "/-/clock"):
            await self.app(scope, receive, send)
            return
        seconds = scope["query_string"].decode("latin-1").removeprefix("seconds=")
        with contextlib.suppress(ValueError):
            self.clock.advance(float(seconds))
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps({"now": self.clock.now()}).encode()})


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m reference_impl SCHEME …``: serve until interrupted; 2 when an argument is wrong."""
    from . import build

    parser = _parser()
    options = parser.parse_args(argv)
    try:
        reference = build(
            options.scheme, (*options.variant, *options.fault), store=options.store, hashing=options.hashing
        )
        hosted = serve(reference, options.port, clock_route=options.clock)
        if options.describe:
            Path(options.describe).write_text(toml(hosted.describe()))
    except (ValueError, OSError, OverflowError) as exc:
        parser.error(str(exc))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until_interrupted(hosted, options))
    return 0


def toml(table: Mapping[str, Any]) -> str:
    """A description as TOML: each key on a line, tables inline. JSON's texts, numbers and lists are TOML's too."""
    return "".join(f"{_key(name)} = {_inline(value)}\n" for name, value in table.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_inline(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


async def _until_interrupted(hosted: Hosted, options: argparse.Namespace) -> None:
    async with hosted:
        target = options.describe or "+".join((f"ref:{options.scheme}", *options.variant, *options.fault))
        accounts = hosted.describe()["accounts"]
        people = ", ".join(f"{a['user']} / {a['password']}" for a in accounts.values())
        print(f"{hosted.base_url}  pickproof certify {target}  accounts: {people}", flush=True)  # noqa: T201
        await asyncio.Event().wait()


EXAMPLES = """\
examples:
  pickproof serve session
  pickproof serve session --fault logout-clears-cookie-only --port 8000 --describe target.toml
  pickproof serve oauth --variant html --store sqlite:///tokens.db

exit codes: 0 ended as asked; 2 usage, or a fault or variant that there is not"""


def _parser() -> argparse.ArgumentParser:
    from . import SCHEMES

    parser = argparse.ArgumentParser(
        prog="pickproof serve", description="Serve a reference server on loopback, until SIGTERM or Ctrl-C.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("scheme", choices=SCHEMES)
    parser.add_argument("--port", type=int, default=0, help="0, the default, picks a free one")
    parser.add_argument("--fault", action="append", default=[], metavar="ID", help="switch a fault on")
    parser.add_argument("--variant", action="append", default=[], metavar="ID", help="switch a variant on")
    parser.add_argument("--store", default="memory://", metavar="URL", help="memory:// or sqlite:///path")
    parser.add_argument("--hashing", choices=("test", "strong"), default="strong", help="cost of a password hash")
    parser.add_argument("--describe", metavar="FILE", help="write a target.toml for `pickproof certify`")
    parser.add_argument("--clock", action="store_true", help="add POST /-/clock?seconds=N, which moves the clock")
    return parser


def _listening(port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay off only where it is.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError:
        listening.close()
        raise
    listening.listen(256)
    return listening


def _config(app: ASGIApp) -> uvicorn.Config:
    # No proxy headers: behind no proxy, X-Forwarded-For is whatever the client likes.
    return uvicorn.Config(
        app, http="h11", ws="none", lifespan="off", log_config=None, log_level="critical", access_log=False,
        proxy_headers=False, server_header=False, backlog=256, timeout_keep_alive=60,
    )  # fmt: skip
