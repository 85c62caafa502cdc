"""Faults that only show when requests overlap; each loses at a fixed point where it gives way to others."""

from __future__ import annotations

import asyncio
from dataclasses import astuple

from .families import Families, Token, spend_once
from .refresh_switch import fault, rules

PAUSE = 0.02
"""Seconds for which the losing side gives way."""


async def _looks_then_spends(families: Families, token: Token, now: float) -> bool:
    if token.spent is not None:
        return False
    await asyncio.sleep(PAUSE)
    families.db.change("UPDATE refresh_tokens SET spent = ? WHERE digest = ?", now, token.digest)
    return True


async def _spends_then_issues_later(families: Families, token: Token, now: float) -> bool:
    spent = await spend_once(families, token, now)
    await asyncio.sleep(PAUSE)
    return spent


async def _ends_what_it_saw(families: Families, token: Token, now: float) -> None:
    seen = families.db.rows("SELECT digest FROM refresh_tokens WHERE family = ? AND spent IS NULL", token.family)
    await asyncio.sleep(PAUSE)
    for (digest,) in seen:
        families.db.change("UPDATE refresh_tokens SET spent = ? WHERE digest = ?", now, digest)


async def _writes_the_family_back(families: Families, token: Token, now: float) -> bool:
    family = families.family(token.family)
    spent = await spend_once(families, token, now)
    await asyncio.sleep(PAUSE)
    if spent and family:
        families.db.change("INSERT OR REPLACE INTO families VALUES (?, ?, ?, ?, ?, ?, ?)", *astuple(family))
    return spent


FAULTS = (
    fault("spend-race", "refresh.race.double-spend", "RFC9700-4.14.2 CWE-367",
          "A token is looked at first and spent later.", rules(spend=_looks_then_spends)),
    fault("replay-race", "refresh.race.no-fork", "RFC9700-4.14.2 CWE-362",
          "A replay ends the tokens that it sees, and misses the one that is being issued.",
          rules(spend=_spends_then_issues_later, replayed=_ends_what_it_saw)),
    fault("logout-race", "refresh.race.vs-logout", "7.4.1 CWE-362",
          "A refresh that was under way at logout writes the family back.", rules(spend=_writes_the_family_back)),
)  # fmt: skip
"""Primary killers are rows of group I of the catalogue."""
