"""Laying prose out in lines of a given width, each line a row of styled parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

Line = tuple[tuple[str, str], ...]
"""Parts of a line, each with the name of its style or an empty string."""

LABEL = 14
"""Columns that the names of the fields of a failure take, indent included."""


def wrapped(text: str, width: int, first: str = "", after: str | None = None, style: str = "") -> list[Line]:
    """The text in lines of at most `width` columns; only an address may be longer.

    Args:
        text: one paragraph.
        width: columns of a line.
        first: what stands before the first line.
        after: what stands before the others; as much space as `first` takes when left out.
        style: of all lines.
    """
    indent = " " * cells(first) if after is None else after
    lines = [""]
    for word in _words(text, width - max(cells(first), cells(indent))):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        fits = cells(indent if lines[1:] else first) + cells(joined) <= width
        if fits or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(word)
    return [(((indent if number else first) + line, style),) for number, line in enumerate(lines) if line]


def field(name: str, text: str, width: int) -> list[Line]:
    """A name in a column of its own, and the text beside it."""
    lines = [parts[0][0] for parts in wrapped(text, width, f"  {name:{LABEL - 2}}")]
    if not lines:
        return []
    return [((lines[0][:LABEL], "bold"), (lines[0][LABEL:], "")), *(((line, ""),) for line in lines[1:])]


def fitting(text: str, room: int) -> str:
    """As much of the text as fits into so many columns, with dots where some is missing."""
    return text if cells(text) <= room else f"{next(_pieces(text, max(1, room - 3))).rstrip()}..."


def cells(text: str) -> int:
    """Columns that the text takes; signs of East Asia take two."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _words(text: str, room: int) -> Iterator[str]:
    for word in text.split():
        # An address that is broken cannot be copied or clicked.
        yield from [word] if "://" in word else _pieces(word, max(2, room))


def _pieces(text: str, room: int) -> Iterator[str]:
    piece, used = "", 0
    for character in text:
        wide = cells(character)
        if used + wide > room and piece:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + wide
    yield piece
