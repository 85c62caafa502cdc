"""The sender against servers on loopback that behave in every way a target may."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import gzip
import ipaddress
import socket
import ssl
import struct
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.target.connection import MAX_INFORMATIONAL, SLICE
from conformance.target.idle_connections import Keeping
from conformance.target.sender import TLS, Sender

pytestmark = pytest.mark.asyncio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Served:
    """A server under test: where it listens and what it saw."""

    url: str
    seen: list[bytes] = field(default_factory=list)
    """Each request as it came, head and body."""
    connections: int = 0


@pytest_asyncio.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """No exception of a future or task goes unretrieved in any of these tests."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    yield
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


@contextlib.asynccontextmanager
async def served(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    """Serve a handler on loopback; whatever is still open at the end is cut."""
    tasks: set[asyncio.Task[None]] = set()
    found = Served("")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    found.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    handler.served = found  # type: ignore[attr-defined]
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(v) for k, _, v in (x.partition(b":") for x in head.split(b"\r\n")) if k == b"Content-Length"), 0)
    return head + await reader.readexactly(length)


def answering(*answers: bytes | None) -> Handler:
    """Give these answers, one for each request over all connections; None closes instead, the last one repeats."""
    left = list(answers)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            handler.served.seen.append(await read_request(reader))  # type: ignore[attr-defined]
            answer = left.pop(0) if len(left) > 1 else left[0]
            if answer is None:
                return
            writer.write(answer)

    return handler


