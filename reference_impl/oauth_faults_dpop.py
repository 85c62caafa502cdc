"""Faults of DPoP: each makes a bound token, or a proof that was caught, worth more than it should be."""

from __future__ import annotations

import asyncio
import hmac
import itertools
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request

from .oauth_dpop import DPoP, Occasion, Proof, digest_of, discreet, for_method, for_token, genuine, key_of, normal
from .oauth_nonces import Nonces
from .oauth_params import OAuthError
from .oauth_switch import PAUSE, codes, dpop, fault, fresh
from .store import Database
from .token_claims import Claims
from .token_guard import Envelope, Guard, Header
from .web import Refused

NONCES = dpop(nonces=Nonces())


def _unsigned_too(rules: DPoP, header: Header) -> Any:
    return None if str(header.get("alg")).lower() == "none" else key_of(rules, header)


def _unless_unsigned(envelope: Envelope, key: Any) -> bool:
    return key is None or genuine(envelope, key)


def _pem_for_hmac(rules: DPoP, header: Header) -> Any:
    """The library is given the key of the proof as text, and the algorithm of its header."""
    if header.get("alg") != "HS256" or not discreet(header["jwk"]):
        return key_of(rules, header)
    public: Any = jwt.PyJWK(dict(header["jwk"]), "ES256" if header["jwk"].get("kty") == "EC" else None).key
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _by_pem(envelope: Envelope, key: Any) -> bool:
    if not isinstance(key, bytes):
        return genuine(envelope, key)
    return hmac.compare_digest(hmac.digest(key, envelope.signing_input, "sha256"), envelope.signature)


def _method_if_told(rules: DPoP, proof: Proof, here: Occasion) -> bool:
    return "htm" not in proof.claims or for_method(rules, proof, here)


def _hash_if_told(rules: DPoP, proof: Proof, here: Occasion) -> bool:
    return "ath" not in proof.claims or for_token(rules, proof, here)


