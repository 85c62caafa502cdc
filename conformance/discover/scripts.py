"""Addresses that the scripts of the start page name: what a program in the browser asks, somebody wrote down there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.discover.probe import Probe, is_page
from conformance.discover.routes import HANDS_OFF, IDENTITY, LOGIN, LOGOUT, REFRESH
from conformance.model import Exchange
from conformance.target.templates import absolute

MOST_SCRIPTS = 4
MOST_BASES = 2
LONGEST = 3_000_000
"""Characters of a script that are read."""
ADDRESS = re.compile(
    r"""(?P<quote>["'`])(?P<host>https?://[^"'`/\s]{1,80})?"""
    r"""(?P<path>/?(?:[\w.~-]{1,40}/){0,6}[\w.~-]{1,40}/?)(?:\?[^"'`\s]{0,100})?(?P=quote)"""
)
BASE = re.compile(r"(^|/)(api|rest|v\d{1,2})/?$", re.IGNORECASE)
"""Ends of an address that others are put behind."""


async def read_scripts(probe: Probe) -> None:
    """Note the addresses of logins, logouts, refreshes and identities that stand in the start page and its scripts."""
    first = await probe.front()
    if not is_page(first):
        return
    sources = dict.fromkeys(_sources(probe, first))
    read = [first, *[await probe.look(path) for path in list(sources)[:MOST_SCRIPTS]]]
    named = list(dict.fromkeys(path for exchange in read for path in _addresses(probe, first, exchange)))
    bases = [path.rstrip("/") for path in named if BASE.search(path)][:MOST_BASES]
    behind = [base + path for path in named for base in bases if not path.startswith(base)]
    probe.written = tuple(path for path in dict.fromkeys([*named, *behind]) if not HANDS_OFF.search(path))


def logins_in(written: tuple[str, ...]) -> list[str]:
    """Those whose last part speaks of a login; what says so plainly comes first."""
    others = (LOGOUT, REFRESH)
    found = [p for p in written if LOGIN.search("/" + _last(p)) and not any(other.search(p) for other in others)]
    return sorted(found, key=lambda path: "in" not in _last(path).lower())


def logouts_in(written: tuple[str, ...]) -> list[str]:
    """Those whose last part speaks of a logout."""
    return [path for path in written if LOGOUT.search(_last(path))]


def identities_in(written: tuple[str, ...]) -> list[str]:
    """Those that end as routes do that name who is signed in."""
    return [path for path in written if IDENTITY.search(path)]


def refreshes_in(written: tuple[str, ...]) -> list[str]:
    """Those whose last part speaks of a refresh."""
    return [path for path in written if REFRESH.search(_last(path))]


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _sources(probe: Probe, page: Exchange) -> Iterator[str]:
    from selectolax.lexbor import LexborHTMLParser

    body = page.answer.body if page.answer else b""
    for node in LexborHTMLParser(body.decode("utf-8", "replace")).css("script[src]")[:20]:
        if path := probe.path_of(absolute(page.request.url, node.attributes["src"] or "")):
            yield path


def _addresses(probe: Probe, page: Exchange, script: Exchange) -> Iterator[str]:
    """As the page itself would resolve them; a word alone is none, and neither is the name of a file."""
    text = script.answer.body[:LONGEST].decode("utf-8", "replace") if script.answer else ""
    for found in ADDRESS.finditer(text):
        if "/" not in found["path"] or "." in _last(found["path"]):
            continue
        if path := probe.path_of(absolute(page.request.url, (found["host"] or "") + found["path"])):
            yield path
