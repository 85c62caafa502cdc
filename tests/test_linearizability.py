"""The judge of overlapping acts: what a server that does one thing at a time answers is explained, the rest is not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.lifecycle.linearizability import (
    MOST,
    Event,
    Kind,
    Promises,
    Said,
    State,
    contradiction,
    explained,
)

PLAIN = Promises()
USERS = ("alice", "bob")
START = State(passwords=frozenset((user, f"{user}'s") for user in USERS))


@dataclass
class Server:
    """Does one thing at a time; written apart from the model, and broken on demand."""

    promises: Promises = PLAIN
    bug: str = ""
    passwords: dict[str, str] = field(default_factory=lambda: {user: f"{user}'s" for user in USERS})
    live: dict[str, tuple[str, int]] = field(default_factory=dict)
    spent: dict[str, tuple[str, int]] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    logins: int = 0

    def do(self, kind: Kind, who: int, what: int) -> Event:
        label = f"{kind} {who} {what}"
        if kind is Kind.LOGIN:
            return self.login(label, USERS[who % 2], old=what % 3 == 2)
        shown = self.issued[what % len(self.issued)] if self.issued else "made up"
        return {
            Kind.USE: self.use, Kind.LOGOUT: self.logout, Kind.REFRESH: self.refresh,
            Kind.NEW_PASSWORD: self.change,
        }[kind](label, shown)  # fmt: skip

    def new(self, user: str, family: int) -> str:
        value = f"value {len(self.issued)}"
        self.issued.append(value)
        self.live[value] = (user, family)
        return value

    def end(self, keep: object) -> None:
        for table in (self.live, self.spent):
            for value in [value for value, one in table.items() if not keep(one)]:  # type: ignore[operator]
                del table[value]

    def login(self, label: str, user: str, old: bool) -> Event:
        password = f"{user}'s" if old else self.passwords[user]
        right = password == self.passwords[user] or self.bug == "any old password"
        if not right:
            return Event(Kind.LOGIN, label, Said.REFUSED, user=user, password=password)
        if self.promises.login_ends_others:
            self.end(lambda one: one[0] != user)
        self.logins += 1
        value = self.new(user, self.logins)
        return Event(Kind.LOGIN, label, Said.DONE, given=(value,), user=user, password=password)

    def use(self, label: str, shown: str) -> Event:
        if shown not in self.live or self.bug == "nobody gets in":
            return Event(Kind.USE, label, Said.REFUSED, shown=shown)
        name = "alice" if self.bug == "everybody is alice" else self.live[shown][0]
        return Event(Kind.USE, label, Said.DONE, shown=shown, user=name)

    def logout(self, label: str, shown: str) -> Event:
        user, family = self.live.get(shown) or self.spent.get(shown) or ("", 0)
        if user and self.bug != "logout ends nothing":
            if self.promises.logout_ends == "all":
                self.end(lambda one: one[0] != user)
            else:
                self.end(lambda one: one[1] != family)
        return Event(Kind.LOGOUT, label, Said.DONE, shown=shown)

    def refresh(self, label: str, shown: str) -> Event:
        if one := self.live.get(shown):
            if self.promises.rotation and self.bug != "old value lives":
                self.spent[shown] = self.live.pop(shown)
            return Event(Kind.REFRESH, label, Said.DONE, shown=shown, given=(self.new(*one),))
        one = self.spent.get(shown)
        if one and (self.promises.grace or self.bug == "spent ones work"):
            return Event(Kind.REFRESH, label, Said.DONE, shown=shown, given=(self.new(*one),))
        if one and self.promises.reuse_cascade and self.bug != "reuse ends nothing":
            self.end(lambda other: other[1] != one[1])
        return Event(Kind.REFRESH, label, Said.REFUSED, shown=shown)

    def change(self, label: str, shown: str) -> Event:
        one = self.live.get(shown)
        if one is None:
            return Event(Kind.NEW_PASSWORD, label, Said.REFUSED, shown=shown)
        new = f"{one[0]}'s {len(self.issued)}"
        self.passwords[one[0]] = new
        if self.bug != "change ends nothing" and self.promises.password_change_ends in ("others", "all"):
            self.end(lambda other: other[0] != one[0] or other[1] == one[1])
        if self.promises.password_change_ends == "all":
            self.end(lambda other: other[0] != one[0])
        else:
            del self.live[shown]
        value = self.new(*one)
        return Event(Kind.NEW_PASSWORD, label, Said.DONE, shown=shown, given=(value,), password=new)


def played(server: Server, script: Sequence[tuple[Kind, int, int]]) -> list[Event]:
    """What a server answers, one act after the other: each is sent and answered within its own second."""
    return [replace(server.do(*act), sent=at, received=at + 0.5) for at, act in enumerate(script)]


def observable(events: Sequence[Event]) -> list[tuple[Said, str]]:
    return [(event.said, event.user if event.kind is Kind.USE else "") for event in events]


def open_question(events: Sequence[Event]) -> bool:
    """Whether the old value of a session that changed the password comes back: it may go on, or be over."""
    gone = {e.shown: e.sent for e in events if e.kind is Kind.NEW_PASSWORD and e.said is Said.DONE}
    return any(event.sent > gone.get(event.shown, event.sent) for event in events)


def crowded(events: Sequence[Event]) -> bool:
    return any(sum(one.sent <= other.sent <= one.received for one in events) > MOST for other in events)


EVERY_PROMISE = [
    PLAIN,
    Promises(logout_ends="all", password_change_ends="all"),
    Promises(login_ends_others=True, password_change_ends="none"),
    Promises(rotation=False, password_change_ends="offered"),
    Promises(grace=True),
    Promises(reuse_cascade=False),
]
BUGS = (
    "any old password", "nobody gets in", "everybody is alice", "logout ends nothing", "old value lives",
    "spent ones work", "reuse ends nothing", "change ends nothing",
)  # fmt: skip
ACTS = st.tuples(st.sampled_from(list(Kind)), st.integers(0, 1), st.integers(0, 8))
LOGINS = [(Kind.LOGIN, 0, 0), (Kind.LOGIN, 1, 0), (Kind.LOGIN, 0, 0)]


def every_short_script(length: int) -> Iterator[list[tuple[Kind, int, int]]]:
    """Two logins of alice and one of bob, and then every sequence of acts on what there is by then."""
    alphabet = [(kind, 0, what) for kind in Kind for what in ((0, 2) if kind is Kind.LOGIN else (0, 1, 3))]
    for acts in itertools.product(alphabet, repeat=length):
        yield [*LOGINS, *acts]


# -- sequential servers


@pytest.mark.parametrize("promises", EVERY_PROMISE, ids=str)
def test_every_short_history_of_a_correct_server_is_explained_however_its_acts_overlap(promises: Promises) -> None:
    for script in every_short_script(3 if promises is PLAIN else 2):
        apart = played(Server(promises), script)
        # The last acts at once, and each of them beside its neighbour alone.
        together = [*apart[:3], *(replace(event, sent=2.9, received=6.0) for event in apart[3:])]
        chained = [*apart[:3], *(replace(event, received=event.sent + 1.2) for event in apart[3:])]
        for events in (apart, together, chained):
            assert contradiction(events, START, promises) is None, events


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(EVERY_PROMISE), st.lists(ACTS, max_size=7),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), min_size=10, max_size=10), st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_correct_server_is_explained(
    promises: Promises, script: list[tuple[Kind, int, int]], widths: list[tuple[float, float]], random: object
) -> None:
    apart = played(Server(promises), [*LOGINS, *script])
    events = [
        replace(e, sent=e.sent - before, received=e.sent + after)
        for e, (before, after) in zip(apart, widths, strict=False)
    ]
    while crowded(events):
        events = [replace(e, sent=(e.sent + a.sent) / 2, received=(e.received + a.sent) / 2) for e, a in zip(events, apart, strict=True)]  # fmt: skip  # noqa: E501
    random.shuffle(events)  # type: ignore[attr-defined]
    assert contradiction(events, START, promises) is None


@pytest.mark.parametrize("bug", BUGS)
def test_whatever_a_broken_server_answers_otherwise_is_not_explained(bug: str) -> None:
    told = 0
    for promises in EVERY_PROMISE:
        for script in every_short_script(3 if promises is PLAIN else 2):
            right, wrong = played(Server(promises), script), played(Server(promises, bug), script)
            if observable(right) == observable(wrong) or open_question(wrong):
                continue
            told += 1
            found = contradiction(wrong, START, promises)
            assert found, (script, wrong)
        assert told


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(EVERY_PROMISE), st.sampled_from(BUGS), st.lists(ACTS, min_size=3, max_size=8))
def test_a_broken_server_is_not_explained(promises: Promises, bug: str, script: list[tuple[Kind, int, int]]) -> None:
    script = [*LOGINS, *script]
    right, wrong = played(Server(promises), script), played(Server(promises, bug), script)
    if not open_question(wrong):
        assert (contradiction(wrong, START, promises) is None) == (observable(right) == observable(wrong))


# -- what real time allows


def alive(*values: str) -> State:
    """Alice's sessions."""
    state = START
    for value in values:
        state = state.giving([value], "alice", value)
    return state


