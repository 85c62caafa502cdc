"""Faults of what a refresh gives: to a changed token, to an older access token, beside the record of its family."""

from __future__ import annotations

import asyncio

import jwt

from .families import Families, Issued, sha256, spend_once
from .refresh_switch import fault, rules, whole
from .refresh_tokens import FamilyTokens
from .refresh_variants import signed
from .token_life import Grant

PAUSE = 0.1
"""Seconds between the look at a token and its spending, so that requests of one moment surely meet."""


def _unverified(token: str | bytes) -> dict[str, object]:
    try:
        return dict(jwt.decode(token, options={"verify_signature": False}))
    except (jwt.PyJWTError, ValueError):
        return {}


def _by_its_words(value: str) -> str:
    """The row of a token is that of the ``jti`` in it, whoever wrote it there."""
    return sha256(str(_unverified(value).get("jti", value)))


class _EndsWithItsFamily(FamilyTokens):
    """Access tokens whose life counts from the latest refresh of their family."""

    async def read(self, raw: bytes, now: float) -> Grant:
        return await super().read(raw, now - self._refreshed_later(raw))

    def _refreshed_later(self, raw: bytes) -> float:
        claims = _unverified(raw)
        row = self.db.row("SELECT used FROM families WHERE id = ?", str(claims.get("fam")))
        issued = claims.get("iat")
        return max(0.0, int(row[0]) - issued) if row and isinstance(issued, int) else 0.0


class _WritesOver(Families):
    """Of several that spend one token at once, all are answered, and the record of the family knows one of them."""

    async def spend(self, value: str, client: str = "") -> Issued:
        token = self.token(value)
        family = self.family(token.family) if token else None
        if token is None or family is None or token.spent is not None or not self.lives(family):
            return await super().spend(value, client)
        await asyncio.sleep(PAUSE)
        now = self.clock.now()
        if await spend_once(self, token, now):
            return self._successor(value, family, now)
        return self.begin(family.sub, family.client, family.data)


FAULTS = (
    fault("refresh-unverified", "refresh.integrity", "RFC9700-4.14.2-integrity CWE-347",
          "Signed refresh tokens are believed without a look at their signature.",
          rules(new=signed, digest=_by_its_words)),
    fault("refresh-prolongs-access", "refresh.old-access-honest", "RFC6749-7 CWE-613",
          "A refresh lengthens the life of the access tokens from before it.", whole(tokens=_EndsWithItsFamily)),
    fault("race-writes-over", "refresh.race.tokens-revocable", "RFC9700-4.14.2 CWE-362",
          "Of tokens that are issued at once, the record of the family keeps one; the others outlive it.",
          whole(families=_WritesOver)),
)  # fmt: skip
"""Primary killers are rows of groups H and I of the catalogue."""
