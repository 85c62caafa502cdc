"""Lives of credentials: sequences of logins, thefts, logouts and whatever else a target offers, drawn by a machine.

The machine is Hypothesis's own. It draws without sending anything, so that lives go out side by side where they can,
and shrinks against remembered answers, as all properties here do (see `conformance.explore`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from conformance.model import Capability

if TYPE_CHECKING:
    from hypothesis import settings
    from hypothesis.stateful import RuleBasedStateMachine

STEPS = 12
"""Acts of one life."""
SHRINKS = 12
"""Shorter lives that are tried once one shows something: each is many requests."""

ACTS: dict[str, frozenset[Capability]] = {
    "log in": frozenset(),
    "log in with what is dead": frozenset({Capability.LOGOUT}),
    "log in over a session": frozenset(),
    "log in wrongly": frozenset(),
    "use": frozenset(),
    "steal": frozenset(),
    "use what was stolen": frozenset(),
    "alter": frozenset(),
    "log out": frozenset({Capability.LOGOUT}),
    "log out with what is dead": frozenset({Capability.LOGOUT}),
    "log out everywhere": frozenset({Capability.LOGOUT_ALL}),
    "refresh": frozenset({Capability.REFRESH}),
    "replay a spent one": frozenset({Capability.REFRESH}),
    "refresh with what is dead": frozenset({Capability.REFRESH}),
    "use a refresh token as access": frozenset({Capability.REFRESH}),
    "prove the password again": frozenset({Capability.STEP_UP}),
    "change the password": frozenset({Capability.CHANGE_PASSWORD, Capability.REGISTER}),
    "be disabled and enabled": frozenset({Capability.ADMIN, Capability.REGISTER}),
    "be thrown out": frozenset({Capability.ADMIN, Capability.REGISTER}),
    "look at the list": frozenset({Capability.LIST_SESSIONS, Capability.REGISTER}),
    "change something": frozenset({Capability.MUTATE}),
    "change something with what is dead": frozenset({Capability.MUTATE}),
    "log out while it is used": frozenset({Capability.LOGOUT}),
    "log out while it is refreshed": frozenset({Capability.LOGOUT, Capability.REFRESH}),
    "refresh twice at once": frozenset({Capability.REFRESH}),
    "log in together over one visit": frozenset({Capability.PRE_LOGIN_SESSION, Capability.SECOND_ACCOUNT}),
    "change the password during logins": frozenset({Capability.CHANGE_PASSWORD, Capability.REGISTER}),
    "hold a request meanwhile": frozenset({Capability.GATE}),
    "stay away": frozenset({Capability.CLOCK}),
    "keep busy": frozenset({Capability.CLOCK}),
    "keep refreshing": frozenset({Capability.CLOCK, Capability.REFRESH}),
}
"""What may happen, and what the target must offer for it."""

OFTEN = {
    "log in": 3, "log in wrongly": 3, "use": 2, "steal": 2, "log out": 2, "log out everywhere": 2, "refresh": 2,
    "replay a spent one": 2,
}  # fmt: skip
"""What more happens with than with others, and is therefore drawn more often."""

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

    def bounded(self, chosen: settings) -> settings:
        """Hypothesis's settings, with as many steps as a life has."""
        from hypothesis import settings

        return settings(chosen, stateful_step_count=STEPS)

    def machine(self, sink: Callable[[Life], Any]) -> Callable[[], RuleBasedStateMachine]:
        """What makes a machine that hands each life over when it ends."""
        return partial(_machine(), self.acts, sink)


def lives() -> Lives:
    """Lives, to be fitted to a target before they are drawn."""
    return Lives()


def _machine() -> Any:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

    any_of = st.integers(0, 31)

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
