"""Discovery: servers are described without a hand, strange ones end in a message; nobody is harmed."""

from __future__ import annotations

import json
import secrets
import tomllib
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance import cli
from conformance.discover.accounts import given
from conformance.discover.draft import Draft
from conformance.discover.probe import MOST_REQUESTS
from conformance.discover.search import Discovery, discover
from conformance.errors import DescriptionError, PreflightError, UsageError
from conformance.open import Options, opened
from conformance.target.description import load
from reference_impl import build
from reference_impl.hosting import Hosted
from reference_impl.people import PEOPLE

from .toys import BASE, PASSWORDS, Site

PLAIN = {name: {"user": name, "password": word} for name, word in PASSWORDS.items()}
WRITTEN = {name: {"user": name, "password": f"env:{name.upper()}_PASSWORD"} for name in PASSWORDS}
REFERENCE = {p.name: {"user": p.name, "password": p.password} for p in PEOPLE[:2]}


def transport_of(app: Any) -> Options:
    return Options(transport=lambda: httpx.ASGITransport(app=app, raise_app_exceptions=False))


async def explored(app: Any, accounts: dict[str, dict[str, str]] | None = None) -> Discovery:
    return await discover(BASE, PLAIN if accounts is None else accounts, WRITTEN, transport_of(app))


async def of_reference(scheme: str, *switches: str) -> Discovery:
    async with Hosted(build(scheme, switches)) as hosted:
        found = await discover(hosted.base_url, REFERENCE, WRITTEN, Options())
    assert found.works, (found.draft.todo, found.problem)
    assert tomllib.loads(found.draft.text()) == found.draft.whole()
    assert found.draft.requests <= MOST_REQUESTS
    return found


# Reference servers


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["session", "token", "refresh", "oauth"])
async def test_a_reference_server_is_described_without_a_hand(scheme: str) -> None:
    found = await of_reference(scheme)
    assert {"login", "identity", "logout", "protected"} <= set(found.draft.table)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "switches",
    ["html", "html-identity", "nested-identity", "empty-answers", "status-403", "redirect-to-login", "hide-404",
     "stranger-200-null", "login-200-error", "two-cookies", "origin-only-csrf", "fetch-metadata-csrf"],
)  # fmt: skip
async def test_conforming_session_servers_are_described(switches: str) -> None:
    assert "logout" in (await of_reference("session", switches)).draft.table


@pytest.mark.asyncio
@pytest.mark.parametrize("switches", ["opaque", "error-200", "redirect-to-login", "stranger-200-null", "jwt-in-cookie"])
async def test_conforming_token_servers_are_described(switches: str) -> None:
    assert "logout" in (await of_reference("token", switches)).draft.table


@pytest.mark.asyncio
async def test_a_refresh_is_found_in_the_body_and_in_a_cookie() -> None:
    body = (await of_reference("refresh")).draft.table["refresh"]
    assert body["json"] == {"refresh_token": "{refresh}"}
    assert "json" not in (await of_reference("refresh", "refresh-in-cookie")).draft.table["refresh"]


@pytest.mark.asyncio
async def test_an_authorization_server_is_pointed_out_with_what_to_fill_in() -> None:
    draft = (await of_reference("oauth")).draft
    assert "# [oauth.clients.CLIENT_ID]" in draft.text()
    assert draft.table["public_url"] == "https://oauth.reference.example"


class CodesAlone(Site):
    """An authorization server whose login is shown for a client's request alone."""

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self.published),
            Route("/auth", self.refuse, methods=["GET", "POST"]),
            Route("/token", self.refuse, methods=["POST"]),
        ]

    async def published(self, request: Request) -> Response:
        places = {"authorization_endpoint": f"{BASE}/auth", "token_endpoint": f"{BASE}/token"}
        return JSONResponse({"issuer": BASE, "grant_types_supported": ["authorization_code"], **places})

    async def refuse(self, request: Request) -> Response:
        return JSONResponse({"error": "invalid_request"}, 400)


