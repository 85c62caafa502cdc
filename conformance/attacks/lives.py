"""Lives of credentials: sequences of logins, thefts, logouts and whatever else a target offers.

Some lives are dealt like cards, so that whatever can happen does happen in a few of them, in an order that nobody
chose; the others a machine draws that may do the same thing again and again. The machine is Hypothesis's own. Both are
made without sending anything, and are the same for the same seed (see `conformance.explore`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from conformance.model import Capability

if TYPE_CHECKING:
    from hypothesis import settings
    from hypothesis.stateful import RuleBasedStateMachine

STEPS = 10
"""Acts of one life."""
DEALT = 3, 4
"""How many of how many lives are dealt; the machine draws the others."""
LARGEST = 255
"""The largest number in a card."""
SHRINKS = 12
"""Shorter lives that are tried once one shows something: each is many requests."""

ACTS: dict[str, frozenset[Capability]] = {
    "log in": frozenset(),
    "log in with what is dead": frozenset({Capability.LOGOUT}),
    "log in over a session": frozenset(),
    "log in wrongly": frozenset(),
    "use": frozenset(),
    "use all at once": frozenset(),
    "steal": frozenset(),
    "use what was stolen": frozenset(),
    "alter": frozenset(),
    "send it elsewhere": frozenset({Capability.COOKIE}),
    "log out": frozenset({Capability.LOGOUT}),
    "log out with what is dead": frozenset({Capability.LOGOUT}),
    "spell otherwise what is dead": frozenset({Capability.JWT, Capability.LOGOUT}),
    "log out everywhere": frozenset({Capability.LOGOUT_ALL}),
    "refresh": frozenset({Capability.REFRESH}),
    "refresh with an altered token": frozenset({Capability.REFRESH}),
    "replay a spent one": frozenset({Capability.REFRESH}),
    "replay beside a refresh": frozenset({Capability.REFRESH}),
    "ask again within the grace": frozenset({Capability.REFRESH, Capability.CLOCK}),
    "refresh with what is dead": frozenset({Capability.REFRESH}),
    "use a token of another kind": frozenset({Capability.TOKEN}),
    "refresh as another client": frozenset({Capability.REFRESH, Capability.AUTHORIZE, Capability.SECOND_CLIENT}),
    "prove the password again": frozenset({Capability.STEP_UP}),
    "change the password": frozenset({Capability.CHANGE_PASSWORD, Capability.REGISTER}),
    "change the password without knowing it": frozenset({Capability.CHANGE_PASSWORD, Capability.REGISTER}),
    "change what is sensitive without the password": frozenset({Capability.SENSITIVE, Capability.REGISTER}),
    "be disabled and enabled": frozenset({Capability.ADMIN, Capability.REGISTER}),
    "be thrown out": frozenset({Capability.ADMIN, Capability.REGISTER}),
    "be deleted": frozenset({Capability.REGISTER}),
    "look at the list": frozenset({Capability.LIST_SESSIONS, Capability.REGISTER}),
    "revoke a listed session": frozenset({Capability.LIST_SESSIONS, Capability.REVOKE_SESSION, Capability.REGISTER}),
    "come in crowds": frozenset({Capability.REGISTER}),
    "change something": frozenset({Capability.MUTATE}),
    "change something with what is dead": frozenset({Capability.MUTATE}),
    "change something without its token": frozenset({Capability.MUTATE, Capability.COOKIE}),
    "change something at once": frozenset({Capability.MUTATE, Capability.COOKIE, Capability.SECOND_ACCOUNT}),
    "log out while it is used": frozenset({Capability.LOGOUT}),
    "log out while it is refreshed": frozenset({Capability.LOGOUT, Capability.REFRESH}),
    "refresh twice at once": frozenset({Capability.REFRESH}),
    "log in together over one visit": frozenset({Capability.PRE_LOGIN_SESSION, Capability.SECOND_ACCOUNT}),
    "change the password during logins": frozenset({Capability.CHANGE_PASSWORD, Capability.REGISTER}),
    "hold a request meanwhile": frozenset({Capability.GATE}),
    "redeem a code twice": frozenset({Capability.AUTHORIZE}),
    "redeem a code wrongly": frozenset({Capability.AUTHORIZE}),
    "log in over a code": frozenset({Capability.AUTHORIZE, Capability.SECOND_ACCOUNT}),
    "redeem a code at once": frozenset({Capability.AUTHORIZE}),
    "revoke a token": frozenset({Capability.AUTHORIZE, Capability.REVOKE}),
    "revoke the token of another": frozenset({Capability.AUTHORIZE, Capability.REVOKE}),
    "refresh while it is revoked": frozenset({Capability.AUTHORIZE, Capability.REVOKE, Capability.REFRESH}),
    "withdraw a grant": frozenset({Capability.AUTHORIZE, Capability.WITHDRAW, Capability.REFRESH}),
    "authorize with what is dead": frozenset({Capability.AUTHORIZE, Capability.OPENID, Capability.LOGOUT}),
    "stay away": frozenset({Capability.CLOCK}),
    "keep busy": frozenset({Capability.CLOCK}),
    "keep refreshing": frozenset({Capability.CLOCK, Capability.REFRESH}),
    "let the access token expire": frozenset({Capability.CLOCK, Capability.TOKEN}),
}
"""What may happen, and what the target must offer for it."""

OFTEN = {
    "log in": 3, "log in wrongly": 3, "use": 2, "steal": 2, "log out": 2, "log out everywhere": 2, "refresh": 2,
    "replay a spent one": 2,
}  # fmt: skip
"""What more happens with than with others, and is therefore drawn more often."""

VARIANTS = {
    "log in": 3, "log in with what is dead": 2, "log in over a session": 2, "log in wrongly": 5, "use": 2, "alter": 2,
    "send it elsewhere": 2, "log out": 2, "log out with what is dead": 2, "log out everywhere": 3,
    "spell otherwise what is dead": 2,
    "refresh with an altered token": 2, "replay a spent one": 3, "replay beside a refresh": 2,
    "ask again within the grace": 2, "use a token of another kind": 2, "refresh as another client": 2,
    "change the password without knowing it": 2, "change what is sensitive without the password": 2, "be deleted": 4,
    "revoke a listed session": 3, "come in crowds": 2, "change something without its token": 4,
    "log out while it is refreshed": 2, "redeem a code twice": 2, "redeem a code wrongly": 5, "revoke a token": 2,
    "revoke the token of another": 2,
}  # fmt: skip
"""Kinds of an act, by the remainder of its second number: there is one card for each, and one for every other act."""
SELDOM = frozenset({"come in crowds"})
"""What takes hundreds of requests: it is in every third pile of cards only, the first two without."""

NEEDS_DEAD = frozenset({"log out with what is dead", "refresh with what is dead", "change something with what is dead"})
NEEDS_STOLEN = frozenset({"use what was stolen"})
ENDS = frozenset({
    "log out", "log out everywhere", "log out while it is used", "log out while it is refreshed",
    "be disabled and enabled", "be thrown out", "hold a request meanwhile", "stay away", "keep busy",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a life; the numbers are taken modulo what there is to choose from at that moment."""

    name: str
    who: int = 0
    what: int = 0

    def __str__(self) -> str:
        return f"{self.name} ({self.who}, {self.what})"


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to two users and their credentials, in order."""

    acts: tuple[Act, ...]

    def __repr__(self) -> str:
        return "; ".join(map(str, self.acts)) or "nothing but two logins"


@dataclass(frozen=True, slots=True)
class Lives:
    """Every life that a target with these capabilities can lead; a machine where other properties have a strategy."""

    offered: frozenset[Capability] = frozenset()
    shrinks: int = SHRINKS

    def fitted(self, offered: Iterable[Capability]) -> Lives:
        """The same for a target."""
        return replace(self, offered=frozenset(offered))

    @property
    def alone(self) -> bool:
        """One life after the other: what one of them ends must not be taken for what another one did."""
        return True

    @property
    def acts(self) -> tuple[str, ...]:
        """What can happen there."""
        return tuple(name for name, needs in ACTS.items() if needs <= self.offered)

    # -- dealt

    def dealt(self, seed: int, examples: int) -> list[Life]:
        """So many of this many lives in which every kind of act happens, one pile of cards after the other."""
        cards = self._cards(Random(seed))  # noqa: S311 (nothing secret)
        part, whole = DEALT
        return [Life(tuple(next(cards) for _ in range(STEPS))) for _ in range(examples * part // whole)]

    def _cards(self, rng: Random) -> Iterator[Act]:
        pile = 0
        while True:
            pile += 1
            names = [name for name in self.acts if name not in SELDOM or pile % 3 == 0]
            kinds = [(name, kind) for name in names for kind in range(VARIANTS.get(name, 1))]
            rng.shuffle(kinds)
            for name, kind in kinds:
                count = VARIANTS.get(name, 1)
                more = rng.randrange((LARGEST + 1) // count)
                yield Act(name, rng.randint(0, LARGEST), kind + count * more)

    def shorter(self, life: Life) -> Iterator[Life]:
        """A life's halves, and what is left of it without one act."""
        acts = life.acts
        half = len(acts) // 2
        if half:
            yield from (Life(acts[:half]), Life(acts[half:]))
        if len(acts) > 2:
            yield from (Life(acts[:at] + acts[at + 1 :]) for at in range(len(acts)))

    # -- drawn

    def bounded(self, chosen: settings) -> settings:
        """Hypothesis's settings, with as many steps as a life has."""
        from hypothesis import settings

        return settings(chosen, stateful_step_count=STEPS)

    def machine(self, sink: Callable[[Life], Any]) -> Callable[[], RuleBasedStateMachine]:
        """What makes a machine that hands each life over when it ends."""
        return partial(_machine(), tuple(name for name in self.acts if name not in SELDOM), sink)


