"""Known account data inside a value: the kit knows the account, so it searches for facts and not for patterns.

Sources: NIST SP 800-63B 5.1.1 (7), WSTG-SESS-01, ASVS-v5.0.0-14.1.1. A short user name does occur in random text, so
each find is weighed: it counts where it fills a field of a readable structure, or where random text of the same
alphabet would hold it at that place with a chance below `CHANCE`.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from conformance.attacks.layers import SERIALISED, Layer, Number, layers

CHANCE: Final = 1e-6
"""Chance, for each value and fact, below which a find in random text is taken as no accident."""

_RUN = re.compile(r"[A-Za-z0-9+/_=-]+")
_NUMERIC_OWNER = re.compile(r"(^|_)(sub|id|uid|user|userid|account|accountid|owner|login|phone|ip)$")
_ROLE_OWNER = re.compile(r"role|group|perm|priv|auth|scope|scp|admin|type|level|rights|grant", re.IGNORECASE)
_PROTOCOL_MEMBERS: Final = frozenset({"alg", "typ", "cty", "enc", "zip", "kid", "iss", "token_type", "kind", "use"})
"""Members whose values are words of the protocol, which a user name such as `access` may equal."""
_HASHES: Final = ("md5", "sha1", "sha256", "sha512")
_KEPT_IN_URLS: Final = frozenset({"password", "email"})
"""Other facts, such as an address, may be part of the issuer's own URL."""
_NEVER_HASHED: Final = frozenset({"role"})


@dataclass(frozen=True, slots=True)
class Leak:
    """Something in a value that it should not tell."""

    kind: str
    """What leaked: the name of the fact, ``sha256(password)``, or the name of the detector."""
    where: str
    """The steps that lead to it, such as ``base64 > json > /user``."""
    masked: str
    """Enough to recognise it, never the whole."""


@dataclass(frozen=True, slots=True)
class _Fact:
    name: str
    text: str = field(repr=False)


def mask(text: str) -> str:
    """First character and length; nothing but the length for short texts."""
    return f"{text[:1] if len(text) > 3 else ''}… ({len(text)} characters)"


def find_account_data(value: str, facts: Mapping[str, str], chance: float = CHANCE) -> list[Leak]:
    """Find facts of a known account in every reading of a value; never raises.

    `facts` maps names (``user``, ``email``, ``password``, ``role``, ``sub``, ``id``, ``ip`` and others) to what the
    kit knows. Facts of one character are ignored, and so are short numbers outside JSON members that name an owner.
    Unkeyed hashes of the facts are found too, whole or cut to 8 bytes or more. One leak for each fact and kind.
    """
    known = [_Fact(name, text) for name, text in facts.items() if len(text) >= 1]
    found: dict[str, tuple[int, Leak]] = {}
    for layer in layers(value):
        for kind, text in _finds(layer, known, chance):
            leak = Leak(kind, layer.where, mask(text))
            rank = (layer.member is None) + layer.container
            if kind not in found or rank < found[kind][0]:
                found[kind] = (rank, leak)
    return [leak for _, leak in found.values()]


def _finds(layer: Layer, facts: list[_Fact], chance: float) -> Iterator[tuple[str, str]]:
    for fact in facts:
        if not layer.container and _holds(layer, fact, chance):
            yield fact.name, fact.text
        if fact.name not in _NEVER_HASHED:
            yield from ((f"{name}({fact.name})", fact.text) for name in _hashes_in(layer, fact.text))


def _holds(layer: Layer, fact: _Fact, chance: float) -> bool:
    if isinstance(layer.data, bytes):
        return len(fact.text) > 1 and _bytes_chance(layer.data, fact.text) < chance
    if layer.member is not None and layer.data.casefold() == fact.text.casefold():
        return _member_tells(layer, fact)
    if len(fact.text) < 2 or (fact.text.isdigit() and len(fact.text) < 6) or isinstance(layer.data, Number):
        return False
    if fact.name == "role":
        return _states_role(layer.data, fact.text)
    if "://" in layer.data and fact.name not in _KEPT_IN_URLS:
        return False
    return any(_text_chances_below(layer, fact.text, chance))


def _member_tells(layer: Layer, fact: _Fact) -> bool:
    """Whether a JSON member that equals a fact says so: short numbers and role names are common words."""
    name = (layer.member or "").lower()
    if name in _PROTOCOL_MEMBERS:
        return False
    if fact.name == "role":
        return bool(_ROLE_OWNER.search(layer.path[-1]))
    if fact.text.isdigit() and len(fact.text) < 6:
        return bool(_NUMERIC_OWNER.search(re.sub(r"[^a-z]+", "_", name)))
    return len(fact.text) > 1 and isinstance(layer.data, Number) <= fact.text.isdigit()


