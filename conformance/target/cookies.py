"""A small cookie jar with the storing and sending rules of RFC 6265bis.

Stock jars store a ``Secure`` cookie from plain http on loopback and never send it, so a correct target looks
logged out. This jar says in each call which client it plays (`Mode`). Section numbers are those of RFC 6265bis.
"""

from __future__ import annotations

import enum
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from conformance.target.set_cookie import (
    SetCookie,
    default_path,
    domain_match,
    parse_date,
    parse_set_cookie,
    path_match,
)

__all__ = [
    "Jar",
    "Mode",
    "SetCookie",
    "Site",
    "StoredCookie",
    "default_path",
    "domain_match",
    "parse_date",
    "parse_set_cookie",
    "path_match",
]

MAX_COOKIES: Final = 200
MANY_OF_ONE_NAME: Final = 10
"""Cookies of one name, each for a path of its own, above which the older ones belong to what is over."""
MAX_COOKIE_CHARS: Final = 16 * 1024
MAX_JAR_CHARS: Final = 64 * 1024
"""Of all values together, above which no newcomer is stored; no server takes that much in a header."""
LIFETIME_LIMIT: Final = 400 * 86400
"""Seconds; browsers cap Expires and Max-Age here (5.5)."""

Site = Literal["same", "cross"]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Mode(enum.StrEnum):
    """Which client the jar plays."""

    EXACT = "exact"
    """The kit itself: what was set goes back where host and path match; Secure, prefixes and age ignored."""
    BROWSER_HTTPS = "browser-https"
    """A browser that sees the origin as https."""
    BROWSER_CROSS_SITE = "browser-cross-site"
    """The same browser on a request that another site caused."""


@dataclass(frozen=True, slots=True)
class StoredCookie:
    """A cookie as a jar keeps it (5.7)."""

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool
    path: str
    secure: bool
    httponly: bool
    samesite: str | None
    expires: float | None
    """Seconds since the epoch; None for a cookie of the browser session."""
    created: int
    """Rank of its first storing, by which cookies of equal path are ordered."""

    @property
    def key(self) -> tuple[str, str, bool, str]:
        """What a later cookie must share in order to replace it."""
        return self.name, self.domain, self.host_only, self.path

    @property
    def pair(self) -> str:
        """The piece of a Cookie header; a nameless cookie is its bare value (5.8.3)."""
        return f"{self.name}={self.value}" if self.name else self.value


