"""Bad token requests: those with an error code of their own, and those that only must not break anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Values = str | list[str] | None


@dataclass(frozen=True, slots=True)
class Bad:
    """One way to spoil a proper request."""

    what: str
    parameter: str
    value: Values
    errors: tuple[str, ...] = ()
    """The error codes that fit (RFC 6749 section 5.2)."""

    def changes(self, code: str) -> dict[str, Values]:
        """The changed parameter, for the redemption of a code."""
        value = self.value
        return {self.parameter: value.replace("{code}", code) if isinstance(value, str) else value}

    def __repr__(self) -> str:
        return self.what


BAD = (
    Bad("an unknown grant type", "grant_type", "pickproof", ("unsupported_grant_type",)),
    Bad("no grant type", "grant_type", None, ("invalid_request", "unsupported_grant_type")),
    Bad("a made-up code", "code", "pickproof-made-up-code", ("invalid_grant",)),
    Bad("no code", "code", None, ("invalid_request", "invalid_grant")),
)
"""Each spoils a proper redemption in one place."""

PARAMETERS = ("grant_type", "code", "redirect_uri", "code_verifier", "client_id", "scope", "refresh_token")
ODD = (
    "", " ", "\0", "\r\n", "%", "%00", "'", '"', "\\", "{}", "[]", "null", "true", "-1", "1e999", "\u00e9",
    "\U0001f511", "\u202e", "a" * 4096, "../../../../etc/passwd", "' OR '1'='1", "${7*7}", "<script>",
    "\ufeff", "\u0130",
)  # fmt: skip


def bad_requests() -> SearchStrategy[Bad]:
    """A parameter with an odd value, or repeated with it; at most 4 KiB each."""
    from hypothesis import strategies as st

    value = st.one_of(st.sampled_from(ODD), st.text(max_size=40))
    several = st.lists(value, min_size=2, max_size=3)
    whole = st.one_of(value, several, st.none())
    return st.builds(_bad, st.sampled_from(PARAMETERS), whole)


def _bad(parameter: str, value: Values) -> Bad:
    text = repr(value)
    return Bad(f"{parameter} = {text if len(text) < 80 else text[:76] + '…'}", parameter, value)
