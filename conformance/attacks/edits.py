"""Edits of signatures and opaque values as small recipes: drawn by Hypothesis, applied to any token, shown to users.

A recipe is independent of the value that it edits: positions wrap round. ``apply`` gives None where the edit would
only spell the same value otherwise. Hypothesis is loaded when a strategy is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_to_bytes

from conformance.attacks import jwt
from conformance.attacks.jwt import Token

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MAX_POSITION = 4095
"""Largest position drawn: the last bit of a 4096-bit signature."""

DIGITS = "0123456789"
HEX = DIGITS + "abcdef"
BASE32 = "234567ABCDEFGHJKMNPQRSTVWXYZ"
"""Upper-case letters and digits that neither RFC 4648 nor Crockford's base32 reads as another character."""
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/_=-]")
_HEX_RUN = re.compile(r"[0-9a-fA-F]{32,}")
"""A digest or a number inside a longer value, as in the ticket of mod_auth_tkt; base64 has no such run by chance."""
_RECIPE = re.compile(r"(?P<kind>[a-z ]+?)(?: at (?P<at>\d+))?(?: with (?P<char>[a-zA-Z0-9]))?")


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────


def _flip_bit(data: bytes, at: int) -> bytes:
    bit = at % (8 * len(data))
    changed = bytearray(data)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def _replace_byte(value: int) -> Callable[[bytes, int], bytes]:
    def replace(data: bytes, at: int) -> bytes:
        index = at % len(data)
        return data[:index] + bytes([value]) + data[index + 1 :]

    return replace


def _swap_bytes(data: bytes, at: int) -> bytes:
    index = at % max(1, len(data) - 1)
    return data[:index] + data[index : index + 2][::-1] + data[index + 2 :]


_SIGNATURE_EDITS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "bit flipped": _flip_bit,
    "last byte dropped": lambda data, _: data[:-1],
    "first byte dropped": lambda data, _: data[1:],
    "zero byte appended": lambda data, _: data + b"\x00",
    "zero byte prepended": lambda data, _: b"\x00" + data,
    "byte zeroed": _replace_byte(0),
    "byte filled": _replace_byte(0xFF),
    "bytes swapped": _swap_bytes,
    "cut": lambda data, at: data[: at % len(data)],
    "all bytes zeroed": lambda data, _: bytes(len(data)),
    "bytes reversed": lambda data, _: data[::-1],
    "signature doubled": lambda data, _: data + data,
    "signature emptied": lambda *_: b"",
}
"""Simplest first: Hypothesis shrinks towards the first. Positions count from the left."""

SIGNATURE_KINDS = tuple(_SIGNATURE_EDITS)
_PLACED_KINDS = frozenset({"bit flipped", "byte zeroed", "byte filled", "bytes swapped", "cut"})


@dataclass(frozen=True, slots=True, repr=False)
class SignatureEdit:
    """One change of a signature's bytes, such as ``bit flipped at 7``; header and payload stay."""

    kind: str
    at: int = 0
    """Bit (for ``bit flipped``) or byte, counted from the left, wrapping round."""

    def __repr__(self) -> str:
        return f"{self.kind} at {self.at}" if self.kind in _PLACED_KINDS else self.kind

    @classmethod
    def read(cls, recipe: str) -> Self:
        """The edit that prints as this recipe. ValueError when none does."""
        match = _RECIPE.fullmatch(recipe)
        if match is None or match["kind"] not in _SIGNATURE_EDITS:
            raise ValueError(f"no such edit: {recipe!r}; edits are {', '.join(SIGNATURE_KINDS)}")
        return cls(match["kind"], int(match["at"] or 0))

    def apply(self, token: Token | str) -> str | None:
        """The edited token; None when the signature's bytes stay the same, or for what is no compact JWS."""
        genuine = jwt.parse(token) if isinstance(token, str) else token
        if genuine is None or not genuine.signature:
            return None
        changed = _SIGNATURE_EDITS[self.kind](genuine.signature, self.at)
        if changed == genuine.signature:
            return None
        header, payload, _ = genuine.segments
        return f"{header}.{payload}.{jwt.b64_encode(changed)}"


