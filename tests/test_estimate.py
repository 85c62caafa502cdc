"""What a plan tells of a run's cost: read off the checks, never off a target's name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conformance.estimate import REQUESTS_OF_A_CHECK, Cost, cost_of
from conformance.model import Capability, Check
from conformance.registry import check, given
from conformance.target.crowds import sessions_to_reach
from conformance.target.sampler import ENOUGH, FEWEST

PROSE = "What must hold.\n\nRemedy: do it."


def system(*capabilities: Capability, most: int | None = None, each: int = 2, pre_login: str | None = None) -> Any:
    policy = SimpleNamespace(max_sessions=most)
    return SimpleNamespace(
        capabilities=frozenset(capabilities), login_requests=each, pre_login=pre_login,
        description=SimpleNamespace(policy=policy),
    )  # fmt: skip


def declared(**said: Any) -> Check:
    async def body(target: Any) -> None:
        await target.shared_login("alice")

    body.__doc__ = PROSE
    return check("toy.plain", sources=[], **said)(body)


def test_a_check_that_says_nothing_costs_the_usual() -> None:
    assert cost_of(system(), [declared()]) == Cost(0, REQUESTS_OF_A_CHECK)


def test_logins_are_read_off_the_code_and_cost_what_preflight_saw() -> None:
    async def body(target: Any) -> None:
        for alice in [await target.own_login("alice") for _ in range(2)]:
            await target.expect_accepted(alice)

    body.__doc__ = PROSE
    one = check("toy.login", sources=[])(body)
    assert cost_of(system(each=7), [one]) == Cost(1, REQUESTS_OF_A_CHECK + 7)


def test_what_a_check_says_counts_for_each_input() -> None:
    async def body(target: Any, number: int) -> None: ...

    body.__doc__ = PROSE
    one = check("toy.space", sources=[], requests=3)(given(examples=10, number=lambda: None)(body))
    assert cost_of(system(), [one]) == Cost(0, 30)


def test_what_depends_on_the_target_is_asked_of_it() -> None:
    one = declared(logins=sessions_to_reach, requests=0)
    assert cost_of(system(most=20), [one]) == Cost(20, 40)
    assert cost_of(system(most=10_000), [one]) == cost_of(system(), [one]) == Cost(0, 0)


@pytest.mark.parametrize("count", [1, 5])
def test_a_sample_is_collected_once(count: int) -> None:
    several = [declared(sampled=True)] * count
    assert cost_of(system(), several) == Cost(ENOUGH, 3 * ENOUGH)
    assert cost_of(system(pre_login="GET /"), several) == Cost(FEWEST, 3 * FEWEST + ENOUGH - FEWEST)


def test_a_check_of_sessions_costs_nothing_where_tokens_are_judged() -> None:
    async def body(target: Any) -> None:
        target.need_session("another.check")
        await target.own_login("alice")

    body.__doc__ = PROSE
    one = check("toy.session", sources=[])(body)
    assert cost_of(system(Capability.TOKEN), [one]) == Cost()
    assert cost_of(system(Capability.COOKIE), [one]).logins == 1
