"""Statistics that refute gross faults of a generator, and never prove one good.

The tests and their examples are those of NIST SP 800-22 rev. 1a; poker is that of FIPS 140-2. Pure Python: twenty
thousand ids take less time than the import of a statistics library.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from conformance.attacks.layers import from_base64
from conformance.attacks.sequences import Defect

FAMILY_ERROR: Final = 1e-6
"""Chance that random ids fail any of the tests."""
CONFIRM_ERROR: Final = 1e-3
MIN_BITS: Final = 4096
"""Below it the limits of the tests are not exact enough for so small an error."""
ENDS: Final = 16
"""Texts that do not end in base64's way by chance: one in four of base62 would."""
_ENDS: Final = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
"""The last character of base64 without padding, by the length modulo 4, where its spare bits are zero."""


@dataclass(frozen=True, slots=True)
class Bits:
    """A series of bits, the first one most significant."""

    number: int
    length: int

    @classmethod
    def of(cls, text: str) -> Bits:
        """From zeros and ones; white space is left out."""
        plain = "".join(text.split())
        return cls(int(plain or "0", 2), len(plain))

    @classmethod
    def of_bytes(cls, data: bytes) -> Bits:
        """From bytes, in network order."""
        return cls(int.from_bytes(data, "big"), 8 * len(data))

    def text(self) -> str:
        """As zeros and ones."""
        return f"{self.number:0{self.length}b}" if self.length else ""


def igamc(a: float, x: float) -> float:
    """Upper incomplete gamma function Q(a, x), regularised; series below `a` + 1, continued fraction above."""
    if x <= 0 or a <= 0:
        return 1.0
    scale = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, 10_000):
            term *= x / (a + n)
            total += term
            if term < total * 1e-16:
                break
        return max(0.0, 1 - total * scale)
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    fraction = d
    for n in range(1, 10_000):
        factor = -n * (n - a)
        b += 2
        d = 1 / (factor * d + b or tiny)
        c = b + factor / c or tiny
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return scale * fraction


def monobit(bits: Bits) -> float:
    """Frequency test (2.1): p-value of the share of ones."""
    if not bits.length:
        return 1.0
    return math.erfc(abs(2 * bits.number.bit_count() - bits.length) / math.sqrt(2 * bits.length))


def runs(bits: Bits) -> float:
    """Runs test (2.3): p-value of the number of changes.

    1 where the share of ones alone makes it moot: NIST reports 0 there, but that is one random series in 16,000, and
    the frequency test judges it.
    """
    n = bits.length
    if n < 2:
        return 1.0
    share = bits.number.bit_count() / n
    if abs(share - 0.5) >= 2 / math.sqrt(n) or share in (0, 1):
        return 1.0
    changes = ((bits.number ^ (bits.number >> 1)) & ((1 << (n - 1)) - 1)).bit_count() + 1
    spread = share * (1 - share)
    return math.erfc(abs(changes - 2 * n * spread) / (2 * math.sqrt(2 * n) * spread))


_LONGEST: Final[tuple[tuple[int, int, int, tuple[float, ...]], ...]] = (
    (25_600, 128, 4, (0.1174, 0.2430, 0.2493, 0.1752, 0.1027, 0.1124)),
    (128, 8, 1, (0.2148, 0.3672, 0.2305, 0.1875)),
)
"""Bits needed, block length, longest run of the first class, and the chances of the classes (2.4.2, 3.4).

NIST takes blocks of 128 from 6,272 bits on; an error of one in a million needs more blocks than that gives.
"""


def longest_run(bits: Bits) -> float:
    """Longest run of ones in a block (2.4): p-value; 1 for fewer than 128 bits."""
    row = next((row for row in _LONGEST if bits.length >= row[0]), None)
    if row is None:
        return 1.0
    _, size, first, chances = row
    text = bits.text()
    blocks = len(text) // size
    longest = (max(map(len, re.findall("1+", text[i * size : (i + 1) * size])), default=0) for i in range(blocks))
    counts = Counter(min(max(run, first), first + len(chances) - 1) - first for run in longest)
    chi = sum((counts[i] - blocks * chance) ** 2 / (blocks * chance) for i, chance in enumerate(chances))
    return igamc((len(chances) - 1) / 2, chi / 2)


