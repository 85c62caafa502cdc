"""Which user a client hints at (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .oauth_browser import ISSUER
from .oauth_clients import Client
from .token_guard import Guard, Header, Rejected, open_compact, strict_object
from .token_keys import Keys, signed_by_us

ID_TOKEN = "JWT"  # noqa: S105
"""The type that our ID tokens name; access tokens and sessions name others."""


def id_token_only(header: Header) -> None:
    """No other kind of JWT that our key signs (RFC 8725 section 3.12)."""
    if header.get("typ") != ID_TOKEN:
        raise Rejected("another kind of token")


def our_id_token(keys: Keys, hint: str) -> Mapping[str, Any]:
    """The claims of an ID token that we issued, however old it is.

    Raises:
        Rejected: we issued no such token.
    """
    envelope = open_compact(Guard(kind=id_token_only), hint.encode("utf-8", "surrogatepass"))
    claims = strict_object(envelope.payload)
    if not signed_by_us(envelope, keys):
        raise Rejected("not our key")
    if claims.get("iss") != ISSUER:
        raise Rejected("another issuer")
    return claims


def hinted(keys: Keys, client: Client, hint: str) -> str | None:
    """The subject of an ID token of ours for this client; None for anything else."""
    try:
        claims = our_id_token(keys, hint)
    except Rejected:
        return None
    return str(claims.get("sub")) if claims.get("aud") == client.id else None
