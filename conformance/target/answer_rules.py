"""What an answer owes, rule by rule: to cookies their attributes, to secrets their place, to caches a word.

Each rule stands here once, under the id of the check that asks it of the answers which that check brings about.
`lifecycle.model` asks the same of every answer that a life sees (see `conformance.lifecycle.hygiene`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote

from conformance.model import Answer, Exchange
from conformance.target.set_cookie import SetCookie, parse_set_cookie
from conformance.target.templates import forms, links

LEEWAY = 60
"""Seconds that a cookie may stay beyond the life of its session: clocks differ."""

Flags = tuple[bool, bool, str | None, str | None, str | None]
Secrets = Iterable[tuple[str, str]]
"""Names and values of cookies that authenticate."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What cookies are judged by."""

    sessions: frozenset[str]
    """Names of the cookies that authenticate."""
    https: bool
    """Whether browsers reach the target over https."""
    host: str
    """The host name under which they do."""
    longest: float
    """Seconds that a session may live."""
    flags: Mapping[str, Flags] = field(default_factory=lambda: MappingProxyType({}))
    """The attributes with which each session cookie was first set."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What an answer lacks."""

    about: str
    """The cookie that it is about, or what else tells two flaws under one rule apart."""
    expected: str
    actual: str


CookieRule = Callable[[SetCookie, Facts, float], "Flaw | None"]
"""A cookie that is set, what it is judged by, and the moment in seconds since the epoch."""


# -- cookies


