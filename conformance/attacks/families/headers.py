"""Well-signed tokens whose header is wrong: names of algorithms, ``crit``, members twice, other encodings, nesting.

Sources: RFC 7515 sections 4, 4.1.1, 4.1.11 and 5.2, RFC 8725 sections 3.1, 3.3 and 3.7.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.attacks import jwt
from conformance.attacks.families.minted import fresh_payload, header_of, well_signed
from conformance.attacks.jwt import JsonText
from conformance.attacks.material import Forgery, Material

CRITICAL = (
    ("crit lists what is absent", '["pickproof"]'),
    ("crit is text", '"pickproof"'),
    ("crit is an object", '{"pickproof":true}'),
    ("crit lists a number", "[1]"),
)
"""Label and JSON text of a ``crit`` that is malformed or names what nobody knows (RFC 7515 section 4.1.11).

An empty list is left out, which only producers are forbidden, registered names, which recipients may let pass, and
null, which many parsers do not tell from absence.
"""

OTHER_HASHES = {
    "HS256": ("HS384", "HS512"), "HS384": ("HS256", "HS512"), "HS512": ("HS256", "HS384"),
    "RS256": ("RS384", "RS512", "PS256"), "RS384": ("RS256", "RS512", "PS384"), "RS512": ("RS256", "RS384", "PS512"),
    "PS256": ("PS384", "RS256"), "PS384": ("PS256", "RS384"), "PS512": ("PS256", "RS512"),
}  # fmt: skip
"""Other algorithms that work with the same key; a curve has one algorithm alone (RFC 7518 section 3.4)."""


def unknown_algorithm(m: Material) -> Forgery | None:
    """A well-signed token whose ``alg`` is no name at all: whoever accepts it does not read ``alg``."""
    header = m.header({"alg": "pickproof"})
    note = "alg is pickproof; signed as the genuine one"
    return next(well_signed(m, "alg that nobody knows", note, fresh_payload(m), header), None)


def name_case(m: Material) -> Iterator[Forgery]:
    """The right algorithm, misspelled: names are case-sensitive (RFC 7515 section 4.1.1)."""
    if m.signing is None:
        return
    alg = m.signing.alg
    for name, text in (
        ("alg in lower case", alg.lower()),
        ("alg in mixed case", alg[0] + alg[1:].swapcase()),
        ("alg and a space", f"{alg} "),
        ("alg and NUL", f"{alg}\u0000"),
    ):
        if text != alg:
            header = m.header({"alg": JsonText(f'"{text}"'.replace("\u0000", "\\u0000"))})
            yield from well_signed(m, name, f"alg is {text!r}; signed with {alg}", fresh_payload(m), header)


def hash_switched(m: Material) -> Iterator[Forgery]:
    """Another algorithm over the right key (RFC 8725 section 3.1: each key with exactly one)."""
    for alg in OTHER_HASHES.get(m.signing.alg, ()) if m.signing else ():
        raw = jwt.signed(m.header({"alg": alg}), fresh_payload(m), alg, m.signing.key) if m.signing else ""
        yield Forgery(f"{alg} with the same key", raw, f"alg {alg}; well signed with it", same_identity=True)


def crit_malformed(m: Material) -> Iterator[Forgery]:
    """``crit`` that is no list of understood members."""
    for name, text in CRITICAL:
        header = header_of(m, {"crit": JsonText(text)})
        yield from well_signed(m, name, f"crit is {text}; well signed", fresh_payload(m), header)


def duplicated(m: Material) -> Iterator[Forgery]:
    """``alg`` twice: the last may count, or the token is refused (RFC 7515 section 4)."""
    if m.signing is None:
        return
    alg = m.signing.alg
    last = jwt.edit(m.header({}, drop=("alg",)), {"alg": "none"})
    first_right = jwt.prepend(last, {"alg": alg})
    note = f"alg {alg}, then none; signed with {alg}"
    yield from well_signed(m, "the right alg first, none last", note, fresh_payload(m), first_right)
    first_none = jwt.prepend(jwt.edit(m.header({}, drop=("alg",)), {"alg": alg}), {"alg": "none"})
    for name, header in (("none first", first_none), ("none last", first_right)):
        yield Forgery(f"alg twice, {name}, unsigned", jwt.compact(header, m.payload), "identity changed, no signature")


def reencoded(m: Material) -> Iterator[Forgery]:
    """A header in another encoding than UTF-8 (RFC 8725 section 3.7), well signed over those bytes.

    Stray bytes within a text are left out: decoders that replace them read no other member than strict ones.
    """
    text = header_of(m).decode()
    for name, header in (
        ("header in UTF-16", text.encode("utf-16-be")),
        ("header in UTF-16, little-endian", text.encode("utf-16-le")),
        ("header in UTF-32", text.encode("utf-32-be")),
    ):
        yield from well_signed(m, name, "well signed over these bytes", fresh_payload(m), header)


def nested(m: Material) -> Iterator[Forgery]:
    """A token in a token: the outer one well signed, the inner one by nobody (RFC 8725 section 3.3)."""
    if m.signing is None:
        return
    inner = (
        ("unsigned", jwt.compact(m.header({"alg": "none"}), m.payload)),
        ("badly signed", jwt.compact(m.genuine.header_raw, m.payload, m.genuine.signature)),
    )
    for name, token in inner:
        header = header_of(m, {"cty": "JWT"})
        raw = jwt.signed(header, token.encode(), m.signing.alg, m.signing.key)
        yield Forgery(f"inner token {name}", raw, f"cty JWT, the payload is a token, {name}; the outer is well signed")


FAMILIES = {
    "token.alg.name-case": name_case,
    "token.alg.hash-switch": hash_switched,
    "token.crit.malformed": crit_malformed,
    "token.header.dup": duplicated,
    "token.header.encoding": reencoded,
    "token.cty.nested": nested,
}
