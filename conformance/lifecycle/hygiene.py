"""I13: every answer of a life is judged, by the rules that checks of cookies, caches and errors ask of their own.

Those checks see a login, a few pages and a logout. A life sees answers in states where none of them looks. What their
own traffic shows already is theirs to tell; here only what comes up elsewhere counts, graded as theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from conformance.lifecycle.model import Dead, Family
from conformance.model import Capability, Exchange
from conformance.registry import catalogue
from conformance.target.answer_rules import (
    COOKIE_RULES,
    Flaw,
    flaws_of_login,
    in_addresses,
    in_body,
    set_cookies,
    set_twice,
    storable,
    storable_token,
)
from conformance.target.contents import SEGMENT
from conformance.target.grammar import Verb
from conformance.target.oracle import Judgement, server_error
from conformance.target.party import Party
from conformance.target.tour import Tour
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.lifecycle.world import World
    from conformance.target.facade import Target

OF_LOGIN = ("cookie.attr.httponly", "cookie.attr.secure", "cookie.attr.samesite")
"""Checks that look at the cookies of one login; the others look at the whole tour."""
TWICE, URL, BODY = "cookie.attr.double-set", "transport.url.never-in-url", "transport.body.never-in-body"
CACHE, TOKEN_CACHE, CRASH = "transport.cache.no-store-auth", "token.secrecy.cache", "error.status.unauth"
RULES = (*COOKIE_RULES, TWICE, URL, BODY, CACHE, TOKEN_CACHE, CRASH)
TOKENS = ("access", "refresh", "id_token")
Found = tuple[str, Flaw]
"""The id of the check that the rule is of, and what it finds."""


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody holds who logged in, at the moment."""

    secrets: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    """Names and values of cookies that authenticate."""
    alive: frozenset[str] = field(default=frozenset(), repr=False)
    """The values of those that surely live."""
    tokens: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A flaw, where it was seen, and how far the story had got."""

    of: str
    flaw: Flaw
    shown: tuple[Exchange, ...] = field(repr=False)
    told: int


class Hygiene:
    """Watches the answers of one life."""

    def __init__(self, world: World) -> None:
        self.world, self.target = world, world.target
        self.fresh: list[tuple[Exchange, float]] = []
        self.broken: list[tuple[Dead, Exchange]] = []
        self.found: dict[tuple[str, str], Seen] = {}
        self.facts = self.target.cookie_facts()
        self.known: frozenset[tuple[str, str]] = frozenset()
        """What the checks of the rules see by themselves."""
        self.asked = tuple(id for id in RULES if set(catalogue()[id].needs) <= self.target.system.capabilities)

    # -- watching

    async def begin(self) -> None:
        """Learn what the checks of the rules see by themselves, and watch from now on."""
        tour, record = await self.target.tour(), self.target.log
        self.facts = self.target.cookie_facts(tour)
        self.known = frozenset(await self._known(tour))

        def watch(exchange: Exchange) -> None:
            record.add(exchange)
            self.see(exchange)

        self.target.log = Log(watch)

    def see(self, exchange: Exchange) -> None:
        """Remember an answer until the act is over that brought it about, with the target's time."""
        self.fresh.append((exchange, self.target.clock.now()))

    def refused(self, dead: Dead, judged: Judgement) -> None:
        """Remember a refusal that was a crash, to be tried again when nothing else goes on."""
        if CRASH in self.asked and self.target.system.side_by_side and server_error([judged.exchange]):
            self.broken.append((dead, judged.exchange))

    async def look(self) -> None:
        """Judge what came since the last look, by what everybody holds now."""
        fresh, self.fresh = self.fresh, []
        held = self._held()
        for exchange, now in fresh:
            for of, flaw in self._flaws(exchange, now, held):
                self._note(of, flaw, exchange)
        await self._try_the_broken()

    def _note(self, of: str, flaw: Flaw, *shown: Exchange) -> None:
        key = (of, flaw.about)
        if of in self.asked and key not in self.known:
            self.found.setdefault(key, Seen(of, flaw, shown, len(self.world.story)))

    # -- judging

    def _flaws(self, exchange: Exchange, now: float, held: Held) -> Iterator[Found]:
        setting, facts = False, self.facts
        secrets = frozenset((name, value) for name, value in held.secrets if not _brought(exchange, value))
        for cookie in set_cookies(exchange):
            if cookie.clears(now):
                continue
            # What a visitor is given, as after a logout, is nobody's yet.
            setting = setting or (cookie.name, cookie.value) in held.secrets
            yield from ((of, flaw) for of, rule in COOKIE_RULES.items() if (flaw := rule(cookie, facts, now)))
        yield from ((TWICE, flaw) for flaw in set_twice(exchange))
        yield from ((URL, flaw) for flaw in in_addresses(exchange, secrets))
        listed = self.target.system.description.sessions.list_
        # What the list of sessions shows, `session.list.truth` judges.
        if not _is_step(exchange, listed):
            yield from ((BODY, flaw) for flaw in in_body(exchange, secrets))
        if (setting or self._tells_who(exchange, held)) and (flaw := storable(exchange)):
            yield CACHE, flaw
        if _holds(exchange, held.tokens) and (flaw := storable_token(exchange)):
            yield TOKEN_CACHE, flaw

    def _tells_who(self, exchange: Exchange, held: Held) -> bool:
        """Whether this is the identity as somebody is told it who is surely signed in."""
        sent = b"; ".join(value for name, value in exchange.request.headers if name.lower() == b"cookie")
        asked = _is_step(exchange, self.target.system.description.identity)
        return asked and any(value.encode() in sent for value in held.alive)

    def _held(self) -> Held:
        cookies, families = self.target.cookies, self.world.families
        names = TOKENS if self.target.has(Capability.TOKEN) else ()
        return Held(
            frozenset(
                (c.name, value) for f in families for party in _holders(f) for c in cookies
                if len(value := party.secret(c)) >= SEGMENT
            ),
            frozenset(f.owner.secret(c) for f in families if f.alive and not f.doubtful for c in cookies) - {""},
            frozenset(
                value for f in families for party in _holders(f) for name in names
                if len(value := party.tokens.get(name, "")) >= SEGMENT
            ),
        )  # fmt: skip

    async def _known(self, tour: Tour) -> Iterable[tuple[str, str]]:
        """What each check finds in the traffic that it brings about."""
        target, facts = self.target, self.target.cookie_facts(tour)
        login = await target.shared_login()
        found = [(id, flaw) for id in OF_LOGIN for flaw in flaws_of_login(id, login.history, facts)]
        found += [(id, flaw) for id in COOKIE_RULES if id not in OF_LOGIN for _, flaw in tour.flawed(id, facts)]
        for exchange in tour.whole:
            found += [(TWICE, flaw) for flaw in set_twice(exchange)]
            found += [(URL, flaw) for flaw in in_addresses(exchange, tour.secrets)]
        found += [(BODY, flaw) for exchange in tour.inside for flaw in in_body(exchange, tour.secrets)]
        found += [(CACHE, flaw) for exchange in tour.signed_in if (flaw := storable(exchange))]
        if target.has(Capability.TOKEN):
            tokens = [value for name in TOKENS if len(value := login.tokens.get(name, "")) >= SEGMENT]
            answers = [exchange for exchange in login.history if _holds(exchange, tokens)]
            found += [(TOKEN_CACHE, flaw) for exchange in answers if (flaw := storable_token(exchange))]
        return [(id, flaw.about) for id, flaw in found]

    # -- crashes

    async def _try_the_broken(self) -> None:
        """What must be refused, and breaks the server twice; a session that was logged out does not."""
        broken, self.broken = self.broken, []
        for dead, first in broken:
            again = (await dead.holder.whoami()).exchange
            status = server_error([first, again])
            if status and not await self._breaks_by_logout():
                flaw = Flaw("", f"{dead.holder.label} is refused ({dead.reason})", f"{status}, twice")
                self._note(CRASH, flaw, first, again)

    async def _breaks_by_logout(self) -> bool:
        """Whether a session that was logged out, or never was one, breaks the server too: then its own check tells."""
        learned = self.target.system.learned
        if learned.breaks_by_logout is None:
            learned.breaks_by_logout = any(server_error([each]) for each in await _plain_refusals(self.target))
        return learned.breaks_by_logout

    # -- the verdict

    def tell(self) -> None:
        """Whatever was seen is a violation, by one answer: it needs no second one."""
        if not self.found:
            return
        seen = list(self.found.values())
        story = self.world.story[: max(one.told for one in seen)]
        told = "; ".join(f"{at}. {line}" for at, line in enumerate(story, 1))
        expected = "; ".join(f"{one.flaw.expected} ({one.of})" for one in seen)
        actual = "; ".join(dict.fromkeys(one.flaw.actual for one in seen))
        shown = [e for one in seen for e in one.shown]
        last = max(e.sent_at for e in shown)
        before = [e for e in self.target.log if e.sent_at <= last and id(e) not in self.world.quiet]
        self.target.violation(
            f"{expected}, also after: {told}", actual, [*before, *shown], proven=True, of=[one.of for one in seen],
            aside=True,
        )  # fmt: skip