def _some_hash(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    return here.token is None or "ath" in proof.claims


def _same_folder(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    return normal(str(proof.claims["htu"])).rpartition("/")[0] == normal(here.url).rpartition("/")[0]


def _same_path(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    return normal(str(proof.claims["htu"])).split("/", 3)[3:] == normal(here.url).split("/", 3)[3:]


def _anything(*_: object) -> bool:
    return True


async def _never_used(*_: object) -> bool:
    return True


async def _looked_up_first(db: Database, proof: Proof, here: Occasion, until: float) -> bool:
    digest = digest_of(proof, here)
    if db.row("SELECT 1 FROM proofs WHERE digest = ?", digest):
        return False
    await asyncio.sleep(PAUSE)
    db.change("INSERT OR IGNORE INTO proofs VALUES (?, ?)", digest, until)
    return True


def _but_on_notes(request: Request, claims: Claims) -> bool:
    return "cnf" not in claims or request.url.path == "/api/note"


def _some_nonce(_place: str, nonce: object, _now: float) -> bool:
    return isinstance(nonce, str)


def _recent_time(_place: str, nonce: object, now: float) -> bool:
    return isinstance(nonce, str) and nonce.isdigit() and abs(int(nonce) - now) < 120


def _counted() -> Any:
    numbers, given = itertools.count(4711), set[str]()

    def new(_place: str, _now: float) -> str:
        given.add(value := str(next(numbers)))
        return value

    return dpop(nonces=Nonces(new, lambda _place, nonce, _now: nonce in given))


def _vague(_error: str, nonce: str | None) -> OAuthError:
    return OAuthError("invalid_request", "something is wrong", headers={"dpop-nonce": nonce} if nonce else {})


def _no_challenge(_rules: DPoP, _error: str, nonce: str | None) -> Refused:
    return Refused(401, "log in first", {"dpop-nonce": nonce} if nonce else {})


FAULTS = (
    fault(
        "dpop-type-unchecked", "oauth.dpop.typ", "RFC9449-4.3-4 RFC9449-11.5 CWE-843",
        "Any JWT that has a key in its header passes for a proof.", dpop(guard=Guard(kind=lambda _header: None)),
    ),
    fault(
        "dpop-unsigned", "oauth.dpop.alg", "RFC9449-4.3-5 CWE-347",
        "A proof with alg none needs no signature.", dpop(key=_unsigned_too, genuine=_unless_unsigned),
    ),
    fault(
        "dpop-hmac-by-public-key", "oauth.dpop.alg", "RFC9449-4.3-5 CWE-347",
        "A proof with HS256 is verified with the text of its public key.", dpop(key=_pem_for_hmac, genuine=_by_pem),
    ),
    fault(
        "dpop-signature-unchecked", "oauth.dpop.signature", "RFC9449-4.3-6 CWE-347",
        "The signature of a proof is not verified.", dpop(genuine=_anything),
    ),
    fault(
        "dpop-private-key-taken", "oauth.dpop.private-jwk", "RFC9449-4.3-7 CWE-312",
        "A proof may show its private key.", dpop(discreet=_anything),
    ),
    fault(
        "dpop-jti-optional", "oauth.dpop.required-claims", "RFC9449-4.3-3 CWE-345",
        "A proof need not have a jti.", dpop(required=("htm", "htu", "iat")),
    ),
    fault(
        "dpop-method-optional", "oauth.dpop.required-claims", "RFC9449-4.3-3 CWE-345",
        "A proof need not name a method.", dpop(required=("jti", "htu", "iat"), method=_method_if_told),
    ),
    fault(
        "dpop-hash-optional", "oauth.dpop.required-claims", "RFC9449-4.3-3 CWE-345",
        "The API compares the hash of the token only where the proof has one.", dpop(token=_hash_if_told),
    ),
    fault(
        "dpop-method-unchecked", "oauth.dpop.htm", "RFC9449-4.3-8 CWE-345",
        "The method in a proof is not compared.", dpop(method=_anything),
    ),
    fault(
        "dpop-url-unchecked", "oauth.dpop.htu", "RFC9449-4.3-9 CWE-345",
        "The address in a proof is not compared.", dpop(url=_anything),
    ),
    fault(
        "dpop-host-unchecked", "oauth.dpop.htu", "RFC9449-4.3-9 CWE-345",
        "Of the address in a proof only the path is compared.", dpop(url=_same_path),
    ),
    fault(
        "dpop-time-unchecked", "oauth.dpop.iat-window", "RFC9449-4.3-11 CWE-294",
        "A proof is good for ever.", dpop(fresh=_anything),
    ),
    fault(
        "dpop-first-of-two", "oauth.dpop.one-header", "RFC9449-4.3-1 CWE-235",
        "Of two proofs the first one counts.", dpop(one=lambda fields: fields[0] if fields else None),
    ),
    fault(
        "dpop-replayed", "oauth.dpop.jti-replay", "RFC9449-11.1-once CWE-294",
        "A proof may be used again.", dpop(once=_never_used),
    ),
    fault(
        "dpop-replayed-in-a-race", "oauth.race.dpop-jti", "RFC9449-11.1-once CWE-367",
        "Whether a proof is new is looked up a moment before it is noted.", dpop(once=_looked_up_first),
    ),
    fault(
        "dpop-hash-unchecked", "oauth.dpop.ath", "RFC9449-4.3-12 CWE-345",
        "A proof must have the hash of some token.", dpop(token=_some_hash),
    ),
    fault(
        "dpop-any-key", "oauth.dpop.key-binding", "RFC9449-4.3-12 RFC9449-6 CWE-345",
        "Any sound proof opens with any bound token.", dpop(holder=_anything),
    ),
    fault(
        "dpop-no-proof", "oauth.dpop.no-proof", "RFC9449-7.1 CWE-294",
        "A bound token needs no proof.", dpop(lacking=True),
    ),
    fault(
        "dpop-bearer-downgrade", "oauth.dpop.bearer-downgrade", "RFC9449-7.2 CWE-757",
        "A bound token may be sent as a Bearer token.", dpop(bearer=_anything),
    ),
    fault(
        "dpop-route-forgotten", "bearer.sender-constrained", "RFC9700-2.2.1 RFC9449-7.2 CWE-294",
        "One route of the API takes bound tokens as Bearer tokens.", dpop(bearer=_but_on_notes),
    ),
    fault(
        "dpop-says-bearer", "oauth.dpop.token-type", "RFC9449-5 CWE-757",
        "A token that is bound to a key is called a Bearer token.", dpop(token_type="Bearer"),  # noqa: S106
    ),
    fault(
        "dpop-refresh-unbound", "oauth.dpop.refresh-binding", "RFC9449-5 RFC9700-2.2.2 CWE-345",
        "The refresh token of a public client works with any key.", dpop(refresher=_anything),
    ),
    fault(
        "dpop-code-unbound", "oauth.dpop.code-binding", "RFC9449-10 CWE-345",
        "The key that an authorization request names is forgotten.", codes(key=_anything),
    ),
    fault(
        "dpop-any-nonce", "oauth.dpop.nonce-required", "RFC9449-4.3-10 RFC9449-8 CWE-294",
        "A nonce is demanded, and any will do.", NONCES, dpop(nonces=Nonces(accepted=_some_nonce)),
    ),
    fault(
        "dpop-nonce-is-the-time", "oauth.dpop.nonce-random", "RFC9449-8 CWE-330",
        "Nonces are the server's time.", dpop(nonces=Nonces(lambda _place, now: str(int(now)), _recent_time)),
    ),
    fault(
        "dpop-nonce-counted", "oauth.dpop.nonce-random", "RFC9449-8 CWE-330",
        "Nonces are counted.", fresh(_counted),
    ),
    fault(
        "dpop-any-route", "oauth.dpop.cross-endpoint", "RFC9449-4.3-9 CWE-294",
        "A proof for one route of the API opens the others.", dpop(url=_same_folder),
    ),
    fault(
        "dpop-error-vague", "oauth.dpop.error-form", "RFC9449-5-error",
        "The token endpoint does not say that it is the proof.", dpop(invalid=_vague),
    ),
    fault(
        "dpop-no-challenge", "oauth.dpop.error-form", "RFC9449-7.1-challenge",
        "The API refuses a proof without a challenge.", dpop(refuses=_no_challenge),
    ),
)  # fmt: skip
"""Collected in ``oauth_faults.py``."""
