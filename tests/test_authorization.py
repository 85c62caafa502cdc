"""Driving an authorization server without a browser, and what is made of its answers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.attacks.redirects import EXACT, NORMALISED, sent_elsewhere
from conformance.errors import DescriptionError, PreflightError
from conformance.model import Answer, Capability, Exchange, Outcome, Verdict
from conformance.model import Request as Sent
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.oauth_messages import Client, TokenAnswer, TokenRequest, altered
from tests.matrix import everything
from tests.toy_oauth import CALLBACK, OAUTH, AuthorizationSite
from tests.toys import BASE, proofs_of, proven
from tests.toys import a_system as a_plain_system


def table(**changes: Any) -> dict[str, Any]:
    return {"oauth": {key: value for key, value in {**OAUTH, **changes}.items() if value is not None}}


async def judged(site: AuthorizationSite, id: str, **changes: Any) -> Verdict:
    async with proven(site, table(**changes)) as system:
        return await judge_one(system, catalogue()[id], [everything()])


async def refused(site: AuthorizationSite, **changes: Any) -> PreflightError:
    with pytest.raises(PreflightError) as caught:
        await proofs_of(a_plain_system(site, table(**changes)))
    return caught.value


# -- logging in


@pytest.mark.asyncio
async def test_a_login_ends_with_tokens() -> None:
    async with proven(AuthorizationSite(), table()) as system:
        alice = await system.shared_login("alice")
        assert alice.principal == "alice"
        assert set(alice.tokens) == {"access"}
        assert alice.client is not None
        assert alice.client.id == "web"
        assert alice.lifetime == 300
        assert {Capability.AUTHORIZE, Capability.METADATA, Capability.SECOND_CLIENT} <= system.capabilities
        assert {Capability.REVOKE, Capability.REFRESH, Capability.OPENID}.isdisjoint(system.capabilities)
        assert system.scheme == "oauth"


@pytest.mark.asyncio
async def test_the_redirect_to_the_client_is_never_followed() -> None:
    site = AuthorizationSite()
    async with proven(site, table()) as system:
        assert all("client.example" not in e.request.url.split("?")[0] for e in system.log)


class Remembers(AuthorizationSite):
    def ask(self, asked: Mapping[str, str]) -> Response:
        self.codes["remembered"] = {**asked, "user": "alice"}
        return self.back(asked["redirect_uri"], code="remembered", state=asked["state"])


@pytest.mark.asyncio
async def test_no_page_of_consent_is_needed() -> None:
    async with proven(
        Remembers(), {**table(), "accounts": {"alice": {"user": "alice", "password": "alice-has-a-password"}}}
    ):
        pass


@pytest.mark.asyncio
async def test_consent_in_steps() -> None:
    class Elsewhere(AuthorizationSite):
        def ask(self, asked: Mapping[str, str]) -> Response:
            self.asked = dict(asked)
            return HTMLResponse("<p>open the app to allow this</p>")

        async def consent(self, request: Request) -> Response:
            told = await request.json()
            self.codes["by-app"] = {**self.asked, "user": self.who_is_browsing(request) or ""}
            assert told["url"].startswith(f"{BASE}/authorize?")
            return self.back(self.asked["redirect_uri"], code="by-app", state=self.asked["state"])

    steps = [{"send": "POST /consent", "json": {"url": "{authorization_url}"}}]
    async with proven(Elsewhere(), table(consent={"steps": steps})) as system:
        assert (await system.shared_login("bob")).principal == "bob"


@pytest.mark.asyncio
async def test_tokens_in_a_form() -> None:
    class Form(AuthorizationSite):
        def deliver(self, data: Mapping[str, Any]) -> Response:
            return Response(urlencode(data), media_type="application/x-www-form-urlencoded")

    async with proven(Form(), table()) as system:
        assert (await system.shared_login("alice")).tokens["access"]


@pytest.mark.asyncio
async def test_what_users_reach_at_the_public_url_is_reached_at_the_base_url() -> None:
    class Proxied(AuthorizationSite):
        def document(self) -> dict[str, Any]:
            return {k: str(v).replace(BASE, "https://id.example") for k, v in super().document().items()}

        def ask(self, asked: Mapping[str, str]) -> Response:
            return HTMLResponse(bytes(super().ask(asked).body).replace(b"=/consent", b"=https://id.example/consent"))

    async with proven(Proxied(), {**table(), "public_url": "https://id.example"}) as system:
        assert (await system.shared_login("alice")).principal == "alice"


@pytest.mark.asyncio
async def test_a_denied_consent_says_so() -> None:
    error = await refused(AuthorizationSite(), consent={"fill": {"decision": "deny"}})
    assert error.key == "login"
    assert "the authorization request of web ended in a redirect" in error.problem
    assert "error=access_denied" in error.problem


@pytest.mark.asyncio
async def test_a_wrong_client_secret_says_so() -> None:
    wrong = {"web": {"secret": "not-the-right-secret", "redirect_uri": CALLBACK}}
    error = await refused(AuthorizationSite(), clients=wrong)
    assert "web redeemed its code and got 401 with error=invalid_client" in error.problem
    assert "not-the-right-secret" not in str(error)
    assert 'say oauth.clients.web.auth = "post"' in error.problem
    told = await refused(AuthorizationSite(), clients={"web": {**wrong["web"], "auth": "post"}})
    assert "invalid_client" in told.problem
    assert "auth =" not in told.problem


@pytest.mark.asyncio
async def test_metadata_that_is_not_there() -> None:
    error = await refused(AuthorizationSite(), metadata="/no/such/place")
    assert error.key == "oauth.metadata"
    assert "/no/such/place holds no JSON object" in error.problem


@pytest.mark.asyncio
async def test_metadata_that_names_another_host() -> None:
    class Elsewhere(AuthorizationSite):
        def document(self) -> dict[str, Any]:
            return {**super().document(), "token_endpoint": "https://elsewhere.example/token"}

    error = await refused(Elsewhere())
    assert error.key == "oauth.metadata"
    assert "https://elsewhere.example/token" in error.problem
    assert "oauth.token_endpoint" in error.hint


@pytest.mark.asyncio
async def test_endpoints_without_metadata() -> None:
    own = table(metadata=None, authorization_endpoint="/authorize", token_endpoint="/token")
    async with proven(AuthorizationSite(), own) as system:
        assert Capability.METADATA not in system.capabilities


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"metadata": None}, "oauth"),
        ({"clients": {}}, "oauth.clients"),
        ({"clients": {"web": {"secret": "s"}}}, "oauth"),
        ({"clients": {"web": {"redirect_uri": CALLBACK, "auth": "basic"}}}, "oauth.clients.web"),
        ({"introspection_client": "nobody"}, "oauth"),
        ({"client": {}}, "oauth.client"),
    ],
)
def test_a_table_that_cannot_work(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        a_plain_system(AuthorizationSite(), table(**changes))
    assert caught.value.key == key


# -- verdicts


CLEAN = (
    "oauth.code.single-use", "oauth.code.client-binding", "oauth.code.mutation", "oauth.pkce.required-public",
    "oauth.pkce.wrong-verifier", "oauth.pkce.missing-verifier", "oauth.pkce.downgrade", "oauth.redirect.exact-match",
    "oauth.redirect.normalisation", "oauth.redirect.mismatch-no-redirect", "oauth.redirect.cross-client",
    "oauth.redirect.token-binding", "oauth.client.auth-required", "oauth.client.wrong-secret", "oauth.token.no-store",
    "oauth.authz.unknown-client-no-redirect", "oauth.meta.issuer-match", "oauth.race.code-double-redeem",
)  # fmt: skip


@pytest.mark.parametrize("id", CLEAN)
@pytest.mark.asyncio
async def test_a_sound_server_passes(id: str) -> None:
    verdict = await judged(AuthorizationSite(), id)
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)


class Reusable(AuthorizationSite):
    def spend(self, code: str) -> None:
        pass


class Beginning(AuthorizationSite):
    def registered(self, client: str, uri: str) -> bool:
        return uri.startswith(OAUTH["clients"].get(client, {}).get("redirect_uri", "-"))


class Helpful(AuthorizationSite):
    def mismatch(self, client: str, uri: str) -> Response:
        return RedirectResponse(f"{uri}?error=invalid_request" if uri.startswith("http") else "/", 303)


class Careless(AuthorizationSite):
    def fits(self, given: Mapping[str, str], form: Mapping[str, str], client: str) -> bool:
        return True


@pytest.mark.parametrize(
    ("site", "id"),
    [
        (Reusable, "oauth.code.single-use"),
        (Reusable, "oauth.race.code-double-redeem"),
        (Beginning, "oauth.redirect.exact-match"),
        (Helpful, "oauth.redirect.mismatch-no-redirect"),
        (Helpful, "oauth.authz.unknown-client-no-redirect"),
        (Careless, "oauth.pkce.wrong-verifier"),
        (Careless, "oauth.pkce.supported"),
        (Careless, "oauth.code.client-binding"),
        (Careless, "oauth.redirect.token-binding"),
    ],
)
@pytest.mark.asyncio
async def test_a_broken_server_fails(site: type[AuthorizationSite], id: str) -> None:
    verdict = await judged(site(), id)
    assert verdict.outcome is Outcome.FAIL, (verdict.actual, verdict.reason)
    assert verdict.evidence


class Registered(AuthorizationSite):
    """Answers a wrong redirect URI with an error sent to the registered one."""

    def mismatch(self, client: str, uri: str) -> Response:
        known = OAUTH["clients"].get(client)
        return self.back(known["redirect_uri"], error="invalid_request") if known else super().mismatch(client, uri)


@pytest.mark.parametrize("id", ["oauth.redirect.exact-match", "oauth.redirect.mismatch-no-redirect"])
@pytest.mark.asyncio
async def test_an_error_sent_to_the_registered_uri_is_no_finding(id: str) -> None:
    verdict = await judged(Registered(), id)
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)


class NotOffered(AuthorizationSite):
    """Answers 501 to response types that it does not know, as some libraries do."""

    async def authorize(self, request: Request) -> Response:
        kinds = request.query_params.getlist("response_type")
        return await super().authorize(request) if kinds == ["code"] else HTMLResponse("<p>not offered</p>", 501)


class Breaking(NotOffered):
    async def authorize(self, request: Request) -> Response:
        answer = await super().authorize(request)
        return answer if answer.status_code != 501 else HTMLResponse("<p>sorry</p>", 500)


@pytest.mark.parametrize("id", ["oauth.authz.implicit-off", "oauth.authz.response-type-required"])
@pytest.mark.asyncio
async def test_what_a_server_does_not_implement_it_refuses(id: str) -> None:
    verdict = await judged(NotOffered(), id)
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)
    assert (await judged(Breaking(), id)).outcome is Outcome.INCONCLUSIVE


class Remembering(AuthorizationSite):
    """Keeps what was asked in the session, under a number that its page of consent carries in a field."""

    field = True
    checked = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, tuple[str | None, dict[str, str]]] = {}
        self.browser: str | None = None

    def routes(self) -> list[Route]:
        return [Route("/consent/{number}", self.consent, methods=["POST"]), *super().routes()]

    async def authorize(self, request: Request) -> Response:
        self.browser = request.cookies.get("sid")
        return await super().authorize(request)

    def ask(self, asked: Mapping[str, str]) -> Response:
        number = secrets.token_urlsafe(6)
        self.asked[number] = (self.browser, dict(asked))
        place, inside = ("", f"<input type=hidden name=transaction_id value={number}>") if self.field else (number, "")
        button = "<button name=decision value=allow>Yes</button>"
        return HTMLResponse(f"<form method=post action=/consent/{place or 'here'}>{inside}{button}</form>")

    async def consent(self, request: Request) -> Response:
        number = request.path_params["number"]
        number = str((await request.form()).get("transaction_id", "")) if self.field else number
        browser, asked = self.asked.get(number, (None, {}))
        if not self.checked and browser is None:
            asked = next(told for who, told in reversed(self.asked.values()) if who == request.cookies.get("sid"))
        elif browser != request.cookies.get("sid") and self.checked:
            return HTMLResponse("<p>who asked for this?</p>", 403)
        code = secrets.token_urlsafe(32)
        self.codes[code] = {**asked, "user": self.who_is_browsing(request) or ""}
        return self.back(asked["redirect_uri"], code=code, state=asked.get("state", ""))


class InTheAddress(Remembering):
    field = False


class Forgetful(Remembering):
    checked = False


class ForgetfulInTheAddress(InTheAddress):
    checked = False


@pytest.mark.parametrize("site", [Remembering, InTheAddress])
@pytest.mark.asyncio
async def test_what_only_one_browser_was_shown_is_not_known_to_another_site(site: type[AuthorizationSite]) -> None:
    verdict = await judged(site(), "oauth.authz.consent-csrf")
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)


@pytest.mark.parametrize("site", [AuthorizationSite, Forgetful, ForgetfulInTheAddress])
@pytest.mark.asyncio
async def test_consent_that_another_site_can_give_is_found(site: type[AuthorizationSite]) -> None:
    assert (await judged(site(), "oauth.authz.consent-csrf")).outcome is Outcome.FAIL


class Failing(AuthorizationSite):
    """Breaks at every redemption that it should refuse."""

    async def token(self, request: Request) -> Response:
        answer = await super().token(request)
        return answer if answer.status_code == 200 else JSONResponse({}, self.how)

    how = 500


class Throttling(Failing):
    how = 429


@pytest.mark.parametrize("site", [Failing, Throttling])
@pytest.mark.parametrize("id", ["oauth.code.single-use", "oauth.pkce.wrong-verifier", "oauth.client.auth-required"])
@pytest.mark.asyncio
async def test_an_unclear_refusal_decides_nothing(site: type[AuthorizationSite], id: str) -> None:
    verdict = await judged(site(), id)
    assert verdict.outcome is Outcome.INCONCLUSIVE, (verdict.actual, verdict.reason)


class Once(AuthorizationSite):
    """Gives tokens for the first codes alone: a refusal later proves nothing."""

    left = 5

    def fits(self, given: Mapping[str, str], form: Mapping[str, str], client: str) -> bool:
        self.left -= 1
        return self.left >= 0 and super().fits(given, form, client)


@pytest.mark.asyncio
async def test_a_refusal_needs_its_positive_control() -> None:
    verdict = await judged(Once(), "oauth.pkce.wrong-verifier")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "a proper token request got" in verdict.reason


# -- messages


def test_parameters_are_changed_where_they_stand() -> None:
    proper = (("a", "1"), ("b", "2"), ("c", "3"))
    assert altered(proper, {"b": ["x", "y"], "c": None, "d": "4"}) == (("a", "1"), ("b", "x"), ("b", "y"), ("d", "4"))


def test_basic_encodes_what_a_colon_would_break() -> None:
    client = Client("a:b", "s p%c", "basic")
    _, headers = TokenRequest(client, ()).credentials()
    import base64

    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"a%3Ab:s+p%25c"


HOME = "https://c.example/cb"


@pytest.mark.parametrize(
    ("location", "asked", "elsewhere"),
    [
        ("", HOME, False),
        (f"{HOME}?code=1&state=2", HOME, False),
        (f"{HOME}?iss=x&error=y&error_description=z+z&whatever=1", HOME, False),
        (f"{HOME}#access_token=1&token_type=Bearer", HOME, False),
        (f"{HOME}?next=1&code=1", HOME, False),
        (f"{HOME}?next=1&code=1", f"{HOME}?next=1", True),
        (f"{HOME}?code=1#there", f"{HOME}#there", True),
        (f"{HOME}/more?code=1", f"{HOME}/more", True),
        ("https://C.example/cb?code=1", "https://C.example/cb", True),
        ("https://c.example:443/cb?code=1", "https://c.example:443/cb", True),
        ("https://c.example@evil.example/cb?error=x", "https://c.example@evil.example/cb", True),
        ("https://[evil/cb", "https://[evil/cb", True),
    ],
)
def test_where_a_redirect_goes(location: str, asked: str, elsewhere: bool) -> None:
    assert sent_elsewhere(location, [HOME], [asked]) is elsewhere


def test_the_port_of_a_loopback_address_is_free() -> None:
    assert not sent_elsewhere("http://127.0.0.1:49152/cb?code=1", ["http://127.0.0.1/cb"])
    assert sent_elsewhere("http://localhost:49152/cb?code=1", ["http://127.0.0.1/cb"])
    assert sent_elsewhere("http://127.0.0.1.evil.example/cb", ["http://127.0.0.1/cb"])


@pytest.mark.parametrize("uri", [HOME, "https://c.example:8443/a/b?x=1", "https://c.example/"])
def test_every_misspelling_is_another_uri(uri: str) -> None:
    made = [variant.of(uri) for variant in (*EXACT, *NORMALISED)]
    assert len(set(made)) > 0.9 * len(made)


class ErrorPage(AuthorizationSite):
    """Sends whoever it refuses to a page of explanations on another host."""

    def mismatch(self, client: str, uri: str) -> Response:
        return RedirectResponse("https://help.example/oauth-errors?error=invalid_request", 303)


@pytest.mark.asyncio
async def test_an_error_page_on_another_host_is_no_finding() -> None:
    verdict = await judged(ErrorPage(), "oauth.redirect.exact-match")
    assert verdict.outcome is Outcome.PASS, (verdict.actual, verdict.reason)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (400, b'{"error": "invalid_grant"}', True),
        (501, b'{"error": "unsupported_grant_type"}', True),
        (501, b'{"error": "server_error"}', False),
        (501, b"", False),
        (500, b'{"error": "unsupported_grant_type"}', False),
        (503, b'{"error": "invalid_grant"}', False),
        (429, b'{"error": "invalid_grant"}', False),
    ],
)
def test_which_answers_refuse_a_token(status: int, body: bytes, refused: bool) -> None:
    answer = Answer(status, (("content-type", "application/json"),), body)
    exchange = Exchange(Sent("POST", BASE), answer, None, "web", "a grant", 0.0, 0.0)
    assert TokenAnswer(TokenRequest(Client("web"), ()), exchange).refused is refused
