"""Never cry wolf: servers that differ harmlessly from the usual, in several ways at once, stay clean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from conformance.commands.demo import STATELESS
from conformance.model import Outcome
from reference_impl import SCHEMES, VARIANTS
from reference_impl.faults import go_together
from tests.combinations import ALL, MOST, covering, of_scheme
from tests.matrix import Row, measure_all


def statistics_are_due() -> Iterator[str]:
    """Names of servers in which some variant occurs for the first time: the long samples are taken there."""
    seen: set[tuple[str, str]] = set()
    for name, (scheme, combination) in ALL.items():
        new = {(scheme, variant.id) for variant in combination} - seen
        seen |= new
        if new:
            yield name


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """What the checks say of every combination."""
    slow = [name for name, (_, combination) in ALL.items() if any(variant.id == "slow" for variant in combination)]
    return measure_all(ALL, brief=set(ALL) - set(statistics_are_due()), idle=slow)


@pytest.mark.parametrize("name", ALL)
def test_a_conforming_server_is_clean(name: str, rows: dict[str, Row]) -> None:
    row, (scheme, combination) = rows[name], ALL[name]
    told = {check for variant in combination for check in variant.fails}
    assert set(row.having(Outcome.FAIL)) <= STATELESS.get(scheme, frozenset()) | told, row.reasons
    assert not row.having(Outcome.ERROR), row.reasons


# -- what is combined


def test_there_are_sixty_of_them() -> None:
    assert len(ALL) >= 60


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_variant_and_every_pair_occurs(scheme: str) -> None:
    variants = [variant for variant in VARIANTS if scheme in variant.schemes]
    found = of_scheme(scheme)
    assert {variant for combination in found for variant in combination} == set(variants)
    pairs = {pair for combination in found for pair in combinations(combination, 2)}
    assert pairs == {pair for pair in combinations(variants, 2) if go_together(*pair)}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_combinations_are_the_same_each_time(scheme: str) -> None:
    variants = [variant for variant in VARIANTS if scheme in variant.schemes]
    assert list(covering(variants, MOST[scheme])) == list(covering(variants, MOST[scheme]))


def test_what_does_not_go_together_has_a_reason_and_a_name() -> None:
    ids = {variant.id for variant in VARIANTS}
    for variant in VARIANTS:
        assert set(variant.apart) <= ids, variant.id
        assert all(variant.apart.values()), variant.id
