"""Client assertions (RFC 7523): how a client proves itself with a private key, and false proofs of every kind.

Pure functions over claims and texts; ``cryptography`` is loaded when a key is.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.attacks import jwt

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 60
"""Seconds: whoever limits the life of an assertion allows a minute."""
LONG_AGO = 600
"""Seconds beyond the tolerance of any clock."""
EXPIRED = "that has expired"
ELSEWHERE = "https://attacker.pickproof.example"
SIGNATURES: Mapping[str, int] = {
    "token.alg.none": 1, "token.sig.stripped": 1, "token.sig.zero": 1, "token.payload.tamper": 1,
    "token.alg.rs-to-hs.pem": 2, "token.alg.rs-to-hs.der": 1, "token.alg.rs-to-hs.jwk": 1, "token.alg.es-to-hs": 2,
    "token.alg.es-zero": 1, "token.alg.hs-empty": 1, "token.key.jwk": 1, "token.key.jwk-samekid": 1,
    "token.key.jwk-oct": 1, "token.key.x5c": 1, "token.key.jku": 1,
}  # fmt: skip
"""Families of the forge that show a verifier who reads the signature wrongly, and how many members of each are sent.

They are the same for every JWT. What is accepted most often stands first in a family, and each costs a code.
"""

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """The private key by which a client authenticates, and what the server wants to read beside the signature."""

    text: str = field(repr=False)
    """PEM, or one JWK as JSON."""
    alg: str = ""
    kid: str = ""
    audience: str = ""
    now: Callable[[], float] = field(default=time.time, repr=False, compare=False)
    """The target's clock."""

    @property
    def header(self) -> dict[str, str]:
        """Algorithm and key id; no ``typ``, which RFC 7523 does not ask for."""
        _, alg, kid = loaded(self.text)
        kid = self.kid or kid
        return {"alg": self.alg or alg, **({"kid": kid} if kid else {})}

    def claims(self, client: str) -> dict[str, Any]:
        """What a proper assertion of a client says now, with an id of its own (RFC 7523 section 3)."""
        now = int(self.now())
        return {
            "iss": client, "sub": client, "aud": self.audience, "jti": secrets.token_urlsafe(18), "iat": now,
            "exp": now + LIFETIME,
        }  # fmt: skip

    def signed(self, claims: Claims, **header: str) -> str:
        """A JWT with these claims, properly signed."""
        private, _, _ = loaded(self.text)
        return _signed({**self.header, **header}, claims, private)

    def forged(self, claims: Claims) -> str:
        """The same, signed with a key that nobody registered under the name of this one."""
        from conformance.attacks.attacker import private_key

        return _signed(self.header, claims, private_key(self.header["alg"]))

    def assertion(self, client: str) -> str:
        """A proper assertion."""
        return self.signed(self.claims(client))

    @property
    def public_pem(self) -> str:
        """What the server verifies with."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public: Any = loaded(self.text)[0].public_key()
        return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).decode()


def _signed(header: Claims, claims: Claims, key: Any) -> str:
    return jwt.signed(jwt.dumps(header).encode(), jwt.dumps(claims).encode(), str(header["alg"]), key)


@functools.lru_cache(maxsize=32)
def loaded(text: str) -> tuple[Any, str, str]:
    """A private key, the algorithm that fits it, and its id where it has one.

    Raises:
        ValueError: it is neither a private key in PEM nor one as a JWK.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if text.lstrip().startswith("{"):
            return _of_jwk(text)
        key = load_pem_private_key(text.strip().encode(), None)
        return key, _algorithm(key), ""
    except Exception:
        raise ValueError("no private key, neither in PEM without a password nor as one JWK") from None


def _of_jwk(text: str) -> tuple[Any, str, str]:
    from jwt import PyJWK

    known: Any = PyJWK.from_json(text)
    if not hasattr(known.key, "private_bytes"):
        raise ValueError("a public key")
    return known.key, known.algorithm_name, str(known.key_id or "")


def _algorithm(key: Any) -> str:
    curves = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512", "secp256k1": "ES256K"}
    if hasattr(key, "curve"):
        return curves[key.curve.name]
    return "RS256" if hasattr(key, "private_numbers") else "EdDSA"


def falsified(proper: Claims, leeway: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Claims that RFC 7523 section 3 has a server refuse: one of them is missing, another's, or out of time."""
    now, audience, nobody = proper["iat"], str(proper["aud"]), "pickproof-no-such-client"
    past, later = now - leeway - LONG_AGO, now + leeway + LONG_AGO
    for name in ("iss", "sub", "aud", "exp"):
        yield f"without {name}", {key: value for key, value in proper.items() if key != name}
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("of another issuer", {"iss": nobody}),
        ("about another client", {"sub": nobody}),
        ("for another server", {"aud": ELSEWHERE}),
        ("for a server whose name begins like this one's", {"aud": f"{audience.rstrip('/')}.pickproof.example"}),
        ("for other servers, in a list", {"aud": [ELSEWHERE, f"{ELSEWHERE}/token"]}),
        ("for the client itself", {"aud": proper["iss"]}),
        (EXPIRED, {"iat": int(past - LIFETIME), "exp": int(past)}),
        ("that is not valid yet", {"nbf": int(later), "exp": int(later + LIFETIME)}),
    )
    for what, change in changes:
        yield what, {**proper, **change}


def badly_signed(key: ClientKey, client: str, leeway: float, listener: str | None) -> Iterator[tuple[str, str]]:
    """Assertions with proper claims, each with an id of its own, that the client's key did not sign."""
    from conformance.attacks.forge import FAMILIES, Swap, material
    from conformance.attacks.keys import parse_keys

    yield "signed with a key that nobody registered", key.forged(key.claims(client))
    for family, few in SIGNATURES.items():
        genuine = jwt.parse(key.assertion(client))
        if genuine is None:
            continue
        stuff = material(genuine, keys=parse_keys(key.public_pem), now=key.now(), leeway=leeway, listener=listener)
        # Another id in each family, so that no server refuses a forgery for an id that it has seen.
        stuff = replace(stuff, swap=Swap({"jti": secrets.token_urlsafe(18)}))
        for forgery in list(FAMILIES[family](stuff))[:few]:
            yield f"that is forged ({forgery.name})", forgery.wire.decode("latin-1")


def request_object(key: ClientKey, client: str, redirect_uri: str) -> str:
    """An authorization request as the client signs it, with no subject (RFC 9101 sections 4 and 10.8)."""
    proper = key.claims(client)
    told = {name: value for name, value in proper.items() if name != "sub"}
    request = {"client_id": client, "response_type": "code", "redirect_uri": redirect_uri, "scope": "profile"}
    return key.signed({**told, **request}, typ="oauth-authz-req+jwt")


def with_secret(secret: str, claims: Claims) -> str:
    """The same claims under a shared secret, as a client of the method ``client_secret_jwt`` sends them."""
    return _signed({"alg": "HS256", "typ": "JWT"}, claims, secret)