def lacks_httponly(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """A session cookie that scripts can read."""
    return None if cookie.name not in facts.sessions or cookie.httponly else _set(cookie, "is set with HttpOnly")


def lacks_secure(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """Any cookie that browsers send over plain http, too."""
    return None if cookie.secure or not facts.https else _set(cookie, "is set with Secure")


def lacks_samesite(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """A session cookie that leaves it to the browser which sites send it, or lets all of them."""
    fine = cookie.name not in facts.sessions or cookie.samesite in ("Lax", "Strict")
    return None if fine else _set(cookie, "is set with SameSite")


def lacks_prefix(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """A session cookie that a sibling host or plain http can plant."""
    fine = cookie.name not in facts.sessions or cookie.name.lower().startswith(("__host-", "__secure-"))
    return None if fine else _set(cookie, "has a prefix")


def breaks_prefix(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """A cookie that browsers drop for what its name promises."""
    fault = cookie.prefix_fault(facts.https, facts.host)
    return Flaw(cookie.name, f"{cookie.name} meets the conditions of its prefix", fault) if fault else None


def has_domain(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """A session cookie that goes to other hosts."""
    fine = cookie.name not in facts.sessions or not cookie.attribute("domain")
    return None if fine else _set(cookie, "has no Domain")


def stays_long(cookie: SetCookie, facts: Facts, now: float) -> Flaw | None:
    """A session cookie that browsers keep for longer than the session lives."""
    ends = cookie.expiry(now)
    if cookie.name not in facts.sessions or ends is None or ends - now <= facts.longest + LEEWAY:
        return None
    expected = f"{cookie.name} goes within {facts.longest / 3600:.2g} h"
    return Flaw(cookie.name, expected, f"it stays for {(ends - now) / 3600:.0f} h")


def differs(cookie: SetCookie, facts: Facts, _now: float) -> Flaw | None:
    """A session cookie that is set again with other attributes."""
    fine = cookie.name not in facts.sessions or facts.flags.get(cookie.name, flags_of(cookie)) == flags_of(cookie)
    return None if fine else _set(cookie, "is set with the same attributes everywhere")


def flags_of(cookie: SetCookie) -> Flags:
    """The attributes that must stay as they are."""
    return cookie.secure, cookie.httponly, cookie.samesite, cookie.path, cookie.domain


def _set(cookie: SetCookie, expected: str) -> Flaw:
    return Flaw(cookie.name, f"{cookie.name} {expected}", f"Set-Cookie: {cookie.shown}")


# -- whole answers


def set_cookies(exchange: Exchange) -> Iterator[SetCookie]:
    """Every cookie that an answer sets or deletes."""
    return map(parse_set_cookie, exchange.answer.all("set-cookie") if exchange.answer else ())


def set_by(exchanges: Iterable[Exchange]) -> list[SetCookie]:
    """Every cookie that these answers set, deletions left out, the last one of each name."""
    found: dict[str, SetCookie] = {}
    for exchange in exchanges:
        found |= {cookie.name: cookie for cookie in set_cookies(exchange) if not cookie.deletes(exchange.sent_at)}
    return list(found.values())


def set_twice(exchange: Exchange) -> Iterator[Flaw]:
    """Cookies that one answer sets more than once."""
    seen: set[tuple[object, ...]] = set()
    for cookie in set_cookies(exchange):
        key = (cookie.name, cookie.domain, cookie.path)
        if key in seen:
            yield Flaw(cookie.name, f"{cookie.name} is set once in an answer", "it is set twice")
        seen.add(key)


def in_addresses(exchange: Exchange, secrets: Secrets) -> Iterator[Flaw]:
    """Session values in the address of a request, in a redirect, a link or a form."""
    answer = exchange.answer
    page = answer.body if answer and "html" in (answer.header("content-type") or "") else b""
    places = [exchange.request.url, answer.header("location") or "" if answer else ""]
    places += [*links(page, exchange.request.url), *(form.action for form in forms(page, exchange.request.url))]
    for name, value in secrets:
        if any(value in place or value in unquote(place) for place in places):
            yield Flaw(name, f"the value of {name} stands in no address", f"it stands in one: {exchange.purpose}")


def in_body(exchange: Exchange, secrets: Secrets) -> Iterator[Flaw]:
    """Session values in a body, where scripts read them."""
    body = exchange.answer.body.decode("utf-8", "replace") if exchange.answer else ""
    for name, value in secrets:
        if value in body or unquote(value) in body:
            yield Flaw(name, f"the value of {name} stands in no body", f"it stands in one: {exchange.purpose}")


def storable(exchange: Exchange) -> Flaw | None:
    """A success that caches may keep."""
    answer = exchange.answer
    if answer is None or not 200 <= answer.status < 300 or not (said := _may_be_kept(answer)):
        return None
    return Flaw("", "no-store on every answer to a signed-in user", f"{said}: {exchange.purpose}")


def storable_token(exchange: Exchange) -> Flaw | None:
    """An answer with a token that caches may keep."""
    said = _may_be_kept(exchange.answer) if exchange.answer else ""
    return Flaw("", "Cache-Control: no-store on the answer that holds the token", said) if said else None


def _may_be_kept(answer: Answer) -> str:
    """What an answer says of caching, where it does not forbid it."""
    rules = ", ".join(answer.all("cache-control"))
    return "" if "no-store" in rules.lower() else f"Cache-Control: {rules}" if rules else "no Cache-Control"


COOKIE_RULES: Mapping[str, CookieRule] = MappingProxyType({
    "cookie.attr.httponly": lacks_httponly,
    "cookie.attr.secure": lacks_secure,
    "cookie.attr.samesite": lacks_samesite,
    "cookie.attr.prefix": lacks_prefix,
    "cookie.attr.prefix-broken": breaks_prefix,
    "cookie.attr.domain": has_domain,
    "cookie.attr.persistent": stays_long,
    "cookie.attr.consistent": differs,
})  # fmt: skip
"""What each cookie is asked, by the check that asks it."""


def flaws_of_login(id: str, history: Iterable[Exchange], facts: Facts) -> Iterator[Flaw]:
    """What the cookies of a login lack, under the rule of a check that looks at nothing else."""
    return (flaw for cookie in set_by(history) if (flaw := COOKIE_RULES[id](cookie, facts, 0.0)))