def serial(bits: Bits, m: int = 4) -> tuple[float, float]:
    """Serial test (2.11): both p-values for overlapping patterns of `m` bits."""
    psi = [_psi_squared(bits, size) for size in (m, m - 1, m - 2)]
    first = psi[0] - psi[1]
    second = psi[0] - 2 * psi[1] + psi[2]
    return igamc(2.0 ** (m - 2), first / 2), igamc(2.0 ** (m - 3), second / 2)


def _psi_squared(bits: Bits, m: int) -> float:
    if m <= 0 or not bits.length:
        return 0.0
    text = bits.text()
    cyclic = text + text[: m - 1]
    counts = Counter(cyclic[i : i + m] for i in range(len(text)))
    return 2.0**m / len(text) * sum(count * count for count in counts.values()) - len(text)


def poker(bits: Bits) -> float:
    """Poker test (FIPS 140-2 4.9.1): p-value of the nibbles by chi-square with 15 degrees of freedom."""
    digits = f"{bits.number >> bits.length % 4:0{bits.length // 4}x}" if bits.length >= 4 else ""
    if not digits:
        return 1.0
    return igamc(7.5, poker_statistic(digits) / 2)


def poker_statistic(digits: str) -> float:
    """The statistic of the poker test over hex digits; FIPS 140-2 accepts 2.16 to 46.17 for 5,000 of them."""
    return 16 / len(digits) * sum(count * count for count in Counter(digits).values()) - len(digits)


def columns(rows: Sequence[bytes]) -> float:
    """Chi-square over the bit positions of rows of equal length: p-value that each is a fair coin."""
    if not rows or not rows[0]:
        return 1.0
    width, n = 8 * len(rows[0]), len(rows)
    texts = [f"{int.from_bytes(row, 'big'):0{width}b}" for row in rows]
    ones = [column.count("1") for column in zip(*texts, strict=True)]
    return igamc(width / 2, sum((2 * count - n) ** 2 / n for count in ones) / 2)


_TESTS: Final[tuple[tuple[str, Callable[[Bits], float]], ...]] = (
    ("monobit", monobit),
    ("poker", poker),
    ("runs", runs),
    ("longest run", longest_run),
    ("serial", lambda bits: min(1.0, 2 * min(serial(bits)))),
)


def decoded_rows(values: Sequence[str]) -> list[bytes]:
    """The bytes behind ids of hex or base64, without the constant ones; empty where the encoding is in doubt.

    Base62 and the like are left out: their digits are no whole number of bits. Base64 shows by both characters of its
    own, at no fixed place (a dash that stands in the same place in every id separates its parts), or by its ends.
    """
    joined = "".join(values)
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", joined) and all(len(value) % 2 == 0 for value in values):
        rows: list[bytes | None] = [bytes.fromhex(value) for value in values]
    elif _is_base64(values, joined):
        rows = [from_base64(value) for value in values]
    else:
        return []
    known = [row for row in rows if row]
    if len(known) != len(values) or len(set(map(len, known))) != 1:
        return []
    varying = [column for column in zip(*known, strict=True) if len(set(column)) > 1 or len(known) == 1]
    return [bytes(row) for row in zip(*varying, strict=True)]


def _is_base64(values: Sequence[str], joined: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9+/=]+|[A-Za-z0-9\-_=]+", joined):
        return False
    if any(set(column) <= set("+/-_") for column in zip(*values, strict=False)):
        return False
    return {"+", "/"} <= set(joined) or {"-", "_"} <= set(joined) or _spare_bits_are_zero(values)


def _spare_bits_are_zero(values: Sequence[str]) -> bool:
    """Whether each text ends as base64 of whole bytes must (RFC 4648 section 3.5): leaning bits hide its own signs."""
    texts = [value.rstrip("=") for value in values]
    ends, lengths = {text[-1:] for text in texts}, {len(text) for text in texts}
    if len(texts) < ENDS or len(lengths) != 1 or len(ends) == 1:
        return False
    # Base32 of 4, 9, 14 ... bytes has such ends, too, and one case of letters.
    mixed = {char.isupper() for text in texts for char in text if char.isalpha()} == {True, False}
    return mixed and ends <= set(_ENDS.get(lengths.pop() % 4, ""))


