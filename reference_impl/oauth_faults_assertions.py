"""Faults of client assertions: what a server believes of them, how often, and what it takes in their place."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

from starlette.requests import Request

from .oauth_assertions import by_registered_key, in_time
from .oauth_clients import Client, authenticated, proven, sha256
from .oauth_params import OAuthError, Params, invalid_client, posted
from .oauth_server import OAuthServer
from .oauth_switch import Change, assertions, auth, both, fault, fresh, tokens
from .token_claims import Claims
from .token_guard import Envelope, Guard
from .token_switch import by_its_own_key, is_none, keyed_with, public_pem

GAP = 0.1
"""Seconds between looking an assertion up and writing it down."""


def _believes(test: Callable[[Envelope, Client], bool]) -> Change:
    """A verifier that is content with what a test finds, beside the registered key."""
    return assertions(signed=lambda envelope, client: test(envelope, client) or by_registered_key(envelope, client))


def _unsigned(envelope: Envelope, client: Client) -> bool:
    return client.key is not None and is_none(envelope)


def _by_public_key(envelope: Envelope, client: Client) -> bool:
    """HMAC with the public key, when an assertion says HS256 (RFC 8725 section 2.1)."""
    return client.key is not None and keyed_with(envelope, public_pem(client.key))


def _by_its_own_key(envelope: Envelope, client: Client) -> bool:
    return client.key is not None and by_its_own_key(envelope)


def _begins_like_us(claims: Claims, audiences: tuple[str, ...]) -> bool:
    return str(claims.get("aud")).startswith(audiences)


def _if_it_expires(claims: Claims, now: float, longest: float) -> bool:
    return "exp" not in claims or in_time(claims, now, longest)


def _by_id(client: Client, secret: str | None) -> bool:
    """Who registered a key has no secret, and passes for a public client."""
    return secret is None if client.key is not None else proven(client, secret)


def _by_secret(client: Client, secret: str | None) -> bool:
    """Whatever method a client is registered for, its secret will do."""
    if client.digest is None or secret is None:
        return proven(client, secret)
    return hmac.compare_digest(sha256(secret), client.digest)


def _of_any_kind() -> Change:
    """RFC 9101 section 10.8: a request object has no subject."""
    guard = Guard(kind=lambda _header: None)
    return assertions(guard=guard, about=lambda claims, client: claims.get("sub", client.id) == client.id)


def _written_down_late() -> Change:
    seen: set[str] = set()

    async def read(request: Request) -> Params:
        params = await posted(request)
        assertion = params.get("client_assertion")
        if assertion is not None:
            if assertion in seen:
                raise invalid_client()
            await asyncio.sleep(GAP)
            seen.add(assertion)
        return params

    return both(tokens(read=read), assertions(first_use=lambda *_: True))


def _as_a_bad_request(server: OAuthServer, request: Request, params: Params) -> Client:
    try:
        return authenticated(server, request, params)
    except OAuthError as exc:
        error = "invalid_request" if params.get("client_assertion") else exc.error
        raise OAuthError(error, exc.description, exc.status) from None


CLAIMS = "oauth.client.assertion-claims"
SIGNATURE = "oauth.client.assertion-signature"
METHOD = "oauth.client.method-downgrade"

FAULTS = (
    fault(
        "assertion-issuer-unread", CLAIMS, "RFC7523-3 CWE-347",
        "Nobody looks at who issued an assertion.", assertions(issued_by=lambda *_: True),
    ),
    fault(
        "assertion-subject-unread", CLAIMS, "RFC7523-3 CWE-347",
        "Nobody looks at whom an assertion is about.", assertions(about=lambda *_: True),
    ),
    fault(
        "assertion-audience-unread", CLAIMS, "RFC7523-3 RFC8725-3.9 CWE-347",
        "An assertion for any server counts here.", assertions(for_us=lambda *_: True),
    ),
    fault(
        "assertion-audience-prefix", CLAIMS, "RFC7523-3 RFC8725-3.9 CWE-347",
        "An assertion counts whose audience begins like this server.", assertions(for_us=_begins_like_us),
    ),
    fault(
        "assertion-expiry-unread", CLAIMS, "RFC7523-3 CWE-613",
        "An assertion counts for ever.", assertions(in_time=lambda *_: True),
    ),
    fault(
        "assertion-endless", CLAIMS, "RFC7523-3 CWE-613",
        "An assertion without expiry counts for ever.", assertions(in_time=_if_it_expires),
    ),
    fault(
        "assertion-early", CLAIMS, "RFC7523-3 CWE-347",
        "An assertion counts before its time.", assertions(begun=lambda *_: True, longest=1e9),
    ),
    fault("assertion-unsigned", SIGNATURE, "RFC7523-3 RFC8725-3.1 CWE-347",
          "An assertion with alg none counts.", _believes(_unsigned)),
    fault(
        "assertion-public-key-as-secret", SIGNATURE, "RFC7523-3 RFC8725-3.1 CWE-327",
        "An assertion counts that is keyed with the public key as a secret.", _believes(_by_public_key),
    ),
    fault(
        "assertion-brings-its-key", SIGNATURE, "RFC7523-3 RFC8725-3.3 CWE-345",
        "An assertion is verified with the key in its own header.", _believes(_by_its_own_key),
    ),
    fault(
        "assertion-again-and-again", "oauth.client.assertion-replay", "RFC7523-3-replay CWE-294",
        "The ids of assertions are not remembered.", assertions(first_use=lambda *_: True),
    ),
    fault(
        "assertion-remembered-late", "oauth.race.assertion-jti", "RFC7523-3-replay CWE-367",
        "The id of an assertion is looked up, and written down a moment later.", fresh(_written_down_late),
    ),
    fault(
        "assertion-error-vague", "oauth.client.assertion-error", "RFC7523-3.2 CWE-20",
        "A bad assertion is called a bad request.", tokens(client=_as_a_bad_request),
    ),
    fault("key-client-by-id", METHOD, "RFC6749-3.2.1 CWE-757",
          "A client that registered a key may show its id alone.", auth(proven=_by_id)),
    fault("key-client-by-secret", METHOD, "RFC6749-3.2.1 CWE-757",
          "A client that registered a key may show its secret instead.", auth(proven=_by_secret)),
    fault(
        "request-object-as-assertion", "oauth.xjwt.request-object-as-assertion", "RFC7523-3 RFC8725-3.12 CWE-843",
        "A signed request without a subject passes for an assertion.", _of_any_kind(),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups of client authentication and of confusion of JWTs."""
