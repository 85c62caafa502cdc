"""Finding the route that names whoever asks, and where on it the name stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from conformance.discover.forms import own_links
from conformance.discover.logins import Trial, log_in
from conformance.discover.openapi import Api
from conformance.discover.probe import WORD, Probe, document, is_page
from conformance.discover.routes import (
    CARRIERS,
    HANDS_OFF,
    IDENTITIES,
    IDENTITIES_BESIDE,
    IDENTITY,
    LOGOUT,
    NAME_MEMBERS,
    around,
    nearest,
)
from conformance.discover.scripts import identities_in
from conformance.model import Answer, Exchange
from conformance.target.party import Party
from conformance.target.templates import extract

MOST_NODES = 2000
DEEPEST = 8
MOST_SPOTS = 8
IDENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,80}")
LONGEST_TEXT = 200
CLOSED = (400, 401, 403)
MOST_TOLD = 6
"""Routes of an OpenAPI document that are tried though their names don't promise a user."""
MOST_CLOSED = 2
"""Routes on which other ways for a token to travel are tried."""


@dataclass(frozen=True, slots=True)
class Found:
    """An identity route that was proven."""

    path: str
    source: str
    name: str
    inside: Exchange
    """What the signed-in user gets there."""
    others: tuple[str, ...]
    """Further paths that answered the user."""

    def table(self) -> dict[str, Any]:
        """As the description says it."""
        return {"identity": {"send": f"GET {self.path}", "name": self.source}}


async def find_identity(probe: Probe, trial: Trial, api: Api | None, others: tuple[str, ...]) -> Found | None:
    """The first route on which a login shows, by what the target names its users; tells users apart where it can."""
    probe.describe(trial.table())
    found, closed = await _search(probe, trial, _places(probe, trial, api), others)
    if found is not None or "access" not in trial.party.tokens or trial.use:
        return found
    for carrier in CARRIERS:
        trial.use = {"access": f"header:{carrier}"}
        probe.describe(trial.table())
        if closed and (found := (await _search(probe, trial, closed[:MOST_CLOSED], others))[0]):
            return found
    trial.use = {}
    return None


async def settle_use(probe: Probe, account: str, trial: Trial, found: Found) -> None:
    """Where a login gives a cookie and a token, find out how the token travels; drop it where the cookie does all."""
    if "access" not in trial.take or not len(trial.party.jar):
        return
    first = trial.use
    for use in (first, *({"access": f"header:{carrier}"} for carrier in CARRIERS)):
        trial.use = use
        if await _shows(probe, account, trial, found, with_token=True):
            return
    trial.use = first
    if await _shows(probe, account, trial, found, with_token=False):
        trial.use, trial.take = {}, {name: at for name, at in trial.take.items() if name != "access"}


async def _shows(probe: Probe, account: str, trial: Trial, found: Found, *, with_token: bool) -> bool:
    """Whether the token of a login alone, or its cookies alone, show who is signed in."""
    probe.describe(trial.table())
    party = probe.client(account)
    if with_token:
        party.tokens = dict(trial.party.tokens)
    else:
        party.jar = trial.party.jar.copy()
    told = "the token" if with_token else "the cookies"
    exchange = await party.send("GET", found.path, purpose=f"{party.label} looks at {found.path} with {told} alone")
    return _value(found.source, exchange) == found.name


async def _search(
    probe: Probe, trial: Trial, places: list[str], others: tuple[str, ...]
) -> tuple[Found | None, list[str]]:
    """What was found among these places, and those of them that are there and let the user not in."""
    closed: list[str] = []
    answered: list[str] = []
    second: Party | None = None
    for path in places:
        if probe.budget.left <= 0:
            break
        inside = await trial.party.send("GET", path, purpose=f"{trial.party.label} looks at {path}")
        if (slashed := probe.slashed(inside)) and slashed not in places:
            path = slashed
            inside = await trial.party.send("GET", path, purpose=f"{trial.party.label} looks at {path}")
        if inside.answer is None or inside.answer.status != 200:
            if inside.answer is not None and inside.answer.status in CLOSED and not probe.absent(inside):
                closed.append(path)
            continue
        spots = spots_in(inside, probe.system.words(trial.party))[:MOST_SPOTS]
        outside = await probe.look(path) if spots else None
        told = [s for s in spots if outside is None or _value(s, outside) != _value(s, inside)]
        if not told:
            continue
        answered.append(path)
        if others and second is None:
            second = await log_in(probe, others[0], trial)
        theirs = await second.send("GET", path, purpose=f"{second.label} looks at {path}") if second else None
        again = await trial.party.send("GET", path, purpose=f"{trial.party.label} looks at {path} again")
        for source in told:
            name = _value(source, inside)
            unlike = theirs is None or _value(source, theirs) not in (None, name)
            if name and unlike and _value(source, again) == name:
                return Found(path, source, name, inside, tuple(answered)), closed
    return None, closed


