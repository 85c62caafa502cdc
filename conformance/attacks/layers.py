"""Every plausible reading of an opaque value: encodings peeled off, containers opened, all of it bounded.

A target chooses the value, so nothing here raises, recurses or grows without limit on hostile input.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from conformance.bounded_json import loads

MAX_LAYERS: Final = 500
MAX_BYTES: Final = 256 * 1024
"""Bound on the value read, and again on all that is derived from it."""
SEPARATORS: Final = ("--", ".", "|", ":", "!")
MAX_SEGMENTS: Final = 32
SERIALISED: Final = (
    b"\x80\x02}", b"\x80\x03}", b"\x80\x04\x95", b"\x80\x05\x95", b"\xac\xed\x00\x05sr", b"\x04\x08{", b"\x04\x08o:",
)  # fmt: skip
"""How pickles, Java objects and Ruby's Marshal begin."""

_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){4,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{4,}={0,2}|[A-Za-z0-9_-]{4,}={0,2}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_OCTAL = re.compile(r"\\([0-3][0-7]{2}|.)", re.DOTALL)
_PRINTABLE = re.compile(r"[\x20-\x7e\t\r\n\x80-\U0010ffff]*")
_PRINTABLE_BYTE: Final = 0.46
"""Bound, for each byte, on the chance that random bytes are printable UTF-8.

98 of 256 bytes are printable ASCII, tab or line end; sequences of two and three bytes add the rest: the largest root
of x**3 = 0.383 x**2 + 0.029 x + 0.004 is 0.46.
"""


class Number(str):
    """A JSON number, boolean or null, kept as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One reading of a value, or of a part of it."""

    path: tuple[str, ...]
    """The steps that lead here, such as ``("base64", "json", "/user")``; empty for the value itself."""
    data: bytes | str = field(repr=False)
    """Text where the bytes are printable UTF-8, else bytes."""
    depth: int = 0
    """How many encodings were peeled off; splitting a value costs nothing."""
    chance: float = 1.0
    """Bound on the chance that decoding random bytes gives printable text like this."""
    container: bool = False
    """It is JSON text whose members are layers of their own."""

    @property
    def member(self) -> str | None:
        """The name of the JSON member that holds it, or None outside JSON."""
        if not self.path or not self.path[-1].startswith("/"):
            return None
        names = [part for part in self.path[-1].split("/")[1:] if not part.isdigit()]
        return names[-1].replace("~1", "/").replace("~0", "~") if names else ""

    @property
    def where(self) -> str:
        """The path for a report, such as ``base64 > json > /user``, or ``value``."""
        return " > ".join(self.path) or "value"


def layers(value: str | bytes, depth: int = 4) -> Iterator[Layer]:
    """Yield the value and each plausible reading of it, shallow ones first; never raises.

    At most `depth` encodings deep, `MAX_LAYERS` readings, and `MAX_BYTES` of the value and of what follows from it.
    """
    queue = deque([_layer((), value[:MAX_BYTES], 0)])
    seen: set[bytes | str] = set()
    budget = MAX_BYTES
    count = 0
    while queue and count < MAX_LAYERS:
        layer = queue.popleft()
        if layer.data in seen and layer.member is None:
            continue
        seen.add(layer.data)
        members = [] if isinstance(layer.data, Number) else list(_json(layer, depth))
        count += 1
        yield layer if not members else Layer(layer.path, layer.data, layer.depth, layer.chance, True)
        for child in members or _readings(layer, depth):
            budget -= len(child.data) + 1
            if budget < 0 or len(queue) >= MAX_LAYERS:
                break
            queue.append(child)


def _layer(path: tuple[str, ...], data: str | bytes, depth: int, chance: float = 1.0) -> Layer:
    """A layer whose bytes became text where they are printable."""
    if isinstance(data, bytes):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return Layer(path, data, depth)
        if not text or not _PRINTABLE.fullmatch(text):
            return Layer(path, data, depth)
        return Layer(path, text, depth, chance * _PRINTABLE_BYTE ** min(len(data), 700))
    return Layer(path, data, depth, chance)


def _readings(layer: Layer, depth: int) -> Iterator[Layer]:
    if isinstance(layer.data, Number):
        return
    if isinstance(layer.data, str):
        yield from _split(layer, layer.data)
        decoded = _decoded_text(layer.data)
    else:
        decoded = _inflated(layer.data)
    if layer.depth < depth:
        for step, data in decoded:
            chance = layer.chance if step in {"percent", "quoted"} else 1.0
            yield _layer((*layer.path, step), data, layer.depth + 1, chance)


def _split(layer: Layer, text: str) -> Iterator[Layer]:
    if "://" in text:
        return
    for separator in SEPARATORS:
        parts = text.split(separator, MAX_SEGMENTS)
        if len(parts) == 1:
            continue
        for index, part in enumerate(parts):
            if part:
                yield Layer((*layer.path, f"{separator}{index}"), part, layer.depth, layer.chance)


def _decoded_text(text: str) -> Iterator[tuple[str, bytes | str]]:
    if len(text) > 1 and text[0] == text[-1] == '"':
        yield "quoted", _OCTAL.sub(_unescape, text[1:-1])
    if _PERCENT.search(text):
        yield "percent", unquote_to_bytes(text)
    if _HEX.fullmatch(text):
        yield "hex", bytes.fromhex(text)
    if _BASE64.fullmatch(text) and (data := from_base64(text)):
        yield ("base64url" if "-" in text or "_" in text else "base64"), data


def _unescape(found: re.Match[str]) -> str:
    piece = found[1]
    return chr(int(piece, 8)) if len(piece) == 3 else piece


def from_base64(text: str) -> bytes | None:
    """The bytes of base64 or base64url text, with or without padding, or None."""
    stripped = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _inflated(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:2] == b"\x1f\x8b":
        yield from _inflate("gzip", data, 31)
    elif len(data) > 5 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0:
        yield from _inflate("zlib", data, 15)


def _inflate(step: str, data: bytes, window: int) -> Iterator[tuple[str, bytes]]:
    """Decompress a prefix of bounded size: a bomb costs what its bound costs."""
    try:
        plain = zlib.decompressobj(window).decompress(data, MAX_BYTES // 4)
    except zlib.error:
        return
    if plain:
        yield step, plain


def _json(layer: Layer, depth: int) -> Iterator[Layer]:
    text = layer.data
    if not isinstance(text, str) or layer.depth >= depth or not text.lstrip().startswith(("{", "[")):
        return
    try:
        # Numbers stay text: a digit bomb costs nothing, and an account number keeps its digits.
        document = loads(text, object_pairs_hook=_Members, parse_int=Number, parse_float=Number, parse_constant=Number)
    except ValueError:
        return
    for pointer, leaf in _leaves(document):
        yield Layer((*layer.path, "json", pointer), leaf, layer.depth + 1)


class _Members(list[tuple[str, Any]]):
    """The members of an object, those of equal name included."""


def _leaves(document: Any) -> Iterator[tuple[str, str]]:
    queue: deque[tuple[str, Any]] = deque([("", document)])
    for _ in range(4 * MAX_LAYERS):
        if not queue:
            return
        pointer, node = queue.popleft()
        if isinstance(node, _Members):
            queue.extend((f"{pointer}/{_escaped(k)}", v) for k, v in node[:MAX_LAYERS])
        elif isinstance(node, list):
            queue.extend((f"{pointer}/{i}", v) for i, v in enumerate(node[:MAX_LAYERS]))
        elif isinstance(node, str):
            yield pointer or "/", node
        else:
            yield pointer or "/", Number(json.dumps(node))


def _escaped(name: str) -> str:
    return name[:64].replace("~", "~0").replace("/", "~1")
