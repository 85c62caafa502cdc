"""Requests that no client sends, and whether they break the target."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from itertools import product

from conformance.model import Exchange
from conformance.target.cast import Cast
from conformance.target.expectations import Expectations
from conformance.target.oracle import server_error
from conformance.target.party import Party


class Malformed(Cast, Expectations):
    """Verbs about errors."""

    async def expect_no_crash(self, parties: Iterable[Party]) -> None:
        """On every protected route these get an answer below 500, or not the same one above twice."""
        for party, (route, _) in product(parties, self.system.routes):
            answers = [await party.visit(route, f"{party.label}: {route}") for _ in range(2)]
            if status := server_error(answers):
                actual = f"{status} on {route}, twice"
                self.violation(f"{party.label} is refused without a server error", actual, answers)
            broken = [e.answer.status for e in answers if e.answer and e.answer.status >= 500]
            if len(broken) == len(answers):
                said = " and ".join(map(str, broken))
                self.inconclusive(f"{route} answers {said}: a gateway, or a busy target", answers)

    async def malformed(
        self, alice: Party, bodies: Iterable[tuple[str, str | None, bytes]], ids: Iterable[str], routes: Iterable[str]
    ) -> AsyncIterator[tuple[str, Exchange]]:
        """What each malformed request is, and its exchange."""
        stranger = self.stranger()
        for what, kind, body in bodies:
            for place in self._places():
                purpose = f"somebody sends {what} to {place}"
                yield what, await stranger.send("POST", place, purpose=purpose, content=body, content_type=kind)
        for text in ids:
            yield f"the id {text[:20]!r}", (await alice.holding(text).whoami()).exchange
        for route in routes:
            yield route, await stranger.visit(route, f"somebody asks for {route}")

    def _places(self) -> list[str]:
        """Where logins and changes are sent."""
        described = self.system.description
        verbs = [v for v in (described.login, described.mutate, described.register_) if v]
        steps = [verb.steps[-1] for verb in verbs]
        sent = [s.page or (s.send or "").partition(" ")[2] for s in steps]
        return list(dict.fromkeys(place for place in sent if place and "{" not in place))
