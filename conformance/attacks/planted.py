"""Ids that a fixation attacker makes up."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

KINDS = (string.digits, "abcdef", string.ascii_lowercase, string.ascii_uppercase)


def same_shape(value: str, rng: random.Random) -> str:
    """Random text in which every letter and digit was redrawn within its kind: parsers find nothing wrong with it."""
    return "".join(next((rng.choice(kind) for kind in KINDS if c in kind), c) for c in value)


def invented_ids(genuine: str, rng: random.Random) -> Iterator[str]:
    """Ids that nobody issued: of the genuine shape first, then what a careless attacker would type."""
    yield same_shape(genuine, rng)
    yield "pickproof" + "".join(rng.choices(string.ascii_lowercase + string.digits, k=23))
    yield "".join(rng.choices("0123456789abcdef", k=32))
