"""A failure is blamed on what caused it: not on a secret that nobody asks for, a parameter that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, Response

from conformance.model import Outcome
from conformance.target.oauth_messages import AuthorizationRequest, AuthorizationResponse, Client
from tests.test_authorization_oddities import judged
from tests.toy_oauth import SECRETS, AuthorizationSite


class Once(AuthorizationSite):
    """Refuses parameters that stand twice, as far as it knows them."""

    known = frozenset({"client_id", "response_type", "state", "scope", "redirect_uri", "grant_type", "code"})

    async def authorize(self, request: Asked) -> Response:
        names = [name for name, _ in request.query_params.multi_items()]
        return self.mismatch("", "") if self.twice(names) else await super().authorize(request)

    async def token(self, request: Asked) -> Response:
        names = [name for name, _ in (await request.form()).multi_items()]
        return JSONResponse({"error": "invalid_request"}, 400) if self.twice(names) else await super().token(request)

    def twice(self, names: list[str]) -> bool:
        return any(names.count(name) > 1 for name in self.known)


class KnowsNoPkce(Once):
    def fits(self, given: Mapping[str, str], form: Mapping[str, str], client: str) -> bool:
        return given["client_id"] == client and given["redirect_uri"] == form.get("redirect_uri")


class FirstVerifier(Once):
    """Compares the first of two verifiers, and takes the first of two challenges."""

    async def authorize(self, request: Asked) -> Response:
        for name, value in reversed(request.query_params.multi_items()):
            request.query_params._dict[name] = value
        return await super().authorize(request)

    async def token(self, request: Asked) -> Response:
        form = await request.form()
        for name, value in reversed(form.multi_items()):
            form._dict[name] = value
        return await super().token(request)


@pytest.mark.parametrize("id", ["oauth.token.duplicate-params", "oauth.authz.duplicate-params"])
@pytest.mark.parametrize(("site", "outcome"), [(KnowsNoPkce, Outcome.PASS), (FirstVerifier, Outcome.FAIL)])
@pytest.mark.asyncio
async def test_what_a_server_does_not_know_may_stand_twice(
    site: type[AuthorizationSite], outcome: Outcome, id: str
) -> None:
    verdict = await judged(site(), id)
    assert verdict.outcome is outcome, (verdict.actual, verdict.reason)


class VerifierWillDo(AuthorizationSite):
    """Who shows a code verifier needs no secret."""

    def client(self, request: Asked, form: Mapping[str, str]) -> str | None:
        return super().client(request, form) or (form.get("client_id") if "code_verifier" in form else None)


class FromQuery(AuthorizationSite):
    """A secret in the query counts."""

    def client(self, request: Asked, form: Mapping[str, str]) -> str | None:
        name = request.query_params.get("client_id", "")
        shown = request.query_params.get("client_secret")
        return name if shown and SECRETS.get(name) == shown else super().client(request, form)


@pytest.mark.parametrize(
    ("site", "outcome"),
    [
        (AuthorizationSite, Outcome.PASS), (FromQuery, Outcome.FAIL), (VerifierWillDo, Outcome.NOT_APPLICABLE),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_a_secret_in_the_query_is_blamed_only_where_a_secret_is_needed(
    site: type[AuthorizationSite], outcome: Outcome
) -> None:
    verdict = await judged(site(), "oauth.client.secret-not-in-uri")
    assert verdict.outcome is outcome, (verdict.actual, verdict.reason)
    if site is VerifierWillDo:
        assert (await judged(site(), "oauth.client.auth-required")).outcome is Outcome.FAIL


class AnyRedirect(AuthorizationSite):
    """Compares no redirect URI at redemption; an unknown grant type is not implemented, and it says so."""

    status = 501

    async def token(self, request: Asked) -> Response:
        form = await request.form()
        if form.get("grant_type") == "authorization_code":
            return await super().token(request)
        return JSONResponse({"error": "unsupported_grant_type", "shown": self.shown(form)}, self.status)

    def shown(self, form: Mapping[str, Any]) -> str:
        return ""

    def fits(self, given: Mapping[str, str], form: Mapping[str, str], client: str) -> bool:
        return super().fits(given, {**form, "redirect_uri": given["redirect_uri"]}, client)


class Echoing(AnyRedirect):
    def shown(self, form: Mapping[str, Any]) -> str:
        return f"not with {form.get('code')}"


class Breaking(AnyRedirect):
    status = 500


@pytest.mark.parametrize(
    ("id", "site", "outcome"),
    [
        ("oauth.token.no-echo", AnyRedirect, Outcome.PASS), ("oauth.token.no-echo", Echoing, Outcome.FAIL),
        ("oauth.token.no-5xx", AnyRedirect, Outcome.PASS), ("oauth.token.no-5xx", Breaking, Outcome.FAIL),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_an_error_is_judged_by_what_it_says(id: str, site: type[AuthorizationSite], outcome: Outcome) -> None:
    verdict = await judged(site(), id)
    assert verdict.outcome is outcome, (verdict.actual, verdict.reason)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://app.example/cb?code=x#pickproof", "a redirect to https://app.example/cb#pickproof with a code"),
        ("https://app.example/cb#code=x", "a redirect to https://app.example/cb with a code"),
    ],
)
def test_a_fragment_that_the_client_did_not_register_is_told(location: str, said: str) -> None:
    request = AuthorizationRequest(Client("app"), ())
    trail: Any = (type("Seen", (), {"answer": object()})(),)
    assert str(AuthorizationResponse(request, trail, location)) == said
