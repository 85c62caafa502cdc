"""Ids that an outsider can compute: from a counter, the account, the time, or the id before.

WSTG-SESS-01, CWE-330 and CWE-340. The dictionary is bounded by a number of hashes, never by a stop-watch, so that the
same ids always give the same verdict. Eight bytes must agree: a chance of 2**-64 for each guess and id.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from conformance.attacks.layers import Layer, layers
from conformance.attacks.sequences import Defect

BUDGET: Final = 900_000
"""Hashes tried at most, about a second and a half."""
COUNTERS: Final = 100_000
_SEPARATORS: Final = ("", ":", "-", "_", ".", "|")
_NEAR_SECONDS: Final = 2
_MIN_AGREEMENT: Final = 8
_MILLISECOND_SAMPLES: Final = 2
_PART = re.compile(r"(--|[.|:!])\d+|(/).*", re.DOTALL)
"""Steps of a path that lead to a part: of delimited text, or a JSON member."""

_Hash = Callable[[bytes], bytes]


def _plain_hash(name: str) -> _Hash:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).digest()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


_FAST: Final[tuple[tuple[str, _Hash], ...]] = (("md5", _md5), ("sha1", _sha1), ("sha256", _sha256))


def _keyless(name: str) -> _Hash:
    return lambda data: hmac.digest(b"", data, name)


_KEYLESS: Final[tuple[tuple[str, _Hash], ...]] = tuple(
    (f"hmac-{name} with an empty key", _keyless(name)) for name in ("md5", "sha1", "sha256", "sha512")
)
_ALL: Final = (*_FAST, ("sha384", _plain_hash("sha384")), ("sha512", _plain_hash("sha512")), *_KEYLESS)


@dataclass(frozen=True, slots=True)
class _Targets:
    """What the ids decode to, keyed for one look-up per guess."""

    heads: Mapping[bytes, bytes] = field(repr=False)
    """First eight bytes of each binary reading, to the reading."""
    texts: frozenset[str] = field(repr=False)
    samples: int

    def hit(self, digest: bytes) -> bool:
        """Whether some reading is this digest, whole or cut."""
        data = self.heads.get(digest[:_MIN_AGREEMENT])
        return data is not None and digest.startswith(data)


def reproduce(
    values: Sequence[str],
    facts: Mapping[str, str],
    issue_times: Sequence[float] = (),
    *,
    budget: int = BUDGET,
) -> Defect | None:
    """Find a rule by which an outsider computes one of the ids; None when the bounded dictionary holds none.

    `values` in order of issue, `facts` as in `find_account_data`, `issue_times` in seconds since the epoch, at most
    `budget` hashes. The detail names the rule, never the id. Microseconds and salts are out of its reach.
    """
    times = sorted(set(issue_times))
    targets = _targets(values, frozenset(text.lower() for _, text in _few_guesses(facts, times)))
    for detail, found in (
        _written_plainly(targets, facts, times),
        _chained(values, targets),
        _hashed(targets, _few_guesses(facts, times), _ALL, budget // 10),
        _hashed(targets, _many_guesses(facts, times), _FAST, budget),
    ):
        if found:
            return Defect("reproduced", detail, budget * max(1, len(values)) * 2.0**-64, len(values))
    return None


def _targets(values: Sequence[str], plain: frozenset[str]) -> _Targets:
    heads: dict[bytes, bytes] = {}
    texts: set[str] = set()
    for value in values:
        for layer in _decisive(value, plain):
            data = layer.data if isinstance(layer.data, bytes) else layer.data.encode(errors="replace")
            if layer.depth and len(data) >= _MIN_AGREEMENT:
                heads[data[:_MIN_AGREEMENT]] = data
            if isinstance(layer.data, str):
                texts.add(layer.data.lower())
    return _Targets(heads, frozenset(texts), len(values))


def _decisive(value: str | bytes, plain: frozenset[str], splits: int = 2) -> Iterator[Layer]:
    """Readings of the whole value, and of its one part that is not told plainly: who computes that computes it all.

    Where two parts or more are unexplained, one of them may be a signature over the other.
    """
    groups: dict[tuple[str, ...], list[Layer]] = defaultdict(list)
    for layer in islice(layers(value, 2), 30):
        at = next((i for i, step in enumerate(layer.path) if _PART.fullmatch(step)), None)
        if at is None:
            yield layer
        elif at == len(layer.path) - 1:
            groups[*layer.path[:at], _PART.sub(r"\1\2", layer.path[at])].append(layer)
    for parts in groups.values():
        dark = [part for part in parts if len(part.data) >= _MIN_AGREEMENT and str(part.data).lower() not in plain]
        if not dark:
            yield from parts
        elif len(dark) == 1 and splits:
            yield from _decisive(dark[0].data, plain, splits - 1)


def _written_plainly(targets: _Targets, facts: Mapping[str, str], times: Sequence[float]) -> tuple[str, bool]:
    """The id, decoded, is the guess itself; short guesses must be everything that the value says."""
    for rule, text in _few_guesses(facts, times):
        if len(text) >= 3 and text.lower() in targets.texts:
            return f"the id is {rule}, encoded at most", True
    return "", False


def _chained(values: Sequence[str], targets: _Targets) -> tuple[str, bool]:
    for before, _ in pairwise(values):
        forms = {before.encode(errors="replace")}
        forms |= {layer.data for layer in islice(layers(before, 1), 8) if isinstance(layer.data, bytes)}
        for name, function in _ALL:
            if any(targets.hit(function(form)) for form in forms):
                return f"the id is {name} of the one before", True
    return "", False


def _hashed(
    targets: _Targets,
    guesses: Iterator[tuple[str, str]],
    functions: Sequence[tuple[str, _Hash]],
    budget: int,
) -> tuple[str, bool]:
    if not targets.heads:
        return "", False
    heads = targets.heads
    # A digest shorter than every reading can be none of them; a length that few ids show is an accident of decoding.
    lengths = Counter(len(data) for data in heads.values())
    shortest = min(length for length, count in lengths.items() if count * 10 >= max(lengths.values()))
    apt = [(name, function) for name, function in functions if len(function(b"")) >= shortest]
    for rule, text in islice(guesses, budget // len(functions)):
        data = text.encode(errors="replace")
        for name, function in apt:
            digest = function(data)
            if digest[:_MIN_AGREEMENT] in heads and targets.hit(digest):
                return f"the id is {name} of {rule}", True
    return "", False


def _few_guesses(facts: Mapping[str, str], times: Sequence[float]) -> Iterator[tuple[str, str]]:
    """Facts, pairs of facts, and facts with the second of issue."""
    named = [(name, text) for name, text in facts.items() if text and name != "role"]
    yield from named
    yield from ((name, text.lower()) for name, text in named)
    seconds = _near_seconds(times[:20])
    yield from (("the second of issue", str(second)) for second in seconds)
    for name, text in named:
        for other, more in named:
            if name != other:
                yield from ((f"{name} and {other}", text + separator + more) for separator in _SEPARATORS)
        yield from _joined(name, text, "the second of issue", seconds)
    yield from (("a counter", str(count)) for count in range(1000))


def _many_guesses(facts: Mapping[str, str], times: Sequence[float]) -> Iterator[tuple[str, str]]:
    """Counters, then the millisecond of issue alone and with each name."""
    yield from (("a counter", str(count)) for count in range(COUNTERS + 1))
    milliseconds = [
        ms for time in times[:_MILLISECOND_SAMPLES] for ms in range(int((time - 2) * 1e3), int((time + 2) * 1e3) + 1)
    ]
    yield from (("the millisecond of issue", str(ms)) for ms in milliseconds)
    for name in ("user", "email", "sub", "id"):
        if text := facts.get(name):
            yield from (
                (f"{name} and a counter", text + separator + str(i)) for separator in _SEPARATORS for i in range(200)
            )
            yield from _joined(name, text, "the millisecond of issue", milliseconds)


def _joined(name: str, text: str, what: str, numbers: Sequence[int]) -> Iterator[tuple[str, str]]:
    for separator in _SEPARATORS:
        for number in numbers:
            yield f"{name} and {what}", f"{text}{separator}{number}"
            yield f"{what} and {name}", f"{number}{separator}{text}"


def _near_seconds(times: Sequence[float]) -> list[int]:
    near = {int(time) + step for time in times for step in range(-_NEAR_SECONDS, _NEAR_SECONDS + 1)}
    return sorted(near)
