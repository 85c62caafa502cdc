"""What a client and an authorization server say to each other, as values that attacks bend (RFC 6749, RFC 7636)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from conformance.attacks.assertions import ASSERTION_TYPE
from conformance.attacks.material import is_number
from conformance.target.templates import json_of

if TYPE_CHECKING:
    from conformance.attacks.assertions import ClientKey
    from conformance.model import Exchange
    from conformance.target.party import Party

Pairs = tuple[tuple[str, str], ...]
Change = str | list[str] | None
UNISSUED: Pairs = (("grant_type", "authorization_code"), ("code", "pickproof-made-up-code"))
"""A token request with a code that nobody issued: the answer tells whether the client itself is taken."""
"""A new value for a parameter, several for one that is repeated, None for one that is left out."""
NOT_IMPLEMENTED = 501
"""That what was asked is not supported (RFC 9110 section 15.6.2): of the 5xx, the one that says so on purpose."""


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client, whose part the kit plays."""

    id: str
    secret: str = field(default="", repr=False)
    auth: str = "none"
    """How it authenticates at the token endpoint: ``basic``, ``post``, ``private_key_jwt`` or ``none``."""
    redirect_uri: str = ""
    scopes: tuple[str, ...] = ()
    more_redirect_uris: tuple[str, ...] = ()
    pushes: bool = False
    """It must push its authorization requests (RFC 9126)."""
    key: ClientKey | None = None
    """What it signs assertions with, where that is how it authenticates."""

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """Every redirect URI that is described as registered."""
        return tuple(uri for uri in (self.redirect_uri, *self.more_redirect_uris) if uri)

    @property
    def public(self) -> bool:
        """It has neither a secret nor a key (RFC 6749 section 2.1)."""
        return not self.secret and self.key is None

    def __str__(self) -> str:
        return self.id


def altered(parameters: Iterable[tuple[str, str]], changes: Mapping[str, Change]) -> Pairs:
    """Parameters with some of them replaced where they stand, left out, repeated or added at the end."""
    kept: list[tuple[str, str]] = []
    done: set[str] = set()
    for name, value in parameters:
        if name not in changes:
            kept.append((name, value))
        elif name not in done:
            kept += [(name, new) for new in _values(changes[name])]
        done.add(name)
    return (*kept, *((name, new) for name in changes if name not in done for new in _values(changes[name])))


def _values(change: Change) -> list[str]:
    return [] if change is None else [change] if isinstance(change, str) else list(change)


def new_verifier() -> str:
    """A fresh code verifier of 43 characters (RFC 7636 section 4.1)."""
    return secrets.token_urlsafe(32)


