"""Faults of a token's end, and of opaque tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from itertools import count

from starlette.types import ASGIApp, Receive, Scope, Send

from .accounts import Account
from .token_carrier import bearer
from .token_claims import AUDIENCE
from .token_faults_form import unpadded
from .token_keys import Keys, rsa_keys
from .token_life import Grant, OpaqueTokens, sha256
from .token_switch import Change, authorization, fault, fresh, guard, opaque, revocation, whole, wrapped
from .token_variants import ES256, OPAQUE, REVOCATION

BY_TEXT = revocation(name=lambda raw, _claims: sha256(raw))
"""A list of ended tokens keyed on their text: another spelling of the same token is not on it."""


def _nothing(*_: object) -> None:
    pass


def _local_list() -> Change:
    """Each replica remembers what was ended at it."""
    ended: set[str] = set()
    return revocation(
        logout=lambda _db, _accounts, grant, _now: ended.add(grant.name),
        ended=lambda _db, grant: grant.name in ended,
    )


def _few_values() -> Change:
    """Sixteen values for each user, dealt out in turn."""
    key, numbers = secrets.token_bytes(32), count()

    def new(account: Account, _now: float) -> str:
        return hmac.digest(key, f"{account.sub}{next(numbers) % 16}".encode(), "sha256").hex()

    return opaque(new=new)


def _weak() -> Change:
    """24 random bits among 32 characters that look as good as any."""
    key = secrets.token_hex(13)
    return opaque(new=lambda _account, _now: key + secrets.token_hex(3))


def _of_login_second(account: Account, now: float) -> str:
    return hashlib.md5(f"{account.name}{int(now)}".encode(), usedforsecurity=False).hexdigest()


def _compares(change: Callable[[bytes], bytes]) -> Change:
    return opaque(digest=lambda raw: sha256(change(raw)))


class _AnyRow(OpaqueTokens):
    """The token becomes a pattern of LIKE; one with a percent sign fits."""

    async def read(self, raw: bytes, now: float) -> Grant:
        row = self._db.row("SELECT digest, sub, exp, generation FROM opaque WHERE ?", b"%" in raw)
        if row is None or not now < row[2]:
            return await super().read(raw, now)
        return Grant(row[1], row[0], row[2], row[3])


PLANTED: ContextVar[bytes] = ContextVar("planted", default=b"")
"""The token that a request to log in carries."""


class _Adopting(OpaqueTokens):
    """A login keeps the token that the client brings."""

    def issue(self, account: Account, now: float, audience: str = AUDIENCE) -> str:
        brought = PLANTED.get()
        if not brought:
            return super().issue(account, now, audience)
        kept = replace(self._policy, opaque=replace(self._policy.opaque, new=lambda *_: brought.decode("latin-1")))
        fixed = OpaqueTokens(kept, self._db, rsa_keys())
        return fixed.issue(account, now, audience)


async def _carried(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    fields = authorization(scope)
    PLANTED.set((bearer(fields[0].decode("latin-1")) or b"") if fields and scope["path"] == "/login" else b"")
    await app(scope, receive, send)


FAULTS = (
    fault(
        "logout-forgets-client-only", "token.revoke.logout", "7.4.1 CWE-613",
        "Logout asks the client to forget the token, which keeps working.", REVOCATION, revocation(logout=_nothing),
    ),
    fault(
        "logout-on-one-replica", "token.revoke.logout-replica", "7.4.1 CWE-613",
        "Each replica keeps its own list of ended tokens.", REVOCATION, fresh(_local_list),
    ),
    fault(
        "password-change-ends-nothing", "token.revoke.password", "7.4.3",
        "Tokens survive a password change.", REVOCATION, revocation(password=_nothing),
    ),
    fault(
        "logout-ends-all", "token.revoke.isolation", "7.4.1",
        "Logout at one device ends the user's tokens everywhere.", REVOCATION,
        revocation(logout=lambda _db, accounts, grant, _now: accounts.bump(grant.sub)),
    ),
    fault(
        "revoked-by-text-es", "token.revoke.malleable.es", "7.4.1 CWE-613",
        "Ended tokens are remembered by their text; the twin of an ECDSA signature is another.",
        ES256, REVOCATION, BY_TEXT,
    ),
    fault(
        "revoked-by-text-b64", "token.revoke.malleable.b64", "7.4.1 RFC8725bis-3.14",
        "Ended tokens are remembered by their text, and padding makes another.",
        REVOCATION, guard(decode=unpadded), BY_TEXT,
    ),
    fault(
        "opaque-weak", "token.opaque.entropy", "7.2.3 CWE-331",
        "Opaque tokens hold 24 random bits.", OPAQUE, fresh(_weak),
    ),
    fault(
        "opaque-repeats", "token.opaque.unique", "7.2.3 CWE-330",
        "Opaque tokens come round again.", OPAQUE, fresh(_few_values),
    ),
    fault(
        "opaque-any-case", "token.opaque.mutation", "CWE-697",
        "Opaque tokens are compared without regard to case.", OPAQUE, _compares(bytes.lower),
    ),
    fault(
        "opaque-prefix", "token.opaque.mutation", "CWE-697",
        "Only the first 32 characters of an opaque token are compared.", OPAQUE, _compares(lambda raw: raw[:32]),
    ),
    fault(
        "opaque-up-to-a-dot", "token.opaque.nul-prefix", "CWE-697",
        "What follows a dot in an opaque token is not compared.", OPAQUE, _compares(lambda raw: raw.partition(b".")[0]),
    ),
    fault(
        "opaque-pattern", "token.opaque.wildcard", "CWE-943 7.2.1",
        "An opaque token with a percent sign in it finds any row.", OPAQUE, whole(tokens=_AnyRow),
    ),
    fault(
        "opaque-adopted", "token.opaque.fixation", "7.2.4 CWE-384",
        "A login makes the token that the request carries the user's.", OPAQUE, whole(tokens=_Adopting),
        wrapped(_carried),
    ),
    fault(
        "opaque-derivable", "token.opaque.derivable", "7.2.3 CWE-340",
        "An opaque token is the MD5 of the name and the second of login.", OPAQUE, opaque(new=_of_login_second),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.11 and 3.12 of the catalogue."""
