"""Servers that differ in several harmless ways at once: every pair of variants that go together, in few servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from reference_impl import SCHEMES, VARIANTS, Variant
from reference_impl.faults import go_together

Combination = tuple[Variant, ...]

MOST = {"session": 8, "token": 8, "refresh": 8, "oauth": 12}
"""Variants of one server, by scheme: enough to need few servers, few enough to find the one that is to blame."""


def covering(variants: Sequence[Variant], most: int) -> Iterator[Combination]:
    """Combinations in which each pair that goes together occurs, and each variant; the same ones at each call."""
    missing = [pair for pair in combinations(variants, 2) if go_together(*pair)]
    yield from ((one,) for one in variants if not any(one in pair for pair in missing))
    while missing:
        chosen = list(missing[0])
        while len(chosen) < most and (more := _most_useful(variants, chosen, missing)):
            chosen.append(more)
        missing = [pair for pair in missing if not set(pair) <= set(chosen)]
        yield tuple(one for one in variants if one in chosen)


def _most_useful(variants: Sequence[Variant], chosen: list[Variant], missing: list[Combination]) -> Variant | None:
    """The variant that brings the most missing pairs to those chosen; None where none brings any."""

    def brings(one: Variant) -> int:
        return sum(one in pair and any(other in chosen for other in pair) for pair in missing)

    fitting = [one for one in variants if all(go_together(one, other) for other in chosen)]
    best = max(fitting, key=brings, default=None)
    return best if best and brings(best) else None


def of_scheme(scheme: str) -> list[Combination]:
    """The combinations of one server."""
    return list(covering([variant for variant in VARIANTS if scheme in variant.schemes], MOST[scheme]))


def target(scheme: str, combination: Combination) -> str:
    """What a command calls this server."""
    return "+".join([f"ref:{scheme}", *(variant.id for variant in combination)])


ALL: dict[str, tuple[str, Combination]] = {
    target(scheme, combination): (scheme, combination) for scheme in SCHEMES for combination in of_scheme(scheme)
}
"""Every combination of every server, by the name of its target."""
