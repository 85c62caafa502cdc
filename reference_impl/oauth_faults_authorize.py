"""Faults of the authorization endpoint, its pages, and what the server says of itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.responses import RedirectResponse, Response

from .oauth_authorize import AuthorizationEndpoint, with_code
from .oauth_browser import ISSUER
from .oauth_clients import CLIENTS, Client
from .oauth_grants import Asked, Grant
from .oauth_pages import refusal_page
from .oauth_params import Params, invalid_grant, words
from .oauth_policy import OAuthPolicy, only_code
from .oauth_switch import authorize, both, browser, fault, grant_types, metadata, surface
from .oauth_tokens import TokenEndpoint
from .throttle import Throttled
from .web import HEADERS

FRAMEABLE = {**HEADERS, "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'"}


def last_wins(pairs: Iterable[tuple[str, str]]) -> Params:
    """The last value of each name, as many frameworks read a query."""
    return Params(tuple(dict(pairs).items()))


def any_of_a_list(response_type: str | None) -> str:
    """The code flow, and whatever asks for a token beside others."""
    return response_type if response_type and "token" in response_type.split() else only_code(response_type)


def _token_at_once(endpoint: AuthorizationEndpoint, asked: Asked, grant: Grant, code: str) -> Response:
    """RFC 6749 section 4.2.2."""
    if asked.response_type == "code":
        return with_code(endpoint, asked, grant, code)
    token = endpoint.server.access.issue(grant, asked.scope, endpoint.server.clock.now())
    answer = {"access_token": token, "token_type": "Bearer", "state": asked.state or "", "iss": ISSUER}
    return RedirectResponse(f"{asked.redirect_uri}#{urlencode(answer)}", 303)


def _known(params: Params) -> bool:
    return params.get("client_id") in {client.id for client in CLIENTS}


def _told_to_strangers(params: Params, title: str) -> Response:
    uri = params.get("redirect_uri")
    if _known(params) or uri is None:
        return refusal_page(title)
    return RedirectResponse(uri + "?" + urlencode({"error": "unauthorized_client"}), 303)


def _unguarded_consent(policy: OAuthPolicy) -> OAuthPolicy:
    guard = replace(policy.browser.guard, exempt=lambda request: request.url.path == "/consent")
    return both(browser(guard=guard), authorize(waits_for=lambda _session: ""))(policy)


async def _by_password(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    """RFC 6749 section 4.3."""
    server, now = endpoint.server, endpoint.server.clock.now()
    try:
        account = await server.accounts.authenticate(params.need("username"), params.need("password"), "")
    except Throttled:
        account = None
    if account is None:
        raise invalid_grant()
    scope = endpoint.policy.authorize.scope(client, params.get("scope"))
    grant = Grant(secrets.token_hex(16), account.sub, client.id, "", scope, now, now)
    server.grants.add(grant)
    return endpoint.issued(grant, scope, server.refresh.begin(grant), None)


def _without(name: str) -> Any:
    return metadata(told=lambda told: {key: value for key, value in told.items() if key != name})


FAULTS = (
    fault(
        "response-type-optional", "oauth.authz.response-type-required", "RFC6749-3.1.1",
        "A request without a response type, or with any, is taken for the code flow.",
        authorize(response_type=lambda _: "code"),
    ),
    fault(
        "implicit-on", "oauth.authz.implicit-off", "10.4.4 RFC9700-2.1.2 CWE-598",
        "response_type=token puts an access token into the front channel.",
        authorize(response_type=any_of_a_list, respond=_token_at_once),
    ),
    fault(
        "authorize-last-wins", "oauth.authz.duplicate-params", "RFC6749-3.1 CWE-235",
        "Of a repeated parameter of the authorization request the last one counts.", authorize(once=last_wins),
    ),
    fault(
        "unknown-client-redirected", "oauth.authz.unknown-client-no-redirect",
        "RFC6749-4.1.2.1 RFC9700-2.1-open-redirector CWE-601",
        "An unknown client is told so at whatever address it names.", authorize(stop=_told_to_strangers),
    ),
    fault(
        "pages-framable", "oauth.authz.framing", "3.4.6 RFC9700-4.16 CWE-1021",
        "Login and consent may stand in a frame of any site.", surface(headers=FRAMEABLE),
    ),
    fault(
        "consent-forgeable", "oauth.authz.consent-csrf", "RFC6749-10.12 CWE-352",
        "Consent needs neither our origin nor the form's token, nor the browser that was asked.", _unguarded_consent,
    ),
    fault(
        "password-grant", "oauth.authz.ropc-off", "10.4.4 RFC9700-2.4 CWE-522",
        "Clients may send the user's password to the token endpoint.", grant_types(password=_by_password),
    ),
    fault(
        "scope-of-any-client", "oauth.authz.scope-client-allowlist", "10.4.11 RFC6749-3.3 CWE-863",
        "A client may ask for what it is not registered for.",
        authorize(scope=lambda client, asked: words(asked) or client.scopes[:1]),
    ),
    fault(
        "consent-remembered-for-all", "oauth.authz.consent-not-skippable", "RFC6749-10.2 RFC8252-8.6 CWE-285",
        "A public client whose user once agreed gets codes without asking.", authorize(remembers=lambda _client: True),
    ),
    fault(
        "state-decoded", "oauth.state.echo", "RFC6749-4.1.2 CWE-352",
        "The state comes back with its percent signs decoded once more.",
        authorize(echo=lambda state: unquote(state) if state else state),
    ),
    fault(
        "state-dropped", "oauth.state.echo", "RFC6749-4.1.2 CWE-352",
        "The state does not come back.", authorize(echo=lambda _state: None),
    ),
    fault(
        "iss-missing", "oauth.iss.present", "RFC9207-2 CWE-346",
        "Answers to clients do not say who sent them, though the metadata promises it.", authorize(issuer=None),
    ),
    fault(
        "issuer-of-another", "oauth.meta.issuer-match", "RFC8414-3.3 CWE-346",
        "The metadata names an issuer that it does not belong to.",
        metadata(told=lambda told: {**told, "issuer": "https://login.reference.example"}),
    ),
    fault(
        "metadata-incomplete", "oauth.meta.required-fields", "RFC8414-2",
        "The metadata does not say which response types there are.", _without("response_types_supported"),
    ),
    fault(
        "metadata-boasts", "oauth.meta.truthful-positive", "RFC8414-2",
        "The metadata announces an endpoint that does not exist.",
        both(metadata(told=lambda told: {**told, "userinfo_endpoint": f"{ISSUER}/userinfo"})),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups A, C and O of the catalogue's OAuth part."""
