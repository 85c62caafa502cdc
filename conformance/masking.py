"""Keeping secrets out of everything that is written or shown.

Every secret in play was obtained or forged by the kit, so it knows them all by value; whatever else stands in a
header that carries credentials is shortened unseen.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

from conformance.bounded_json import loads

SHORTEST = 6
"""Values below this length are not looked for everywhere: they would mask ordinary words."""
MOST = 2 * 2**20
"""Characters of secrets that are learned in a run."""
LONG_TEXT, REMEMBERED = 2000, 200
"""Characters of a text whose masking is remembered, and how many of them are."""

CREDENTIAL_HEADERS = re.compile(
    r"(.*-)?(authorization|auth|cookie|dpop|(access|api)-?key|sid|session(-?id)?|secret|password|[cx]srf|\w*token)"
)
"""Names, in lower case, of headers that carry credentials by standard or by custom."""
DOTTED = re.compile(r"(?<![A-Za-z0-9_.-])[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){2,}")
"""Three segments of base64url or more: a JWS, or a host's name."""
KNOWN = re.compile(r"(‹[^›]*›|(?:Max-Age|Expires|SameSite|Path|Domain)=[^;]*|eyJ[\w-]+\.(?=‹))")
LONG = re.compile(r"[A-Za-z0-9+/_.~%|:=-]{12,}")


class Secrets:
    """The secrets of a run, each with the label that stands for it."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._lengths: dict[str, list[int]] = {}
        """By the first characters of a spelling: how long those are that begin so, the longest first."""
        self._used: dict[str, int] = {}
        self._learned = 0
        self._done: dict[str, str] = {}
        """Long texts as they were last shown: each renderer of a report asks for the same ones."""

    def learn(self, value: str, label: str) -> None:
        """From now on `value` is shown as ``‹label›``, as are its spellings in URLs, JSON and base64.

        A second value under a label that is taken is shown with a number. Beyond `MOST` characters nothing is learned:
        only a target that floods us gets there, and headers with credentials are shortened unseen.
        """
        if len(value) < SHORTEST or value in self._labels or self._learned + len(value) > MOST:
            return
        self._learned += len(value)
        self._done.clear()
        self._used[label] = self._used.get(label, 0) + 1
        shown = label if self._used[label] == 1 else f"{label} ({self._used[label]})"
        for spelling in _spellings(value):
            self._labels.setdefault(spelling, shown)
            lengths = self._lengths.setdefault(spelling[:SHORTEST], [])
            if len(spelling) not in lengths:
                lengths.append(len(spelling))
                lengths.sort(reverse=True)

    def mask(self, text: str) -> str:
        """The text without any known secret; of a JWS that is not known, only the header stays.

        A known payload under another header counts as unknown too: with the header, which is public, it is a token.
        """
        if len(text) < LONG_TEXT:
            return self._masked(text)
        if text not in self._done:
            if len(self._done) >= REMEMBERED:
                self._done.clear()
            self._done[text] = self._masked(text)
        return self._done[text]

    def _masked(self, text: str) -> str:
        return DOTTED.sub(lambda found: _without_payload(found[0].split(".")), self._labelled(text))

    def _labelled(self, text: str) -> str:
        """The text with the label of each known secret in its place; at each spot the longest one counts."""
        # One look for each character, however many secrets there are: an alternation of them all would try each.
        pieces, start, at = [], 0, 0
        while at <= len(text) - SHORTEST:
            lengths = self._lengths.get(text[at : at + SHORTEST], ())
            length = next((size for size in lengths if text[at : at + size] in self._labels), 0)
            if length:
                pieces += [text[start:at], f"‹{self._labels[text[at : at + length]]}›"]
                start = at + length
            at += length or 1
        return "".join([*pieces, text[start:]])

    def header(self, name: str, value: str) -> str:
        """A header's value, shortened where it carries a credential that the kit does not know."""
        shown = self.mask(value)
        if not CREDENTIAL_HEADERS.fullmatch(name.lower()):
            return shown
        # Splitting by a group gives what stands between the matches at even places, the matches at odd ones.
        parts = KNOWN.split(shown)
        # A cookie may be empty, "name="; elsewhere a lone sign at the end is the padding of base64.
        shorten = _shorten if "cookie" in name.lower() else _shorten_padded
        return "".join(part if at % 2 else LONG.sub(shorten, part) for at, part in enumerate(parts))


def _spellings(value: str) -> set[str]:
    """A value as URLs, forms, JSON, HTML and base64 write it, by the habits of common libraries."""
    raw = value.encode(errors="replace")
    percent = {
        quote(value, safe="", errors="replace"),
        quote(value, errors="replace"),
        quote(value, safe="!'()*~", errors="replace"),
        quote_plus(value, errors="replace"),
    }
    lower = {re.sub("%..", lambda found: found[0].lower(), text) for text in percent}
    written = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    slashed = {text.replace("/", "\\/") for text in (value, *written)}
    html = {escape(value), escape(value, quote=False), escape(value).replace("&#x27;", "&#39;")}
    base64 = {b64encode(raw).decode().rstrip("="), urlsafe_b64encode(raw).decode().rstrip("=")}
    return {value, *percent, *lower, *written, *slashed, *html, *base64}


def _without_payload(segments: list[str]) -> str:
    """Segments joined by dots; wherever a JWS begins among them, its payload and signature are not shown."""
    at = 0
    while at + 2 < len(segments):
        if _is_jws(*segments[at : at + 2]):
            segments[at + 1] = f"‹payload {len(segments[at + 1])}›"
            segments[at + 2] = f"‹signature {len(segments[at + 2])}›"
            at += 2
        at += 1
    return ".".join(segments)


def _is_jws(header: str, payload: str) -> bool:
    """Whether two segments begin a JWS: one of them is a JSON object, or the first looks like most headers."""
    return (header.startswith("eyJ") and len(header) > 10) or _is_object(header) or _is_object(payload)


def _is_object(segment: str) -> bool:
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        return decoded.lstrip()[:1] == b"{" and isinstance(loads(decoded), dict)
    except ValueError:
        return False


def _shorten_padded(found: re.Match[str]) -> str:
    text = found[0]
    if "=" in text.rstrip("="):
        return _shorten(found)
    return f"{text[:4]}…({len(text)} characters)"


def _shorten(found: re.Match[str]) -> str:
    text = found[0]
    name, equals, value = text.partition("=")
    if equals and len(value) >= SHORTEST:
        return f"{name}={value[:4]}…({len(value)} characters)"
    if equals:
        return text
    return f"{text[:4]}…({len(text)} characters)"
