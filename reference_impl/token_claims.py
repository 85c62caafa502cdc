"""What a well-signed token must say before it is believed (RFC 7519 section 4, RFC 8725 sections 3.8 to 3.12)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from .accounts import Account
from .token_guard import Rejected, strict_object

ISSUER = "https://token.reference.example/"
AUDIENCE = "https://notes.reference.example/"
"""This API."""
OTHER_AUDIENCE = "https://billing.reference.example/"
"""Another API that takes tokens of the same issuer; ours must not, and its must not take ours."""
LIFETIME = 300.0
"""Seconds that an access token lives."""

Claims = Mapping[str, Any]
Rule = Callable[[Claims, float, "Rules"], bool]
"""``(claims, now, rules)``: whether the token passes."""

_TEXTS = ("iss", "aud", "sub", "jti")
_DATES = ("iat", "exp", "nbf")


def well_formed(claims: Claims, _now: float, rules: Rules) -> bool:
    """Every required claim is there; texts are texts, and dates finite numbers, floats included (section 2)."""
    texts = (claims[name] for name in _TEXTS if name in claims)
    dates = (claims[name] for name in _DATES if name in claims)
    return (
        all(name in claims for name in rules.required)
        and all(isinstance(value, str) and value for value in texts)
        and all(is_date(value) for value in dates)
    )


def is_date(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number that a date may be: finite, and exact as a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53


def unexpired(claims: Claims, now: float, rules: Rules) -> bool:
    """Refused on or after ``exp`` (section 4.1.4)."""
    return bool(now < claims["exp"] + rules.leeway)


def begun(claims: Claims, now: float, rules: Rules) -> bool:
    """Refused before ``nbf``, where there is one (section 4.1.5)."""
    return bool(claims.get("nbf", 0) <= now + rules.leeway)


def issued_before(claims: Claims, now: float, rules: Rules) -> bool:
    """Nothing of ours is issued in the future."""
    return bool(claims["iat"] <= now + rules.leeway)


def short_lived(claims: Claims, _now: float, rules: Rules) -> bool:
    """We issue nothing that lives longer, so such a token was made by somebody else."""
    return bool(0 < claims["exp"] - claims["iat"] <= rules.lifetime)


def our_issuer(claims: Claims, _now: float, _rules: Rules) -> bool:
    """Exactly, as a text (section 4.1.1, RFC 8725 section 3.8)."""
    return bool(claims["iss"] == ISSUER)


def for_us(claims: Claims, _now: float, _rules: Rules) -> bool:
    """We issue for one audience at a time, so lists are refused too (RFC 8725 section 3.9)."""
    return bool(claims["aud"] == AUDIENCE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is demanded of the claims."""

    required: tuple[str, ...] = ("iss", "aud", "sub", "iat", "exp", "jti")
    lifetime: float = LIFETIME
    """Seconds from ``iat`` to ``exp``, both when we issue and when we verify."""
    leeway: float = 0.0
    """Seconds of tolerance for clocks; declared in the description."""
    parse: Callable[[bytes], Claims] = strict_object
    formed: Rule = well_formed
    expiry: Rule = unexpired
    start: Rule = begun
    issued: Rule = issued_before
    life: Rule = short_lived
    issuer: Rule = our_issuer
    audience: Rule = for_us

    def read(self, payload: bytes, now: float) -> Claims:
        """The claims of a payload whose signature is verified.

        Raises:
            Rejected: they break a rule.
        """
        claims = self.parse(payload)
        ordered = (self.formed, self.expiry, self.start, self.issued, self.life, self.issuer, self.audience)
        if not all(rule(claims, now, self) for rule in ordered):
            raise Rejected("the claims break a rule")
        return claims


@dataclass(frozen=True, slots=True)
class Minting:
    """What a new token says."""

    new_jti: Callable[[Account, float], str | None] = lambda _account, _now: secrets.token_hex(16)
    """A name for the token; None for none."""
    more: Callable[[Account], Mapping[str, Any]] = lambda _account: {}
    """More claims: none. Everybody who holds the token can read it."""
    audiences: tuple[str, ...] = (AUDIENCE, OTHER_AUDIENCE)
    """What a client may ask a token for."""

    def claims(self, account: Account, now: float, lifetime: float, audience: str) -> dict[str, Any]:
        """The claims of a token issued now; whole seconds, which every verifier understands."""
        issued, jti = int(now), self.new_jti(account, now)
        named = {"jti": jti} if jti is not None else {}
        claims = {"iss": ISSUER, "aud": audience, "sub": account.sub, "iat": issued, "exp": issued + int(lifetime)}
        return {**claims, **named, **self.more(account)}