def use(said: Said, sent: float, received: float, shown: str = "s") -> Event:
    return Event(Kind.USE, "a use", said, sent, received, shown, user="alice" if said is Said.DONE else "")


def logout(sent: float, received: float, said: Said = Said.DONE) -> Event:
    return Event(Kind.LOGOUT, "a logout", said, sent, received, "s")


def change(sent: float, received: float, said: Said = Said.DONE) -> Event:
    return Event(Kind.NEW_PASSWORD, "a change", said, sent, received, "s", ("s2",), password="new")


def login(given: str, sent: float, received: float, said: Said = Said.UNCLEAR, user: str = "alice") -> Event:
    return Event(Kind.LOGIN, "a login", said, sent, received, given=(given,), user=user, password=f"{user}'s")


def refresh(said: Said, sent: float, received: float, shown: str, *given: str) -> Event:
    return Event(Kind.REFRESH, "a refresh", said, sent, received, shown, given)


DONE, REFUSED, UNCLEAR = Said.DONE, Said.REFUSED, Said.UNCLEAR


@pytest.mark.parametrize(
    "events",
    [
        [logout(1, 2), use(DONE, 0, 3)],
        [logout(1, 2), use(DONE, 0.5, 1.5), use(REFUSED, 1.6, 3)],
        [logout(1, 4), use(DONE, 2, 2.5), use(REFUSED, 3, 3.5)],
        # An answer that arrives in the instant of the next request's sending orders nothing.
        [logout(1, 2), use(DONE, 2, 3)],
        # A logout that nobody answered may still come, whenever that is.
        [logout(1, 2, UNCLEAR), use(DONE, 3, 4), use(REFUSED, 5, 6)],
        [logout(1, 2, UNCLEAR), use(DONE, 3, 4)],
        [use(UNCLEAR, 3, 4), logout(1, 2)],
        # Out of the order of sending.
        [use(REFUSED, 5, 6), logout(1, 2), use(DONE, 0, 1)],
        [change(0, 5), login("new", 1, 2), use(REFUSED, 6, 7, "new")],
        [change(0, 5), login("new", 1, 2), use(DONE, 3, 4, "new"), use(REFUSED, 6, 7, "new")],
        [change(0, 5, UNCLEAR), login("new", 1, 2), use(DONE, 6, 7, "new")],
        [refresh(DONE, 0, 3, "s", "t"), refresh(REFUSED, 0, 3, "s"), refresh(REFUSED, 4, 5, "t")],
        [refresh(DONE, 0, 3, "s", "t"), logout(0, 3), refresh(REFUSED, 4, 5, "t")],
        # Two refreshes may be given one successor.
        [refresh(UNCLEAR, 0, 3, "s", "t"), refresh(UNCLEAR, 0, 3, "s", "t"), refresh(DONE, 4, 5, "t", "u")],
        [login("x", 0, 2), login("y", 0, 2, user="bob"), use(DONE, 3, 4, "x")],
    ],
    ids=range(15),
)
def test_what_some_order_explains(events: list[Event]) -> None:
    assert contradiction(events, alive("s"), PLAIN) is None