@pytest.mark.asyncio
async def test_an_authorization_server_is_given_no_password_where_it_redeems_codes() -> None:
    site = CodesAlone()
    draft = (await explored(site)).draft
    assert "authorization request" in draft.todo["login"]
    assert not {"POST /auth", "POST /token"} & set(site.seen)


@pytest.mark.asyncio
async def test_a_password_change_is_read_off_a_form() -> None:
    change = (await of_reference("session", "html")).draft.table["change_password"]
    assert change == {"page": "/me", "fill": {"current": "{password}", "new": "{new_password}"}}


# Toys


@pytest.mark.asyncio
async def test_a_json_login_is_found_by_trying() -> None:
    found = await explored(Site())
    assert found.works
    assert found.draft.table["login"] == {"send": "POST /login", "json": {"user": "{user}", "password": "{password}"}}
    assert found.draft.table["identity"] == {"send": "GET /me", "name": "json:/name"}
    assert found.draft.table["logout"] == {"send": "POST /logout"}


class FormSite(Site):
    """A login form at an unusual place, with a value in a hidden field that the session must match."""

    page_of_form = "/enter-sign-in"

    def routes(self) -> list[Route]:
        return [
            Route("/", lambda _: HTMLResponse(f'<a href="{self.page_of_form}">Sign in</a><a href="/delete">x</a>')),
            Route(self.page_of_form, self.form),
            Route(self.page_of_form, self.filled, methods=["POST"]),
            Route("/home", self.home),
            Route("/leave", self.leave, methods=["POST"]),
            Route("/register", self.form, methods=["GET", "POST"]),
        ]

    async def form(self, request: Request) -> Response:
        value = secrets.token_hex(8)
        answer = HTMLResponse(
            '<form action="/search"><input name=q></form>'
            f'<form method=post><input type=hidden name=_token value="{value}"><input name=who autocomplete=username>'
            "<input type=password name=secret><button>Go</button></form>"
        )
        answer.set_cookie("csrftoken", value)
        return answer

    async def filled(self, request: Request) -> Response:
        told = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if told.get("_token") != request.cookies.get("csrftoken") or PASSWORDS.get(told["who"]) != told["secret"]:
            return await self.form(request)
        answer = RedirectResponse(self.onward(request), 303)
        answer.set_cookie("sid", self.new_session(told["who"]), httponly=True)
        return answer

    def onward(self, request: Request) -> str:
        return request.query_params.get("back", "/home")

    async def home(self, request: Request) -> Response:
        name = self.who(request)
        if not name:
            return RedirectResponse(f"{self.page_of_form}?back=/home", 302)
        return HTMLResponse(
            f"<nav><b class=me>{name}</b></nav><p>Welcome, {name}!</p>"
            '<form method=post action="/leave"><button>Log out</button></form>'
            '<form method=post action="/close"><input type=password name=old><input type=password name=new1>'
            "<input type=password name=new2></form>"
        )

    async def leave(self, request: Request) -> Response:
        self.sessions.pop(request.cookies.get("sid", ""), None)
        return RedirectResponse("/", 303)


@pytest.mark.asyncio
async def test_a_form_with_a_hidden_value_is_found_behind_a_link() -> None:
    site = FormSite()
    found = await explored(site)
    assert found.works
    table = found.draft.table
    assert table["login"] == {"page": "/enter-sign-in", "fill": {"who": "{user}", "secret": "{password}"}}
    assert table["identity"] == {"send": "GET /home", "name": "html:b.me"}
    assert table["logout"] == {"page": "/home", "action": "/leave"}
    assert table["return_parameter"] == "back"
    assert table["change_password"]["fill"] == {"old": "{password}", "new1": "{new_password}", "new2": "{new_password}"}


class Forgets(FormSite):
    """The login page is told where to go on to, and the login never does."""

    def onward(self, request: Request) -> str:
        return "/home"


@pytest.mark.asyncio
async def test_a_parameter_that_leads_nowhere_is_not_drafted() -> None:
    found = await explored(Forgets())
    assert found.works
    assert "return_parameter" not in found.draft.table