class Jar:
    """The cookies of one party; small, bounded against hostile targets, and copied by value."""

    def __init__(self, cookies: Iterable[StoredCookie] = ()) -> None:
        self._cookies = {cookie.key: cookie for cookie in cookies}
        self._rank = max((cookie.created for cookie in self._cookies.values()), default=0)
        self._chars = self._counted()

    def __repr__(self) -> str:
        shown = ", ".join(f"{c.name}=({len(c.value)} chars) {c.domain}{c.path}" for c in self._cookies.values())
        return f"Jar({shown})"

    def __len__(self) -> int:
        return len(self._cookies)

    def _counted(self) -> int:
        return sum(len(cookie.value) for cookie in self._cookies.values())

    def __iter__(self) -> Iterator[StoredCookie]:
        return iter(tuple(self._cookies.values()))

    def copy(self) -> Jar:
        """A jar of the same cookies that no later answer to this one can empty."""
        return Jar(self)

    def as_pairs(self) -> tuple[tuple[str, str], ...]:
        """Names and values, oldest first."""
        return tuple((cookie.name, cookie.value) for cookie in self)

    def get(self, name: str) -> str | None:
        """The value of the cookie of that name that was stored last under the longest path, or None."""
        found = [cookie for cookie in self if cookie.name == name]
        return max(found, key=lambda c: (len(c.path), c.created)).value if found else None

    def put(self, name: str, value: str, url: str, *, path: str = "/") -> None:
        """Plant a host-only cookie, as a fixation attacker does."""
        host, _ = _place(url)
        self._rank += 1
        cookie = StoredCookie(name, value, host, True, path, False, False, None, None, self._rank)
        self._cookies[cookie.key] = cookie
        self._chars = self._counted()

    def discard(self, *names: str) -> None:
        """Drop every cookie of these names; unknown names are ignored."""
        self._cookies = {key: cookie for key, cookie in self._cookies.items() if cookie.name not in names}
        self._chars = self._counted()

    def clear(self) -> None:
        """Drop every cookie."""
        self._cookies, self._chars = {}, 0

    def store(
        self,
        set_cookie_headers: Iterable[str],
        url: str,
        now: float,
        *,
        mode: Mode = Mode.EXACT,
        top_level: bool = True,
        site: Site | None = None,
    ) -> tuple[str, ...]:
        """Obey the Set-Cookie headers of an answer to `url` at `now` (seconds since the epoch).

        `site` says who caused the request and defaults to what `mode` implies. Returns, masked, why any
        was not stored. In mode `exact` a Domain that does not cover the host is kept for the host: nothing is lost.
        """
        host, path = _place(url)
        reasons = []
        for header in itertools.islice(set_cookie_headers, 5 * MAX_COOKIES):
            cookie = parse_set_cookie(header)
            if fault := _refusal(cookie, host, mode, _foreign(mode, site) and not top_level):
                reasons.append(f"{cookie.name[:64]!r}: {fault}")
            else:
                self._keep(cookie, host, path, now)
        return tuple(reasons)

    def _keep(self, cookie: SetCookie, host: str, request_path: str, now: float) -> None:
        domain = cookie.domain if cookie.domain and domain_match(host, cookie.domain) else None
        path = cookie.path or default_path(request_path)
        key = (cookie.name, domain or host, domain is None, path)
        if cookie.deletes(now):
            gone = self._cookies.pop(key, None)
            self._chars -= len(gone.value) if gone else 0
            return
        known = self._cookies.get(key)
        full = len(self._cookies) >= MAX_COOKIES or self._chars + len(cookie.raw) > MAX_JAR_CHARS
        if known is None and full and not self._made_room():
            return
        self._rank += 1
        created = known.created if known else self._rank
        expiry = cookie.expiry(now)
        expires = None if expiry is None else min(expiry, now + LIFETIME_LIMIT)
        flags = (cookie.secure, cookie.httponly, cookie.samesite)
        self._cookies[key] = StoredCookie(cookie.name, cookie.value, *key[1:], *flags, expires, created)
        self._chars += len(cookie.value) - len(known.value if known else "")

    def _made_room(self) -> bool:
        """Drop a cookie of a finished transaction: the oldest of the many of one name that have paths of their own.

        A full jar refuses all other newcomers instead of evicting: a flood must not push the credential out.
        """
        narrow = [cookie for cookie in self if cookie.path != "/"]
        (name, times), *_ = Counter(cookie.name for cookie in narrow).most_common(1) or [("", 0)]
        if times < MANY_OF_ONE_NAME:
            return False
        oldest = next(cookie.key for cookie in narrow if cookie.name == name)
        self._chars -= len(self._cookies.pop(oldest).value)
        return True

    def cookies_for(
        self,
        url: str,
        now: float,
        *,
        mode: Mode = Mode.EXACT,
        method: str = "GET",
        top_level: bool = True,
        site: Site | None = None,
    ) -> tuple[StoredCookie, ...]:
        """The cookies that go with a request, longest path first, then oldest first (5.8.3)."""
        host, path = _place(url)
        lax = top_level and method.upper() in _SAFE_METHODS
        chosen = [
            cookie
            for cookie in self
            if (cookie.domain == host or (not cookie.host_only and domain_match(host, cookie.domain)))
            and path_match(path, cookie.path)
            and (mode is Mode.EXACT or cookie.expires is None or cookie.expires > now)
            and (not _foreign(mode, site) or _crosses(cookie, lax))
        ]
        return tuple(sorted(chosen, key=lambda c: (-len(c.path), c.created)))

    def header_for(
        self,
        url: str,
        now: float,
        *,
        mode: Mode = Mode.EXACT,
        method: str = "GET",
        top_level: bool = True,
        site: Site | None = None,
    ) -> str:
        """The value of the Cookie header of a request, empty when no cookie goes with it."""
        chosen = self.cookies_for(url, now, mode=mode, method=method, top_level=top_level, site=site)
        return "; ".join(cookie.pair for cookie in chosen)


def _refusal(cookie: SetCookie, host: str, mode: Mode, embedded: bool) -> str | None:
    if len(cookie.raw) > MAX_COOKIE_CHARS:
        return f"above {MAX_COOKIE_CHARS} characters"
    if not host:
        return "the URL has no host"
    if mode is Mode.EXACT:
        return None if cookie.name or cookie.value else "neither name nor value"
    if embedded and cookie.samesite != "None":
        return "SameSite cookie from an embedded cross-site request"
    return cookie.browser_fault(True, host)


def _foreign(mode: Mode, site: Site | None) -> bool:
    if mode is Mode.EXACT:
        return False
    return site == "cross" if site else mode is Mode.BROWSER_CROSS_SITE


def _crosses(cookie: StoredCookie, lax: bool) -> bool:
    """Whether a cookie goes with a cross-site request (5.8.3); a missing SameSite counts as Lax."""
    return cookie.samesite == "None" or (cookie.samesite in (None, "Lax") and lax)


def _place(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.path or "/"
    except ValueError:
        return "", "/"
