"""Set-Cookie, read as a browser reads it: parts, dates, grammar, prefixes.

Section numbers are those of RFC 6265bis.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

BROWSER_PAIR_LIMIT: Final = 4096
"""Name and value together; a browser drops more (5.6)."""
ATTRIBUTE_LIMIT: Final = 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r'"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"|[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FIXDATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_DATE_DELIMITER = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?", re.DOTALL | re.ASCII)
_DAY = re.compile(r"(\d{1,2})(?:\D.*)?", re.DOTALL | re.ASCII)
_YEAR = re.compile(r"(\d{2,4})(?:\D.*)?", re.DOTALL | re.ASCII)
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WSP = " \t"
_PLACEHOLDERS = frozenset({"", '""', "null", "deleted", "delete", "undefined", "none", "expired"})
_SAMESITE: dict[str, str] = {"strict": "Strict", "lax": "Lax", "none": "None"}


def parse_date(text: str) -> float | None:
    """Seconds since the epoch by the lenient cookie-date algorithm (5.1.1), or None."""
    time: tuple[int, int, int] | None = None
    day = month = year = None
    for token in _DATE_DELIMITER.split(text[:ATTRIBUTE_LIMIT]):
        if time is None and (found := _TIME.fullmatch(token)):
            time = (int(found[1]), int(found[2]), int(found[3]))
        elif day is None and (found := _DAY.fullmatch(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.fullmatch(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year < 70 else 0
    if year < 1601:
        return None
    try:
        return datetime(year, month, day, time[0], time[1], time[2], tzinfo=UTC).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One Set-Cookie header, taken apart and not yet judged."""

    name: str
    value: str = field(repr=False)
    attributes: tuple[tuple[str, str], ...] = ()
    """Names and values as written, in order, duplicates included."""
    raw: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The header without the value."""
        return "; ".join([f"{self.name}=…", *(f"{k}={v}" if v else k for k, v in self.attributes)])

    def attribute(self, name: str) -> str | None:
        """The last attribute of that name, which is the one that browsers obey (5.7), or None."""
        found = (v for k, v in reversed(self.attributes) if k.lower() == name and len(v) <= ATTRIBUTE_LIMIT)
        return next(found, None)

    @property
    def secure(self) -> bool:
        """Whether Secure is present, with any value."""
        return self.attribute("secure") is not None

    @property
    def httponly(self) -> bool:
        """Whether HttpOnly is present, with any value."""
        return self.attribute("httponly") is not None

    @property
    def samesite(self) -> str | None:
        """`Strict`, `Lax` or `None`; Python's None where missing or not one of them."""
        return _SAMESITE.get((self.attribute("samesite") or "").lower())

    @property
    def path(self) -> str | None:
        """Path where it begins with a slash, or None: the default path holds (5.6.4)."""
        path = self.attribute("path") or ""
        return path if path.startswith("/") else None

    @property
    def domain(self) -> str | None:
        """Domain in lower case without its leading dot, or None: host-only (5.6.3)."""
        return (self.attribute("domain") or "").removeprefix(".").lower() or None

    @property
    def max_age(self) -> int | None:
        """Max-Age in seconds, from the last one that is an integer (5.6.2), or None."""
        ages = (v for k, v in reversed(self.attributes) if k.lower() == "max-age" and _INTEGER.fullmatch(v))
        return next(map(int, ages), None)

    @property
    def expires(self) -> float | None:
        """Expires as seconds since the epoch, from the last one that is a date (5.6.1), or None."""
        dates = (parse_date(v) for k, v in reversed(self.attributes) if k.lower() == "expires")
        return next((date for date in dates if date is not None), None)

    def expiry(self, now: float) -> float | None:
        """When it lapses, Max-Age before Expires (5.7); None for a cookie of the browser session."""
        age = self.max_age
        if age is None:
            return self.expires
        return now + age if age > 0 else float("-inf")

    def deletes(self, now: float) -> bool:
        """Whether a browser removes the cookie on receipt; what the value says does not matter."""
        expiry = self.expiry(now)
        return expiry is not None and expiry <= now

    def clears(self, now: float) -> bool:
        """Whether it can't be a new credential: it deletes, or the value is empty or ``deleted``."""
        return self.deletes(now) or self.value.lower() in _PLACEHOLDERS

    def grammar_faults(self) -> tuple[str, ...]:
        """What leaves the grammar for servers (4.1.1); ``Max-Age=0`` passes as a deletion."""
        return tuple(_grammar_faults(self))

    def prefix_fault(self, secure_origin: bool, host: str) -> str | None:
        """Why a browser drops it for the rules of name prefixes (4.1.3, 5.7), or None."""
        return _prefix_fault(self, secure_origin, host)

    def browser_fault(self, secure_origin: bool, host: str) -> str | None:
        """Why a browser does not store it at all, prefixes included, or None (5.6, 5.7)."""
        if _CONTROL.search(self.raw):
            return "a control character"
        if not self.name and not self.value:
            return "neither name nor value"
        if len(self.name) + len(self.value) > BROWSER_PAIR_LIMIT:
            return f"name and value above {BROWSER_PAIR_LIMIT} octets"
        if self.domain and not domain_match(host, self.domain):
            return f"Domain {self.domain} does not cover {host}"
        if self.secure and not secure_origin:
            return "Secure from an origin that is not https"
        if self.samesite == "None" and not self.secure:
            return "SameSite=None without Secure"
        return self.prefix_fault(secure_origin, host)