def _states_role(text: str, role: str) -> bool:
    return bool(
        re.search(rf"(?i)(role|group|scope|perm|is)[a-z_]{{0,8}}\W{{1,8}}{re.escape(role)}(?![A-Za-z0-9])", text)
    )


def _bytes_chance(data: bytes, text: str) -> float:
    """Bound on the chance that random bytes hold the text, as UTF-8 or UTF-16, given how readable they are."""
    needles = [text.encode(errors="replace"), text.encode("utf-16-le", errors="replace")]
    shortest = min((len(needle) for needle in needles if needle in data), default=None)
    if shortest is None:
        return 1.0
    length = min(shortest, 100)
    luck = len(data) * 256.0**-length * (256.0**-3 if data.startswith(SERIALISED) else 1.0)
    return min(luck, _readable_by_luck(data) * len(data) * 96.0**-length)


def _readable_by_luck(data: bytes) -> float:
    """Chernoff bound on the chance that random bytes are printable ASCII to the share that these are."""
    share = sum(0x20 <= byte < 0x7F for byte in data) / len(data)
    expected = 95 / 256
    if share <= expected:
        return 1.0
    excess = share * math.log(share / expected)
    excess += (1 - share) * math.log((1 - share) / (1 - expected)) if share < 1 else 0.0
    return math.exp(-min(len(data) * excess, 700))


def _text_chances_below(layer: Layer, fact: str, chance: float) -> Iterator[bool]:
    """For each place of the fact in a text: whether it is a field of a structure, or too long for luck."""
    text = layer.data
    if not isinstance(text, str):
        return
    position = text.casefold().find(fact.casefold())
    for _ in range(100):
        if position < 0 or position + len(fact) > len(text):
            return
        yield _is_field(text, position, len(fact), layer) or _luck(text, position, fact) * layer.chance < chance
        position = text.casefold().find(fact.casefold(), position + 1)


def _is_field(text: str, start: int, length: int, layer: Layer) -> bool:
    """Whether the place is bounded by delimiters that random base64 lacks, in a text that is mostly words."""
    end = start + length
    fenced = (start == 0 or not _RUN.match(text[start - 1])) and (end == len(text) or not _RUN.match(text[end]))
    delimiters = len(_RUN.sub("", text))
    if not fenced or length < 2 or delimiters > max(2, len(text) // 4):
        return False
    if delimiters > 0 and (length > 2 or _sole_short_field(text)):
        return True
    # The whole of a segment: its neighbours stand outside, in the value that was split.
    return delimiters == 0 and length > 2 and bool(layer.path) and layer.path[-1][0] in "-.|:!"


def _sole_short_field(text: str) -> bool:
    """Rules out colon-separated hex and the like, where any pair of letters turns up."""
    return sum(len(run) <= 2 for run in _RUN.findall(text)) == 1


def _luck(text: str, start: int, fact: str) -> float:
    """Bound on the chance that random text of this alphabet holds the fact at such a place."""
    end = start + len(fact)
    size = _alphabet_size(text)
    exact = text[start:end] == fact
    ways = 1.0 if exact else 2.0 ** sum(letter.isalpha() for letter in fact)
    luck = ways * float(size) ** -min(len(fact), 100)
    before, after = text[start - 1 : start], text[end : end + 1]
    fences = sum(2 / size for edge in (before, after) if edge and edge in "-_+/.")
    if before in ("", *"-_+/.") and after in ("", *"-_+/."):
        inner = bool(before) + bool(after)
        luck *= (2 / size) ** inner if fences else 1.0
        return luck * (len(text) if inner == 2 else 2)
    return luck * len(text)


def _alphabet_size(text: str) -> int:
    if re.fullmatch(r"\d+", text):
        return 10
    if re.fullmatch(r"[0-9a-fA-F-]+", text):
        return 16
    if re.fullmatch(r"[0-9a-z]+|[0-9A-Z]+", text):
        return 36
    return 64


def _hashes_in(layer: Layer, fact: str) -> Iterator[str]:
    data = layer.data
    for name, digest in _digests(fact):
        if isinstance(data, bytes):
            # Eight bytes of agreement are a chance of 2**-64.
            if digest in data or (8 <= len(data) < len(digest) and digest.startswith(data)):
                yield name
        elif digest.hex() in data.lower():
            yield name


@functools.lru_cache(256)
def _digests(fact: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (name, hashlib.new(name, text.encode(errors="replace"), usedforsecurity=False).digest())
        for text in sorted({fact, fact.lower()})
        for name in _HASHES
    )
