"""Every variant of the authorization server: differences that no check may blame."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import replace
from functools import cache

from starlette.requests import Request

from . import oauth_variants_dpop, oauth_variants_reach
from .families import random_value
from .oauth_assertion_key import public_half
from .oauth_authorize import AuthorizationEndpoint
from .oauth_browser import ISSUER
from .oauth_clients import SECRETS, Client, authenticated, sha256
from .oauth_opaque import looked_up, stored
from .oauth_par import Pushed, PushedRequests, own_id
from .oauth_params import OAuthError, Params, words
from .oauth_policy import OAuthPolicy, within_registration
from .oauth_server import OAuthServer
from .oauth_session_jwt import session_as_jwt
from .oauth_switch import (
    Change,
    access,
    assertions,
    authorize,
    both,
    declared,
    end_session,
    metadata,
    pushing,
    refresh,
    resource,
    revocation,
    rules,
    tokens,
    variant,
    whole,
)
from .token_guard import encode
from .web import Refused


def _with_openid(policy: OAuthPolicy) -> OAuthPolicy:
    clients = (replace(one, scopes=(*one.scopes, "openid") if one.scopes else ()) for one in policy.clients)
    return replace(policy, openid=True, clients=tuple(clients))


def _confidential(client: Client) -> bool:
    return client.confidential


def _client_web_pushes(policy: OAuthPolicy) -> OAuthPolicy:
    return replace(policy, clients=tuple(replace(one, pushes=one.id == "web") for one in policy.clients))


def _spent_when_seen(table: PushedRequests, pushed: Pushed, _beside: Params) -> Params | None:
    """RFC 9126 section 4: used once, strictly; who reloads starts again at the application."""
    return pushed.params if table.spend(pushed.digest) else None


def _own_id_alone(_endpoint: AuthorizationEndpoint, client: Client, params: Params) -> None:
    """RFC 9126 section 4: what was not checked with the push is checked at the authorization endpoint."""
    own_id(client, params)


def _with_a_secret(server: OAuthServer, request: Request, params: Params) -> Client:
    client = authenticated(server, request, params)
    if not client.confidential:
        raise OAuthError("unauthorized_client", "this client may not push requests")
    return client


REMEMBERED = authorize(remembers=_confidential)
OPENID = both(_with_openid, REMEMBERED)
"""Consent is remembered too, or nothing could be silent."""


QUIET = end_session(asks=lambda named, user: named != user)
"""Whoever shows the user's own ID token is believed (OpenID Connect RP-Initiated Logout section 2)."""


@cache
def _key() -> bytes:
    """The key of this process, which replicas share."""
    return secrets.token_bytes(32)


def _derived(spent: str) -> str:
    """The one successor of a token, computed from it, so that asking again gives the same one."""
    return encode(hmac.digest(_key(), spent.encode(), "sha256")) if spent else random_value(spent)


def narrowed(client: Client, asked: str | None) -> tuple[str, ...]:
    """RFC 6749 section 3.3: the server may ignore a part of what is asked; the answer names what is left."""
    kept = [scope for scope in words(asked) if scope in client.scopes]
    return within_registration(client, " ".join(kept))


def _with_gateway(policy: OAuthPolicy) -> OAuthPolicy:
    gateway = Client("gateway", sha256(SECRETS["gateway"]), (), (), (), introspects=True)
    return replace(policy, clients=(*(client for client in policy.clients if client.id != "api"), gateway))


def _by_how_it_came(server: OAuthServer, request: Request, params: Params) -> Client:
    """RFC 6749 section 5.2: 401 is a must only for a client that used the ``Authorization`` field."""
    try:
        return authenticated(server, request, params)
    except OAuthError as exc:
        status = exc.status if "authorization" in request.headers else 400
        raise OAuthError(exc.error, exc.description, status) from None


def _forbidden() -> Refused:
    return Refused(403, "there is nothing for you here")


def signs_with(alg: str) -> Change:
    """Clients with a key have one for this algorithm."""

    def apply(policy: OAuthPolicy) -> OAuthPolicy:
        clients = (replace(one, key=public_half(alg)) if one.key else one for one in policy.clients)
        return replace(policy, clients=tuple(clients))

    return apply


def _without_iss(policy: OAuthPolicy) -> OAuthPolicy:
    name = "authorization_response_iss_parameter_supported"
    quiet = metadata(told=lambda told: {key: value for key, value in told.items() if key != name})
    return both(authorize(issuer=None), quiet)(policy)


