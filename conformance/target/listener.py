"""A small server of the kit's own, which a target reaches when it follows an address that a forged token names.

A fetch is evidence by itself. It stands on loopback, or at an address that the description declares; never at a third
party's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_REQUEST = 8192
MAX_HITS = 1000
PATIENCE = 0.25
"""Seconds that a target gets to fetch after it has answered."""


@dataclass
class Listener:
    """Serves fixed documents below any first path segment, and remembers who asked."""

    documents: Mapping[str, tuple[str, bytes]] = field(repr=False)
    """Path below the nonce, such as ``/jwks.json``, to content type and body."""
    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    """How the target reaches it."""
    _seen: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; fills in `port`, and `url` unless one was given."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=MAX_REQUEST)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = self.url or f"http://{self.host}:{self.port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    async def hits(self, nonce: str) -> list[str]:
        """The requests that asked for something below `nonce`, as ``GET /path``; waits a moment for a late one."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not (found := [hit for hit in self._seen if f"/{nonce}/" in hit]):
            if asyncio.get_running_loop().time() >= deadline:
                return []
            await asyncio.sleep(0.02)
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
            method, path, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            if len(self._seen) < MAX_HITS:
                self._seen.append(f"{method} {path[:200]}")
            kind, body = self.documents.get("/" + path.rpartition("/")[2], ("text/plain", b""))
            status = "200 OK" if body else "404 Not Found"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                .encode() + body
            )  # fmt: skip
            await writer.drain()
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Whoever called did not speak HTTP; that is no evidence of anything.
            return
        finally:
            writer.close()
