"""How a refresh token travels: in the body, where scripts hold it, or in a cookie that no script can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .session_cookie import Cookie, values
from .token_carrier import Carrier, only_ours
from .web import Refused, answer, body

ACCESS = {"access": "json:/access_token"}
BOTH = {**ACCESS, "refresh": "json:/refresh_token"}


async def from_body(request: Request) -> str | None:
    """The member ``refresh_token`` of the body, and nothing else; None where there is none.

    Raises:
        Refused: the body is no JSON object, or the member no text.
    """
    fields = await body(request)
    value = fields.get("refresh_token")
    if value is not None and not isinstance(value, str):
        raise Refused(400, "refresh_token must be a string")
    return value


@dataclass(frozen=True, slots=True)
class RefreshCarrier:
    """How refresh tokens come in, and how both kinds go out."""

    access: Carrier = field(default_factory=lambda: Carrier(take=BOTH))
    """How access tokens travel, and what an answer with tokens looks like."""
    read: Callable[[Request], Any] = from_body
    """Awaitable: the refresh token of a request, or None."""
    refresh: Mapping[str, Any] = field(
        default_factory=lambda: {"json": {"refresh_token": "{refresh}"}, "take": dict(BOTH)}
    )
    """For the description: what the request for new tokens says besides its route."""
    ends_carried: bool = False
    """Whether a login ends the family whose token the client already held: where browsers attach it by themselves."""


COOKIE = Cookie("__Host-refresh", same_site="Strict")


async def from_cookie(request: Request) -> str | None:
    """The refresh token of the cookie; of two different values one was planted, so neither counts."""
    found = set(values(request, COOKIE.name))
    if len(found) > 1:
        raise Refused(400, "one cookie of that name, please")
    return found.pop() if found else None


def apart(data: Mapping[str, Any]) -> Response:
    """The access token for the script, the refresh token where no script can read it (ASVS-v5.0.0-3.3.4)."""
    response = answer({name: value for name, value in data.items() if name != "refresh_token"})
    response.headers["set-cookie"] = COOKIE.written(str(data["refresh_token"]))
    return response


def _drop(response: Response) -> None:
    response.headers["set-cookie"] = COOKIE.deleted()


IN_BODY = RefreshCarrier()
IN_COOKIE = RefreshCarrier(
    access=Carrier(deliver=apart, dismiss=_drop, allows=only_ours, take=ACCESS, client_headers={"Origin": "{origin}"}),
    read=from_cookie,
    refresh={"take": dict(ACCESS)},
    ends_carried=True,
)
"""Browsers attach the cookie by themselves, so that every change asks whether it comes from our own pages."""
