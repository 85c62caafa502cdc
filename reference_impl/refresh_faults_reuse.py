"""Faults of rotation, and of what the presentation of a spent refresh token brings about."""

from __future__ import annotations

from .families import Families, Family, Issued, Token, random_value, spend_once
from .refresh_switch import declared, fault, rules, whole
from .refresh_variants import WITH_GRACE
from .token_guard import Rejected


async def _spends_anything(families: Families, token: Token, now: float) -> bool:
    families.db.change("UPDATE refresh_tokens SET spent = ? WHERE digest = ?", now, token.digest)
    return True


async def _until_successor_is_used(families: Families, token: Token, now: float) -> bool:
    used = "SELECT 1 FROM refresh_tokens WHERE parent = ? AND spent IS NOT NULL"
    return await spend_once(families, token, now) or families.db.row(used, token.digest) is None


async def _nothing(_families: Families, _token: Token, _now: float) -> None:
    pass


async def _refresh_tokens_only(families: Families, token: Token, now: float) -> None:
    families.db.change("UPDATE refresh_tokens SET spent = ? WHERE family = ? AND spent IS NULL", now, token.family)


async def _if_successor_is_live(families: Families, token: Token, _now: float) -> None:
    live = "SELECT 1 FROM refresh_tokens WHERE parent = ? AND spent IS NULL"
    if families.db.row(live, token.digest):
        families.end(token.family)


async def _everything_of_the_user(families: Families, token: Token, _now: float) -> None:
    family = families.family(token.family)
    families.end_user(family.sub if family else "")


class _Toggled(Families):
    """Each replay turns the family's state over."""

    async def spend(self, value: str, client: str = "") -> Issued:
        token = self.token(value)
        if token and token.spent is not None:
            self.db.change("UPDATE families SET ended = 1 - ended WHERE id = ?", token.family)
            raise Rejected("spent before")
        return await super().spend(value, client)


class _RevivedByLogin(Families):
    """A login revives the user's ended families."""

    def begin(self, sub: str, client: str = "", data: str = "") -> Issued:
        self.db.change("UPDATE families SET ended = 0 WHERE sub = ?", sub)
        return super().begin(sub, client, data)


class _SlidingGrace(Families):
    """Each retry begins the grace again."""

    def _again(self, token: Token, now: float) -> bool:
        again = super()._again(token, now)
        if again:
            self.db.change("UPDATE refresh_tokens SET spent = ? WHERE digest = ?", now, token.digest)
        return again


class _AnotherFamily(Families):
    """A retry starts a family of its own."""

    def _successor(self, value: str, family: Family, now: float) -> Issued:
        if self.db.row("SELECT 1 FROM refresh_tokens WHERE parent = ?", self.rules.digest(value)):
            return self.begin(family.sub, family.client, family.data)
        return super()._successor(value, family, now)


FAULTS = (
    fault("never-rotates", "refresh.rotation", "10.4.5 RFC9700-4.14.2 CWE-294",
          "A refresh gives no other refresh token.", rules(rotates=False), declared(rotation=True)),
    fault("spent-still-works", "refresh.reuse-rejected", "10.4.5 RFC9700-4.14.2 CWE-294",
          "A spent refresh token gives new tokens.", rules(spend=_spends_anything)),
    fault("spent-when-successor-is", "refresh.reuse-rejected", "10.4.5 RFC9700-4.14.2 CWE-294",
          "A spent refresh token works until its successor is used.", rules(spend=_until_successor_is_used)),
    fault("reuse-refused-only", "refresh.reuse-revokes-active", "10.4.5 RFC9700-4.14.2 CWE-613",
          "A replay is refused, and the live token goes on.", rules(replayed=_nothing)),
    fault("reuse-spares-access", "refresh.reuse-revokes-access", "OAUTH21-4.3.1 CWE-613",
          "A replay ends refresh tokens, and access tokens go on.", rules(replayed=_refresh_tokens_only)),
    fault("reuse-parent-only", "refresh.reuse-any-depth", "10.4.5 RFC9700-4.14.2 CWE-613",
          "Only the token before the live one counts as a replay.", rules(replayed=_if_successor_is_live)),
    fault("replay-toggles", "refresh.revoked-stays-revoked", "7.4.1 RFC9700-4.14.2 CWE-613",
          "A second replay brings the family back.", whole(families=_Toggled)),
    fault("login-revives", "refresh.revoked-stays-revoked", "7.4.1 CWE-613",
          "A login brings the user's dead families back.", whole(families=_RevivedByLogin)),
    fault("reuse-ends-all", "refresh.family-isolation", "RFC9700-4.14.2 CWE-645",
          "A replay signs the user out everywhere.", rules(replayed=_everything_of_the_user)),
    fault("grace-slides", "refresh.grace-bounded", "10.4.5 RFC9700-4.14.2 CWE-613",
          "Each retry lengthens the grace.", WITH_GRACE, whole(families=_SlidingGrace)),
    fault("grace-outlasts", "refresh.grace-bounded", "10.4.5 RFC9700-4.14.2 CWE-613",
          "The grace is ten times as long as declared.", WITH_GRACE, rules(grace=300.0), declared(grace_seconds="30s")),
    fault("grace-leaves-family", "refresh.grace-bounded", "10.4.5 RFC9700-4.14.2 CWE-613",
          "What a retry gets survives the end of the family.", WITH_GRACE, whole(families=_AnotherFamily)),
    fault("grace-forks", "refresh.lost-response", "RFC9700-4.14.2 CWE-367",
          "A retry within the grace gets a second live token.", WITH_GRACE, rules(new=random_value)),
)  # fmt: skip
"""Primary killers are rows of group H of the catalogue."""
