"""The kit's one sender: exact bytes out, answers parsed by h11, a connection or two for each party.

Ordinary clients refuse bytes that attacks need, own the cookies, and slow down with every busy connection. A request
that could not be sent is an error of its own class here, never an answer.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx

from conformance.target.connection import Bounds, Connection, Received, unpacked

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
FRESH = 1.0
"""Seconds of idling after which a request that must not go twice gets a new connection; servers hang up from 2 s on."""
Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class TLS:
    """Whom to trust."""

    ca: Path | None = None
    """A PEM file of authorities to trust instead of the system's."""
    verify: bool = True


@functools.cache
def _context(tls: TLS) -> ssl.SSLContext:
    # Loading the authorities takes 26 ms: once for each setting, and only when https is spoken.
    context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class Sender(httpx.AsyncBaseTransport):
    """The transport of one party."""

    def __init__(
        self,
        *,
        tls: TLS | None = None,
        proxy: str | None = None,
        max_connections: int = 2,
        max_body: int = 2 * 2**20,
        max_header_bytes: int = 256 * 1024,
        connect_timeout: float = 5,
        read_timeout: float = 10,
        total_timeout: float = 30,
    ) -> None:
        """Bounds are in bytes and seconds; `total_timeout` is for one whole exchange."""
        self._tls = tls or TLS()
        self._proxy = httpx.URL(proxy) if proxy else None
        self._bounds = Bounds(max_body, max_header_bytes, read_timeout, total_timeout)
        self._connect_timeout = connect_timeout
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._places: defaultdict[Origin, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(max_connections))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Extensions of the request: ``target`` (bytes instead of the URL's path), ``raw`` (allow line breaks in headers),
        ``hold`` (an asyncio.Event before whose setting the last byte is kept back).

        Raises:
            httpx.TransportError: no whole answer came; ``LocalProtocolError`` means that it was never sent.
        """
        head, body = _head(request, absolute=self._proxy is not None), await request.aread()
        hold: asyncio.Event | None = request.extensions.get("hold")
        origin = request.url.scheme, request.url.host, request.url.port or _default_port(request.url)
        try:
            async with self._places[origin]:
                reused, received = await self._send(origin, request.method, head, body, hold)
        except httpx.TransportError as problem:
            # A short message of our own: chained tracebacks of a dead target cost most of a run.
            problem.request = request
            raise problem from None
        return self._response(request, received, reused)

    async def warm(self, url: httpx.URL) -> None:
        """Open a connection ahead of the first request, as races need."""
        origin = url.scheme, url.host, url.port or _default_port(url)
        self._idle[origin].append(await self._connect(origin))

    async def aclose(self) -> None:
        """Drop every connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
            connections.clear()

    async def _send(
        self, origin: Origin, method: str, head: bytes, body: bytes, hold: asyncio.Event | None
    ) -> tuple[bool, Received]:
        connection = self._idle_connection(origin, method) or await self._connect(origin)
        reused = connection.used
        try:
            received = await connection.exchange(method, head, body, hold)
        except (httpx.ReadError, httpx.WriteError):
            # The peer may close an idle connection just as a request sets out (RFC 9112 section 9.3.1). Not one byte
            # of an answer came, so an idempotent request may go again, once, on a connection that is surely new.
            if not reused or connection.heard or method not in IDEMPOTENT:
                raise
            connection = await self._connect(origin)
            received = await connection.exchange(method, head, body, hold)
        if connection.usable:
            self._idle[origin].append(connection)
        else:
            connection.close()
        return reused, received

    def _idle_connection(self, origin: Origin, method: str) -> Connection | None:
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            stale = method not in IDEMPOTENT and connection.loop.time() - connection.idle_since > FRESH
            if connection.usable and not stale:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        scheme, host, port = origin
        secure = scheme == "https"
        try:
            async with asyncio.timeout(self._connect_timeout):
                if self._proxy:
                    return await self._through_proxy(self._proxy, host, port, secure)
                return await self._open(host, port, secure)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"{host}:{port} did not accept within {self._connect_timeout:g} s") from None
        except ssl.SSLError as problem:
            raise httpx.ConnectError(f"TLS: {problem.reason or problem}: {_why(problem)}".rstrip(": ")) from None
        except (OSError, UnicodeError) as problem:
            # A host name that no resolver takes is a UnicodeError.
            raise httpx.ConnectError(getattr(problem, "strerror", None) or str(problem)) from None

    async def _open(self, host: str, port: int, secure: bool) -> Connection:
        loop = asyncio.get_running_loop()
        context = _context(self._tls) if secure else None
        _, connection = await loop.create_connection(
            lambda: Connection(self._bounds), host, port, ssl=context, server_hostname=host if secure else None
        )
        return connection

    async def _through_proxy(self, proxy: httpx.URL, host: str, port: int, secure: bool) -> Connection:
        connection = await self._open(proxy.host, proxy.port or _default_port(proxy), proxy.scheme == "https")
        if not secure:
            return connection
        try:
            return await self._tunnel(connection, proxy, host, port)
        except BaseException:
            connection.close()
            raise

    async def _tunnel(self, connection: Connection, proxy: httpx.URL, host: str, port: int) -> Connection:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        ask = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{_proxy_login(proxy)}\r\n".encode()
        answer = await connection.exchange("CONNECT", ask, b"", None)
        transport = connection.transport
        if not 200 <= answer.status < 300 or transport is None:
            raise httpx.ProxyError(f"the proxy answered {answer.status}")
        inner = Connection(self._bounds)
        loop = asyncio.get_running_loop()
        upgraded = await loop.start_tls(transport, inner, _context(self._tls), server_hostname=host)
        if upgraded is None:
            raise httpx.ConnectError("TLS through the proxy failed")
        inner.connection_made(upgraded)
        return inner

    def _response(self, request: httpx.Request, received: Received, reused: bool) -> httpx.Response:
        body, cut = b"".join(received.body)[: self._bounds.max_body], received.truncated
        headers = received.headers
        encoding = next((v.decode("latin-1") for k, v in headers if k.lower() == b"content-encoding"), "")
        if encoding:
            # httpx would unpack without a bound; we do it bounded, and keep the header out of its sight.
            body, more = unpacked(body, encoding, self._bounds.max_body)
            cut = cut or more
            headers = [(k, v) for k, v in headers if k.lower() != b"content-encoding"]
        return httpx.Response(
            received.status, headers=headers, content=body, request=request,
            extensions={
                "http_version": b"HTTP/" + received.version, "reason_phrase": received.reason, "truncated": cut,
                "content_encoding": encoding, "received_at": received.head_at or time.time(), "network_reused": reused,
            },
        )  # fmt: skip


def _head(request: httpx.Request, *, absolute: bool) -> bytes:
    target: bytes = request.extensions.get("target") or request.url.raw_path or b"/"
    if absolute and request.url.scheme == "http":
        target = str(request.url.copy_with(fragment=None)).encode()
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("latin-1"), target)]
    lines += [b"%b: %b" % pair for pair in request.headers.raw]
    if not request.extensions.get("raw") and any(b"\r" in line or b"\n" in line for line in lines):
        raise httpx.LocalProtocolError("a line break inside a header", request=request)
    return b"\r\n".join([*lines, b"", b""])


def _default_port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _proxy_login(proxy: httpx.URL) -> str:
    if not proxy.username:
        return ""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password)}"
    return f"Proxy-Authorization: Basic {b64encode(pair.encode()).decode()}\r\n"


def _why(problem: ssl.SSLError) -> str:
    return getattr(problem, "verify_message", "") or ""
