"""The model of credential life: what it draws, and how it tells what it found."""

from __future__ import annotations

import pytest

from conformance.attacks.lives import ACTS, Act, Life, Lives, lives
from conformance.explore import _draw
from conformance.lifecycle.acts import Acts
from conformance.model import Capability, Outcome
from tests.matrix import verdicts

CHECK = "lifecycle.model"


def drawn(offered: frozenset[Capability], seed: int = 1) -> list[Life]:
    return [inputs["life"] for inputs in _draw({"life": Lives(offered)}, seed, 10)]


def test_the_same_seed_draws_the_same_lives() -> None:
    everything = frozenset(Capability)
    assert drawn(everything) == drawn(everything)
    assert drawn(everything) != drawn(everything, 2)


def test_only_what_is_offered_happens() -> None:
    bare = {act.name for life in drawn(frozenset()) for act in life.acts}
    assert bare <= {name for name, needs in ACTS.items() if not needs}
    assert "log out" in {act.name for life in drawn(frozenset({Capability.LOGOUT})) for act in life.acts}


def test_nothing_is_used_before_it_is_there() -> None:
    for life in drawn(frozenset(Capability)):
        names = [act.name for act in life.acts]
        if "use what was stolen" in names:
            assert "steal" in names[: names.index("use what was stolen")]
        if "replay a spent one" in names:
            assert "refresh" in names[: names.index("replay a spent one")]


def test_every_act_can_be_performed() -> None:
    assert [name for name in ACTS if not hasattr(Acts, name.replace(" ", "_"))] == []


def test_lives_are_fitted_to_a_target() -> None:
    assert "log out" not in lives().acts
    assert "log out" in lives().fitted({Capability.LOGOUT}).acts
    assert repr(Life((Act("use", 1, 2),))) == "use (1, 2)"


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["session", "refresh", "oauth"])
async def test_a_clean_server_lives_as_modelled(scheme: str) -> None:
    (verdict,) = await verdicts(f"ref:{scheme}", only=(CHECK,))
    assert verdict.outcome is Outcome.PASS, verdict.reason


@pytest.mark.asyncio
async def test_a_contradiction_is_told_as_a_story() -> None:
    (verdict,) = await verdicts("ref:session+failed-login-ends-sessions", only=(CHECK,))
    assert verdict.outcome is Outcome.FAIL, verdict.reason
    assert "after: 1. alice logs in" in verdict.expected
    assert "somebody tries a wrong password of" in verdict.expected
    assert verdict.inputs
    assert verdict.evidence
