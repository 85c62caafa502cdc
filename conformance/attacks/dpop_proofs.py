"""DPoP proofs (RFC 9449 section 4.2), and those that a server must refuse (section 4.3). No network."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from conformance.attacks.jwt import b64_encode, compact, dumps, sign, signing_input
from conformance.attacks.keys import PUBLIC_MEMBERS

PREFERRED = ("ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256", "PS384", "RS384", "PS512", "RS512")
"""Algorithms of proofs that the kit can make, the most usual first."""
CURVES = {"ES256": "SECP256R1", "ES384": "SECP384R1", "ES512": "SECP521R1"}
DAY = 86400.0
"""Seconds; section 11.1 speaks of seconds or minutes for which a proof is good."""


@dataclass(frozen=True, slots=True)
class ProofKey:
    """A key pair of a client."""

    alg: str
    private: Any = field(repr=False)
    members: Mapping[str, str] = field(repr=False)
    """The whole JWK, private members and all."""

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        return {name: self.members[name] for name in PUBLIC_MEMBERS[self.members["kty"]]}

    @property
    def thumbprint(self) -> str:
        """The name by which tokens are bound to the key (RFC 7638)."""
        text = json.dumps(dict(sorted(self.jwk.items())), separators=(",", ":"))
        return b64_encode(hashlib.sha256(text.encode()).digest())


def new_key(accepted: Iterable[str] = ()) -> ProofKey:
    """A fresh key for the first algorithm that a server accepts and the kit can use; ES256 where it tells none."""
    known = set(accepted)
    alg = next((name for name in PREFERRED if name in known), PREFERRED[0])
    private = _private(alg)
    return ProofKey(alg, private, _members(private))


def _private(alg: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if alg in CURVES:
        return ec.generate_private_key(getattr(ec, CURVES[alg])())
    return ed25519.Ed25519PrivateKey.generate() if alg == "EdDSA" else rsa.generate_private_key(65537, 2048)


def _members(private: Any) -> dict[str, str]:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    kind = type(private).__name__
    writer: Any = ECAlgorithm if "Elliptic" in kind or "EC" in kind else RSAAlgorithm if "RSA" in kind else OKPAlgorithm
    members = writer.to_jwk(private, as_dict=True)
    return {name: value for name, value in members.items() if name != "key_ops"}


def hash_of(token: str) -> str:
    """What a proof says of the access token that it goes with (section 4.2, ``ath``)."""
    return b64_encode(hashlib.sha256(token.encode("latin-1", "replace")).digest())


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof before it is signed."""

    key: ProofKey = field(repr=False)
    header: Mapping[str, object]
    claims: Mapping[str, object]

    def claiming(self, **changes: object) -> Proof:
        """The same with some claims changed; None leaves one out."""
        return replace(self, claims=_changed(self.claims, changes))

    def headed(self, **changes: object) -> Proof:
        """The same with some members of the header changed; None leaves one out."""
        return replace(self, header=_changed(self.header, changes))

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """Header and payload as they are signed."""
        return dumps(self.header).encode(), dumps(self.claims).encode()

    def signed(self, alg: str = "", key: Any = None) -> str:
        """The compact JWS, by default signed with its own key."""
        covered = signing_input(*self.parts).encode()
        return compact(*self.parts, sign(alg or self.key.alg, covered, self.key.private if key is None else key))


def _changed(members: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def proof(key: ProofKey, method: str, url: str, now: float, *, token: str = "", nonce: str = "") -> Proof:
    """A sound proof for one request."""
    header = {"typ": "dpop+jwt", "alg": key.alg, "jwk": key.jwk}
    claims: dict[str, object] = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(now)}
    more = {"ath": hash_of(token) if token else None, "nonce": nonce or None}
    return Proof(key, header, _changed(claims, more))


@dataclass(frozen=True, slots=True)
class Variation:
    """How the proof of a request is written: the values of its ``DPoP`` fields, made of a sound proof."""

    name: str
    write: Callable[[Proof], tuple[str, ...]] = field(repr=False)
    follows: bool = True
    """Whether it is sent again with the nonce that the server asks for."""

    def __str__(self) -> str:
        return self.name


def one(name: str, write: Callable[[Proof], str]) -> Variation:
    """A request with one proof."""
    return Variation(name, lambda proof: (write(proof),))


SOUND = one("a sound proof", lambda proof: proof.signed())
NO_PROOF = Variation("no proof", lambda _proof: ())


def _by_secret(proof: Proof) -> str:
    """An HMAC whose secret stands in the proof itself."""
    secret = secrets.token_bytes(32)
    shared = {"kty": "oct", "k": b64_encode(secret)}
    return proof.headed(alg="HS256", jwk=shared).signed("HS256", secret)


