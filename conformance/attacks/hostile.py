"""Hostile session ids as tables, what is most often broken first. ``{id}`` stands for a genuine id."""

from __future__ import annotations

from collections.abc import Iterator

SQL = (
    "' OR '1'='1",
    "' OR 1=1 -- ",
    "' OR 1=1#",
    '" OR "1"="1',
    "') OR ('1'='1",
    "' OR '1' LIKE '1",
    "' UNION SELECT * FROM sessions -- ",
    "%",
    "_",
    "%25",
    "*",
    "\\",
)
PATHS = (
    "../{id}",
    "./{id}",
    "x/../{id}",
    "..%2f{id}",
    "/{id}",
    "//{id}",
    "{id}/",
    "{id}/.",
    "{id}%00",
    "{id}\x00.tmp",
    "..",
    ".",
    "../../../../../../etc/passwd",
    "/dev/null",
    "file:///etc/passwd",
)
CONFUSED = (
    "",
    "null",
    "undefined",
    "None",
    "nil",
    "0",
    "-1",
    "1",
    "true",
    "false",
    "[]",
    "{}",
    "NaN",
    "deleted",
    "anonymous",
    "admin",
)


def oversized(session: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """What is sent beside a genuine session, or in its place: a label, and cookies by name and value."""
    for size in (4096, 8192, 65536):
        yield f"a companion cookie of {size} bytes", (("pickproof", "x" * size),)
        yield f"a session cookie of {size} bytes", ((session, "x" * size),)
    yield "500 companion cookies", tuple((f"pickproof{at}", "x") for at in range(500))