def lives() -> Lives:
    """Lives, to be fitted to a target before they are drawn."""
    return Lives()


def _machine() -> Any:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

    any_of = st.integers(0, LARGEST)

    class CredentialLife(RuleBasedStateMachine):
        """Which act may come next, by what has happened so far; two users are logged in at the start."""

        def __init__(self, offered: tuple[str, ...], sink: Callable[[Life], Any]) -> None:
            super().__init__()
            self.offered, self.sink = offered, sink
            self.acts: list[Act] = []

        def happened(self, names: Iterable[str]) -> bool:
            return any(act.name in names for act in self.acts)

        def possible(self, name: str) -> bool:
            """Whether it is offered, and makes sense by now."""
            if name not in self.offered:
                return False
            wanted = [(NEEDS_DEAD, ENDS), (NEEDS_STOLEN, {"steal"})]
            return all(self.happened(before) for group, before in wanted if name in group)

        def teardown(self) -> None:
            # A draw that Hypothesis breaks off leads to no life: it could not be drawn again, nor shrunk.
            if sys.exc_info()[0] is None:
                self.sink(Life(tuple(self.acts)))

    def added(name: str) -> Any:
        def happens(self: CredentialLife, who: int, what: int) -> None:
            self.acts.append(Act(name, who, what))

        happens.__name__ = name.replace(" ", "_")
        return rule(who=any_of, what=any_of)(precondition(lambda self: self.possible(name))(happens))

    rules = {f"{name} {at}": added(name) for name in ACTS for at in range(OFTEN.get(name, 1))}
    return type("CredentialLife", (CredentialLife,), rules)
