"""The clients of the authorization server: who they are, where they are reached, how they prove themselves.

A redirect URI is compared as a text, character by character (RFC 9700 section 4.1.3): whoever normalises first
will one day normalise differently from the browser.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from starlette.requests import Request

from .oauth_assertion_key import public_half
from .oauth_params import Params, invalid_client, invalid_request
from .token_keys import Keys

if TYPE_CHECKING:
    from .oauth_server import OAuthServer

SCOPES = ("profile", "notes.read", "notes.write")
BILLING = "billing.read"
"""What another API takes; it is not asked for with the notes of this one, since a token is for one API."""
GRANTS = ("authorization_code", "refresh_token")


def sha256(value: str) -> str:
    """What is stored instead of a secret of 256 random bits; nobody guesses it, so no slow hash is needed."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client (RFC 6749 section 2)."""

    id: str
    digest: str | None = field(default=None, repr=False)
    """SHA-256 of the secret; None for a public client, which has none."""
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    """What it may ask for."""
    grants: tuple[str, ...] = GRANTS
    """How it may obtain tokens (ASVS-v5.0.0-10.4.4)."""
    introspects: bool = False
    """Whether it is a resource server that may ask about tokens (RFC 7662 section 2.1)."""
    pushes: bool = False
    """Whether it must push its authorization requests (RFC 9126 section 6)."""
    logout_uris: tuple[str, ...] = ()
    """Where a browser may be sent after a logout (OpenID Connect RP-Initiated Logout section 3.1)."""
    key: Keys | None = None
    """The public key of a client that is registered to sign assertions (RFC 7523), and so to show no secret."""

    @property
    def confidential(self) -> bool:
        """Whether it can keep a secret."""
        return self.digest is not None or self.key is not None


SECRETS = {
    "web": "wUQ1cJ8pTn0sZ4hVbG6yKfR3xLdA9mEo2iNqY7tSgCk",
    "api": "b7RzX2vQe5WnM0aHjP9uLcK4yTgD1sFoI8xVfB3/8:q=",
    "daemon": "m8YqT2vKd5XwL0rNcP7uJeB4sZgF1hAoI9xRyV6tQ3k",
    "gateway": "h3KpW9zLtA5cYvN1xQeS8bJ0mRgU6dFiO4rT7kHyZwM",
    "ledger": "Zt5mQx0LrW8vKp2nYc7hJd4sBf9aGu3eTo6iRk1yXwE",
}
"""Of the test clients, for the description; a deployment has them in its secret store only."""

NATIVE = ("http://127.0.0.1/callback", "http://[::1]/callback", "http://127.0.0.1/callback?from=a%20b&empty=")
CLIENTS = (
    Client(
        "web", sha256(SECRETS["web"]), ("https://web.client.example/callback",), (*SCOPES, BILLING),
        logout_uris=("https://web.client.example/bye",),
    ),
    Client("spa", None, ("https://spa.client.example/callback",)),
    Client("native", None, NATIVE, ("profile", "notes.read")),
    Client("api", sha256(SECRETS["api"]), (), (), (), introspects=True),
    Client("ledger", sha256(SECRETS["ledger"]), ("https://ledger.client.example/callback",), key=public_half()),
)  # fmt: skip

_LOOPBACK_PORT = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\])):[1-9][0-9]{0,4}(?=/)")


def exactly(client: Client, uri: str) -> bool:
    """Whether this is one of the client's own URIs, to the letter.

    Only the port of a registered loopback address is free, since a native client gets one from its operating
    system when it starts (RFC 8252 section 7.3). ``localhost`` is a name and may lead elsewhere (section 8.3).
    """
    port = _LOOPBACK_PORT.match(uri)
    return uri in client.redirect_uris or (port is not None and port[1] + uri[port.end() :] in client.redirect_uris)


def only_redirect_uri(client: Client, given: list[str], matches: Callable[[Client, str], bool]) -> str | None:
    """Where the browser may be sent: the one given URI, or the only registered one; None for nowhere.

    May be left out only where nothing is to be chosen (RFC 6749 section 3.1.2.3); of two, neither counts.
    """
    if not given and len(client.redirect_uris) == 1:
        return client.redirect_uris[0]
    return given[0] if len(given) == 1 and matches(client, given[0]) else None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of its client."""

    id: str | None
    secret: str | None = field(repr=False)


def presented(request: Request, params: Params) -> Credentials:
    """The credentials of the ``Authorization`` field, or those of the body, never both (RFC 6749 section 2.3).

    The query is not looked at: it ends up in logs (section 2.3.1).

    Raises:
        OAuthError: ``invalid_client`` for a field that is no Basic, ``invalid_request`` for two that disagree.
    """
    fields = request.headers.getlist("authorization")
    if not fields:
        return Credentials(params.get("client_id"), params.get("client_secret"))
    basic = from_basic(fields)
    if params.get("client_secret") is not None or params.get("client_id") not in (None, basic.id):
        raise invalid_request("the client shows itself twice")
    return basic


def from_basic(fields: list[str]) -> Credentials:
    """Id and secret of HTTP Basic, each form-encoded inside (RFC 6749 section 2.3.1 and appendix B)."""
    scheme, _, encoded = fields[0].partition(" ")
    if len(fields) != 1 or scheme.lower() != "basic":
        raise invalid_client()
    try:
        name, colon, secret = b64decode(encoded.strip(" "), validate=True).decode("utf-8").partition(":")
        if colon:
            return Credentials(unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict") or None)
    except (binascii.Error, ValueError):
        pass
    raise invalid_client()


def proven(client: Client, secret: str | None) -> bool:
    """Whether a client is who it says: by its secret if it has one; a public client sends none.

    A client that is registered to sign assertions has another way, and no second one.
    """
    if client.key is not None:
        return False
    if client.digest is None:
        return secret is None
    return secret is not None and hmac.compare_digest(sha256(secret), client.digest)


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """How clients prove themselves at the token, revocation and introspection endpoints."""

    presented: Callable[[Request, Params], Credentials] = presented
    proven: Callable[[Client, str | None], bool] = proven


def authenticated(server: OAuthServer, request: Request, params: Params) -> Client:
    """The client that sent a request.

    Raises:
        OAuthError: ``invalid_client``, the same for an unknown client and a wrong secret.
    """
    if params.get("client_assertion") is not None or params.get("client_assertion_type") is not None:
        return server.assertions.client(request, params)
    given = server.policy.auth.presented(request, params)
    client = server.clients.get(given.id or "")
    if client is None or not server.policy.auth.proven(client, given.secret):
        raise invalid_client()
    return client
