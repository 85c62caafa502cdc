"""Where every request of the kit passes: allow-list, pacing, bounds and the record.

Nothing leaves the kit around this module. "Could not be sent" is never "was refused": an exchange without an answer
says why, and the oracle calls it unclear.
"""

from __future__ import annotations

import asyncio
import contextlib
import string
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from conformance.model import Answer, Exchange, Request
from conformance.target.http_dates import moment, told_by

EVIDENCE_BODY = 64 * 1024
"""Bytes of a body that the evidence of a verdict keeps; what decides was read from the whole body before."""
WORD = (string.ascii_letters + string.digits + "%+/.~=_-").encode()
"""What a credential is written in."""
LOG_HEAD = 60
LOG_TAIL = 140
LOG_BYTES = 2 * 2**20
"""Bytes of answers that each end of a record keeps, beside its newest exchange."""

PATIENCE = 60.0
"""Seconds of quiet that a target is given in a whole run when it asks for less haste (RFC 9110 section 10.2.3)."""
QUIET = 10.0
"""Seconds of quiet at once at the most."""

BROKEN = 500
"""From this status on an answer says that the server, or what stands behind it, does not work."""

CUT = "the connection broke"
"""What is said of a connection that ended without a whole answer."""
GONE = "no connection"
"""What is said where nobody listens."""
SUSPECTS = 16
"""Requests that may be under way when a process ends, more or less."""

TransportFactory = Callable[[], httpx.AsyncBaseTransport]


class Log:
    """The exchanges of one check in order, bounded: the first ones and the last ones are kept."""

    def __init__(self, onlooker: Callable[[Exchange], None] | None = None) -> None:
        self._head: list[Exchange] = []
        self._tail: list[Exchange] = []
        self._onlooker = onlooker
        self._head_bytes = self._tail_bytes = 0
        self.count = 0

    def add(self, exchange: Exchange) -> None:
        """Record one exchange."""
        self.count += 1
        if self._onlooker:
            self._onlooker(exchange)
        size = _size(exchange)
        if not self._tail and len(self._head) < LOG_HEAD and self._head_bytes + size <= LOG_BYTES:
            self._head.append(exchange)
            self._head_bytes += size
            return
        self._tail.append(exchange)
        self._tail_bytes += size
        if len(self._tail) > 2 * LOG_TAIL:
            self._drop(LOG_TAIL)
        while self._tail_bytes > LOG_BYTES and len(self._tail) > 1:
            self._drop(1)

    def _drop(self, count: int) -> None:
        self._tail_bytes -= sum(map(_size, self._tail[:count]))
        del self._tail[:count]

    def __iter__(self) -> Iterator[Exchange]:
        yield from self._head
        yield from self._tail

    def last(self) -> Exchange | None:
        """The newest exchange, or None."""
        newest = self._tail or self._head
        return newest[-1] if newest else None


def for_record(exchange: Exchange) -> Exchange:
    """The exchange as evidence keeps it: a long body is cut, before a word, since half a secret is not known as one."""
    answer = exchange.answer
    if answer is None or len(answer.body) <= EVIDENCE_BODY:
        return exchange
    body = answer.body[:EVIDENCE_BODY].rstrip(WORD)
    return replace(exchange, answer=replace(answer, body=body, truncated=True))