def signature_edits(positions: int = MAX_POSITION + 1) -> SearchStrategy[SignatureEdit]:
    """Recipes of signature edits: half of them flip one bit, anywhere among ``positions``."""
    from hypothesis import strategies as st

    places = st.integers(0, positions - 1)
    flips = st.builds(SignatureEdit, st.just("bit flipped"), places)
    others = st.builds(_signature_edit, st.sampled_from(SIGNATURE_KINDS[1:]), places)
    return flips | others


def spread_signature_edits() -> SearchStrategy[SignatureEdit]:
    """The recipes of `SPREAD`, each once: what one verifier is asked where every request counts."""
    from hypothesis import strategies as st

    return st.sampled_from(SPREAD)


STRETCHES = 9
SPREAD = (
    SignatureEdit("bit flipped", 0),
    SignatureEdit("bit flipped", MAX_POSITION),
    *(SignatureEdit("bit flipped", 113 + 227 * stretch) for stretch in range(STRETCHES)),
    *map(SignatureEdit, ("zero byte appended", "zero byte prepended")),
)
"""Flips of the first bit, of the last one, and one in each ninth of an RSA signature of 2048 bits, so that a stretch of
that length which nobody compares is found for certain; in a shorter signature they lie about as evenly. Then a few
edits of other kinds; short and constant signatures have checks of their own."""


def _signature_edit(kind: str, at: int) -> SignatureEdit:
    return SignatureEdit(kind, at if kind in _PLACED_KINDS else 0)


# ── opaque values ───────────────────────────────────────────────────────────────────────────────────────────────


def _flip_character(text: str, at: int, char: str) -> str:
    places = [index for index in _editable(text) if text[index].isalnum()]
    if not places:
        return text
    index = places[at % len(places)]
    return text[:index] + _other(text, text[index], char) + text[index + 1 :]


def _drop_first(text: str, at: int, _: str) -> str:
    dropped = _editable(text)[: 1 + at % 8]
    return "".join(character for index, character in enumerate(text) if index not in dropped)


def _drop_last(text: str, at: int, _: str) -> str:
    dropped = _editable(text)[-1 - at % 8 :]
    return "".join(character for index, character in enumerate(text) if index not in dropped)


def _extend(text: str, at: int, char: str) -> str:
    body = text.rstrip("=")  # decoders ignore what follows padding
    return body + _fitting(text, char) * (1 + at % 8) + text[len(body) :]


def _extend_front(text: str, at: int, char: str) -> str:
    return _fitting(text, char) * (1 + at % 8) + text


def _swap_case(text: str, at: int, _: str) -> str:
    places = [index for index in _editable(text) if text[index].isalpha()]
    if not places:
        return text
    index = places[at % len(places)]
    return text[:index] + text[index].swapcase() + text[index + 1 :]


def _swap_neighbours(text: str, at: int, _: str) -> str:
    places = _editable(text)
    pairs = [index for index in places if index + 1 in places and text[index] != text[index + 1]]
    if not pairs:
        return text
    index = pairs[at % len(pairs)]
    return text[:index] + text[index + 1] + text[index] + text[index + 2 :]


def _repeat(text: str, at: int, _: str) -> str:
    places = _editable(text)
    index = places[at % len(places)]
    return text[: index + 1] + text[index:]


_TEXT_EDITS: Mapping[str, Callable[[str, int, str], str]] = {
    "character changed": _flip_character,
    "end dropped": _drop_last,
    "start dropped": _drop_first,
    "end extended": _extend,
    "start extended": _extend_front,
    "letter case changed": _swap_case,
    "neighbours swapped": _swap_neighbours,
    "character repeated": _repeat,
}
"""Simplest first."""

TEXT_KINDS = tuple(_TEXT_EDITS)
_LETTERED_KINDS = frozenset({"character changed", "end extended", "start extended"})


