"""What is left of a session that ended: the words of its refusal, and copies in a browser's cache."""

from __future__ import annotations

import re

from conformance.attacks.edits import TextEdit
from conformance.attacks.login_fields import marks
from conformance.model import Exchange
from conformance.target.hijack import Hijacking
from conformance.target.http_dates import told_by
from conformance.target.oracle import Judgement
from conformance.target.party import Party
from conformance.target.set_cookie import parse_date
from conformance.target.tour import Tour
from conformance.target.transport import never_kept

NOBODY = "\0"
"""Nobody's name, which no answer holds."""
LONG = 16
"""Characters of an id whose return in an answer is no accident."""


class Leftovers(Hijacking):
    """Verbs about what a session leaves behind."""

    async def expect_no_reason(self, tour: Tour) -> None:
        """An ended session and one that never was get the same answer, and none repeats the id.

        Raises:
            NotApplicable: nobody can make up what the target would take for a session of its own.
        """
        if await self.is_self_contained(self.cookie):
            self.not_applicable("the session is signed: whoever makes one up learns nothing of others")
        # Only now: where an account has one session, the tour and the samples ended the one before.
        alice = await self.shared_login("alice")
        ended = self._ended(alice, tour, "somebody whose session has ended")
        unknown = alice.holding(_altered(ended.secret(self.cookie)), self.cookie, "somebody with a made-up session")
        first = [await ended.whoami(), await unknown.whoami()]
        await self.system.control(first[-1].exchange.sent_at, alice)
        if not tour.ending or not all(judged.refused for judged in first):
            self.not_applicable("no session was ended: session.logout.replay judges")
        for party, judged in zip((ended, unknown), first, strict=True):
            self._demand_no_echo(party, judged)
        again = [await ended.whoami(), await unknown.whoami()]
        told = [[self._says(judged) for judged in pair] for pair in zip(first, again, strict=True)]
        for kind, others, marked in (("an ended", told[1], told[0]), ("a made-up", told[0], told[1])):
            if apart := sorted(frozenset.intersection(*marked) - frozenset.union(*others)):
                shown = [judged.exchange for judged in again]
                self.violation("both get the same answer", f"only {kind} session gets {apart[0]}", shown)

    def _ended(self, alice: Party, tour: Tour, label: str) -> Party:
        """Somebody with the session that the tour ended."""
        ended = alice.stolen(label)
        for name, value in tour.secrets:
            ended.jar.discard(name)
            ended.jar.put(name, value, self.system.base_url)
        return ended

    def _demand_no_echo(self, party: Party, judged: Judgement) -> None:
        value, answer = party.secret(self.cookie), judged.exchange.answer
        if answer and len(value) >= LONG and value in answer.body.decode("utf-8", "replace"):
            self.violation("a refusal does not repeat the id", f"{party.label} is shown it", [judged.exchange])

    @staticmethod
    def _says(judged: Judgement) -> frozenset[str]:
        answer = judged.exchange.answer
        found = marks(answer.status, answer.headers, answer.body, NOBODY) if answer else frozenset[str]()
        # What the client is told to keep is no word on the session.
        return frozenset(mark for mark in found if not mark.startswith(("a cookie", "the header")))

    async def expect_not_shown_again(self, tour: Tour) -> None:
        """No answer to alice may be shown from a cache after her logout, and none is confirmed to the ended session."""
        alice = await self.shared_login("alice")
        cleared = any("cache" in value for e in tour.ending for value in _all(e, "clear-site-data"))
        for exchange in self._private(tour):
            if not cleared and (said := _fresh(exchange, tour.moment(exchange))):
                self.violation("pages of a user go with the session", f"the browser may keep it: {said}", [exchange])
            await self._demand_no_confirmation(alice, tour, exchange)

    def _private(self, tour: Tour) -> list[Exchange]:
        routes = {self.identity_route, *(route for route, _ in self.system.routes)}
        paths = {route.split(" ", 1)[1] for route in routes if route.startswith("GET ")}
        seen = [e for e in tour.signed_in if e.answer and 200 <= e.answer.status < 300]
        return [e for e in seen if e.request.url.removeprefix(self.system.base_url) in paths]

    async def _demand_no_confirmation(self, alice: Party, tour: Tour, seen: Exchange) -> None:
        tag = seen.answer.header("etag") if seen.answer else None
        if not tag or never_kept(seen):
            return
        ended = self._ended(alice, tour, "a browser after the logout")
        if not (await ended.whoami()).refused:
            # A session that goes on may have its pages confirmed: session.logout.replay judges.
            return
        path = seen.request.url.removeprefix(self.system.base_url)
        exchange = await ended.visit(
            f"GET {path}", "a browser after the logout shows the page", **{"If-None-Match": tag}
        )
        if exchange.answer and exchange.answer.status == 304:
            self.violation(
                "a page of an ended session is not confirmed", "304: the copy may be shown", [seen, exchange]
            )


def _altered(value: str) -> str:
    middle = len(value) // 2
    # Of the value's own signs, or it is malformed, which anybody may be told.
    return TextEdit("character changed", middle).apply(value, (0, len(value))) or f"{value}0"


def _all(exchange: Exchange, name: str) -> list[str]:
    return [value.lower() for value in exchange.answer.all(name)] if exchange.answer else []


def _fresh(exchange: Exchange, sent: float) -> str | None:
    """What lets a browser show an answer again without asking, or None; `sent` is the target's time of the request."""
    rules = ",".join(_all(exchange, "cache-control"))
    if re.search(r"no-store|no-cache", rules):
        return None
    age = re.search(r"max-age\s*=\s*(\d+)", rules)
    if age:
        return f"Cache-Control: {rules}" if int(age[1]) > 0 else None
    # Compared with the target's own date, whose clock may be ahead (RFC 9111 section 4.2.1).
    now = max(told_by(exchange.answer) or 0.0, sent + exchange.seconds)
    ends = [parse_date(value) for value in _all(exchange, "expires")]
    return f"Expires: {_all(exchange, 'expires')[0]}" if any(d and d > now for d in ends) else None
