"""Authorization servers that are sound and odd: what the rules leave open is no finding, what they forbid still is."""

from __future__ import annotations

import base64
import html
import json
import secrets
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.lifecycle.grants import REUSE
from conformance.model import Answer, Exchange, Outcome, Request, Verdict
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.standards import judge, profile
from conformance.target.front_channel import FrontChannel, on_this_machine
from conformance.target.issued_tokens import ANOTHER, agree
from tests.matrix import everything
from tests.toy_oauth import OAUTH, AuthorizationSite
from tests.toys import BASE, PASSWORDS, proven

APP = {"redirect_uri": "https://app.example/callback"}


async def judged(site: AuthorizationSite, id: str, policy: Mapping[str, Any] | None = None, **changes: Any) -> Verdict:
    table = {"oauth": {**OAUTH, **changes}, **({"policy": dict(policy)} if policy else {})}
    async with proven(site, table) as system:
        return await judge_one(system, catalogue()[id], [everything()])


# -- what a public client shows besides


class Signing(AuthorizationSite):
    """Access tokens look like JWTs; a public client's parameters that nobody defined are ignored."""

    def deliver(self, data: Mapping[str, Any]) -> Response:
        opaque = str(data["access_token"])
        parts = ({"alg": "RS256"}, {"sub": self.tokens[opaque], "jti": opaque})
        head, claims = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        token = f"{head}.{claims}.{secrets.token_urlsafe(64)}"
        self.tokens[token] = self.tokens.pop(opaque)
        return super().deliver({**data, "access_token": token})


class Believing(Signing):
    """Takes an assertion that nobody looked at for the proof of a client."""

    def client(self, request: Asked, form: Mapping[str, str]) -> str | None:
        return form.get("client_id") if "client_assertion" in form else super().client(request, form)


ASSERTION = "oauth.xjwt.access-as-assertion"


@pytest.mark.asyncio
async def test_an_assertion_of_a_client_that_needs_none_is_ignored() -> None:
    verdict = await judged(Signing(), ASSERTION, clients={"app": APP})
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)


@pytest.mark.asyncio
async def test_an_assertion_that_proves_a_client_is_found_behind_a_public_one() -> None:
    clients = {"app": APP, "web": OAUTH["clients"]["web"]}
    assert (await judged(Believing(), ASSERTION, clients=clients)).outcome is Outcome.FAIL


# -- errors that go to a page of the server at another host


class ErrorPage(AuthorizationSite):
    async def authorize(self, request: Asked) -> Response:
        if request.query_params.get("response_type") == "code":
            return await super().authorize(request)
        return RedirectResponse("https://help.example/errors?error=unsupported_response_type", 303)


@pytest.mark.asyncio
async def test_an_error_page_elsewhere_tells_the_client_nothing() -> None:
    assert (await judged(ErrorPage(), "oauth.authz.error-redirect-needs-user")).outcome is Outcome.PASS
    verdict = await judged(ErrorPage(), "oauth.state.echo-on-error")
    assert verdict.outcome is Outcome.NOT_APPLICABLE, (verdict.actual, verdict.reason)


class TellingStrangers(AuthorizationSite):
    async def authorize(self, request: Asked) -> Response:
        asked = request.query_params
        if asked.get("response_type") == "code":
            return await super().authorize(request)
        return self.back(asked["redirect_uri"], error="unsupported_response_type", state=asked.get("state", ""))


@pytest.mark.asyncio
async def test_a_client_that_is_told_before_the_login_is_found() -> None:
    assert (await judged(TellingStrangers(), "oauth.authz.error-redirect-needs-user")).outcome is Outcome.FAIL


# -- pages that carry what was asked as data


class DataInScript(AuthorizationSite):
    escaped = True

    def mismatch(self, client: str, uri: str) -> Response:
        data = json.dumps({"client": client, "uri": uri})
        data = data.replace("</", "<\\/") if self.escaped else data
        return HTMLResponse(f"<p>Who asks?</p><script>const asked = {data};</script>", 400)

    def ask(self, asked: Mapping[str, str]) -> Response:
        return super().ask({name: html.escape(value) for name, value in asked.items()})


class EndingScript(DataInScript):
    escaped = False


@pytest.mark.asyncio
async def test_text_within_a_script_is_no_markup() -> None:
    verdict = await judged(DataInScript(), "oauth.authz.reflected-input")
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)
    assert (await judged(EndingScript(), "oauth.authz.reflected-input")).outcome is Outcome.FAIL


# -- forms that are sent on


