"""Pushed requests of servers that differ from the reference server, and the small parts of both new rooms."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from conformance.attacks.jwt import compact, parse
from conformance.model import Capability, Outcome, Verdict
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.description import Policy
from conformance.target.limits import SKEW
from conformance.target.oauth_messages import AuthorizationRequest, Client
from conformance.target.pushing import past_reference, slack
from conformance.target.signing_out import resigned, unsigned
from tests.matrix import everything
from tests.toy_oauth import CALLBACK, OAUTH, AuthorizationSite
from tests.toys import BASE, proven

HINT = compact(b'{"alg":"RS256","kid":"k"}', b'{"sub":"alice"}', b"a signature of some length")


def table(**changes: Any) -> dict[str, Any]:
    return {"oauth": {**OAUTH, **changes}}


class Pushes(AuthorizationSite):
    """Takes pushed requests, from clients that prove themselves; a reference counts once."""

    required = False
    status = 201

    def __init__(self) -> None:
        super().__init__()
        self.references: dict[str, dict[str, str]] = {}
        self.plain = 0

    def routes(self) -> list[Route]:
        return [Route("/par", self.par, methods=["POST"]), *super().routes()]

    def document(self) -> dict[str, Any]:
        more = {"require_pushed_authorization_requests": True} if self.required else {}
        return {**super().document(), "pushed_authorization_request_endpoint": f"{BASE}/par", **more}

    def may_push(self, client: str | None, form: Mapping[str, str]) -> Response | None:
        if client is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        fits = form.get("client_id") == client and "request_uri" not in form
        fits = fits and self.registered(client, form.get("redirect_uri", ""))
        return None if fits else JSONResponse({"error": "invalid_request"}, 400)

    async def par(self, request: Request) -> Response:
        form = {k: str(v) for k, v in (await request.form()).items()}
        if (refusal := self.may_push(self.client(request, form), form)) is not None:
            return refusal
        reference = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(32)}"
        self.references[reference] = form
        told = {"request_uri": reference, "expires_in": 30}
        return JSONResponse(told, self.status, {"cache-control": "no-store"})

    async def authorize(self, request: Request) -> Response:
        reference = request.query_params.get("request_uri")
        if reference is None:
            self.plain += 1
            return HTMLResponse("<p>push it</p>", 400) if self.required else await super().authorize(request)
        asked = self.references.pop(reference, None)
        if asked is None or asked["client_id"] != request.query_params.get("client_id"):
            return HTMLResponse("<p>unknown request</p>", 400)
        if not self.who_is_browsing(request):
            return HTMLResponse("<p>log in</p>")
        return self.ask(asked)


async def judged(site: AuthorizationSite, id: str, **changes: Any) -> Verdict:
    async with proven(site, table(**changes)) as system:
        return await judge_one(system, catalogue()[id], [everything()])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "id", ["single-use", "client-binding", "auth-required", "no-request-uri", "post-only", "redirect-validated",
           "no-override", "response-form"],
)  # fmt: skip
async def test_a_strict_server_is_clean(id: str) -> None:
    verdict = await judged(Pushes(), f"oauth.par.{id}")
    assert verdict.outcome is Outcome.PASS, verdict.reason or verdict.actual


@pytest.mark.asyncio
async def test_where_pushing_is_required_everything_is_pushed() -> None:
    site = Pushes()
    site.required = True
    async with proven(site, table()) as system:
        assert Capability.PUSHED_REQUESTS in system.capabilities
        before = site.plain
        verdict = await judge_one(system, catalogue()["oauth.redirect.exact-match"], [everything()])
        assert verdict.outcome is Outcome.PASS, verdict.reason or verdict.actual
        assert site.plain == before == 0
        verdict = await judge_one(system, catalogue()["oauth.par.required-policy"], [everything()])
        assert verdict.outcome is Outcome.PASS, verdict.reason or verdict.actual
        assert site.plain == 1, "one of the two attempts brings no reference"


@pytest.mark.asyncio
async def test_one_client_may_have_to_push() -> None:
    clients = {**OAUTH["clients"]}
    clients["web"] = {**clients["web"], "require_pushed_authorization_requests": True}
    verdict = await judged(Pushes(), "oauth.par.required-policy", clients=clients)
    assert (verdict.outcome, verdict.actual.endswith("with a code")) == (Outcome.FAIL, True)


class Refuses(Pushes):
    async def par(self, request: Request) -> Response:
        return JSONResponse({"error": "unauthorized_client"}, 403)


@pytest.mark.asyncio
async def test_without_a_client_that_may_push_nothing_is_judged() -> None:
    async with proven(Refuses(), table()) as system:
        assert Capability.PUSHED_REQUESTS not in system.capabilities
        assert "may push" in system.missing[Capability.PUSHED_REQUESTS]


class Points(Pushes):
    def document(self) -> dict[str, Any]:
        elsewhere = "https://elsewhere.example"
        more = {"require_pushed_authorization_requests": True, "end_session_endpoint": f"{elsewhere}/bye"}
        return {**super().document(), **more, "pushed_authorization_request_endpoint": f"{elsewhere}/par"}


@pytest.mark.asyncio
async def test_the_metadata_names_no_other_host() -> None:
    async with proven(Points(), table()) as system:
        assert {Capability.PUSHED_REQUESTS, Capability.END_SESSION}.isdisjoint(system.capabilities)
        assert all("elsewhere" not in exchange.request.url for exchange in system.log)


class Breaks(Pushes):
    def may_push(self, client: str | None, form: Mapping[str, str]) -> Response | None:
        return JSONResponse({"error": "server_error"}, 503) if client is None else super().may_push(client, form)


@pytest.mark.asyncio
async def test_a_breakdown_is_no_refusal() -> None:
    assert (await judged(Breaks(), "oauth.par.auth-required")).outcome is Outcome.INCONCLUSIVE


class Believes(Pushes):
    """RFC 9126 section 2.4: who has proven who it is may bring an address."""

    believes: tuple[str, ...] = ("web",)

    def may_push(self, client: str | None, form: Mapping[str, str]) -> Response | None:
        return None if client in self.believes else super().may_push(client, form)


@pytest.mark.asyncio
async def test_a_new_address_is_the_business_of_clients_with_a_secret() -> None:
    id = "oauth.par.redirect-validated"
    assert (await judged(Believes(), id)).outcome is Outcome.ADVICE
    site = Believes()
    site.believes = ("web", "app")
    assert (await judged(site, id)).outcome is Outcome.FAIL


class Unrouted(Pushes):
    def routes(self) -> list[Route]:
        return [Route("/par", self.nothing, methods=["GET"]), *super().routes()]

    async def nothing(self, request: Request) -> Response:
        return Response(status_code=404)


@pytest.mark.asyncio
async def test_another_refusal_of_get_is_told_and_no_violation() -> None:
    assert (await judged(Unrouted(), "oauth.par.post-only")).outcome is Outcome.ADVICE


class Cacheable(Pushes):
    async def par(self, request: Request) -> Response:
        answer = await super().par(request)
        del answer.headers["cache-control"]
        return answer


@pytest.mark.asyncio
async def test_what_stands_in_an_example_only_is_advised() -> None:
    assert (await judged(Cacheable(), "oauth.par.response-form")).outcome is Outcome.ADVICE
    site = Pushes()
    site.status = 200
    assert (await judged(site, "oauth.par.response-form")).outcome is Outcome.FAIL


# -- small parts


def test_a_changed_request_is_no_longer_the_pushed_one() -> None:
    parameters = (("client_id", "web"), ("redirect_uri", CALLBACK))
    request = AuthorizationRequest(Client("web"), parameters, front=(("client_id", "web"), ("request_uri", "urn:x")))
    assert (request.query, request.reference) == ("client_id=web&request_uri=urn%3Ax", "urn:x")
    assert request.but(state="s").query == urlencode([*parameters, ("state", "s")])
    assert request.but(state="s").reference == ""


def test_spoilt_hints_keep_their_claims() -> None:
    for spoilt in (resigned(HINT), unsigned(HINT)):
        token = parse(spoilt)
        assert spoilt != HINT
        assert token is not None
        assert token.claims == {"sub": "alice"}
    assert json.loads(parse(unsigned(HINT)).header_raw)["alg"] == "none"  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_the_tolerance_for_clocks_is_for_signed_references_or_declared() -> None:
    async with proven(Pushes(), table()) as system:
        assert past_reference(system) == 30 + SKEW
        assert slack(system, f"urn:x:{HINT}") == SKEW + Policy().leeway
    async with proven(Pushes(), {**table(), "policy": {"leeway": "5s"}}) as system:
        assert past_reference(system) == 30 + SKEW + 5
