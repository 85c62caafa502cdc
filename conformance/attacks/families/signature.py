"""Tokens that nobody signed: no algorithm, no signature, another's signature, edited content.

Sources: RFC 8725 sections 3.1 to 3.3, RFC 7515 section 5.2, ASVS 5.0 9.1.1 and 9.1.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from conformance.attacks import jwt
from conformance.attacks.jwt import JsonText
from conformance.attacks.material import Forgery, Material

NONE_SPELLINGS = (
    ("None", '"None"'),
    ("NONE", '"NONE"'),
    ("nOnE", '"nOnE"'),
    ("none and a space", '"none "'),
    ("none and NUL", '"none\\u0000"'),
    ("full-width letters", '"\\uff4e\\uff4f\\uff4e\\uff45"'),
)
"""JSON texts of ``alg`` that a comparison after folding, trimming or normalising takes for ``none``."""

ALG_SHAPES = (
    ("null", "null"),
    ("empty text", '""'),
    ("list", "[]"),
    ("object", '{"a":1}'),
)
"""JSON texts of ``alg`` that name no algorithm."""


def none(m: Material) -> Iterator[Forgery]:
    """``alg`` none and an empty signature (RFC 7519 section 6)."""
    yield Forgery(
        "alg none",
        jwt.compact(m.header({"alg": "none"}), m.payload),
        "alg set to none in the genuine header, identity changed, signature left out",
    )
    yield Forgery(
        "alg none, minimal header",
        jwt.compact(b'{"alg":"none","typ":"JWT"}', m.payload),
        "a header of alg none and typ JWT only, identity changed, signature left out",
    )


def none_case(m: Material) -> Iterator[Forgery]:
    """Spellings of ``none`` that slip past a deny-list (8725bis section 2.11)."""
    for name, text in NONE_SPELLINGS:
        header = m.header({"alg": JsonText(text)})
        yield Forgery(f"alg {name}", jwt.compact(header, m.payload), f"alg is {text}, no signature")


def none_with_signature(m: Material) -> Iterator[Forgery]:
    """``alg`` none with bytes in the signature."""
    header = m.header({"alg": "none"})
    kept, junk = m.genuine.signature, b"\x01" * len(m.genuine.signature)
    yield Forgery("alg none, signature kept", jwt.compact(header, m.payload, kept), "the genuine signature stays")
    yield Forgery("alg none, junk signature", jwt.compact(header, m.payload, junk), "a signature of bytes 0x01")


def none_two_segments(m: Material) -> Iterator[Forgery]:
    """``alg`` none with other numbers of dots."""
    text = jwt.signing_input(m.header({"alg": "none"}), m.payload)
    yield Forgery("alg none, two segments", text, "the last dot is left out")
    yield Forgery("alg none, four segments", text + "..", "one more empty segment")


def alg_missing(m: Material) -> Iterator[Forgery]:
    """A header that names no algorithm (RFC 7515 section 4.1.1)."""
    header = m.header({}, drop=("alg",))
    yield Forgery("alg absent", jwt.compact(header, m.payload), "no alg, no signature")
    yield Forgery("alg absent, signature kept", jwt.compact(header, m.payload, m.genuine.signature), "no alg")
    for name, text in ALG_SHAPES:
        header = m.header({"alg": JsonText(text)})
        yield Forgery(f"alg {name}", jwt.compact(header, m.payload), f"alg is {text}, no signature")


def stripped(m: Material) -> Iterator[Forgery]:
    """The genuine ``alg`` and no signature (CVE-2020-28042)."""
    token = jwt.compact(m.genuine.header_raw, m.payload)
    yield Forgery("signature stripped", token, "identity changed, signature left out, last dot kept")
    yield Forgery("signature stripped with its dot", token[:-1], "identity changed, two segments")


def truncated(m: Material) -> Iterator[Forgery]:
    """Part of the genuine signature: a comparison that stops early lets the rest be guessed (CWE-347)."""
    signature = m.genuine.signature
    for name, part in (
        ("signature short of one byte", signature[:-1]),
        ("16 bytes of the signature", signature[:16]),
        ("one byte of the signature", signature[:1]),
    ):
        if 0 < len(part) < len(signature):
            token = jwt.compact(m.genuine.header_raw, m.genuine.payload_raw, part)
            yield Forgery(name, token, f"the first {len(part)} of {len(signature)} bytes", same_identity=True)


def zero(m: Material) -> Iterator[Forgery]:
    """Constant signatures of the right length."""
    length = len(m.genuine.signature)
    for name, byte in (("zero signature", b"\x00"), ("0xff signature", b"\xff")):
        token = jwt.compact(m.genuine.header_raw, m.payload, byte * length)
        yield Forgery(name, token, f"identity changed, signature of {length} bytes {byte.hex()}")


def other_token(m: Material) -> Iterator[Forgery]:
    """The signature of another genuine token: a verifier that remembers signatures instead of tokens."""
    if m.second is None or m.second.signature == m.genuine.signature:
        return
    yield Forgery(
        "borrowed signature",
        jwt.compact(m.genuine.header_raw, m.payload, m.second.signature),
        "identity changed, signature of a second token of the same account",
    )
    if m.second.payload_raw != m.genuine.payload_raw:
        yield Forgery(
            "signatures exchanged",
            jwt.compact(m.genuine.header_raw, m.genuine.payload_raw, m.second.signature),
            "the first token with the signature of the second",
            same_identity=True,
        )


def payload_tampered(m: Material) -> Iterator[Forgery]:
    """Changed claims under the old signature."""
    genuine = m.genuine
    yield Forgery(
        "identity changed",
        jwt.compact(genuine.header_raw, m.payload, genuine.signature),
        f"{', '.join(m.swap.claims)} changed, genuine signature kept",
    )
    expiry = genuine.claims.get("exp")
    if isinstance(expiry, int | float) and abs(expiry) < 2**53:
        longer = jwt.edit(genuine.payload_raw, {"exp": int(expiry) + 3600})
        token = jwt.compact(genuine.header_raw, longer, genuine.signature)
        yield Forgery("exp extended", token, "exp one hour later, genuine signature kept", same_identity=True)
    spaced = jwt.compact(genuine.header_raw, genuine.payload_raw + b" ", genuine.signature)
    yield Forgery("payload respaced", spaced, "one space after the payload's JSON", same_identity=True)


def header_tampered(m: Material) -> Iterator[Forgery]:
    """Changed headers under the old signature, which covers them (RFC 7515 section 5.2)."""
    genuine = m.genuine
    reordered = json.dumps(dict(reversed(list(genuine.header.items()))), separators=(",", ":")).encode()
    for name, header in (
        ("header member added", m.header({"pickproof": 1})),
        ("header reordered", reordered),
        ("header respaced", genuine.header_raw + b" "),
    ):
        token = jwt.compact(header, genuine.payload_raw, genuine.signature)
        if token != genuine.raw:
            yield Forgery(name, token, "genuine payload and signature", same_identity=True)


def concatenated(m: Material) -> Iterator[Forgery]:
    """Two tokens in one: a verifier that checks the one and reads the other (CWE-436)."""
    header, payload, signature = m.genuine.segments
    forged = jwt.b64_encode(m.payload)
    stripped_token = f"{header}.{forged}.{signature}"
    yield Forgery("genuine, then forged", f"{m.genuine.raw}.{stripped_token}", "two tokens joined by a dot")
    yield Forgery("forged, then genuine", f"{stripped_token}.{m.genuine.raw}", "two tokens joined by a dot")
    yield Forgery(
        "forged payload appended",
        f"{header}.{payload}.{signature}.{forged}",
        "a fourth segment with the forged payload",
    )


FAMILIES = {
    "token.alg.none": none,
    "token.alg.none-case": none_case,
    "token.alg.none-with-sig": none_with_signature,
    "token.alg.none-two-segments": none_two_segments,
    "token.alg.missing": alg_missing,
    "token.sig.stripped": stripped,
    "token.sig.truncated": truncated,
    "token.sig.zero": zero,
    "token.sig.other-token": other_token,
    "token.payload.tamper": payload_tampered,
    "token.header.tamper": header_tampered,
    "token.sig.prefix-concat": concatenated,
}
