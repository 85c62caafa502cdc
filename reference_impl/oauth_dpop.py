"""DPoP (RFC 9449): with each request a client proves that it holds the key to which its tokens are bound.

A proof is a JWT that brings its own public key. That says nothing of who signed it; what counts is that a token, a
refresh token of a public client, or a code names the thumbprint of the same key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import jwt
from starlette.requests import Request

from .oauth_browser import ISSUER
from .oauth_clients import Client, sha256
from .oauth_nonces import Nonces
from .oauth_params import OAuthError
from .store import Database
from .token_claims import Claims, is_date
from .token_guard import Envelope, Guard, Header, Rejected, encode, open_compact, strict_object
from .token_keys import verifies
from .web import Refused

TYPE = "dpop+jwt"
ALGS = ("ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256")
PUBLIC = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
"""The members of a public key, in the order in which RFC 7638 section 3.2 hashes them."""
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
TABLES = (
    "CREATE TABLE IF NOT EXISTS proofs (digest TEXT PRIMARY KEY, until REAL NOT NULL)",
    """CREATE TABLE IF NOT EXISTS bound_grants ("grant" TEXT PRIMARY KEY, jkt TEXT NOT NULL, born REAL NOT NULL)""",
)
YEAR = 31_536_000.0


class BadProof(Exception):
    """A proof that is refused."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """The request that a proof came with."""

    place: str
    """``token`` or ``api``: each has its own nonces."""
    method: str
    url: str
    """As clients know it, without its query."""
    now: float
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signature is that of its own key."""

    claims: Claims = field(repr=False)
    jkt: str
    """The thumbprint of that key."""


Rule = Callable[["DPoP", Proof, Occasion], bool]


def typed(header: Header) -> None:
    """Nothing else that the same key may have signed (section 4.3, item 4)."""
    if header.get("typ") != TYPE:
        raise Rejected("another kind of token")


def only_one(fields: list[str]) -> str | None:
    """The proof of a request (section 4.3, item 1)."""
    if len(fields) > 1:
        raise BadProof("two proofs")
    return fields[0] if fields else None


def discreet(jwk: Mapping[str, Any]) -> bool:
    """Whether a key keeps its private half to itself (section 4.3, item 7)."""
    return not PRIVATE & set(jwk)


def key_of(rules: DPoP, header: Header) -> Any:
    """The public key that a proof brings, which must fit its algorithm (section 4.3, items 5 and 7).

    Raises:
        BadProof: there is none that we accept.
    """
    alg, jwk = header.get("alg"), header.get("jwk")
    if alg not in rules.algs or not isinstance(jwk, dict) or not rules.discreet(jwk):
        raise BadProof("not a key and an algorithm that we take")
    try:
        public = {name: jwk[name] for name in PUBLIC[jwk["kty"]]}
        return jwt.PyJWK(public, alg).key
    except (KeyError, TypeError, ValueError, jwt.PyJWTError):
        raise BadProof("not a key that we can read") from None