def _by_public_key(proof: Proof) -> str:
    """An HMAC whose secret is the public key of the proof, as a verifier would load it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = proof.key.private.public_key()
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return proof.headed(alg="HS256").signed("HS256", pem)


def _altered_afterwards(proof: Proof) -> str:
    genuine = proof.signed().rpartition(".")[2]
    later = proof.claiming(jti=secrets.token_urlsafe(16))
    return f"{signing_input(*later.parts)}.{genuine}"


def _with_signature(proof: Proof, alter: Callable[[bytes], bytes]) -> str:
    covered = signing_input(*proof.parts).encode()
    return compact(*proof.parts, alter(sign(proof.key.alg, covered, proof.key.private)))


TYPES = (
    one("a proof without a type", lambda proof: proof.headed(typ=None).signed()),
    one("a proof of type JWT", lambda proof: proof.headed(typ="JWT").signed()),
    one("a proof of type at+jwt", lambda proof: proof.headed(typ="at+jwt").signed()),
)
"""Section 4.3, item 4."""

ALGORITHMS = (
    one("a proof with alg none", lambda proof: compact(*proof.headed(alg="none").parts)),
    one("a proof with alg None", lambda proof: compact(*proof.headed(alg="None").parts)),
    one("a proof with HS256 and the secret in its jwk", _by_secret),
    one("a proof with HS256 and its public key as the secret", _by_public_key),
)
"""Section 4.3, item 5."""

SIGNATURES = (
    one("a proof signed by another key than it shows", lambda p: p.signed(key=_private(p.key.alg))),
    one("a proof that was altered after it was signed", _altered_afterwards),
    one("a proof without its signature", lambda p: compact(*p.parts)),
    one("a proof whose signature is zeroes", lambda p: _with_signature(p, lambda made: bytes(len(made)))),
    one("a proof whose signature has one bit changed", lambda p: _with_signature(p, _flipped)),
)
"""Section 4.3, item 6."""


def _flipped(signature: bytes) -> bytes:
    middle = len(signature) // 2
    return signature[:middle] + bytes([signature[middle] ^ 1]) + signature[middle + 1 :]


PRIVATE_KEYS = (one("a proof that shows its private key", lambda p: p.headed(jwk=dict(p.key.members)).signed()),)
"""Section 4.3, item 7."""

METHODS = (one("a proof for another method", lambda p: p.claiming(htm="DELETE").signed()),)
"""Section 4.3, item 8."""


def _elsewhere(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://attacker.pickproof.example/{rest.partition('/')[2]}"


URLS = (
    one("a proof for another path", lambda p: p.claiming(htu=f"{p.claims['htu']}-pickproof").signed()),
    one("a proof for another host", lambda p: p.claiming(htu=_elsewhere(str(p.claims["htu"]))).signed()),
)
"""Section 4.3, item 9."""


def _in_capitals(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.upper()}://{host.upper()}{slash}{path}"


CAPITALS = one(
    "a proof whose scheme and host are in capitals",
    lambda p: p.claiming(htu=_in_capitals(str(p.claims["htu"]))).signed(),
)
"""The same address (RFC 3986 section 6.2.2.1); servers should see that."""


def _aged(seconds: float, proof: Proof) -> tuple[str, ...]:
    """A proof of another time; without a nonce, by whose own time a server might go instead (section 11.1)."""
    iat = proof.claims["iat"]
    return (proof.claiming(iat=int(iat + seconds) if isinstance(iat, int) else iat, nonce=None).signed(),)


TIMES = (
    Variation("a proof from yesterday", partial(_aged, -DAY), follows=False),
    Variation("a proof from tomorrow", partial(_aged, DAY), follows=False),
)
"""Section 4.3, item 11."""


def lacking(*claims: str) -> tuple[Variation, ...]:
    """Proofs that each lack one claim (section 4.3, item 3)."""
    return tuple(one(f"a proof without {claim}", partial(_without, claim)) for claim in claims)


def _without(claim: str, proof: Proof) -> str:
    return proof.claiming(**{claim: None}).signed()


def of_token(token: str, name: str) -> Variation:
    """A proof that was made for another access token (section 4.3, item 12)."""
    return one(f"a proof for {name}", lambda proof: proof.claiming(ath=hash_of(token)).signed())


def for_url(url: str, name: str) -> Variation:
    """A proof that was made for another address."""
    return one(f"a proof for {name}", lambda proof: proof.claiming(htu=url).signed())


def fixed(value: str, name: str) -> Variation:
    """One proof, used whatever the request is."""
    return Variation(name, lambda _proof: (value,), follows=False)


def with_nonce(nonce: str | None, name: str) -> Variation:
    """A proof with a nonce of the attacker's choice; None for none at all."""
    return Variation(name, lambda proof: (proof.claiming(nonce=nonce).signed(),), follows=False)


def _by_thief(proof: Proof) -> str:
    key = new_key([proof.key.alg])
    return replace(proof, key=key).headed(jwk=key.jwk).signed()


TWO_HEADERS = (
    Variation("two proofs", lambda p: (p.signed(), p.claiming(jti=secrets.token_urlsafe(16)).signed())),
    Variation("a proof and one by another key", lambda p: (p.signed(), _by_thief(p))),
)
"""Section 4.3, item 1."""

OTHER_KEY = one("a proof by another key", _by_thief)
"""Sound in itself: whoever stole a token can make it."""
