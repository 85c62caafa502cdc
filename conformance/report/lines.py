"""Laying prose out in lines of a given width, each line a row of styled parts."""

from __future__ import annotations

import textwrap

Line = tuple[tuple[str, str], ...]
"""Parts of a line, each with the name of its style or an empty string."""

LABEL = 12
"""Columns that the names of the fields of a failure take, indent included."""


def wrapped(text: str, width: int, first: str = "", after: str | None = None, style: str = "") -> list[Line]:
    """The text in lines of at most `width` characters; only an address may be longer.

    Args:
        text: one paragraph.
        width: characters of a line.
        first: what stands before the first line.
        after: what stands before the others; as much space as `first` takes when left out.
        style: of all lines.
    """
    # An address that is broken cannot be copied or clicked.
    breakable = "://" not in text
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=" " * len(first) if after is None else after,
        break_long_words=breakable, break_on_hyphens=False,
    )  # fmt: skip
    return [((line, style),) for line in lines]


def field(name: str, text: str, width: int) -> list[Line]:
    """A name in a column of its own, and the text beside it."""
    first = f"  {name:{LABEL - 2}}"
    lines = [parts[0][0] for parts in wrapped(text, width, first)]
    if not lines:
        return []
    return [((lines[0][:LABEL], "bold"), (lines[0][LABEL:], "")), *(((line, ""),) for line in lines[1:])]