def genuine(envelope: Envelope, key: Any) -> bool:
    """Whether the signature is that of the key (section 4.3, item 6)."""
    return verifies(str(envelope.header["alg"]), key, envelope.signing_input, envelope.signature)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The name of a key (RFC 7638)."""
    text = json.dumps({name: jwk[name] for name in PUBLIC[jwk["kty"]]}, separators=(",", ":"))
    return encode(hashlib.sha256(text.encode()).digest())


def for_method(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    """Section 4.3, item 8."""
    return bool(proof.claims.get("htm") == here.method)


def normal(url: str) -> str:
    """A URL without query and fragment, scheme and host in small letters, the usual port left out (RFC 3986 6.2)."""
    parts: SplitResult = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path or '/'}"


def for_url(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    """Section 4.3, item 9."""
    try:
        return normal(str(proof.claims.get("htu"))) == normal(here.url)
    except ValueError:
        return False


def fresh(rules: DPoP, proof: Proof, here: Occasion) -> bool:
    """Made a short while ago, or by a clock that is a little ahead (section 4.3, item 11, and section 11.1)."""
    iat = proof.claims.get("iat")
    return is_date(iat) and here.now - rules.window <= iat <= here.now + rules.ahead


def for_token(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    """Made for the very token that it came with (section 4.3, item 12)."""
    if here.token is None:
        return True
    wanted = encode(hashlib.sha256(here.token.encode("latin-1")).digest())
    return hmac.compare_digest(str(proof.claims.get("ath")).encode("utf-8", "surrogatepass"), wanted.encode())


def digest_of(proof: Proof, here: Occasion) -> str:
    """What is remembered of a proof: its key, its id and the address that it was shown to."""
    return sha256(f"{proof.jkt} {proof.claims['jti']} {here.url}")


async def once(db: Database, proof: Proof, here: Occasion, until: float) -> bool:
    """Whether a proof is new: one conditional insert, so that of two at the same moment one is (section 11.1)."""
    digest = digest_of(proof, here)
    db.change("DELETE FROM proofs WHERE until < ?", here.now)
    return db.change("INSERT OR IGNORE INTO proofs VALUES (?, ?)", digest, until) == 1


def same_key(bound: str | None, shown: str | None) -> bool:
    """Whether what is bound to a key came with a proof by it."""
    return bound is None or bound == shown


def bad_proof(rules: DPoP, error: str, nonce: str | None) -> Refused:
    """The API's refusal, with a challenge for a proof (section 7.1)."""
    more = {"dpop-nonce": nonce} if nonce is not None else {}
    challenge = f'DPoP realm="oauth", error="{error}", algs="{" ".join(rules.algs)}"'
    return Refused(401, "a proof of the token's key is needed", {"www-authenticate": challenge, **more})


def invalid_proof(error: str, nonce: str | None) -> OAuthError:
    """The token endpoint's refusal (sections 5 and 8)."""
    more = {"dpop-nonce": nonce} if nonce is not None else {}
    return OAuthError(error, "the proof is missing, unsound or not fresh", headers=more)


@dataclass(frozen=True, slots=True)
class DPoP:
    """What the server demands of proofs, and what it does with the key."""

    offered: bool = True
    """Off, the server knows nothing of proofs."""
    algs: tuple[str, ...] = ALGS
    demanded: Callable[[Client], bool] = lambda _client: False
    """Whether a client gets bound tokens or none."""
    binds: bool = True
    token_type: str = "DPoP"  # noqa: S105
    window: float = 60.0
    """Seconds for which a proof is good."""
    ahead: float = 10.0
    """Seconds by which a client's clock may be ahead."""
    guard: Guard = field(default_factory=lambda: Guard(kind=typed))
    one: Callable[[list[str]], str | None] = only_one
    discreet: Callable[[Mapping[str, Any]], bool] = discreet
    key: Callable[[DPoP, Header], Any] = key_of
    genuine: Callable[[Envelope, Any], bool] = genuine
    required: tuple[str, ...] = ("jti", "htm", "htu", "iat")
    method: Rule = for_method
    url: Rule = for_url
    fresh: Rule = fresh
    token: Rule = for_token
    nonces: Nonces | None = None
    """None where the server gives no nonces (section 8 leaves it the choice)."""
    once: Callable[[Database, Proof, Occasion, float], Awaitable[bool]] = once
    holder: Callable[[str | None, str | None], bool] = same_key
    """Whether the key of a proof is that of the access token."""
    refresher: Callable[[str | None, str | None], bool] = same_key
    """Whether it is that of a public client's refresh token (section 5)."""
    bearer: Callable[[Request, Claims], bool] = lambda _request, claims: "cnf" not in claims
    """Whether a token may come by the Bearer scheme (section 7.2)."""
    lacking: bool = False
    """Whether a bound token may come without a proof (section 7.1)."""
    refuses: Callable[[DPoP, str, str | None], Refused] = bad_proof
    invalid: Callable[[str, str | None], OAuthError] = invalid_proof


