"""Proof Key for Code Exchange, S256 only (RFC 7636, RFC 9700 section 2.1.1)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from .oauth_clients import Client
from .oauth_params import Params, invalid_request
from .token_guard import encode

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def s256(verifier: str) -> str:
    """``BASE64URL(SHA256(verifier))`` (section 4.2)."""
    return encode(hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest())


def s256_challenge(params: Params) -> str | None:
    """The challenge of an authorization request, or None without one.

    A challenge without a method means ``plain`` (section 4.3), which shows the verifier to whoever sees the request.

    Raises:
        OAuthError: ``invalid_request`` for another method, or for what no SHA-256 can be.
    """
    challenge = params.get("code_challenge")
    if challenge is None:
        return None
    if params.get("code_challenge_method") != "S256":
        raise invalid_request("code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise invalid_request("code_challenge is not a SHA-256 in base64url")
    return challenge


def well_formed(verifier: str) -> bool:
    """43 to 128 unreserved characters (section 4.1)."""
    return _VERIFIER.fullmatch(verifier) is not None


def given_verifier(params: Params) -> str | None:
    """The verifier of a token request; an empty one is none (RFC 6749 section 3.2)."""
    return params.get("code_verifier")


def proves(challenge: str, verifier: str) -> bool:
    """Whether the verifier is the one behind the challenge (section 4.6)."""
    return hmac.compare_digest(s256(verifier).encode(), challenge.encode())


def answers(pkce: Pkce, challenge: str | None, verifier: str | None) -> bool:
    """Whether a token request holds what its authorization request promised.

    Neither alone is enough: a verifier without a challenge is the trace of a request whose challenge was removed on
    the way (RFC 9700 section 4.8.2).
    """
    if challenge is None or verifier is None:
        return challenge is verifier
    return pkce.formed(verifier) and pkce.proves(challenge, verifier)


@dataclass(frozen=True, slots=True)
class Pkce:
    """What is demanded of the proof."""

    required: Callable[[Client], bool] = lambda _client: True
    """Of whom: everybody, since it protects confidential clients against injected codes (section 4.5.3 of 9700)."""
    challenge: Callable[[Params], str | None] = s256_challenge
    verifier: Callable[[Params], str | None] = given_verifier
    formed: Callable[[str], bool] = well_formed
    proves: Callable[[str, str], bool] = proves
    answers: Callable[[Pkce, str | None, str | None], bool] = answers