def then_close(answer: bytes) -> Handler:
    """Give one answer and close."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler.served.seen.append(await read_request(reader))  # type: ignore[attr-defined]
        writer.write(answer)

    return handler


@contextlib.asynccontextmanager
async def sending(**options: Any) -> AsyncIterator[Sender]:
    sender = Sender(**{"read_timeout": 2, "total_timeout": 3, "connect_timeout": 2, **options})
    try:
        yield sender
    finally:
        await sender.aclose()


def asking(served: Served, path: str = "/", method: str = "GET", **options: Any) -> httpx.Request:
    return httpx.Request(method, served.url + path, **options)


async def answer_to(answer: bytes, *, method: str = "GET", closes: bool = True, **options: Any) -> httpx.Response:
    """The response that the sender makes of these bytes."""
    async with served(then_close(answer) if closes else answering(answer)) as target, sending(**options) as sender:
        return await sender.handle_async_request(asking(target, method=method))


# -- what goes out


async def test_headers_go_out_byte_for_byte() -> None:
    headers = [
        (b"Host", b"a"), (b"X-B", b"2"), (b"x-a", b"1"), (b"X-B", b"3"), (b"X-Empty", b""),
        (b"Authorization", b"Bearer "), (b"X-Lead", b"  two"), (b"X-Tab", b"\ta\tb"),
        (b"X-High", b"\x80\xff"), (b"X-Nul", b"a\0b"), (b"Cookie", b"a=1"), (b"Cookie", b"a=2"),
    ]  # fmt: skip
    async with served(answering(OK)) as target, sending() as sender:
        await sender.handle_async_request(asking(target, "/p?q=%2F", headers=headers))
    lines = [b"%b: %b" % pair for pair in headers]
    assert target.seen == [b"GET /p?q=%2F HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n"]


async def test_a_body_follows_with_its_length() -> None:
    async with served(answering(OK)) as target, sending() as sender:
        await sender.handle_async_request(asking(target, method="POST", content=b"\x00\xff"))
    assert target.seen[0].endswith(b"Content-Length: 2\r\n\r\n\x00\xff")


async def test_a_multipart_body_goes_out_whole() -> None:
    async with served(answering(OK)) as target, sending() as sender:
        await sender.handle_async_request(asking(target, method="POST", files={"user": (None, "alice")}))
    assert b'name="user"\r\n\r\nalice\r\n' in target.seen[0]


@pytest.mark.parametrize(
    ("name", "value"), [(b"X", b"a\r\nX-Injected: 1"), (b"X", b"a\nb"), (b"X", b"a\rb"), (b"X\r\nY", b"1")]
)
async def test_a_line_break_in_a_header_is_never_sent(name: bytes, value: bytes) -> None:
    async with served(answering(OK)) as target, sending() as sender:
        with pytest.raises(httpx.LocalProtocolError):
            await sender.handle_async_request(asking(target, headers=[(name, value)]))
        await asyncio.sleep(0.02)
    assert (target.connections, target.seen) == (0, [])


async def test_raw_sends_a_line_break_all_the_same() -> None:
    async with served(answering(OK)) as target, sending() as sender:
        headers = [(b"X", b"a\r\nX-Injected: 1")]
        await sender.handle_async_request(asking(target, headers=headers, extensions={"raw": True}))
    assert b"X: a\r\nX-Injected: 1\r\n" in target.seen[0]


async def test_target_replaces_the_path() -> None:
    async with served(answering(OK)) as target, sending() as sender:
        await sender.handle_async_request(asking(target, "/me", extensions={"target": b"/a/../me;x?\xff"}))
    assert target.seen[0].startswith(b"GET /a/../me;x?\xff HTTP/1.1\r\n")


async def test_a_plain_request_through_a_proxy_names_the_whole_url() -> None:
    async with served(answering(OK)) as proxy, sending(proxy=proxy.url) as sender:
        response = await sender.handle_async_request(httpx.Request("GET", "http://target.test/me?a=1"))
    assert response.text == "ok"
    assert proxy.seen[0].startswith(b"GET http://target.test/me?a=1 HTTP/1.1\r\nHost: target.test\r\n")


async def test_an_exact_target_goes_through_a_proxy_and_a_login_in_the_url_does_not() -> None:
    async with served(answering(OK)) as proxy, sending(proxy=proxy.url) as sender:
        for target in (b"/a/../me", b"http://other.test/"):
            url = "http://user:secret@target.test/me"
            await sender.handle_async_request(httpx.Request("GET", url, extensions={"target": target}))
    assert [seen.split(b" ")[1] for seen in proxy.seen] == [b"http://target.test/a/../me", b"http://other.test/"]
    assert not any(b"secret" in seen for seen in proxy.seen)


async def test_a_scheme_that_is_not_http_is_never_sent() -> None:
    async with sending() as sender:
        with pytest.raises(httpx.UnsupportedProtocol, match="ftp"):
            await sender.handle_async_request(httpx.Request("GET", "ftp://127.0.0.1/"))


# -- what comes back


async def test_the_response_reads_like_any_other_of_httpx() -> None:
    response = await answer_to(
        b'HTTP/1.1 201 Fine\r\nContent-Type: application/json\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n'
        b'Content-Length: 8\r\n\r\n{"a": 1}'
    )  # fmt: skip
    assert (response.status_code, response.reason_phrase, response.http_version) == (201, "Fine", "HTTP/1.1")
    assert (response.content, response.text, response.json()) == (b'{"a": 1}', '{"a": 1}', {"a": 1})
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers.raw[1] == (b"Set-Cookie", b"a=1")
    assert await response.aread() == response.content
    assert response.request.method == "GET"
    assert abs(response.extensions["received_at"] - time.time()) < 5
    assert not response.extensions["truncated"]


async def test_a_chunked_body_is_joined() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = await answer_to(head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n", closes=False)
    assert response.content == b"abcde"
    assert response.headers.raw == [(b"Transfer-Encoding", b"chunked")]


async def test_no_header_is_told_that_the_target_never_sent() -> None:
    assert (await answer_to(b"HTTP/1.1 200 OK\r\n\r\nall of it")).headers.raw == []


async def test_the_times_are_of_the_last_byte_sent_and_the_head_received() -> None:
    began = time.time()
    extensions = (await answer_to(OK)).extensions
    assert began <= extensions["sent_at"] <= extensions["received_at"] <= time.time()


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"204 No Content"), ("GET", b"304 Not Modified")]
)
async def test_an_answer_without_a_body_ends_at_its_head(method: str, status: bytes) -> None:
    length = b"" if status.startswith(b"204") else b"Content-Length: 50\r\n"
    async with served(answering(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n")) as target, sending() as sender:
        for _ in range(2):
            response = await sender.handle_async_request(asking(target, method=method))
            assert response.content == b""
    assert target.connections == 1


async def test_a_body_without_length_ends_with_the_connection() -> None:
    async with served(then_close(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as target, sending() as sender:
        for _ in range(2):
            assert (await sender.handle_async_request(asking(target))).text == "all of it"
    assert target.connections == 2


async def test_interim_answers_are_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert (await answer_to(early + OK)).text == "ok"


async def test_a_gzip_body_is_unpacked() -> None:
    packed = gzip.compress(b"hello")
    response = await answer_to(_packed(packed, b"gzip"))
    assert (response.text, response.extensions["content_encoding"]) == ("hello", "gzip")


@pytest.mark.parametrize("body", [zlib.compress(b"hello"), zlib.compress(b"hello")[2:-4]])
async def test_deflate_is_unpacked_with_and_without_its_wrapping(body: bytes) -> None:
    assert (await answer_to(_packed(body, b"deflate"))).text == "hello"


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"gzip, deflate"])
@pytest.mark.parametrize("body", [b"plain", b"K", b'{"a":1}', b"[1]", b"\x03\x00 and more", b""])
async def test_a_body_that_lies_about_its_packing_comes_as_it_is(body: bytes, encoding: bytes) -> None:
    response = await answer_to(_packed(body, encoding))
    assert (response.content, response.extensions["truncated"]) == (body, False)


async def test_layers_of_packing_are_taken_off_in_turn() -> None:
    packed = zlib.compress(gzip.compress(b"hello"))
    response = await answer_to(_packed(packed, b"gzip\r\nContent-Encoding: identity, deflate"))
    assert (response.text, response.extensions["content_encoding"]) == ("hello", "gzip,identity, deflate")


async def test_what_follows_a_packed_body_counts_as_cut_off() -> None:
    response = await answer_to(_packed(gzip.compress(b"hello") + gzip.compress(b"more"), b"gzip"))
    assert (response.text, response.extensions["truncated"]) == ("hello", True)


@pytest.mark.parametrize(("size", "cut"), [(1000, False), (1001, True)])
async def test_a_packed_body_may_be_as_long_as_the_bound(size: int, cut: bool) -> None:
    response = await answer_to(_packed(gzip.compress(b"x" * size), b"gzip"), max_body=1000)
    assert (len(response.content), response.extensions["truncated"]) == (1000, cut)


def _packed(body: bytes, encoding: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (encoding, len(body)) + body


# -- connections


async def test_a_connection_is_used_again() -> None:
    async with served(answering(OK)) as target, sending() as sender:
        responses = [await sender.handle_async_request(asking(target)) for _ in range(3)]
    assert target.connections == 1
    assert [r.extensions["network_reused"] for r in responses] == [False, True, True]


async def test_connection_close_is_obeyed() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with served(answering(closing)) as target, sending() as sender:
        for _ in range(2):
            await sender.handle_async_request(asking(target))
    assert target.connections == 2


async def test_an_idle_connection_that_the_target_closed_is_replaced() -> None:
    async with served(then_close(OK)) as target, sending() as sender:
        for method in ("GET", "POST", "POST"):
            await sender.handle_async_request(asking(target, method=method))
            await asyncio.sleep(0.02)
    assert (target.connections, len(target.seen)) == (3, 3)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_an_idempotent_request_goes_again_when_the_connection_was_closed_under_it(method: str) -> None:
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    async with served(answering(answer, None, answer)) as target, sending() as sender:
        await sender.handle_async_request(asking(target))
        response = await sender.handle_async_request(asking(target, method=method))
    assert (response.status_code, response.extensions["network_reused"]) == (204, False)
    assert (target.connections, len(target.seen)) == (2, 3)


async def test_it_goes_again_once_and_no_more() -> None:
    async with served(answering(OK, None)) as target, sending() as sender:
        await sender.handle_async_request(asking(target))
        with pytest.raises(httpx.ReadError):
            await sender.handle_async_request(asking(target))
    assert len(target.seen) == 3


async def test_a_post_never_goes_twice() -> None:
    async with served(answering(OK, None)) as target, sending() as sender:
        await sender.handle_async_request(asking(target))
        with pytest.raises(httpx.ReadError):
            await sender.handle_async_request(asking(target, method="POST", content=b"pay"))
    assert len(target.seen) == 2


async def test_a_first_request_never_goes_twice() -> None:
    async with served(answering(None)) as target, sending() as sender:
        with pytest.raises(httpx.ReadError):
            await sender.handle_async_request(asking(target))
    assert len(target.seen) == 1


async def test_a_post_does_not_trust_a_connection_that_idled_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.sender.FRESH", 0.0)
    async with served(answering(OK)) as target, sending() as sender:
        for method in ("GET", "GET", "POST"):
            await sender.handle_async_request(asking(target, method=method))
    assert target.connections == 2


async def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await asyncio.sleep(0.02)
        writer.write(OK.replace(b"ok", b"NO"))
        await read_request(reader)

    async with served(handler) as target, sending() as sender:
        await sender.handle_async_request(asking(target))
        await asyncio.sleep(0.05)
        assert (await sender.handle_async_request(asking(target))).text == "ok"
    assert target.connections == 2


async def test_a_second_answer_on_the_heels_of_the_first_is_nobodys() -> None:
    async with served(answering(OK + OK.replace(b"ok", b"NO"), OK)) as target, sending() as sender:
        for _ in range(2):
            assert (await sender.handle_async_request(asking(target))).text == "ok"
    assert target.connections == 2


async def test_a_second_answer_behind_a_long_one_is_nobodys() -> None:
    long = b"HTTP/1.1 200 OK\r\nX: " + b"y" * SLICE + b"\r\nContent-Length: 2\r\n\r\nok"
    async with served(answering(long + b"HTTP/1.1 200 OK\r\nX: " + b"y" * SLICE, OK)) as target, sending() as sender:
        for _ in range(2):
            assert (await sender.handle_async_request(asking(target))).text == "ok"
    assert target.connections == 2


def with_threads(count: int, work: float = 0.0) -> Handler:
    """A server that gives each connection one of its few threads, until the peer hangs up."""
    threads = asyncio.Semaphore(count)
    answer = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with threads:
            answer.served = handler.served  # type: ignore[attr-defined]
            await asyncio.sleep(work)
            await answer(reader, writer)

    return handler


async def test_idle_connections_are_let_go_where_others_wait_for_their_threads() -> None:
    keeping = Keeping()
    async with served(with_threads(2)) as target, contextlib.AsyncExitStack() as stack:
        for _ in range(12):
            sender = await stack.enter_async_context(sending(keeping=keeping))
            assert (await sender.handle_async_request(asking(target))).status_code == 200
        assert not keeping.affordable


async def test_idle_connections_are_kept_where_an_answer_just_takes_long() -> None:
    keeping = Keeping()
    async with served(with_threads(99, 1.2)) as target, contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            sender = await stack.enter_async_context(sending(keeping=keeping))
            await sender.handle_async_request(asking(target))
        assert keeping.affordable


async def test_closing_the_sender_leaves_no_connection_of_a_request_in_flight() -> None:
    ended = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.05)
        writer.write(OK)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        ended.set()

    async with served(handler) as target, sending() as sender:
        task = asyncio.create_task(sender.handle_async_request(asking(target)))
        await asyncio.sleep(0.02)
        await sender.aclose()
        assert (await task).text == "ok"
        await asyncio.wait_for(ended.wait(), 1)


async def test_no_more_connections_than_allowed() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(0.01)
            writer.write(OK)

    async with served(handler) as target, sending(max_connections=2) as sender:
        await asyncio.gather(*(sender.handle_async_request(asking(target)) for _ in range(8)))
    assert target.connections == 2


async def test_cancelling_closes_the_connection() -> None:
    ended = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        ended.set()

    async with served(handler) as target, sending() as sender:
        task = asyncio.create_task(sender.handle_async_request(asking(target)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 1)


# -- the held last byte


async def test_the_last_byte_waits_for_the_start() -> None:
    async with served(answering(OK)) as target, sending(max_connections=4) as sender:
        await sender.warm(httpx.URL(target.url))
        start = asyncio.Event()
        runners = [
            asyncio.create_task(
                sender.handle_async_request(asking(target, method="POST", content=b"x", extensions={"hold": start}))
            )
            for _ in range(4)
        ]
        await asyncio.sleep(0.05)
        assert (target.connections, target.seen) == (4, [])
        start.set()
        assert [r.status_code for r in await asyncio.gather(*runners)] == [200] * 4


@pytest.mark.parametrize("body", [b"", b"body"])
async def test_all_but_the_last_byte_goes_ahead(body: bytes) -> None:
    arrived: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(1000))
        arrived.append(await reader.read(1000))
        writer.write(OK)

    async with served(handler) as target, sending() as sender:
        start = asyncio.Event()
        request = asking(target, method="POST", content=body, extensions={"hold": start})
        task = asyncio.create_task(sender.handle_async_request(request))
        await asyncio.sleep(0.03)
        assert len(arrived) == 1
        began = time.time()
        start.set()
        assert (await task).extensions["sent_at"] >= began
    assert arrived[1] == (body or b"\n")[-1:]
    assert b"".join(arrived).endswith(b"\r\n\r\n" + body)


async def test_a_target_that_hangs_up_before_the_start_is_an_error_and_never_asked_early() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with served(handler) as target, sending() as sender:
        start = asyncio.Event()
        task = asyncio.create_task(sender.handle_async_request(asking(target, extensions={"hold": start})))
        await asyncio.sleep(0.05)
        assert not task.done()
        start.set()
        with pytest.raises(httpx.TransportError):
            await task
        again = asyncio.create_task(sender.handle_async_request(asking(target, extensions={"hold": asyncio.Event()})))
        await asyncio.sleep(0.05)
        again.cancel()
        with pytest.raises(asyncio.CancelledError):
            await again
    assert target.connections == 2


# -- hostile targets


async def test_a_large_body_is_cut() -> None:
    response = await answer_to(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + b"x" * 5000, max_body=1000)
    assert (len(response.content), response.extensions["truncated"]) == (1000, True)


async def test_a_body_without_end_is_cut() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()

    async with served(handler) as target, sending(max_body=10_000) as sender:
        response = await sender.handle_async_request(asking(target))
    assert (len(response.content), response.extensions["truncated"]) == (10_000, True)


async def test_a_gzip_bomb_is_bounded() -> None:
    response = await answer_to(_packed(gzip.compress(b"\0" * 20_000_000), b"gzip"), max_body=100_000)
    assert (len(response.content), response.extensions["truncated"]) == (100_000, True)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x15\x03\x01\x00\x02\x02\x16", b"SSH-2.0-x\r\n", b"HTTP/9 huh\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_not_http_is_an_error_and_no_answer(garbage: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await answer_to(garbage)


async def test_a_flood_of_headers_ends() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    async with served(handler) as target, sending(max_header_bytes=20_000) as sender:
        with pytest.raises(httpx.RemoteProtocolError):
            await sender.handle_async_request(asking(target))


async def test_a_head_over_the_bound_is_refused_though_it_came_at_once() -> None:
    head = b"HTTP/1.1 200 OK\r\nX: " + b"y" * 60_000 + b"\r\nContent-Length: 2\r\n\r\nok"
    assert (await answer_to(head)).text == "ok"
    with pytest.raises(httpx.RemoteProtocolError):
        await answer_to(head, max_header_bytes=20_000)


async def test_a_flood_of_interim_answers_ends() -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await answer_to(b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INFORMATIONAL + 1) + OK)


async def test_a_reset_is_an_error() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await asyncio.sleep(0.02)
        # Not lingering at all is what turns a close into a reset.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with served(handler) as target, sending() as sender:
        with pytest.raises(httpx.ReadError):
            await sender.handle_async_request(asking(target))


async def test_a_slow_drip_ends_at_the_total_timeout() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        while True:
            writer.write(b".")
            await asyncio.sleep(0.02)

    async with served(handler) as target, sending(read_timeout=0.15, total_timeout=0.3) as sender:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout, match="not complete"):
            await sender.handle_async_request(asking(target))
    assert 0.25 < time.monotonic() - began < 1


async def test_the_total_timeout_holds_though_it_is_the_shorter() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(handler) as target, sending(read_timeout=5, total_timeout=0.1) as sender:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout, match="not complete"):
            await sender.handle_async_request(asking(target))
    assert time.monotonic() - began < 1


async def test_silence_ends_at_the_read_timeout() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(handler) as target, sending(read_timeout=0.1) as sender:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout, match="no byte"):
            await sender.handle_async_request(asking(target))
    assert 0.08 < time.monotonic() - began < 1


@pytest.mark.parametrize("bound", ["read_timeout", "total_timeout", "connect_timeout"])
async def test_while_the_kit_itself_stalls_no_target_is_late(bound: str) -> None:
    async with served(answering(OK)) as target, sending(**{bound: 0.1}) as sender:
        asyncio.get_running_loop().call_soon(time.sleep, 0.5)
        stalled = await sender.handle_async_request(asking(target))
        asyncio.get_running_loop().call_soon(time.sleep, 0.5)
        again = await sender.handle_async_request(asking(target))
    assert (stalled.status_code, again.status_code) == (200, 200)


async def test_a_target_that_never_accepts_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        host, port = full.getsockname()
        async with sending(connect_timeout=0.2) as sender:
            with pytest.raises(httpx.ConnectTimeout, match=r"did not accept within 0.2 s"):
                await sender.handle_async_request(asking(Served(f"http://{host}:{port}")))
        for other in others:
            other.close()


async def test_nobody_there_is_a_connect_error() -> None:
    async with served(answering(OK)) as target:
        pass
    async with sending() as sender:
        with pytest.raises(httpx.ConnectError) as caught:
            await sender.handle_async_request(asking(target))
    assert caught.value.request.method == "GET"
    assert caught.value.__cause__ is None


async def test_a_host_that_no_resolver_takes_is_a_connect_error() -> None:
    async with sending() as sender:
        with pytest.raises(httpx.ConnectError):
            await sender.warm(httpx.URL("http://" + "a" * 70 + ".test/"))


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate of 127.0.0.1, and a server context that uses it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return pem, context


async def test_an_unknown_authority_is_a_connect_error_that_says_why(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    async with served(answering(OK), tls=certificate[1]) as target, sending() as sender:
        with pytest.raises(httpx.ConnectError, match=r"TLS: .*self.signed"):
            await sender.handle_async_request(asking(target))
    assert target.seen == []


@pytest.mark.parametrize("verify", [True, False])
async def test_a_named_authority_or_none_at_all_is_accepted(
    certificate: tuple[Path, ssl.SSLContext], verify: bool
) -> None:
    tls = TLS(ca=certificate[0]) if verify else TLS(verify=False)
    async with served(answering(OK), tls=certificate[1]) as target, sending(tls=tls) as sender:
        for _ in range(2):
            assert (await sender.handle_async_request(asking(target))).text == "ok"
    assert target.connections == 1


async def test_http_spoken_to_a_tls_port_is_no_answer(certificate: tuple[Path, ssl.SSLContext]) -> None:
    async with served(answering(OK), tls=certificate[1]) as target, sending() as sender:
        request = httpx.Request("GET", target.url.replace("https", "http"))
        with pytest.raises(httpx.TransportError):
            await sender.handle_async_request(request)


async def test_tls_goes_through_a_proxy(certificate: tuple[Path, ssl.SSLContext]) -> None:
    async with served(answering(OK), tls=certificate[1]) as target, served(_tunnel()) as proxy:
        login = proxy.url.replace("//", "//user:pa%20ss@")
        async with sending(tls=TLS(ca=certificate[0]), proxy=login) as sender:
            for _ in range(2):
                assert (await sender.handle_async_request(asking(target))).text == "ok"
    place = target.url.removeprefix("https://").encode()
    assert proxy.seen[0].startswith(b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n" % (place, place))
    assert b"Proxy-Authorization: Basic dXNlcjpwYSBzcw==\r\n" in proxy.seen[0]
    assert proxy.connections == 1


def _tunnel() -> Handler:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler.served.seen.append(asked := await read_request(reader))  # type: ignore[attr-defined]
        host, _, port = asked.split(b" ")[1].decode().partition(":")
        beyond = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(pump(reader, beyond[1]), pump(beyond[0], writer))
        finally:
            beyond[1].close()

    return handler


async def test_a_proxy_that_refuses_is_a_proxy_error() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with served(answering(refusal)) as proxy, sending(proxy=proxy.url) as sender:
        for scheme in ("http", "https"):
            with pytest.raises(httpx.ProxyError, match="407"):
                await sender.handle_async_request(httpx.Request("GET", f"{scheme}://127.0.0.1:1/"))
