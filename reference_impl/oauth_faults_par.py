"""Faults of pushed authorization requests: references that live too long, open to the wrong one, or do not count."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .oauth_clients import Client, presented
from .oauth_faults_after import by_get
from .oauth_par import LIFETIME, URN, Pushed, PushedRequests, without_reference
from .oauth_params import UNCACHED, Params, invalid_client
from .oauth_server import OAuthServer
from .oauth_switch import Change, fault, fresh, pushing, wrapped
from .web import answer, query_pairs

_PLAIN = ("client_id", "request_uri")


def _whenever(pushed: Pushed, client: str, _now: float) -> bool:
    return pushed.client == client and not pushed.spent


def _whoever(pushed: Pushed, _client: str, now: float) -> bool:
    return not pushed.spent and now < pushed.born + LIFETIME


def _only_named(server: OAuthServer, request: Request, params: Params) -> Client:
    """The client that a request names, proven or not."""
    client = server.clients.get(presented(request, params).id or "")
    if client is None:
        raise invalid_client()
    return client


def _spent_unseen(table: PushedRequests, digest: str) -> bool:
    """Spends it, whether or not somebody else did since it was looked at."""
    table.spend(digest)
    return True


def _one_after_the_other() -> Change:
    numbers = count(1)
    return pushing(new=lambda: f"{URN}{next(numbers):032x}")


def _beside(*names: str) -> Callable[[PushedRequests, Pushed, Params], Params | None]:
    """The parameters of these names, or all, are taken from the query where they stand there."""

    def opened(_table: PushedRequests, pushed: Pushed, beside: Params) -> Params | None:
        more = [pair for pair in beside.pairs if pair[0] not in _PLAIN and (not names or pair[0] in names)]
        kept = [pair for pair in pushed.params.pairs if pair[0] not in {name for name, _ in more}]
        return Params((*kept, *more))

    return opened


def _told_with_200(value: str) -> Response:
    return answer({"request_uri": value, "expires_in": int(LIFETIME)}, 200, UNCACHED)


def _no_lifetime(value: str) -> Response:
    return answer({"request_uri": value}, 201, UNCACHED)


def _known_ones_only(params: Params) -> None:
    """Refuses addresses alone: a reference of ours is let in, and passed over."""
    if not (params.get("request_uri") or "").startswith(URN):
        without_reference(params)


async def _fetches(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Gets the request from wherever its address says, as RFC 9101 section 5.2.3 has it."""
    url = Params(tuple(query_pairs(scope["query_string"]))).get("request_uri") or ""
    if scope["path"] == "/authorize" and url.startswith(("http://", "https://")):
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            await http.get(url)
    await app(scope, receive, send)


FAULTS = (
    fault(
        "par-never-spent", "oauth.par.single-use", "RFC9126-4-once RFC9126-7.3 CWE-294",
        "A reference can be used over and over.", pushing(spend=lambda _table, _digest: True),
    ),
    fault(
        "par-never-expires", "oauth.par.expiry", "RFC9126-4 CWE-613",
        "A reference that nobody brought is good for ever.", pushing(live=_whenever),
    ),
    fault(
        "par-of-any-client", "oauth.par.client-binding", "RFC9126-2.2-bound CWE-863",
        "A client may use the reference of another.", pushing(live=_whoever),
    ),
    fault(
        "par-unauthenticated", "oauth.par.auth-required", "RFC9126-2.1 10.4.10 CWE-306",
        "A push needs no client secret.", pushing(client=_only_named),
    ),
    fault(
        "par-reference-pushed", "oauth.par.no-request-uri", "RFC9126-2.1-reference CWE-918",
        "A pushed request may bring a reference of its own.", pushing(refused=_known_ones_only),
    ),
    fault(
        "par-by-get", "oauth.par.post-only", "RFC9126-2.3 CWE-650",
        "Requests are pushed by GET.", by_get("/par"),
    ),
    fault(
        "par-redirect-anywhere", "oauth.par.redirect-validated", "RFC9126-7.2 RFC9126-2.1-valid CWE-601",
        "The redirect URI of a pushed request is believed, of clients without a secret too.",
        pushing(trusted=lambda _client: True),
    ),
    fault(
        "par-references-counted", "oauth.par.entropy", "RFC9126-7.1 RFC9126-2.2 CWE-330",
        "References are numbers in a row.", fresh(_one_after_the_other),
    ),
    fault(
        "par-not-required", "oauth.par.required-policy", "RFC9126-4-required 10.4.13 CWE-757",
        "The metadata says that every request must be pushed; those that are not work all the same.",
        pushing(everybody=True),
    ),
    fault(
        "par-query-wins", "oauth.par.no-override", "RFC9126-4-any RFC9101-6.3 CWE-235",
        "A parameter beside a reference counts more than the pushed one.", pushing(opened=_beside()),
    ),
    fault(
        "par-scope-from-query", "oauth.par.no-override", "RFC9126-4-any RFC9101-6.3 CWE-235",
        "The scope is read from the query where it stands there.", pushing(opened=_beside("scope")),
    ),
    fault(
        "par-challenge-from-query", "oauth.par.no-override", "RFC9126-4-any RFC9101-6.3 CWE-235",
        "The challenge is read from the query where it stands there.", pushing(opened=_beside("code_challenge")),
    ),
    fault(
        "par-answers-200", "oauth.par.response-form", "RFC9126-2.2 CWE-20",
        "A push is answered with 200.", pushing(told=_told_with_200),
    ),
    fault(
        "par-lifetime-untold", "oauth.par.response-form", "RFC9126-2.2 CWE-20",
        "A push is not told how long its reference lives.", pushing(told=_no_lifetime),
    ),
    fault(
        "request-fetched", "oauth.par.ssrf", "RFC9101-10.4.1 1.3.6 CWE-918",
        "Requests are fetched from whatever address a browser brings.", wrapped(_fetches),
    ),
    fault(
        "par-spent-unseen", "oauth.race.par-double-use", "RFC9126-4-once CWE-362",
        "Whether a reference was used is looked at when it is brought, and not when its user decides.",
        pushing(spend=_spent_unseen),
    ),
)  # fmt: skip
"""Primary killers are rows of group Q of the catalogue's OAuth part, and the race of references."""
