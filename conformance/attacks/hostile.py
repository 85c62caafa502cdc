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

NOSQL = (
    '{"$ne":null}',
    '{"$gt":""}',
    '{"$regex":"."}',
    '{"$exists":true}',
    'j:{"$ne":null}',
    'j:{"$gt":""}',
    'j:{"$regex":"."}',
    'j:[{"$ne":null}]',
    "j:true",
    "[$ne]=x",
    "' || '1'=='1",
    "true, $where: '1 == 1'",
)
"""Operators of document databases; after ``j:`` some parsers of cookies read JSON."""
BRACKETS = (("[$ne]", "x"), ("[$gt]", ""), ("[$regex]", "."), ("[]", "x"), ("[0]", "x"))
"""What follows the cookie's name, and the value: some parsers make a table or a list of such a cookie."""
KEYS = (
    "{head}*",
    "{head}%",
    "{head}?*",
    "*",
    "?" * 32,
    "session:*",
    "sess:*",
    "sess:{id}",
    "session:{id}",
    ":1:{id}",
    "pickproof {id}",
    "pickproof%20{id}",
    "{csrf}",
    "csrf:{csrf}",
    "token:{csrf}",
    "user:1",
    "user:{user}",
    "users:{user}",
    "user/{user}",
    "user_{user}",
    "account:{user}",
    "{user}",
)
"""Keys of other kinds, patterns, and two keys in one; ``{head}`` is an id up to the middle of what varies."""


def oversized(session: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """What is sent beside a genuine session, or in its place: a label, and cookies by name and value."""
    for size in (4096, 8192, 65536):
        yield f"a companion cookie of {size} bytes", (("pickproof", "x" * size),)
        yield f"a session cookie of {size} bytes", ((session, "x" * size),)
    yield "500 companion cookies", tuple((f"pickproof{at}", "x") for at in range(500))
