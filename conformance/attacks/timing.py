"""Does one kind of request take longer than another? Interleaved pairs, a permutation test, an effect above a floor.

ASVS-v5.0.0-6.3.8 and 11.2.4, CWE-208. A test server shares its machine, so only both together count: a difference
that chance does not explain, and one that is large enough to use. Confirm on a second sample before judging.

A pair may cost two slow password hashes, so a sample is looked at while it grows: what is plain already, either way,
needs no more of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

RESAMPLES: Final = 19_999
MIN_PAIRS: Final = 18
"""Fewer signs than this can't reach a chance of one in ten thousand (2**-17, both sides)."""
LOOKS: Final = (12, 18, 24, 30)
"""Pairs after which a growing sample is looked at."""
CLEAR: Final = 2e-5
"""Chance that a clear difference leaves to coincidence: a fifth of the usual one, since there are several looks."""
RESOLUTION: Final = 0.004
"""Seconds; a difference that is surely smaller is none that this kit speaks of."""


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
    floor = _floor(pairs, floor_s, rel_floor)
    if abs(effect) < floor or len(pairs) < MIN_PAIRS:
        return Timing(1.0, effect, False, floor, len(pairs))
    p = _sign_flip_chance(differences, abs(effect), rng)
    return Timing(p, effect, p <= alpha, floor, len(pairs))


def clear_difference(pairs: Sequence[tuple[float, float]]) -> Timing:
    """The same for a sample that still grows, by the stricter test of signs.

    Nearly every pair must differ the same way, and even the least median that the pairs leave open must be above the
    floor.
    """
    if not pairs:
        return Timing(1.0, 0.0, False)
    differences = [first - second for first, second in pairs]
    count, effect, floor = len(pairs), median(differences), _floor(pairs)
    against = sum(difference * effect <= 0 for difference in differences)
    p = min(1.0, 2 * sum(math.comb(count, k) for k in range(against + 1)) / 2**count)
    low, high = _interval(differences)
    surely = low * high > 0 and min(abs(low), abs(high)) > floor
    return Timing(p, effect, surely and p <= CLEAR, floor, count)


def open_difference(pairs: Sequence[tuple[float, float]]) -> float:
    """The largest median difference, in seconds, that these pairs leave open."""
    differences = [first - second for first, second in pairs]
    return max(abs(median(differences)), *map(abs, _interval(differences)))


def level(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether the median is below the floor, and no difference is left open that this kit speaks of."""
    if len(pairs) < LOOKS[0]:
        return False
    floor = _floor(pairs)
    effect = abs(median([first - second for first, second in pairs]))
    return effect < floor and open_difference(pairs) <= max(RESOLUTION, 2 * floor)


def _floor(pairs: Sequence[tuple[float, float]], floor_s: float = 0.001, rel_floor: float = 0.05) -> float:
    return max(floor_s, rel_floor * median([duration for pair in pairs for duration in pair]))


def _interval(differences: Sequence[float]) -> tuple[float, float]:
    """Where the median of all such differences lies (about 99 %, by order statistics)."""
    ordered = sorted(differences)
    count = len(ordered)
    low = max(0, int(count / 2 - 1.3 * math.sqrt(count)))
    return ordered[low], ordered[count - 1 - low]


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
