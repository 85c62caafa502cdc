"""The kit's one sender: exact bytes out, answers parsed by h11, a connection or two for each party.

Ordinary clients refuse bytes that attacks need, own the cookies, and slow down with every busy connection. A request
that could not be sent is an error of its own class here, never an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import ssl
from base64 import b64encode
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import httpx

from conformance.target.connection import Bounds, Connection, Received, unpacked
from conformance.target.idle_connections import Keeping
from conformance.target.stalls import Attention

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
FRESH = 1.0
"""Seconds of idling after which a request that must not go twice gets a new connection; servers hang up from 2 s on."""
PORTS = {"http": 80, "https": 443}
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


@contextlib.asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    """End the block when it has waited so long.

    Raises:
        TimeoutError: it had to be ended.
    """
    left = seconds

    def is_in_time(waited: float) -> bool:
        nonlocal left
        left -= waited
        if left <= 0:
            limit.reschedule(0)
        return left > 0

    async with asyncio.timeout(None) as limit:
        attention = Attention(is_in_time, seconds)
        try:
            yield
        finally:
            attention.stop()


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
        keeping: Keeping | None = None,
    ) -> None:
        """Bounds are in bytes and seconds; `total_timeout` is for one whole exchange; parties share `keeping`."""
        self._tls = tls or TLS()
        self._proxy = httpx.URL(proxy) if proxy else None
        self._bounds = Bounds(max_body, max_header_bytes, read_timeout, total_timeout)
        self._connect_timeout = connect_timeout
        self.source: str | None = None
        """The own address that connections come from; None leaves it to the system."""
        self._keeping = keeping or Keeping()
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._places: defaultdict[Origin, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(max_connections))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Extensions of the request: ``target`` (bytes instead of the URL's path), ``raw`` (allow line breaks in headers),
        ``hold`` (an asyncio.Event before whose setting the last byte is kept back; no clock runs until then).
        Extensions of the response: ``http_version``, ``reason_phrase``, ``truncated``, ``content_encoding`` (the
        header's value; httpx would unpack without a bound, so the body comes unpacked and the header is taken off),
        ``sent_at`` (last byte) and ``received_at`` (head), both in seconds since 1970, ``network_reused``.

        Raises:
            httpx.TransportError: no whole answer came; ``LocalProtocolError`` means that it was never sent.
        """
        head, body = _head(request, absolute=self._proxy is not None), await request.aread()
        hold: asyncio.Event | None = request.extensions.get("hold")
        try:
            origin = _origin(request.url)
            async with self._places[origin]:
                reused, received = await self._send(origin, request.method, head, body, hold)
            if self._proxy and received.status == 407 and request.url.scheme == "http":
                # It is the proxy that refuses (RFC 9110 section 15.5.8): never to be taken for the target's refusal.
                raise httpx.ProxyError("the proxy answered 407")
        except httpx.TransportError as problem:
            # A short message of our own: chained tracebacks of a dead target cost most of a run.
            problem.request = request
            raise problem from None
        return self._response(request, received, reused)

    async def warm(self, url: httpx.URL) -> None:
        """Open one connection ahead of the first request, as races need."""
        origin = _origin(url)
        self._idle[origin].append(await self._connect(origin))

    async def aclose(self) -> None:
        """Drop every connection; one in the middle of an exchange is dropped at its end."""
        for connections in self._idle.values():
            for connection in connections:
                self._keeping.take(connection)
                connection.close()
        self._idle.clear()

    async def _send(
        self, origin: Origin, method: str, head: bytes, body: bytes, hold: asyncio.Event | None
    ) -> tuple[bool, Received]:
        idle = self._idle[origin]
        connection = self._next_idle(idle, method) or await self._connect(origin)
        reused = connection.used
        try:
            # Whoever holds back the last byte waits on purpose.
            with self._keeping.waiting() if hold is None else contextlib.nullcontext():
                received = await connection.exchange(method, head, body, hold)
        except (httpx.ReadError, httpx.WriteError):
            # The peer may close an idle connection just as a request sets out (RFC 9112 section 9.3.1). Not one byte
            # of an answer came, so an idempotent request may go again, once, on a connection that is surely new.
            if not reused or connection.heard or method not in IDEMPOTENT:
                raise
            connection, reused = await self._connect(origin), False
            received = await connection.exchange(method, head, body, hold)
        # Whoever closed the sender meanwhile will not come again to close this one.
        if connection.usable and self._idle.get(origin) is idle and self._keeping.affordable:
            self._keeping.keep(connection)
            idle.append(connection)
        else:
            connection.close()
        return reused, received

    def _next_idle(self, idle: list[Connection], method: str) -> Connection | None:
        while idle:
            connection = idle.pop()
            self._keeping.take(connection)
            stale = method not in IDEMPOTENT and connection.loop.time() - connection.idle_since > FRESH
            if connection.usable and not stale:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        scheme, host, port = origin
        secure = scheme == "https"
        try:
            async with _within(self._connect_timeout):
                if self._proxy:
                    return await self._through_proxy(self._proxy, host, port, secure)
                return await self._open(host, port, secure)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"{host}:{port} did not accept within {self._connect_timeout:g} s") from None
        except ssl.SSLError as problem:
            raise httpx.ConnectError(f"TLS: {problem.reason or problem}: {_why(problem)}".rstrip(": ")) from None
        except (OSError, UnicodeError) as problem:
            # A host name that no resolver takes is a UnicodeError.
            raise httpx.ConnectError(_said(problem)) from None

    async def _open(self, host: str, port: int, secure: bool) -> Connection:
        loop = asyncio.get_running_loop()
        context = _context(self._tls) if secure else None
        _, connection = await loop.create_connection(
            lambda: Connection(self._bounds), host, port, ssl=context, server_hostname=host if secure else None,
            local_addr=(self.source, 0) if self.source else None,
        )  # fmt: skip
        return connection

    async def _through_proxy(self, proxy: httpx.URL, host: str, port: int, secure: bool) -> Connection:
        connection = await self._open(proxy.host, proxy.port or PORTS.get(proxy.scheme, 80), proxy.scheme == "https")
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
        names = [name.lower() for name, _ in headers]
        encoding = ""
        if b"content-encoding" in names:
            encoding = b",".join(v for k, v in headers if k.lower() == b"content-encoding").decode("latin-1")
        if encoding:
            body, more = unpacked(body, encoding, self._bounds.max_body)
            cut = cut or more
            headers = [(k, v) for k, v in headers if k.lower() != b"content-encoding"]
        response = httpx.Response(
            received.status, headers=headers, content=body, request=request,
            extensions={
                "http_version": b"HTTP/" + received.version, "reason_phrase": received.reason, "truncated": cut,
                "content_encoding": encoding, "sent_at": received.sent_at, "received_at": received.head_at,
                "network_reused": reused,
            },
        )  # fmt: skip
        if body and b"content-length" not in names:
            # httpx adds one of its own, which the target never sent.
            del response.headers["content-length"]
        return response


