"""Faults of limits and ends, of the value of a refresh token, and of what it is taken for."""

from __future__ import annotations

import secrets
from dataclasses import replace

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts import Accounts
from .families import Families, Issued, sha256
from .refresh_policy import RefreshPolicy, by_family, spent
from .refresh_server import RefreshServer
from .refresh_switch import Change, access, allows, declared, fault, fresh, rules, whole
from .refresh_tokens import FamilyTokens
from .refresh_variants import COOKIE
from .store import Database
from .token_carrier import only_ours
from .token_guard import Rejected
from .token_keys import Keys
from .token_life import Grant, Revocation, of_generation
from .token_switch import wrapped


def _access_only_at_logout(families: Families) -> Revocation:
    ended: set[str] = set()
    sound = by_family(families)

    def logout(_db: Database, _accounts: Accounts, grant: Grant, _now: float) -> None:
        ended.add(grant.name)

    def dead(db: Database, grant: Grant) -> bool:
        return grant.name in ended or sound.ended(db, replace(grant, name=grant.name.partition(" ")[0]))

    def name(_raw: bytes, claims: object) -> str:
        return f"{claims['fam']} {claims['jti']}" if isinstance(claims, dict) else ""

    return replace(sound, name=name, logout=logout, ended=dead)


def _access_only_at_password_change(families: Families) -> Revocation:
    return replace(
        by_family(families),
        stamp=lambda account: {"gen": account.generation},
        current=of_generation,
        password=lambda accounts, sub: accounts.bump(sub),
    )


def _spares_the_disabled(families: Families) -> Revocation:
    def everywhere(accounts: Accounts, sub: str) -> None:
        account = accounts.find(sub)
        if account is not None and account.enabled:
            families.end_user(sub)

    return replace(by_family(families), everywhere=everywhere)


def _weak() -> Change:
    """24 random bits among 32 characters that look as good as any."""
    key = secrets.token_hex(13)
    return rules(new=lambda _spent: key + secrets.token_hex(3))


class _EitherKind(FamilyTokens):
    """An API that looks a value up when it is no JWT."""

    async def read(self, raw: bytes, now: float) -> Grant:
        try:
            return await super().read(raw, now)
        except Rejected:
            sql = """SELECT sub, id FROM families JOIN refresh_tokens ON family = id
                     WHERE digest = ? AND spent IS NULL AND NOT ended"""
            row = self.db.row(sql, sha256(raw.decode("latin-1")))
            if row is None:
                raise
            return Grant(row[0], row[1], now)


async def _takes_access_tokens(server: RefreshServer, presented: str) -> Issued:
    try:
        grant = await server.tokens.read(presented.encode("utf-8", "surrogatepass"), server.clock.now())
    except Rejected:
        return await spent(server, presented)
    family = server.families.family(grant.name)
    if family is None:
        raise Rejected("no family")
    return Issued(server.families.issue(family, ""), family)


def _everywhere_but(path: str) -> Change:
    """The defence against other sites, forgotten on one route."""

    def test(request: Request) -> None:
        if request.url.path != path:
            only_ours(request)

    return allows(test)


def _promised(policy: RefreshPolicy) -> RefreshPolicy:
    sound = RefreshPolicy().rules
    return declared(refresh_idle=f"{sound.idle:g}s", refresh_lifetime=f"{sound.absolute:g}s", absolute="24h")(policy)


async def _cacheable_refresh(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    async def forget(message: Message) -> None:
        if message["type"] == "http.response.start" and scope["path"] == "/refresh":
            del MutableHeaders(scope=message)["cache-control"]
        await send(message)

    await app(scope, receive, forget)


FAULTS = (
    fault("no-idle-limit", "refresh.idle-expiry", "RFC9700-4.14.2-idle CWE-613",
          "An unused refresh token does not expire.", rules(idle=1e6), _promised),
    fault("no-absolute-limit", "refresh.absolute-expiry", "10.4.8 CWE-613",
          "Refreshing goes on for ever.", rules(absolute=1e9), _promised),
    fault("refresh-renews-age", "refresh.absolute-expiry", "10.4.8 7.3.2 CWE-613",
          "Each refresh starts the greatest age again.", rules(renewed_birth=lambda _family, now: now)),
    fault("logout-spares-refresh", "refresh.after-logout", "7.4.1 CWE-613",
          "Logout ends the access token alone.", whole(ends=_access_only_at_logout)),
    fault("password-spares-refresh", "refresh.after-password-change", "7.4.3 CWE-613",
          "A password change ends access tokens alone.", whole(ends=_access_only_at_password_change)),
    fault("enabling-revives", "refresh.after-user-disabled", "7.4.2 CWE-613",
          "Refresh tokens of a disabled account sleep, and wake when it is enabled.",
          whole(ends=_spares_the_disabled)),
    fault("disabled-refreshes", "refresh.after-user-disabled", "7.4.2 CWE-613",
          "A disabled account still gets new refresh tokens.",
          whole(ends=_spares_the_disabled, owner=lambda accounts, family: accounts.find(family.sub))),
    fault("refresh-weak", "refresh.entropy", "7.2.3 RFC6749-10.10 CWE-331",
          "Refresh tokens hold 24 random bits.", fresh(_weak)),
    fault("refresh-any-case", "refresh.mutation", "RFC6749-10.4 CWE-697",
          "Refresh tokens are compared without regard to case.", rules(digest=lambda value: sha256(value.lower()))),
    fault("refresh-prefix", "refresh.mutation", "RFC6749-10.4 CWE-697",
          "Only the first 32 characters of a refresh token are compared.",
          rules(digest=lambda value: sha256(value[:32]))),
    fault("refresh-as-bearer", "refresh.not-a-bearer", "9.2.2 CWE-843",
          "The API takes a refresh token for an access token.", whole(tokens=_EitherKind)),
    fault("access-as-refresh", "refresh.access-not-refresh", "9.2.2 RFC6749-6 CWE-843",
          "An access token can be refreshed with.", whole(redeem=_takes_access_tokens)),
    fault("cacheable-refresh", "lifecycle.model", "14.3.2 RFC6749-5.1 CWE-525",
          "Caches may keep the answers to refreshes.", access(wrapped(_cacheable_refresh))),
    fault("refresh-cross-site", "refresh.cookie.csrf", "3.5.1 CWE-352",
          "Another site can cause a refresh.", COOKIE, _everywhere_but("/refresh")),
    fault("logout-cross-site", "refresh.cookie.csrf", "3.5.1 CWE-352",
          "Another site can cause a logout.", COOKIE, _everywhere_but("/logout")),
)  # fmt: skip
"""Primary killers are rows of group H of the catalogue."""
