"""What is typed into a login: injections, confused types, almost-right passwords, redirect targets. Tables first.

``{user}`` stands for the name of an account. Hypothesis is loaded when a strategy is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

GENUINE = "{user}"
WRONG = "wrong-password-of-pickproof"

OVERLONG = (WRONG * 3, WRONG * 160)
"""Longer than the 72 bytes that bcrypt takes, and than the 4,096 characters at which some libraries give up: where
such a password breaks the hash, only the name of an account gets that far."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What is sent as name and as password; anything but text is sent as JSON, or in brackets by a form."""

    user: Any = GENUINE
    password: Any = WRONG

    def named(self, user: str) -> Guess:
        """The guess for an account."""
        return Guess(_named(self.user, user), _named(self.password, user))

    def __str__(self) -> str:
        return f"user {self.user!r}, password {self.password!r}"


def _named(template: Any, user: str) -> Any:
    return template.replace("{user}", user) if isinstance(template, str) else template


SQL_NAMES = (
    "{user}' -- ", "{user}'-- -", "{user}' #", "{user}'/*", "{user}') -- ", "{user}\" -- ", "' OR 1=1 -- ",
    "' OR '1'='1", "' OR '1'='1' -- ", '" OR ""="', "') OR ('1'='1", "{user}' OR '1'='1",
)  # fmt: skip
SQL_PASSWORDS = ("' OR '1'='1", "' OR 1=1 -- ", '" OR ""="', "') OR ('1'='1")
CONFUSED: tuple[Any, ...] = (
    {"$ne": ""}, {"$gt": ""}, {"$regex": "."}, {"$exists": True}, {"$in": ["", "x"]}, True, 0, 1, [], [""], {}, None,
    ["x", "y"], {"password": ""},
)  # fmt: skip
"""Not text: operators of document databases, what compares loosely, what casts to a password's digest."""
GUESSES: tuple[Guess, ...] = (
    *(Guess(user=name) for name in SQL_NAMES),
    *(Guess(password=password) for password in SQL_PASSWORDS),
    *(Guess(password=value) for value in CONFUSED),
    Guess(user={"$ne": ""}, password={"$ne": ""}),
    Guess(user={"$gt": ""}, password={"$gt": ""}),
    Guess(user="*", password="*"),  # noqa: S106
    Guess(user="{user})(&", password="*"),  # noqa: S106
    Guess(user=["{user}"], password=[""]),
)


SHEET = 7
"""Guesses of the table that are drawn together, so that few draws bring all of it."""


def guesses() -> SearchStrategy[tuple[Guess, ...]]:
    """The table in sheets, and small values of any type."""
    from hypothesis import strategies as st

    leaves = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(("", "0", "x"))
    keys = st.sampled_from(("$ne", "$gt", "$gte", "$nin", "$not", "length", "0", "toString"))
    values = st.lists(leaves, max_size=2) | st.dictionaries(keys, leaves, min_size=1, max_size=2)
    names = st.just(GENUINE) | st.sampled_from(SQL_NAMES)
    typed = st.booleans() | st.integers(-1, 2) | values
    sheets = [GUESSES[at : at + SHEET] for at in range(0, len(GUESSES), SHEET)]
    return st.sampled_from(sheets) | st.tuples(st.builds(Guess, names, typed))


def almost(password: str) -> dict[str, str]:
    """Passwords that are nearly the right one, by what is wrong with them; none is the right one."""
    half = max(1, len(password) // 2)
    made = {
        "with the case of every letter changed": password.swapcase(),
        "in lower case": password.lower(),
        "in upper case": password.upper(),
        "with a space after it": f"{password} ",
        "with a space before it": f" {password}",
        "with a line end after it": f"{password}\n",
        "without its last character": password[:-1],
        "cut to 8 characters": password[:8],
        "cut to 12 characters": password[:12],
        "cut to 16 characters": password[:16],
        "with its second half replaced": password[:half] + "x" * (len(password) - half),
        "with a character added": f"{password}x",
        "with a NUL and more after it": f"{password}\0pickproof",
    }
    return {what: text for what, text in made.items() if text and text != password}


# ── where a login leads ─────────────────────────────────────────────────────────────────────────────────────────

EVIL = "attacker.example"
REDIRECTS: tuple[str, ...] = (
    f"https://{EVIL}/", f"//{EVIL}/", f"/\\{EVIL}/", f"\\\\{EVIL}/", f"///{EVIL}/", f"http:{EVIL}/", f"http:/{EVIL}/",
    f"/\t/{EVIL}/", f"\t//{EVIL}/", f" //{EVIL}/", f"https://{{host}}@{EVIL}/", f"https://{{host}}.{EVIL}/",
    f"https://{EVIL}\\@{{host}}/", f"/..//{EVIL}/", "javascript:alert(1)", "data:text/html,pickproof",
    f"/x\r\nLocation: https://{EVIL}/",
)  # fmt: skip
"""``{host}`` stands for the target's own host name."""
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(.*)", re.DOTALL)


def destination(location: str, page: str) -> str:
    """The host, or the scheme with its colon, to which a browser on `page` goes for this ``Location``.

    After the URL standard: tabs and line ends vanish, a backslash is a slash, any number of slashes introduces a host.
    """
    text = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    own = urlsplit(page)
    found = _SCHEME.fullmatch(text)
    scheme, rest = (found[1].lower(), found[2]) if found else (own.scheme, text)
    if scheme not in ("http", "https"):
        return f"{scheme}:"
    if not rest.startswith("//") and scheme == own.scheme:
        return own.hostname or ""
    host = re.split(r"[/?#]", rest.lstrip("/"), maxsplit=1)[0].rpartition("@")[2]
    return host.partition(":")[0].lower()


# ── what an answer says ─────────────────────────────────────────────────────────────────────────────────────────

_CHANGING = re.compile(r"[A-Za-z0-9+/_=.-]{16,}|\d+")
_PARTS = re.compile(r"[\n<>{},]")
_UNTOLD = frozenset({"date", "content-length", "set-cookie", "location", "age", "etag", "expires", "last-modified"})


def marks(status: int, headers: tuple[tuple[str, str], ...], body: bytes, user: str) -> frozenset[str]:
    """What an answer to a login shows, without the name that was tried and without what is new in every answer."""
    text = body.decode("utf-8", "replace")
    for spelled in {user, user.replace("@", "%40"), user.replace("@", "&#64;"), user.replace("@", "&#x40;")}:
        text = text.replace(spelled, "{user}")
    parts = {f"the text {_CHANGING.sub('*', part).strip()!r}" for part in _PARTS.split(text) if part.strip()}
    names = {f"the header {name.lower()}" for name, _ in headers if name.lower() not in _UNTOLD}
    cookies = {f"a cookie {v.partition('=')[0].strip()}" for k, v in headers if k.lower() == "set-cookie"}
    places = {f"a redirect to {urlsplit(v).path}" for k, v in headers if k.lower() == "location"}
    return frozenset(parts | names | cookies | places | {f"the status {status}"})


def telling(first: list[frozenset[str]], second: list[frozenset[str]]) -> Mapping[str, list[str]]:
    """Marks that every answer of one kind has and none of the other, by kind, sorted."""
    common = [frozenset.intersection(*first), frozenset.intersection(*second)]
    any_of = [frozenset[str]().union(*first), frozenset[str]().union(*second)]
    return {"first": sorted(common[0] - any_of[1]), "second": sorted(common[1] - any_of[0])}
