"""Variants of DPoP: what correct servers do differently with proofs."""

from __future__ import annotations

from .oauth_dpop import DPoP, Occasion, Proof
from .oauth_nonces import Nonces, recent
from .oauth_switch import declared, dpop, variant


def _exactly(_rules: DPoP, proof: Proof, here: Occasion) -> bool:
    """Without the normal form, which is a recommendation (RFC 9449 section 4.3)."""
    return str(proof.claims.get("htu")).partition("#")[0].partition("?")[0] == here.url


async def _again(*_: object) -> bool:
    """RFC 9449 section 11.1 leaves it to the server whether it remembers proofs."""
    return True


def _at_api(place: str, nonce: object, now: float) -> bool:
    return place != "api" or recent(place, nonce, now)


NO_PROOFS = dict.fromkeys(
    ("dpop-demanded", "dpop-nonce", "dpop-nonce-api", "dpop-strict", "dpop-lenient"), "there are no proofs"
)

VARIANTS = (
    variant(
        "dpop-demanded", "Every token is bound to a key, as declared: a token request without a proof is refused.",
        dpop(demanded=lambda _client: True), declared(dpop=True),
    ),
    variant("dpop-off", "The server knows nothing of DPoP.", dpop(offered=False), apart=NO_PROOFS),
    variant(
        "dpop-nonce", "Proofs need a nonce, at the token endpoint one and at the API another; their time is its.",
        dpop(nonces=Nonces(), fresh=lambda *_: True), decides="nonces of proofs",
    ),
    variant(
        "dpop-nonce-api", "Only the API asks for a nonce.", dpop(nonces=Nonces(accepted=_at_api)),
        decides="nonces of proofs",
    ),
    variant(
        "dpop-strict", "Proofs are signed with ES256, live for 30 seconds, and spell addresses as we do.",
        dpop(algs=("ES256",), window=30.0, ahead=2.0, url=_exactly), decides="what proofs must be",
    ),
    variant(
        "dpop-lenient", "Proofs are good for five minutes, as often as one likes.",
        dpop(window=300.0, ahead=300.0, once=_again), decides="what proofs must be",
        fails=frozenset({"oauth.dpop.jti-replay", "oauth.race.dpop-jti"}),
    ),
)  # fmt: skip
"""Collected in ``oauth_variants.py``."""
