"""Checks of DPoP on little servers that do one thing differently, and the kit as a client with a key."""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.certify import Selection, Session
from conformance.errors import PreflightError
from conformance.model import Capability, Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.dpop_proofs import by_dpop
from reference_impl import FAULTS
from tests.matrix import everything
from tests.toy_oauth import OAUTH, AuthorizationSite
from tests.toys import a_system, proofs_of, proven

IDS = ["bearer.sender-constrained", "oauth.race.dpop-jti", *fnmatch.filter(catalogue(), "oauth.dpop.*")]
AT_API = [
    "bearer.sender-constrained", "oauth.dpop.ath", "oauth.dpop.bearer-downgrade", "oauth.dpop.cross-endpoint",
    "oauth.dpop.key-binding", "oauth.dpop.no-proof", "oauth.race.dpop-jti",
]  # fmt: skip
"""What only a protected resource can show."""


def judged(target: str, *only: str) -> dict[str, Verdict]:
    """What some checks say of a target, under a profile that demands everything."""

    async def run() -> dict[str, Verdict]:
        async with opened(target, Options()) as system:
            session = Session(system, Selection(only=only))
            await session.prepare(judged_by=[everything()])
            return {verdict.check.id: verdict async for verdict in session.run()}

    return asyncio.run(run())


async def verdict(site: AuthorizationSite, id: str, **changes: Any) -> Verdict:
    async with proven(site, {"oauth": {**OAUTH, **changes}}) as system:
        return await judge_one(system, catalogue()[id], [everything()])


def test_each_check_has_a_fault() -> None:
    assert set(IDS) <= {fault.primary for fault in FAULTS}


@pytest.mark.parametrize("id", ["oauth.dpop.signature", "oauth.dpop.key-binding", "oauth.dpop.nonce-required"])
def test_a_failure_says_what_came(id: str) -> None:
    fault = next(fault.id for fault in FAULTS if fault.primary == id)
    found = judged(f"ref:oauth+{fault}", id)[id]
    assert found.outcome is Outcome.FAIL, found.reason
    assert "proof" in found.expected
    assert 0 < len(found.evidence) <= 8


def test_servers_that_demand_proofs_and_nonces_are_clean() -> None:
    found = judged("ref:oauth+dpop-demanded+dpop-nonce+dpop-strict", "oauth.*", "bearer.*", "refresh.after-*")
    bad = {id: v.reason or v.actual for id, v in found.items() if v.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)}
    assert not bad
    assert found["oauth.dpop.htu"].outcome is Outcome.ADVICE
    assert found["oauth.dpop.iat-window"].outcome is Outcome.NOT_APPLICABLE
    assert found["bearer.header-ok"].outcome is Outcome.NOT_APPLICABLE
    assert found["refresh.after-logout"].outcome is Outcome.PASS


def test_whoever_remembers_no_proofs_is_advised() -> None:
    async def run() -> dict[str, Verdict]:
        async with opened("ref:oauth+dpop-lenient", Options()) as system:
            session = Session(system, Selection(only=("oauth.dpop.jti-replay", "oauth.race.dpop-jti")))
            await session.prepare()
            return {verdict.check.id: verdict async for verdict in session.run()}

    assert {v.outcome for v in asyncio.run(run()).values()} == {Outcome.ADVICE}


# -- servers without it


@pytest.mark.asyncio
async def test_nothing_is_asked_of_a_server_without_dpop() -> None:
    assert all(Capability.DPOP in catalogue()[id].needs for id in IDS)
    async with proven(AuthorizationSite(), {"oauth": OAUTH}) as system:
        assert Capability.DPOP not in system.capabilities
        assert "oauth.dpop" in system.missing[Capability.DPOP]


class Announces(AuthorizationSite):
    """Names algorithms of proofs, and binds nothing."""

    def document(self) -> dict[str, Any]:
        return {**super().document(), "dpop_signing_alg_values_supported": ["ES256"]}


