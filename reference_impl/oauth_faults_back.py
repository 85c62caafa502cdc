"""Faults of the back channel that odd requests find: codes between two events, challenges, credentials, forms."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope

from .accounts import Accounts
from .oauth_authorize import AuthorizationEndpoint
from .oauth_clients import Client, Credentials, authenticated, from_basic, presented, proven, sha256
from .oauth_codes import Claim, Codes, Verdict, judge, redeem, same_client, same_party, same_redirect_uri
from .oauth_faults_front import answers
from .oauth_grants import Asked, Code, Grant, Grants, move_session
from .oauth_params import KNOWN, OAuthError, Params, error_answer, invalid_request, once, posted
from .oauth_pkce import s256, s256_challenge
from .oauth_policy import OAuthPolicy
from .oauth_server import OAuthServer
from .oauth_switch import (
    Change,
    auth,
    authorize,
    browser,
    codes,
    declared,
    fault,
    fresh,
    grant_types,
    metadata,
    pkce,
    tokens,
    wrapped,
)
from .oauth_tokens import TokenEndpoint, by_code, for_itself
from .session_policy import Issue, replace_carried
from .session_store import Session, SessionTable
from .token_guard import encode


def _checked_once() -> Change:
    seen: set[str] = set()

    def proof(policy: Codes, grants: Grants, code: Code, claim: Claim) -> bool:
        again = code.digest in seen
        seen.add(code.digest)
        return again or same_party(policy, grants, code, claim)

    return codes(proofs=(same_client, same_redirect_uri, proof))


def _burns(policy: Codes, grants: Grants, code: Code | None, claim: Claim) -> Verdict:
    if code is not None and code.asked.client != claim.client:
        grants.spend(code.digest)
    return judge(policy, grants, code, claim)


async def _follows(table: SessionTable, accounts: Accounts, issue: Issue, session: Session, limit: int) -> bool:
    """What was granted in a browser goes on for whoever logs in there next."""
    begun, held = replace_carried(table, accounts, issue, session, limit), issue.held
    if begun and held is not None and held.sub is not None:
        table.db.change("UPDATE grants SET sub = ? WHERE session = ?", session.sub, held.handle)
        move_session(table.db, held.handle, session.handle)
    return begun


def _browsers_grants(policy: OAuthPolicy) -> OAuthPolicy:
    return browser(life=replace(policy.browser.life, issue=_follows))(policy)


def _told(endpoint: AuthorizationEndpoint, asked: Asked, _grant: Grant, code: str) -> Response:
    content = encode(json.dumps({"challenge": asked.challenge}).encode())
    return endpoint.back(asked.redirect_uri, asked.state, {"code": f"{code}.{content}"})


async def _revived(policy: Codes, grants: Grants, value: str, claim: Claim) -> Code | None:
    code = await redeem(policy, grants, value, claim)
    if code is not None:
        grants.db.change("UPDATE grants SET live = 1 WHERE id = ?", code.grant)
    return code


def _any_method(params: Params) -> str | None:
    if params.get("code_challenge_method") in (None, "plain"):
        return s256_challenge(params)
    return params.get("code_challenge")


def _unannounced(told: dict[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in told.items() if name != "code_challenge_methods_supported"}


def _form_over_header(request: Request, params: Params) -> Credentials:
    if params.get("client_secret") is not None:
        return Credentials(params.get("client_id"), params.get("client_secret"))
    return presented(request, params)


def _form_only(_request: Request, params: Params) -> Credentials:
    return Credentials(params.get("client_id"), params.get("client_secret"))


def _without_basic(told: dict[str, Any]) -> Mapping[str, Any]:
    lists = {name: value for name, value in told.items() if name.endswith("auth_methods_supported")}
    return {**told, **{name: [m for m in value if m != "client_secret_basic"] for name, value in lists.items()}}


def _undecoded(request: Request, params: Params) -> Credentials:
    fields = request.headers.getlist("authorization")
    if not fields:
        return presented(request, params)
    from_basic(fields)
    name, _, secret = b64decode(fields[0].partition(" ")[2]).decode().partition(":")
    return Credentials(name, secret or None)


def _client_of_the_code(server: OAuthServer, request: Request, params: Params) -> Client:
    code = server.grants.code(server.policy.codes.digest(params.get("code") or ""))
    client = server.clients.get(code.asked.client) if code is not None else None
    if client is None or client.confidential or params.get("client_id") is not None:
        return authenticated(server, request, params)
    return client


async def _json_too(request: Request) -> Params:
    if request.headers.get("content-type", "").startswith("application/json"):
        return once([(name, str(value)) for name, value in json.loads(await request.body()).items()])
    return await posted(request)


def _cacheable(exc: OAuthError) -> Response:
    response = error_answer(exc)
    response.headers["cache-control"] = "private, max-age=60"
    return response


def _as_html(scope: Scope, message: Message) -> None:
    if message["type"] == "http.response.start" and scope["path"] == "/token":
        MutableHeaders(raw=message["headers"])["content-type"] = "text/html"


def _called_invalid(exc: OAuthError) -> Response:
    error = "invalid_grant" if exc.error == "unsupported_grant_type" else exc.error
    return error_answer(OAuthError(error, exc.description, exc.status))


async def _known_only(request: Request) -> Params:
    params = await posted(request)
    if any(name not in KNOWN for name, _ in params.pairs):
        raise invalid_request("there is an unknown parameter")
    return params


async def _tells_spent(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    code = endpoint.server.grants.code(endpoint.policy.codes.digest(params.get("code") or ""))
    try:
        return await by_code(endpoint, client, params)
    except OAuthError as exc:
        if code is not None and code.spent:
            raise OAuthError(exc.error, "the code was used already") from None
        raise


FAULTS = (
    fault(
        "verifier-checked-once", "oauth.code.failed-first-attempt", "RFC7636-4.6 RFC9700-2.1.1 CWE-307",
        "The code verifier is compared at the first attempt only.", fresh(_checked_once),
    ),
    fault(
        "foreign-attempt-burns", "oauth.code.foreign-client-no-burn", "OAUTH21-7.5.3 CWE-645",
        "A code is spent when another client tries it.", codes(judge=_burns),
    ),
    fault(
        "grants-follow-browser", "oauth.code.user-switch", "PICKPROOF-T4 CWE-384",
        "What a user granted in a browser becomes that of whoever logs in there next.", _browsers_grants,
    ),
    fault(
        "code-tells-challenge", "oauth.code.transparent-content", "RFC7636-4.4 CWE-200",
        "Codes carry their challenge, encoded and not encrypted.",
        authorize(respond=_told), codes(digest=lambda value: sha256(value.partition(".")[0])),
    ),
    fault(
        "code-outlives-logout", "oauth.code.after-logout", "RFC9700-4.14.2-event CWE-613",
        "A code that is redeemed after the logout opens what the logout closed.", codes(redeem=_revived),
    ),
    fault(
        "method-any", "oauth.pkce.unknown-method", "RFC7636-4.4.1 CWE-757",
        "Whatever method a challenge names is taken for S256.", pkce(challenge=_any_method),
    ),
    fault(
        "challenge-prefix", "oauth.pkce.challenge-grammar", "RFC7636-4.6 CWE-20",
        "A challenge is as long as the client likes, and compared as far as it goes.",
        pkce(
            challenge=lambda params: params.get("code_challenge"),
            proves=lambda challenge, verifier: s256(verifier).startswith(challenge),
        ),
    ),
    fault(
        "pkce-unannounced", "oauth.pkce.metadata", "RFC9700-2.1.1-metadata CWE-757",
        "The metadata does not say that PKCE is supported.", metadata(told=_unannounced),
    ),
    fault(
        "basic-unchallenged", "oauth.client.basic-401-challenge", "RFC6749-5.2 CWE-287",
        "Clients that fail to authenticate get 400 without a challenge.",
        tokens(error=lambda exc: error_answer(OAuthError(exc.error, exc.description, 400))),
    ),
    fault(
        "secret-shown-twice", "oauth.client.one-method", "RFC6749-2.3-several CWE-436",
        "The secret of the form counts, whatever the header says.", auth(presented=_form_over_header),
    ),
    fault(
        "basic-off", "oauth.client.basic-supported", "RFC6749-2.3.1 CWE-287",
        "Clients can show their secret in the form only.",
        declared(auth={"web": "post", "api": "post"}), metadata(told=_without_basic), auth(presented=_form_only),
    ),
    fault(
        "basic-undecoded", "oauth.client.basic-form-encoding", "RFC6749-2.3.1 CWE-116",
        "Id and secret in HTTP Basic are not form-decoded.", auth(presented=_undecoded),
    ),
    fault(
        "client-of-the-code", "oauth.client.public-needs-id", "RFC6749-4.1.3 CWE-306",
        "A public client need not say who it is: its code does.", tokens(client=_client_of_the_code),
    ),
    fault(
        "secret-made-up", "oauth.client.public-with-secret", "RFC6749-4.4 CWE-287",
        "A public client that sends any secret gets tokens for itself.",
        auth(proven=lambda client, secret: not client.confidential or proven(client, secret)),
        grant_types(client_credentials=for_itself(
            lambda client, params: not client.confidential and params.get("client_secret") is not None
        )),
    ),
    fault(
        "token-for-public-client", "oauth.authz.cc-confidential-only", "RFC6749-4.4 CWE-306",
        "Public clients get tokens for themselves.",
        grant_types(client_credentials=for_itself(lambda client, _params: not client.confidential)),
    ),
    fault(
        "client-token-refreshed", "oauth.authz.cc-no-refresh", "RFC6749-4.4.3 CWE-613",
        "A client's token for itself comes with a refresh token.",
        grant_types(client_credentials=for_itself(lambda client, _params: client.confidential, refreshes=True)),
    ),
    fault(
        "token-request-json", "oauth.token.content-type", "RFC6749-4.1.3-form CWE-436",
        "Token requests may be JSON.", tokens(read=_json_too),
    ),
    fault(
        "error-cacheable", "oauth.token.no-store-error", "RFC6749-5.2-no-store CWE-525",
        "Errors of the token endpoint may be stored.", tokens(error=_cacheable),
    ),
    fault(
        "token-as-html", "oauth.token.json", "RFC6749-5.1 RFC6749-5.2 CWE-436",
        "The token endpoint calls its answers HTML.", wrapped(answers(_as_html)),
    ),
    fault(
        "grant-type-invalid", "oauth.token.unsupported-grant", "RFC6749-5.2 CWE-20",
        "An unknown grant type is called an invalid grant.", tokens(error=_called_invalid),
    ),
    fault(
        "token-parameter-refused", "oauth.token.unknown-params-ignored", "RFC6749-3.2 CWE-20",
        "A token request with a parameter that nobody defined is an error.", tokens(read=_known_only),
    ),
    fault(
        "token-type-missing", "oauth.token.token-type", "RFC6749-5.1-type CWE-20",
        "Answers with tokens do not say of which type they are.", tokens(more={"token_type": None}),
    ),
    fault(
        "spent-told", "oauth.token.oracle", "CWE-203",
        "A code that was used gets another answer than one that never was.",
        grant_types(authorization_code=_tells_spent),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups D to G of the catalogue's OAuth part."""
