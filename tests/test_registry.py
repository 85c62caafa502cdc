"""Declaring checks and looking them up."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from conformance.errors import NothingTestedError, UsageError
from conformance.model import Capability, Check
from conformance.pointers import entries, pointers
from conformance.registry import Catalogue, catalogue, check, given


async def attack(target: object) -> None:
    """What must hold,
    on two lines.

    Why it matters.
    At length.

    And more.

    Remedy: mend it
        on the server.
    """


def toy(id: str) -> Check:
    return check(id, sources=["CWE-613"])(attack)


def test_the_docstring_is_title_story_and_remedy() -> None:
    one = check("toy.one", needs=[Capability.LOGOUT], sources=["CWE-613"], logins=3, exclusive=True)(attack)
    assert one.title == "What must hold, on two lines."
    assert one.story == "Why it matters. At length.\n\nAnd more."
    assert one.remedy == "Mend it on the server."
    assert one.needs == (Capability.LOGIN, Capability.IDENTITY, Capability.LOGOUT)
    assert (one.sources, one.logins, one.exclusive, one.destructive) == (("CWE-613",), 3, True, False)
    assert (one.strategy, one.examples, one.waits) == (None, 0, None)
    assert one.run is attack


@pytest.mark.parametrize(
    "id", ["", "one", "Session.logout", "session..logout", ".a.b", "a.b.", "a b.c", "a_b.c", "ä.b"]
)
def test_malformed_ids_are_refused(id: str) -> None:
    with pytest.raises(ValueError, match="is no check id"):
        toy(id)


@pytest.mark.parametrize("id", ["a.b", "session.logout.replay", "token.rs256-to-hs256", "a-b"])
def test_ids(id: str) -> None:
    assert toy(id).id == id


def test_the_topic_is_the_first_two_words() -> None:
    assert toy("session.logout.replay").topic == "session.logout"


@pytest.mark.parametrize(
    "prose", [None, "", "Title only.", "Remedy: mend it.", "Title.\n\nRemedy:", "Title.\n\nRemedy:  \n"]
)
def test_prose_is_demanded(prose: str | None) -> None:
    async def silent(target: object) -> None: ...

    silent.__doc__ = prose
    with pytest.raises(ValueError, match=r"toy\.silent: the docstring needs"):
        check("toy.silent", sources=[])(silent)


def test_a_body_must_be_async() -> None:
    def body(target: object) -> None:
        """Title.

        Remedy: mend it.
        """

    with pytest.raises((TypeError, ValueError)):
        check("toy.sync", sources=[])(body)  # type: ignore[arg-type]


def test_strategies_are_made_when_they_are_asked_for() -> None:
    made: list[str] = []

    def numbers() -> str:
        made.append("numbers")
        return "a strategy"

    one = check("toy.space", sources=[])(given(examples=7, number=numbers)(attack))
    try:
        assert made == []
        assert one.examples == 7
        assert one.strategy is not None
        assert one.strategy() == {"number": "a strategy"}
        assert made == ["numbers"]
    finally:
        del attack.__pickproof_given__  # type: ignore[attr-defined]


# -- the catalogue


@pytest.fixture
def three() -> Catalogue:
    return Catalogue(map(toy, ["session.logout.replay", "token.alg.none", "session.fixation"]))


def test_the_order_is_that_of_the_ids(three: Catalogue) -> None:
    assert list(three) == ["session.fixation", "session.logout.replay", "token.alg.none"]
    assert len(three) == 3
    assert three["token.alg.none"].id == "token.alg.none"


def test_duplicates_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'toy\.one'"):
        Catalogue([toy("toy.one"), toy("toy.one")])


@pytest.mark.parametrize(
    ("id", "told"),
    [("session.logout.repaly", "did you mean session.logout.replay"), ("zzz", "`pickproof list`")],
)
def test_an_unknown_id_suggests(three: Catalogue, id: str, told: str) -> None:
    with pytest.raises(UsageError, match=f"unknown check '{id}'") as caught:
        three[id]
    assert told in str(caught.value)
    with pytest.raises(UsageError, match=f"unknown check '{id}'"):
        three.select([id])


def test_in_and_get_of_an_unknown_id_do_not_raise(three: Catalogue) -> None:
    assert "session.fixation" in three


def test_in_of_an_unknown_id_is_false(three: Catalogue) -> None:
    assert "no.such" not in three
    assert three.get("no.such") is None
    assert three.get("token.alg.none") is three["token.alg.none"]


@pytest.mark.parametrize(
    ("only", "skip", "ids"),
    [
        ([], [], ["session.fixation", "session.logout.replay", "token.alg.none"]),
        (["session.*"], [], ["session.fixation", "session.logout.replay"]),
        (["token.alg.none", "session.f*"], [], ["session.fixation", "token.alg.none"]),
        ([], ["session.*"], ["token.alg.none"]),
        (["*.logout.*", "token.*"], ["token.*"], ["session.logout.replay"]),
    ],
)
def test_selection_by_glob(three: Catalogue, only: list[str], skip: list[str], ids: list[str]) -> None:
    assert [one.id for one in three.select(only, skip)] == ids


@pytest.mark.parametrize("key", ["only", "skip"])
def test_a_glob_that_matches_nothing_is_an_error(three: Catalogue, key: str) -> None:
    options: dict[str, Any] = {key: ["sesion.*"]}
    with pytest.raises(UsageError, match="no check matches 'sesion"):
        three.select(**options)


def test_a_selection_of_nothing_is_an_error(three: Catalogue) -> None:
    with pytest.raises(NothingTestedError) as caught:
        three.select(skip=["*"])
    assert caught.value.exit_code == 5


def test_an_iterator_selects_as_a_list_does(three: Catalogue) -> None:
    assert [one.id for one in three.select(iter(["token.*"]))] == ["token.alg.none"]


# -- the kit's own


def test_every_check_of_the_kit_is_there_once_with_its_prose() -> None:
    checks = catalogue()
    assert len(checks) > 50
    for one in checks.values():
        assert one.title.endswith("."), one.id
        assert len(one.title) < 140, one.id
        assert one.remedy.endswith("."), one.id
        assert one.sources, one.id
        assert callable(one.logins) or one.logins >= 0


def test_every_check_says_what_an_attacker_gains() -> None:
    assert [check.id for check in catalogue().values() if not check.story] == []


def test_pointers_speak_of_checks_that_exist() -> None:
    globs = [glob for entry in entries() for glob in entry["checks"]]
    assert [glob for glob in globs if not any(fnmatchcase(id, glob) for id in catalogue())] == []
    assert "Django" in pointers("session.logout.replay")
    assert pointers("no.such.check") == {}
