"""What the attacks on a signature cost a target: requests are somebody else's time and money."""

from __future__ import annotations

import pytest

from conformance.attacks.forge import FAMILIES, MINTED
from tests.matrix import verdicts

BUDGET = 160
"""Requests for every forgery that needs no key of the target's, the edited signatures included."""


@pytest.mark.asyncio
@pytest.mark.parametrize("target", ["ref:token", "ref:token+hs256", "ref:token+es256"])
async def test_all_forgeries_together_keep_to_the_budget(target: str) -> None:
    forging = {id for id in {*FAMILIES, "token.sig.bitflip"} - MINTED if not id.startswith("token.revoke.")}
    spent = {v.check.id: v.requests for v in await verdicts(target) if v.check.id in forging}
    assert sum(spent.values()) <= BUDGET, spent
