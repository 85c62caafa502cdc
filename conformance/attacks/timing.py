"""Does one kind of request take longer than another? Interleaved pairs, a permutation test, an effect above a floor.

ASVS-v5.0.0-6.3.8 and 11.2.4, CWE-208. A test server shares its machine, so only both together count: a difference
that chance does not explain, and one that is large enough to use. Confirm on a second sample before judging.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

RESAMPLES: Final = 19_999
MIN_PAIRS: Final = 18
"""Fewer signs than this can't reach a chance of one in ten thousand (2**-17, both sides)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What the pairs say."""

    p: float
    """Chance of so large a median difference, either way, if both kinds took the same time."""
    effect: float
    """Median of first less second, in seconds."""
    decided: bool
    """There is a difference: beyond chance and above the floor. False is no proof of equality."""
    floor: float = 0.0
    """Seconds that the effect had to exceed."""
    pairs: int = 0


def timing_difference(
    pairs: Sequence[tuple[float, float]],
    *,
    floor_s: float = 0.001,
    rel_floor: float = 0.05,
    alpha: float = 1e-4,
    rng: random.Random,
) -> Timing:
    """Compare durations in seconds, taken in turn (first kind, second kind), by random changes of sign.

    The floor is the larger of `floor_s` and `rel_floor` of the median duration. Fewer than `MIN_PAIRS` pairs decide
    nothing. The same `rng` seed gives the same answer.
    """
    differences = [first - second for first, second in pairs]
    if not differences:
        return Timing(1.0, 0.0, False)
    effect = median(differences)
    floor = max(floor_s, rel_floor * median([duration for pair in pairs for duration in pair]))
    if abs(effect) < floor or len(pairs) < MIN_PAIRS:
        return Timing(1.0, effect, False, floor, len(pairs))
    p = _sign_flip_chance(differences, abs(effect), rng)
    return Timing(p, effect, p <= alpha, floor, len(pairs))


def _sign_flip_chance(differences: Sequence[float], effect: float, rng: random.Random) -> float:
    """Share of random sign changes with as large a median, the observed one counted in (never 0)."""
    sizes = sorted(map(abs, differences))
    count = len(sizes)
    reached = 0
    for _ in range(RESAMPLES):
        signs = rng.getrandbits(count)
        flipped = sorted(size if signs >> i & 1 else -size for i, size in enumerate(sizes))
        middle = (flipped[(count - 1) // 2] + flipped[count // 2]) / 2
        reached += abs(middle) >= effect
    return (reached + 1) / (RESAMPLES + 1)
