"""Forced interleaving in lives, and when one showing of a contradiction is proof."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.attacks.lives import Act, Life
from conformance.errors import Inconclusive, Violation
from conformance.lifecycle.gate import OF_ITS_OWN, OF_OTHERS
from conformance.lifecycle.world import World, lead
from conformance.model import Outcome
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.facade import Target
from conformance.target.system import System
from tests.matrix import everything
from tests.toys import Site, proofs_of, proven

CHECK = catalogue()["lifecycle.model"]
ENDINGS = (*OF_ITS_OWN, *OF_OTHERS)
HELD = "hold a request meanwhile"


async def told(system: System, life: Life) -> str:
    """What is held against a target that leads this life; empty where nothing is."""
    try:
        await lead(Target(system, CHECK), life)
    except Violation as violation:
        return violation.finding.expected if violation.proven else "it would have to come again"
    return ""


@pytest.mark.asyncio
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_held_request_brings_nothing_back(ending: str) -> None:
    life = Life((Act(HELD, 0, ENDINGS.index(ending)),))
    for fault in ("", "+late-save-resurrects", "+late-save-undoes-eviction"):
        async with opened(f"ref:session{fault}", Options(seed=1)) as system:
            await proofs_of(system)
            found = await told(system, life)
        # A session that was logged out stays out there, as the scripted race sees; what else ends it does not last.
        assert bool(found) is (bool(fault) and not (fault.endswith("eviction") and ending == "log out")), (fault, found)
        if found:
            assert "is held in the target; " in found
            assert "; " in found.partition("is held in the target; ")[2]


@pytest.mark.asyncio
async def test_a_late_cookie_is_tried_too() -> None:
    async with opened("ref:session+late-set-cookie", Options(seed=1)) as system:
        await proofs_of(system)
        assert "what came of a request of alice's" in await told(system, Life((Act(HELD),)))


@pytest.mark.asyncio
async def test_where_nothing_can_be_held_the_act_is_done_all_the_same() -> None:
    async with opened("ref:session", Options(seed=1)) as system:
        await proofs_of(system)
        gate = system.description.gate
        assert gate is not None
        system.description = system.description.model_copy(
            update={"gate": gate.model_copy(update={"held": "GET /me?hold={hold}"})}
        )
        world = World(Target(system, CHECK))
        await world.play(Life((Act(HELD),)))
    assert "alice logs out" in world.story
    assert not any("is held" in line for line in world.story)


# -- when once is enough


class Scripted:
    """A life that shows what it is told, each time it is led."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *proven: bool | None) -> None:
        self.left: Iterator[bool | None] = iter(proven)
        monkeypatch.setattr("conformance.lifecycle.world.lead", self)

    async def __call__(self, target: Target, life: Life) -> None:
        found = next(self.left)
        if found is not None:
            target.violation("the dead stay dead", "accepted" if found else "refused", (), proven=found)


@pytest.mark.asyncio
@pytest.mark.parametrize(("shown", "counts"), [([True], True), ([False, False], True), ([False, None], False)])
async def test_an_acceptance_is_proof_and_a_refusal_has_to_come_again(
    monkeypatch: pytest.MonkeyPatch, shown: list[bool | None], counts: bool
) -> None:
    Scripted(monkeypatch, *shown)
    async with proven(Site()) as system:
        with pytest.raises(Violation if counts else Inconclusive):
            await Target(system, CHECK).expect_life_as_modelled(Life(()))


class Newly(Site):
    """Each login is given a name of its own, and ends the session that it comes with."""

    def __init__(self, *, mixes: bool = False) -> None:
        super().__init__()
        self.mixes, self.names = mixes, dict[str, str]()

    def new_session(self, user: str) -> str:
        sid = super().new_session(user)
        self.names[sid] = f"{user[0]}-{secrets.token_hex(4)}"
        return sid

    async def login(self, request: Request) -> Response:
        if request.cookies.get("sid"):
            self.sessions.pop(request.cookies["sid"], None)
        return await super().login(request)

    async def me(self, request: Request) -> Response:
        user, sid = self.who(request), request.cookies.get("sid", "")
        if user and self.mixes and len(self.names) > 8:
            sid = next((other for other in reversed(self.sessions) if self.sessions[other] != user), sid)
        return JSONResponse({"name": self.names[sid]}) if user else self.stranger(request)


@pytest.mark.asyncio
@pytest.mark.parametrize("mixes", [False, True])
async def test_a_name_may_be_of_one_login_alone(mixes: bool) -> None:
    async with proven(Newly(mixes=mixes)) as system:
        verdict = await judge_one(system, CHECK, [everything()])
    assert (verdict.outcome is Outcome.FAIL) is mixes, (verdict.expected, verdict.reason)
