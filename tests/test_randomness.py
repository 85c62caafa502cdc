"""Statistics against the worked examples of NIST SP 800-22 rev. 1a, and against generators good and bad."""

from __future__ import annotations

import base64
import math
import random
import string
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.attacks.randomness import (
    Bits,
    bit_defect,
    columns,
    decoded_rows,
    igamc,
    longest_run,
    monobit,
    poker,
    poker_statistic,
    randomness_defect,
    runs,
    serial,
    tellable_bits,
)
from conformance.attacks.timing import timing_difference

PI_100 = Bits.of(
    "11001001000011111101101010100010001000010110100011 00001000110100110001001100011001100010100010111000"
)
LONGEST_128 = Bits.of(
    "11001100000101010110110001001100111000000000001001001101010100010001001111010110"
    "100000001101011111001100111001101101100010110010"
)


def test_monobit_gives_the_published_values() -> None:
    assert monobit(Bits.of("1011010101")) == pytest.approx(0.527089, abs=1e-6)
    assert monobit(PI_100) == pytest.approx(0.109599, abs=1e-6)


def test_runs_gives_the_published_values() -> None:
    assert runs(Bits.of("1001101011")) == pytest.approx(0.147232, abs=1e-6)
    assert runs(PI_100) == pytest.approx(0.500798, abs=1e-6)


def test_longest_run_gives_the_published_value() -> None:
    assert longest_run(LONGEST_128) == pytest.approx(0.180609, abs=2e-4)


def test_serial_gives_the_published_values() -> None:
    first, second = serial(Bits.of("0011011101"), 3)
    assert first == pytest.approx(0.808792, abs=1e-6)
    assert second == pytest.approx(0.670320, abs=1e-6)


@pytest.mark.parametrize("x", [0.01, 0.5, 1.0, 3.0, 20.0, 200.0])
def test_igamc_agrees_with_closed_forms(x: float) -> None:
    assert igamc(1.0, x) == pytest.approx(math.exp(-x), rel=1e-9)
    assert igamc(0.5, x) == pytest.approx(math.erfc(math.sqrt(x)), rel=1e-9)
    assert igamc(3.0, x) == pytest.approx(math.exp(-x) * (1 + x + x * x / 2), rel=1e-9)


def test_poker_stays_within_the_fips_limits_for_good_bits_and_leaves_them_for_bad() -> None:
    good = random.Random(1).randbytes(2500)
    assert 2.16 < poker_statistic(good.hex()) < 46.17
    assert poker(Bits.of_bytes(good)) > 1e-4
    assert poker(Bits.of_bytes(b"\x12\x34" * 1250)) < 1e-12


@pytest.mark.parametrize("seed", range(20))
def test_good_generators_show_no_defect(seed: int) -> None:
    source = random.Random(seed)
    for size in (16, 24, 32):
        raw = [source.randbytes(size) for _ in range(400)]
        assert randomness_defect([row.hex() for row in raw]) is None
        assert randomness_defect([base64.urlsafe_b64encode(row).decode().rstrip("=") for row in raw]) is None


@pytest.mark.parametrize(
    "blob",
    [
        lambda r: bytes(r.choice(b"0123456789abcdef") for _ in range(24)),
        lambda r: bytes(r.getrandbits(8) | r.getrandbits(8) & 1 for _ in range(24)),
        lambda r: bytes(b for _ in range(12) for b in [r.getrandbits(8)] * 2),
        lambda r: bytes(r.randrange(200) for _ in range(24)),
    ],
)
def test_bad_generators_are_refuted_twice(blob: object) -> None:
    assert callable(blob)
    source = random.Random(7)
    first, second = ([blob(source).hex() for _ in range(400)] for _ in range(2))
    defect = randomness_defect(first, second)
    assert defect
    assert defect.chance < 1e-6


def test_a_fresh_good_sample_acquits() -> None:
    source = random.Random(7)
    bad = [bytes(source.randrange(200) for _ in range(24)).hex() for _ in range(400)]
    good = [source.randbytes(24).hex() for _ in range(400)]
    assert randomness_defect(bad, good) is None


def test_base62_is_left_out_since_its_digits_are_no_bits() -> None:
    assert decoded_rows(["abcXYZ019" * 3]) == []


