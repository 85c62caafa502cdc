"""What a page of another site can make a browser send without asking, as tables; then variants of them.

Without a preflight a page chooses the method among GET, HEAD and POST, the body among three content types or none,
and no header that matters (Fetch standard, CORS-safelisted request-headers). The browser adds cookies, `Origin`
and Fetch Metadata. Hypothesis is loaded when a strategy is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from conformance.attacks.edits import TextEdit, text_edits

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "----pickproof-0d9a2c7e51b84f63"
ATTACKER = "https://attacker.example"

Fields = Mapping[str, Any]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a request comes from, as the browser tells it."""

    label: str
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Body:
    """How a page writes fields into a body."""

    label: str
    content_type: str | None
    write: Callable[[Fields], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Forgery:
    """One forged request: from a page, in a body, with a token or without."""

    page: Page
    body: Body
    method: str = "POST"
    words: tuple[tuple[str, Any], ...] = ()
    """What the page puts in for ``csrf``; nothing for a request without a token."""
    query: tuple[tuple[str, str], ...] = ()
    """Sent in the address, besides the fields of a GET."""
    said: str = ""
    """What the token is, for people."""

    def __str__(self) -> str:
        how = self.body.label if self.method == "POST" else f"a {self.method} with the fields in its address"
        extra = "".join(f", with {name}={value} in its address" for name, value in self.query)
        return f"{how}{extra}, from {self.page.label}{self.said}"


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────

_METADATA: Headers = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
FOREIGN = Page(
    "a page of another site", (("Origin", ATTACKER), ("Referer", f"{ATTACKER}/"), ("Sec-Fetch-User", "?1"), *_METADATA)
)
SILENT = Page("a page about which the browser tells nothing")
"""Browsers of before 2020, and some proxies: neither `Origin` nor Fetch Metadata nor `Referer`."""
BLIND = (FOREIGN, SILENT)
"""What only a token can tell from the target's own pages, and what `Origin` can."""
LINK = Page("a link on another site", (("Referer", f"{ATTACKER}/"), *_METADATA))
IMAGE = Page(
    "an image on another site",
    (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")),
)


def metadata_pages(origin: str) -> tuple[Page, ...]:
    """Pages that Fetch Metadata tells from the target's own, or that only `Origin` does; `origin` is the target's."""
    parts = urlsplit(origin)
    parent = (parts.hostname or "localhost").partition(".")[2] or "example"
    sibling = ("Origin", f"{parts.scheme}://pickproof-sibling.{parent}")
    script: Headers = (("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "empty"))
    return (
        FOREIGN,
        Page("a script of another site", (("Origin", ATTACKER), ("Sec-Fetch-Site", "cross-site"), *script)),
        Page("a sandboxed frame", (("Origin", "null"), *_METADATA)),
        Page("a sibling host", (sibling, ("Sec-Fetch-Site", "same-site"), *script)),
        Page("another site, in a browser without Fetch Metadata", (("Origin", ATTACKER),)),
        Page("a sandboxed frame, in a browser without Fetch Metadata", (("Origin", "null"),)),
    )


# ── origins ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Origin:
    """A recipe of an origin that is not the target's; words are of the target's own origin."""

    template: str
    label: str = "attacker"

    def spelled(self, own: str) -> str | None:
        """The origin for a target at `own`; None where this recipe gives the target's own."""
        parts = urlsplit(own)
        host = parts.hostname or "localhost"
        joined, front = host.replace(".", self.label), host.partition(".")[0]
        text = self.template.format(
            scheme=parts.scheme, host=host, netloc=parts.netloc, label=self.label, joined=joined, front=front
        )
        return None if text == own else text

    def page(self, own: str) -> Page | None:
        """A page at that origin, in a browser that tells `Origin` alone, as to targets without TLS."""
        spelled = self.spelled(own)
        return Page(f"a page at the origin {spelled}", (("Origin", spelled),)) if spelled else None

    def __str__(self) -> str:
        return self.template.replace("{label}", self.label).replace("{joined}", f"{{host with {self.label} for dots}}")


ORIGINS: tuple[Origin, ...] = (
    Origin(ATTACKER),
    Origin("null"),
    Origin("{scheme}://{netloc}.{label}.example"),
    Origin("{scheme}://{host}.{label}.example"),
    Origin("{scheme}://{label}-{netloc}"),
    Origin("{scheme}://{label}{host}"),
    Origin("{scheme}://{joined}", "x"),
    Origin("{scheme}://{front}.{label}.example"),
    Origin("{scheme}://{host}:1"),
    Origin("{scheme}://{label}.example:443"),
)
"""Another site altogether first, then those that careless comparisons let through."""
_SHAPES = tuple(dict.fromkeys(o.template for o in ORIGINS if "{label}" in o.template or "{joined}" in o.template))


def origins() -> SearchStrategy[Origin]:
    """The table, and the same shapes with other names."""
    from hypothesis import strategies as st

    names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
    return st.sampled_from(ORIGINS) | st.builds(Origin, st.sampled_from(_SHAPES), names)


# ── tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class WrongToken:
    """A recipe of a token that is not the victim's: a fixed value, or an edit of a genuine one."""

    value: Any = None
    edit: TextEdit | None = None

    def made(self, genuine: str) -> tuple[Any, ...]:
        """The token, as the only item; nothing where the recipe spells the genuine one."""
        made = self.edit.apply(genuine, (0, len(genuine))) if self.edit else self.value
        if isinstance(made, bytes):
            made = made.decode("latin-1")
        return () if made == genuine or (self.edit and made is None) else (made,)

    def __str__(self) -> str:
        return str(self.edit) if self.edit else repr(self.value)


_VALUES: tuple[Any, ...] = ("", " ", "null", "undefined", "0", "true", "a" * 32, None, True, 0, [], [""], {})
WRONG_TOKENS: tuple[WrongToken, ...] = tuple(WrongToken(value) for value in _VALUES)


def wrong_tokens() -> SearchStrategy[WrongToken]:
    """The table, and edits of the genuine token."""
    from hypothesis import strategies as st

    return st.sampled_from(WRONG_TOKENS) | st.builds(lambda edit: WrongToken(edit=edit), text_edits())


# ── bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────


def pairs(fields: Fields) -> list[tuple[str, str]]:
    """Fields as a form says them: nested ones in brackets, as PHP and its followers read them."""
    return [pair for name, value in fields.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(f"{name}[]", inner)
    elif value is not None:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _form(fields: Fields) -> bytes:
    return urlencode(pairs(fields), quote_via=quote).encode()


def _multipart(fields: Fields) -> bytes:
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in pairs(fields)]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


def _json(fields: Fields) -> bytes:
    return json.dumps(fields).encode()


def _json_by_form(fields: Fields) -> bytes:
    """What a form of type text/plain can write: a name, an equals sign, a value and a line end."""
    return (json.dumps(fields)[:-1] + ', "pickproof": "="}\r\n').encode()


FORM_BODIES: tuple[Body, ...] = (
    Body("a form", FORM, _form),
    Body("a multipart form", f"multipart/form-data; boundary={BOUNDARY}", _multipart),
)
PLAIN_JSON = Body("JSON sent as text/plain", "text/plain", _json)
JSON_BODIES: tuple[Body, ...] = (
    PLAIN_JSON,
    Body("JSON sent by a form of type text/plain", "text/plain", _json_by_form),
    Body("JSON without a content type", None, _json),
    Body("JSON sent as a form", FORM, _json),
    Body("JSON sent as text/plain; charset=utf-8", "text/plain;charset=UTF-8", _json),
    Body("JSON sent as text/plain; application/json", "text/plain;application/json", _json),
    Body("JSON sent as multipart/form-data", "multipart/form-data", _json),
)
"""`multipart/form-data` without a boundary is what a script may say of any body."""
SIMPLE_BODIES = (*FORM_BODIES, *JSON_BODIES)
TYPICAL_BODIES = (FORM_BODIES[0], PLAIN_JSON)
"""One of each kind, where many pages are tried."""


def forgeries(
    pages: Iterable[Page], bodies: Iterable[Body], token: tuple[Any, ...] = (), said: str = ""
) -> list[Forgery]:
    """Each page with each body; `token` is empty for requests without one."""
    words = tuple(("csrf", value) for value in token)
    return [Forgery(page, body, words=words, said=said) for page, body in product(pages, bodies)]


def by_method(own: str) -> Iterator[Forgery]:
    """Requests whose method says that nothing changes, or that name another; `own` is the genuine method."""
    body = FORM_BODIES[0]
    for page, method in ((LINK, "GET"), (IMAGE, "GET"), (IMAGE, "HEAD")):
        yield Forgery(page, body, method)
    for name in ("_method", "X-HTTP-Method-Override", "method"):
        yield Forgery(LINK, body, "GET", query=((name, own),))
    if own != "POST":
        for name in ("_method", "X-HTTP-Method-Override"):
            yield from (Forgery(FOREIGN, each, query=((name, own),)) for each in TYPICAL_BODIES)
