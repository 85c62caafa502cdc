"""Every variant of the token server: differences that no check may blame."""

from __future__ import annotations

import contextlib
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .accounts import Account
from .faults import Variant
from .token_carrier import BY_COOKIE, bearer
from .token_claims import AUDIENCE, LIFETIME, Minting, Rules
from .token_keys import Keys, es_keys, hs_keys, sign
from .token_life import FORGETTING, REVOCABLE, OpaqueTokens
from .token_logs import logged
from .token_switch import (
    authorization,
    both,
    carrier,
    minting,
    rules,
    surface,
    variant,
    whole,
    wrapped,
)
from .web import answer, problem

ES256 = whole(keys=es_keys)
HS256 = whole(keys=hs_keys)
REVOCATION = whole(revocation=REVOCABLE)
OPAQUE = whole(tokens=OpaqueTokens, revocation=FORGETTING, keys=hs_keys)
MINTING = whole(hands_out_key=True)
COOKIE = whole(carrier=BY_COOKIE)


def _forbidden(status: int, title: str, headers: Mapping[str, str] | None) -> Response:
    return problem(403, title) if status == 401 else problem(status, title, headers)


def _always_ok(_status: int, title: str, _headers: Mapping[str, str] | None) -> Response:
    return answer({"error": title}, 200)


def _to_login(status: int, title: str, headers: Mapping[str, str] | None) -> Response:
    return RedirectResponse("/login", 302) if status == 401 else problem(status, title, headers)


def _null(status: int, title: str, headers: Mapping[str, str] | None) -> Response:
    return answer(None) if status == 401 else problem(status, title, headers)


_CREDENTIALS = re.compile(rb"[A-Za-z]+ +[A-Za-z0-9._~+/-]+=*")
"""RFC 6750 section 2.1, in any scheme."""


async def _gateway(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    if all(_CREDENTIALS.fullmatch(value) and len(value) <= 4096 for value in authorization(scope)):
        await app(scope, receive, send)
    else:
        await Response("Bad Request", 400, media_type="text/plain")(scope, receive, send)


def _claims_hs(value: bytes) -> bool:
    token = (bearer(value.decode("latin-1")) or b"").partition(b".")[0]
    with contextlib.suppress(ValueError, RecursionError):
        header = json.loads(urlsafe_b64decode(token + b"=" * (-len(token) % 4)))
        return isinstance(header, dict) and str(header.get("alg")).startswith("HS")
    return False


async def _hangs_up(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI has no word for hanging up, so this asks the server's own connection; without one the request fails."""
    if not any(_claims_hs(value) for value in authorization(scope)):
        await app(scope, receive, send)
        return
    getattr(send, "__self__").transport.abort()  # noqa: B009 - a bound method of the server that runs us
    while (await receive())["type"] != "http.disconnect":
        pass


def _no_jti(policy_rules: Rules) -> tuple[str, ...]:
    return tuple(name for name in policy_rules.required if name != "jti")


def id_token(data: Mapping[str, object], account: Account, keys: Keys) -> Mapping[str, object]:
    """Add an ID token (OpenID Connect Core section 2); only its ``typ`` keeps it apart from an access token."""
    issued = str(data["access_token"])
    payload = issued.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {**data, "id_token": sign(keys, {**Minting().claims(account, claims["iat"], LIFETIME, AUDIENCE)}, "JWT")}


ID_TOKEN = both(
    surface(login=id_token),
    carrier(take={"access": "json:/access_token", "id_token": "json:/id_token"}),
)

REFUSAL, SIGNATURE = "how a token is refused", "what makes a token genuine"
"""What several variants decide."""

VARIANTS: tuple[Variant, ...] = (
    variant("es256", "Tokens are signed with ES256.", ES256, decides=SIGNATURE),
    variant("hs256", "Tokens are signed with HS256, and no key is published.", HS256, decides=SIGNATURE),
    variant("revocable", "Logout and password change end tokens at once.", REVOCATION),
    variant(
        "opaque",
        "Tokens are random and stand for rows; they end like sessions.",
        OPAQUE,
        decides=SIGNATURE,
        apart={"revocable": "opaque tokens end anyway", "minting": "no key makes one"},
    ),
    variant(
        "status-403", "Refusals of tokens are 403 without a challenge.", surface(problem=_forbidden), decides=REFUSAL
    ),
    variant(
        "error-200", "Every refusal is 200 with an error in the body.", surface(problem=_always_ok), decides=REFUSAL
    ),
    variant("redirect-to-login", "Strangers get 302 to the login page.", surface(problem=_to_login), decides=REFUSAL),
    variant("stranger-200-null", "Strangers get 200 and null.", surface(problem=_null), decides=REFUSAL),
    variant(
        "leeway-60",
        "Clocks may differ by a minute, as declared.",
        rules(leeway=60.0),
        apart={"opaque": "the one clock of the server decides"},
    ),
    variant(
        "identical-within-second",
        "Tokens have no jti, so those of one second are the same.",
        minting(new_jti=lambda _account, _now: None),
        rules(required=_no_jti(Rules())),
        apart={"revocable": "the jti tells which token has ended", "opaque": "a random token has no jti"},
    ),
    variant(
        "gateway-400",
        "A gateway answers 400 to credentials that are no Bearer tokens in form.",
        wrapped(_gateway),
        apart={"jwt-in-cookie": "no credentials stand in the field"},
    ),
    variant(
        "closes-on-hs",
        "The connection is closed on any token that claims an HMAC.",
        wrapped(_hangs_up),
        apart={
            "hs256": "its own tokens claim one",
            "jwt-in-cookie": "no token stands in the field",
            "access-log": "no answer is left to log",
        },
    ),
    variant("jwt-in-cookie", "The JWT travels in an HttpOnly cookie.", COOKIE),
    variant(
        "id-token",
        "A login hands out an ID token too.",
        ID_TOKEN,
        apart={"opaque": "no key signs it", "jwt-in-cookie": "the answer has no tokens for scripts"},
    ),
    variant("access-log", "Each answer is a line in a log, as declared.", logged()),
    variant("minting", "The description holds the signing key, so that the kit can mint.", MINTING),
)
"""In the order in which the documentation lists them."""
