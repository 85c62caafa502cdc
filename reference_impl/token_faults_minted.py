"""Faults in reading what is well signed: header members, encodings, layers, claims and their types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .accounts import Account, Accounts
from .token_claims import AUDIENCE, ISSUER, Claims, Rules
from .token_faults_claims import NEVER, short_or_endless
from .token_faults_form import BARE, first_wins, unguarded
from .token_guard import Envelope, Header, Rejected, canonical, strict_object, three_segments
from .token_keys import Keys, verifies
from .token_life import Grant
from .token_switch import Change, accepts, alg, fault, guard, rules, whole
from .token_variants import MINTING

RSA = frozenset({"RS384", "RS512", "PS256"})


def _misspelled(envelope: Envelope, keys: Keys) -> bool:
    """Our algorithm in other letters, or with something after it."""
    folded = alg(envelope).strip(" \0").casefold()
    return folded == keys.alg.casefold() and _signed(keys.alg, envelope, keys)


def _any_of_the_family(envelope: Envelope, keys: Keys) -> bool:
    return alg(envelope) in RSA and _signed(alg(envelope), envelope, keys)


def _signed(name: str, envelope: Envelope, keys: Keys) -> bool:
    known = envelope.header.get("kid") == keys.kid
    return known and verifies(name, keys.verifying, envelope.signing_input, envelope.signature)


def _present_alone(header: Header) -> None:
    """Only a list of what is present counts; what cannot be read as that is skipped."""
    names = header.get("crit")
    if isinstance(names, list) and any(name in header for name in names if isinstance(name, str)):
        raise Rejected("an unknown critical extension")


def _any_encoding(raw: bytes) -> Header:
    try:
        return strict_object(raw.decode(json.detect_encoding(raw)).encode())
    except UnicodeDecodeError:
        raise Rejected("not text") from None


def _unwrapped(raw: bytes) -> Claims:
    """The claims of an inner token, which the outer signature is thought to cover."""
    if raw.count(b".") != 2 or raw.startswith(b"{"):
        return strict_object(raw)
    return strict_object(canonical(three_segments(raw.decode("ascii", "replace"))[1]))


def _any_case(raw: bytes) -> Claims:
    """Names without regard to case, the last one wins: as some parsers fill a structure."""
    return {name.casefold(): value for name, value in strict_object(raw).items()}


def _constants(raw: bytes) -> Claims:
    """NaN and Infinity, which are not JSON, are read as never."""
    try:
        value = json.loads(raw, parse_constant=lambda _name: NEVER)
    except (ValueError, RecursionError):
        raise Rejected("not JSON") from None
    return value if isinstance(value, dict) else strict_object(b"")


def _instead(claim: str, ours: str, taken: Callable[[Any], bool]) -> Change:
    """A claim counts as ours when it is ``taken`` for it."""

    def parse(raw: bytes) -> Claims:
        claims = strict_object(raw)
        return {**claims, claim: ours} if taken(claims.get(claim)) else claims

    return rules(parse=parse)


def _absent_is_ours(raw: bytes) -> Claims:
    return {"aud": AUDIENCE, **strict_object(raw)}


def _an_hour_late(claims: Claims, now: float, policy_rules: Rules) -> bool:
    return bool(now < claims["exp"] + policy_rules.leeway + 3600)


def _pasted(accounts: Accounts, grant: Grant) -> Account | None:
    """The subject is pasted into the query."""
    query = f"SELECT sub FROM accounts WHERE sub = '{grant.sub}'"  # noqa: S608 - the fault
    row = accounts.db.row(query) if "\0" not in grant.sub else None
    account = accounts.find(row[0]) if row else None
    return account if account is not None and account.enabled else None


FAULTS = (
    fault(
        "alg-name-folded", "token.alg.name-case", "RFC7515-4.1.1 CWE-178",
        "The name of the algorithm is compared without regard to case and white space.", MINTING, accepts(_misspelled),
    ),
    fault(
        "alg-family", "token.alg.hash-switch", "RFC8725-3.1",
        "The key verifies any algorithm that works with it.", MINTING, accepts(_any_of_the_family),
    ),
    fault(
        "crit-unreadable-skipped", "token.crit.malformed", "RFC7515-4.1.11",
        "A crit that is malformed, or names what is absent, is skipped.", MINTING, BARE, guard(critical=_present_alone),
    ),
    fault(
        "first-member-wins", "token.header.dup", "RFC7515-4 CWE-436",
        "Of a header member that stands twice, the first counts.", MINTING, BARE, guard(header=first_wins),
    ),
    fault(
        "header-any-encoding", "token.header.encoding", "RFC8725-3.7",
        "The encoding of the header is guessed.", MINTING, BARE, guard(header=_any_encoding),
    ),
    fault(
        "nested-unverified", "token.cty.nested", "RFC8725-3.3",
        "A token in a token is believed for the signature of the outer one.", MINTING, rules(parse=_unwrapped),
    ),
    fault(
        "claims-any-case", "token.json.escape", "RFC7519-4.1.4 CWE-178",
        "Names of claims are read without regard to case.", MINTING, rules(parse=_any_case),
    ),
    fault(
        "numbers-crash", "token.json.numbers", "RFC8259-6 CWE-755",
        "A number of too many digits raises what nobody catches.", MINTING, rules(parse=unguarded),
    ),
    fault(
        "infinity-read", "token.json.numbers", "RFC7519-7.2 RFC8259-6",
        "NaN and Infinity are read as a time that never comes.", MINTING,
        rules(parse=_constants, life=short_or_endless),
    ),
    fault(
        "iss-in-list", "token.iss.array", "RFC8725-3.8 CVE-2025-30144",
        "A list of issuers passes if ours stands in it.", MINTING,
        _instead("iss", ISSUER, lambda iss: isinstance(iss, list) and ISSUER in iss),
    ),
    fault(
        "aud-optional", "token.aud.missing", "9.2.3 RFC8725-3.9",
        "A token without an audience is for everybody.", MINTING, rules(parse=_absent_is_ours),
    ),
    fault(
        "aud-falsy", "token.aud.types", "RFC7519-4.1.3 RFC8725-3.9",
        "An empty audience has no wrong name in it, and passes.", MINTING,
        _instead("aud", AUDIENCE, lambda aud: aud in ([], "", {})),
    ),
    fault(
        "sub-in-a-query", "token.sub.injection", "1.2.4 CWE-89",
        "The subject is pasted into the query for the account.", MINTING, whole(subject=_pasted),
    ),
    fault(
        "leeway-an-hour", "token.exp.leeway", "RFC7519-4.1.4-leeway CWE-613",
        "Tokens work for an hour after they expired.", MINTING, rules(expiry=_an_hour_late),
    ),
)  # fmt: skip
"""Primary killers are rows of sections 3.3, 3.5 and 3.7 of the catalogue that need a key which the target trusts."""