def _holders(family: Family) -> tuple[Party, ...]:
    return (family.owner, *family.stolen, *family.spent)


def _holds(exchange: Exchange, values: Iterable[str]) -> bool:
    body = exchange.answer.body.decode("utf-8", "replace") if exchange.answer else ""
    return any(value in body for value in values)


def _brought(exchange: Exchange, value: str) -> bool:
    """Whether the request itself holds a value where no browser puts it: an answer that repeats it tells nothing."""
    sent = exchange.request
    others = [text for name, text in sent.headers if name.lower() != b"cookie"]
    return any(value.encode() in place for place in (unquote(sent.url).encode(), sent.body, *others))


def _is_step(exchange: Exchange, verb: Verb | None) -> bool:
    """Whether this is what a verb asks last."""
    asked = f"{exchange.request.method} {urlsplit(exchange.request.url).path}"
    return verb is not None and asked == (verb.steps[-1].send or "").partition("?")[0]


async def _plain_refusals(target: Target) -> list[Exchange]:
    """How what `error.status.unauth` tries is refused: a session that was logged out, and an id that is none."""
    alice = await target.own_login()
    parties = [alice.holding("x" * SEGMENT)]
    if target.has(Capability.LOGOUT):
        parties.append(alice.stolen())
        await target.expect_logged_out(alice)
    return [(await party.whoami()).exchange for party in parties]
