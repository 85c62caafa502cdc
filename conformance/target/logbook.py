"""What the target writes down: the files that the description names, read while somebody uses it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from conformance.target.owning import Owning
from conformance.target.party import Party

PATIENCE = 3.0
"""Seconds for which a line is waited for: servers write after they have answered."""
PAUSE = 0.1
MOST = 8 * 2**20
"""Bytes that are read of what a file grew by."""
SHORTEST = 8
"""Characters from which on a value in a log is none by chance."""
AROUND = 60
"""Characters of a line that are shown before a secret."""


class Logbook(Owning):
    """Verbs about logs."""

    async def expect_secrets_unlogged(self) -> None:
        """No credential of somebody who logs in, asks who he is and logs out stands in what is written meanwhile.

        Raises:
            NotApplicable: no log is described.
            Inconclusive: nothing was written.
        """
        paths = [Path(name) for name in self.system.description.logs]
        if not paths:
            self.not_applicable("name the files in `logs`: what the target writes down is not seen")
        before = {path: self._size(path) for path in paths}
        user = await self.somebody()
        values = dict(self._values(user))
        mark = f"pickproof-{secrets.token_hex(6)}"
        await user.visit(f"GET /{mark}", f"{user.label} asks for what is not there")
        if self.system.description.logout:
            await user.logout()
        written = await self._written(before, mark)
        for path, text in written.items():
            for label, value in values.items():
                if at := next((text.find(one) for one in (value, quote(value, safe="")) if one in text), -1) + 1:
                    line = text[max(text.rfind("\n", 0, at) + 1, at - AROUND) : at + len(value)].strip()
                    self.violation("no credential stands in a log", f"{label} stands in {path.name}: {line}")
        if not any(written.values()):
            self.inconclusive("nothing was written to the files in `logs`: are they right?")
        self.note = f"{sum(map(len, written.values()))} characters were written"

    def _values(self, user: Party) -> Iterator[tuple[str, str]]:
        """What opens the user's account: never the password of a listed account, which other checks send about."""
        found = [(f"the {c.name} {c.kind}", user.secret(c)) for c in self.system.carriers]
        found += [(f"the {name} token", user.tokens.get(name, "")) for name in ("access", "refresh", "id_token")]
        found += [("the password", user.facts.get("password", ""))] if not user.owner else []
        yield from ((label, value) for label, value in found if len(value) >= SHORTEST)

    def _size(self, path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError as problem:
            self.inconclusive(f"`logs`: {path.name} cannot be read: {problem.strerror}")

    async def _written(self, before: dict[Path, int], mark: str) -> dict[Path, str]:
        """What the files grew by, once the last request is among it, or was waited for long enough."""
        until = time.monotonic() + PATIENCE
        while True:
            found = {path: self._grown(path, size) for path, size in before.items()}
            if any(mark in text for text in found.values()) or time.monotonic() > until:
                return found
            await asyncio.sleep(PAUSE)

    def _grown(self, path: Path, size: int) -> str:
        now = self._size(path)
        # A file that shrank was begun anew.
        with path.open("rb") as file:
            file.seek(size if now >= size else 0)
            return file.read(MOST).decode("utf-8", "replace")