@pytest.mark.parametrize("id", IDS)
@pytest.mark.asyncio
async def test_unbound_tokens_are_no_failure(id: str) -> None:
    found = await verdict(Announces(), id)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "unbound" in found.reason or "public client" in found.reason or "refresh" in found.reason, found.reason


@pytest.mark.asyncio
async def test_a_description_may_leave_dpop_out() -> None:
    async with proven(Announces(), {"oauth": {**OAUTH, "dpop": False}}) as system:
        assert Capability.DPOP not in system.capabilities
    async with proven(Announces(), {"oauth": OAUTH}) as system:
        assert Capability.DPOP in system.capabilities


@pytest.mark.asyncio
async def test_tokens_that_are_described_as_bound_must_be() -> None:
    with pytest.raises(PreflightError) as caught:
        await proofs_of(a_system(Announces(), {"oauth": {**OAUTH, "dpop": True}}))
    assert "token of type Bearer: see `oauth.dpop`" in str(caught.value)


class Unaware(Announces):
    """Binds tokens; the resource server is an older one, which takes them as Bearer's (RFC 9449 section 7.2)."""

    async def token(self, request: Request) -> Response:
        proofs = request.headers.getlist("dpop")
        if not proofs:
            return await super().token(request)
        return await super().token(request) if self.sound(proofs) else self.no()

    def sound(self, proofs: list[str]) -> bool:
        return len(proofs) == 1

    def no(self) -> Response:
        return JSONResponse({"error": "invalid_dpop_proof"}, 400)

    def deliver(self, data: Mapping[str, Any]) -> Response:
        return super().deliver({**data, "token_type": "DPoP"})


@pytest.mark.parametrize("id", AT_API)
@pytest.mark.asyncio
async def test_a_resource_server_need_not_know_of_proofs(id: str) -> None:
    found = await verdict(Unaware(), id)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "knows nothing of DPoP" in found.reason


@pytest.mark.asyncio
async def test_the_token_endpoint_is_judged_alone_where_the_resource_server_does_not_know() -> None:
    found = await verdict(Unaware(), "oauth.dpop.one-header")
    assert (found.outcome, found.actual) == (Outcome.PASS, found.actual)
    assert "token endpoint alone" in (found.actual + found.reason)


class Breaks(Unaware):
    """Answers an odd proof with a server error."""

    def no(self) -> Response:
        return JSONResponse({"error": "server_error"}, 500)


@pytest.mark.asyncio
async def test_a_server_error_is_no_refusal() -> None:
    found = await verdict(Breaks(), "oauth.dpop.one-header")
    assert found.outcome is Outcome.INCONCLUSIVE


class RefusesAll(Unaware):
    def sound(self, proofs: list[str]) -> bool:
        return False


@pytest.mark.parametrize("id", IDS)
@pytest.mark.asyncio
async def test_a_server_that_refuses_sound_proofs_passes_nothing(id: str) -> None:
    found = await verdict(RefusesAll(), id)
    assert found.outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE)
    if found.outcome is Outcome.INCONCLUSIVE:
        assert "positive control failed" in found.reason
    else:
        assert "refresh" in found.reason


class TakesTwo(Unaware):
    def sound(self, proofs: list[str]) -> bool:
        return True


@pytest.mark.asyncio
async def test_the_token_endpoint_that_takes_two_proofs_fails() -> None:
    found = await verdict(TakesTwo(), "oauth.dpop.one-header")
    assert found.outcome is Outcome.FAIL
    assert "two proofs" in found.expected


# -- small things


def test_bound_tokens_travel_by_their_scheme() -> None:
    assert by_dpop("header:Authorization: Bearer {access}") == "header:Authorization: DPoP {access}"
    assert by_dpop("header: authorization:  bearer {access}") == "header: authorization:  DPoP {access}"
    assert by_dpop("header:X-Token: {access}") == "header:X-Token: {access}"
