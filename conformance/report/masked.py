"""Recorded exchanges as they may be shown: masked, harmless, bodies as text where they are text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from conformance.masking import SHORTEST, Secrets
from conformance.model import Answer, Exchange
from conformance.report.safe import BODY, shown

HEADER = 2000
"""Characters of a header's value that are kept."""
HEADERS = 100
"""Headers of one message that are kept; a flood says no more than its beginning."""

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]*\.‹[^›]*›\.‹[^›]*›")
"""A masked token, whose header may be read."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """The part that request and answer have in common."""

    headers: Headers
    body: str | None
    """None when it is not text."""
    size: int
    """Bytes of the body that were recorded."""

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next((v for k, v in self.headers if k.lower() == name), "")

    @property
    def text(self) -> str:
        """Headers and body, for a reader."""
        head = "\n".join(f"{name}: {value}" for name, value in self.headers)
        body = f"({self.size} bytes that are not text)" if self.body is None else self.body
        return f"{head}\n\n{body}".rstrip()


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange of an attack."""

    number: int
    purpose: str
    method: str
    url: str
    request: Message
    status: int | None
    """None when no answer came."""
    answer: Message | None
    outcome: str
    """``200 OK``, or why no answer came."""
    truncated: bool
    sent_at: float
    """Seconds since the epoch."""
    seconds: float

    @property
    def path(self) -> str:
        """Path and query, as the request line has them."""
        rest = self.url.partition("://")[2] or self.url
        return f"/{rest.partition('/')[2]}"


def steps(evidence: Iterable[Exchange], secrets: Secrets) -> tuple[Step, ...]:
    """The exchanges of a verdict, numbered from 1."""
    return tuple(_step(number, exchange, secrets) for number, exchange in enumerate(evidence, 1))


def _step(number: int, exchange: Exchange, secrets: Secrets) -> Step:
    request, answer = exchange.request, exchange.answer
    heads = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    return Step(
        number=number,
        purpose=shown(exchange.purpose, secrets),
        method=shown(request.method, secrets, 40),
        url=shown(_address(request.url, secrets), secrets, HEADER),
        request=_message(heads, request.body, secrets),
        status=answer.status if answer else None,
        answer=_message(answer.headers, answer.body, secrets) if answer else None,
        outcome=_answered(answer) if answer else shown(exchange.error or "no answer", secrets),
        truncated=bool(answer and answer.truncated),
        sent_at=exchange.sent_at,
        seconds=exchange.seconds,
    )


def _address(url: str, secrets: Secrets) -> str:
    """A URL in whose query altered copies of credentials are shortened, as they are in headers of such names."""
    path, mark, query = url.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&"))
    return path + mark + "&".join(f"{name}{equals}{secrets.header(name, value)}" for name, equals, value in pairs)


def _answered(answer: Answer) -> str:
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)


def _message(headers: Iterable[tuple[str, str]], body: bytes, secrets: Secrets) -> Message:
    kept = tuple(headers)[:HEADERS]
    return Message(tuple(_header(name, value, secrets) for name, value in kept), _text(body, secrets), len(body))


def _text(body: bytes, secrets: Secrets) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else shown(text, secrets, BODY, lines=True)


def _header(name: str, value: str, secrets: Secrets) -> tuple[str, str]:
    kind = name.lower()
    if kind == "cookie":
        value = ";".join(_pair(pair, secrets) for pair in value.split(";"))
    elif kind == "set-cookie":
        pair, mark, attributes = value.partition(";")
        value = _pair(pair, secrets) + mark + attributes
    else:
        value = secrets.header(name, value)
    return shown(name, secrets, 100), shown(value, secrets, HEADER)


def _pair(pair: str, secrets: Secrets) -> str:
    """One cookie, each by itself: that a neighbour is known must not let an unknown value through."""
    name, _, value = secrets.mask(pair).partition("=")
    unknown = "" if _TOKEN.fullmatch(value) else re.sub("‹[^›]*›", "", value)
    hide = len(unknown) >= SHORTEST
    return f"{name}={value[:4]}…({len(value)} characters)" if hide else f"{name}={value}"