class Browser:
    """Stands for a check that saw one answer to a form."""

    authorization = SimpleNamespace(reach=lambda url: url.replace("https://public.example", BASE))

    def __init__(self, status: int, location: str, body: bytes) -> None:
        answer = Answer(status, (("location", location),))
        self.log = [Exchange(Request("POST", f"{BASE}/login", body=body), answer, None, "alice", "", 0.0, 0.0)]

    def account(self, name: str) -> Any:
        return SimpleNamespace(password=PASSWORDS[name])

    def violation(self, expected: str, actual: str, evidence: Any) -> None:
        raise AssertionError(actual)

    def _risks_password(self, exchange: Exchange) -> bool:
        return FrontChannel._risks_password(cast(Any, self), exchange)


PASSWORD = f"p={PASSWORDS['alice']}".encode()


@pytest.mark.parametrize(
    ("status", "location", "body"),
    [
        (307, "/decide", b"decision=allow"),
        (308, "/signin", PASSWORD),
        (307, "https://public.example/login/", PASSWORD),
        (303, "https://client.example/", PASSWORD),
    ],
)
def test_a_form_that_stays_where_it_may(status: int, location: str, body: bytes) -> None:
    FrontChannel.expect_no_body_sent_on(cast(Any, Browser(status, location, body)))


@pytest.mark.parametrize(
    ("status", "location", "body"),
    [
        (307, "/next", PASSWORD),
        (307, "https://client.example/callback", b"decision=allow"),
        (308, "https://client.example/callback", PASSWORD),
    ],
)
def test_a_form_that_is_sent_on(status: int, location: str, body: bytes) -> None:
    with pytest.raises(AssertionError, match="of POST /login to"):
        FrontChannel.expect_no_body_sent_on(cast(Any, Browser(status, location, body)))


# -- scopes without a word


@pytest.mark.asyncio
async def test_a_scope_that_was_perhaps_granted_is_not_called_left_out() -> None:
    scopes = ["profile", "notes", "mail"]
    resources = {"profile": {"send": "GET /me"}, "notes": {"send": "GET /me"}}
    clients = {"app": {**APP, "scopes": scopes[:2]}, "web": OAUTH["clients"]["web"]}
    verdict = await judged(
        AuthorizationSite(), "oauth.authz.scope-echo", scopes=scopes, resources=resources, clients=clients
    )
    assert verdict.outcome is Outcome.NOT_APPLICABLE, (verdict.actual, verdict.reason)


# -- token requests


class AskingFirst(AuthorizationSite):
    """Looks at what the client may use before it looks at what it knows itself."""

    async def token(self, request: Asked) -> Response:
        if (await request.form()).get("grant_type") != "authorization_code":
            return JSONResponse({"error": "unauthorized_client"}, 400)
        return await super().token(request)


@pytest.mark.asyncio
async def test_a_client_may_be_told_that_the_grant_is_not_for_it() -> None:
    verdict = await judged(AskingFirst(), "oauth.token.unsupported-grant")
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)
    assert (await judged(AuthorizationSite(), "oauth.token.unsupported-grant")).outcome is Outcome.FAIL


class ByPostAlone(AuthorizationSite):
    """Holds a client to the method that it is registered with."""

    def registered(self, client: str, uri: str) -> bool:
        return (client, uri) == ("odd", APP["redirect_uri"]) or super().registered(client, uri)

    def client(self, request: Asked, form: Mapping[str, str]) -> str | None:
        if form.get("client_id") == "odd" and "authorization" not in request.headers:
            return "odd" if form.get("client_secret") == "a b:c%d" else None
        return super().client(request, form)


@pytest.mark.asyncio
async def test_a_client_that_is_held_to_its_method_says_nothing_of_basic() -> None:
    odd = {"secret": "a b:c%d", "auth": "post", **APP}
    verdict = await judged(
        ByPostAlone(), "oauth.client.basic-form-encoding", clients={"odd": odd, "web": OAUTH["clients"]["web"]}
    )
    assert verdict.outcome is Outcome.NOT_APPLICABLE, (verdict.actual, verdict.reason)


class WithoutPkce(AuthorizationSite):
    """Knows nothing of challenges, and ignores them as any unknown parameter."""

    async def authorize(self, request: Asked) -> Response:
        asked = request.query_params
        if not self.registered(asked.get("client_id", ""), asked.get("redirect_uri", "")):
            return self.mismatch("", "")
        return self.ask(dict(asked)) if self.who_is_browsing(request) else HTMLResponse("<p>log in</p>")

    def fits(self, given: Mapping[str, str], form: Mapping[str, str], client: str) -> bool:
        return given["client_id"] == client and given["redirect_uri"] == form.get("redirect_uri")


@pytest.mark.parametrize(
    "id", ["oauth.pkce.unknown-method", "oauth.pkce.challenge-grammar", "oauth.code.failed-first-attempt"]
)
@pytest.mark.asyncio
async def test_a_declared_lack_of_pkce_is_told_once(id: str) -> None:
    assert (await judged(WithoutPkce(), id, {"pkce": "none"})).outcome is Outcome.NOT_APPLICABLE
    assert (await judged(WithoutPkce(), "oauth.pkce.supported", {"pkce": "none"})).outcome is Outcome.FAIL


