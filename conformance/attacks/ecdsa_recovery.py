"""The public key behind ECDSA signatures, worked out from tokens alone: nobody has to publish it.

A signature (r, s) of a message with hash z fits the public keys ``(s R - z G) / r``, where R is a point with the
x-coordinate r: two of them. A second token tells which one it is. Sources: SEC 1 version 2.0 section 4.1.6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.attacks import jwt
from conformance.attacks.jwt import Token
from conformance.attacks.keys import PublicKey, parse_keys

Point = tuple[int, int] | None
"""None is the point at infinity."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A prime curve y^2 = x^3 + a x + b with a generator of prime order n."""

    name: str
    digest: str
    p: int
    a: int
    b: int
    n: int
    g: tuple[int, int]

    @property
    def width(self) -> int:
        """Bytes of a coordinate."""
        return (self.p.bit_length() + 7) // 8

    def add(self, one: Point, other: Point) -> Point:
        """The sum of two points."""
        if one is None or other is None:
            return one or other
        if one[0] == other[0] and (one[1] + other[1]) % self.p == 0:
            return None
        if one == other:
            slope = (3 * one[0] * one[0] + self.a) * pow(2 * one[1], -1, self.p)
        else:
            slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, self.p)
        x = (slope * slope - one[0] - other[0]) % self.p
        return x, (slope * (one[0] - x) - one[1]) % self.p

    def combined(self, u: int, one: Point, v: int, other: Point) -> Point:
        """``u one + v other``, in one pass over the bits of both."""
        sums: dict[tuple[int, int], Point] = {(0, 0): None, (1, 0): one, (0, 1): other, (1, 1): self.add(one, other)}
        found: Point = None
        for at in range(max(u, v).bit_length() - 1, -1, -1):
            found = self.add(self.add(found, found), sums[u >> at & 1, v >> at & 1])
        return found

    def lifted(self, x: int) -> Iterator[tuple[int, int]]:
        """The two points with this x-coordinate, if any; p is 3 modulo 4 on every curve here."""
        square = (pow(x, 3, self.p) + self.a * x + self.b) % self.p
        y = pow(square, (self.p + 1) // 4, self.p)
        if y * y % self.p == square:
            yield from ((x, y), (x, self.p - y))


def _curve(name: str, digest: str, p: int, a: int, b: int, n: int, gx: int, gy: int) -> Curve:
    return Curve(name, digest, p, a % p, b, n, (gx, gy))


CURVES = {
    "ES256": _curve(
        "P-256", "sha256",
        2**256 - 2**224 + 2**192 + 2**96 - 1, -3,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    "ES384": _curve(
        "P-384", "sha384",
        2**384 - 2**128 - 2**96 + 2**32 - 1, -3,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
    "ES512": _curve(
        "P-521", "sha512",
        2**521 - 1, -3,
        0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
        0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
        0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
        0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
    ),
}  # fmt: skip
"""The curves of RFC 7518 section 3.4, from SEC 2 version 2.0."""


def recovered(tokens: Sequence[Token]) -> tuple[PublicKey, ...]:
    """The public keys that verify every token; none where the tokens are not of one algorithm and key."""
    first = tokens[0] if tokens else None
    curve = CURVES.get(first.alg) if first else None
    if first is None or curve is None or any(token.alg != first.alg for token in tokens):
        return ()
    found = [key for point in _candidates(curve, first) for key in _published(curve, point)]
    return tuple(key for key in found if all(jwt.verifies(token, key.load()) for token in tokens))


def _candidates(curve: Curve, token: Token) -> Iterator[tuple[int, int]]:
    try:
        signature = jwt.side_by_side(token.signature, curve.width)
    except ValueError:
        return
    r, s = (int.from_bytes(part, "big") for part in (signature[: curve.width], signature[curve.width :]))
    if not (0 < r < curve.n and 0 < s < curve.n):
        return
    digest = hashlib.new(curve.digest, ".".join(token.segments[:2]).encode()).digest()
    z = int.from_bytes(digest, "big") % curve.n
    inverse = pow(r, -1, curve.n)
    for point in curve.lifted(r):
        key = curve.combined(s * inverse % curve.n, point, -z * inverse % curve.n, curve.g)
        if key is not None:
            yield key


def _published(curve: Curve, point: tuple[int, int]) -> tuple[PublicKey, ...]:
    x, y = (jwt.b64_encode(number.to_bytes(curve.width, "big")) for number in point)
    return parse_keys(jwt.dumps({"kty": "EC", "crv": curve.name, "x": x, "y": y}))
