"""Nonces that a server gives for DPoP proofs (RFC 9449 section 8): whether they can be foreseen. No network."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from conformance.attacks.jwt import b64_decode

NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""What a nonce is made of (section 8.1)."""
SHORTEST_NONCE = 6
"""Characters; anything shorter is guessed."""
NEAR = 86400
"""Seconds by which a clock may be off."""
FEW, STEP = 7, 1000
"""More numbers than a few, each a little above the one before (others ask in between), are counted: random ones of
six digits look so once in 1e24."""


def foreseeable(nonces: Sequence[str], now: float) -> str:
    """What is wrong with a server's nonces, in the order in which they came; empty where nothing is."""
    odd = next((nonce for nonce in nonces if not NONCE.fullmatch(nonce)), None)
    if odd is not None:
        return "one has characters that a nonce must not have"
    for numbers in _readings(nonces):
        if any(all(abs(number / unit - now) < NEAR for number in numbers) for unit in (1, 1e3, 1e6, 1e9)):
            return "they are the server's time"
        steps = [later - earlier for earlier, later in itertools.pairwise(numbers)]
        if len(steps) > FEW and all(0 < step <= STEP for step in steps):
            return "they are counted"
    longest = max(map(len, nonces))
    return f"they have {longest} characters at the most" if longest < SHORTEST_NONCE else ""


def _readings(nonces: Sequence[str]) -> Iterator[list[int]]:
    """The nonces as numbers, in each notation in which all of them are numbers."""
    for read in (_decimal, _hexadecimal, _in_base64):
        numbers = [read(nonce) for nonce in nonces]
        if all(number is not None for number in numbers):
            yield [number for number in numbers if number is not None]


def _decimal(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _hexadecimal(text: str) -> int | None:
    return int(text, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,16}", text) else None


def _in_base64(text: str) -> int | None:
    try:
        return _decimal(b64_decode(text.rstrip("=")).decode("ascii"))
    except ValueError:
        return None