def _places(probe: Probe, trial: Trial, api: Api | None) -> list[str]:
    """Where to look: where the login led, what the document and the pages name, the usual routes."""
    landing = probe.path_of(trial.answer.request.url) if is_page(trial.answer) else None
    linked = [p for p in own_links(probe, trial.answer) if IDENTITY.search(p) and not LOGOUT.search(p)]
    led = [landing] if landing and trial.answer.request.method == "GET" else []
    if led and probe.system.words(trial.party)["user"] in unquote_plus(urlsplit(led[0]).query):
        # Its query greets the one who logged in.
        led.insert(0, urlsplit(led[0]).path)
    # Where a document describes the whole, guesses come after it.
    told = [*api.identities(), *api.protected()[:MOST_TOLD], *api.reads()[:MOST_TOLD]] if api else []
    beside = around(IDENTITIES_BESIDE, trial.place)
    usual = nearest(IDENTITIES, trial.place)
    named = [*told, *linked[:4], *identities_in(probe.written)[:4]]
    places = [*led, *named, *beside[: len(IDENTITIES_BESIDE)], *usual, *beside]
    return [path for path in dict.fromkeys(places) if not HANDS_OFF.search(path)]


def _value(source: str, exchange: Exchange) -> str | None:
    return extract(source, exchange.answer, {}) if exchange.answer else None


def spots_in(exchange: Exchange, words: dict[str, str]) -> list[str]:
    """Where a user's name may stand in an answer, the likeliest first."""
    answer = exchange.answer
    if answer is None:
        return []
    user = words.get("user", "")
    told = document(exchange)
    ranked = list(_json_spots(told, user)) if told is not None else list(_html_spots(answer, user))
    found = [source for _, source in sorted(ranked, key=lambda pair: pair[0])]
    return [source for source in dict.fromkeys(found) if extract(source, answer, {})]


def _json_spots(told: Any, user: str) -> Iterator[tuple[int, str]]:
    for at, value in _scalars(told):
        member = at.rpartition("/")[2]
        known = NAME_MEMBERS.index(member) if member in NAME_MEMBERS else len(NAME_MEMBERS)
        likeness = _likeness(str(value), user)
        if likeness is not None or member in NAME_MEMBERS:
            yield (100 * (3 if likeness is None else likeness) + 10 * at.count("/") + known, f"json:{at}")


def _scalars(told: Any, at: str = "", depth: int = 0) -> Iterator[tuple[str, str | int]]:
    """Texts and numbers below a node with their pointers; lists are no place for who one is."""
    if at == "" and isinstance(told, str):
        yield at, told
    if depth > DEEPEST or not isinstance(told, dict):
        return
    for key, value in list(told.items())[:100]:
        if not WORD.fullmatch(key) or "/" in key or "~" in key:
            continue
        if isinstance(value, dict):
            yield from _scalars(value, f"{at}/{key}", depth + 1)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield f"{at}/{key}", value


def _likeness(value: str, user: str) -> int | None:
    """How well a text names a user: 0 is exactly; None is not at all."""
    if not user:
        return None
    if value.strip() == user:
        return 0
    lower = value.lower()
    if lower.strip() == user.lower():
        return 1
    local = re.escape(user.lower().partition("@")[0])
    return 2 if len(value) <= LONGEST_TEXT and re.search(rf"(?<!\w){local}(?!\w)", lower) else None


def _html_spots(answer: Answer, user: str) -> Iterator[tuple[int, str]]:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(answer.body.decode("utf-8", "replace"))
    for node in tree.css("body *")[:MOST_NODES]:
        if node.tag in ("script", "style", "form", "select", "textarea"):
            continue
        value = node.attributes.get("value") if node.tag == "input" else _words_of(node)
        likeness = _likeness(value or "", user)
        selector = _selector(node) if likeness is not None else None
        if likeness is not None and selector:
            # An id is meant for one element, a class for few; of nested elements the one with the fewest words counts.
            vague = 0 if selector.startswith("#") else 300 if set(selector) & set(".[") else 600
            yield 1000 * likeness + vague + min(len(value or ""), 99), f"html:{selector}"
    whole = _likeness(_words_of(tree.body) if tree.body else "", user)
    if whole is not None:
        # A page of one line without any element, as short examples write it.
        yield 1000 * whole + 900, "html:body"


def _words_of(node: Any) -> str:
    """The text of an element, a space between its parts: a link right behind a name is no part of it."""
    return str(node.text(separator=" ", strip=True))


def _selector(node: Any) -> str | None:
    """A selector of one element: by id, by class, by name, else by its tag alone."""
    told = node.attributes
    if IDENT.fullmatch(told.get("id") or ""):
        return f"#{told['id']}"
    if node.tag == "input":
        return f'input[name="{told["name"]}"]' if IDENT.fullmatch(told.get("name") or "") else None
    classes = [name for name in (told.get("class") or "").split() if IDENT.fullmatch(name)]
    if classes:
        return f"{node.tag}.{classes[0]}"
    return str(node.tag) if IDENT.fullmatch(node.tag) and node.tag not in ("body", "html") else None
