"""JSON Web Tokens at the level of bytes and JSON text: parse, edit, sign, put together.

Nothing is normalised on the way: duplicate members, encodings, numbers and white space of a genuine token survive
in what is built from it. Pure functions; cryptography is loaded when an asymmetric key is used.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.bounded_json import loads

MAX_CHARACTERS = 65536
"""Longer strings are not read as tokens: no header field carries them."""

HMAC_DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
"""Hash by HMAC algorithm (RFC 7518 section 3.2)."""

_DECODER = json.JSONDecoder()
_WHITESPACE = re.compile(r"[ \t\n\r]*")
_B64URL = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS taken apart (RFC 7515 section 7.1); equal and hashed by its text, masked when printed."""

    raw: str
    header_raw: bytes = field(compare=False)
    payload_raw: bytes = field(compare=False)
    signature: bytes = field(compare=False)
    header: Mapping[str, Any] = field(compare=False)
    claims: Mapping[str, Any] = field(compare=False)
    """Empty when the payload is not a JSON object."""

    def __repr__(self) -> str:
        return f"<token alg={self.alg!r} {len(self.raw)} characters>"

    @property
    def alg(self) -> str:
        """The ``alg`` header parameter, or an empty string when it is not text."""
        alg = self.header["alg"]
        return alg if isinstance(alg, str) else ""

    @property
    def segments(self) -> tuple[str, str, str]:
        """Header, payload and signature as they travelled."""
        header, payload, signature = self.raw.split(".")
        return header, payload, signature


@dataclass(frozen=True, slots=True)
class JsonText:
    """JSON text to be put in as it stands, such as ``1e400``, which no Python value gives."""

    text: str


def parse(raw: str) -> Token | None:
    """Take a compact JWS apart; None for anything else, never an error.

    The header must be a JSON object with ``alg`` (RFC 7515 section 4.1.1): other signed cookies have three
    segments and JSON in the first, too. Padding is tolerated, since some servers issue it.
    """
    if len(raw) > MAX_CHARACTERS or raw.count(".") != 2:
        return None
    try:
        header_raw, payload_raw, signature = (b64_decode(part.rstrip("=")) for part in raw.split("."))
        header, claims = _object(header_raw), _object(payload_raw)
    except ValueError:
        return None
    if header is None or "alg" not in header:
        return None
    return Token(raw, header_raw, payload_raw, signature, header, claims or {})


