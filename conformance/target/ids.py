"""Session ids that are no ids: operators, keys of other kinds, serialised objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote

from conformance.attacks.serialised import SHAPES, Shape
from conformance.explore import together
from conformance.model import Exchange
from conformance.target.hijack import Hijacking
from conformance.target.oracle import GATEWAY, Judgement, face
from conformance.target.party import Party

TRIES = 3
"""Times that an object and its damaged copies must be told apart before it counts."""


class HostileIds(Hijacking):
    """Verbs about what is sent in place of an id."""

    def with_operators(self, alice: Party, values: Iterable[str], names: Iterable[tuple[str, str]]) -> Iterator[Party]:
        """Attackers with operators as ids, as they are and percent-encoded, and in the cookie's name."""
        for text in values:
            yield from self.with_ids(alice, [text, *([quoted] if (quoted := quote(text, safe="")) != text else [])])
        for ending, value in names:
            attacker = alice.lacking(self.cookie, f"an attacker with the cookie {self.cookie.name}{ending}={value}")
            attacker.also_cookies = ((self.cookie.name + ending, value),)
            yield attacker

    async def with_keys(self, alice: Party, keys: Iterable[str]) -> list[Party]:
        """Attackers with keys that a store might hold beside its sessions."""
        genuine, (start, end) = alice.secret(self.cookie), await self.varying_span(self.cookie)
        words = {
            "{id}": genuine,
            "{head}": genuine[: (start + end) // 2],
            "{csrf}": alice.tokens.get("csrf", ""),
            "{user}": self.facts_about(alice).get("user", ""),
        }
        found = []
        for key in keys:
            if all(text for word, text in words.items() if word in key):
                made = key
                for word, text in words.items():
                    made = made.replace(word, text)
                found.append(alice.holding(made, self.cookie, f"an attacker with the session id {key!r}"))
        return [attacker for attacker in found if attacker.secret(self.cookie) != genuine]

    async def expect_no_objects(self, alice: Party) -> None:
        """No serialised object is accepted, or makes a difference that its bytes in another order do not make."""
        found = await together(self._told_apart(alice, shape) for shape in SHAPES)
        unread = 0
        for shape, (whole, damaged) in zip(SHAPES, found, strict=True):
            for judged in (*whole, *damaged):
                self._demand_refusal_or_error(shape, judged)
            kinds = {_kind(j) for j in whole}, {_kind(j) for j in damaged}
            unread += kinds == ({"5xx"}, {"5xx"})
            read = kinds == ({"refused"}, {"5xx"}) and all(map(self._as_strangers, whole))
            if len(whole) == TRIES and (read or kinds == ({"5xx"}, {"refused"})):
                shown = [j.exchange for j in (*whole[-1:], *damaged[-1:])]
                await self.system.control(max(e.sent_at for e in shown), alice)
                actual = f"{whole[0]}, and {damaged[0]} for the same bytes in another order, {TRIES} times"
                self.violation(f"{shape.label} in place of an id is no more than a wrong id", actual, shown)
        await self.system.control(max(j.exchange.sent_at for pair in found for some in pair for j in some), alice)
        if unread == len(SHAPES):
            self.inconclusive("every malformed id breaks the target: error.status.unauth judges")

    def _as_strangers(self, judged: Judgement) -> bool:
        """Whether a refusal is the target's own: what keeps objects out before it has another."""
        answer, url = judged.exchange.answer, judged.exchange.request.url
        return answer is not None and face(answer, url) in self.system.oracle.strangers

    async def _told_apart(self, alice: Party, shape: Shape) -> tuple[list[Judgement], list[Judgement]]:
        """What the object and its damaged copies get; asked again only where the first pair differs."""
        whole: list[Judgement] = []
        damaged: list[Judgement] = []
        for _ in range(TRIES):
            whole.append(await self._with(alice, shape.label, shape.value))
            damaged.append(await self._with(alice, f"{shape.label}, damaged", shape.damaged(self.rng)))
            if _kind(whole[-1]) == _kind(damaged[-1]):
                break
        return whole, damaged

    async def _with(self, alice: Party, what: str, value: str) -> Judgement:
        return await alice.holding(value, self.cookie, f"an attacker with {what} as the session id").whoami()

    def _demand_refusal_or_error(self, shape: Shape, judged: Judgement) -> None:
        if judged.accepted:
            self.violation(f"{shape.label} in place of an id is refused", str(judged), [judged.exchange])

    async def expect_companions_guard(self, alice: Party) -> None:
        """A cookie that is looked at when it is there is demanded: leaving it out gets nobody in."""
        session = {carrier.name for carrier in self.cookies}
        # First those that are a violation: advice on another would end the check before.
        for name, value in sorted(alice.jar.as_pairs(), key=lambda pair: not _belongs(pair[0], session)):
            if name in session or len(value) < SHORTEST:
                continue
            altered = self._with_companion(alice, name, flipped(value))
            judged = [await altered.whoami() for _ in range(2)]
            await self.system.control(judged[-1].exchange.sent_at, alice)
            if not all(one.refused for one in judged):
                continue
            without = self._with_companion(alice, name, None)
            bare = await without.whoami()
            if bare.accepted:
                self._unguarded(name, session, [judged[-1].exchange, bare.exchange])

    def _unguarded(self, name: str, session: set[str], shown: list[Exchange]) -> None:
        expected = f"a session without its {name} cookie is refused, as one with a wrong one is"
        actual = f"a wrong {name} is refused, and none at all is accepted"
        if _belongs(name, session):
            self.violation(expected, actual, shown)
        self.advise(expected, actual, shown)

    def _with_companion(self, alice: Party, name: str, value: str | None) -> Party:
        said = "without" if value is None else "with a wrong"
        client = alice.stolen(f"a client with alice's session, {said} {name} cookie")
        client.jar.discard(name)
        if value is not None:
            client.jar.put(name, value, self.system.base_url)
        return client

    def readable_secrets(self, alice: Party) -> dict[str, str]:
        """What scripts of the target's own pages can read of a login, by what it is: cookies, the form token."""
        found = {f"the {c.name} cookie": c.value for c in alice.jar if not c.httponly and len(c.value) >= SHORTEST}
        token = alice.tokens.get("csrf", "")
        return {**found, **({"the anti-forgery value": token} if len(token) >= SHORTEST else {})}

    def with_readable(self, alice: Party, secrets: dict[str, str]) -> Iterator[Party]:
        """Scripts that took what they can read, and send it in place of what they cannot."""
        for what, value in secrets.items():
            yield alice.holding(value, self.cookie, f"a script with {what} in place of the session cookie")
            bearer = self.stranger()
            bearer.label, bearer.base = f"a script with {what} as a bearer token", alice
            bearer.also_headers = (("Authorization", f"Bearer {value}"),)
            yield bearer


SHORTEST = 16
"""Characters of a value that may be a secret."""


def _belongs(name: str, session: Iterable[str]) -> bool:
    """Whether a cookie is named after one that authenticates, as its signature is."""
    return any(name.lower().startswith(one.lower()) for one in session)


def flipped(value: str) -> str:
    """The same value but for one character in its middle, where no spare bits are."""
    middle = len(value) // 2
    return value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]


def _kind(judged: Judgement) -> str:
    answer = judged.exchange.answer
    if answer is None or answer.status in GATEWAY:
        return "silence"
    return "5xx" if answer.status >= 500 else judged.meaning