def randomness_defect(values: Sequence[str], confirm: Sequence[str] = ()) -> Defect | None:
    """Whether the bits of ids fail a test at the family error, and again in a fresh sample where one is given.

    None says "no defect found", or that there are fewer than `MIN_BITS` bits; it never says random.
    """
    failed = {name: p for name, p in p_values(values).items() if p < FAMILY_ERROR / (len(_TESTS) + 1)}
    if confirm and failed:
        again = p_values(confirm)
        failed = {name: p for name, p in failed.items() if again.get(name, 0.0) < CONFIRM_ERROR}
    if not failed:
        return None
    name = min(failed, key=lambda test: failed[test])
    return Defect(
        "randomness", f"the bits of the ids fail the {name} test", failed[name] * (len(_TESTS) + 1), len(values)
    )


def p_values(values: Sequence[str]) -> dict[str, float]:
    """The p-value of each test on the decoded bits of ids; empty where they can't be decoded or are too few."""
    rows = decoded_rows(values)
    bits = Bits.of_bytes(b"".join(rows))
    if bits.length < MIN_BITS or len(rows) < 20:
        return {}
    return {**{name: test(bits) for name, test in _TESTS}, "bit position": columns(rows)}


SOUND: Final = 112
"""Bits that must neither lean nor follow, of ids with 128 varying ones: by chance a few random ones seem to."""
_FAR: Final = 4.0
"""Standard deviations: one random column in 16,000 lies beyond."""


def bit_defect(values: Sequence[str]) -> Defect | None:
    """Whether the bits of ids, in the order of issue, lean to one side or fail a test in both halves of the sample.

    Bits that never change, or that a clock or a counter sets, are left out as long as enough others are sound: a
    version of a UUID or a time beside 128 random bits is no defect.
    """
    varying = _varying_columns(values)
    sound = [column for column in varying if _is_sound(column)]
    if len(varying) >= 128 > SOUND > len(sound):
        detail = (
            f"{len(varying) - len(sound)} of {len(varying)} bits lean to one side, or follow those of the id before"
        )
        return Defect("randomness", detail, FAMILY_ERROR, len(values))
    rows = ["".join(row) for row in zip(*sound, strict=True)]
    halves = [Bits.of("".join(rows[: len(rows) // 2])), Bits.of("".join(rows[len(rows) // 2 :]))]
    if min(half.length for half in halves) < MIN_BITS:
        return None
    for name, test in _TESTS:
        first, again = (test(half) for half in halves)
        if first < FAMILY_ERROR / len(_TESTS) and again < CONFIRM_ERROR:
            detail = f"the bits of the ids fail the {name} test, twice"
            return Defect("randomness", detail, first * len(_TESTS), len(values))
    return None


def tellable_bits(values: Sequence[str]) -> int:
    """How many bits of ids in a known encoding vary; 0 where `bit_defect` can say nothing."""
    columns_ = _varying_columns(values)
    return len(columns_) if len(columns_) * (len(values) // 2) >= MIN_BITS else 0


def _varying_columns(values: Sequence[str]) -> list[tuple[str, ...]]:
    rows = decoded_rows(values)
    if len(rows) < 40:
        return []
    width = 8 * len(rows[0])
    texts = [f"{int.from_bytes(row, 'big'):0{width}b}" for row in rows]
    return [column for column in zip(*texts, strict=True) if len(set(column)) > 1]


def _is_sound(column: Sequence[str]) -> bool:
    """Whether one bit is even over the sample, and free of the one in the id before."""
    n = len(column)
    ones, changes = column.count("1"), sum(a != b for a, b in pairwise(column))
    return abs(2 * ones - n) < _FAR * math.sqrt(n) and abs(2 * changes - (n - 1)) < _FAR * math.sqrt(n - 1)
