"""Defence against cross-site request forgery, login included (ASVS-v5.0.0-3.5.1 to 3.5.3)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request

from .session_store import Session
from .web import JSON, Refused

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC_ORIGIN = "https://session.reference.example"


def form_token(session_id: str, _sub: str | None) -> str:
    """The form token of a session: derived from its id, so it is bound to it, changes with it and dies with it."""
    mac = hmac.digest(session_id.encode("utf-8", "surrogateescape"), b"form token", "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


def token_belongs(session_id: str, sub: str | None, token: object) -> bool:
    """Whether a submitted token is this session's."""
    if not isinstance(token, str):
        return False
    return hmac.compare_digest(form_token(session_id, sub).encode(), token.encode("utf-8", "surrogatepass"))


def same_origin(request: Request, own: frozenset[str]) -> bool:
    """Exact ``Origin``; without one ``Sec-Fetch-Site: same-origin``; without either no."""
    origins = request.headers.getlist("origin")
    if origins:
        return len(origins) == 1 and origins[0] in own
    return request.headers.getlist("sec-fetch-site") == ["same-origin"]


@dataclass(frozen=True, slots=True)
class Held:
    """A live session together with the id that the request presented."""

    value: str = field(repr=False)
    session: Session


@dataclass(frozen=True, slots=True)
class Guard:
    """The layers of the defence. Each would do alone; a mistake in one is then not an incident."""

    types: tuple[str, ...] = (JSON,)
    """Content types of bodies. A page of another site cannot send JSON without a CORS preflight."""
    same_origin: Callable[[Request, frozenset[str]], bool] | None = same_origin
    """Whether a request comes from one of our own origins; None for a server that does not look."""
    token: Callable[[str, str | None], str] = form_token
    """``(session id, subject)``: the form token."""
    token_ok: Callable[[str, str | None, object], bool] | None = token_belongs
    """``(session id, subject, submitted)``; None for a server without form tokens."""
    exempt: Callable[[Request], bool] = lambda _request: False
    """Requests that need no defence: none. Login needs it too, or a victim is logged in as the attacker."""

    def check_origin(self, request: Request, public_origin: str) -> None:
        """Refuse a request that another site caused.

        Raises:
            Refused: 403.
        """
        if self.exempt(request) or self.same_origin is None:
            return
        if not self.same_origin(request, own_origins(request, public_origin)):
            raise Refused(403, "this request did not come from this site")

    def check_token(self, request: Request, held: Held | None, fields: Mapping[str, Any]) -> None:
        """Refuse a body without the token of the session that it travels with.

        Raises:
            Refused: 403.
        """
        if self.exempt(request) or self.token_ok is None:
            return
        if held is None or not self.token_ok(held.value, held.session.sub, fields.get("csrf")):
            raise Refused(403, "the form token is missing or wrong; get one from /csrf")


def own_origins(request: Request, public_origin: str) -> frozenset[str]:
    """The public origin, and on loopback the address of the socket itself, never the Host header."""
    host, port = request.scope.get("server") or ("", None)
    return frozenset({public_origin, f"http://{host}:{port}"}) if _loopback(host) else frozenset({public_origin})


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
