"""Faults of JWT access tokens at the API, and of other JWTs in their place: one attack, whatever the scheme."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .accounts import Account, Accounts
from .oauth_access import AUDIENCE, AccessTokens, alive, rules, verified
from .oauth_assertions import by_registered_key
from .oauth_browser import ISSUER
from .oauth_clients import Client
from .oauth_grants import Grant, Grants
from .oauth_policy import OAuthPolicy
from .oauth_session_jwt import TYPE as SESSION
from .oauth_session_jwt import session_as_jwt
from .oauth_switch import Change, access, authorize, fault, whole
from .oauth_variants import OPENID
from .token_claims import Claims
from .token_guard import Envelope, Guard, Rejected, open_compact, strict_object
from .token_keys import Keys, by_library, verifies
from .token_switch import by_its_own_key, is_none, keyed_with, public_pem

LASTS = 300
"""Seconds for which a session passes for a token."""


def _opens(test: Callable[[Envelope, Keys], bool]) -> Change:
    """A verifier that is content with what a test finds, beside our key."""

    async def opened(tokens: AccessTokens, raw: bytes) -> bytes:
        envelope = open_compact(tokens.policy.guard, raw)
        return envelope.payload if test(envelope, tokens.keys) else await verified(tokens, raw)

    return access(open=opened)


def _by_any_client(policy: OAuthPolicy) -> OAuthPolicy:
    """One store of keys for everything that this house verifies."""

    def signed(envelope: Envelope, _keys: Keys) -> bool:
        return any(by_registered_key(envelope, client) for client in policy.clients)

    return _opens(signed)(policy)


def _ignoring(**changes: Any) -> Change:
    return access(rules=replace(rules(), **changes))


def _of_the_session(grants: Grants, accounts: Accounts, claims: Claims) -> tuple[Grant, Account] | None:
    account = accounts.find(claims["sub"])
    if claims["grant"] != SESSION or account is None:
        return alive(grants, accounts, claims)
    return Grant(SESSION, account.sub, "", "", (), claims["iat"], claims["iat"]), account


async def _sessions_too(tokens: AccessTokens, raw: bytes) -> bytes:
    """Our key signed it, so it must be a token."""
    try:
        return await verified(tokens, raw)
    except Rejected:
        envelope = open_compact(Guard(kind=lambda _header: None), raw)
        if envelope.header.get("typ") != SESSION:
            raise
    await by_library(envelope, tokens.keys)
    claims = strict_object(envelope.payload)
    told = {"aud": AUDIENCE, "client_id": "", "scope": "profile", "grant": SESSION, "exp": claims["iat"] + LASTS}
    return json.dumps({**claims, **told}).encode()


def _any_token(keys: Keys, _client: Client, hint: str) -> str | None:
    """Whatever our key signed says who is meant."""
    try:
        envelope = open_compact(Guard(kind=lambda _header: None), hint.encode())
        claims = strict_object(envelope.payload)
    except Rejected:
        return None
    ours = verifies(keys.alg, keys.verifying, envelope.signing_input, envelope.signature)
    return str(claims.get("sub")) if ours and claims.get("iss") == ISSUER else None


FAULTS = (
    fault("access-unsigned", "token.alg.none", "9.1.2 RFC8725-3.1 CWE-347",
          "The API takes access tokens with alg none.", _opens(lambda envelope, _: is_none(envelope))),
    fault(
        "access-public-key-as-secret", "token.alg.rs-to-hs.pem", "9.1.2 RFC8725-3.1 CWE-327",
        "The API takes access tokens that are keyed with the public key as a secret.",
          _opens(lambda envelope, keys: keyed_with(envelope, public_pem(keys))),
    ),
    fault("access-brings-its-key", "token.key.jwk", "9.1.3 CWE-345",
          "The API verifies access tokens with the key in their own header.",
          _opens(lambda envelope, _: by_its_own_key(envelope))),
    fault("access-never-expires", "token.exp.enforced", "9.2.1 RFC9068-4 CWE-613",
          "The API does not look at when an access token expires.", _ignoring(expiry=lambda *_: True)),
    fault("access-of-any-issuer", "token.iss.wrong", "9.1.3 RFC8725-3.8 RFC9068-4 CWE-346",
          "The API takes access tokens of other issuers under the same key.", whole(hands_out_key=True),
          _ignoring(issuer=lambda *_: True)),
    fault("access-for-billing", "token.cross.audience", "10.3.1 RFC9068-4 CWE-863",
          "The API takes access tokens that are meant for another one.", access(ours=lambda _claims: True)),
    fault("access-by-a-client", "oauth.xjwt.assertion-as-access", "RFC9068-4 RFC8725-3.12 CWE-843",
          "The API takes tokens that a client signed with its own key.", _by_any_client),
    fault("session-at-the-api", "oauth.xjwt.session-as-access", "RFC8725-3.12 CWE-843",
          "The API takes the JWT in the session cookie for an access token.", session_as_jwt,
          access(open=_sessions_too, alive=_of_the_session)),
    fault("any-token-as-hint", "oauth.xjwt.access-as-id-hint", "RFC8725-3.12 CWE-843",
          "Any JWT of the server's key passes for the ID token of a hint.", OPENID, authorize(hint=_any_token)),
)  # fmt: skip
"""Each attack is the token server's; here it meets a server with clients, scopes and a front channel."""
