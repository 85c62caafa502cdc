"""What kind of value a session id is: an opaque reference, or a container that speaks for itself.

ASVS-v5.0.0-7.2.3 binds references alone; a signed or sealed cookie is allowed by 7.2.2. So a value is classified
before it is measured, and of ``id.signature`` only the id is measured.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from urllib.parse import unquote

from conformance.attacks.capacity import (
    WHOLE,
    Capacity,
    Span,
    alphabet,
    capacity,
    capacity_bits,
    cut,
    static_positions,
    uuid_version,
)
from conformance.attacks.layers import SERIALISED, Layer, from_base64, layers

__all__ = [
    "WHOLE",
    "Capacity",
    "Form",
    "Kind",
    "Layer",
    "Span",
    "alphabet",
    "capacity",
    "capacity_bits",
    "classify",
    "cut",
    "layers",
    "signs_account",
    "static_positions",
    "uuid_version",
]

Form = Literal["reference", "self-contained"]

_DIGEST: Final = (
    r"(?:[A-Za-z0-9+/_-]{27}=?|[A-Za-z0-9+/_-]{43}=?|[A-Za-z0-9+/_-]{86}(?:==)?|[0-9a-f]{40}|[0-9a-f]{64}"
    r"|[0-9a-f]{96}|[0-9a-f]{128})"
)
_TIMESTAMP: Final = r"[A-Za-z0-9_-]{5,7}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a series of values of one credential turned out to be."""

    form: Form
    scheme: str
    """The recognised make, such as ``jwt``, ``express``, ``uuid`` or ``opaque``."""
    parts: tuple[str, ...] = field(default=(), repr=False)
    """The id within each value: decoded where the encoding is known, signature and wrapping removed."""
    id_span: Span = WHOLE
    """What is common to the start and end of all parts; `cut` leaves what varies."""
    certain: bool = True
    """False where another reading is possible, such as a random second half in place of a signature."""

    @property
    def ids(self) -> tuple[str, ...]:
        """What varies of each value."""
        return tuple(cut(part, self.id_span) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Make:
    """One known wrapping: its pattern, and whether the payload (group 1) decides the form."""

    scheme: str
    pattern: re.Pattern[str]
    form: Form | Literal["by payload"]
    certain: bool = True
    guard: Callable[[str], bool] | None = None
    stamped: bool = False
    """Whether the wrapping adds the time of issue, so that one payload gives many values."""
    opened: Callable[[str], str] = str
    """Undoes what lies around the pattern."""
    content: Callable[[str], str] = str
    """What is left of a payload without the marks of its format."""


def _is_jose(value: str) -> bool:
    header = from_base64(value.split(".", 1)[0])
    return header is not None and header.lstrip().startswith(b"{") and b'"alg"' in header


_BEGINNING = re.compile(rb"\x80[\x02-\x05][}\x95]|\{\"")
"""How a pickle of a table begins, and a JSON object."""


def _is_digest_and_data(value: str) -> bool:
    """Whether base64 of a pickle or of JSON follows a hexadecimal digest without a mark between them, as in Beaker."""
    data = [from_base64(value[length:]) for length in (40, 64, 96, 128)]
    return any(read is not None and _BEGINNING.match(read) for read in data)


def _is_table_in_base64(value: str) -> bool:
    """Whether JSON stands before the signature, whatever fills it up to a length."""
    data = from_base64(value.partition("-")[0])
    return data is not None and _BEGINNING.match(data) is not None


def _make(
    scheme: str,
    pattern: str,
    form: Form | Literal["by payload"] = "by payload",
    *,
    certain: bool = True,
    guard: Callable[[str], bool] | None = None,
    stamped: bool = False,
    opened: Callable[[str], str] = str,
    content: Callable[[str], str] = str,
) -> _Make:
    return _Make(scheme, re.compile(pattern, re.DOTALL), form, certain, guard, stamped, opened, content)


def _undone(value: str) -> str:
    """What base64 wraps, a character for each byte; empty where a value is none."""
    return (from_base64(value) or b"").decode("latin-1")


def _gob_text(payload: str) -> str:
    """The text that is all of a value of Go's gob, without the mark and the lengths before it; else the payload."""
    found = re.fullmatch(rb".\x0c\x00.([!-~]+)", from_base64(payload) or b"", re.DOTALL)
    return found[1].decode() if found else payload


_MAKES: Final[tuple[_Make, ...]] = (
    # Time of issue, content in base64 and signature, all of it in base64 once more (Go's securecookie).
    _make(
        "gorilla",
        r"\d{10}\|([\w-]+={0,2})\|.{20,64}",
        stamped=True,
        opened=_undone,
        content=_gob_text,
    ),
    _make("jwt", r"([\w-]+)\.[\w-]*\.[\w-]*", "self-contained", guard=_is_jose),
    _make("jwe", r"([\w-]+)\.[\w-]*\.[\w-]*\.[\w-]+\.[\w-]*", "self-contained", guard=_is_jose),
    _make("paseto", r"(v[1-4]\.(?:local|public)\.[\w-]+(?:\.[\w-]+)?)", "self-contained"),
    _make("fernet", r"(gAAAAA[\w-]{60,}={0,2})", "self-contained"),
    _make("iron", r"(Fe26\.[12]\*.+)", "self-contained"),
    _make("data protection", r"(CfDJ8[\w-]{40,})", "self-contained"),
    _make("tornado", r"2\|\d+:\d+\|\d+:\d+\|\d+:[^|]*\|\d+:([^|]*)\|[0-9a-f]{64}", stamped=True),
    _make("tornado", r"([A-Za-z0-9+/=]+)\|\d{10}\|[0-9a-f]{40}", stamped=True),
    _make("bottle", r"!(?:[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{43}=)\?(.+)"),
    _make("auth ticket", r"(?:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{128})[0-9a-f]{8}([^!]+!.*)", "self-contained"),
    _make("express", rf"s:(.+)\.{_DIGEST}"),
    _make("rails encrypted", r"([A-Za-z0-9+/=]+)--[A-Za-z0-9+/=]{12,24}--[A-Za-z0-9+/=]{22,24}", "self-contained"),
    # Its padding is written as hyphens, and a run of Z after the JSON fills it up (Mojolicious::Sessions).
    _make(
        "mojolicious",
        r"([A-Za-z0-9+/]+)-{0,2}--(?:[0-9a-f]{40}|[0-9a-f]{64})",
        "self-contained",
        guard=_is_table_in_base64,
    ),
    _make("rails signed", r"([A-Za-z0-9+/=]+)--(?:[0-9a-f]{40}|[0-9a-f]{64})"),
    _make("django signed", rf"(\.?[\w-]+):{_TIMESTAMP}:{_DIGEST}", stamped=True),
    _make("itsdangerous", rf"(\.?[^.]+)\.{_TIMESTAMP}\.{_DIGEST}", stamped=True),
    _make("signed first", r"[0-9a-f]{40,128}([\w+/-]{20,}={0,2})", "self-contained", guard=_is_digest_and_data),
    _make("signed", rf"(.+)[.:|!]{_DIGEST}", certain=False),
)
"""Known wrappings, the most telling first; every value of the series must match."""


def classify(values: Sequence[str]) -> Kind:
    """Classify values that one target issued for one cookie or field; never raises.

    The more values, the surer what is constant; with a single one nothing is. Percent-encoding and quotes are undone.
    """
    texts = [_plain(value) for value in values]
    for make in _MAKES:
        found = [make.pattern.fullmatch(make.opened(text)) for text in texts]
        payloads = [make.content(match[1]) for match in found if match]
        if payloads and len(payloads) == len(texts) and (make.guard is None or all(map(make.guard, texts))):
            return _judged(make, payloads)
    routed = _without_route(texts)
    return replace(_unwrapped(routed), scheme="routed") if routed else _unwrapped(texts)


SIGNED: Final = frozenset(
    {"tornado", "bottle", "express", "rails signed", "django signed", "itsdangerous", "gorilla", "signed"}
)
"""Makes whose payload may be a reference, or the content itself."""
NO_ID_BITS: Final = 64
"""A payload with less room than this, the same at every login of an account, is the account's number."""


def signs_account(values: Sequence[str], owners: Sequence[str], facts: Mapping[str, Sequence[str]]) -> bool:
    """Whether the values are signatures over who the owner is, so that nothing in them refers to a session.

    `owners` has the account of each value, `facts` what is known of each account. Where no known make vouches for the
    signature, equal payloads must have equal signatures, or the second half may be random.
    """
    kind = classify(values)
    steady = kind.certain or len(set(kind.parts)) == len(set(values))
    if kind.scheme not in SIGNED or kind.form == "self-contained" or not steady:
        return False
    payloads = defaultdict(set)
    for part, owner in zip(kind.parts, owners, strict=True):
        payloads[owner].add(part)
    repeated = 1 < len(payloads) < len(owners) and all(len(parts) == 1 for parts in payloads.values())
    numbered = repeated and capacity(kind.parts).full_bits < NO_ID_BITS
    return numbered or all(_tells(part, facts[owner]) for part, owner in zip(kind.parts, owners, strict=True))


def _tells(part: str, facts: Sequence[str]) -> bool:
    readings = [layer.data.lower() for layer in layers(part, 2) if isinstance(layer.data, str)]
    return any(len(fact) >= 3 and fact.lower() in text for fact in facts for text in readings)


_ROUTED = re.compile(r"([A-Za-z0-9_-]{16,})[.!~]([A-Za-z][A-Za-z0-9_-]{0,15})")


def _without_route(texts: Sequence[str]) -> list[str] | None:
    """The ids of ``id.node`` values, as load balancers write them: few nodes, many ids."""
    found = [match for text in texts if (match := _ROUTED.fullmatch(text))]
    nodes = {match[2] for match in found}
    few = len(nodes) == 1 or len(nodes) <= len(found) // 3
    return [match[1] for match in found] if len(found) == len(texts) > 1 and few else None


def _plain(value: str) -> str:
    text = value[:65536]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return unquote(text) if "%" in text else text


def _judged(make: _Make, payloads: Sequence[str]) -> Kind:
    """A wrapped value is self-contained when its make says so, or when its payload is readable or no session's own.

    What several logins have in common names the account: the signature and the time of issue make the session of it.
    """
    inner = _unwrapped(payloads)
    stated = make.stamped and len(set(payloads)) < len(payloads)
    if make.form == "self-contained" or inner.form == "self-contained" or stated:
        return Kind("self-contained", make.scheme, tuple(payloads), _common(payloads))
    return Kind("reference", make.scheme, inner.parts, inner.id_span, make.certain)


def _unwrapped(texts: Sequence[str]) -> Kind:
    """Judge values without a signature: readable content, encoded text, or opaque."""
    if texts and all(map(_readable, texts)):
        return Kind("self-contained", "structured", tuple(texts), _common(texts))
    parts = [_encoded_text(text) for text in texts]
    inner = [part for part in parts if part is not None]
    chosen = inner if len(inner) == len(texts) else list(texts)
    if uuid_version(chosen):
        return Kind("reference", "uuid", tuple(chosen))
    return Kind("reference", "opaque", tuple(chosen), _common(chosen))


def _readable(text: str) -> bool:
    """Whether some layer is a JSON container, a serialised object, or delimited words that decoding revealed."""
    return any(layer.container or _is_serialised(layer) for layer in layers(text))


_PAIRS = re.compile(r"[\w.-]{1,64}=[^&=]*(&[\w.-]{1,64}=[^&=]*)+|[aO]:\d+:[{\"].*", re.DOTALL)


_GOB = re.compile(rb"[\x01-\x7f]\xff\x81[\x03\x04]")
"""How Go's gob begins what is more than one text or number: a length, and the definition of its first type."""


def _is_serialised(layer: Layer) -> bool:
    if isinstance(layer.data, bytes):
        return layer.data.startswith(SERIALISED) or _GOB.match(layer.data) is not None
    return bool(_PAIRS.fullmatch(layer.data))


def _encoded_text(text: str) -> str | None:
    """The text that base64 or hex wraps, where chance can't explain that it is printable; else None."""
    found = (layer for layer in layers(text, 1) if layer.path in {("base64",), ("base64url",), ("hex",)})
    return next((layer.data for layer in found if isinstance(layer.data, str) and layer.chance < 1e-6), None)


def _common(texts: Sequence[str]) -> Span:
    """What all values share at both ends, where luck does not explain it."""
    distinct = sorted(set(texts))
    if len(distinct) < 2:
        return WHOLE
    prefix = _shared(distinct)
    suffix = _shared([text[prefix:][::-1] for text in distinct])
    size = len(alphabet(distinct)[1])
    luck = float(size) ** -((prefix + suffix) * (len(distinct) - 1))
    if luck >= 1e-9:
        return WHOLE
    return _whole_marks(distinct[0], prefix, suffix, size, len(distinct))


def _shared(texts: Sequence[str]) -> int:
    """How many characters all texts begin with."""
    low, high = min(texts), max(texts)
    return next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))


def _whole_marks(text: str, prefix: int, suffix: int, size: int, samples: int) -> Span:
    """Give back what may be equal by luck (few samples), down to the nearest delimiter."""
    lucky = 0 if samples > 40 else next(k for k in range(60) if float(size) ** -((k + 1) * (samples - 1)) < 1e-9)
    heads = (i for i in range(1, prefix + 1) if not text[i - 1].isalnum() and prefix - i <= lucky)
    tails = (i for i in range(1, suffix + 1) if not text[-i].isalnum() and suffix - i <= lucky)
    return next(heads, max(0, prefix - lucky)), next(tails, max(0, suffix - lucky))
