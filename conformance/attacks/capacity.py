"""How much a session id could hold at most: an upper bound, judged in the target's favour.

Sampling can never prove entropy. What it can do is bound it from above: so many positions, so many characters at
each (ASVS-v5.0.0-7.2.3 asks for 128 bits). Wherever few samples leave a doubt, the larger figure is taken.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Span = tuple[int, int]
"""Characters to leave out at the start and at the end of each value; what remains varies."""

WHOLE: Final[Span] = (0, 0)
MAX_POSITIONS: Final = 4096
ALPHA: Final = 1e-9
"""Chance at which a narrower alphabet, or a constant position, counts as shown and not as luck."""

_LOWER, _UPPER, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHABETS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("decimal", frozenset(_DIGITS)),
    ("hex", frozenset(_DIGITS + "abcdef")),
    ("HEX", frozenset(_DIGITS + "ABCDEF")),
    ("lower case", frozenset(_LOWER)),
    ("upper case", frozenset(_UPPER)),
    ("base32", frozenset(_UPPER + "234567")),
    ("base32 in lower case", frozenset(_LOWER + "234567")),
    ("base32hex", frozenset(_DIGITS + "abcdefghijklmnopqrstuv")),
    ("base36", frozenset(_DIGITS + _LOWER)),
    ("BASE36", frozenset(_DIGITS + _UPPER)),
    ("letters", frozenset(_LOWER + _UPPER)),
    ("base62", frozenset(_DIGITS + _LOWER + _UPPER)),
    ("base64url", frozenset(_DIGITS + _LOWER + _UPPER + "-_")),
    ("base64", frozenset(_DIGITS + _LOWER + _UPPER + "+/")),
    ("php 6 bits", frozenset(_DIGITS + _LOWER + _UPPER + "-,")),
    ("printable", frozenset(map(chr, range(0x21, 0x7F)))),
)
"""Alphabets by name, small ones first; `=` is read as padding and holds nothing."""

_UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1([1-8])[0-9a-f]{3}\1[89ab][0-9a-f]{3}\1[0-9a-f]{12}", re.IGNORECASE)
_UUID_BITS: Final = {"4": 122.0, "7": 74.0, "8": 122.0, "3": 122.0, "5": 122.0}
_UUID_CLOCK_BITS: Final = 14 + math.log2(2e7)
"""Clock sequence, and the ticks of 100 ns within a second either side of a known time (RFC 9562 5.1)."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """An upper bound on what an id holds, and what it rests on."""

    bits: float
    alphabet: str
    """Name of the alphabet, or the UUID version."""
    positions: int
    static: int
    """How many of the positions never change."""
    samples: int

    @property
    def full_bits(self) -> float:
        """What the id would hold if its constant positions varied as the others do."""
        varying = self.positions - self.static
        return self.bits * self.positions / varying if varying > 0 else self.bits


def capacity_bits(values: Sequence[str], span: Span = WHOLE) -> float:
    """Sound upper bound, in bits, on the entropy of the ids; infinite without values."""
    return capacity(values, span).bits


def capacity(values: Sequence[str], span: Span = WHOLE) -> Capacity:
    """The bound of `capacity_bits` with what it rests on, for the text of a verdict."""
    texts = sorted({cut(value, span).rstrip("=")[:MAX_POSITIONS] for value in values})
    if not texts:
        return Capacity(math.inf, "none", 0, 0, 0)
    if version := uuid_version(texts):
        return Capacity(_uuid_bits(texts, version), f"UUID version {version}", 32, 0, len(texts))
    name, letters = alphabet(texts)
    columns = _columns(texts)
    static, lucky = _static_columns(columns, len(letters))
    shapes = [(len(set(c)), len(c)) for i, c in enumerate(columns) if i not in static]
    bits = sum(_column_bits(distinct, samples, len(letters)) for distinct, samples in shapes)
    lengths = len({len(text) for text in texts})
    bits += lucky * math.log2(len(letters)) + math.log2(lengths)
    return Capacity(bits, name, len(columns), len(static), len(texts))


def cut(value: str, span: Span) -> str:
    """The part of a value that a span leaves."""
    return value[span[0] : len(value) - span[1]]


def uuid_version(values: Iterable[str]) -> str | None:
    """The version when all samples are UUIDs of one version, and not by luck; else None.

    Dashes leave no doubt. Of 32 random hex digits one value in 64 looks like version 4, so four are needed.
    """
    found = [_UUID.fullmatch(value) for value in values]
    versions = {match[2] for match in found if match}
    if not found or None in found or len(versions) != 1:
        return None
    dashed = all(match and match[1] for match in found)
    return versions.pop() if dashed or len(found) >= 4 else None


def _uuid_bits(texts: Sequence[str], version: str) -> float:
    if version in _UUID_BITS:
        return _UUID_BITS[version]
    nodes = {text.replace("-", "")[20:].lower() for text in texts}
    return _UUID_CLOCK_BITS + (47.0 if len(nodes) > max(1, len(texts) // 2) else 0.0)


def alphabet(texts: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The largest alphabet of which the characters seen may be a lucky draw (chance above one in a million).

    Ids of base64url may lack dash and underscore: 22 characters do with chance (62/64)**22, one half.
    """
    seen = "".join(texts)
    used = frozenset(seen)
    fitting = [(name, letters) for name, letters in ALPHABETS if used <= letters]
    if not fitting:
        return "any character", used | ALPHABETS[-1][1]
    least = len(fitting[0][1])
    lucky = (a for a in fitting if (least / len(a[1])) ** len(seen) >= 1e-6)
    return max(lucky, key=lambda a: len(a[1]))


def static_positions(values: Sequence[str]) -> tuple[int, ...]:
    """Positions whose character never changes, and not by luck; empty for fewer than two distinct values.

    Counted from the left; values of unequal length are compared as far as the shortest goes.
    """
    texts = sorted(set(values))
    if len(texts) < 2:
        return ()
    shortest = min(map(len, texts))
    columns = _columns([text[:shortest] for text in texts])
    return tuple(sorted(_static_columns(columns, len(alphabet(texts)[1]))[0]))


def _columns(texts: Sequence[str]) -> list[str]:
    longest = max(map(len, texts))
    return ["".join(text[i] for text in texts if i < len(text)) for i in range(longest)]


def _static_columns(columns: Sequence[str], size: int) -> tuple[frozenset[int], int]:
    """The constant columns when luck does not explain their number, and how many of them luck still may."""
    constant = frozenset(i for i, column in enumerate(columns) if len(column) > 1 and len(set(column)) == 1)
    if not constant:
        return frozenset(), 0
    samples = min(len(columns[i]) for i in constant)
    chance = float(size) ** -(samples - 1)
    if _at_least(len(constant), len(columns), chance) >= ALPHA:
        return frozenset(), 0
    lucky = next(k for k in range(len(constant)) if _at_least(k + 1, len(columns), chance) < ALPHA)
    return constant, lucky


def _at_least(k: int, n: int, chance: float) -> float:
    """Bound on the chance of `k` or more successes in `n` tries (union bound)."""
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(max(chance, 1e-300))
    return math.exp(min(0.0, log))


@lru_cache(4096)
def _column_bits(distinct: int, samples: int, size: int) -> float:
    """Bits of one position: the largest alphabet that may show so few characters in so many samples."""
    for candidate in range(size, distinct, -1):
        luck = math.log(math.comb(candidate, distinct)) + samples * math.log(distinct / candidate)
        if luck >= math.log(ALPHA):
            return math.log2(candidate)
    return math.log2(distinct)
