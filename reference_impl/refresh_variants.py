"""Every variant of the refresh server: differences that no check may blame, or must tell of."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import jwt
from starlette.responses import Response

from .accounts import Account
from .families import Families, random_value
from .faults import Variant
from .refresh_carrier import IN_COOKIE
from .refresh_policy import by_family
from .refresh_switch import access, both, declared, of_token_server, rules, variant, whole
from .token_guard import encode
from .token_keys import Keys
from .token_life import Revocation
from .token_switch import surface
from .token_variants import REFUSAL
from .web import problem

GRACE = 30.0
"""Seconds for which a client that got no answer may ask again."""


@cache
def _key() -> bytes:
    """The key of this process, which replicas share."""
    return secrets.token_bytes(32)


def derived(spent: str) -> str:
    """The one successor of a token, computed from it with a key of ours, so that a retry gets the same."""
    return encode(hmac.digest(_key(), spent.encode(), "sha256")) if spent else random_value(spent)


def signed(_spent: str) -> str:
    """A refresh token that is a JWT; its row decides all the same."""
    return jwt.encode({"jti": secrets.token_hex(16)}, hashlib.sha256(_key()).digest(), "HS256", {"typ": "rt+jwt"})


def stateless(families: Families) -> Revocation:
    """Access tokens that nobody asks the families about: they outlive their session until they expire."""
    return replace(by_family(families), ended=lambda _db, _grant: False)


def _more(data: Mapping[str, object], account: Account, _keys: Keys) -> Mapping[str, object]:
    return {"user": {"id": account.sub, "refresh_token": None}, "scope": "", "notes": [], **data}


def _oauth_words(status: int, title: str, headers: Mapping[str, str] | None) -> Response:
    if title != "the refresh token is not valid":
        return problem(status, title, headers)
    return Response(json.dumps({"error": "invalid_grant"}), 400, media_type="application/json")


WITH_GRACE = rules(grace=GRACE, new=derived)
COOKIE = whole(carrier=IN_COOKIE)
STATELESS = both(whole(ends=stateless), declared(access_revocation=False))

VARIANTS: tuple[Variant, ...] = (
    variant("grace-30", "A spent token gives its successor again, for half a minute and while that is unused.",
            WITH_GRACE, apart={"refresh-jwt": "either derives it or signs it",
                               "no-rotation": "no token is ever spent"}),
    variant("refresh-in-cookie", "The refresh token travels in an HttpOnly cookie.", COOKIE),
    variant("refresh-jwt", "Refresh tokens are signed.", rules(new=signed)),
    variant("extra-members", "Answers with tokens have more members.", access(surface(login=_more))),
    variant("invalid-grant", "A refresh token is refused in the words of OAuth, by 400.",
            access(surface(problem=_oauth_words)), decides=REFUSAL),
    variant("no-rotation", "Refresh tokens are not replaced, as declared.",
            rules(rotates=False), fails="refresh.rotation"),
    variant("stateless-access", "Access tokens outlive their session, as declared.", STATELESS,
            fails="token.revoke.logout token.revoke.password session.logout.replay session.logout-all.complete"
                  " session.admin.terminate refresh.reuse-revokes-access lifecycle.model"),
    *of_token_server("es256", "hs256", "status-403", "error-200", "redirect-to-login", "identical-within-second"),
)  # fmt: skip
"""In the order in which the documentation lists them."""
