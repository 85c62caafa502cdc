"""One connection: writes a request's exact bytes, parses the answer with h11, bounded in size and time."""

from __future__ import annotations

import asyncio
import time
import zlib
from dataclasses import dataclass, field

import h11
import httpx

from conformance.target.stalls import Attention

SLICE = 16 * 1024
"""Bytes given to the parser at once: it counts a head against its bound only where it runs out of bytes."""
MAX_INFORMATIONAL = 20
"""Interim 1xx answers before the real one (RFC 9110 section 15.2); a hostile target may send them for ever."""
MAX_FIELDS = 256
"""Header fields of one answer; servers and clients give up far below."""


# h11 sees a stand-in: what matters to how an answer is framed is the method alone (RFC 9112 section 6.3).
STAND_INS = {m: h11.Request(method=m, target="/", headers=[("Host", "x")]) for m in ("GET", "HEAD", "CONNECT")}
END = h11.EndOfMessage()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one answer may cost; seconds and bytes."""

    max_body: int
    max_header_bytes: int
    read_timeout: float
    total_timeout: float


@dataclass(slots=True)
class Received:
    """An answer while it arrives."""

    status: int = 0
    reason: bytes = b""
    version: bytes = b"1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    truncated: bool = False
    sent_at: float = 0.0
    """When the last byte of the request was written."""
    head_at: float = 0.0


class Connection(asyncio.Protocol):
    """A keep-alive connection that carries one exchange at a time."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.usable = True
        """Neither closed by the peer nor left in the middle of an exchange."""
        self.used = False
        """An exchange went over it before."""
        self.idle_since = self.loop.time()
        """When the last exchange ended, on the loop's clock."""
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=bounds.max_header_bytes)
        self._waiter: asyncio.Future[None] | None = None
        self._received = Received()
        self._heard = False
        self._informational = 0
        self._silent = 0.0
        """Seconds of waiting since the last byte."""
        self._spent = 0.0
        """Seconds of waiting for the whole answer."""

    # -- the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The peer accepted."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer, or of one that nobody asked for."""
        for start in range(0, len(data), SLICE):
            if self._waiter is None or self._waiter.done():
                self.close()
                return
            self._heard, self._silent = True, 0.0
            self._feed(data[start : start + SLICE])

    def eof_received(self) -> None:
        """The peer has nothing more to say; some answers end that way."""
        self.usable = False
        self._feed(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.usable = False
        if exc is None:
            self._feed(b"")
        self._fail(httpx.ReadError("closed by the target before the answer was complete"))

    # -- one exchange

    async def exchange(self, method: str, head: bytes, body: bytes, hold: asyncio.Event | None) -> Received:
        """Write a request and wait for its answer.

        Raises:
            httpx.TransportError: no whole answer came, and why.
        """
        waiter = self._begin(method)
        try:
            await self._write(head + body, hold)
            self._silent = self._spent = 0.0
            attention = Attention(self._is_in_time, min(self.bounds.read_timeout, self.bounds.total_timeout))
            try:
                await waiter
            finally:
                attention.stop()
        except BaseException:
            # Cancelled or failed midway: what comes next on this connection belongs to nobody.
            self.close()
            if waiter.done() and not waiter.cancelled():
                # It may have failed while we waited for the start: nobody will ask it any more.
                waiter.exception()
            raise
        finally:
            self._waiter = None
        self.used = True
        self._end()
        return self._received

    def _begin(self, method: str) -> asyncio.Future[None]:
        self._received, self._heard, self._informational = Received(), False, 0
        self._waiter = self.loop.create_future()
        self._parser.send(STAND_INS.get(method, STAND_INS["GET"]))
        self._parser.send(END)
        return self._waiter

    async def _write(self, data: bytes, hold: asyncio.Event | None) -> None:
        if self.transport is None or self.transport.is_closing():
            raise httpx.WriteError("the connection is closed")
        if hold is None:
            self.transport.write(data)
            self._received.sent_at = time.time()
            return
        self.transport.write(data[:-1])
        await hold.wait()
        if self._heard:
            # Answered before it was asked: what the last byte now means to the target is anyone's guess.
            self.usable = False
        self.transport.write(data[-1:])
        self._received.sent_at = time.time()

    def _is_in_time(self, waited: float) -> bool:
        self._silent += waited
        self._spent += waited
        if self._spent >= self.bounds.total_timeout:
            self._fail(httpx.ReadTimeout(f"not complete within {self.bounds.total_timeout:g} s"))
        elif self._silent >= self.bounds.read_timeout:
            self._fail(httpx.ReadTimeout(f"no byte for {self.bounds.read_timeout:g} s"))
        else:
            return True
        return False

    def _feed(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            return
        try:
            self._parser.receive_data(data)
            while self._step(self._parser.next_event()):
                pass
        except h11.RemoteProtocolError as problem:
            if not data and not self._heard:
                self._fail(httpx.ReadError("closed by the target without an answer"))
            else:
                self._fail(httpx.RemoteProtocolError(str(problem)[:200]))

    def _step(self, event: object) -> bool:
        """Take one parsed event; whether there may be another."""
        got = self._received
        if isinstance(event, h11.Data):
            got.size += len(event.data)
            got.body.append(bytes(event.data))
            if got.size > self.bounds.max_body:
                got.truncated = True
                self._done()
            return not got.truncated
        if isinstance(event, h11.Response):
            if len(event.headers) > MAX_FIELDS:
                self._fail(httpx.RemoteProtocolError(f"{len(event.headers)} header fields"))
                return False
            got.status, got.reason, got.version = event.status_code, bytes(event.reason), bytes(event.http_version)
            got.headers, got.head_at = list(event.headers.raw_items()), time.time()
            return True
        if isinstance(event, h11.InformationalResponse):
            self._informational += 1
            if self._informational > MAX_INFORMATIONAL or event.status_code == 101:
                self._fail(httpx.RemoteProtocolError("interim answers instead of an answer"))
                return False
            return True
        if isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
            # Paused: a tunnel stands, and what follows is not HTTP.
            self._done()
        return False

    def _done(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, problem: httpx.TransportError) -> None:
        self.usable = False
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(problem)

    def _end(self) -> None:
        """Make ready for the next exchange, or close."""
        parser = self._parser
        finished = parser.our_state is h11.DONE and parser.their_state is h11.DONE and not parser.trailing_data[0]
        if self.usable and finished and not self._received.truncated:
            parser.start_next_cycle()
            self.idle_since = self.loop.time()
        elif parser.their_state is h11.SWITCHED_PROTOCOL:
            self.usable = False
        else:
            self.close()

    @property
    def heard(self) -> bool:
        """Whether any byte of the present answer arrived."""
        return self._heard

    def close(self) -> None:
        """Drop the connection."""
        self.usable = False
        if self.transport:
            self.transport.abort()


WBITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
"""zlib's window bits for each coding; deflate comes with and without its wrapping (RFC 9110 section 8.4.1.2)."""
MAX_CODINGS = 4
"""Layers of packing that are taken off; more is an attack on us."""


def unpacked(body: bytes, encoding: str, limit: int) -> tuple[bytes, bool]:
    """A body without its codings, at most `limit` bytes, and whether there was more; what does not unpack stays."""
    cut = False
    for coding in reversed(encoding.lower().split(",")[-MAX_CODINGS:]):
        body, more = _without(coding.strip(), body, limit)
        cut = cut or more
    return body, cut


def _without(coding: str, body: bytes, limit: int) -> tuple[bytes, bool]:
    for bits in WBITS.get(coding, ()):
        unpacker = zlib.decompressobj(bits)
        try:
            found = unpacker.decompress(body, limit + 1)
        except zlib.error:
            continue
        # What follows is not unpacked: a body of tiny members would cost the square of its size.
        more = bool(unpacker.unused_data)
        # A raw stream has no header to know it by: plain JSON passes for the start of one, so it must be whole.
        if (unpacker.eof and not more) or len(found) > limit or (found and bits > 0):
            return found[:limit], more or len(found) > limit
    return body, False