@pytest.mark.asyncio
async def test_nothing_but_sessions_is_changed() -> None:
    site = FormSite()
    await explored(site)
    posted = {line for line in site.seen if line.startswith("POST ")}
    assert "POST /close" not in posted
    assert not any("register" in line or "delete" in line for line in site.seen)


class CookieCsrf(Site):
    """As Django with a script in front: JSON, and the value of a cookie repeated in a header."""

    def routes(self) -> list[Route]:
        return [
            Route("/api/csrf", self.give),
            Route("/api/login", self.guarded, methods=["POST"]),
            Route("/api/logout", self.out, methods=["POST"]),
            Route("/api/user", self.me),
        ]

    async def give(self, request: Request) -> Response:
        answer = JSONResponse({"ok": True})
        answer.set_cookie("csrftoken", secrets.token_hex(16))
        return answer

    def forged(self, request: Request) -> bool:
        value = request.cookies.get("csrftoken")
        return not value or request.headers.get("x-csrftoken") != value

    async def guarded(self, request: Request) -> Response:
        if self.forged(request):
            return JSONResponse({"detail": "CSRF Failed"}, 403)
        told = await request.json()
        if "email" not in told:
            return JSONResponse({"email": ["This field is required."]}, 400)
        if PASSWORDS.get(told["email"]) != told.get("password"):
            return JSONResponse({"detail": "no"}, 400)
        return self.welcome(request, told["email"])

    async def out(self, request: Request) -> Response:
        return JSONResponse({"detail": "CSRF Failed"}, 403) if self.forged(request) else await self.logout(request)


@pytest.mark.asyncio
async def test_a_cookie_repeated_in_a_header_is_found() -> None:
    found = await explored(CookieCsrf())
    assert found.works
    assert found.draft.table["csrf"] == {"send": "GET /api/csrf", "take": {"csrf": "cookie:csrftoken"}}
    assert found.draft.table["login"]["headers"] == {"X-CSRFToken": "{csrf}"}
    assert found.draft.table["logout"]["headers"] == {"X-CSRFToken": "{csrf}"}


class Library(Site):
    """The routes of a library for single-page applications: all beneath one folder, the user inside a session."""

    def routes(self) -> list[Route]:
        return [
            Route("/api/auth/sign-in/email", self.enter, methods=["POST"]),
            Route("/api/auth/sign-out", self.logout, methods=["POST"]),
            Route("/api/auth/get-session", self.me),
        ]

    async def enter(self, request: Request) -> Response:
        told = await self.told(request)
        if PASSWORDS.get(str(told.get("email"))) != told.get("password"):
            return JSONResponse({"code": "INVALID_EMAIL_OR_PASSWORD"}, 401)
        return self.welcome(request, str(told["email"]))

    async def told(self, request: Request) -> dict[str, Any]:
        try:
            return dict(await request.json())
        except ValueError:
            return {}

    async def me(self, request: Request) -> Response:
        name = self.who(request)
        return JSONResponse({"session": {"id": 1}, "user": {"email": name}} if name else None)


@pytest.mark.asyncio
async def test_the_routes_of_a_library_are_found() -> None:
    found = await explored(Library())
    assert found.works
    assert found.draft.table["login"]["send"] == "POST /api/auth/sign-in/email"
    assert found.draft.table["logout"] == {"send": "POST /api/auth/sign-out"}


