"""The SQLite database of a reference server: in memory, or in a file that replicas share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Row = tuple[Any, ...]


class Database:
    """One SQLite connection with explicit transactions.

    Args:
        url: ``memory://`` (private to this object) or ``sqlite:///path`` (shared by every process that opens it).

    Raises:
        ValueError: another kind of URL.
    """

    def __init__(self, url: str = "memory://") -> None:
        self._connection = sqlite3.connect(_path(url), isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, or None."""
        found: Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def change(self, sql: str, *values: object) -> int:
        """Run one statement; returns how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside take effect together or not at all. Never ``await`` inside.

        A nested transaction joins the outer one. The write lock is taken at the start, so that what is
        read inside cannot change before it is written, whichever replica asks.
        """
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

    def close(self) -> None:
        """Close the connection; a memory database is gone."""
        self._connection.close()


def _path(url: str) -> str:
    if url == "memory://":
        return ":memory:"
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return url.removeprefix("sqlite:///")
    raise ValueError(f"no store {url!r}; valid: memory://, sqlite:///path")
