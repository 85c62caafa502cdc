"""Faults of claims: what a well-signed token may say, and what a new one tells."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from .accounts import Account, Accounts
from .token_carrier import REALM
from .token_claims import (
    AUDIENCE,
    ISSUER,
    LIFETIME,
    OTHER_AUDIENCE,
    Claims,
    Minting,
    Rules,
    short_lived,
)
from .token_guard import access_token, strict_object
from .token_life import Grant
from .token_switch import Change, carrier, fault, guard, minting, rules, surface, whole
from .token_variants import ID_TOKEN, MINTING
from .web import HEADERS, Refused

PASS = lambda _claims, _now, _rules: True  # noqa: E731 - a rule that demands nothing
"""A rule that demands nothing."""

UNDECLARED = 60.0
"""Seconds of tolerance that the description does not mention."""


def _tolerant(claims: Claims, now: float, policy_rules: Rules) -> bool:
    return bool(now < claims["exp"] + policy_rules.leeway + UNDECLARED)


def _without_exp(raw: bytes) -> dict[str, Any]:
    """A token without an expiry gets the usual one, counted from whenever it says that it was issued."""
    claims = strict_object(raw)
    return claims if "exp" in claims else {**claims, "exp": _usual(claims)}


def _falsy_exp(raw: bytes) -> dict[str, Any]:
    """The same for an expiry that a test for truth takes for none."""
    claims = strict_object(raw)
    return claims if claims.get("exp", True) else {**claims, "exp": _usual(claims)}


def _usual(claims: Claims) -> object:
    issued = claims.get("iat")
    return issued + LIFETIME if isinstance(issued, int | float) else None


class _Endless(Minting):
    """Issues tokens that say nothing of their end."""

    def claims(self, account: Account, now: float, lifetime: float, audience: str) -> dict[str, Any]:
        claims = Minting.claims(self, account, now, lifetime, audience)
        del claims["exp"]
        return claims


NEVER = 2.0**52
"""Seconds since the epoch: some 140 million years from now."""


def _ends_never(raw: bytes) -> dict[str, Any]:
    return {"exp": NEVER, **strict_object(raw)}


def short_or_endless(claims: Claims, now: float, policy_rules: Rules) -> bool:
    """A short life, or one without an end."""
    return claims["exp"] == NEVER or short_lived(claims, now, policy_rules)


def _begins_with_ours(claims: Claims, _now: float, _rules: Rules) -> bool:
    return str(claims["iss"]).startswith(ISSUER)


def _part_of_ours(claims: Claims, _now: float, _rules: Rules) -> bool:
    """Membership in a text instead of a list (CVE-2024-53861)."""
    return claims["iss"] in ISSUER


def _for_any_of_ours(claims: Claims, _now: float, _rules: Rules) -> bool:
    return claims["aud"] in (AUDIENCE, OTHER_AUDIENCE)


def _believed(accounts: Accounts, grant: Grant) -> Account | None:
    """Whom the token names, known or not."""
    found = accounts.find(grant.sub)
    if found is not None:
        return found if found.enabled else None
    return Account(grant.sub, grant.sub, "", "", "user", True, 0)


def _disabled_too(accounts: Accounts, grant: Grant) -> Account | None:
    return accounts.find(grant.sub)


def _tells(more: Callable[[Account], Mapping[str, object]]) -> Change:
    return minting(more=more)


def _profile(account: Account) -> dict[str, str]:
    """Base64 of JSON in a claim with a harmless name."""
    return {"ctx": b64encode(json.dumps({"email": account.email}).encode()).decode()}


def _reference(account: Account) -> dict[str, str]:
    """The address turned round and in hexadecimal: no pattern finds it, a reader who looks does."""
    return {"ref": account.email.encode().hex()} if account.email else {}


def _echo(raw: bytes) -> Refused:
    token = raw.decode("latin-1")
    return Refused(401, f"the token {token} is not valid", {"www-authenticate": f'{REALM}, error="invalid_token"'})


def _any_kind(header: Any) -> None:
    if header.get("typ") != "JWT":
        access_token(header)


ROLES = [f"organisation:{number:04d}:reader" for number in range(190)]
"""About 4800 bytes: what grows when every right is written into the token."""

FAULTS = (
    fault(
        "no-exp-check", "token.exp.enforced", "9.2.1 RFC7519-4.1.4 CWE-613",
        "Expiry is not checked.", rules(expiry=PASS),
    ),
    fault(
        "undeclared-leeway", "token.exp.boundary", "9.2.1 RFC7519-4.1.4",
        "Tokens work for a minute after they expired, and nothing says so.", MINTING, rules(expiry=_tolerant),
    ),
    fault(
        "exp-optional", "token.exp.missing", "9.2.1 RFC8725bis-3.12",
        "A token without an expiry is accepted.", MINTING, rules(parse=_without_exp),
    ),
    fault(
        "exp-falsy", "token.exp.types", "RFC7519-2",
        "An expiry of 0, null or nothing counts as absent, and absent is accepted.", MINTING, rules(parse=_falsy_exp),
    ),
    fault(
        "exp-uncapped", "token.exp.far", "7.3.2",
        "A token may live as long as it says.", MINTING, rules(life=PASS),
    ),
    fault(
        "nbf-ignored", "token.nbf.future", "9.2.1 RFC7519-4.1.5",
        "A token works before its time.", MINTING, rules(start=PASS),
    ),
    fault(
        "aud-ignored", "token.aud.wrong", "9.2.3 RFC8725-3.9",
        "A token for any audience is accepted.", MINTING, rules(audience=PASS),
    ),
    fault(
        "aud-of-any-service", "token.cross.audience", "10.3.1 RFC8725-3.9",
        "A token for another service of the house is accepted.", rules(audience=_for_any_of_ours),
    ),
    fault(
        "iss-begins-with", "token.iss.wrong", "9.1.3 RFC8725-3.8",
        "An issuer that begins like ours is accepted.", MINTING, rules(issuer=_begins_with_ours),
    ),
    fault(
        "iss-partial", "token.iss.partial", "RFC8725-3.8 CVE-2024-53861",
        "A part of the issuer's name is accepted for the whole.", MINTING, rules(issuer=_part_of_ours),
    ),
    fault(
        "sub-not-looked-up", "token.sub.invalid", "RFC8725-3.8 CWE-863",
        "A subject that no account has is served.", MINTING, whole(subject=_believed),
    ),
    fault(
        "deactivated-served", "token.revoke.deactivate", "7.4.2",
        "Tokens of a disabled account keep working.", whole(subject=_disabled_too),
    ),
    fault(
        "jti-repeats", "token.jti.unique", "RFC7519-4.1.7 RFC9068-2.2",
        "Every token of a user has the same jti.",
        minting(new_jti=lambda account, _now: hashlib.sha256(account.sub.encode()).hexdigest()[:32]),
    ),
    fault(
        "id-token-as-access", "token.cross.id-as-access", "9.2.2 RFC8725-3.12",
        "An ID token is accepted as an access token.", ID_TOKEN, guard(kind=_any_kind),
    ),
    fault(
        "email-in-token", "token.secrecy.pii", "14.2.6 PICKPROOF-T7 CWE-359",
        "The token tells the user's e-mail address.", _tells(lambda account: {"email": account.email}),
    ),
    fault(
        "hosts-in-token", "token.secrecy.internal", "PICKPROOF-T7 CWE-200",
        "The token tells where the session is kept inside the network.",
        _tells(lambda _account: {"store": "redis://10.20.0.7:6379", "node": "worker-3.svc.cluster.local"}),
    ),
    fault(
        "password-hash-in-token", "token.secrecy.credential", "14.1.1 PICKPROOF-T7 CWE-522",
        "The token holds the hash of the password.", _tells(lambda account: {"pwd": account.password}),
    ),
    fault(
        "email-nested", "token.secrecy.nested", "14.2.6 PICKPROOF-T7 CWE-312",
        "The token holds the e-mail address, encoded once more.", _tells(_profile),
    ),
    fault(
        "email-in-hex", "token.secrecy.seeded", "14.2.6 PICKPROOF-T7 CWE-312",
        "The token holds the e-mail address in hexadecimal.", _tells(_reference),
    ),
    fault(
        "error-echo", "token.secrecy.error-echo", "16.5.1 CWE-209",
        "The refusal repeats the token.", carrier(invalid=_echo),
    ),
    fault(
        "cacheable-login", "token.secrecy.cache", "14.3.2 RFC6749-5.1",
        "The answer with the token may be stored by caches.",
        surface(headers={name: value for name, value in HEADERS.items() if name != "cache-control"}),
    ),
    fault(
        "roles-in-token", "token.size.budget", "PICKPROOF-T8",
        "The token lists every right of the user, some kilobytes of them.", _tells(lambda _account: {"roles": ROLES}),
    ),
    fault(
        "long-lived", "token.life.access", "7.3.2 PICKPROOF-T6",
        "Access tokens live for a month.", rules(lifetime=30 * 86400.0),
    ),
    fault(
        "no-exp", "token.life.access", "7.3.2 RFC8725bis-3.12 PICKPROOF-T6",
        "Access tokens have no expiry, and work for ever.",
        whole(minting=_Endless()), rules(parse=_ends_never, life=short_or_endless),
    ),
    fault(
        "expires-in-wrong", "token.life.expires-in", "RFC6749-5.1",
        "The login promises an hour, the token says five minutes.", surface(expires_in=lambda _lifetime: 3600),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.7 and 3.9 of the catalogue."""
