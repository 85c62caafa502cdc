"""Targets that are hostile from their first answer, or turn so right after preflight: the kit keeps its head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_impl import build
from tests.hostile.runs import Done, assert_harmless, certified, described
from tests.hostile.scenarios import SCENARIOS, Hostile
from tests.hostile.server import Scenario, Target, Turned, after, always, never, properly

CHECKS = (
    "session.logout.replay", "session.logout.scope", "session.id.mutate", "session.issue.rotate-at-login",
    "session.list.*", "csrf.token.missing", "login.enum.message", "login.redirect.open",
    "error.status.unauth",
)  # fmt: skip
"""Attacks that need answers of their own, of every kind of verb."""
ODD = ("session.logout.replay", "session.issue.rotate-at-login", "csrf.token.missing", "error.status.unauth")
"""Fewer, for targets that stay right in all their oddity."""
PATIENCE = 25.0
"""Seconds that no run here may take; each alone takes one or two."""
ROOM = 96 * 2**20
"""Bytes of Python objects that no target may make the kit hold at once."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that asks for quiet is given less of it than the minute that users grant."""
    monkeypatch.setattr("conformance.open.PATIENCE", 0.5)


@pytest.fixture(scope="module")
def canary() -> Iterator[Target]:
    """A host that nobody has any business with."""
    with Target(None) as elsewhere:
        yield elsewhere
    assert elsewhere.connections == 0


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many requests preflight makes of the correct server."""
    with target_of(properly, never) as target:
        done = certified(a_description(target, tmp_path_factory.mktemp("clean")), CHECKS, "--dry-run")
        assert done.code == 0
        return len(target.seen)


def target_of(
    run: Scenario, turned: Turned, *, greets: bool = False, scheme: str = "session", switches: tuple[str, ...] = ()
) -> Target:
    reference = build(scheme, switches)
    target = Target(reference.app, run, turned, greets)
    target.reference = reference  # type: ignore[attr-defined]
    return target


def a_description(target: Target, folder: Path, **changes: object) -> Path:
    return described(target.reference.describe(target.url), folder, **changes)  # type: ignore[attr-defined]


def attacked(hostile: Hostile, turned: Turned, folder: Path, canary: Target) -> Done:
    with target_of(hostile.run, turned, greets=hostile.greets and turned is always) as target:
        target.elsewhere = f"127.0.0.1:{canary.port}"  # type: ignore[attr-defined]
        # Who stays right is given the time that a busy machine needs.
        time_out = 0.3 if hostile.reason else 10
        checks = CHECKS if hostile.reason else ODD
        done = certified(a_description(target, folder), checks, "--timeout", str(time_out), weigh=hostile.heavy)
    assert canary.connections == 0
    assert done.seconds < PATIENCE
    assert done.peak < ROOM
    assert_harmless(done)
    return done


@pytest.mark.parametrize("hostile", SCENARIOS.values(), ids=SCENARIOS)
def test_hostile_from_the_start(hostile: Hostile, tmp_path: Path, canary: Target) -> None:
    done = attacked(hostile, always, tmp_path, canary)
    if not hostile.reason:
        # Odd, and yet correct: nothing may be held against it.
        assert done.having("fail", "error", "inconclusive") == {}
        assert done.code == 0
        return
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("pickproof: ")
    assert re.search(hostile.reason, done.err)
    assert not done.folder.exists()


@pytest.mark.parametrize("hostile", [h for h in SCENARIOS.values() if h.reason], ids=lambda h: h.name)
def test_hostile_after_preflight(hostile: Hostile, tmp_path: Path, canary: Target, proven: int) -> None:
    done = attacked(hostile, after(proven), tmp_path, canary)
    assert done.having("fail", "error", "pass", "advice") == {}
    assert done.code == 3
    assert all(done.having("inconclusive").values())
