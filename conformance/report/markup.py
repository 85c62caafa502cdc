"""HTML in which text stays text: whatever is not markup of our own is escaped on its way in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from conformance.report.safe import BODY, clean


class Html(str):
    """Markup; whatever is not of this kind gets escaped on its way in."""

    __slots__ = ()


def tag(name: str, *content: object, **attributes: str) -> Html:
    """An element. Text content and attributes are escaped; ``class_`` stands for ``class``."""
    given = "".join(f' {key.rstrip("_")}="{escape(clean(value, BODY))}"' for key, value in attributes.items())
    return Html(f"<{name}{given}>{join(content)}</{name}>")


def join(content: Iterable[object]) -> Html:
    """Several pieces of content, text escaped, markup as it is."""
    return Html("".join(one if isinstance(one, Html) else escape(clean(str(one), BODY, lines=True)) for one in content))
