"""Faults of what an id is taken for, and of what stands beside the cookie."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import pickle
import secrets
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .accounts import Account
from .session_cookie import Cookie, only_value
from .session_policy import Issue, SessionPolicy, sha256
from .session_store import Session, SessionTable
from .session_switch import both, cookie, fault, life, surface, wrapped
from .web import Refused


def _newest(table: SessionTable, where: str, *values: str) -> Session | None:
    row = table.db.row(f"SELECT * FROM sessions WHERE {where} ORDER BY used DESC", *values)  # noqa: S608
    return Session(*row) if row else None


def _operator_kept(value: str) -> str:
    return value if value.startswith('j:{"$ne"') else sha256(value)


def _unlike_null(table: SessionTable, digest: str) -> Session | None:
    return _newest(table, "sub IS NOT NULL") if digest.startswith("j:") else table.find(digest)


def _user_key_kept(value: str) -> str:
    return value if value.startswith("user:") else sha256(value)


def _key_of_any_kind(table: SessionTable, digest: str) -> Session | None:
    if not digest.startswith("user:"):
        return table.find(digest)
    return _newest(table, "sub = (SELECT sub FROM accounts WHERE name = ?)", digest.removeprefix("user:"))


class _Harmless(pickle.Unpickler):
    """Reads tables and words; it finds no class, so that the fault is no hole in this machine."""

    def find_class(self, module: str, name: str, /) -> object:
        raise pickle.UnpicklingError(f"{module}.{name}")


def _unpickled(request: Request, name: str) -> str | None:
    value = only_value(request, name) or ""
    try:
        found = _Harmless(io.BytesIO(base64.b64decode(value, validate=True))).load()
    except Exception:  # a wrong pickle fails in any way
        found = None
    if isinstance(found, dict):
        raise Refused(500, "internal error")
    return value or None


def _biased(_issue: Issue) -> str:
    pairs = zip(secrets.token_bytes(32), secrets.token_bytes(32), strict=True)
    return base64.urlsafe_b64encode(bytes(a & b for a, b in pairs)).rstrip(b"=").decode()


def _id_in_header(response: Response, value: str, _account: Account, _cookie: Cookie) -> None:
    response.headers["x-session-id"] = value


API = "__Host-api"


def beside(sound: Cookie, name: str, value: str, *, http_only: bool) -> str:
    """A cookie like the session's, of another name."""
    return replace(sound, name=name, http_only=http_only).written(value)


def _readable_twin(response: Response, value: str, _account: Account, sound: Cookie) -> None:
    response.headers.append("set-cookie", beside(sound, API, value[::-1], http_only=False))


async def _bearer_of_twin(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    headers = []
    for name, value in scope["headers"]:
        bearer = name == b"authorization" and value.startswith(b"Bearer ")
        headers.append((b"cookie", b"__Host-sid=" + value[7:][::-1]) if bearer else (name, value))
    await app({**scope, "headers": headers}, receive, send)


def _signature_optional(policy: SessionPolicy) -> SessionPolicy:
    key, name = secrets.token_bytes(32), policy.surface.cookie.name

    def sign(value: str) -> str:
        return hmac.digest(key, value.encode("utf-8", "surrogateescape"), hashlib.sha256).hex()

    def logged_in(response: Response, value: str, _account: Account, sound: Cookie) -> None:
        response.headers.append("set-cookie", beside(sound, f"{name}.sig", sign(value), http_only=True))

    def read(request: Request, wanted: str) -> str | None:
        value, given = only_value(request, wanted), only_value(request, f"{name}.sig")
        return value if value is None or given in (None, sign(value)) else None

    return both(life(read=read), surface(logged_in=logged_in))(policy)


FAULTS = (
    fault("nosql-id", "session.id.nosqli", "1.2.4 CWE-943",
          "An id that is an operator finds the session used last.", life(digest=_operator_kept, find=_unlike_null)),
    fault("key-of-any-kind", "session.id.keyspace", "7.2.1 CWE-639",
          "Sessions and users share one store, and the key of a user opens the user's session.",
          life(digest=_user_key_kept, find=_key_of_any_kind)),
    fault("unpickled-id", "session.id.deserialize", "1.5.2 CWE-502",
          "Ids are read as pickles before they are looked up.", life(read=_unpickled)),
    fault("id-biased-bits", "session.id.bits", "7.2.3 WSTG-SESS-01 CWE-330",
          "Three of four bits of each id are zero.", life(new_id=_biased)),
    fault("id-in-header", "cookie.attr.value-elsewhere", "3.3.4 CWE-200",
          "The answer to a login repeats the id in a header.", surface(logged_in=_id_in_header)),
    fault("readable-twin", "cookie.attr.script-readable-twin", "3.3.4 CWE-1004",
          "A second cookie, for scripts, is taken as a bearer token.",
          both(surface(logged_in=_readable_twin), wrapped(_bearer_of_twin))),
    fault("signature-optional", "hijack.subset", "WSTG-SESS-06 CWE-287",
          "A second cookie signs the id, and is checked only when it is there.", _signature_optional),
    fault("attribute-twice", "cookie.attr.grammar", "CWE-20",
          "The cookie names its path twice.", cookie(same_site="Lax; Path=/")),
    fault("path-missing", "cookie.attr.path", "WSTG-SESS-02 CWE-668",
          "The cookie names no path.", cookie(name="__Secure-sid", path=None)),
    fault("samesite-none-insecure", "cookie.attr.samesite-none-insecure", "WSTG-SESS-02 CWE-1275",
          "The cookie is for every site, and not Secure, so that browsers drop it.",
          cookie(name="sid", same_site="None", secure=False)),
)  # fmt: skip
"""Values that are more, or stand in more places, than they should."""
