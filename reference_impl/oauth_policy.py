"""What the authorization server decides, as frozen values and small functions; the defaults are right.

A fault or a variant replaces one member, the server itself stays as it is. Most decisions stand beside the code that
asks for them; those of the authorization endpoint stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp

from .accounts import AccountPolicy
from .oauth_access import Access
from .oauth_api import Resource
from .oauth_assertions import Assertions
from .oauth_authorize import AuthorizationEndpoint, with_code
from .oauth_browser import ISSUER, session_policy
from .oauth_clients import BILLING, CLIENTS, Client, ClientAuth, exactly, only_redirect_uri
from .oauth_codes import Codes
from .oauth_dpop import DPoP
from .oauth_end_session import EndSession
from .oauth_endings import Introspection, Revocation
from .oauth_grants import Asked, Grant, end_of_client
from .oauth_hint import hinted
from .oauth_metadata import Metadata
from .oauth_pages import refusal_page
from .oauth_par import Pushing
from .oauth_params import OAuthError, Params, once, words
from .oauth_refresh import Refresh
from .oauth_tokens import Tokens
from .session_policy import SessionPolicy
from .store import Database
from .token_keys import Keys, rsa_keys
from .web import HEADERS


def only_code(response_type: str | None) -> str:
    """The one response type that there is (RFC 9700 section 2.1.2).

    Raises:
        OAuthError: ``invalid_request`` for none, ``unsupported_response_type`` for another.
    """
    if response_type is None:
        raise OAuthError("invalid_request", "response_type is missing")
    if response_type != "code":
        raise OAuthError("unsupported_response_type", "the response type is code")
    return response_type


def within_registration(client: Client, asked: str | None) -> tuple[str, ...]:
    """What the client may ask for; the least when it does not say (RFC 6749 section 3.3, ASVS-v5.0.0-10.4.11).

    Raises:
        OAuthError: ``invalid_scope``.
    """
    scope = words(asked) or client.scopes[:1]
    if not scope or not set(scope) <= set(client.scopes):
        raise OAuthError("invalid_scope", "this client may not ask for this scope")
    if BILLING in scope and any(one.startswith("notes.") for one in scope):
        raise OAuthError("invalid_scope", "a token is for one API, and these scopes belong to two")
    return scope


@dataclass(frozen=True, slots=True)
class Authorize:
    """What the authorization endpoint decides."""

    redirect: Callable[[Client, list[str], Callable[[Client, str], bool]], str | None] = only_redirect_uri
    matches: Callable[[Client, str], bool] = exactly
    stop: Callable[[Params, str], Response] = lambda _params, words: refusal_page(words)
    """The answer when it is not known who asks or where to go: no redirect (RFC 6749 section 4.1.2.1)."""
    once: Callable[[Iterable[tuple[str, str]]], Params] = once
    response_type: Callable[[str | None], str] = only_code
    scope: Callable[[Client, str | None], tuple[str, ...]] = within_registration
    remembers: Callable[[Client], bool] = lambda _client: False
    """Whether the user is not asked again. Never for a public client, whom anyone can pretend to be (section 10.2)."""
    waits_for: Callable[[str], str] = lambda session: session
    """Whose answer a request waits for, by the handle of the browser session that brought it: nobody else's."""
    respond: Callable[[AuthorizationEndpoint, Asked, Grant, str], Response] = with_code
    echo: Callable[[str | None], str | None] = lambda state: state
    """The client's ``state``, untouched (RFC 6749 section 4.1.2)."""
    hint: Callable[[Keys, Client, str], str | None] = hinted
    """Whom an ``id_token_hint`` names; None where it is none of our ID tokens for this client."""
    issuer: str | None = ISSUER
    """The ``iss`` of every answer (RFC 9207)."""
    status: int = 303
    """Of every redirect: a browser never sends a body on, which may hold a password (RFC 9700 section 4.12)."""


@dataclass(frozen=True, slots=True)
class Surface:
    """What the client sees."""

    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    wrap: tuple[Callable[[ASGIApp], ASGIApp], ...] = ()
    """Middleware around the whole server, innermost first."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the description says of a server, faults or not: a fault is what breaks the declaration."""

    auth: Mapping[str, str] = field(default_factory=dict)
    """How a confidential client authenticates, where not by ``basic``."""
    introspection_client: str = "api"
    policy: Mapping[str, object] = field(default_factory=dict)
    """Members of the ``policy`` table that differ."""
    dpop: bool | None = None
    """Whether every token is said to be bound to a key."""


@dataclass(frozen=True, slots=True)
class OAuthPolicy:
    """Everything together."""

    clients: tuple[Client, ...] = CLIENTS
    keys: Callable[[], Keys] = rsa_keys
    authorize: Authorize = field(default_factory=Authorize)
    pushing: Pushing = field(default_factory=Pushing)
    codes: Codes = field(default_factory=Codes)
    auth: ClientAuth = field(default_factory=ClientAuth)
    assertions: Assertions = field(default_factory=Assertions)
    tokens: Tokens = field(default_factory=Tokens)
    refresh: Refresh = field(default_factory=Refresh)
    access: Access = field(default_factory=Access)
    revocation: Revocation = field(default_factory=Revocation)
    introspection: Introspection = field(default_factory=Introspection)
    end_session: EndSession = field(default_factory=EndSession)
    """For an OpenID provider alone."""
    resource: Resource = field(default_factory=Resource)
    dpop: DPoP = field(default_factory=DPoP)
    withdraw: Callable[[Database, str, str], None] = end_of_client
    """``(database, subject, client)``: the user takes access away from an application (ASVS-v5.0.0-10.7.3)."""
    metadata: Metadata = field(default_factory=Metadata)
    browser: SessionPolicy = field(default_factory=session_policy)
    surface: Surface = field(default_factory=Surface)
    accounts: AccountPolicy = field(default_factory=AccountPolicy)
    hands_out_key: bool = False
    """For tests only: the description holds the signing key."""
    openid: bool = False
    """Whether it is an OpenID provider too."""
    declared: Declared = field(default_factory=Declared)
