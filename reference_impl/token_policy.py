"""What a token server decides, as frozen values and small functions; the defaults are right.

A fault or a variant replaces one member, the server itself stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from .accounts import Account, AccountPolicy, Accounts
from .store import Database
from .token_carrier import Carrier
from .token_claims import Minting, Rules
from .token_guard import Envelope, Guard, open_compact
from .token_keys import Keys, by_library, public_jwk, rsa_keys
from .token_life import Grant, Opaque, Revocation, SignedTokens, Tokens
from .web import HEADERS, problem

Verify = Callable[[Envelope, Keys], Awaitable[None]]


def live_account(accounts: Accounts, grant: Grant) -> Account | None:
    """Looked up at each request, so that disabling and deleting take effect at once (RFC 8725 section 3.8)."""
    account = accounts.find(grant.sub)
    return account if account is not None and account.enabled else None


@dataclass(frozen=True, slots=True)
class Surface:
    """What the client sees."""

    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    problem: Callable[[int, str, Mapping[str, str] | None], Response] = problem
    expires_in: Callable[[float], int] = int
    """What a login says of the lifetime (RFC 6749 section 5.1)."""
    publish: Callable[[Keys], Mapping[str, Any]] = public_jwk
    """One key of the published set."""
    note_owner: Callable[[Account, Request], str] = lambda account, _request: account.sub
    """Whose note a request is about: the caller's, whatever it asks for (ASVS-v5.0.0-8.2.2)."""
    login: Callable[[Mapping[str, Any], Account, Keys], Mapping[str, Any]] = lambda data, _account, _keys: data
    """A last touch to what a login hands out."""
    wrap: tuple[Callable[[ASGIApp, Keys], ASGIApp], ...] = ()
    """Middleware around the whole server, innermost first."""


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """Everything together."""

    keys: Callable[[], Keys] = rsa_keys
    tokens: Callable[[TokenPolicy, Database, Keys], Tokens] = SignedTokens
    opaque: Opaque = field(default_factory=Opaque)
    """Only for opaque tokens."""
    carrier: Carrier = field(default_factory=Carrier)
    guard: Guard = field(default_factory=Guard)
    open: Callable[[Guard, bytes], Envelope] = open_compact
    verify: Verify = by_library
    rules: Rules = field(default_factory=Rules)
    minting: Minting = field(default_factory=Minting)
    revocation: Revocation = field(default_factory=Revocation)
    subject: Callable[[Accounts, Grant], Account | None] = live_account
    logs: tuple[str, ...] = ()
    """Files that it writes its log to, for the description."""
    role: Callable[[Grant, Account], str] = lambda _grant, account: account.role
    """Which role a token acts with: the one that its user has at this moment (ASVS-v5.0.0-8.3.2)."""
    surface: Surface = field(default_factory=Surface)
    accounts: AccountPolicy = field(default_factory=AccountPolicy)
    hands_out_key: bool = False
    """Whether the description holds the signing key, so that the kit can mint."""
