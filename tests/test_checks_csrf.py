"""Forged requests: the tables are what browsers can send, effects decide, and the state is put back."""

from __future__ import annotations

import asyncio
import json

import pytest

from conformance.attacks.crosssite import (
    FOREIGN,
    JSON_BODIES,
    ORIGINS,
    SILENT,
    SIMPLE_BODIES,
    WRONG_TOKENS,
    Origin,
    by_method,
    forgeries,
    metadata_pages,
    origins,
    pairs,
    wrong_tokens,
)
from conformance.explore import _draw
from conformance.model import Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.acts import act_of, forge
from conformance.target.grammar import Verb
from conformance.target.preflight import preflight
from conformance.target.stage import read_state
from reference_impl import FAULTS
from tests.matrix import everything

MINE = ("csrf.", "session.logout.get", "session.logout.csrf", "cookie.parse.duplicate")
KILLS = [(f.id, f.primary) for f in FAULTS if f.scheme == "session" and f.primary.startswith(MINE)]
OWN = "https://shop.example"


async def judged(target: str, check: str) -> Verdict:
    """The verdict of one check alone, every violation being a failure."""
    async with opened(target, Options()) as system:
        async for _ in preflight(system):
            pass
        return await judge_one(system, catalogue()[check], [everything()])


@pytest.mark.parametrize(("fault", "check"), KILLS)
def test_each_fault_is_caught_by_its_check_alone(fault: str, check: str) -> None:
    assert asyncio.run(judged(f"ref:session+{fault}", check)).outcome is Outcome.FAIL


@pytest.mark.parametrize("variant", ["origin-only-csrf", "fetch-metadata-csrf"])
def test_a_defence_without_tokens_is_enough(variant: str) -> None:
    for check in ("csrf.origin.foreign", "csrf.fetch-metadata", "csrf.content-type"):
        assert asyncio.run(judged(f"ref:session+{variant}", check)).outcome is Outcome.PASS
    assert asyncio.run(judged(f"ref:session+{variant}", "csrf.token.missing")).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("fault", ["", "+csrf-missing-ok"])
def test_the_state_is_put_back(fault: str) -> None:
    async def scenario() -> str | None:
        async with opened(f"ref:session{fault}", Options()) as system:
            async for _ in preflight(system):
                pass
            alice = await system.shared_login("alice")
            await alice.verb("mutate", system.description.mutate, "alice", value="milk and eggs")
            await judge_one(system, catalogue()["csrf.token.missing"], [everything()])
            return await read_state(alice)

    assert asyncio.run(scenario()) == "milk and eggs"


def test_a_change_without_effect_decides_nothing() -> None:
    async def scenario() -> Verdict:
        async with opened("ref:session", Options()) as system:
            async for _ in preflight(system):
                pass
            described = system.description.model_dump(by_alias=True, exclude_none=True)
            described["mutate"]["read"] = {"send": "GET /me", "value": "json:/email"}
            system.description = type(system.description).model_validate(described)
            return await judge_one(system, catalogue()["csrf.token.missing"], [everything()])

    verdict = asyncio.run(scenario())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "is `mutate` right?" in verdict.reason


def test_a_forged_request_carries_nothing_of_the_targets_own_pages() -> None:
    async def scenario() -> list[dict[str, str]]:
        seen = []
        async with opened("ref:session", Options()) as system:
            async for _ in preflight(system):
                pass
            alice, mutate = await system.shared_login("alice"), system.description.mutate
            assert mutate
            act = await act_of(alice, "mutate", mutate, "alice prepares the change")
            for forgery in forgeries([FOREIGN, SILENT], SIMPLE_BODIES[:1]):
                sent = (await forge(alice, act, forgery, value="x")).request
                seen.append({k.decode().lower(): v.decode() for k, v in sent.headers})
        return seen

    foreign, silent = asyncio.run(scenario())
    assert foreign["origin"] == "https://attacker.example"
    assert foreign["sec-fetch-site"] == "cross-site"
    assert not {"origin", "sec-fetch-site", "referer"} & set(silent)
    assert "cookie" in silent


def test_what_an_earlier_step_took_goes_into_the_forged_request() -> None:
    async def scenario() -> dict[str, object]:
        async with opened("ref:session", Options()) as system:
            async for _ in preflight(system):
                pass
            alice = await system.shared_login("alice")
            first = {"send": "GET /me", "take": {"who": "json:/name"}}
            verb = Verb.model_validate({"steps": [first, {"send": "POST /note", "json": {"by": "{who}"}}]})
            return dict((await act_of(alice, "mutate", verb, "alice prepares the change")).fields)

    assert asyncio.run(scenario())["by"]


def test_content_types_need_no_preflight() -> None:
    simple = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain", None}
    assert {body.content_type and body.content_type.partition(";")[0] for body in SIMPLE_BODIES} == simple


@pytest.mark.parametrize("body", JSON_BODIES, ids=lambda body: body.label)
def test_json_bodies_are_the_same_json(body: object) -> None:
    read = json.loads(body.write({"note": "x", "tags": ["a"]}))  # type: ignore[attr-defined]
    assert {"note": "x", "tags": ["a"]}.items() <= read.items()


def test_nested_fields_become_brackets() -> None:
    assert pairs({"a": {"b": [1, True]}, "c": None}) == [("a[b][]", "1"), ("a[b][]", "true")]


@pytest.mark.parametrize("seed", range(5))
def test_tables_are_drawn_whole_and_variants_come_after(seed: int) -> None:
    drawn = [inputs["origin"] for inputs in _draw({"origin": origins()}, seed, 40)]
    assert set(ORIGINS) <= set(drawn)
    assert len(drawn) > 30
    tokens = [str(inputs["token"]) for inputs in _draw({"token": wrong_tokens()}, seed, 48)]
    assert {str(token) for token in WRONG_TOKENS} <= set(tokens)


@pytest.mark.parametrize("seed", range(3))
def test_no_origin_is_ever_the_targets_own(seed: int) -> None:
    for inputs in _draw({"origin": origins()}, seed, 200):
        spelled = inputs["origin"].spelled(OWN)
        assert spelled is None or spelled.rstrip("/").removesuffix(":443") != OWN
    assert Origin("{scheme}://{host}").spelled(OWN) is None


@pytest.mark.parametrize("seed", range(3))
def test_no_wrong_token_is_the_genuine_one(seed: int) -> None:
    for inputs in _draw({"token": wrong_tokens()}, seed, 200):
        assert "n4Xh2rT9aKbQ7LmZ" not in inputs["token"].made("n4Xh2rT9aKbQ7LmZ")


def test_no_page_claims_to_be_same_origin() -> None:
    headers = [dict(page.headers) for page in metadata_pages(OWN)]
    assert all(h.get("Origin") != OWN and h.get("Sec-Fetch-Site") not in ("same-origin", "none") for h in headers)


def test_methods_are_safe_ones_or_name_another() -> None:
    assert all(f.method in ("GET", "HEAD") or f.query for f in by_method("PUT"))
    assert all(f.method in ("GET", "HEAD") for f in by_method("POST"))
