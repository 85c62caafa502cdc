"""Redeeming an authorization code: once, soon, and only by whom it was issued to (RFC 6749 section 4.1.3)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from .oauth_clients import sha256
from .oauth_grants import Code, Grants
from .oauth_pkce import Pkce


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says when it redeems a code."""

    client: str
    """Authenticated, or merely said by a public client."""
    redirect_uri: str | None
    verifier: str | None
    now: float
    jkt: str | None = None
    """The key that the request proves."""


class Verdict(Enum):
    """What to do about a code."""

    REDEEM = 1
    REPLAY = 2
    REFUSE = 3


Proof = Callable[["Codes", Grants, Code, Claim], bool]
"""One thing that the redeemer must know or be."""


def same_client(_codes: Codes, _grants: Grants, code: Code, claim: Claim) -> bool:
    """The client that the code was issued to (RFC 6749 section 4.1.3)."""
    return code.asked.client == claim.client


def same_redirect_uri(_codes: Codes, _grants: Grants, code: Code, claim: Claim) -> bool:
    """A URI that is sent must be that of the request; OAuth 2.1 section 10.2 does without it, since PKCE does more."""
    return claim.redirect_uri in (None, code.asked.redirect_uri)


def same_party(codes: Codes, _grants: Grants, code: Code, claim: Claim) -> bool:
    """The party that started the flow: it knows the verifier (RFC 7636 section 4.6)."""
    return codes.pkce.answers(codes.pkce, code.asked.challenge, claim.verifier)


def same_key(_codes: Codes, _grants: Grants, code: Code, claim: Claim) -> bool:
    """The key that the authorization request named, if it did (RFC 9449 section 10)."""
    return code.asked.jkt in (None, claim.jkt)


def judge(codes: Codes, grants: Grants, code: Code | None, claim: Claim) -> Verdict:
    """A wrong claim neither burns a code nor revokes anything, or strangers could do harm with a code that they saw.

    A right claim for a spent code is a replay, however late: the code and all its proofs were stolen (OAuth 2.1
    section 7.5.2, RFC 6749 section 4.1.2).
    """
    if code is None or not all(proof(codes, grants, code, claim) for proof in (*codes.proofs, codes.key)):
        return Verdict.REFUSE
    if code.spent:
        return Verdict.REPLAY
    return Verdict.REDEEM if claim.now < code.born + codes.lifetime else Verdict.REFUSE


async def redeem(codes: Codes, grants: Grants, value: str, claim: Claim) -> Code | None:
    """The code, now spent, or None. Nothing can come between looking and spending: it is one transaction."""
    with grants.db.transaction():
        code = grants.code(codes.digest(value))
        verdict = codes.judge(codes, grants, code, claim)
        if code is not None and verdict is Verdict.REDEEM:
            grants.spend(code.digest)
        elif code is not None and verdict is Verdict.REPLAY:
            codes.replayed(grants, code)
        return code if verdict is Verdict.REDEEM else None


@dataclass(frozen=True, slots=True)
class Codes:
    """How codes are made and redeemed."""

    pkce: Pkce = field(default_factory=Pkce)
    lifetime: float = 60.0
    """Seconds; RFC 6749 section 4.1.2 recommends at most ten minutes, ASVS-v5.0.0-10.4.3 demands it."""
    new: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    """256 bits from the operating system (RFC 6749 section 10.10)."""
    digest: Callable[[str], str] = sha256
    proofs: tuple[Proof, ...] = (same_client, same_redirect_uri, same_party)
    key: Proof = same_key
    judge: Callable[[Codes, Grants, Code | None, Claim], Verdict] = judge
    replayed: Callable[[Grants, Code], None] = lambda grants, code: grants.end(code.grant)
    """Every token that was issued for the code ends, and what descends from them (RFC 6749 section 4.1.2)."""
    redeem: Callable[[Codes, Grants, str, Claim], Awaitable[Code | None]] = redeem
    scope: Callable[[Code, str | None], tuple[str, ...]] = lambda code, _asked: code.asked.scope
    """The scope of the tokens: what the user saw, whatever the token request says."""
