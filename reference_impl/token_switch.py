"""Small words in which the faults and variants of the token server are written."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from starlette.types import ASGIApp, Receive, Scope, Send

from .faults import Fault, Variant
from .token_guard import Envelope
from .token_keys import Keys, by_library, verifies
from .token_policy import TokenPolicy

Change = Callable[[TokenPolicy], TokenPolicy]
Test = Callable[[Envelope, Keys], bool]
Handler = Callable[[ASGIApp, Keys, Scope, Receive, Send], Awaitable[None]]

HMAC = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def fault(id: str, primary: str, sources: str, summary: str, *changes: Change) -> Fault:
    """A row of a fault table; sources are separated by spaces, ``7.4.1`` is short for ``ASVS-v5.0.0-7.4.1``.

    Of several changes the first ones are the variant that the fault needs, such as ``revocable``.
    """
    spelled = tuple(s if "-" in s else f"ASVS-v5.0.0-{s}" for s in sources.split())
    return Fault(id, "token", summary, spelled, primary, both(*changes))


def variant(id: str, summary: str, *changes: Change, **relations: Any) -> Variant:
    """A row of the variant table; ``decides`` and ``apart`` tell with which others it does not go."""
    return Variant(id, ("token",), summary, both(*changes), **relations)


def both(*changes: Change) -> Change:
    """One change after the other."""

    def apply(policy: TokenPolicy) -> TokenPolicy:
        for change in changes:
            policy = change(policy)
        return policy

    return apply


def whole(**changes: Any) -> Change:
    """Replace members of the policy itself."""
    return lambda policy: replace(policy, **changes)


def _part(name: str) -> Callable[..., Change]:
    def part(**changes: Any) -> Change:
        return lambda policy: replace(policy, **{name: replace(getattr(policy, name), **changes)})

    part.__doc__ = f"Replace members of the policy's ``{name}``."
    return part


guard = _part("guard")
rules = _part("rules")
minting = _part("minting")
revocation = _part("revocation")
carrier = _part("carrier")
surface = _part("surface")
opaque = _part("opaque")


def accepts(test: Test) -> Change:
    """A verifier that is content with what a test finds, before it asks the library."""

    async def verify(envelope: Envelope, keys: Keys) -> None:
        if not test(envelope, keys):
            await by_library(envelope, keys)

    return whole(verify=verify)


def fresh(make: Callable[[], Change]) -> Change:
    """A change with state of its own for each server that is built."""
    return lambda policy: make()(policy)


def wrapped(handler: Handler) -> Change:
    """Put a handler around the whole server; it gets the HTTP requests only."""

    def wrap(app: ASGIApp, keys: Keys) -> ASGIApp:
        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            await (handler(app, keys, scope, receive, send) if scope["type"] == "http" else app(scope, receive, send))

        return outer

    return lambda policy: surface(wrap=(*policy.surface.wrap, wrap))(policy)


def authorization(scope: Scope) -> list[bytes]:
    """The values of the ``Authorization`` fields of a request."""
    return [value for name, value in scope["headers"] if name == b"authorization"]


def with_authorization(scope: Scope, value: bytes) -> Scope:
    """The request with one ``Authorization`` field instead of whatever it had."""
    kept = [(name, old) for name, old in scope["headers"] if name != b"authorization"]
    return {**scope, "headers": [*kept, (b"authorization", value)]}


def alg(envelope: Envelope) -> str:
    """The ``alg`` of a header, as text; empty when it is none."""
    value = envelope.header.get("alg")
    return value if isinstance(value, str) else ""


def is_none(envelope: Envelope) -> bool:
    """Whether a token says that nobody signed it, and nobody did (RFC 7515 section 4.1.1)."""
    return alg(envelope) == "none" and not envelope.signature


def public_pem(keys: Keys) -> bytes:
    """The public key, as most verifiers are given it."""
    return bytes(keys.verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def by_its_own_key(envelope: Envelope) -> bool:
    """Whether the signature is by the key that the header brings along."""
    brought = envelope.header.get("jwk")
    try:
        key = PyJWK(brought, alg(envelope)).key if isinstance(brought, dict) else None
        return key is not None and verifies(alg(envelope), key, envelope.signing_input, envelope.signature)
    except (PyJWTError, TypeError, ValueError, AttributeError):
        return False


def keyed_with(envelope: Envelope, secret: bytes) -> bool:
    """Whether the signature is an HMAC with this secret, by the algorithm that the header names."""
    digest = HMAC.get(alg(envelope))
    return digest is not None and hmac.compare_digest(
        hmac.digest(secret, envelope.signing_input, digest), envelope.signature
    )