def s256(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a client sends the user's browser to the server with."""

    client: Client
    parameters: Pairs
    verifier: str = field(default="", repr=False)
    """The code verifier behind the challenge; empty without PKCE."""
    front: Pairs = ()
    """What the browser brings in place of the parameters, where these were pushed."""

    def value(self, name: str) -> str:
        """The first value of a parameter, or an empty string."""
        return next((value for key, value in self.parameters if key == name), "")

    @property
    def reference(self) -> str:
        """The request_uri that stands for the parameters, where these were pushed; else an empty string."""
        return next((value for key, value in self.front if key == "request_uri"), "")

    def but(self, **changes: Change) -> AuthorizationRequest:
        """The same request with some parameters changed."""
        return replace(self, parameters=altered(self.parameters, changes), front=())

    def by(self, reference: str) -> AuthorizationRequest:
        """The same request as a browser brings it after its push (RFC 9126 section 4)."""
        return replace(self, front=(("client_id", self.client.id), ("request_uri", reference)))

    @property
    def query(self) -> str:
        """What the browser brings, as a query."""
        return urlencode(self.front or self.parameters)


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """Where an authorization request ended: at a redirect away from the server, or on a page of it."""

    request: AuthorizationRequest
    trail: tuple[Exchange, ...]
    location: str = ""
    """The URL outside the server that the browser is sent to; never visited. Empty when it ends on a page."""

    @property
    def exchange(self) -> Exchange:
        """The last exchange."""
        return self.trail[-1]

    def values(self, name: str) -> list[str]:
        """Every value of a response parameter, of the query and of the fragment."""
        parts = urlsplit(self.location)
        found = [parse_qs(part, keep_blank_values=True).get(name, []) for part in (parts.query, parts.fragment)]
        return [value for values in found for value in values]

    def value(self, name: str) -> str:
        """The first value of a response parameter, or an empty string."""
        return next(iter(self.values(name)), "")

    @property
    def code(self) -> str:
        """The authorization code, or an empty string."""
        return self.value("code")

    @property
    def error(self) -> str:
        """The error code that the client is told, or an empty string."""
        return self.value("error")

    @property
    def broken(self) -> bool:
        """No answer came, or the server failed; 501 is no failure, it says that what was asked for is not offered."""
        answer = self.exchange.answer
        return answer is None or answer.status == 429 or (answer.status >= 500 and answer.status != NOT_IMPLEMENTED)

    def __str__(self) -> str:
        answer = self.exchange.answer
        if answer is None:
            return f"no answer ({self.exchange.error})"
        if not self.location:
            return f"a page of the server ({answer.status})"
        token = "an access token" if self.value("access_token") else "neither code nor error"
        what = "a code" if self.code else f"error={self.error}" if self.error else token
        place, _, fragment = self.location.partition("#")
        # A fragment that answers shows a token; any other tells how the address differs from the registered one.
        added = f"#{fragment}" if fragment and "=" not in fragment else ""
        return f"a redirect to {place.split('?')[0]}{added} with {what}"


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code with all that is needed to redeem it."""

    value: str = field(repr=False)
    response: AuthorizationResponse = field(repr=False)
    browser: Party = field(repr=False)
    """Whoever allowed it."""

    @property
    def client(self) -> Client:
        """The client that it was issued to."""
        return self.response.request.client

    @property
    def verifier(self) -> str:
        """The code verifier behind its challenge."""
        return self.response.request.verifier


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request to the token, revocation or introspection endpoint."""

    client: Client
    """Whose credentials go along."""
    form: Pairs = field(repr=False)
    auth: str = ""
    """How the client authenticates here; by default as it is registered."""
    method: str = "POST"
    query: Pairs = field(default=(), repr=False)

    def but(self, **changes: Change) -> TokenRequest:
        """The same request with some parameters of the form changed."""
        return replace(self, form=altered(self.form, changes))

    def credentials(self) -> tuple[Pairs, dict[str, str]]:
        """The form's parameters and the headers that authenticate the client (RFC 6749 section 2.3.1)."""
        how, client = self.auth or self.client.auth, self.client
        if how == "private_key_jwt" and client.key is not None:
            shown = (("client_assertion_type", ASSERTION_TYPE), ("client_assertion", client.key.assertion(client.id)))
            # The id may be left out (RFC 7521 section 4.2); some servers look for it.
            return (("client_id", client.id), *shown), {}
        if how == "basic":
            import base64

            pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
            return (), {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        secret = (("client_secret", client.secret),) if how == "post" else ()
        return (("client_id", client.id), *secret), {}


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint answered."""

    request: TokenRequest = field(repr=False)
    exchange: Exchange = field(repr=False)

    @property
    def document(self) -> Mapping[str, Any]:
        """The answer's members, of JSON or of a form; empty where it is neither."""
        answer = self.exchange.answer
        if answer is None:
            return {}
        parsed = json_of(answer)
        if isinstance(parsed, dict):
            return parsed
        if "form-urlencoded" in (answer.header("content-type") or ""):
            return {k: v[0] for k, v in parse_qs(answer.body.decode("utf-8", "replace")).items()}
        return {}

    def text(self, name: str) -> str:
        """A member that is text, or an empty string."""
        value = self.document.get(name)
        return value if isinstance(value, str) else ""

    @property
    def reference(self) -> str:
        """The request_uri that a push was answered with (RFC 9126 section 2.2), or an empty string."""
        answer = self.exchange.answer
        return self.text("request_uri") if answer is not None and answer.status < 300 else ""

    @property
    def granted(self) -> bool:
        """It gave an access token."""
        answer = self.exchange.answer
        return answer is not None and answer.status < 300 and bool(self.text("access_token"))

    @property
    def error(self) -> str:
        """The error code (RFC 6749 section 5.2), or an empty string."""
        return self.text("error")

    @property
    def refused(self) -> bool:
        """It clearly gave no token: a 4xx that is no throttling, or an error under another status below 500.

        A 501 that names its error, as some servers answer an unsupported grant, is no breakdown either.
        """
        answer = self.exchange.answer
        if answer is None or self.granted or answer.status == 429:
            return False
        if answer.status >= 500:
            return answer.status == NOT_IMPLEMENTED and self.error not in ("", "server_error")
        return answer.status >= 400 or bool(self.error)

    @property
    def scopes(self) -> frozenset[str] | None:
        """The granted scope values, or None where the answer names none."""
        return frozenset(self.text("scope").split()) if "scope" in self.document else None

    @property
    def expires_in(self) -> float | None:
        """Seconds of life of the access token, or None."""
        value = self.document.get("expires_in")
        return float(value) if is_number(value) else None

    def __str__(self) -> str:
        answer = self.exchange.answer
        if answer is None:
            return f"no answer ({self.exchange.error})"
        got = "a token" if self.granted else "a request_uri" if self.reference else ""
        what = got or (f"error={self.error}" if self.error else "no token")
        return f"{answer.status} with {what}"
