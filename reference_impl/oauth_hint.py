"""Which user a client hints at (OpenID Connect Core section 3.1.2.1)."""

from __future__ import annotations

from .oauth_browser import ISSUER
from .oauth_clients import Client
from .token_guard import Guard, Header, Rejected, open_compact, strict_object
from .token_keys import Keys, verifies

ID_TOKEN = "JWT"  # noqa: S105
"""The type that our ID tokens name; access tokens and sessions name others."""


def id_token_only(header: Header) -> None:
    """No other kind of JWT that our key signs (RFC 8725 section 3.12)."""
    if header.get("typ") != ID_TOKEN:
        raise Rejected("another kind of token")


def hinted(keys: Keys, client: Client, hint: str) -> str | None:
    """The subject of an ID token of ours for this client, however old it is; None for anything else."""
    try:
        envelope = open_compact(Guard(kind=id_token_only), hint.encode("utf-8", "surrogatepass"))
        claims = strict_object(envelope.payload)
    except Rejected:
        return None
    ours = envelope.header.get("alg") == keys.alg and envelope.header.get("kid") == keys.kid
    if not ours or not verifies(keys.alg, keys.verifying, envelope.signing_input, envelope.signature):
        return None
    meant = claims.get("iss") == ISSUER and claims.get("aud") == client.id
    return str(claims.get("sub")) if meant else None