VARIANTS = (
    variant(
        "openid", "An OpenID provider: ID tokens, prompt, nonce, discovery; web is not asked twice.", OPENID,
        apart={"consent-remembered": "it remembers anyway"},
    ),
    variant("secret-post", "The client web sends its secret in the body.", declared(auth={"web": "post"})),
    variant("opaque", "Access tokens are random and stand for rows.", access(seal=stored, open=looked_up)),
    variant(
        "no-rotation", "Confidential clients keep their refresh token, as FAPI 2.0 wants it, and as declared.",
        refresh(rotates=lambda client: not client.confidential), declared(policy={"rotation": False}),
    ),
    variant(
        "grace-30", "A spent refresh token gives its successor again for 30 seconds, as declared.",
        rules(grace=30.0, new=_derived), declared(policy={"grace_seconds": "30s"}),
    ),
    variant(
        "extra-members", "Token answers have members that no standard knows.",
        tokens(more={"ext_expires_in": 300, "not-before-policy": 0, "resource": ["notes"]}),
    ),
    variant(
        "introspection-other-credentials", "Another resource server may introspect, with its secret in the body.",
        _with_gateway, declared(introspection_client="gateway", auth={"gateway": "post"}),
    ),
    variant("consent-remembered", "The user is not asked twice for a confidential client.", REMEMBERED),
    variant("scope-narrowed", "A scope that a client may not ask for is left out.", authorize(scope=narrowed)),
    variant("redirect-302", "The browser is sent to clients with 302.", authorize(status=302)),
    variant("no-iss", "Answers do not name their issuer, and nothing promises it.", _without_iss),
    variant(
        "invalid-client-400", "A client that fails to authenticate in the body gets 400.",
        tokens(client=_by_how_it_came), declared(auth={"web": "post"}), decides="client-authentication",
    ),
    variant(
        "revoke-foreign-quietly", "Revoking another client's token does nothing, quietly.",
        revocation(foreign=lambda: None),
    ),
    *oauth_variants_reach.VARIANTS,
    variant("status-403", "The API answers 403 to whoever has no valid token.",
            resource(missing=_forbidden, invalid=_forbidden)),
    *oauth_variants_dpop.VARIANTS,
    variant(
        "par-required", "Every client must push its requests, as the metadata says.",
        pushing(everybody=True, required=lambda _client: True), decides="par",
    ),
    variant(
        "par-required-web", "The client web must push its requests, as the description says.", _client_web_pushes,
        decides="par",
    ),
    variant(
        "par-opened-once", "A reference is spent as soon as a browser brings it.",
        pushing(opened=_spent_when_seen, spend=lambda _table, _digest: True),
    ),
    variant(
        "par-checked-later", "A pushed request is validated when a browser brings its reference.",
        pushing(valid=_own_id_alone),
    ),
    variant(
        "par-reference-url", "References are addresses of the server's own.",
        pushing(new=lambda: f"{ISSUER}/requests/{secrets.token_urlsafe(32)}"),
    ),
    variant(
        "par-confidential-only", "Only clients with a secret may push.", pushing(client=_with_a_secret),
        apart={"par-required": "public clients could not ask at all"},
    ),
    variant(
        "par-new-redirects", "A client with a secret may push a redirect URI that is not registered.",
        pushing(trusted=_confidential),
    ),
    variant(
        "end-session-quiet", "A logout with the user's own ID token asks nobody; of use with openid alone.", QUIET,
    ),
    variant(
        "minting", "The description holds the signing key of access tokens, so that the kit can mint.",
        whole(hands_out_key=True), apart={"opaque": "no key makes one"},
    ),
    variant("session-jwt", "The session in the user's browser is a JWT under the key of the tokens.", session_as_jwt),
    variant(
        "assertion-fapi", "Assertions are signed with PS256, name the issuer, and are good for a minute at the most.",
        signs_with("PS256"), assertions(audiences=(ISSUER,), longest=60.0),
    ),
    variant(
        "assertion-again", "An assertion counts until it expires, as RFC 7523 allows.",
        assertions(first_use=lambda *_: True), fails=frozenset({"oauth.client.assertion-replay"}),
    ),
)  # fmt: skip
"""In the order in which the documentation lists them."""
