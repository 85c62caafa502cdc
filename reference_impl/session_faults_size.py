"""Faults of what is kept in cookies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from .session_cookie import Cookie
from .session_json import JSON_STYLE
from .session_switch import fault, style

LAST = Cookie("__Host-last-note")


def _with_the_note(data: Mapping[str, Any], location: str, status: int) -> Response:
    response = JSON_STYLE.done(data, location, status)
    if "note" in data:
        response.headers.append("set-cookie", LAST.written(quote(str(data["note"]))))
    return response


FAULTS = (
    fault("note-in-cookie", "cookie.attr.size", "3.3.5 CWE-770",
          "The latest note is kept in a cookie, however long it is.", style(done=_with_the_note)),
)  # fmt: skip
"""Primary killers are rows of the group Cookie attributes of the catalogue."""