class Tokens(Site):
    """Tokens instead of a cookie, given and taken as the test says."""

    def __init__(self, shape: str) -> None:
        super().__init__()
        self.shape = shape

    def routes(self) -> list[Route]:
        place = {"nested": "/api/users/login", "short": "/auth"}.get(self.shape, "/login")
        return [
            Route(place, self.enter, methods=["POST"]),
            Route("/me", self.me),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    async def enter(self, request: Request) -> Response:
        told = await request.json()
        told = told.get("user", {}) if self.shape == "nested" else told
        name, word = ("user", "pwd") if self.shape == "short" else ("username", "password")
        if not told.get(name) or PASSWORDS.get(told[name]) != told.get(word):
            return JSONResponse({"message": "no"}, 401)
        token = self.new_session(told["username" if name == "username" else "user"])
        if self.shape == "answer-header":
            return Response(headers={"X-Auth-Token": token})
        before = {"jwt-in-value": "JWT ", "bearer-in-value": "Bearer "}.get(self.shape, "")
        return JSONResponse({"token": before + token})

    def who(self, request: Request) -> str | None:
        header = "x-auth-token" if self.shape in ("own-header", "answer-header") else "authorization"
        scheme = {"own-header": "", "answer-header": "", "bare": "", "jwt-in-value": "JWT "}.get(self.shape, "Bearer ")
        text = request.headers.get(header, "")
        return self.sessions.get(text.removeprefix(scheme)) if text.startswith(scheme) else None


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("shape", "use"),
    [
        ("nested", None),
        ("short", None),
        ("bearer-in-value", None),
        ("jwt-in-value", "header:Authorization: JWT {access}"),
        ("own-header", "header:x-auth-token: {access}"),
        ("answer-header", "header:x-auth-token: {access}"),
        ("bare", "header:Authorization: {access}"),
    ],
)
async def test_tokens_are_found_however_they_are_given_and_taken(shape: str, use: str | None) -> None:
    found = await explored(Tokens(shape))
    assert found.works, (found.draft.todo, found.problem)
    assert found.draft.table.get("use") == ({"access": use} if use else None)
    assert found.draft.table["identity"] == {"send": "GET /me", "name": "json:/name"}


class Stays(Tokens):
    """Access tokens that live on, and refresh tokens that a logout wants to be told."""

    def __init__(self, place: str) -> None:
        super().__init__("plain")
        self.place = place
        self.renewals: dict[str, str] = {}

    def routes(self) -> list[Route]:
        logout = Route("/auth/logout", self.leave, methods=["POST"])
        return [*super().routes()[:2], logout, Route("/auth/refresh-token", self.renew, methods=[self.place])]

    async def enter(self, request: Request) -> Response:
        answer = await super().enter(request)
        if answer.status_code != 200:
            return answer
        name, renewal = (await request.json())["username"], secrets.token_hex(16)
        self.renewals[renewal] = name
        if self.place == "POST":
            return JSONResponse({"token": self.new_session(name), "refreshToken": renewal})
        answer.set_cookie("jid", renewal, httponly=True)
        return answer

    async def shown(self, request: Request) -> str:
        if self.place == "GET":
            return request.cookies.get("jid", "")
        body = await request.body()
        return str((await request.json()).get("refreshToken")) if body else ""

    async def renew(self, request: Request) -> Response:
        name = self.renewals.get(await self.shown(request))
        return JSONResponse({"token": self.new_session(name)}) if name else Response(status_code=401)

    async def leave(self, request: Request) -> Response:
        if self.renewals.pop(await self.shown(request), None) is None:
            return JSONResponse({"message": "no such refresh token, so there is nothing to do here; sign in"}, 404)
        answer = Response(status_code=204)
        answer.delete_cookie("jid")
        return answer


@pytest.mark.asyncio
async def test_a_logout_that_wants_the_refresh_token_is_found() -> None:
    draft = (await explored(Stays("POST"))).draft
    assert draft.table["logout"] == {"send": "POST /auth/logout", "json": {"refreshToken": "{refresh}"}}
    assert draft.table["refresh"]["send"] == "POST /auth/refresh-token"


class Listed(Stays):
    """Keeps a list of refresh tokens: one route takes them, one forgets what it is told, and says yes to whatever."""

    def __init__(self, renewing: str = "/token") -> None:
        super().__init__("POST")
        self.renewing = renewing

    def routes(self) -> list[Route]:
        ends = [Route("/logout", self.leave, methods=["DELETE"]), Route(self.renewing, self.renew, methods=["POST"])]
        return [*Tokens.routes(self)[:2], *ends]

    async def shown(self, request: Request) -> str:
        told = await request.body()
        return str(json.loads(told).get("token")) if told.startswith(b"{") else ""

    async def leave(self, request: Request) -> Response:
        self.renewals.pop(await self.shown(request), None)
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_of_the_logouts_that_all_say_yes_the_one_is_taken_that_ends_the_refresh_token() -> None:
    draft = (await explored(Listed())).draft
    assert draft.table["refresh"]["send"] == "POST /token"
    assert draft.table["refresh"]["json"] == {"token": "{refresh}"}
    assert draft.table["logout"] == {"send": "DELETE /logout", "json": {"token": "{refresh}"}}


