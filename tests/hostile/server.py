"""A target on loopback that is right until it turns: then a scenario writes its bytes, whatever they are."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any
from urllib.parse import unquote

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    number: int
    """From 1 on, over all connections."""
    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    at: float = 0.0
    """When it came, on the loop's clock."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: bytes) -> bytes:
        return next((v for k, v in self.headers if k.lower() == name), b"")


@dataclass(frozen=True)
class Proper:
    """What a correct target answers."""

    status: int
    headers: Headers
    body: bytes

    def but(self, *more: tuple[bytes, bytes], body: bytes | None = None, status: int | None = None) -> Proper:
        """The same with more headers, perhaps another body or status; a length is set right."""
        text = self.body if body is None else body
        kept = tuple((k, v) for k, v in self.headers if k.lower() != b"content-length")
        length = (b"content-length", b"%d" % len(text))
        return replace(self, headers=(*kept, length, *more), body=text, status=status or self.status)

    def without(self, *names: bytes) -> Proper:
        """The same without some headers."""
        return replace(self, headers=tuple((k, v) for k, v in self.headers if k.lower() not in names))

    def head(self, reason: bytes = b"Whatever") -> bytes:
        lines = [b"HTTP/1.1 %d %b" % (self.status, reason), *(b"%b: %b" % pair for pair in self.headers)]
        return b"\r\n".join([*lines, b"", b""])

    @property
    def raw(self) -> bytes:
        return self.head() + self.body


class Peer:
    """The connection to the kit, as a scenario uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Target) -> None:
        self.reader, self.writer, self.server = reader, writer, server
        self.random = server.random

    async def give(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def close(self) -> None:
        """End the connection in good order."""
        self.writer.close()
        raise ConnectionResetError

    async def reset(self) -> None:
        """End it with a TCP reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise ConnectionResetError

    async def silence(self) -> None:
        """Say nothing more, for ever."""
        await asyncio.Event().wait()


Scenario = Callable[[Peer, Asked, Proper], Awaitable[None]]
Turned = Callable[[Asked], bool]


async def properly(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.raw)


def after(count: int) -> Turned:
    """From the request of this number on, counted from 0."""
    return lambda asked: asked.number > count


def always(asked: Asked) -> bool:
    return True


def never(asked: Asked) -> bool:
    return False


def sometimes(probability: float, seed: int, since: int = 0) -> Turned:
    """At random, the same for the same seed and the same requests to each path, in whatever order paths are asked."""
    asked_of: Counter[str] = Counter()

    def turned(asked: Asked) -> bool:
        asked_of[asked.path] += 1
        dice = random.Random(f"{seed} {asked.method} {asked.path} {asked_of[asked.path]}")
        return dice.random() < probability and asked.number > since

    return turned


@dataclass
class Target:
    """Serves an ASGI app from a thread of its own, through a scenario from the moment that `turned` says so."""

    app: Any
    scenario: Scenario = properly
    turned: Turned = always
    greets: bool = False
    """The scenario writes as soon as a connection stands, before any request."""
    tls: ssl.SSLContext | None = None
    seed: int = 0
    seen: list[Asked] = field(default_factory=list)
    connections: int = 0
    under_way: int = 0
    most: int = 0
    """Requests that were being answered at once."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hostile-target", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Target:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, bug: BaseException | None, _: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls, limit=2**20)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._connected(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, self)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            if self.greets:
                await self.scenario(peer, Asked(0, "", ""), Proper(200, (), b""))
            while True:
                await self._exchange(peer)
        writer.transport.abort()

    async def _exchange(self, peer: Peer) -> None:
        asked = await self._read(peer.reader)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            proper = await answered(self.app, asked)
            await (self.scenario if self.turned(asked) else properly)(peer, asked, proper)
        finally:
            self.under_way -= 1

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        line, *rest = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = tuple((k, v.strip()) for k, _, v in (one.partition(b":") for one in rest))
        length = next((int(v) for k, v in headers if k.lower() == b"content-length" and v.isdigit()), 0)
        body = await reader.readexactly(length)
        asked = Asked(len(self.seen) + 1, method, target, headers, body, self._loop.time())
        self.seen.append(asked)
        return asked


async def answered(app: Any, asked: Asked) -> Proper:
    """What an ASGI app answers."""
    path, _, query = asked.target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method, "scheme": "http",
        "path": unquote(path), "raw_path": path.encode("latin-1"), "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(k.lower(), v) for k, v in asked.headers], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
    }  # fmt: skip
    told: list[dict[str, Any]] = []
    given = iter([{"type": "http.request", "body": asked.body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(given, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in told[1:])
    return Proper(told[0]["status"], tuple(told[0]["headers"]), body)
