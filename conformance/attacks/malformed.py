"""Requests that no client sends, and what careless servers answer with."""

from __future__ import annotations

import re
from typing import Final

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
BODIES: tuple[tuple[str, str | None, bytes], ...] = (
    ("JSON cut short", JSON, b'{"user":'),
    ("JSON that is no object", JSON, b"[1]"),
    ("JSON null", JSON, b"null"),
    ("JSON with numbers for texts", JSON, b'{"user": 1, "username": 1, "password": {"a": []}}'),
    ("JSON that is nested 3000 deep", JSON, b"[" * 3000 + b"]" * 3000),
    ("JSON in broken UTF-8", JSON, b'{"user": "\xff\xfe"}'),
    ("JSON with half a character", JSON, b'{"user": "\\ud800", "password": "\\udfff"}'),
    ("JSON with a NUL", JSON, b'{"user": "a\\u0000b", "password": "x"}'),
    ("an empty body as JSON", JSON, b""),
    ("a form with broken percent signs", FORM, b"user=%zz&password=%e0%80&%"),
    ("a form with a NUL", FORM, b"user=a%00b&username=a%00b&password=x"),
    ("a form with its fields twice, in brackets", FORM, b"user[]=a&user[b]=c&username[]=a&password[]=x&password=y"),
    ("a multipart form without a boundary", "multipart/form-data", b"--x\r\n\r\n"),
    (
        "a multipart form cut short",
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="u',
    ),
    ("a body of an unknown type", "application/x-pickproof", b"\x00\x01"),
    ("a body in an unknown character set", "application/json; charset=pickproof", b"{}"),
    ("XML", "application/xml", b"<user>"),
    ("a body of no type", None, b"\xff"),
)
"""A label, a content type, a body."""
IDS: tuple[str, ...] = ("", "x", "x" * 300, "\xe9", "%00", '"', "'", "{}", "a.b.c", "..", "-1", "null", "\xff\xfe")
"""In place of a credential."""
ROUTES: tuple[str, ...] = (
    "GET /pickproof-%00", "GET /%ff%fe", "GET /pickproof/..%2f..%2fetc/passwd", "GET /?pickproof[=%zz", "PUT /",
    "PROPFIND /", "POST /pickproof",
)  # fmt: skip

_TRACES: tuple[tuple[str, str], ...] = (
    ("a Python trace", r"Traceback \(most recent call last\)|File \"[^\"]+\.py\", line \d+"),
    ("a Java trace", r"\bat [\w$.]+\([\w$]+\.(?:java|kt|scala|groovy):\d+\)|\bjava\.lang\.\w+(?:Exception|Error)\b"),
    ("a Node.js trace", r"\bat (?:[\w$.<> ]+ \()?(?:file://)?/[^\s()]+\.[cm]?[jt]s:\d+:\d+"),
    ("a PHP message", r"<b>(?:Warning|Fatal error|Notice)</b>:|#0 /\S+\.php|PHP (?:Warning|Fatal error):"),
    ("a Ruby trace", r"/[\w./-]+\.rb:\d+:in [`']"),
    ("a Go trace", r"goroutine \d+ \[|panic: .*\n|/[\w./-]+\.go:\d+"),
    ("a .NET trace", r"\bat [\w.]+\(.*\) in .*:line \d+|System\.\w+Exception:"),
    ("a Rust panic", r"thread '[^']+' panicked at"),
    ("a query", r"SQLSTATE\[|ORA-\d{5}|\bSELECT\b.{1,80}\bFROM\b.{1,80}\bWHERE\b|sqlite3\.\w+Error|psycopg2?\.|"
                r"You have an error in your SQL syntax|MongoServerError|PG::\w+Error"),
    ("a path of the server",
     r"(?:^|[\s\"'(=])/(?:usr/(?:local/)?lib|home/\w+|var/www|opt/\w+|app/node_modules)/[\w./-]+"),
    ("a debugger", r"Werkzeug Debugger|DJANGO_SETTINGS_MODULE|__debugger__|Whoops\\\\|Symfony Exception"),
)  # fmt: skip
_COMPILED = tuple((what, re.compile(pattern, re.IGNORECASE if what == "a query" else 0)) for what, pattern in _TRACES)


def trace_in(body: bytes) -> str | None:
    """What of the server's inside an answer shows, with its beginning; None for nothing."""
    text = body.decode("utf-8", "replace")
    for what, pattern in _COMPILED:
        if found := pattern.search(text):
            return f"{what}: {found[0].strip()[:80]!r}"
    return None