def _size(exchange: Exchange) -> int:
    """Bytes of the request and the answer, about."""
    request, answer = exchange.request, exchange.answer
    sent = len(request.body) + sum(len(k) + len(v) for k, v in request.headers)
    return sent + (len(answer.body) + sum(len(k) + len(v) for k, v in answer.headers) if answer else 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard the kit may press the target."""

    concurrency: int = 16
    """Requests in flight at once."""
    rate: float | None = None
    """Requests per second, or no limit."""


@dataclass
class Pulse:
    """Whether the target still lives, as far as its answers tell."""

    answered_at: float = field(default_factory=time.monotonic)
    """When the last answer came that was no error of the server's."""
    lost: int = 0
    """Requests since then, each of which came to nothing."""
    trouble: str = ""
    """What the last of them met."""
    suspects: list[Exchange] = field(default_factory=list)
    """Those of them whose connection broke: a process that ends cuts off what it is working on."""

    def feel(self, exchange: Exchange) -> None:
        """Take one more exchange into account."""
        answer = exchange.answer
        if answer is not None and answer.status < BROKEN:
            self.answered_at, self.lost = time.monotonic(), 0
            self.suspects.clear()
            return
        self.lost += 1
        self.trouble = f"status {answer.status}" if answer else (exchange.error or "").partition(":")[0]
        if self.trouble == CUT and len(self.suspects) < SUSPECTS:
            self.suspects.append(exchange)


@dataclass
class Wire:
    """The one way out."""

    origins: frozenset[tuple[str, str, int]]
    """(scheme, host, port) that the kit may contact: the described target, its replicas, nothing else."""
    transport: TransportFactory
    limits: Limits = field(default_factory=Limits)
    requests: int = 0
    patience: float = PATIENCE
    """Seconds of quiet that are left for a target that answers with ``Retry-After``."""
    pulse: Pulse = field(default_factory=Pulse)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.limits.concurrency)
        self._next_start = 0.0

    async def send(
        self, lane: httpx.AsyncBaseTransport, request: httpx.Request, *, party: str, purpose: str, log: Log,
        racing: bool = False,
    ) -> Exchange:  # fmt: skip
        """Send one request and record what happened; network trouble is recorded, never raised.

        A `racing` request takes none of the run's places: it may have to be in flight for as long as another one is.
        """
        # A multipart body is written when it is first read, and the record wants what was not sent, too.
        await request.aread()
        if origin_of(request.url) not in self.origins:
            return self._record(request, None, "the kit did not send this: the host is not part of the target",
                                party, purpose, log, time.time(), 0.0)  # fmt: skip
        async with contextlib.nullcontext() if racing else self._slots:
            await self._pace()
            self.requests += 1
            sent, began = time.time(), time.perf_counter()
            answer: Answer | None = None
            error = None
            try:
                answer = await _exchange(lane, request)
                self._heed(answer)
            except httpx.TransportError as problem:
                error = f"{_kind(problem)}: {problem}" if str(problem) else _kind(problem)
            exchange = self._record(request, answer, error, party, purpose, log, sent, time.perf_counter() - began)
            self.pulse.feel(exchange)
            return exchange

    async def _pace(self) -> None:
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        if self.limits.rate:
            self._next_start = start + 1 / self.limits.rate
        if start > now:
            await asyncio.sleep(start - now)

    def _heed(self, answer: Answer) -> None:
        """Keep quiet for as long as the target asks, within bounds; those under way are not called back."""
        now = asyncio.get_running_loop().time()
        asked = min(retry_after(answer), QUIET, self.patience + max(0.0, self._next_start - now))
        longer = now + asked - max(now, self._next_start)
        if longer > 0:
            self.patience -= longer
            self._next_start = now + asked

    def _record(
        self,
        request: httpx.Request,
        answer: Answer | None,
        error: str | None,
        party: str,
        purpose: str,
        log: Log,
        sent: float,
        seconds: float,
    ) -> Exchange:
        record = Request(request.method, str(request.url), tuple(request.headers.raw), request.content)
        exchange = Exchange(record, answer, error, party, purpose, sent, seconds)
        log.add(exchange)
        return exchange


async def _exchange(lane: httpx.AsyncBaseTransport, request: httpx.Request) -> Answer:
    response = await lane.handle_async_request(request)
    body = await response.aread()
    headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers.raw)
    cut = bool(response.extensions.get("truncated", False))
    return Answer(response.status_code, headers, body, cut)


def retry_after(answer: Answer) -> float:
    """Seconds for which a target asks to be left alone; zero where it does not, or says neither seconds nor a date."""
    told = (answer.header("retry-after") or "").strip()
    if answer.status not in (429, 503):
        return 0.0
    if told.isascii() and told.isdigit() and len(told) < 20:
        return float(told)
    until, now = moment(told), told_by(answer)
    return 0.0 if until is None else max(0.0, until - (time.time() if now is None else now))


def _kind(problem: httpx.TransportError) -> str:
    words: dict[type[Any], str] = {
        httpx.ConnectTimeout: "no connection in time",
        httpx.ConnectError: GONE,
        httpx.ReadTimeout: "no answer in time",
        httpx.WriteTimeout: "could not be sent in time",
        httpx.LocalProtocolError: "could not be sent",
        httpx.RemoteProtocolError: "the answer is not HTTP",
        httpx.ReadError: CUT,
        httpx.WriteError: CUT,
        httpx.ProxyError: "the proxy refused",
        httpx.UnsupportedProtocol: "could not be sent",
    }
    return words.get(type(problem), type(problem).__name__)


def origin_of(url: httpx.URL | str) -> tuple[str, str, int]:
    """Scheme, host and port, the port filled in."""
    parsed = httpx.URL(url) if isinstance(url, str) else url
    return parsed.scheme, parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80)


def origins_of(urls: Iterable[str]) -> frozenset[tuple[str, str, int]]:
    """The origins of several URLs."""
    return frozenset(origin_of(url) for url in urls)
