"""Well-signed tokens with wrong content: what a verifier must still refuse. Needs a key that the target trusts.

Each keeps the genuine identity unless it says otherwise; ``control`` is the same token with nothing wrong.
Sources: RFC 7519 sections 4 and 7.2, RFC 7515 section 4.1.11, RFC 7797, RFC 8725 sections 3.8 to 3.12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.attacks import jwt
from conformance.attacks.jwt import JsonText
from conformance.attacks.material import Forgery, Material, fresh_times, is_number, with_claims

EXP_TYPES = (
    ("exp 0", "0"),
    ("exp null", "null"),
    ("exp true", "true"),
    ("exp empty text", '""'),
    ("exp list", "[]"),
    ("exp numeric text", '"9999999999"'),
    ("exp text with underscores", '"9_999_999_999"'),
    ("exp text of Arabic digits", '"\u0669\u0669\u0669\u0669\u0669\u0669\u0669\u0669\u0669\u0669"'),
    ("exp negative", "-1"),
)
"""Label and JSON text: no NumericDate of the future (RFC 7519 section 2). A float would be one."""

EXP_FAR = (
    ("exp in the year 9999", 253370764800),
    ("exp 10^12", 10**12),
    ("exp in 100 years", None),
)
"""Label and value; None is reckoned from now."""

PAYLOADS = (
    ("payload empty", b""),
    ("payload null", b"null"),
    ("payload list", b"[]"),
    ("payload text", b'"alice"'),
    ("payload number", b"1"),
    ("payload no JSON", b"sub=alice"),
    ("payload of nested lists", b"[" * 2500 + b"]" * 2500),
)
"""Label and bytes that are no claims set (RFC 7519 section 7.2)."""

SUBJECTS = (
    ("sub of nobody", '"pickproof-nobody"'),
    ("sub empty", '""'),
    ("sub null", "null"),
    ("sub true", "true"),
    ("sub list", "[]"),
    ("sub object", '{"$ne":null}'),
    ("sub zero", "0"),
)
"""Label and JSON text of a ``sub`` that names no account (RFC 8725 section 3.8)."""

TYPES = ("JWT", "at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt")
"""Values of ``typ`` for tokens of other kinds (RFC 8725 section 3.11)."""


def well_signed(m: Material, name: str, note: str, payload: bytes, header: bytes | None = None) -> Iterator[Forgery]:
    """One token signed with the key that the target trusts; nothing without such a key."""
    if m.signing is not None:
        raw = jwt.signed(header_of(m) if header is None else header, payload, m.signing.alg, m.signing.key)
        yield Forgery(name, raw, note, same_identity=True)


def header_of(m: Material, changes: Mapping[str, object] | None = None, drop: tuple[str, ...] = ()) -> bytes:
    """The genuine header with changes, its alg that of the key."""
    alg = m.signing.alg if m.signing else m.genuine.alg
    if alg == m.genuine.alg:
        return m.header(changes or {}, drop)
    return m.header({"alg": alg, **(changes or {})}, drop)


def fresh_payload(m: Material) -> bytes:
    """The genuine claims with the times of now."""
    return with_claims(m.genuine, fresh_times(m.genuine, m.now, soon=float("inf")))


def changed(m: Material, name: str, changes: Mapping[str, object], drop: tuple[str, ...] = ()) -> Iterator[Forgery]:
    """The genuine claims, fresh, with changes: one well-signed token."""
    note = ", ".join([*(f"{claim} changed" for claim in changes), *(f"{claim} left out" for claim in drop)])
    yield from well_signed(m, name, f"{note}; well signed", jwt.edit(fresh_payload(m), changes, drop))


def now_of(m: Material) -> float:
    """The target's time, or when the genuine token was issued."""
    if m.now is not None:
        return m.now
    issued = m.genuine.claims.get("iat")
    return float(issued) if is_number(issued) else 0.0


def control(m: Material) -> Forgery | None:
    """The genuine claims, well signed: must be accepted before a refusal of the others says anything."""
    return next(well_signed(m, "freshly signed", "genuine header and claims, times of now", fresh_payload(m)), None)


def impersonation(m: Material) -> Forgery | None:
    """The changed identity, well signed: what a guessed or leaked secret is worth."""
    if m.signing is None:
        return None
    raw = jwt.signed(header_of(m), m.payload, m.signing.alg, m.signing.key)
    return Forgery("changed identity, well signed", raw, f"{', '.join(m.swap.claims)} changed; well signed")


