"""Deciding what an answer means: accepted as somebody, refused, or unclear.

What a stranger gets is calibrated on the target, never declared: 401, 403, 404, a redirect to a login page, ``200``
with ``null`` and a page that names nobody are all refusals somewhere.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from conformance.model import Answer, Exchange

THROTTLED = frozenset({408, 425, 429})
"""Answers that speak of the moment, not of the credential (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4)."""

GATEWAY = frozenset({502, 503, 504})
"""Answers that speak of the moment, and of who stands before the target (RFC 9110 section 15.6)."""


class Meaning(enum.StrEnum):
    """What the target said about a credential."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one answer means, and why."""

    meaning: Meaning
    name: str | None
    """Whom the target named, when it accepted."""
    why: str
    exchange: Exchange = field(repr=False)
    guest: str | None = None
    """The stranger's name that stood there, when the target refused under one."""

    @property
    def accepted(self) -> bool:
        """The target took the credential."""
        return self.meaning is Meaning.ACCEPTED

    @property
    def refused(self) -> bool:
        """The target turned the credential away."""
        return self.meaning is Meaning.REFUSED

    def __str__(self) -> str:
        if self.accepted:
            return f"accepted as {self.name}" if self.name else "accepted"
        return f"{self.meaning} ({self.why})"


@dataclass(frozen=True, slots=True)
class Face:
    """What distinguishes one kind of answer from another, without what changes from request to request."""

    status: int
    location: str
    media: str


def face(answer: Answer, url: str) -> Face:
    """The face of an answer: status, path of a redirect, media type."""
    location = answer.header("location") or ""
    try:
        path = urlsplit(urljoin(url, location)).path if location else ""
    except ValueError:
        path = location
    return Face(answer.status, path, (answer.header("content-type") or "").partition(";")[0].strip().lower())


@dataclass(frozen=True, slots=True)
class Oracle:
    """Judges answers of the identity route, by what genuine users and strangers got there."""

    strangers: frozenset[Face] = frozenset()
    stranger_names: frozenset[str] = frozenset()
    """Names that a stranger is given, such as a guest's."""

    def judge(self, exchange: Exchange, name: str | None) -> Judgement:
        """What an answer of the identity route means; `name` is what stands at the identity's source."""
        unclear = unclear_reason(exchange)
        answer = exchange.answer
        if unclear or answer is None:
            return Judgement(Meaning.UNCLEAR, None, unclear or "no answer", exchange)
        if 200 <= answer.status < 300 and name and name not in self.stranger_names:
            return Judgement(Meaning.ACCEPTED, name, "the answer names the user", exchange)
        seen = face(answer, exchange.request.url)
        if seen in self.strangers:
            guest = name if name in self.stranger_names else None
            under = f", under the name {guest!r}" if guest else ""
            return Judgement(Meaning.REFUSED, None, f"{answer.status}, as a stranger gets{under}", exchange, guest)
        if 400 <= answer.status < 500:
            return Judgement(Meaning.REFUSED, None, str(answer.status), exchange)
        if 300 <= answer.status < 400 and seen.location in {s.location for s in self.strangers if s.location}:
            return Judgement(Meaning.REFUSED, None, f"{answer.status} to {seen.location}", exchange)
        why = f"{answer.status} without a name, unlike what a stranger gets"
        return Judgement(Meaning.UNCLEAR, None, why, exchange)


@dataclass(frozen=True, slots=True)
class RouteOracle:
    """Judges answers of a protected route that names nobody, by what its insiders and strangers got."""

    insiders: frozenset[Face]
    strangers: frozenset[Face]

    @property
    def decides(self) -> bool:
        """Whether insiders and strangers can be told apart at all."""
        return bool(self.insiders) and bool(self.strangers) and not self.insiders & self.strangers

    def judge(self, exchange: Exchange) -> Judgement:
        """What an answer of this route means."""
        unclear = unclear_reason(exchange)
        answer = exchange.answer
        if unclear or answer is None:
            return Judgement(Meaning.UNCLEAR, None, unclear or "no answer", exchange)
        seen = face(answer, exchange.request.url)
        if seen in self.insiders:
            return Judgement(Meaning.ACCEPTED, None, f"{answer.status}, as the signed-in user gets", exchange)
        if seen in self.strangers or 400 <= answer.status < 500:
            return Judgement(Meaning.REFUSED, None, str(answer.status), exchange)
        return Judgement(Meaning.UNCLEAR, None, f"{answer.status}, seen from nobody before", exchange)


def unclear_reason(exchange: Exchange) -> str | None:
    """Why an exchange says nothing about the credential, or None when it may."""
    if exchange.answer is None:
        return exchange.error or "no answer"
    if exchange.answer.status >= 500:
        return f"the target answered {exchange.answer.status}"
    if exchange.answer.status in THROTTLED:
        return f"the target answered {exchange.answer.status}: it asks for less haste"
    return None


def is_client_error(exchange: Exchange | None) -> bool:
    """Whether the target turned a request away: a 4xx that is no call for less haste."""
    answer = exchange.answer if exchange else None
    return answer is not None and 400 <= answer.status < 500 and answer.status not in THROTTLED


def server_error(exchanges: Collection[Exchange]) -> int:
    """The 5xx that all of these got alike, 0 where there is none: of a gateway, or in turns, it is of the moment."""
    statuses = {e.answer.status if e.answer else 0 for e in exchanges}
    status = statuses.pop() if len(statuses) == 1 else 0
    return status if status >= 500 and status not in GATEWAY else 0


def faces(exchanges: Iterable[Exchange]) -> frozenset[Face]:
    """The faces of those exchanges that were answered."""
    return frozenset(face(e.answer, e.request.url) for e in exchanges if e.answer is not None)