# -- revocation


class Revoking(AuthorizationSite):
    """Refreshes by rotation, and revokes refresh tokens whatever the hint says."""

    def __init__(self) -> None:
        super().__init__()
        self.refreshing: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [Route("/revoke", self.revoke, methods=["POST"]), *super().routes()]

    def document(self) -> dict[str, Any]:
        return {**super().document(), "revocation_endpoint": f"{BASE}/revoke"}

    async def token(self, request: Asked) -> Response:
        form = await request.form()
        if form.get("grant_type") != "refresh_token":
            return await super().token(request)
        user = self.refreshing.pop(str(form.get("refresh_token")), None)
        if user is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(32)
        self.tokens[token] = user
        return self.deliver({"access_token": token, "token_type": "Bearer", "expires_in": 300})

    def deliver(self, data: Mapping[str, Any]) -> Response:
        refresh = secrets.token_urlsafe(32)
        self.refreshing[refresh] = self.tokens[data["access_token"]]
        return super().deliver({**data, "refresh_token": refresh})

    async def revoke(self, request: Asked) -> Response:
        form = await request.form()
        if self.revokes(str(form.get("token_type_hint", ""))):
            self.refreshing.pop(str(form.get("token")), None)
        return Response()

    def revokes(self, hint: str) -> bool:
        return True


class Forbidding(Revoking):
    """These clients may revoke nothing at all."""

    async def revoke(self, request: Asked) -> Response:
        return JSONResponse({"error": "unauthorized_client"}, 403)


class Idle(Revoking):
    def revokes(self, hint: str) -> bool:
        return False


class Obeying(Revoking):
    def revokes(self, hint: str) -> bool:
        return hint in ("", "refresh_token")


@pytest.mark.parametrize("id", ["oauth.revoke.wrong-hint", "oauth.revoke.unknown-hint"])
@pytest.mark.parametrize(
    ("site", "outcome"),
    [
        (Revoking, Outcome.PASS), (Forbidding, Outcome.INCONCLUSIVE), (Idle, Outcome.NOT_APPLICABLE),
        (Obeying, Outcome.FAIL),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_a_hint_is_blamed_only_where_a_revocation_without_one_works(
    site: type[AuthorizationSite], outcome: Outcome, id: str
) -> None:
    verdict = await judged(site(), id)
    assert verdict.outcome is outcome, (verdict.actual, verdict.reason)


# -- controls


@pytest.mark.asyncio
async def test_a_scope_that_never_opened_anything_is_no_scope_that_was_lost() -> None:
    resources = {"profile": {"send": "GET /me"}, "notes": {"send": "GET /not-there"}}
    verdict = await judged(
        Revoking(), "refresh.scope-narrow-not-sticky", scopes=["profile", "notes"], resources=resources
    )
    assert verdict.outcome is Outcome.INCONCLUSIVE, verdict.actual
    assert "oauth.resources" in verdict.reason


class Inside(AuthorizationSite):
    """Calls itself by the name that it has within its network."""

    def document(self) -> dict[str, Any]:
        return {**super().document(), "issuer": "http://authorization:8080"}


@pytest.mark.asyncio
async def test_where_nobody_says_how_users_come_plain_http_is_no_finding() -> None:
    verdict = await judged(Inside(), "oauth.meta.https")
    assert verdict.outcome is Outcome.NOT_APPLICABLE, verdict.actual
    assert "public_url" in verdict.reason


# -- what is read


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1700000000, 1700000000.42, True), (1700000000, 1700000060, False), ("a", ["a"], True), ("1", 1, True)],
)
def test_when_two_claims_say_the_same(one: object, other: object, same: bool) -> None:
    assert agree(one, other) is same


@pytest.mark.parametrize("rest", [' Basic realm="x"', " Negotiate", " Negotiate abc==", " Digest, Basic"])
def test_another_challenge_may_follow(rest: str) -> None:
    assert ANOTHER.match(rest)


@pytest.mark.parametrize("rest", ["description=The token expired", '"expired"', " =x"])
def test_what_is_no_challenge(rest: str) -> None:
    assert not ANOTHER.match(rest)


def test_names_of_this_machine() -> None:
    assert on_this_machine("http://auth.localhost:8080/realms/x")
    assert not on_this_machine("http://localhost.attacker.example/")


@pytest.mark.parametrize("id", ["oauth.redirect.missing", "oauth.state.none-invented"])
def test_what_is_asked_of_clients_or_of_nobody_is_advice(id: str) -> None:
    assert judge(catalogue()[id].sources, [profile("rfc6749")])[0] == "advice"


@pytest.mark.parametrize("id", REUSE)
def test_that_a_replay_ends_what_the_code_gave_is_recommended(id: str) -> None:
    assert judge(catalogue()[id].sources, [profile("rfc6749"), profile("rfc9700")])[0] == "advice"
