"""Text from a hostile target made fit for a terminal, for JSON and for XML."""

from __future__ import annotations

import re
import unicodedata

from conformance.masking import Secrets

LINE = 300
"""Characters of one line of prose that a reader still reads."""
BODY = 64 * 1024
"""Characters of a body; the record itself keeps no more bytes than this."""

# Controls steer terminals; formats (bidi overrides among them) and separators make text look like other text;
# surrogates and unassigned code points break encoders and XML.
_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_PLAIN = re.compile(r"[\x20-\x7e]*")


def clean(text: str, limit: int = LINE, *, lines: bool = False) -> str:
    r"""The text with everything invisible or steering as visible escapes such as ``\x1b``, and cut at `limit`.

    Args:
        text: anything, from anywhere.
        limit: characters of the original that are kept; the result says how many were not.
        lines: keep line breaks and tabs, for bodies; otherwise they are escaped too.
    """
    kept, more = text[:limit], len(text) - limit
    if lines:
        safe = "\n".join("\t".join(map(_escaped, line.split("\t"))) for line in re.split("\r\n|\n", kept))
    else:
        safe = _escaped(kept)
    return f"{safe}… ({more} more characters)" if more > 0 else safe


def shown(text: str, secrets: Secrets, limit: int = LINE, *, lines: bool = False) -> str:
    """`clean`, after masking: the other way round a secret could hide behind an escape or a cut."""
    return clean(secrets.mask(text), limit, lines=lines)


def _escaped(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _DANGEROUS else c for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named:
        return named
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
