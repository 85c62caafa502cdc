"""Never cry wolf: servers that differ harmlessly from the usual stay clean."""

from __future__ import annotations

import pytest

from conformance.commands.demo import STATELESS
from conformance.model import Outcome
from reference_impl import VARIANTS
from tests.matrix import Row, measure_all

TARGETS = [f"ref:{scheme}+{variant.id}" for variant in VARIANTS for scheme in variant.schemes]
PAIRS = [
    "ref:session+html+two-cookies",
    "ref:session+redirect-to-login+cookie-name",
    "ref:session+stranger-200-null+login-200-error",
    "ref:session+hide-404+delete-value-null",
    "ref:session+status-403+samesite-strict+slow",
]


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """What the checks say of every variant."""
    return measure_all([*TARGETS, *PAIRS], brief=PAIRS)


@pytest.mark.parametrize("target", [*TARGETS, *PAIRS])
def test_a_conforming_variant_is_clean(target: str, rows: dict[str, Row]) -> None:
    row = rows[target]
    scheme = target.removeprefix("ref:").split("+")[0]
    told = {check for v in VARIANTS if scheme in v.schemes and target == f"ref:{scheme}+{v.id}" for check in v.fails}
    assert set(row.having(Outcome.FAIL)) <= STATELESS.get(scheme, frozenset()) | told, row.reasons
    assert not row.having(Outcome.ERROR), row.reasons
