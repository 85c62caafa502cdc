"""What a hostile target may do, one function each; the table says what the kit must make of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.server import Asked, Peer, Proper, Scenario, properly

ESCAPES = "\x1b[31m\x1b]0;owned\x07\x9b2J\u202e"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(1)>"
SHELL = "$(touch owned)`touch owned`';touch owned;'\"\ntouch owned\n"
EVIL = MARKUP + ESCAPES + SHELL + "]]>&amp;%0d%0aX-Injected: 1"
TELLING = EVIL.encode()
HEADER_SAFE = EVIL.replace("\n", "").encode("utf-8")
DRIP = 0.02
"""Seconds between two bytes of a drip: less than any timeout of a read."""
HUGE = 10**9


@dataclass(frozen=True)
class Hostile:
    """One scenario and what must come of it."""

    name: str
    run: Scenario
    reason: str
    """What the message of preflight matches when it is so from the start; empty where the target still conforms."""
    greets: bool = False
    heavy: bool = False
    """It sends much: memory is measured."""


NOTHING_THERE = r"preflight: login\.steps\[0\]: nothing stands at take\.csrf"
SCENARIOS: dict[str, Hostile] = {}


def hostile(reason: str, *, greets: bool = False, heavy: bool = False) -> Callable[[Scenario], Scenario]:
    def add(run: Scenario) -> Scenario:
        name = run.__name__.replace("_", "-")  # type: ignore[attr-defined]
        SCENARIOS[name] = Hostile(name, run, reason, greets, heavy)
        return run

    return add


def page(body: bytes, *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    told = [b"HTTP/1.1 " + status, b"Content-Length: %d" % (len(body) if length is None else length), *headers]
    return b"\r\n".join([*told, b"", body])


# -- silence and slowness


@hostile("no answer in time: no byte for")
async def never_answers(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.silence()


@hostile("no answer in time: no byte for")
async def silent_after_the_head(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.but(body=b"x" * 10).head())
    await peer.silence()


@hostile("no answer in time: no byte for")
async def silent_amid_the_body(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{", length=100))
    await peer.silence()


@hostile("no answer in time: not complete within")
async def a_byte_at_a_time(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"", length=HUGE))
    while True:
        await peer.give(b" ")
        await asyncio.sleep(DRIP)


@hostile("no answer in time: not complete within")
async def a_head_byte_at_a_time(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        await peer.give(b"x")
        await asyncio.sleep(DRIP)


# -- too much


async def _for_ever(peer: Peer, piece: bytes) -> None:
    while True:
        await peer.give(piece)


@hostile("too long to be read whole", heavy=True)
async def endless_body(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    await _for_ever(peer, b'{"id":"alice","a":"' + b"x" * 2**14)


@hostile("too long to be read whole", heavy=True)
async def endless_chunks(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await _for_ever(peer, b"4000\r\n" + b"x" * 2**14 + b"\r\n")


@hostile("the answer is not HTTP", heavy=True)
async def endless_headers(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\n")
    await _for_ever(peer, b"X-More: and more\r\n" * 1000)


@hostile("the answer is not HTTP", heavy=True)
async def an_endless_line(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 ")
    await _for_ever(peer, b"O" * 2**16)


@hostile("the answer is not HTTP", heavy=True)
async def endless_trailers(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    await _for_ever(peer, b"X-More: and more\r\n" * 1000)


@hostile("the answer is not HTTP")
async def interim_answers_without_end(peer: Peer, asked: Asked, proper: Proper) -> None:
    await _for_ever(peer, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


@hostile("the answer is not HTTP: 5\\d\\d\\d header fields", heavy=True)
async def thousands_of_headers(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.but(*((b"X-%d" % at, b"more") for at in range(5000))).raw)


@hostile("the answer is not HTTP: 3\\d\\d\\d header fields", heavy=True)
async def thousands_of_cookies(peer: Peer, asked: Asked, proper: Proper) -> None:
    # New values in each answer, behind the one that counts.
    base = b"%032x" % peer.random.getrandbits(128)
    await peer.give(proper.but(*((b"Set-Cookie", b"c%d=%b%d" % (at, base, at)) for at in range(3000))).raw)


@hostile("", heavy=True)
async def hundreds_of_cookies(peer: Peer, asked: Asked, proper: Proper) -> None:
    base = b"%032x" % peer.random.getrandbits(128)
    await peer.give(proper.but(*((b"Set-Cookie", b"c%d=%b%d" % (at, base, at)) for at in range(150))).raw)


@hostile("", heavy=True)
async def a_cookie_of_new_name_each_time(peer: Peer, asked: Asked, proper: Proper) -> None:
    name = b"%032x" % peer.random.getrandbits(128)
    await peer.give(proper.but((b"Set-Cookie", b"%b=%b" % (name, b"v" * 4000))).raw)


@hostile("", heavy=True)
async def a_huge_cookie(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.but((b"Set-Cookie", b"big=" + b"v" * 100_000)).raw)


@hostile("")
async def a_cookie_of_thousands_of_attributes(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.but((b"Set-Cookie", b"theme=dark" + b"; Path=/" * 5000)).raw)


# -- packing


@hostile("too long to be read whole", heavy=True)
async def a_gzip_bomb(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(BOMB, b"Content-Encoding: gzip"))


@hostile("too long to be read whole", heavy=True)
async def a_deflate_bomb(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(FLAT_BOMB, b"Content-Encoding: deflate"))


@hostile("too long to be read whole", heavy=True)
async def a_bomb_in_a_bomb(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(NESTED_BOMB, b"Content-Encoding: gzip, gzip, gzip"))


@hostile("too long to be read whole", heavy=True)
async def layers_without_end(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(NESTED_BOMB, b"Content-Encoding: " + b", ".join([b"gzip"] * 1000)))


@hostile(NOTHING_THERE)
async def brotli_that_nobody_asked_for(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"\xce\xff\xff\xff\xff\xff" * 1000, b"Content-Encoding: br"))


@hostile("")
async def packed_in_name_only(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.but((b"Content-Encoding", b"gzip")).raw)


def _zeros(size: int) -> bytes:
    return gzip.compress(bytes(size), 9, mtime=0)


BOMB = _zeros(64 * 2**20)
NESTED_BOMB = gzip.compress(gzip.compress(BOMB, mtime=0), mtime=0)
FLAT_BOMB = zlib.compress(bytes(64 * 2**20), 9)


# -- lies about length


@hostile(NOTHING_THERE)
async def a_length_too_short(peer: Peer, asked: Asked, proper: Proper) -> None:
    body = proper.body or b"{}"
    plain = proper.without(b"content-length")
    await peer.give(plain.head()[:-2] + b"Content-Length: %d\r\n\r\n" % (len(body) // 2) + body)


@hostile("the connection broke|the answer is not HTTP")
async def a_length_too_long(peer: Peer, asked: Asked, proper: Proper) -> None:
    plain = proper.without(b"content-length")
    await peer.give(plain.head()[:-2] + b"Content-Length: %d\r\n\r\n" % (len(proper.body) + 9) + proper.body)
    await peer.close()


@hostile("the answer is not HTTP")
async def two_lengths(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{}", b"Content-Length: 1"))


@hostile("the answer is not HTTP")
async def a_negative_length(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{}", length=-1))


@hostile("the answer is not HTTP")
async def a_length_that_is_no_number(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}")


@hostile("the answer is not HTTP|no answer in time|the connection broke")
async def an_astronomic_length(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}")
    await peer.close()


@hostile("the answer is not HTTP")
async def both_length_and_chunks(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{}\r\n\r\n", b"Transfer-Encoding: chunked"))


@hostile("the answer is not HTTP")
async def chunks_that_are_none(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n")


@hostile("the answer is not HTTP|the connection broke")
async def a_chunk_of_astronomic_size(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"F" * 200 + b"\r\n{}\r\n")
    await peer.close()


@hostile("the answer is not HTTP|the connection broke")
async def chunks_without_an_end(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    await peer.close()


# -- broken connections


@hostile("the connection broke")
async def a_reset_at_once(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.reset()


@hostile("the connection broke|no connection|could not be sent", greets=True)
async def a_reset_before_it_is_asked(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.reset()


@hostile("the connection broke|the answer is not HTTP")
async def a_reset_amid_the_head(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 200 O")
    await asyncio.sleep(DRIP)
    await peer.reset()


@hostile("the connection broke|the answer is not HTTP")
async def a_reset_amid_the_body(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{", length=10))
    await asyncio.sleep(DRIP)
    await peer.reset()


@hostile("the connection broke")
async def it_hangs_up(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.close()


@hostile("")
async def it_hangs_up_after_each_answer(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.but((b"Connection", b"close")).raw)
    await peer.close()


# -- no HTTP


@hostile("the answer is not HTTP")
async def garbage(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(peer.random.randbytes(4000) + b"\r\n\r\n")


@hostile("the answer is not HTTP")
async def another_protocol(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"SSH-2.0-OpenSSH_9.9\r\n" + b"220 mail.example ESMTP\r\n" + ESCAPES.encode() + b"\r\n\r\n")


@hostile("the answer is not HTTP")
async def http_0_9(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b'<html><body>{"id": "alice"}</body></html>')
    await peer.close()


@hostile("the answer is not HTTP")
async def another_protocol_is_switched_to(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")


@hostile(NOTHING_THERE, greets=True)
async def it_answers_before_it_is_asked(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b'{"id": "alice"}', b"Content-Type: application/json"))


@hostile("the answer is not HTTP")
async def a_status_beyond_all(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{}", status=b"99999 Over"))


@hostile("the answer is not HTTP")
async def control_characters_in_a_header(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"{}", b"X-Evil: \x00\x07\x1b[2J"))


# -- redirects: none of these may reach the other host; `peer.server.elsewhere` says where it is


@hostile("preflight: login")
async def a_redirect_loop(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"", b"Location: " + asked.target.encode("latin-1"), status=b"302 Found"))


@hostile("preflight: login")
async def redirects_to_another_host(peer: Peer, asked: Asked, proper: Proper) -> None:
    host = peer.server.elsewhere
    tricks = (f"http://{host}/", f"//{host}/", f"http://127.0.0.1:{peer.server.port}@{host}/", f"\\\\{host}/",
              f"http:{host}/", f"http:///{host}/", f"/\\{host}/", f"http://{host}\\@127.0.0.1:{peer.server.port}/",
              f"http://127.0.0.1:{peer.server.port}\t@{host}/", f"https://{host}/", "http://[", "file:///etc/passwd",
              f"http://{host}%2f@127.0.0.1:{peer.server.port}/")  # fmt: skip
    place = tricks[asked.number % len(tricks)].encode()
    await peer.give(page(b"", b"Location: " + place, status=peer.random.choice([b"302 Found", b"307 Temporary"])))


@hostile("preflight: login")
async def headers_smuggled_into_a_location(peer: Peer, asked: Asked, proper: Proper) -> None:
    place = b"/next%0d%0aSet-Cookie:%20sid=evil%0d%0a\x0b\x1b[31m" + HEADER_SAFE.replace(b"\x07", b"")
    await peer.give(page(b"", b"Location: " + place.replace(b"\x1b", b"").replace(b"\x0b", b""), status=b"302 Found"))


@hostile("preflight: login")
async def a_page_that_refreshes_itself(peer: Peer, asked: Asked, proper: Proper) -> None:
    body = f'<meta http-equiv="refresh" content="0; url=http://{peer.server.elsewhere}/"><script>location="/"</script>'
    await peer.give(page(body.encode(), b"Content-Type: text/html", b"Refresh: 0; url=/"))


@hostile("preflight: login")
async def forms_that_lead_elsewhere(peer: Peer, asked: Asked, proper: Proper) -> None:
    body = f'<base href="http://{peer.server.elsewhere}/"><form action=/login method=post>'
    body += "<input name=user><input name=username><input name=password type=password></form>"
    await peer.give(page(body.encode(), b"Content-Type: text/html"))


@hostile("preflight: login", heavy=True)
async def a_form_of_a_hundred_thousand_inputs(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"<form method=post>" + b"<input name=x value=y>" * 90_000, b"Content-Type: text/html"))


@hostile("preflight: login")
async def a_captive_portal(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"<h1>Welcome to the hotel</h1><form><input name=room></form>", b"Content-Type: text/html"))


# -- documents


@hostile("preflight: login")
async def json_of_absurd_depth(peer: Peer, asked: Asked, proper: Proper) -> None:
    deep = peer.random.choice([b"[" * 500_000, b'{"id":' * 200_000, b"[" * 900 + b"]" * 900])
    await peer.give(page(deep, b"Content-Type: application/json"))


@hostile("preflight: login|preflight: identity")
async def json_of_absurd_numbers(peer: Peer, asked: Asked, proper: Proper) -> None:
    number = (b"1e999999", b"NaN", b"-Infinity", b"1" + b"0" * 100_000)[asked.number % 4]
    body = b'{"id": %b, "name": %b, "csrf": %b, "user": %b, "expires_in": %b, "exp": %b}' % ((number,) * 6)
    await peer.give(page(body, b"Content-Type: application/json"))


@hostile("")
async def json_with_names_given_twice(peer: Peer, asked: Asked, proper: Proper) -> None:
    told = proper
    if proper.body.startswith(b"{") and len(proper.body) > 2:
        told = proper.but(body=b'{"user": "mallory", "csrf": "0", ' + proper.body[1:])
    await peer.give(told.raw)


@hostile("preflight: login|preflight: identity")
async def text_that_is_not_utf_8(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b'{"user": "\xff\xfe\xed\xa0\x80", "csrf": "\xc0\x80"}', b"Content-Type: application/json"))


@hostile("preflight: login|preflight: identity")
async def lone_surrogates(peer: Peer, asked: Asked, proper: Proper) -> None:
    name = '"\\ud800\\udfff\\ud83d"'
    body = f'{{"user": {name}, "csrf": {name}, "access": {name}, "sessions": [{{"id": {name}}}]}}'
    await peer.give(page(body.encode(), b"Content-Type: application/json", b"Set-Cookie: sid=\xed\xa0\x80"))


@hostile("preflight: login|preflight: identity")
async def null_bytes(peer: Peer, asked: Asked, proper: Proper) -> None:
    body = rb'{"user": "\u0000\u0001\r\nX-A: b", "csrf": "\r\nX-Evil: 1", "sessions": [{"id": "\u0000"}]}'
    await peer.give(page(body, b"Content-Type: application/json"))


# -- meaning


@hostile("a stranger is answered 503")
async def it_is_down(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(TELLING, b"Content-Type: text/html", status=b"503 Service Unavailable"))


@hostile("a stranger is answered 429")
async def it_asks_for_less_haste(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(page(b"", b"Retry-After: 1000000000", status=b"429 Too Many Requests"))


@hostile("preflight: ")
async def it_says_whatever_comes_to_mind(peer: Peer, asked: Asked, proper: Proper) -> None:
    status = peer.random.choice([b"200 OK", b"204 No", b"302 Found", b"401 No", b"404 No", b"500 No", b"418 No"])
    body = b"" if status.startswith((b"204", b"304")) else peer.random.choice([b"", b"{}", b"<p>hello", b'{"user": 1}'])
    head = b"Location: /x" if status.startswith(b"3") else b"X-A: b"
    length = b"X-B: c" if status.startswith(b"204") else b"Content-Length: %d" % len(body)
    await peer.give(b"\r\n".join([b"HTTP/1.1 " + status, length, head, b"", body]))


@hostile("preflight: ")
async def it_names_another_user_each_time(peer: Peer, asked: Asked, proper: Proper) -> None:
    name = peer.random.choice(["alice", "bob", "mallory", "x" * 50])
    await peer.give(proper.but(body=json.dumps({"user": name, "id": name, "csrf": "x"}).encode(), status=200).raw)


@hostile(r"preflight: login\.steps\[1\]: .*\(423\)")
async def logins_lock_accounts(peer: Peer, asked: Asked, proper: Proper) -> None:
    if asked.path == "/login" and asked.method == "POST":
        await peer.give(page(b'{"error": "locked"}', status=b"423 Locked"))
    else:
        await properly(peer, asked, proper.but(status=401) if asked.path == "/me" else proper)


@hostile("")
async def the_clock_stands_in_1970(peer: Peer, asked: Asked, proper: Proper) -> None:
    dated = proper.without(b"date").but((b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"Expires", b"0"))
    await peer.give(dated.but((b"Age", b"9" * 40)).raw)


@hostile("")
async def the_clock_stands_in_9999(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.without(b"date").but((b"Date", b"Fri, 31 Dec 9999 23:59:59 GMT")).raw)


@hostile("")
async def cookies_for_other_domains(peer: Peer, asked: Asked, proper: Proper) -> None:
    places = (b"example.com", b"com", b"co.uk", b"1", b"127.0.0.2", b".", b"[::1]", b"\xc3\xa9.example")
    more = tuple((b"Set-Cookie", b"stray=%d; Domain=%b; Path=/" % (at, d)) for at, d in enumerate(places))
    await peer.give(proper.but(*more).raw)


@hostile("")
async def a_second_answer_on_its_heels(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.give(proper.raw + page(b'{"user": "mallory"}', b"Content-Type: application/json"))


@hostile("")
async def markup_and_escapes_in_every_header(peer: Peer, asked: Asked, proper: Proper) -> None:
    told = HEADER_SAFE.replace(b"\x07", b"").replace(b"\x1b", b"")
    more = ((b"X-Evil", told), (b"Server", told), (b"Set-Cookie", b"<script>=" + told), (b"ETag", told))
    plain = proper.but(*more)
    await peer.give(plain.head(b"<script>alert(1)</script>") + plain.body)
