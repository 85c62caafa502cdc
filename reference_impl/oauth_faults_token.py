"""Faults of the token endpoint: how clients prove themselves, and what it takes and tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .oauth_access import AccessTokens, signed, verified
from .oauth_clients import SECRETS, Client, Credentials, authenticated, from_basic, presented, proven
from .oauth_params import OAuthError, Params, error_answer, once, posted
from .oauth_server import OAuthServer
from .oauth_switch import Handler, access, auth, fault, grant_types, tokens, wrapped
from .oauth_tokens import TokenEndpoint, by_code, for_itself
from .web import FORM, form_pairs, query_pairs


def _secret_begins(client: Client, secret: str | None) -> bool:
    if client.digest is None:
        return proven(client, secret)
    return bool(secret) and SECRETS[client.id].startswith(secret or "")


def _named_in_body(server: OAuthServer, request: Request, params: Params) -> Client:
    """Authenticates whom the header names, and goes on as whom the body names."""
    fields = request.headers.getlist("authorization")
    named = server.clients.get(params.get("client_id") or "")
    if not fields or named is None:
        return authenticated(server, request, params)
    basic = from_basic(fields)
    header = Params((("client_id", basic.id or ""), *(pair for pair in params.pairs if pair[0] != "client_id")))
    authenticated(server, request, header)
    return named


def _from_query_too(request: Request, params: Params) -> Credentials:
    query = Params(tuple(query_pairs(request.scope["query_string"])))
    if query.get("client_secret") is not None:
        return Credentials(query.get("client_id") or params.get("client_id"), query.get("client_secret"))
    return presented(request, params)


def any_method(path: str) -> Handler:
    """A handler by which an endpoint takes any method, with everything in the query."""

    async def handler(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != path or scope["method"] == "POST":
            await app(scope, receive, send)
            return
        changed = {**scope, "method": "POST", "headers": list(scope["headers"])}
        MutableHeaders(scope=changed)["content-type"] = FORM

        async def body() -> Message:
            return {"type": "http.request", "body": scope["query_string"], "more_body": False}

        await app(changed, body, send)

    return handler


async def _with_query(request: Request) -> Params:
    query = query_pairs(request.scope["query_string"])
    sent = request.headers.get("content-type", "").startswith(FORM)
    return once([*query, *(await form_pairs(request) if sent else ())])


async def _first_wins(request: Request) -> Params:
    return Params(tuple(await form_pairs(request)))


async def _ascii_only(request: Request) -> Params:
    params = await posted(request)
    if all(value.isascii() for _, value in params.pairs):
        return params
    raise OAuthError("server_error", "UnicodeEncodeError", 500)


async def _echoing(endpoint: TokenEndpoint, client: Client, params: Params) -> Mapping[str, Any]:
    try:
        return await by_code(endpoint, client, params)
    except OAuthError as exc:
        raise OAuthError(exc.error, f"the code {params.get('code')} does not fit", exc.status) from None


def _nameless(issuer: AccessTokens, claims: Mapping[str, Any]) -> str:
    return signed(issuer, {name: value for name, value in claims.items() if name != "client_id"})


async def _named_by_grant(issuer: AccessTokens, raw: bytes) -> bytes:
    """The server itself knows the client from the grant; others who read the token do not."""
    claims = json.loads(await verified(issuer, raw))
    grant = issuer.grants.find(str(claims.get("grant")))
    return json.dumps({**claims, "client_id": grant.client if grant else ""}).encode()


FAULTS = (
    fault(
        "secret-optional", "oauth.client.auth-required", "10.4.10 RFC6749-3.2.1 CWE-306",
        "A confidential client that sends no secret is believed.",
        auth(proven=lambda client, secret: secret is None or proven(client, secret)),
    ),
    fault(
        "secret-prefix", "oauth.client.wrong-secret", "10.4.10 RFC6749-5.2 CWE-187",
        "The beginning of a client secret is enough.", auth(proven=_secret_begins),
    ),
    fault(
        "client-of-the-body", "oauth.client.id-mismatch", "RFC6749-4.1.3 CWE-345",
        "A client proves who it is in the header, and says in the body who else it is.",
        tokens(client=_named_in_body),
    ),
    fault(
        "secret-in-uri", "oauth.client.secret-not-in-uri", "RFC6749-2.3.1 CWE-598",
        "A client secret in the query counts.", auth(presented=_from_query_too),
    ),
    fault(
        "any-grant-type", "oauth.client.grant-allowlist", "10.4.4 RFC6749-4.4 CWE-863",
        "Every client gets a token for itself, public ones too.",
        grant_types(client_credentials=for_itself(lambda *_: True)),
    ),
    fault(
        "token-by-get", "oauth.token.post-only", "RFC6749-3.2 CWE-598",
        "The token endpoint answers GET, with everything in the query.", wrapped(any_method("/token")),
    ),
    fault(
        "token-by-query", "oauth.token.query-params-ignored", "RFC6749-3.2 CWE-598",
        "The token endpoint reads the query besides the body.", tokens(read=_with_query),
    ),
    fault(
        "token-cacheable", "oauth.token.no-store", "14.3.2 RFC6749-5.1 CWE-525",
        "Answers with tokens may be stored.", tokens(headers={"cache-control": "private, max-age=60"}),
    ),
    fault(
        "one-error-code", "oauth.token.error-codes", "RFC6749-5.2",
        "Every refusal is an invalid_request.",
        tokens(error=lambda exc: error_answer(OAuthError("invalid_request", exc.description))),
    ),
    fault(
        "error-with-200", "oauth.token.error-codes", "RFC6749-5.2",
        "Errors come with 200.", tokens(error=lambda exc: error_answer(OAuthError(exc.error, exc.description, 200))),
    ),
    fault(
        "token-first-wins", "oauth.token.duplicate-params", "RFC6749-3.2 CWE-235",
        "Of a repeated parameter of the token request the first one counts.", tokens(read=_first_wins),
    ),
    fault(
        "expires-in-wrong", "oauth.token.expires-in", "RFC6749-5.1-expires-in",
        "The answer promises an hour, the token says five minutes.", tokens(expires_in=lambda _lifetime: 3600),
    ),
    fault(
        "client-id-missing", "token.claims.profile", "RFC9068-2.2",
        "Access tokens of the type at+jwt do not say which client they were issued to.",
        access(seal=_nameless, open=_named_by_grant),
    ),
    fault(
        "error-echo", "oauth.token.no-echo", "16.5.1 RFC6749-10.14 CWE-209",
        "The refusal repeats the code.", grant_types(authorization_code=_echoing),
    ),
    fault(
        "non-ascii-crashes", "oauth.token.no-5xx", "RFC6749-5.2 CWE-755",
        "A parameter that is not ASCII breaks the token endpoint.", tokens(read=_ascii_only),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups F and G of the catalogue's OAuth part."""
