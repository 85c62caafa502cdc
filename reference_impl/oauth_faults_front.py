"""Faults of the front channel that need no other request than an odd one: redirects, pages, headers, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .oauth_authorize import AuthorizationEndpoint, with_code
from .oauth_browser import ISSUER
from .oauth_clients import CLIENTS, Client, exactly, only_redirect_uri
from .oauth_grants import Asked, Grant
from .oauth_params import KNOWN, OAuthError, Params, invalid_request, once, words
from .oauth_switch import Change, Handler, authorize, both, fault, fresh, surface, tokens, wrapped
from .oauth_variants import narrowed
from .web import HEADERS, page, query_pairs

FOREIGN = b'<script src="https://cdn.reference.example/look.js"></script>'


def _link_back(params: Params, title: str) -> Response:
    uri = params.get("redirect_uri") or "/"
    return page(f'<p role="alert">{escape(title)}</p><a href="{escape(uri)}">Back to the application</a>', 400)


def _raw_client(params: Params, title: str) -> Response:
    return page(
        f"<p>{escape(title)}</p><p>client: {params.get('client_id')}, address: {params.get('redirect_uri')}", 400
    )


def _without_query(client: Client, uri: str) -> bool:
    return exactly(client, uri.partition("?")[0]) or exactly(client, uri)


def _first_registered(client: Client, given: list[str], matches: Callable[[Client, str], bool]) -> str | None:
    return only_redirect_uri(client, given or list(client.redirect_uris[:1]), matches)


def _any_scheme(client: Client, uri: str) -> bool:
    return exactly(client, uri) or exactly(client, uri.replace("http://", "https://", 1))


def _loopback_by_pattern(client: Client, uri: str) -> bool:
    """Whatever begins like the loopback address and ends like the registered path."""
    loopback = any(own.startswith("http://127.0.0.1/") for own in client.redirect_uris)
    return exactly(client, uri) or (loopback and uri.startswith("http://127.0.0.1") and uri.endswith("/callback"))


def _query_lost(endpoint: AuthorizationEndpoint, asked: Asked, _grant: Grant, code: str) -> Response:
    return endpoint.back(asked.redirect_uri.partition("?")[0], asked.state, {"code": code})


def _known_only(pairs: Iterable[tuple[str, str]]) -> Params:
    params = once(pairs)
    if any(name not in KNOWN for name, _ in params.pairs):
        raise invalid_request("there is an unknown parameter")
    return params


def _never_empty(pairs: Iterable[tuple[str, str]]) -> Params:
    params = once(pairs)
    if any(not value for _, value in params.pairs):
        raise invalid_request("there is an empty parameter")
    return params


async def _errors_first(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    params = Params(tuple(query_pairs(scope["query_string"])) if scope["path"] == "/authorize" else ())
    client = {client.id: client for client in CLIENTS}.get(params.get("client_id") or "")
    uri, kind = params.get("redirect_uri"), params.get("response_type")
    if client is None or uri is None or not exactly(client, uri) or kind == "code":
        await app(scope, receive, send)
        return
    told = {"error": "unsupported_response_type", "state": params.get("state") or "", "iss": ISSUER}
    await RedirectResponse(f"{uri}?{urlencode(told)}", 303)(scope, receive, send)


def answers(edit: Callable[[Scope, Message], None]) -> Handler:
    """A handler that changes the messages of each answer."""

    async def handler(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        async def edited(message: Message) -> None:
            edit(scope, message)
            await send(message)

        await app(scope, receive, edited)

    return handler


def _form_sent_on(scope: Scope, message: Message) -> None:
    if message["type"] == "http.response.start" and scope["path"] == "/consent" and message["status"] == 303:
        message["status"] = 307


def _cors(scope: Scope, message: Message) -> None:
    origin = Headers(scope=scope).get("origin")
    if message["type"] == "http.response.start" and scope["path"] == "/authorize" and origin:
        MutableHeaders(raw=message["headers"])["access-control-allow-origin"] = origin


def _loads_foreign(scope: Scope, message: Message) -> None:
    """Both messages of a page: the length first, then the script."""
    if message["type"] == "http.response.start":
        headers = MutableHeaders(raw=message["headers"])
        scope["page"] = "html" in headers.get("content-type", "")
        if scope["page"]:
            headers["content-length"] = str(int(headers["content-length"]) + len(FOREIGN))
    elif scope.get("page"):
        message["body"] += FOREIGN


def _quoted_scope(client: Client, asked: str | None) -> tuple[str, ...]:
    scope = words(asked) or client.scopes[:1]
    if not set(scope) <= set(client.scopes):
        raise OAuthError("invalid_scope", f'the scope "{asked}" is not allowed')
    return scope


def only_with_code(name: str, value: Callable[[Asked], str]) -> Callable[..., Response]:
    """The positive answer with one parameter that errors lack."""

    def respond(endpoint: AuthorizationEndpoint, asked: Asked, grant: Grant, code: str) -> Response:
        response = with_code(endpoint, asked, grant, code)
        if value(asked):
            response.headers["location"] += f"&{name}={quote(value(asked), safe='')}"
        return response

    return respond


def _issuer_echoed() -> Change:
    named: dict[str | None, str] = {}

    async def note(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        params = Params(tuple(query_pairs(scope["query_string"])) if scope["path"] == "/authorize" else ())
        if issuer := params.get("iss"):
            named[params.get("state")] = issuer
        await app(scope, receive, send)

    told = only_with_code("iss", lambda asked: named.get(asked.state, ISSUER))
    return both(wrapped(note), authorize(issuer=None, respond=told))


FAULTS = (
    fault(
        "redirect-linked", "oauth.redirect.dangerous-scheme", "10.4.1 RFC6749-10.15 CWE-79",
        "The page about a wrong redirect URI links to it.", authorize(stop=_link_back),
    ),
    fault(
        "redirect-any-query", "oauth.redirect.code-pollution", "10.4.1 RFC9700-4.1.3 CWE-235",
        "A redirect URI may have any query.", authorize(matches=_without_query),
    ),
    fault(
        "redirect-guessed", "oauth.redirect.missing", "RFC6749-3.1.2.3-several CWE-601",
        "Of several registered redirect URIs the first one is used where none is named.",
        authorize(redirect=_first_registered),
    ),
    fault(
        "redirect-any-scheme", "oauth.redirect.http-refused", "RFC9700-2.6 CWE-319",
        "A registered https address works with http, too.", authorize(matches=_any_scheme),
    ),
    fault(
        "loopback-pattern", "oauth.redirect.loopback-exempt-narrow", "10.4.1 RFC9700-4.1.3 RFC8252-8.4 CWE-601",
        "What begins like the loopback address and ends like its path is taken for it.",
        authorize(matches=_loopback_by_pattern),
    ),
    fault(
        "redirect-query-lost", "oauth.redirect.query-kept", "RFC6749-3.1.2-query CWE-20",
        "The query of a registered redirect URI is dropped.", authorize(respond=_query_lost),
    ),
    fault(
        "unknown-parameter-refused", "oauth.authz.unknown-params-ignored", "RFC6749-3.1 CWE-20",
        "An authorization request with a parameter that nobody defined is an error.", authorize(once=_known_only),
    ),
    fault(
        "empty-parameter-refused", "oauth.authz.empty-param-is-absent", "RFC6749-3.1 CWE-20",
        "An authorization request with an empty parameter is an error.", authorize(once=_never_empty),
    ),
    fault(
        "errors-before-login", "oauth.authz.error-redirect-needs-user", "RFC9700-4.11.2 CWE-601",
        "A wrong response type is told to the client before anybody has logged in.", wrapped(_errors_first),
    ),
    fault(
        "forms-sent-on", "oauth.authz.no-307", "RFC9700-4.12 CWE-522",
        "The page of consent sends its form on to the client, by 307.", wrapped(answers(_form_sent_on)),
    ),
    fault(
        "authorize-cors", "oauth.authz.no-cors", "RFC9700-2.6-cors CWE-942",
        "Any site may read what the authorization endpoint answers.", wrapped(answers(_cors)),
    ),
    fault(
        "page-loads-foreign", "oauth.authz.referrer-policy", "RFC9700-4.2.4-pages CWE-200",
        "Pages load a script of a third party, which is told their address.",
        surface(headers={name: value for name, value in HEADERS.items() if name != "referrer-policy"}),
        wrapped(answers(_loads_foreign)),
    ),
    fault(
        "page-unescaped", "oauth.authz.reflected-input", "RFC6749-10.14 CWE-79",
        "The page about an unknown client repeats its name unescaped.", authorize(stop=_raw_client),
    ),
    fault(
        "error-quotes", "oauth.authz.error-charset", "RFC6749-5.2-charset CWE-116",
        "The description of an error quotes the scope that was asked for.", authorize(scope=_quoted_scope),
    ),
    fault(
        "scope-left-out-quietly", "oauth.authz.scope-echo", "RFC6749-3.3 CWE-863",
        "A scope that a client may not ask for is left out, and nothing says so.",
        authorize(scope=narrowed), tokens(more={"scope": None}),
    ),
    fault(
        "state-only-with-code", "oauth.state.echo-on-error", "RFC6749-4.1.2.1-state CWE-352",
        "Errors come back without the state.",
        authorize(echo=lambda _state: None, respond=only_with_code("state", lambda asked: asked.state or "")),
    ),
    fault(
        "state-invented", "oauth.state.none-invented", "RFC6749-4.1.2-no-state CWE-352",
        "A request without a state gets one back.", authorize(echo=lambda state: state or "0"),
    ),
    fault(
        "iss-only-with-code", "oauth.iss.on-error", "RFC9207-2 CWE-346",
        "Errors do not say who sent them, though the metadata promises it.",
        authorize(issuer=None, respond=only_with_code("iss", lambda _asked: ISSUER)),
    ),
    fault(
        "iss-echoed", "oauth.iss.equals-metadata", "RFC9207-2 RFC9207-3 CWE-346",
        "The issuer in answers is the one that the request names.", fresh(_issuer_echoed),
    ),
)  # fmt: skip
"""Primary killers are rows of the groups A, B and C of the catalogue's OAuth part."""
