"""What a life sees of cookies, caches, bodies and crashes in states where no scripted check looks (I13)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from starlette.requests import Request
from starlette.responses import Response

from conformance.attacks.lives import Act, Life
from conformance.errors import Violation
from conformance.lifecycle.hygiene import RULES
from conformance.lifecycle.world import lead
from conformance.model import Finding, Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one, profile_verdicts
from conformance.standards import profile
from conformance.target.clock import TravellingClock
from conformance.target.facade import Target
from tests.matrix import everything
from tests.toys import Site, proofs_of, proven

CHECK = "lifecycle.model"


async def seen(target: str, *names: str) -> Finding | None:
    """What is held against a target that leads this life."""
    async with opened(target, Options(seed=1)) as system:
        await proofs_of(system)
        try:
            await lead(Target(system, catalogue()[CHECK]), Life(tuple(map(Act, names))))
        except Violation as violation:
            return violation.finding
    return None


HOLES = [
    ("session", "flags-lost-at-renewal", "prove the password again", "cookie.attr.httponly"),
    ("session", "flags-lost-at-renewal", "change the password", "cookie.attr.consistent"),
    ("session", "id-in-body-after-failed-login", "log in wrongly", "transport.body.never-in-body"),
    ("session", "no-store-lost-at-renewal", "prove the password again", "transport.cache.no-store-auth"),
    ("session", "expired-session-500", "stay away", "error.status.unauth"),
    ("refresh", "cacheable-refresh", "refresh", "token.secrecy.cache"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("scheme", "fault", "act", "of"), HOLES)
async def test_what_breaks_in_one_state_alone_is_seen(scheme: str, fault: str, act: str, of: str) -> None:
    assert await seen(f"ref:{scheme}", act) is None
    found = await seen(f"ref:{scheme}+{fault}", act)
    assert found is not None
    assert of in found.of
    assert f"({of})" in found.expected
    assert "also after: 1. alice logs in" in found.expected
    assert found.evidence


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", ["no-httponly", "id-in-body", "no-no-store", "flags-lost-on-refresh", "no-secure"])
async def test_what_its_own_check_sees_is_left_to_it(fault: str) -> None:
    # A renewal shows the same as the login or a page does; only what the tour has not seen is told here.
    assert await seen(f"ref:session+{fault}", "prove the password again", "change the password") is None


@pytest.mark.asyncio
async def test_a_crash_that_its_own_check_sees_is_left_to_it() -> None:
    assert await seen("ref:session+malformed-id-500", "log out", "alter") is None


@pytest.mark.asyncio
async def test_a_contradiction_is_told_before_what_answers_lack() -> None:
    async with opened("ref:session+flags-lost-at-renewal+pwchange-keeps-others", Options(seed=1)) as system:
        await proofs_of(system)
        verdict = await judge_one(system, catalogue()[CHECK], [everything()])
    assert verdict.outcome is Outcome.FAIL
    assert "the password" in verdict.expected
    assert "also after" not in verdict.expected
    assert "ASVS-v5.0.0-7.4.3" in verdict.check.sources


def graded(fault: str, *profiles: str) -> Verdict:
    """What the check says of a fault under these profiles."""

    async def run() -> Verdict:
        async with opened(f"ref:session+{fault}", Options(seed=1)) as system:
            await proofs_of(system)
            return await judge_one(system, catalogue()[CHECK], [profile(name) for name in profiles])

    return asyncio.run(run())


def test_it_is_graded_as_its_own_check_would_be() -> None:
    strict = graded("flags-lost-at-renewal", "asvs-5.0.0-auth-l2")
    assert (strict.outcome, strict.level) == (Outcome.FAIL, "L2")
    assert set(strict.check.sources) <= {s for id in OF_COOKIES for s in catalogue()[id].sources}
    assert "Set the cookie in one place" in strict.check.remedy
    assert strict.inputs
    # At level 1 only the lives themselves are demanded, and nothing contradicts them.
    mild = graded("flags-lost-at-renewal", "asvs-5.0.0-auth-l1")
    assert mild.outcome is Outcome.ADVICE, mild.reason
    both = [profile(f"asvs-5.0.0-auth-{level}") for level in ("l1", "l2")]
    assert list(profile_verdicts(both, [strict], whole=True).values()) == ["undecided", "violated"]


OF_COOKIES = ("cookie.attr.httponly", "cookie.attr.samesite", "cookie.attr.consistent")


def test_each_rule_is_that_of_a_check() -> None:
    assert set(RULES) <= set(catalogue())


class Dated(Site):
    """Its cookie ends at a date, as its own clock has it."""

    def __init__(self, clock: TravellingClock) -> None:
        super().__init__()
        self.clock = clock

    def welcome(self, request: Request, user: str) -> Response:
        answer = super().welcome(request, user)
        ends = datetime.fromtimestamp(self.clock.now() + 3600, UTC)
        answer.raw_headers = [(k, v) for k, v in answer.raw_headers if k != b"set-cookie"]
        answer.set_cookie("sid", self.new_session(user), httponly=True, expires=ends)
        return answer


@pytest.mark.asyncio
async def test_a_date_in_a_cookie_is_of_the_targets_clock() -> None:
    async def jump(_by: float, _offset: float) -> None:
        """The site reads the very clock."""

    clock = TravellingClock(jump, "toy")
    async with proven(Dated(clock), {"policy": {"absolute": "2h"}}, clock=clock) as system:
        clock.enter()
        await clock.until(clock.now() + 20 * 3600)
        clock.leave()
        found = await judge_one(system, catalogue()["cookie.attr.persistent"], [everything()])
    assert found.outcome is Outcome.PASS, found.actual