class Proofs:
    """A policy at work."""

    def __init__(self, policy: DPoP, db: Database) -> None:
        self.policy, self.db = policy, db
        for table in TABLES:
            db.change(table)

    async def at_token_endpoint(self, request: Request, client: Client, now: float) -> str | None:
        """The key that a token request proves; None where it brings no proof, and need not.

        Raises:
            OAuthError: ``invalid_dpop_proof``, or ``use_dpop_nonce``.
        """
        rules = self.policy
        if not rules.offered:
            return None
        try:
            raw = rules.one(request.headers.getlist("dpop"))
            if raw is None:
                if rules.demanded(client):
                    raise BadProof("no proof")
                return None
            proof = await self.read(raw, occasion("token", request, now))
        except Stale as stale:
            raise rules.invalid("use_dpop_nonce", stale.nonce) from None
        except BadProof:
            raise rules.invalid("invalid_dpop_proof", None) from None
        return proof.jkt if rules.binds else None

    async def at_api(self, request: Request, token: str, claims: Claims, now: float) -> None:
        """See that whoever brings a token by the DPoP scheme holds its key.

        Raises:
            Refused: 401.
        """
        rules, bound = self.policy, claims.get("cnf", {}).get("jkt")
        try:
            raw = rules.one(request.headers.getlist("dpop"))
            if raw is None:
                if rules.lacking:
                    return
                raise BadProof("no proof")
            proof = await self.read(raw, occasion("api", request, now, token))
            if bound is None or not rules.holder(bound, proof.jkt):
                raise BadProof("another key")
        except Stale as stale:
            raise rules.refuses(rules, "use_dpop_nonce", stale.nonce) from None
        except BadProof:
            raise rules.refuses(rules, "invalid_dpop_proof", None) from None

    async def read(self, raw: str, here: Occasion) -> Proof:
        """A proof that is sound for this request.

        Raises:
            BadProof: it is not; `Stale` where its nonce is.
        """
        rules, proof = self.policy, self.authentic(raw)
        if not all(proof.claims.get(name) not in (None, "") for name in rules.required):
            raise BadProof("a claim is missing")
        if not all(rule(rules, proof, here) for rule in (rules.method, rules.url, rules.token, rules.fresh)):
            raise BadProof("made for something else")
        if rules.nonces and not rules.nonces.accepted(here.place, proof.claims.get("nonce"), here.now):
            raise Stale(rules.nonces.new(here.place, here.now))
        until = here.now + rules.window + rules.ahead
        if "jti" in proof.claims and not await rules.once(self.db, proof, here, until):
            raise BadProof("used before")
        return proof

    def authentic(self, raw: str) -> Proof:
        """A proof that was signed with the key that it shows."""
        rules = self.policy
        try:
            envelope = open_compact(rules.guard, raw.encode("utf-8", "surrogatepass"))
            key = rules.key(rules, envelope.header)
            claims = strict_object(envelope.payload)
        except Rejected:
            raise BadProof("not a JWT that proves a key") from None
        if not rules.genuine(envelope, key):
            raise BadProof("not signed with its key")
        return Proof(claims, thumbprint(envelope.header["jwk"]))

    def bind(self, grant: str, jkt: str, now: float) -> None:
        """Bind the refresh tokens of a grant to a key."""
        self.db.change("DELETE FROM bound_grants WHERE born < ?", now - YEAR)
        self.db.change("INSERT OR REPLACE INTO bound_grants VALUES (?, ?, ?)", grant, jkt, now)

    def bound(self, grant: str) -> str | None:
        """The key to which the refresh tokens of a grant are bound."""
        row = self.db.row('SELECT jkt FROM bound_grants WHERE "grant" = ?', grant)
        return str(row[0]) if row else None


class Stale(BadProof):
    """A proof without a nonce, or with one that is too old or not ours."""

    def __init__(self, nonce: str) -> None:
        super().__init__("another nonce, please")
        self.nonce = nonce


def occasion(place: str, request: Request, now: float, token: str | None = None) -> Occasion:
    """A request as its client sees it: under our public name, whatever the ``Host`` field says."""
    return Occasion(place, request.method, ISSUER + request.url.path, now, token)