@pytest.mark.asyncio
async def test_a_refresh_token_whose_route_is_hidden_is_told() -> None:
    draft = (await explored(Listed("/hidden/away"))).draft
    assert "refresh" not in draft.table
    assert "# refresh = {" in draft.text()


@pytest.mark.asyncio
async def test_a_refresh_that_is_read_with_a_cookie_is_found() -> None:
    assert (await explored(Stays("GET"))).draft.table["refresh"]["send"] == "GET /auth/refresh-token"


class AsksFirst(Site):
    """A logout whose page asks whether one means it."""

    def routes(self) -> list[Route]:
        return [*super().routes()[:3], Route("/logout", self.ask), Route("/sign-me-out", self.logout, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        form = "<form action='/sign-me-out' method='post'><button>Sign out</button></form>"
        return HTMLResponse(f"<h1>Leave?</h1>{form}")


@pytest.mark.asyncio
async def test_a_logout_that_asks_first_is_found() -> None:
    assert (await explored(AsksFirst())).draft.table["logout"] == {"page": "/logout", "action": "/sign-me-out"}


class Documented(Site):
    """Unusual routes, all of them in an OpenAPI document, and numbers instead of names."""

    numbers: ClassVar = {"alice": 17, "bob": 23}
    document: ClassVar[dict[str, Any]] = {
        "openapi": "3.1.0",
        "servers": [{"url": "/v9"}],
        "paths": {
            "/auth/open": {
                "post": {"requestBody": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/In"}}}}}
            },
            "/people/current-user": {"get": {"security": [{"bearer": []}]}},
            "/things": {"get": {"security": [{"bearer": []}]}},
            "/things/{id}": {"delete": {}},
            "/auth/sign-out": {"delete": {"security": [{"bearer": []}]}},
            "/password": {
                "put": {"requestBody": {"content": {"application/json": {
                    "schema": {"properties": {"old_password": {}, "new_password": {}}}}}}}
            },
        },
        "components": {"schemas": {"In": {"properties": {"login": {}, "passphrase": {}}}}},
    }  # fmt: skip

    def routes(self) -> list[Route]:
        return [
            Route("/openapi.json", lambda _: JSONResponse(self.document)),
            Route("/v9/auth/open", self.opened, methods=["POST"]),
            Route("/v9/people/current-user", self.me),
            Route("/v9/things", self.me),
            Route("/v9/auth/sign-out", self.out, methods=["DELETE"]),
        ]

    def who(self, request: Request) -> str | None:
        return self.sessions.get(request.headers.get("authorization", "").removeprefix("Bearer "))

    async def opened(self, request: Request) -> Response:
        told = await request.json()
        if PASSWORDS.get(told.get("login")) != told.get("passphrase"):
            return JSONResponse({"error": "wrong"}, 401)
        return JSONResponse({"data": {"accessToken": self.new_session(told["login"])}})

    async def me(self, request: Request) -> Response:
        name = self.who(request)
        return JSONResponse({"id": self.numbers[name], "admin": False}) if name else self.stranger(request)

    async def out(self, request: Request) -> Response:
        self.sessions.pop(request.headers.get("authorization", "").removeprefix("Bearer "), None)
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_an_openapi_document_is_followed() -> None:
    found = await explored(Documented())
    assert found.works
    table = found.draft.table
    fields = {"login": "{user}", "passphrase": "{password}"}
    take = {"access": "json:/data/accessToken"}
    assert table["login"] == {"send": "POST /v9/auth/open", "json": fields, "take": take}
    assert table["identity"] == {"send": "GET /v9/people/current-user", "name": "json:/id"}
    assert table["logout"] == {"send": "DELETE /v9/auth/sign-out"}
    assert table["protected"] == ["GET /v9/people/current-user", "GET /v9/things"]
    assert table["change_password"]["json"] == {"old_password": "{password}", "new_password": "{new_password}"}


# Strange and hostile targets


class Portal:
    """Says the same to everything."""

    def __init__(self, body: bytes, kind: str, *headers: tuple[bytes, bytes], status: int = 200) -> None:
        self.body, self.status = body, status
        self.headers = [(b"content-type", kind.encode()), *headers]
        self.asked: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append((scope["path"], (await receive()).get("body", b"")))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


FORM = b'<form method=post><input name="user"><input type=password name="password"></form>'
DEEP = b'{"a":' * 100_000
HOSTILE = {
    "a page for everything": Portal(b"<h1>Welcome to the airport</h1>", "text/html"),
    "a login form for everything": Portal(FORM, "text/html"),
    "yes to everything": Portal(b'{"ok": true}', "application/json"),
    "alice for everybody": Portal(b'{"name": "alice", "access_token": "0123456789abcdef0123"}', "application/json"),
    "garbage": Portal(bytes(range(256)) * 40, "text/html; charset=\xff".encode("latin-1").decode("utf-8", "replace")),
    "endless nesting": Portal(DEEP, "application/json"),
    "nested forms": Portal(b"<form><input form=x><form action='http://['>" * 2000, "text/html"),
    "a crash for everything": Portal(b"", "text/plain", status=500),
    "a redirect loop": Portal(b"", "text/html", (b"location", b"/login"), status=302),
    "a broken redirect": Portal(b"", "text/html", (b"location", b"/\xff{password}"), status=302),
    "a strange document": Portal(
        b'{"openapi": 3, "issuer": ["x"], "paths": {"/login": {"post": {"requestBody": {"$ref": "#/paths"},'
        b'"security": 7, "parameters": [{"in": "body", "schema": {"allOf": [7, {"properties": 1}]}}]}}, "/{": 7}}',
        "application/json",
    ),
}  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_target_that_makes_no_sense_ends_in_a_message(kind: str) -> None:
    found = await explored(HOSTILE[kind])
    assert not found.works
    assert "identity" in found.draft.todo
    assert found.draft.requests <= MOST_REQUESTS
    assert tomllib.loads(found.draft.text()) == found.draft.whole()


@pytest.mark.asyncio
async def test_a_password_goes_nowhere_but_into_a_login() -> None:
    portal = Portal(FORM, "text/html")
    await explored(portal)
    places = {path for path, body in portal.asked if b"alice-has" in body}
    assert places <= {"/"}


@pytest.mark.asyncio
async def test_another_host_is_named_and_not_asked() -> None:
    away = Portal(b"", "text/html", (b"location", b"https://elsewhere.example/"), status=301)
    with pytest.raises(PreflightError, match=r"redirects to https://elsewhere\.example/"):
        await explored(away)


@pytest.mark.asyncio
async def test_a_form_that_leads_elsewhere_is_not_filled() -> None:
    form = FORM.replace(b"method=post", b'method=post action="https://elsewhere.example/login"')
    portal = Portal(form, "text/html")
    found = await explored(portal)
    assert not found.works
    assert not any(b"alice-has" in body for _, body in portal.asked)


@pytest.mark.asyncio
async def test_a_wrong_password_is_told_with_the_line_to_mend() -> None:
    wrong = {"alice": {"user": "alice", "password": "not-the-password"}}
    found = await explored(FormSite(), wrong)
    assert not found.works
    assert "check user and password" in found.draft.todo["login"]
    lines = found.draft.text().splitlines()
    assert lines[found.draft.line_of("login") - 1].startswith("login = { page")
    assert lines[found.draft.line_of("identity") - 1].startswith("# identity = ")


@pytest.mark.asyncio
async def test_attempts_are_few_where_nobody_is_let_in() -> None:
    class Closed(Site):
        tries = 0

        async def login(self, request: Request) -> Response:
            self.tries += b"alice-" in await request.body()
            return JSONResponse({"error": "no"}, 401)

    site = Closed()
    assert not (await explored(site)).works
    assert 1 <= site.tries <= 16


@pytest.mark.asyncio
async def test_without_accounts_init_only_looks() -> None:
    found = await explored(FormSite(), {})
    assert found.draft.table["login"]["page"] == "/enter-sign-in"
    assert "--account" in found.draft.todo["accounts"]


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["http://", "http://[", "http://a:b@127.0.0.1:1", "http://127.0.0.1:99999"])
async def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(DescriptionError):
        await discover(url, PLAIN, WRITTEN, transport_of(Site()))


# The draft and the accounts


def test_a_draft_is_toml_whatever_the_target_calls_its_things() -> None:
    strange = 'a"b\\c\n\x7f\ud800é'
    draft = Draft(
        {"base_url": BASE, "login": {"page": "/x", "fill": {strange: "{user}"}}}, {"alice": {"user": strange}}
    )
    read = tomllib.loads(draft.text())
    assert list(read["login"]["fill"]) == ['a"b\\c\n\ufffd?é']


def test_accounts_name_a_variable_or_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "secret-of-alice")
    monkeypatch.setenv("BOB_PASSWORD", "")
    monkeypatch.delenv("BOB_PASSWORD")
    found, missing = given(["alice=alice@shop.example:env:WORD", "bob"], lambda _: "typed-by-hand")
    assert [account.plain() for account in found] == [
        {"user": "alice@shop.example", "password": "secret-of-alice"},
        {"user": "bob", "password": "typed-by-hand"},
    ]
    assert missing == ["BOB_PASSWORD"]
    assert found[0].written()["password"] == "env:WORD"


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as refused:
        given(["alice:hunter2hunter2"], lambda _: "")
    assert "hunter2" not in str(refused.value)


# The command, and a URL as TARGET


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for person in PEOPLE[:2]:
        monkeypatch.setenv(f"{person.name.upper()}_PASSWORD", person.password)


def test_the_command_writes_a_description_that_doctor_accepts(
    passwords: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "target.toml"
    with Hosted(build("session", ["html"])) as hosted:
        assert cli.main(["init", hosted.base_url, "-o", str(file)]) == 0
        assert cli.main(["doctor", str(file)]) == 0
        assert cli.main(["init", hosted.base_url, "-o", str(file)]) == 2
    told = capsys.readouterr()
    assert "exists" in told.err
    assert not any(person.password in file.read_text() + told.out + told.err for person in PEOPLE)
    assert load(file)[0].login


def test_a_wrong_password_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALICE_PASSWORD", "a wrong one")
    with Hosted(build("session")) as hosted:
        found = cli.main(
            ["init", hosted.base_url, "-o", str(tmp_path / "t.toml"), "--account", "alice:env:ALICE_PASSWORD"]
        )
    assert found == 2
    assert "POST /login answered 401 to alice: is the password right" in capsys.readouterr().err


def test_the_command_says_what_is_left_to_do(
    passwords: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "target.toml"
    with Hosted(build("session")) as hosted:
        assert cli.main(["init", hosted.base_url, "-o", str(file), "--account", "alice=nobody:env:ALICE_PASSWORD"]) == 2
    told = capsys.readouterr().err
    assert f"{file}, line " in told
    assert "identity" in told


@pytest.mark.asyncio
async def test_a_url_is_a_target(passwords: None, capsys: pytest.CaptureFixture[str]) -> None:
    async with Hosted(build("token")) as hosted, opened(hosted.base_url, Options()) as system:
        assert system.description.identity
    assert "guessed login = " in capsys.readouterr().err


@pytest.mark.asyncio
async def test_a_url_without_accounts_names_init(monkeypatch: pytest.MonkeyPatch) -> None:
    for person in PEOPLE[:2]:
        monkeypatch.delenv(f"{person.name.upper()}_PASSWORD", raising=False)
    with pytest.raises(UsageError, match=r"pickproof init http://127\.0\.0\.1:1"):
        async with opened(BASE, Options()):
            pass


def test_a_folder_that_is_missing_is_told_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["init", "http://127.0.0.1:9", "-o", str(tmp_path / "none" / "t.toml")]) == 2
    assert "there is no folder" in capsys.readouterr().err