def crit_unknown(m: Material) -> Iterator[Forgery]:
    """A critical extension that nobody knows (RFC 7515 section 4.1.11, CVE-2026-32597)."""
    for name, extension in (
        ("unknown critical member", "pickproof"),
        ("unknown critical URI", "http://pickproof.invalid/x"),
    ):
        header = header_of(m, {"crit": [extension], extension: True})
        yield from well_signed(
            m, name, f"crit lists {extension}, which is present; well signed", fresh_payload(m), header
        )


def unencoded_payload(m: Material) -> Iterator[Forgery]:
    """``b64`` false (RFC 7797): with ``crit`` no JWT may have it; without, it means nothing."""
    if m.signing is None:
        return
    critical = header_of(m, {"crit": ["b64"], "b64": False})
    note = "b64 false and critical, payload encoded all the same; well signed"
    yield from well_signed(m, "b64 false, payload encoded", note, fresh_payload(m), critical)
    for name, header in (
        ("b64 false, payload as it is", critical),
        ("b64 false without crit, payload as it is", header_of(m, {"b64": False})),
    ):
        text = f"{jwt.b64_encode(header)}.".encode() + fresh_payload(m)
        signature = jwt.b64_encode(jwt.sign(m.signing.alg, text, m.signing.key))
        raw = text + b"." + signature.encode()
        yield Forgery(name, raw, "the payload's JSON between the dots; well signed", same_identity=True)


def typ_wrong(m: Material) -> Iterator[Forgery]:
    """A token of another kind, or of none."""
    genuine = m.genuine.header.get("typ")
    for value in TYPES:
        if not isinstance(genuine, str) or value.lower() != genuine.lower().removeprefix("application/"):
            yield from well_signed(
                m, f"typ {value}", "typ changed; well signed", fresh_payload(m), header_of(m, {"typ": value})
            )
    yield from well_signed(m, "typ number", "typ is 1; well signed", fresh_payload(m), header_of(m, {"typ": 1}))
    if genuine is not None:
        yield from well_signed(
            m, "typ absent", "typ left out; well signed", fresh_payload(m), header_of(m, drop=("typ",))
        )


def duplicate_claims(m: Material) -> Iterator[Forgery]:
    """A claim twice: the last may win (RFC 7519 section 4), the first must not, nor one here and one there."""
    if m.signing is None:
        return
    first = jwt.prepend(fresh_payload(m), m.swap.claims)
    raw = jwt.signed(header_of(m), first, m.signing.alg, m.signing.key)
    yield Forgery("foreign identity first", raw, "other identity, then the genuine one; well signed")
    past = int(now_of(m) - m.leeway - 3600)
    genuine = jwt.edit(fresh_payload(m), {}, drop=("exp",))
    soon = int(now_of(m)) + 300
    expired = jwt.prepend(jwt.edit(genuine, {"exp": past}), {"exp": soon})
    yield from well_signed(m, "exp ahead, then past", "exp twice, the last is past; well signed", expired)


def payload_shapes(m: Material) -> Iterator[Forgery]:
    """A payload that is no claims set."""
    yield from well_signed(m, "junk after the payload", "genuine claims and }; well signed", fresh_payload(m) + b"}")
    for name, payload in PAYLOADS:
        yield from well_signed(m, name, "well signed", payload)


def exp_boundary(m: Material) -> Iterator[Forgery]:
    """Expired by an hour, just past the leeway, and at the very second (RFC 7519 section 4.1.4: on or after)."""
    now = int(now_of(m))
    edge = now - int(m.leeway)
    for name, exp in (
        ("expired an hour ago", now - 3600 - int(m.leeway)),
        ("expired past the leeway", edge - 1),
        ("expired at the leeway's end", edge),
    ):
        times = {"exp": exp, **{claim: exp - 300 for claim in ("iat", "nbf") if claim in m.genuine.claims}}
        yield from changed(m, name, times)


def exp_missing(m: Material) -> Iterator[Forgery]:
    """No expiry (RFC 9068 section 2.2)."""
    yield from changed(m, "exp absent", {}, drop=("exp",))


def exp_types(m: Material) -> Iterator[Forgery]:
    """``exp`` that is no date, or no future one."""
    for name, text in EXP_TYPES:
        yield from changed(m, name, {"exp": JsonText(text)})