def _object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        value = loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def b64_encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64_decode(text: str) -> bytes:
    """Base64url without padding, strict alphabet; unused trailing bits are ignored. ValueError otherwise."""
    if _B64URL.fullmatch(text) is None:
        raise ValueError("not base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def compact(header: bytes, payload: bytes, signature: bytes = b"") -> str:
    """The compact serialisation of three byte strings; an empty signature leaves the last dot."""
    return f"{signing_input(header, payload)}.{b64_encode(signature)}"


def signing_input(header: bytes, payload: bytes) -> str:
    """What a signature covers (RFC 7515 section 5.1)."""
    return f"{b64_encode(header)}.{b64_encode(payload)}"


def signed(header: bytes, payload: bytes, alg: str, key: bytes | str | object) -> str:
    """A compact JWS whose signature is made with ``alg`` and ``key``, whatever the header says."""
    return compact(header, payload, sign(alg, signing_input(header, payload).encode(), key))


def sign(alg: str, data: bytes, key: bytes | str | object) -> bytes:
    """Sign by a JWS algorithm name; keys are secrets or PEM (text or bytes) or keys of ``cryptography``.

    HMAC is computed here, since libraries rightly refuse PEM and empty secrets. ValueError for an unknown name
    or a key that does not fit.
    """
    if alg in HMAC_DIGESTS:
        if not isinstance(key, bytes | str):
            raise ValueError(f"{alg} needs a secret")
        return hmac.digest(key.encode() if isinstance(key, str) else key, data, HMAC_DIGESTS[alg])
    from jwt import InvalidKeyError

    try:
        algorithm, prepared = _prepared(alg, key)
        signature: bytes = algorithm.sign(data, prepared)
    except (KeyError, TypeError, InvalidKeyError) as error:
        raise ValueError(f"no signature with {alg}: unknown name, or the key does not fit") from error
    return signature


def verifies(token: Token, key: object) -> bool:
    """Whether a key (PEM, secret, or a key of ``cryptography``) verifies the token by its own ``alg``."""
    data = ".".join(token.segments[:2]).encode()
    if token.alg in HMAC_DIGESTS:
        return isinstance(key, bytes | str) and hmac.compare_digest(sign(token.alg, data, key), token.signature)
    from jwt import InvalidKeyError

    try:
        algorithm, prepared = _prepared(token.alg, key)
        curve = getattr(prepared, "curve", None)
        signature = token.signature if curve is None else side_by_side(token.signature, (curve.key_size + 7) // 8)
        return bool(algorithm.verify(data, prepared, signature))
    except (KeyError, TypeError, ValueError, NotImplementedError, InvalidKeyError):
        return False


def side_by_side(signature: bytes, width: int) -> bytes:
    """The two numbers of an ECDSA signature (RFC 7518 section 3.4), also of one in ASN.1, as old libraries make it.

    Raises:
        ValueError: it is neither.
    """
    if len(signature) == 2 * width:
        return signature
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(signature))
    except OverflowError as error:
        raise ValueError("numbers that are too long") from error


def _prepared(alg: str, key: object) -> tuple[Any, Any]:
    """PyJWT's algorithm and the key in the form that it wants."""
    if isinstance(key, bytes | str):
        return _prepared_pem(alg, key)
    from jwt.algorithms import get_default_algorithms

    algorithm: Any = get_default_algorithms()[alg]
    return algorithm, algorithm.prepare_key(key)


@functools.lru_cache(maxsize=32)
def _prepared_pem(alg: str, key: bytes | str) -> tuple[Any, Any]:
    """Text is read once: checking a private RSA key costs 30 ms."""
    from jwt.algorithms import get_default_algorithms

    algorithm: Any = get_default_algorithms()[alg]
    return algorithm, algorithm.prepare_key(key)


def dumps(value: object) -> str:
    """Compact JSON text, as most issuers write it."""
    if isinstance(value, JsonText):
        return value.text
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def edit(raw: bytes, changes: Mapping[str, object], drop: Collection[str] = ()) -> bytes:
    """Overwrite, append and drop members of a JSON object in its text; all else stays as it was.

    Every duplicate of a name is overwritten. ValueError when ``raw`` is not a JSON object.
    """
    encoding = json.detect_encoding(raw)
    text = raw.decode(encoding, "surrogatepass")
    for name in drop:
        text = _dropped(text, name)
    present = _members(text)
    for found, _, value_at, end in reversed(present):
        if found in changes:
            text = text[:value_at] + dumps(changes[found]) + text[end:]
    absent = {name: value for name, value in changes.items() if name not in {member[0] for member in present}}
    return _append(text, absent).encode(encoding, "surrogatepass")


def prepend(raw: bytes, members: Mapping[str, object]) -> bytes:
    """Put members first in a JSON object, in front of those of the same name. ValueError when it is none."""
    encoding = json.detect_encoding(raw)
    text = raw.decode(encoding, "surrogatepass")
    first = next((member[1] for member in _members(text)), text.index("}"))
    comma = "," if first < text.rindex("}") else ""
    new = ",".join(f"{dumps(name)}:{dumps(value)}" for name, value in members.items())
    return (text[:first] + new + comma + text[first:]).encode(encoding, "surrogatepass")


def elements(text: str) -> list[str]:
    """The members of the JSON array ``keys`` in a JSON object, each as the text that stands there."""
    array_at = next((value_at for name, _, value_at, _ in _members(text) if name == "keys"), None)
    if array_at is None or text[array_at] != "[":
        raise ValueError("no array of keys")
    found = []
    at = _skip(text, array_at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        found.append(text[at:end])
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found


def _members(text: str) -> list[tuple[str, int, int, int]]:
    """Name, start, start of the value and end of each member, in order; ValueError when it is no object."""
    found = []
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("not a JSON object")
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        name, name_end = _DECODER.raw_decode(text, at)
        value_at = _skip(text, _skip(text, name_end) + 1)
        _, end = _DECODER.raw_decode(text, value_at)
        found.append((name, at, value_at, end))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at : at + 1] == "," else at
    if text[at : at + 1] != "}":
        raise ValueError("not a JSON object")
    return found


def _skip(text: str, at: int) -> int:
    match = _WHITESPACE.match(text, at)
    return match.end() if match else at


def _dropped(text: str, name: str) -> str:
    members = _members(text)
    for index in reversed(range(len(members))):
        if members[index][0] != name:
            continue
        if index + 1 < len(members):
            text = text[: members[index][1]] + text[members[index + 1][1] :]
        else:
            start = members[index - 1][3] if index else members[index][1]
            text = text[:start] + text[members[index][3] :]
        members = _members(text)
    return text


def _append(text: str, members: Mapping[str, object]) -> str:
    new = ",".join(f"{dumps(name)}:{dumps(value)}" for name, value in members.items())
    if not new:
        return text
    present = _members(text)
    at = present[-1][3] if present else text.index("{") + 1
    return text[:at] + ("," if present else "") + new + text[at:]
