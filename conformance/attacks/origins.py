"""Origins that are not the target's, the crudest first, then those that careless comparisons let through."""

from __future__ import annotations

from urllib.parse import urlsplit


def foreign_origins(own: str) -> tuple[str, ...]:
    """Foreign origins for a target whose origin is `own`, such as ``https://shop.example``."""
    parts = urlsplit(own)
    host = parts.hostname or "localhost"
    return (
        "https://attacker.example",
        "null",
        f"{parts.scheme}://{host}.attacker.example",
        f"{parts.scheme}://attacker-{host}",
        f"{parts.scheme}://attacker.example.{host}.example",
        f"{parts.scheme}://{host}@attacker.example",
        f"{parts.scheme}://{host}%60.attacker.example",
        f"{parts.scheme}://{host}:1",
    )
