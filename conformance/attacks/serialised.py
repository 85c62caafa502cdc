"""Serialised objects in place of a session id. All of them are harmless: a table of one word, or a broken function.

Whoever rebuilds objects from what a client sends treats such a value unlike the same bytes in another order. Nothing
here names a class, calls anything or does anything when it is read.
"""

from __future__ import annotations

import base64
import binascii
import pickle
import pickletools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from conformance.attacks.layers import SERIALISED, layers

MARK, NO_MARK = b"_$$ND_FUNC$$_", b"_$$NX_FUNK$$_"
"""What node-serialize reads as a function, and what it does not."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One serialised object, and how it is written into a cookie."""

    label: str
    data: bytes
    write: Callable[[bytes], str]

    @property
    def value(self) -> str:
        """The object as the value of a cookie."""
        return self.write(self.data)

    def damaged(self, rng: random.Random) -> str:
        """The same bytes in another order, which no reader takes for the object, written with the same signs."""
        if MARK in self.data:
            return self.write(self.data.replace(MARK, NO_MARK))
        mixed = list(self.data)
        while mixed[0] == self.data[0] or _signs(self.write(bytes(mixed))) != _signs(self.value):
            rng.shuffle(mixed)
        return self.write(bytes(mixed))


def _signs(text: str) -> set[str]:
    # A server that stumbles over a slash or a plus must not seem to tell objects apart.
    return set(re.findall(r"\W", text))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _percent(data: bytes) -> str:
    return quote(data, safe="")


_PHP = b'a:1:{s:9:"pickproof";i:1;}'
_FUNCTION = b'{"pickproof":"' + MARK + b'function(){"}'
"""The function has no end: a reader that compiles it fails, and none can run it."""
SHAPES: tuple[Shape, ...] = (
    Shape("a pickle", pickle.dumps({"pickproof": 1}, 4), _base64),
    Shape("a pickle of protocol 2", pickle.dumps({"pickproof": 1}, 2), _base64),
    Shape("a pickle of protocol 0", pickle.dumps({"pickproof": 1}, 0), _base64),
    Shape("a PHP array", _PHP, _percent),
    Shape("a PHP array in base64", _PHP, _base64),
    Shape("a Java object", b"\xac\xed\x00\x05t\x00\x09pickproof", _base64),
    Shape("a Ruby object", b'\x04\x08{\x06I"\x0epickproof\x06:\x06ETi\x06', _base64),
    Shape("a function of node-serialize", _FUNCTION, _percent),
    Shape("a function of node-serialize in base64", _FUNCTION, _base64),
)


def same_object(value: str) -> str | None:
    """Another spelling of the serialised object that a value is, by a mark that its reader skips, or None.

    A pickle gets an instruction that pushes nothing and takes it away, a Java stream a reset, PHP another letter for
    text. What signs its bytes does not take them; what reads them gets the same object.
    """
    raw = unquote_to_bytes(value.strip('"'))
    if found := _respelled(raw):
        return _percent(found)
    for decode, encode in ((_from(b"+/"), _to(b"+/")), (_from(b"-_"), _to(b"-_"))):
        data = decode(raw)
        found = _respelled(data) if data else None
        if found:
            return encode(found)
    return None


def is_serialised(value: str) -> bool:
    """Whether some reading of a value is a pickle, a Java object or Ruby's Marshal, signed or not."""
    return any(isinstance(layer.data, bytes) and layer.data.startswith(SERIALISED) for layer in layers(value))


def _respelled(data: bytes) -> bytes | None:
    if data.startswith(b"\xac\xed\x00\x05"):
        return data[:4] + b"\x79" + data[4:]
    if re.match(rb'[aO]:\d+:[{"]', data) and (text := re.search(rb's:\d+:"', data)):
        return data[: text.start()] + b"S" + data[text.start() + 1 :]
    if _is_pickle(data):
        start = 2 if data[:1] == b"\x80" else 0
        return data[:start] + b"N0" + data[start:]
    return None


def _is_pickle(data: bytes) -> bool:
    if len(data) < 8 or not data.endswith(b"."):
        return False
    try:
        # Instructions are listed, never obeyed; pickletools promises no kind of error.
        return len(list(pickletools.genops(data))) > 2
    except Exception:
        return False


def _from(alphabet: bytes) -> Callable[[bytes], bytes | None]:
    def decode(raw: bytes) -> bytes | None:
        try:
            return base64.b64decode(raw + b"=" * (-len(raw) % 4), alphabet, validate=True)
        except (binascii.Error, ValueError):
            return None

    return decode


def _to(alphabet: bytes) -> Callable[[bytes], str]:
    return lambda data: base64.b64encode(data, alphabet).decode()
