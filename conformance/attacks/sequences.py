"""Order in ids: counters, shared steps, fields that follow the clock, hashes of what can be guessed.

WSTG-SESS-01, CWE-340 and CWE-341. Each find carries a bound on the chance that random ids look the same, and counts
only below `ALPHA` over all fields tried: random ids are never a defect, however many the kit draws.
"""

from __future__ import annotations

import bisect
import functools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from conformance.attacks.layers import from_base64

ALPHA: Final = 1e-6
_SECURE_BITS: Final = 128
_COUNTER_BITS: Final = 32
_WINDOWS: Final = (1, 2, 3, 4, 6, 8)
_LAST_SECOND: Final = 1e12
"""Larger readings are no time, and floats no longer tell their seconds apart."""
_MAX_CHARS: Final = 256
_MAX_VALUES: Final = 400
_UNITS: Final = (("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9))
_SLACK: Final = 2.0
"""Seconds that issue may lie from the time that the kit noted."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A regularity in ids, and how unlikely it is among random ones."""

    kind: str
    """``sequence``, ``time`` or ``reproduced``."""
    detail: str
    """What was found, for a verdict; holds no id."""
    chance: float
    """Bound on the chance of this in random ids, over all readings tried."""
    samples: int
    width: int = 0
    """Bits of a field that is the time of issue itself; 0 where it is not known what the order takes up."""

    def taken(self, most: int) -> int:
        """Bits that a clock takes up beside the random ones: those of its field, else as many as one may have."""
        return min(self.width, most) or most


_Reading = tuple[str, tuple[int, ...], int, int]
"""Name, numbers, the bits that the whole id has room for (0 for a part of it), and those of this field."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One reading of all values as integers."""

    name: str
    numbers: tuple[int, ...]
    room: int
    """Bits that the whole id has room for; 0 where the field is a part of it."""
    width: int
    """Bits that this field has room for."""

    @property
    def varying_bits(self) -> int:
        """How many bits differ between any of the numbers: the constant ones prove nothing about the rest."""
        return functools.reduce(lambda bits, number: bits | (number ^ self.numbers[0]), self.numbers, 0).bit_count()

    @property
    def tail_bits(self) -> int:
        """Bits below those that all numbers share at the head."""
        return (min(self.numbers) ^ max(self.numbers)).bit_length()


def sequence_defect(values_in_issue_order: Sequence[str]) -> Defect | None:
    """Whether ids, or a field within them, rise, fall or take equal steps in the order of issue.

    Needs 3 values to see a plain counter, about 13 to see a hidden field rise. Repeats are another check's matter.
    """
    values = list(values_in_issue_order)[:_MAX_VALUES]
    fields = _fields(values)
    return _least([(_order_chance(one), _order_text(one), 0) for one in fields], "sequence", len(values))


def time_defect(values: Sequence[str], issue_times: Sequence[float]) -> Defect | None:
    """Whether a field follows the time of issue (seconds since the epoch, by any clock of constant offset).

    By rank correlation with its exact distribution, or by value: the field less the time stays within 2 s.
    """
    pairs = list(zip(values, issue_times, strict=False))[:_MAX_VALUES]
    fields = _fields([value for value, _ in pairs])
    times = [time for _, time in pairs]
    rising = "rises with the time of issue"
    found = [(2 * _rank_chance(one.numbers, times), f"{one.name} {rising}", 0) for one in fields]
    found += [
        (_clock_chance(one, times, scale), f"{one.name} is the time of issue in {unit}", one.width)
        for one in fields
        for unit, scale in _UNITS
    ]
    return _least(found, "time", len(pairs))


def _least(found: Sequence[tuple[float, str, int]], kind: str, samples: int) -> Defect | None:
    plain = [(chance * len(found), detail, width) for chance, detail, width in found if chance * len(found) < ALPHA]
    if not plain:
        return None
    # A field that is a clock says more than one that follows it.
    chance, detail, width = min(plain, key=lambda one: (-one[2], one[0], one[1]))
    return Defect(kind, detail, chance, samples, width)


def _order_chance(one: _Field) -> float:
    """Bound on the chance that random numbers, of the bits that vary, are as orderly as these."""
    steps = [b - a for a, b in pairwise(one.numbers)]
    if len(steps) < 2 or len(set(one.numbers)) < len(one.numbers):
        return 1.0
    chances = [1.0]
    if all(step > 0 for step in steps) or all(step < 0 for step in steps):
        chances.append(2 * math.exp(-math.lgamma(len(one.numbers) + 1)))
        if one.tail_bits <= _COUNTER_BITS:
            # Random ids agree in all but their last bits with this chance; what exceeds 128 bits may be a fixed head.
            idle = max(0, min(one.room, _SECURE_BITS) - one.tail_bits)
            chances.append(2.0 ** -min(idle * len(steps), 1000))
    if len(set(steps)) == 1:
        chances.append(2.0 ** -(min(one.varying_bits, 512) * (len(steps) - 1)))
    return min(chances)


def _order_text(one: _Field) -> str:
    steps = [b - a for a, b in pairwise(one.numbers)]
    if len(set(steps)) == 1:
        return f"{one.name} takes equal steps"
    return f"{one.name} {'rises' if steps and steps[0] > 0 else 'falls'} from id to id"


def _rank_chance(numbers: Sequence[int], times: Sequence[float]) -> float:
    """Chance of so few inversions among random orders; of equal numbers or times only the first is kept."""
    kept: dict[int, float] = {}
    for time, number in sorted(zip(times, numbers, strict=True), key=lambda pair: pair[0]):
        kept.setdefault(number, time)
    distinct: dict[float, int] = {}
    for number, time in kept.items():
        distinct.setdefault(time, number)
    ordered = list(distinct.values())
    return _inversions_at_most(len(ordered), _inversions(ordered))


def _inversions(numbers: Sequence[int]) -> int:
    seen: list[int] = []
    count = 0
    for number in numbers:
        place = bisect.bisect(seen, number)
        count += len(seen) - place
        seen.insert(place, number)
    return count


@functools.lru_cache(4096)
def _inversions_at_most(n: int, k: int) -> float:
    """Exact share of the orders of `n` things with at most `k` inversions (Mahonian numbers, for Kendall's tau)."""
    if k >= n * (n - 1) // 4:
        return 1.0
    if n > 60:
        mean, variance = n * (n - 1) / 4, n * (n - 1) * (2 * n + 5) / 72
        return 0.5 * math.erfc((mean - k - 0.5) / math.sqrt(2 * variance))
    return sum(_mahonian(n)[: k + 1])


@functools.lru_cache(64)
def _mahonian(n: int) -> tuple[float, ...]:
    shares = [1.0]
    for size in range(2, n + 1):
        wider = [0.0] * (len(shares) + size - 1)
        window = 0.0
        for i in range(len(wider)):
            window += shares[i] if i < len(shares) else 0.0
            window -= shares[i - size] if 0 <= i - size < len(shares) else 0.0
            wider[i] = window / size
        shares = wider
    return tuple(shares)


def _clock_chance(one: _Field, times: Sequence[float], scale: float) -> float:
    """Bound on the chance that random numbers stay within 2 s of a clock, given the bits in which they differ."""
    if max(one.numbers) > _LAST_SECOND * scale:
        return 1.0
    first, last = (one.numbers[i] / scale - times[i] for i in (0, -1))
    if abs(first - last) > 2 * _SLACK:
        return 1.0
    readings = {number: number / scale - time for number, time in zip(one.numbers, times, strict=True)}
    offsets = sorted(readings.values())
    if len(offsets) < 3 or offsets[-1] - offsets[0] > 2 * _SLACK or max(times) - min(times) < 2 * _SLACK:
        return 1.0
    share = min(1.0, (4 * _SLACK * scale + 1) / 2.0 ** min(one.varying_bits, 1000))
    return float(share ** (len(offsets) - 1))


def _fields(values: Sequence[str]) -> list[_Field]:
    """Every reading of the values as integers that all of them share and that is not constant."""
    if len(values) < 3:
        return []
    cut = [value[:_MAX_CHARS] for value in values]
    found: dict[tuple[int, ...], _Field] = {}
    for name, numbers, room, width in (*_numerals(cut), *_parts(cut), *_byte_windows(cut)):
        if len(set(numbers)) > 1:
            found.setdefault(numbers, _Field(name, numbers, room, width))
    return list(found.values())


_BASES: Final = ((10, r"\d{1,200}"), (16, r"[0-9a-fA-F]+"), (36, r"[0-9a-z]+"))


def _numerals(texts: Sequence[str], name: str = "the id", whole: bool = True) -> Iterator[_Reading]:
    for base, pattern in _BASES:
        if all(re.fullmatch(pattern, text, re.ASCII) for text in texts):
            width = int(math.log2(base) * max(map(len, texts)))
            room = width if whole else 0
            yield f"{name} read as a number of base {base}", tuple(int(text, base) for text in texts), room, width


_PART = re.compile(r"[0-9A-Za-z]+")
_DIGITS = re.compile(r"\d{2,}", re.ASCII)


def _parts(texts: Sequence[str]) -> Iterator[_Reading]:
    """Fields between delimiters, and runs of digits, where all values have the same number of them."""
    for title, pattern in (("field", _PART), ("run of digits", _DIGITS)):
        split = [pattern.findall(text) for text in texts]
        counts = {len(parts) for parts in split}
        if len(counts) != 1 or not 1 <= counts.copy().pop() <= 16:
            continue
        for index, column in enumerate(zip(*split, strict=True), 1):
            if tuple(column) != tuple(texts):
                yield from _numerals(column, f"{title} {index}", whole=False)


def _byte_windows(texts: Sequence[str]) -> Iterator[_Reading]:
    """Windows of the decoded bytes in both byte orders, and all bytes as one number."""
    for name, decode in _DECODERS:
        blobs = [decode(text) for text in texts]
        size = len(blobs[0] or b"")
        if not size or any(blob is None or len(blob) != size for blob in blobs):
            continue
        rows = [blob for blob in blobs if blob is not None]
        whole, turned = (tuple(int.from_bytes(row, order) for row in rows) for order in ("big", "little"))
        yield f"the id read as {name}", whole, 8 * size, 8 * size
        yield f"the id read as {name}, last byte first", turned, 8 * size, 8 * size
        for width in _WINDOWS:
            for start in range(min(size, 32) - width + 1):
                title = f"bytes {start + 1} to {start + width} of the id read as {name}"
                yield title, tuple(int.from_bytes(row[start : start + width], "big") for row in rows), 0, 8 * width
                if width > 1:
                    little = tuple(int.from_bytes(row[start : start + width], "little") for row in rows)
                    yield f"{title}, last byte first", little, 0, 8 * width


def _from_hex(text: str) -> bytes | None:
    plain = text.replace("-", "")
    return bytes.fromhex(plain) if re.fullmatch(r"(?:[0-9a-fA-F]{2}){2,}", plain) else None


def _from_base64(text: str) -> bytes | None:
    return from_base64(text) if _from_hex(text) is None and re.fullmatch(r"[A-Za-z0-9+/_-]{4,}={0,2}", text) else None


_DECODERS: Final[tuple[tuple[str, Callable[[str], bytes | None]], ...]] = (("hex", _from_hex), ("base64", _from_base64))