@dataclass(frozen=True, slots=True, repr=False)
class TextEdit:
    """One change of an opaque value, such as ``character changed at 3 with a``, inside its varying part."""

    kind: str
    at: int = 0
    """Which of the editable places, from the left, wrapping round; for dropped and extended how many, less one."""
    char: str = "a"
    """What is put in, translated into the alphabet of the value."""

    def __repr__(self) -> str:
        return f"{self.kind} at {self.at}" + (f" with {self.char}" if self.kind in _LETTERED_KINDS else "")

    @classmethod
    def read(cls, recipe: str) -> Self:
        """The edit that prints as this recipe. ValueError when none does."""
        match = _RECIPE.fullmatch(recipe)
        if match is None or match["kind"] not in _TEXT_EDITS:
            raise ValueError(f"no such edit: {recipe!r}; edits are {', '.join(TEXT_KINDS)}")
        return cls(match["kind"], int(match["at"] or 0), match["char"] or "a")

    def apply(self, value: str, span: tuple[int, int]) -> str | None:
        """The value with its part ``span`` (start, end) edited; None when it would mean the same or be empty."""
        start, end = span
        part = value[start:end]
        if not _editable(part):
            return None
        edited = _TEXT_EDITS[self.kind](part, self.at, self.char)
        changed = value[:start] + edited + value[end:]
        if not edited or _meaning(edited, part) == _meaning(part, part):
            return None
        return None if same_bytes(value, changed) else changed


def text_edits() -> SearchStrategy[TextEdit]:
    """Recipes of edits of opaque ids and tokens."""
    from hypothesis import strategies as st

    return st.builds(_text_edit, st.sampled_from(TEXT_KINDS), st.integers(0, 255), st.sampled_from(LETTERS))


def _text_edit(kind: str, at: int, char: str) -> TextEdit:
    return TextEdit(kind, at, char if kind in _LETTERED_KINDS else "a")


def _editable(text: str) -> list[int]:
    """Places that an edit may touch: letters, digits, ``-`` and ``_`` outside percent-escapes."""
    masked = re.sub(r"%(?:[0-9A-Fa-f]{2})?", lambda match: "%" * len(match[0]), text)
    return [index for index, char in enumerate(masked) if char.isascii() and (char.isalnum() or char in "-_")]


def _alphabet(text: str) -> str:
    """The characters that a value of this look is made of."""
    letters = [char for char in text if char.isalnum()]
    if all(char in DIGITS for char in letters):
        return DIGITS
    if _is_hex(text):
        return HEX.upper() if text.upper() == text else HEX
    return BASE32 if all(char.isdigit() or char.isupper() for char in letters) else LETTERS


def _fitting(text: str, char: str) -> str:
    alphabet = _alphabet(text)
    cases = (each for each in (char, char.upper(), char.lower()) if each in alphabet)
    return next(cases, alphabet[LETTERS.index(char) % len(alphabet)])


def _other(text: str, old: str, char: str) -> str:
    new = _fitting(text, char)
    if new != old:
        return new
    alphabet = _alphabet(text)
    return alphabet[(alphabet.index(new) + 1) % len(alphabet)]


def _is_hex(text: str) -> bool:
    """Whether a value is hexadecimal digits, with or without the hyphens of a UUID."""
    return re.fullmatch(r"[0-9a-fA-F]+(?:-[0-9a-fA-F]+)*", text) is not None


def _meaning(text: str, genuine: str) -> bytes:
    """What a server reads: percent-escapes decoded; case, hyphens and leading zeros of hexadecimal ignored.

    Of hexadecimal inside a longer value only the case is ignored.
    """
    if _is_hex(genuine):
        return text.replace("-", "").lower().lstrip("0").encode()
    decoded = unquote_to_bytes(_HEX_RUN.sub(lambda run: run[0].lower(), text))
    return decoded.upper() if _alphabet(genuine) == BASE32 else decoded


def same_bytes(value: str, changed: str) -> bool:
    """Whether both decode to the same bytes where each segment is read as base64 of either alphabet."""
    return _base64_bits(value) == _base64_bits(changed)


def _base64_bits(value: str) -> list[str]:
    """Segments of base64 characters with alphabets joined, padding removed and unused trailing bits cleared.

    A lone last character carries no whole byte and is dropped, as lenient decoders do. Hexadecimal stays as it is.
    """
    text = unquote_to_bytes(value).decode("latin-1")
    return [part if _is_hex(part) else _canonical(part) for part in _NOT_BASE64.split(text)]


def _canonical(part: str) -> str:
    joined = part.rstrip("=").translate(str.maketrans("+/", "-_"))
    unused = {2: 4, 3: 2}.get(len(joined) % 4, 0)
    if len(joined) % 4 == 1:
        return joined[:-1]
    if not unused or joined[-1] not in _B64URL:
        return joined
    return joined[:-1] + _B64URL[_B64URL.index(joined[-1]) >> unused << unused]


_B64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