def exp_far(m: Material) -> Iterator[Forgery]:
    """Lifetimes beyond any policy."""
    for name, exp in EXP_FAR:
        yield from changed(m, name, {"exp": exp if exp is not None else int(now_of(m)) + 100 * 31557600})
    yield from changed(m, "exp in milliseconds", {"exp": int(now_of(m) + 300) * 1000})


def nbf_future(m: Material) -> Iterator[Forgery]:
    """Not yet valid (RFC 7519 section 4.1.5)."""
    for name, seconds in (("valid in an hour", 3600 + int(m.leeway)), ("valid past the leeway", int(m.leeway) + 30)):
        start = int(now_of(m)) + seconds
        # The expiry stays where it is if it can: some verifiers refuse long lives, and the start is the point here.
        late = start >= _expiry(m)
        yield from changed(m, name, {"nbf": start, **({"exp": start + 300} if late else {})})


def _expiry(m: Material) -> float:
    exp = fresh_times(m.genuine, m.now, soon=float("inf")).get("exp", m.genuine.claims.get("exp"))
    return float(exp) if is_number(exp) else 0.0


def aud_wrong(m: Material) -> Iterator[Forgery]:
    """Another audience (RFC 8725 section 3.9); nothing when the genuine token has none."""
    genuine = m.genuine.claims.get("aud")
    text = genuine[0] if isinstance(genuine, list) and genuine else genuine
    if not isinstance(text, str) or not text:
        return
    yield from changed(m, "foreign audience", {"aud": "https://pickproof.invalid"})
    yield from changed(m, "list of foreign audiences", {"aud": ["https://pickproof.invalid", "pickproof"]})
    for name, value in _near_misses(text, "audience"):
        yield from changed(m, name, {"aud": value})


def iss_wrong(m: Material) -> Iterator[Forgery]:
    """Another issuer, or nearly the right one (RFC 8725 section 3.8)."""
    genuine = m.genuine.claims.get("iss")
    if not isinstance(genuine, str) or not genuine:
        return
    yield from changed(m, "foreign issuer", {"iss": "https://pickproof.invalid"})
    slash = genuine.removesuffix("/") if genuine.endswith("/") else genuine + "/"
    yield from changed(m, "issuer with the slash changed", {"iss": slash})
    if genuine.startswith("https://"):
        yield from changed(m, "issuer over http", {"iss": "http://" + genuine.removeprefix("https://")})
    for name, value in _near_misses(genuine, "issuer"):
        yield from changed(m, name, {"iss": value})


def iss_partial(m: Material) -> Iterator[Forgery]:
    """A part of the issuer (CVE-2024-53861: membership in a text)."""
    genuine = m.genuine.claims.get("iss")
    if not isinstance(genuine, str) or len(genuine) < 2:
        return
    parts = {
        "issuer without its last character": genuine[:-1],
        "first character of the issuer": genuine[0],
        "middle of the issuer": genuine[1:-1],
        "empty issuer": "",
    }
    for name, value in parts.items():
        yield from changed(m, name, {"iss": value})


def sub_invalid(m: Material) -> Iterator[Forgery]:
    """A subject that names no account; the owner's own number is one, whether as a number or as text.

    A token that names its user by another claim (`username`, `user_id`) lacks no subject, and nobody reads one.
    """
    if "sub" not in m.genuine.claims:
        return
    yield from changed(m, "sub absent", {}, drop=("sub",))
    for name, text in SUBJECTS:
        if text != str(m.genuine.claims.get("sub")):
            yield from changed(m, name, {"sub": JsonText(text)})


def _near_misses(text: str, what: str) -> Iterator[tuple[str, str]]:
    yield f"{what} with a suffix", text + ".pickproof.invalid"
    yield f"{what} with a prefix", "pickproof." + text
    if text.swapcase() != text:
        yield f"{what} in other case", text.swapcase()


FAMILIES = {
    "token.crit.unknown": crit_unknown,
    "token.b64-false": unencoded_payload,
    "token.typ.wrong": typ_wrong,
    "token.json.dup-claim": duplicate_claims,
    "token.json.shape": payload_shapes,
    "token.exp.boundary": exp_boundary,
    "token.exp.missing": exp_missing,
    "token.exp.types": exp_types,
    "token.exp.far": exp_far,
    "token.nbf.future": nbf_future,
    "token.aud.wrong": aud_wrong,
    "token.iss.wrong": iss_wrong,
    "token.iss.partial": iss_partial,
    "token.sub.invalid": sub_invalid,
}
