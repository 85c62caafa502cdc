"""Acts that overlap, and whether any order of them explains what the target answered.

A few acts set out together; when each was sent and when its answer had arrived is all that is known of their order.
Every order that real time allows is played on a small model of a credential's life. An answer that none of them gives
is a violation: whatever the target did inside, no server that does one thing at a time could have answered so
(linearizability: Herlihy and Wing, 1990).
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from conformance.model import Exchange

MOST = 4
"""Different acts that may be under way at once: 24 orders of what is asked afterwards too."""


class Kind(enum.StrEnum):
    """What somebody did."""

    LOGIN = "login"
    USE = "use"
    LOGOUT = "logout"
    REFRESH = "refresh"
    NEW_PASSWORD = "new password"  # noqa: S105


class Said(enum.StrEnum):
    """What the target answered."""

    DONE = "done"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    """Nothing that could be understood: it may have been done, then or later, or not at all."""


@dataclass(frozen=True, slots=True)
class Event:
    """One act and its answer."""

    kind: Kind
    label: str
    """Who did it, for the story."""
    said: Said
    sent: float = 0.0
    """Before its first byte left, in seconds on a clock that only goes forward."""
    received: float = 0.0
    """After its last answer was there, on the same clock."""
    shown: str = field(default="", repr=False)
    """The credential that was presented."""
    given: tuple[str, ...] = field(default=(), repr=False)
    """The credentials that came back."""
    user: str = ""
    """Whom a login is for, or whom the answer to a use names."""
    password: str = field(default="", repr=False)
    """What a login proves, or the new one."""
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        named = f" as {self.user}" if self.kind is Kind.USE and self.said is Said.DONE and self.user else ""
        return f"{self.label}: {self.said}{named}"


@dataclass(frozen=True, slots=True)
class Promises:
    """What a target has declared or shown of itself; the rest is the same everywhere."""

    logout_ends: Literal["session", "all"] = "session"
    login_ends_others: bool = False
    password_change_ends: Literal["others", "all", "offered", "none"] = "others"  # noqa: S105
    rotation: bool = True
    grace: bool = False
    """A replaced refresh token is still honoured for as long as the acts take."""
    reuse_cascade: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """A credential that the model remembers."""

    value: str = field(repr=False)
    user: str
    family: str = field(repr=False)
    """The login that it goes back to."""
    spent: bool = False
    """Replaced by a refresh, though its family lives."""


@dataclass(frozen=True, slots=True)
class State:
    """What a target that does one thing at a time would remember."""

    held: frozenset[Held] = frozenset()
    passwords: frozenset[tuple[str, str]] = frozenset()
    """(user, password): what logs in."""

    def find(self, value: str) -> Held | None:
        """A live or spent credential."""
        return next((one for one in self.held if one.value == value), None)

    def without(self, ended: Iterable[Held]) -> State:
        """The same after these have ended."""
        return replace(self, held=self.held - frozenset(ended))

    def giving(self, values: Iterable[str], user: str, family: str) -> State:
        """The same with these alive; what stood there under the same value is replaced."""
        new = {value: Held(value, user, family) for value in values}
        return replace(self, held=frozenset(one for one in self.held if one.value not in new) | set(new.values()))

    def family(self, one: Held) -> list[Held]:
        """Everything of the same login."""
        return [other for other in self.held if other.family == one.family]

    def of(self, user: str, but: str = "") -> list[Held]:
        """Everything of a user, but for one login."""
        return [one for one in self.held if one.user == user and one.family != but]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Answers that no order explains."""

    events: tuple[Event, ...]
    """Those that it takes, in the order of sending."""
    sure: bool
    """It stands though every refusal were the mood of the moment, as under a throttle."""

    def __str__(self) -> str:
        began = self.events[0].sent
        times = (f"{1000 * (e.sent - began):.0f} to {1000 * (e.received - began):.0f} ms" for e in self.events)
        return "; ".join(f"{event} ({span})" for event, span in zip(self.events, times, strict=True))


def contradiction(events: Sequence[Event], start: State, promises: Promises) -> Contradiction | None:
    """What no order of these acts explains, cut down to the acts that it takes; None where one explains everything.

    Raises:
        ValueError: more than `MOST` different acts were under way at once.
    """
    whole, events = events, _telling(events, start)
    if any(_different(one for one in events if one.sent <= other.sent <= one.received) > MOST for other in events):
        raise ValueError(f"a window has at most {MOST} different acts at once")
    if explained(events, start, promises):
        return None
    lenient = [unknown(event) if event.said is Said.REFUSED else event for event in events]
    sure = not explained(lenient, start, promises)
    needed = list(lenient if sure else events)
    kept = []
    for at, event in enumerate(needed):
        needed[at] = unknown(event)
        if explained(needed, start, promises):
            needed[at] = event
            kept.append(whole[at])
    return Contradiction(tuple(sorted(kept, key=lambda event: event.sent)), sure)


def unknown(event: Event) -> Event:
    """The same act with an answer that nobody understood."""
    return replace(event, said=Said.UNCLEAR)


