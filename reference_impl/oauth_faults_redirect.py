"""Faults of the redirect URI: each compares it in a way that somebody can use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from .oauth_clients import CLIENTS, Client, exactly, only_redirect_uri
from .oauth_codes import Claim, Codes, same_client, same_party
from .oauth_faults_authorize import last_wins
from .oauth_grants import Code, Grants
from .oauth_pages import refusal_page
from .oauth_params import Params, once
from .oauth_switch import authorize, codes, fault

Matches = Callable[[Client, str], bool]


def _begins(client: Client, uri: str) -> bool:
    return any(uri.startswith(own) for own in client.redirect_uris) or exactly(client, uri)


def _same_host(client: Client, uri: str) -> bool:
    return any(_host(uri) == _host(own) for own in client.redirect_uris) or exactly(client, uri)


def _registered(_codes: Codes, _grants: Grants, _code: Code, claim: Claim) -> bool:
    return claim.redirect_uri is None or any(exactly(c, claim.redirect_uri) for c in CLIENTS if c.id == claim.client)


def _host(uri: str) -> tuple[str, str]:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", uri
    return parts.scheme, parts.netloc


def _normalised(uri: str) -> str:
    """Lower case, decoded, without dot segments, double slashes and a default port: as equal to most parsers."""
    text = unquote(uri.strip()).lower().replace("\\", "/")
    scheme, _, rest = text.partition("://")
    rest = re.sub(r"/+", "/", rest.replace(":443/", "/").replace("./", "/"))
    return f"{scheme}://{rest.rstrip('/?')}"


def _alike(client: Client, uri: str) -> bool:
    return any(_normalised(uri) == _normalised(own) for own in client.redirect_uris) or exactly(client, uri)


def _without_fragment(client: Client, given: list[str], matches: Matches) -> str | None:
    return only_redirect_uri(client, [uri.partition("#")[0] for uri in given], matches)


def _first_checked_last_used(client: Client, given: list[str], matches: Matches) -> str | None:
    return given[-1] if given and matches(client, given[0]) else only_redirect_uri(client, given, matches)


def _redirect_uri_repeated(pairs: Iterable[tuple[str, str]]) -> Params:
    pairs = tuple(pairs)
    places = [pair for pair in pairs if pair[0] == "redirect_uri"]
    return once([*(pair for pair in pairs if pair[0] != "redirect_uri"), *last_wins(places).pairs])


def _told_where_it_wants(params: Params, title: str) -> Response:
    uri = params.get("redirect_uri")
    if uri is None or params.get("client_id") not in {client.id for client in CLIENTS}:
        return refusal_page(title)
    return RedirectResponse(uri + "?" + urlencode({"error": "invalid_request"}), 303)


FAULTS = (
    fault(
        "redirect-prefix", "oauth.redirect.exact-match", "10.4.1 RFC9700-4.1.3 CWE-601",
        "A redirect URI that begins like the registered one is accepted.", authorize(matches=_begins),
    ),
    fault(
        "redirect-same-host", "oauth.redirect.exact-match", "10.4.1 RFC9700-4.1.3 CWE-601",
        "Any address at the registered host is accepted.", authorize(matches=_same_host),
    ),
    fault(
        "redirect-error-anywhere", "oauth.redirect.mismatch-no-redirect", "10.4.1 RFC6749-4.1.2.1 CWE-601",
        "A wrong redirect URI is told so, at that address.", authorize(stop=_told_where_it_wants),
    ),
    fault(
        "redirect-normalised", "oauth.redirect.normalisation", "10.4.1 RFC9700-4.1.3 CWE-180",
        "Redirect URIs are decoded and tidied before they are compared.", authorize(matches=_alike),
    ),
    fault(
        "redirect-of-any-client", "oauth.redirect.cross-client", "10.4.1 RFC6749-3.1.2.3 CWE-863",
        "A client may name the redirect URI of another.",
        authorize(matches=lambda _client, uri: any(exactly(client, uri) for client in CLIENTS)),
    ),
    fault(
        "redirect-fragment", "oauth.redirect.fragment", "RFC6749-3.1.2 CWE-601",
        "A fragment of a redirect URI is cut off and forgiven.", authorize(redirect=_without_fragment),
    ),
    fault(
        "redirect-last-used", "oauth.redirect.duplicate", "RFC6749-3.1 CWE-235",
        "Of two redirect URIs the first is checked and the last is used.",
        authorize(redirect=_first_checked_last_used, once=_redirect_uri_repeated),
    ),
    fault(
        "loopback-port-fixed", "oauth.redirect.loopback-port", "RFC8252-7.3",
        "A native client can use one port only.", authorize(matches=lambda client, uri: uri in client.redirect_uris),
    ),
    fault(
        "redirect-not-bound", "oauth.redirect.token-binding", "RFC6749-4.1.3 CWE-345",
        "The token endpoint does not compare the redirect URI.", codes(proofs=(same_client, same_party)),
    ),
    fault(
        "redirect-bound-to-client", "oauth.redirect.token-binding", "RFC6749-4.1.3 CWE-345",
        "The token endpoint takes any redirect URI that the client registered.",
        codes(proofs=(same_client, same_party, _registered)),
    ),
)  # fmt: skip
"""Primary killers are rows of group B of the catalogue's OAuth part."""
