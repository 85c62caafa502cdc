"""Faults of the defence against forged requests.

The sound server has three layers (content type, origin, form token), and no request shows that one of three is
missing. So each fault here is a server that relies on a single layer, and gets that one wrong.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .session_guard import same_origin, token_belongs
from .session_policy import SessionPolicy
from .session_switch import Change, both, fault, guard, wrapped
from .web import FORM, JSON

ANY_TYPE = (JSON, FORM, "text/plain", "")
"""What a page of any site can send without asking; a body that is not a form is read as JSON."""
OVERRIDDEN = "reference_impl.overridden"

token_only = guard(types=ANY_TYPE, same_origin=None)
"""Relies on the form token."""
origin_only = guard(types=ANY_TYPE, token_ok=None)
"""Relies on the origin."""


def _missing_is_fine(session_id: str, sub: str | None, token: object) -> bool:
    return token is None or token_belongs(session_id, sub, token)


def _any_shape_is_fine(_session_id: str, _sub: str | None, token: object) -> bool:
    return isinstance(token, str) and len(token) == 43


def _tokens_of_nobody(policy: SessionPolicy) -> SessionPolicy:
    key = secrets.token_bytes(32)

    def token(_session_id: str, _sub: str | None) -> str:
        nonce = secrets.token_hex(16)
        return nonce + hmac.digest(key, nonce.encode(), "sha256").hex()

    def token_ok(_session_id: str, _sub: str | None, given: object) -> bool:
        nonce, mac = (given[:32], given[32:]) if isinstance(given, str) else ("", "")
        return hmac.compare_digest(hmac.digest(key, nonce.encode(), "sha256").hex().encode(), mac.encode())

    return both(token_only, guard(token=token, token_ok=token_ok))(policy)


def _tokens_of_the_user(policy: SessionPolicy) -> SessionPolicy:
    key = secrets.token_bytes(32)

    def token(_session_id: str, sub: str | None) -> str:
        return hmac.digest(key, (sub or "nobody").encode(), "sha256").hex()

    return both(token_only, guard(token=token, token_ok=lambda i, sub, given: token(i, sub) == given))(policy)


def _host_matches(matches: Callable[[str, str], bool]) -> Change:
    def check(request: Request, own: frozenset[str]) -> bool:
        origin = request.headers.get("origin", "")
        return any(matches(origin, mine) for mine in own)

    return both(origin_only, guard(same_origin=check))


def _suffix(origin: str, own: str) -> bool:
    return bool(origin) and origin.endswith(urlsplit(own).netloc)


def _prefix(origin: str, own: str) -> bool:
    return origin.startswith(own)


def _null(origin: str, own: str) -> bool:
    return origin in (own, "null")


def _fetch_metadata(accepted: frozenset[str]) -> Change:
    def check(request: Request, own: frozenset[str]) -> bool:
        site = request.headers.get("sec-fetch-site", "")
        return site in accepted if site or "" in accepted else same_origin(request, own)

    return both(origin_only, guard(same_origin=check))


def _is_overridden(request: Request) -> bool:
    return bool(request.scope.get(OVERRIDDEN))


def _posted(scope: Scope, fields: dict[str, str]) -> tuple[Scope, Receive]:
    """The same request as a POST with these fields, past the defence that guards POST."""
    raw = json.dumps(fields).encode()
    changed = {**scope, "method": "POST", OVERRIDDEN: True, "headers": list(scope["headers"])}
    MutableHeaders(scope=changed)["content-type"] = JSON

    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    return changed, receive


def _get_acts_on(*paths: str) -> Change:
    async def handler(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        fields = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["method"] in ("GET", "HEAD") and scope["path"] in paths and (fields or scope["path"] == "/logout"):
            scope, receive = _posted(scope, fields)
        await app(scope, receive, send)

    return both(wrapped(handler), guard(exempt=_is_overridden))


async def _overriding(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    fields = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    asked = fields.pop("_method", "") or Headers(scope=scope).get("x-http-method-override", "")
    if scope["method"] == "GET" and asked.upper() == "POST":
        scope, receive = _posted(scope, fields)
    await app(scope, receive, send)


def _exempt(path: str) -> Change:
    return guard(exempt=lambda request: request.url.path == path, types=ANY_TYPE)


FAULTS = (
    fault("csrf-missing-ok", "csrf.token.missing", "3.5.1 WSTG-SESS-05 CWE-352",
          "A form token is checked only when there is one; nothing else defends.",
          both(token_only, guard(token_ok=_missing_is_fine))),
    fault("csrf-wrong-ok", "csrf.token.wrong", "3.5.1 WSTG-SESS-05 CWE-352",
          "Any text of the right length passes as a form token.",
          both(token_only, guard(token_ok=_any_shape_is_fine))),
    fault("csrf-any-valid-token", "csrf.token.other-user", "3.5.1 CWE-352",
          "A form token of anybody passes.", _tokens_of_nobody),
    fault("csrf-static", "csrf.token.other-session", "3.5.1 CWE-352",
          "A user has one form token for all sessions and for ever.", _tokens_of_the_user),
    fault("origin-suffix-match", "csrf.origin.foreign", "3.5.1 CWE-346",
          "The origin is the only defence, and its end decides.", _host_matches(_suffix)),
    fault("origin-prefix-match", "csrf.origin.foreign", "3.5.1 CWE-346",
          "The origin is the only defence, and its beginning decides.", _host_matches(_prefix)),
    fault("origin-null-ok", "csrf.origin.foreign", "3.5.1 CWE-346",
          "The origin is the only defence, and null passes.", _host_matches(_null)),
    fault("sec-fetch-missing-is-ok", "csrf.fetch-metadata", "3.5.3 CWE-352",
          "Sec-Fetch-Site is the only defence, and a request without it passes.",
          _fetch_metadata(frozenset({"", "same-origin"}))),
    fault("sec-fetch-same-site-ok", "csrf.fetch-metadata", "3.5.3 CWE-352",
          "Sec-Fetch-Site decides, and sibling hosts pass.",
          _fetch_metadata(frozenset({"same-origin", "same-site", "none"}))),
    fault("content-type-ignored", "csrf.content-type", "3.5.2 CWE-352",
          "The JSON content type is the only defence, and any type is read as JSON.",
          guard(types=(JSON, "text/plain", ""), same_origin=None, token_ok=None)),
    fault("method-override", "csrf.method", "3.5.3 CWE-650",
          "A GET acts as a POST when a parameter or a header says so, past the defence.",
          both(wrapped(_overriding), guard(exempt=_is_overridden))),
    fault("get-changes-state", "csrf.method", "3.5.3 CWE-650",
          "A GET with fields in the query acts as the POST of that path, past the defence.",
          _get_acts_on("/note", "/email")),
    fault("logout-get", "session.logout.get", "3.5.3 WSTG-SESS-05 CWE-650",
          "A GET logs the user out.", _get_acts_on("/logout")),
    fault("logout-no-csrf", "session.logout.csrf", "3.5.1 CWE-352",
          "Any site can log the user out.", _exempt("/logout")),
    fault("login-csrf", "csrf.login", "3.5.1 CWE-352",
          "Any site can log the browser in, as the attacker.", _exempt("/login")),
)  # fmt: skip
"""Requests that another site can make the browser send."""