def explained(events: Sequence[Event], start: State, promises: Promises) -> bool:
    """Whether a target that does one thing at a time could have given all these answers."""
    hopeless: set[tuple[frozenset[int], State]] = set()

    def possible(left: frozenset[int], state: State) -> bool:
        if not left:
            return True
        if (left, state) in hopeless:
            return False
        for at in _one_of_each(events, _next(events, left)):
            if any(possible(left - {at}, after) for after in outcomes(state, events[at], promises)):
                return True
        hopeless.add((left, state))
        return False

    return possible(frozenset(range(len(events))), start)


def _next(events: Sequence[Event], left: frozenset[int]) -> Iterator[int]:
    """Those of the acts left that no other one had surely ended before."""
    first = min(_over(events[at]) for at in left)
    return (at for at in sorted(left) if events[at].sent <= first)


def _one_of_each(events: Sequence[Event], able: Iterable[int]) -> Iterator[int]:
    """Without those that may have the same effect as an earlier one, and at any time, too: either may go first."""
    seen = set()
    for at in able:
        alike = _alike(events[at]) if events[at].said is Said.UNCLEAR else at
        if alike not in seen:
            yield at
        seen.add(alike)


def _alike(event: Event) -> tuple[object, ...]:
    """What tells the effect of an act that may have it at any time."""
    return event.kind, event.shown, event.given, event.user, event.password


def _different(events: Iterable[Event]) -> int:
    """How many acts have to be tried in every order."""
    found = list(events)
    unclear = {_alike(event) for event in found if event.said is Said.UNCLEAR}
    return len(unclear) + sum(event.said is not Said.UNCLEAR for event in found)


def _telling(events: Sequence[Event], start: State) -> list[Event]:
    """The same acts without credentials that came back once and were never seen again: no answer depends on them."""
    seen = Counter(value for event in events for value in {event.shown, *event.given})
    known = {one.value for one in start.held}
    return [
        replace(event, given=tuple(value for value in event.given if seen[value] > 1 or value in known))
        for event in events
    ]


def _over(event: Event) -> float:
    """When an act had surely had its effect: one that was not answered may have it at any time."""
    return math.inf if event.said is Said.UNCLEAR else event.received


def outcomes(state: State, event: Event, promises: Promises) -> list[State]:
    """What a target may remember after this act and this answer; nothing where it could not have answered so."""
    done, refused = RULES[event.kind](state, event, promises)
    if event.said is Said.DONE:
        return done
    return refused if event.said is Said.REFUSED else [state, *refused, *done]


Found = tuple[list[State], list[State]]
"""What is remembered after it was done, and after it was refused; none for what could not have happened."""


def _login(state: State, event: Event, promises: Promises) -> Found:
    if (event.user, event.password) not in state.passwords:
        return [], [state]
    # A value that is somebody else's is nobody's new one (I1).
    if any((one := state.find(value)) and one.user != event.user for value in event.given):
        return [], []
    before = state.without(state.of(event.user)) if promises.login_ends_others else state
    return [before.giving(event.given, event.user, "+".join(event.given))], []


def _use(state: State, event: Event, _promises: Promises) -> Found:
    one = state.find(event.shown)
    if one is None or one.spent:
        return [], [state]
    # An answer may bring the session under another value.
    return ([state.giving(event.given, one.user, one.family)] if event.user in ("", one.user) else []), []


def _logout(state: State, event: Event, promises: Promises) -> Found:
    one = state.find(event.shown)
    if one is None:
        # A logout by nobody does nothing, whatever the answer.
        return [state], [state]
    after = state.without(state.of(one.user) if promises.logout_ends == "all" else state.family(one))
    # A token that was replaced may be turned away, and end its family all the same.
    return [after], ([after, state] if one.spent else [])


def _refresh(state: State, event: Event, promises: Promises) -> Found:
    one = state.find(event.shown)
    if one is None:
        return [], [state]
    if not one.spent:
        kept = {one: replace(one, spent=True)} if promises.rotation else {}
        after = replace(state, held=frozenset(kept.get(each, each) for each in state.held))
        return [after.giving(event.given, one.user, one.family)], []
    if promises.grace:
        return [state.giving(event.given, one.user, one.family)], [state]
    return [], [state.without(state.family(one)) if promises.reuse_cascade else state]


def _new_password(state: State, event: Event, promises: Promises) -> Found:
    one = state.find(event.shown)
    if one is None or one.spent:
        return [], [state]
    ended = {
        "others": state.of(one.user, but=one.family), "all": state.of(one.user), "offered": [], "none": [],
    }[promises.password_change_ends]  # fmt: skip
    passwords = frozenset(pair for pair in state.passwords if pair[0] != one.user) | {(one.user, event.password)}
    after = replace(state.without(ended), passwords=passwords).giving(event.given, one.user, one.family)
    # Whether the session that asked goes on under its old value is for others to judge.
    return [after, after.without([one])], []


RULES = {
    Kind.LOGIN: _login,
    Kind.USE: _use,
    Kind.LOGOUT: _logout,
    Kind.REFRESH: _refresh,
    Kind.NEW_PASSWORD: _new_password,
}
