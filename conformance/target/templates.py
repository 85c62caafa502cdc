"""Substituting words into steps, and taking values out of answers and pages."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

from conformance.bounded_json import loads

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from conformance.model import Answer

WORD = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
"""An index of an array in a JSON pointer (RFC 6901 section 4)."""
CONTROLS = "input, select, textarea, button"


class UnknownWordError(Exception):
    """A template names a word that nothing provides."""

    def __init__(self, word: str, known: Sequence[str]) -> None:
        super().__init__(f"{{{word}}} is not known here; known: {', '.join(sorted(known)) or 'nothing'}")
        self.word = word


def render(template: Any, words: Mapping[str, str]) -> Any:
    """The template with each ``{word}`` replaced, through lists and tables.

    Raises:
        UnknownWordError: a word that `words` lacks.
    """
    if isinstance(template, str):
        return WORD.sub(lambda found: _word(found[1], words), template)
    if isinstance(template, Mapping):
        return {render(key, words): render(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [render(value, words) for value in template]
    return template


def _word(name: str, words: Mapping[str, str]) -> str:
    if name not in words:
        raise UnknownWordError(name, list(words))
    return words[name]


def mentions(template: Any, word: str) -> bool:
    """Whether a template uses a word anywhere."""
    if isinstance(template, str):
        return f"{{{word}}}" in template
    if isinstance(template, Mapping):
        return any(mentions(value, word) for value in template.values())
    return isinstance(template, list) and any(mentions(value, word) for value in template)


def extract(source: str, answer: Answer, cookies: Mapping[str, str]) -> str | None:
    """The value at a source, or None where the answer has none there; never raises on a hostile answer."""
    kind, _, spot = source.partition(":")
    if kind == "json":
        return _text(pointer(json_of(answer), spot))
    if kind == "cookie":
        return cookies.get(spot)
    if kind == "header":
        return answer.header(spot)
    if kind == "location":
        return _location(answer.header("location") or "", spot)
    return _html(answer, spot)


def json_of(answer: Answer) -> Any:
    """The body as JSON, or None where it is none or absurdly nested."""
    try:
        return loads(answer.body)
    except ValueError:
        return None


def pointer(document: Any, spot: str) -> Any:
    """The value at an RFC 6901 JSON pointer, or None."""
    if spot and not spot.startswith("/"):
        return None
    for raw in spot.split("/")[1:]:
        key = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(document, Mapping):
            document = document.get(key)
        elif isinstance(document, list) and INDEX.fullmatch(key) and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def _text(value: Any) -> str | None:
    """Scalars as text. Tables and lists are no value, nor is an empty text, false or infinity: they name nobody."""
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value).strip() or None


def _location(location: str, param: str) -> str | None:
    try:
        parts = urlsplit(location)
    except ValueError:
        return None
    for part in (parts.query, parts.fragment):
        if found := parse_qs(part).get(param):
            return found[0]
    return None


def _html(answer: Answer, selector: str) -> str | None:
    from selectolax.lexbor import LexborHTMLParser

    try:
        node = LexborHTMLParser(answer.body.decode("utf-8", "replace")).css_first(selector)
    except Exception:
        return None
    if node is None:
        return None
    # An input or meta element says its value in an attribute that may be empty; its text never counts.
    for attribute in ("value", "content"):
        if attribute in node.attributes:
            return (node.attributes[attribute] or "").strip() or None
    return str(node.text(strip=True)) or None


@dataclass(frozen=True, slots=True)
class Form:
    """A form of an HTML page, with what a browser would send untouched."""

    method: str
    action: str
    """Absolute."""
    fields: tuple[tuple[str, str], ...]
    multipart: bool
    names: frozenset[str]
    has_password: bool


def forms(page: bytes, url: str) -> tuple[Form, ...]:
    """Every form of a page."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page.decode("utf-8", "replace"))
    base = tree.css_first("base[href]")
    root = absolute(url, (base.attributes["href"] or "") if base else "")
    elsewhere: dict[str, list[LexborNode]] = {}
    for control in tree.css(CONTROLS):
        if owner := control.attributes.get("form"):
            elsewhere.setdefault(owner, []).append(control)
    disabled = {control.mem_id for control in tree.css(f"fieldset[disabled] :is({CONTROLS})")}
    return tuple(_form(node, root, elsewhere, disabled) for node in tree.css("form"))


def links(page: bytes, url: str) -> tuple[str, ...]:
    """Absolute targets of a page's links."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page.decode("utf-8", "replace"))
    return tuple(absolute(url, node.attributes["href"] or "") for node in tree.css("a[href]"))


def absolute(url: str, reference: str) -> str:
    """A reference on a page, resolved; one that is no address, such as ``http://[``, leads to the page itself."""
    try:
        return urljoin(url, reference)
    except ValueError:
        return url


def _form(
    node: LexborNode, url: str, elsewhere: Mapping[str, Sequence[LexborNode]], disabled: Container[int]
) -> Form:  # fmt: skip
    # Controls belong to the form that they name by its id, else to the one around them.
    inside = [control for control in node.css(CONTROLS) if not control.attributes.get("form")]
    controls = [*inside, *elsewhere.get(node.attributes.get("id") or "", ())]
    return Form(
        method=(node.attributes.get("method") or "get").upper(),
        action=absolute(url, node.attributes.get("action") or url),
        fields=tuple(_fields([control for control in controls if control.mem_id not in disabled])),
        multipart=(node.attributes.get("enctype") or "").lower() == "multipart/form-data",
        names=frozenset(name for c in controls if (name := c.attributes.get("name"))),
        has_password=any((c.attributes.get("type") or "").lower() == "password" for c in controls),
    )


def _fields(controls: Sequence[LexborNode]) -> Iterator[tuple[str, str]]:
    clicked = False
    for control in controls:
        name, kind = control.attributes.get("name"), (control.attributes.get("type") or "").lower()
        if control.tag == "button":
            kind = kind or "submit"
        if "disabled" in control.attributes or kind in ("reset", "button", "image", "file"):
            continue
        if kind == "submit":
            # The first one is clicked, and the others are not, whether or not it has a name to send.
            if clicked:
                continue
            clicked = True
        if not name:
            continue
        if control.tag == "select" and control.css_first("option") is None:
            continue
        if kind in ("checkbox", "radio") and "checked" not in control.attributes:
            continue
        yield name, _control_value(control, kind)


def _control_value(control: LexborNode, kind: str) -> str:
    if control.tag == "textarea":
        return str(control.text())
    if control.tag == "select":
        chosen = control.css_first("option[selected]") or control.css_first("option")
        if chosen is None:
            return ""
        return chosen.attributes["value"] or "" if "value" in chosen.attributes else str(chosen.text(strip=True))
    return control.attributes.get("value") or ("on" if kind in ("checkbox", "radio") else "")
