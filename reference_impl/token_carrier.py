"""How a token travels: in the ``Authorization`` header (RFC 6750 section 2.1), or in a cookie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .session_cookie import Cookie, values
from .session_guard import SAFE, own_origins, same_origin
from .web import Refused, answer

PUBLIC_ORIGIN = "https://token.reference.example"
REALM = 'Bearer realm="token"'
"""The challenge for a request without a token; it names no error (RFC 6750 section 3.1)."""


def challenge(error: str) -> dict[str, str]:
    """The ``WWW-Authenticate`` field for a token that was sent and refused."""
    return {"www-authenticate": f'{REALM}, error="{error}"'}


def no_token() -> Refused:
    """For a request without a token."""
    return Refused(401, "an access token is needed", {"www-authenticate": REALM})


def invalid_token(_raw: bytes) -> Refused:
    """The same for every reason, and without a word of the token (ASVS-v5.0.0-16.5.1)."""
    return Refused(401, "the access token is not valid", challenge("invalid_token"))


def from_header(request: Request) -> bytes | None:
    """The token of the one ``Authorization`` field, if its scheme is ``Bearer`` in any case.

    Nothing else is looked at: not the query, the body or cookies (RFC 6750 sections 2.2 and 2.3).

    Raises:
        Refused: 400 for two fields, since two readers could choose differently.
    """
    fields = request.headers.getlist("authorization")
    if len(fields) > 1:
        raise Refused(400, "one Authorization field, please", challenge("invalid_request"))
    return bearer(fields[0]) if fields else None


def bearer(field: str) -> bytes | None:
    """The token of a field: a scheme in any case, then spaces (RFC 9110 sections 11.1 and 11.4)."""
    scheme, _, token = field.partition(" ")
    return token.lstrip(" ").encode("latin-1") if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Carrier:
    """How tokens come in and go out."""

    read: Callable[[Request], bytes | None] = from_header
    deliver: Callable[[Mapping[str, Any]], Response] = answer
    """The answer to a login (RFC 6749 section 5.1)."""
    dismiss: Callable[[Response], None] = lambda _response: None
    """A last touch to the answer of a logout."""
    allows: Callable[[Request], None] = lambda _request: None
    """Refuses forged requests, where browsers attach tokens by themselves."""
    missing: Callable[[], Refused] = no_token
    invalid: Callable[[bytes], Refused] = invalid_token
    take: Mapping[str, str] = field(default_factory=lambda: {"access": "json:/access_token"})
    """For the description: what a login's answer holds."""
    use: str | None = "header:Authorization: Bearer {access}"
    client_headers: Mapping[str, str] = field(default_factory=dict)


COOKIE = Cookie("__Host-access", same_site="Strict")


def from_cookie(request: Request) -> bytes | None:
    """The token of the cookie; of two different values one was planted, so neither counts."""
    found = set(values(request, COOKIE.name))
    if len(found) > 1:
        raise Refused(400, "one cookie of that name, please")
    return found.pop().encode("latin-1") if found else None


def in_cookie(data: Mapping[str, Any]) -> Response:
    """The token where no script can read it (ASVS-v5.0.0-3.3.4)."""
    response = answer({name: value for name, value in data.items() if name == "expires_in"})
    response.headers["set-cookie"] = COOKIE.written(data["access_token"])
    return response


def only_ours(request: Request) -> None:
    """A state change only from our own pages (ASVS-v5.0.0-3.5.1).

    Raises:
        Refused: 403.
    """
    if request.method not in SAFE and not same_origin(request, own_origins(request, PUBLIC_ORIGIN)):
        raise Refused(403, "this request did not come from this site")


def _drop_cookie(response: Response) -> None:
    response.headers["set-cookie"] = COOKIE.deleted()


def _refused_cookie(_raw: bytes = b"") -> Refused:
    return Refused(401, "log in first", {"www-authenticate": 'Cookie realm="token"'})


BY_COOKIE = Carrier(
    from_cookie, in_cookie, _drop_cookie, only_ours, _refused_cookie, _refused_cookie,
    take={}, use=None, client_headers={"Origin": "{origin}"},
)  # fmt: skip
"""The same JWT in an ``HttpOnly`` cookie, with the defence against forged requests that a cookie needs."""
