"""Authorization fields that break the grammar of RFC 6750 section 2.1, and requests that try to skip a check.

Not among them: two spaces after the scheme, a scheme in another case and outer white space, which are valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FOREIGN = "\"',;\\<>{}()[]@?%\x00\t \x7fé\xff"
"""Characters that no b64token holds."""
LONGEST = 65536

_FORMS: Mapping[str, Callable[[str, int, str], str]] = {
    "quoted": lambda token, _at, _char: f'Bearer "{token}"',
    "in single quotes": lambda token, _at, _char: f"Bearer '{token}'",
    "tab before the token": lambda token, _at, _char: f"Bearer \t{token}",
    "tab for the space": lambda token, _at, _char: f"Bearer\t{token}",
    "character put in": lambda token, at, char: f"Bearer {token[:at]}{char}{token[at:]}",
    "character in front": lambda token, _at, char: f"Bearer {char}{token}",
    "token twice": lambda token, _at, _char: f"Bearer {token} {token}",
    "list of tokens": lambda token, _at, _char: f"Bearer {token}, {token}",
    "no scheme": lambda token, _at, _char: token,
    "no token": lambda _token, _at, _char: "Bearer",
    "colon after the scheme": lambda token, _at, _char: f"Bearer: {token}",
    "equals for the space": lambda token, _at, _char: f"Bearer={token}",
    "scheme twice": lambda token, _at, _char: f"Bearer Bearer {token}",
    "very long": lambda token, at, _char: f"Bearer {token}{'A' * (LONGEST // (1 + at % 4))}",
}
"""Forms of a field, the likeliest to be accepted first; `at` lies inside the token."""


@dataclass(frozen=True, slots=True, repr=False)
class MalformedField:
    """One way to write an ``Authorization`` field wrongly."""

    kind: str
    at: int = 0
    """Where in the token, from its start, wrapping round before its last character."""
    char: str = '"'

    def __repr__(self) -> str:
        return f"{self.kind} ({self.char!r} at {self.at})" if self.kind.startswith("character") else self.kind

    def write(self, token: str) -> str:
        """The value of the field, around a token that is genuine."""
        inside = 1 + self.at % max(1, len(token) - 1)
        return _FORMS[self.kind](token, inside, self.char)


def malformed_fields() -> SearchStrategy[MalformedField]:
    """Recipes of malformed fields, about a hundred, each as likely as the others."""
    from hypothesis import strategies as st

    return st.sampled_from(_RECIPES)


_LETTERED = ("character put in", "character in front")
_RECIPES = (
    *(MalformedField(kind) for kind in _FORMS if kind not in _LETTERED),
    # A space in front is valid, and a tab has a form of its own.
    *(MalformedField(_LETTERED[1], 0, char) for char in FOREIGN if char not in " \t"),
    *(MalformedField(_LETTERED[0], at, char) for at in (0, 7, 40) for char in FOREIGN),
)


@dataclass(frozen=True, slots=True)
class Detour:
    """A request for a route by another method or another spelling of its path."""

    name: str
    method: str
    suffix: str = ""
    """Appended to the path."""
    path: Callable[[str], str] = field(default=str, repr=False)
    """Rewrites the path."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def another_path(self) -> bool:
        """Whether the path is spelled otherwise, which may be another page's address."""
        return bool(self.suffix) or self.path is not str


def _swapped(path: str) -> str:
    head, _, last = path.rpartition("/")
    return f"{head}/{last.swapcase()}"


DETOURS = (
    Detour("HEAD", "HEAD"),
    Detour("OPTIONS", "OPTIONS"),
    Detour("POST that says GET", "POST", headers={"X-HTTP-Method-Override": "GET"}),
    Detour("GET that says OPTIONS", "GET", headers={"X-HTTP-Method-Override": "OPTIONS"}),
    Detour("GET that says HEAD", "GET", headers={"X-Method-Override": "HEAD"}),
    Detour("path with a slash at its end", "GET", "/"),
    Detour("path in the other case", "GET", path=_swapped),
    Detour("path with two slashes", "GET", path=lambda path: f"/{path}"),
    Detour("path with a dot segment", "GET", path=lambda path: f"/.{path}"),
    Detour("path with a parameter", "GET", ";a=b"),
    Detour("path with an extension", "GET", ".json"),
)
"""Ways in which access control and routing may read one request differently (CWE-288, CWE-650)."""
