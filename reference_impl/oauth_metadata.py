"""What the server says of itself (RFC 8414 section 2, OpenID Connect Discovery section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .oauth_assertion_key import ALGORITHMS
from .oauth_browser import ISSUER
from .oauth_clients import BILLING, GRANTS, SCOPES
from .oauth_par import announced

if TYPE_CHECKING:
    from .oauth_policy import OAuthPolicy

WELL_KNOWN = "/.well-known/oauth-authorization-server"
OPENID_WELL_KNOWN = "/.well-known/openid-configuration"
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
KEY_METHOD = "private_key_jwt"


def metadata(policy: OAuthPolicy) -> dict[str, Any]:
    """Complete and true: what is not announced here does not work."""
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "scopes_supported": [*SCOPES, BILLING, *(["openid"] if policy.openid else [])],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": [*SECRET_METHODS, KEY_METHOD, "none"],
        "token_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS],
        "revocation_endpoint": f"{ISSUER}/revoke",
        "revocation_endpoint_auth_methods_supported": [*SECRET_METHODS, KEY_METHOD, "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS],
        "introspection_endpoint": f"{ISSUER}/introspect",
        "introspection_endpoint_auth_methods_supported": [*SECRET_METHODS, KEY_METHOD],
        "introspection_endpoint_auth_signing_alg_values_supported": [*ALGORITHMS],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        **({"dpop_signing_alg_values_supported": list(policy.dpop.algs)} if policy.dpop.offered else {}),
        **announced(policy, ISSUER),
        **(OPENID if policy.openid else {}),
    }


OPENID: Mapping[str, Any] = {
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
    "claims_supported": ["iss", "aud", "sub", "iat", "exp", "auth_time", "nonce"],
    "prompt_values_supported": ["none", "login"],
    "request_uri_parameter_supported": False,
    "end_session_endpoint": f"{ISSUER}/end-session",
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """A last touch to it: none."""

    told: Callable[[dict[str, Any]], Mapping[str, Any]] = lambda told: told