def _head(request: httpx.Request, *, absolute: bool) -> bytes:
    target: bytes = request.extensions.get("target") or request.url.raw_path or b"/"
    if absolute and request.url.scheme == "http" and target.startswith(b"/"):
        # RFC 9112 section 3.2.2; a target of another form is what the caller wants the proxy to see.
        target = b"http://" + request.url.netloc + target
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("latin-1"), target)]
    lines += [b"%b: %b" % pair for pair in request.headers.raw]
    if not request.extensions.get("raw") and any(b"\r" in line or b"\n" in line for line in lines):
        raise httpx.LocalProtocolError("a line break inside a header", request=request)
    return b"\r\n".join([*lines, b"", b""])


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in PORTS:
        raise httpx.UnsupportedProtocol(f"neither http nor https: {url.scheme or 'no scheme'}")
    return url.scheme, url.host, url.port or PORTS[url.scheme]


def _proxy_login(proxy: httpx.URL) -> str:
    if not proxy.username:
        return ""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password)}"
    return f"Proxy-Authorization: Basic {b64encode(pair.encode()).decode()}\r\n"


def _said(problem: OSError | UnicodeError) -> str:
    """Why there is no connection, in the system's words; asyncio's own tell of a call in place of a refusal."""
    number = getattr(problem, "errno", None) or 0
    return os.strerror(number) if number > 0 else getattr(problem, "strerror", None) or str(problem)


def _why(problem: ssl.SSLError) -> str:
    return getattr(problem, "verify_message", "") or ""
