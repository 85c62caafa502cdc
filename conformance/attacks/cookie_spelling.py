"""Other ways to write the name or the value of a session cookie, as tables."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

Spelling = tuple[str, Callable[[str], str]]
"""What it is, and how a name or a value is written so."""


def _first_letter(text: str, write: Callable[[str], str]) -> str:
    """The text with a letter in its middle written otherwise."""
    places = [at for at, char in enumerate(text) if char.isascii() and char.isalnum()]
    at = places[len(places) // 2] if places else 0
    return text[:at] + write(text[at]) + text[at + 1 :]


def _overlong(char: str) -> bytes:
    return bytes([0xC0 | ord(char) >> 6, 0x80 | ord(char) & 0x3F])


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0)


def _utf7(char: str) -> str:
    return f"+{base64.b64encode(char.encode('utf-16-be')).decode().rstrip('=')}-"


def _as_sent(text: str) -> str:
    """Text as the bytes of UTF-8, which is how browsers send it."""
    return text.encode().decode("latin-1")


VALUES: tuple[Spelling, ...] = (
    ("percent-encoded twice", lambda v: _first_letter(v, lambda c: f"%25{ord(c):02x}")),
    ("in over-long UTF-8, percent-encoded", lambda v: _first_letter(v, lambda c: quote(_overlong(c)))),
    ("with a full-width letter, percent-encoded", lambda v: _first_letter(v, lambda c: quote(_wide(c)))),
    ("with a %u escape", lambda v: _first_letter(v, lambda c: f"%u{ord(c):04x}")),
    ("with an HTML entity", lambda v: _first_letter(v, lambda c: f"&#{ord(c)}")),
    ("with a JSON escape", lambda v: _first_letter(v, lambda c: f"\\u{ord(c):04x}")),
    ("in UTF-7", lambda v: _first_letter(v, _utf7)),
)
"""None of these is how a browser sends a cookie, or what one decoding of percent signs gives."""
CASES: tuple[Spelling, ...] = (
    ("in lower case", str.lower),
    ("in upper case", str.upper),
    ("with each letter's case changed", str.swapcase),
)


def lookalikes(name: str, value: str) -> tuple[tuple[str, str, str], ...]:
    """What any site can plant, and a careless parser reads as a cookie whose prefix only its own host may use.

    A label, a name and a value each: browsers see no prefix in these names.
    """
    prefix, dash, rest = name.rpartition("-")
    planted = (
        ("no name, and the cookie as its value", "", f"{name}={value}"),
        ("a percent-encoded dash", f"{prefix}%2d{rest}", value),
        ("percent-encoded underscores", f"%5f%5f{name[2:]}", value),
        ("dots for underscores", f"..{name[2:]}", value),
        ("a bracket for an underscore", f"_[{name[2:]}", value),
        ("a wide space before its name", _as_sent(f"\u2003{name}"), value),
        ("a next-line sign before its name", _as_sent(f"\x85{name}"), value),
        ("a no-break space before its name", _as_sent(f"\xa0{name}"), value),
        ("the cookie after a comma", "pickproof", f"x,{name}={value}"),
        ("the cookie after a version", "$Version", f"1,{name}={value}"),
        ("the cookie after an opened quote", "pickproof", f'"x,{name}={value}'),
    )
    return planted if dash and name[:2] == "__" else ()