@pytest.mark.parametrize(
    ("events", "needed"),
    [
        ([logout(1, 2), use(DONE, 2.1, 3)], 2),
        ([logout(1, 2), use(DONE, 0, 1), use(DONE, 1, 3), use(DONE, 2.1, 3)], 2),
        ([logout(1, 4, UNCLEAR), use(REFUSED, 1, 2), use(DONE, 3, 4)], 0),
        ([change(0, 5), login("new", 1, 2), use(DONE, 6, 7, "new")], 2),
        ([change(0, 5), login("new", 1, 2, DONE), use(DONE, 6, 7, "new")], 2),
        ([change(0, 1), login("new", 2, 3, DONE)], 2),
        ([refresh(UNCLEAR, 0, 3, "s", "t"), refresh(UNCLEAR, 0, 3, "s", "u"),
          refresh(DONE, 4, 5, "t", "v"), refresh(DONE, 6, 7, "u", "w")], 2),
        ([refresh(UNCLEAR, 0, 3, "s", "t"), logout(0, 3), refresh(DONE, 4, 5, "t", "v")], 2),
        # The late answer that revives a session.
        ([use(DONE, 0, 5), logout(1, 2), use(DONE, 6, 7)], 2),
        # One value for two users, and a session that names somebody else.
        ([login("x", 0, 2), login("x", 0, 2, user="bob"), use(DONE, 3, 4, "x"),
          replace(use(DONE, 5, 6, "x"), user="bob")], 2),
        ([login("x", 0, 2, user="bob"), use(DONE, 3, 4, "x")], 1),
        ([use(DONE, 0, 1, "never issued")], 1),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_no_order_explains(events: list[Event], needed: int) -> None:
    found = contradiction(events, alive("s"), PLAIN)
    assert found
    assert found.sure == bool(needed)
    if needed:
        assert len(found.events) == needed, str(found)
        assert events[-1] in found.events


def test_a_refusal_alone_proves_nothing() -> None:
    for events in ([use(REFUSED, 0, 1)], [use(REFUSED, 0, 1), use(DONE, 2, 3)], [refresh(REFUSED, 0, 1, "s")]):
        found = contradiction(events, alive("s"), PLAIN)
        assert found
        assert not found.sure
    # Beside a true contradiction it is left out.
    found = contradiction([use(REFUSED, 0, 0.5), logout(1, 2), use(DONE, 3, 4)], alive("s"), PLAIN)
    assert found
    assert found.sure
    assert [event.kind for event in found.events] == [Kind.LOGOUT, Kind.USE]


def test_the_story_tells_when_and_hides_what() -> None:
    found = contradiction([logout(1, 1.002), use(DONE, 1.01, 1.0125, "s")], alive("s"), PLAIN)
    assert str(found) == "a logout: done (0 to 2 ms); a use: done as alice (10 to 12 ms)"
    secret = replace(use(DONE, 0, 1, "a-secret"), password="a-secret", given=("a-secret",))
    assert "a-secret" not in repr((secret, alive("a-secret")))


def test_promises_decide() -> None:
    two = [login("t", 0, 1, DONE), change(2, 3), use(DONE, 4, 5, "t")]
    for ends, possible in (("others", False), ("all", False), ("offered", True), ("none", True)):
        assert explained(two, alive("s"), Promises(password_change_ends=ends)) is possible  # type: ignore[arg-type]
    fork = [refresh(DONE, 0, 3, "s", "t"), refresh(DONE, 0, 3, "s", "u"), refresh(DONE, 4, 5, "t", "v")]
    assert explained(fork, alive("s"), Promises(grace=True))
    assert not explained(fork, alive("s"), PLAIN)


def test_a_window_has_few_acts_at_once() -> None:
    many = [use(DONE, 0, 1) for _ in range(MOST + 1)]
    with pytest.raises(ValueError, match="at most 4 different acts at once"):
        contradiction(many, alive("s"), PLAIN)
    assert contradiction([use(DONE, at, at + 0.5) for at in range(60)], alive("s"), PLAIN) is None


def spends(count: int, *works: str) -> list[Event]:
    """So many callers are each given a successor of one token at once, and these successors work afterwards."""
    unclear = [
        Event(Kind.REFRESH, f"caller {at}", Said.UNCLEAR, 0, 1, shown="s", given=(f"access {at}", f"new {at}"))
        for at in range(count)
    ]
    after = [refresh(DONE, 2 + at, 2.5 + at, shown, f"newer {at}") for at, shown in enumerate(works)]
    return [*unclear, *after]


def test_acts_that_are_alike_need_no_order() -> None:
    assert contradiction(spends(16, "new 3"), alive("s"), PLAIN) is None
    found = contradiction(spends(16, "new 3", "new 7"), alive("s"), PLAIN)
    assert found
    assert found.sure
    assert {event.shown for event in found.events} >= {"new 3", "new 7"}
    assert contradiction(spends(16, "new 3", "new 7"), alive("s"), Promises(grace=True)) is None


def test_what_was_given_and_never_seen_again_may_still_matter() -> None:
    taken = [
        Event(Kind.LOGIN, "alice", DONE, 0, 1, given=("one",), user="alice", password="alice's"),
        Event(Kind.LOGIN, "bob", DONE, 0, 1, given=("one",), user="bob", password="bob's"),
    ]
    assert contradiction(taken, START, PLAIN)
    assert contradiction([replace(one, given=(one.user,)) for one in taken], START, PLAIN) is None
