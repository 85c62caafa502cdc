"""Keeping secrets out of everything that is written or shown.

Every secret in play was obtained or forged by the kit, so it knows them all by value; whatever else stands in a
header that carries credentials is shortened unseen.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Values below this length are not looked for everywhere: they would mask ordinary words."""

CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization", "x-csrf-token"})
JWS = re.compile(r"\b(eyJ[A-Za-z0-9_-]{8,})\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)")
KNOWN = re.compile(r"(‹[^›]*›|(?:Max-Age|Expires|SameSite|Path|Domain)=[^;]*|eyJ[\w-]+\.(?=‹))")
LONG = re.compile(r"[A-Za-z0-9+/_.~%|:=-]{12,}")


class Secrets:
    """The secrets of a run, each with the label that stands for it."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._used: dict[str, int] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: str, label: str) -> None:
        """From now on `value` is shown as ``‹label›``, as are its spellings in URLs, JSON and base64.

        A second value under a label that is taken is shown with a number.
        """
        if len(value) < SHORTEST or value in self._labels:
            return
        self._used[label] = self._used.get(label, 0) + 1
        shown = label if self._used[label] == 1 else f"{label} ({self._used[label]})"
        spellings = {
            value,
            quote(value, safe="", errors="replace"),
            quote_plus(value, errors="replace"),
            json.dumps(value)[1:-1],
            value.replace("/", "\\/"),
        }
        for spelling in {*spellings, b64encode(value.encode(errors="replace")).decode().rstrip("=")}:
            self._labels.setdefault(spelling, shown)
        self._pattern = None

    def mask(self, text: str) -> str:
        """The text without any known secret; of a JWS that is not known, only the header stays."""
        if self._pattern is None:
            longest = sorted(self._labels, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest)) or r"(?!)")
        known = self._pattern.sub(lambda found: f"‹{self._labels[found[0]]}›", text)
        return JWS.sub(lambda f: f"{f[1]}.‹payload {len(f[2])}›.‹signature {len(f[3])}›", known)

    def header(self, name: str, value: str) -> str:
        """A header's value, shortened where it carries a credential that the kit does not know."""
        shown = self.mask(value)
        if name.lower() not in CREDENTIAL_HEADERS:
            return shown
        # Splitting by a group gives what stands between the matches at even places, the matches at odd ones.
        parts = KNOWN.split(shown)
        return "".join(part if at % 2 else LONG.sub(_shorten, part) for at, part in enumerate(parts))


def _shorten(found: re.Match[str]) -> str:
    text = found[0]
    name, equals, value = text.partition("=")
    if equals and len(value) >= SHORTEST:
        return f"{name}={value[:4]}…({len(value)} characters)"
    if equals:
        return text
    return f"{text[:4]}…({len(text)} characters)"