@pytest.mark.parametrize("length", [16, 32])
def test_base64_shows_by_its_ends_where_leaning_bits_hide_its_own_signs(length: int) -> None:
    source = random.Random(length)
    leaning = [bytes(a & b & c for a, b, c in zip(*(source.randbytes(length) for _ in range(3)), strict=True))
               for _ in range(60)]  # fmt: skip
    ids = [base64.urlsafe_b64encode(row).rstrip(b"=").decode() for row in leaning]
    assert not {"-", "_"} <= set("".join(ids))
    assert decoded_rows(ids) == leaning


@pytest.mark.parametrize("alphabet", [string.ascii_letters + string.digits, string.ascii_letters + string.digits + "-"])
@pytest.mark.parametrize("length", [22, 43])
def test_other_alphabets_do_not_end_like_base64(alphabet: str, length: int) -> None:
    source = random.Random(length)
    assert decoded_rows(["".join(source.choices(alphabet, k=length)) for _ in range(60)]) == []


def test_base32_of_such_a_length_is_no_base64() -> None:
    source = random.Random(4)
    assert decoded_rows([base64.b32encode(source.randbytes(24)).rstrip(b"=").decode() for _ in range(60)]) == []


def test_a_biased_bit_position_is_found() -> None:
    source = random.Random(3)
    assert columns([source.randbytes(16) for _ in range(300)]) > 1e-4
    assert columns([bytes([source.getrandbits(8) & 0x7F]) + source.randbytes(15) for _ in range(300)]) < 1e-6


def test_a_real_difference_is_decided_and_repeats() -> None:
    source = random.Random(5)
    pairs = [(0.050 + source.gauss(0, 0.01), 0.010 + source.gauss(0, 0.01)) for _ in range(30)]
    first = timing_difference(pairs, rng=random.Random(1))
    assert first.decided
    assert first.effect == pytest.approx(0.04, abs=0.01)
    assert first == timing_difference(pairs, rng=random.Random(1))


def test_differences_below_the_floor_are_not_decided() -> None:
    source = random.Random(5)
    pairs = [(0.1005 + source.gauss(0, 1e-5), 0.1) for _ in range(40)]
    assert not timing_difference(pairs, rng=random.Random(1)).decided
    assert not timing_difference([(0.102, 0.1)] * 40, rng=random.Random(1)).decided
    assert not timing_difference([(0.5, 0.1)] * 17, rng=random.Random(1)).decided
    assert not timing_difference([], rng=random.Random(1)).decided


@pytest.mark.parametrize("seed", range(25))
def test_noise_alone_is_never_decided(seed: int) -> None:
    source = random.Random(seed)
    pairs = [(0.001 + source.expovariate(100), 0.001 + source.expovariate(100)) for _ in range(30)]
    assert not timing_difference(pairs, rng=source).decided


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=30))
def test_nothing_raises(values: list[str]) -> None:
    decoded_rows(values)
    randomness_defect(values, values)


@settings(max_examples=60, deadline=None)
@given(st.text("01", max_size=300))
def test_p_values_are_chances(text: str) -> None:
    bits = Bits.of(text)
    for p in (monobit(bits), runs(bits), longest_run(bits), poker(bits), *serial(bits)):
        assert 0 <= p <= 1 + 1e-9


GOOD = {
    "hex": lambda source, _: source.randbytes(16).hex(),
    "two version 4 UUIDs": lambda source, _: "".join(
        uuid.UUID(bytes=source.randbytes(16), version=4).hex for _ in range(2)
    ),
    "a counter beside 128 bits": lambda source, at: f"{at:08x}{source.randbytes(16).hex()}",
    "base64url": lambda source, _: base64.urlsafe_b64encode(source.randbytes(32)).rstrip(b"=").decode(),
    "groups with dashes": lambda source, _: f"{source.randbytes(4).hex()}-{source.randbytes(14).hex()}",
}


@pytest.mark.parametrize("name", GOOD)
def test_bits_of_sound_ids_are_no_defect(name: str) -> None:
    for seed in range(4):
        source = random.Random(seed)
        assert bit_defect([GOOD[name](source, at) for at in range(200)]) is None


@pytest.mark.parametrize("chance", [0.25, 0.4])
def test_bits_that_lean_are_a_defect(chance: float) -> None:
    source = random.Random(11)
    ids = [sum((source.random() < chance) << bit for bit in range(256)).to_bytes(32, "big").hex() for _ in range(200)]
    assert bit_defect(ids)


def test_too_few_bits_say_nothing() -> None:
    assert tellable_bits([f"{at:08x}" for at in range(30)]) == 0
    assert bit_defect([f"{at:08x}" for at in range(30)]) is None
