"""Well-signed tokens whose claims are wrong in what two readers read, in type, or in what they inject.

Sources: RFC 7519 sections 4.1 and 7.2, RFC 8259 section 6, RFC 8725 sections 2.9, 3.8 and 3.9, CWE-89, CWE-436.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.attacks import jwt
from conformance.attacks.families.minted import changed, fresh_payload, now_of, well_signed
from conformance.attacks.jwt import JsonText
from conformance.attacks.material import Forgery, Material

NUMBERS = (
    ("exp NaN", "NaN"),
    ("exp Infinity", "Infinity"),
    ("exp -1e400", "-1e400"),
    ("exp of minus 5000 digits", "-" + "9" * 5000),
    ("exp -10^300", "-1e300"),
)
"""Label and JSON text of an ``exp`` that is no JSON at all, or an end before every time."""

AUDIENCES = (
    ("aud empty list", "[]"),
    ("aud empty text", '""'),
    ("aud object", "{}"),
    ("aud number", "0"),
    ("aud true", "true"),
    ("aud null", "null"),
)
"""Label and JSON text of an ``aud`` that names nobody (RFC 7519 section 4.1.3)."""


def exp_twins(m: Material) -> Iterator[Forgery]:
    """A past ``exp``, and beside it a name that only a careless reader takes for it, ahead."""
    past, ahead = int(now_of(m) - m.leeway - 3600), int(now_of(m)) + 300
    ended = jwt.edit(fresh_payload(m), {"exp": past})
    for name, twin in (
        ("Exp ahead", '"Exp"'),
        ("EXP ahead", '"EXP"'),
        ("exp and NUL ahead", '"exp\\u0000"'),
        ("exp in Cyrillic ahead", '"\\u0435\\u0445\\u0440"'),
    ):
        payload = ended[: ended.rindex(b"}")] + f",{twin}:{ahead}}}".encode()
        yield from well_signed(m, f"exp past, {name}", "exp is past, its twin is not; well signed", payload)
    escaped = jwt.edit(fresh_payload(m), {}, drop=("exp",))
    payload = escaped[: escaped.rindex(b"}")] + f',"\\u0065xp":{past}}}'.encode()
    yield from well_signed(m, "exp past, its name escaped", "exp is spelled \\u0065xp, and past; well signed", payload)


def numbers(m: Material) -> Iterator[Forgery]:
    """Numbers that JSON does not have, or that no clock reaches (RFC 8259 section 6)."""
    for name, text in NUMBERS:
        yield from changed(m, name, {"exp": JsonText(text)})


def iss_array(m: Material) -> Iterator[Forgery]:
    """The right issuer in a list (CVE-2025-30144); nothing when the genuine token names none."""
    genuine = m.genuine.claims.get("iss")
    if not isinstance(genuine, str) or not genuine:
        return
    for name, value in (
        ("list with the issuer", ["https://pickproof.invalid", genuine]),
        ("list of the issuer, then another", [genuine, "https://pickproof.invalid"]),
        ("object with the issuer", {genuine: True}),
    ):
        yield from changed(m, name, {"iss": value})


def aud_missing(m: Material) -> Iterator[Forgery]:
    """No audience at all (8725bis section 3.9); nothing when the genuine token has none."""
    if m.genuine.claims.get("aud"):
        yield from changed(m, "aud absent", {}, drop=("aud",))


def aud_types(m: Material) -> Iterator[Forgery]:
    """An audience that names nobody; nothing when the genuine token has none."""
    genuine = m.genuine.claims.get("aud")
    if not genuine:
        return
    for name, text in AUDIENCES:
        yield from changed(m, name, {"aud": JsonText(text)})
    yield from changed(m, "aud list in a list", {"aud": [[genuine]]})


def exp_leeway(m: Material) -> Iterator[Forgery]:
    """Expired longer ago than any leeway may last (RFC 7519 section 4.1.4: a few minutes)."""
    for name, seconds in (("expired over five minutes ago", 301), ("expired a quarter of an hour ago", 900)):
        exp = int(now_of(m)) - seconds
        times = {"exp": exp, **{claim: exp - 300 for claim in ("iat", "nbf") if claim in m.genuine.claims}}
        yield from changed(m, name, times)


def nobody(m: Material) -> Forgery | None:
    """A plain subject that is no account: whoever names the owner all the same goes by another claim."""
    return next(changed(m, "sub of nobody", {"sub": "pickproof-nobody"}), None)


def sub_injected(m: Material) -> Iterator[Forgery]:
    """Subjects that a careless look-up takes for the genuine one, or for anybody (CWE-89, CWE-90)."""
    sub = m.genuine.claims.get("sub")
    if not isinstance(sub, str) or not sub:
        return
    for name, value in (
        ("sub with a comment of SQL", f"{sub}' -- "),
        ("sub with a condition of SQL", "pickproof' OR '1'='1"),
        ("sub with a union of SQL", "pickproof' UNION SELECT * FROM users WHERE 'a'='a"),
        ("sub *", "*"),
        ("sub %", "%"),
        ("sub with a filter of LDAP", f"{sub})(|(uid=*"),
        ("sub and NUL", f"{sub}\u0000pickproof"),
        ("sub through a path", f"pickproof/../{sub}"),
    ):
        yield from changed(m, name, {"sub": value})


FAMILIES = {
    "token.json.escape": exp_twins,
    "token.json.numbers": numbers,
    "token.iss.array": iss_array,
    "token.aud.missing": aud_missing,
    "token.aud.types": aud_types,
    "token.exp.leeway": exp_leeway,
    "token.sub.injection": sub_injected,
}