def parse_set_cookie(value: str) -> SetCookie:
    """Take a Set-Cookie value apart (5.6); lenient, never raises, judges nothing."""
    pair, *rest = value.split(";", 101)
    name, equals, content = pair.partition("=")
    if not equals:
        name, content = "", pair
    attributes = []
    for part in rest[:100]:
        key, _, text = part.partition("=")
        attributes.append((key.strip(_WSP), text.strip(_WSP)))
    return SetCookie(name.strip(_WSP), content.strip(_WSP), tuple(attributes), value)


def _grammar_faults(cookie: SetCookie) -> Iterable[str]:
    if not cookie.name:
        yield "no name"
    elif not _TOKEN.fullmatch(cookie.name):
        yield "name is not a token"
    if not _VALUE.fullmatch(cookie.value):
        yield "value holds white space, a quote, comma, backslash, control or non-ASCII character"
    pair = cookie.raw.partition(";")[0]
    spaced = "=" in pair and pair != f"{cookie.name}={cookie.value}"
    if spaced or re.search(r";(?! [^ ;])", cookie.raw):
        yield "parts are not separated by a semicolon and one space"
    names = [name.lower() for name, _ in cookie.attributes if name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"attribute {name} given twice"
    for name, value in cookie.attributes:
        if fault := _attribute_fault(name.lower(), value):
            yield fault


def _attribute_fault(name: str, value: str) -> str | None:
    fine = {
        "secure": value == "",
        "httponly": value == "",
        "max-age": bool(_INTEGER.fullmatch(value)),
        "expires": bool(_FIXDATE.fullmatch(value)) and parse_date(value) is not None,
        "samesite": value.lower() in _SAMESITE,
        "path": value.startswith("/") and not _CONTROL.search(value),
        "domain": bool(re.fullmatch(r"[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*", value)),
    }
    return None if fine.get(name, True) else f"{name} has a value outside its grammar"


def _prefix_fault(cookie: SetCookie, secure_origin: bool, host: str) -> str | None:
    # A nameless cookie is sent as its bare value, which a server reads as a name again (5.7, step 20 on).
    name = (cookie.name or cookie.value).lower()
    prefix = next((p for p in ("__host-http-", "__host-", "__http-", "__secure-") if name.startswith(p)), None)
    if prefix is None:
        return None
    if not cookie.name:
        return "nameless cookie that looks prefixed"
    if not cookie.secure or not secure_origin:
        return f"{prefix} without Secure" if secure_origin else f"{prefix} from an origin that is not https"
    if "http-" in prefix and not cookie.httponly:
        return f"{prefix} without HttpOnly"
    if prefix.startswith("__host-"):
        if cookie.domain is not None:
            return f"{prefix} with a Domain"
        return None if cookie.path == "/" else f"{prefix} without Path=/"
    covered = cookie.domain is None or domain_match(host, cookie.domain)
    return None if covered else f"Domain {cookie.domain} does not cover {host}"


def domain_match(host: str, domain: str) -> bool:
    """Whether a cookie of `domain` goes to `host` (5.1.3); an address matches itself alone."""
    host, domain = host.lower(), domain.lower()
    if host == domain:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.endswith(f".{domain}")
    return False


def path_match(request_path: str, cookie_path: str) -> bool:
    """Whether a cookie of `cookie_path` goes with a request of `request_path` (5.1.4)."""
    if not request_path.startswith(cookie_path):
        return False
    return len(request_path) == len(cookie_path) or cookie_path.endswith("/") or request_path[len(cookie_path)] == "/"


def default_path(request_path: str) -> str:
    """The path of a cookie that names none: that of the request up to its last slash (5.1.4)."""
    return request_path[: request_path.rfind("/")] or "/" if request_path.startswith("/") else "/"
