"""Discovery again: the shapes in which Python's, PHP's, Ruby's and Java's libraries put their logins and logouts."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.discover.search import Discovery, discover
from conformance.open import Options

from .toys import BASE, PASSWORDS, Site

PLAIN = {name: {"user": name, "password": word} for name, word in PASSWORDS.items()}
WRITTEN = {name: {"user": name, "password": f"env:{name.upper()}_PASSWORD"} for name in PASSWORDS}


async def table_of(app: Any) -> dict[str, Any]:
    """What is drafted for an app, proven by preflight."""
    options = Options(transport=lambda: httpx.ASGITransport(app=app, raise_app_exceptions=False))
    found: Discovery = await discover(BASE, PLAIN, WRITTEN, options)
    assert found.works, (found.draft.todo, found.problem)
    return found.draft.table


class Bearers(Site):
    """Tokens in JSON, read from `Authorization`."""

    scheme = "Bearer"

    async def login(self, request: Request) -> Response:
        told = await request.json()
        if not told.get("username") or PASSWORDS.get(told["username"]) != told.get("password"):
            return JSONResponse({"login": False}, 401)
        return JSONResponse({"access_token": self.new_session(told["username"])})

    def who(self, request: Request) -> str | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.sessions.get(token) if scheme == self.scheme else None


class Slashed(Bearers):
    """Every route ends with a slash, and whoever forgets it is sent there, as Django does; a prefix of its own."""

    scheme = "Token"

    def routes(self) -> list[Route]:
        return [
            Route("/rest-auth/login/", self.login, methods=["POST"]),
            Route("/rest-auth/user/", self.me),
            Route("/rest-auth/logout/", self.out, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        answer = await super().login(request)
        if answer.status_code == 200:
            # A session cookie comes along, with which unsafe requests want an anti-forgery value.
            answer.set_cookie("sid", self.new_session((await request.json())["username"]), httponly=True)
        return answer

    def who(self, request: Request) -> str | None:
        return super().who(request) or self.sessions.get(request.cookies.get("sid", ""))

    async def out(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Token ")
        if token not in self.sessions:
            return JSONResponse({"detail": "CSRF failed"}, 403)
        del self.sessions[token]
        self.sessions.pop(request.cookies.get("sid", ""), None)
        return JSONResponse({"detail": "logged out"})


@pytest.mark.asyncio
async def test_routes_beside_the_login_are_found_and_the_token_that_the_cookie_hides() -> None:
    table = await table_of(Slashed())
    assert table["login"]["send"] == "POST /rest-auth/login/"
    assert table["identity"]["send"] == "GET /rest-auth/user/"
    assert table["use"] == {"access": "header:Authorization: Token {access}"}
    assert table["logout"] == {"send": "POST /rest-auth/logout/"}


class Extended(Bearers):
    """A refresh token that travels in the header, and a logout by DELETE, as Flask-JWT-Extended shows them."""

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.login, methods=["POST"]),
            Route("/refresh", self.renew, methods=["POST"]),
            Route("/logout", self.out, methods=["DELETE"]),
            Route("/protected", self.told),
        ]

    async def login(self, request: Request) -> Response:
        answer = await super().login(request)
        if answer.status_code != 200:
            return answer
        user = (await request.json())["username"]
        return JSONResponse({"access_token": self.new_session(user), "refresh_token": self.new_session(f"+{user}")})

    def who(self, request: Request) -> str | None:
        name = super().who(request)
        return None if name and name.startswith("+") else name

    async def renew(self, request: Request) -> Response:
        name = super().who(request) or ""
        token = self.new_session(name[1:]) if name.startswith("+") else None
        return JSONResponse({"access_token": token}) if token else JSONResponse({"msg": "no"}, 401)

    async def out(self, request: Request) -> Response:
        name = self.who(request)
        self.sessions.pop(request.headers.get("authorization", "").removeprefix("Bearer "), None)
        return JSONResponse({"msg": "out"}) if name else self.stranger(request)

    async def told(self, request: Request) -> Response:
        name = self.who(request)
        return JSONResponse({"logged_in_as": name}) if name else self.stranger(request)


@pytest.mark.asyncio
async def test_a_refresh_token_in_the_header_and_a_logout_by_delete_are_found() -> None:
    table = await table_of(Extended())
    assert table["logout"] == {"send": "DELETE /logout"}
    assert table["refresh"]["send"] == "POST /refresh"
    assert table["refresh"]["headers"] == {"Authorization": "Bearer {refresh}"}


class Basics(Bearers):
    """A token for name and password in the header, ended by DELETE where it was made; the user in a bare line."""

    method = "POST"

    def routes(self) -> list[Route]:
        return [
            Route("/api/tokens", self.give, methods=[self.method]),
            Route("/api/tokens", self.end, methods=["DELETE"]),
            Route("/hello", self.hello),
        ]

    async def give(self, request: Request) -> Response:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        name, _, word = base64.b64decode(text).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if not name or PASSWORDS.get(name) != word:
            return Response("no", 401, {"WWW-Authenticate": 'Basic realm="here"'})
        return JSONResponse({"token": self.new_session(name)})

    async def end(self, request: Request) -> Response:
        gone = self.sessions.pop(request.headers.get("authorization", "").removeprefix("Bearer "), None)
        return Response(status_code=204 if gone else 401)

    async def hello(self, request: Request) -> Response:
        name = self.who(request)
        if name:
            return HTMLResponse(f"Hello, {name}<a href=/>x</a>")
        # The message of a refusal is another one each time: it names nobody.
        return HTMLResponse(f"no {secrets.token_hex(4)}", 401)


class BasicsByGet(Basics):
    method = "GET"


@pytest.mark.asyncio
@pytest.mark.parametrize("site", [Basics, BasicsByGet])
async def test_name_and_password_in_the_header_are_tried_where_they_are_asked_for(site: type[Basics]) -> None:
    table = await table_of(site())
    assert table["login"]["send"] == f"{site.method} /api/tokens"
    assert table["login"]["headers"] == {"Authorization": "Basic {basic}"}
    assert table["identity"] == {"send": "GET /hello", "name": "html:body"}
    assert table["logout"] == {"send": "DELETE /api/tokens"}


class DoubleSubmit(Site):
    """A logout that wants the value of a cookie in a header, as DRF's sessions do; the login wants none."""

    async def login(self, request: Request) -> Response:
        answer = await super().login(request)
        if answer.status_code == 200:
            answer.set_cookie("csrftoken", secrets.token_hex(16))
        return answer

    async def logout(self, request: Request) -> Response:
        value = request.cookies.get("csrftoken")
        if not value or request.headers.get("x-csrftoken") != value:
            return JSONResponse({"detail": "CSRF Failed"}, 403)
        return await super().logout(request)


@pytest.mark.asyncio
async def test_the_anti_forgery_cookie_of_a_session_is_tried_at_logout() -> None:
    table = await table_of(DoubleSubmit())
    assert table["csrf"]["take"] == {"csrf": "cookie:csrftoken"}
    assert table["logout"] == {"send": "POST /logout", "headers": {"X-CSRFToken": "{csrf}"}}


class DoubleSubmitDelete(DoubleSubmit):
    """The same where a logout is a DELETE, as FastAPI JWT Auth shows it, and a document may tell."""

    told = False

    def routes(self) -> list[Route]:
        paths = {"/logout": {"delete": {}}, "/login": {"post": {}}, "/me": {"get": {}}}
        document = JSONResponse({"openapi": "3.1.0", "paths": paths if self.told else {}})
        return [
            *super().routes()[:-1],
            Route("/logout", self.logout, methods=["DELETE"]),
            Route("/openapi.json", lambda _: document),
        ]

    async def logout(self, request: Request) -> Response:
        answer = await super().logout(request)
        return JSONResponse({"detail": "who?"}, 401) if answer.status_code == 403 else answer


class DoubleSubmitTold(DoubleSubmitDelete):
    told = True


@pytest.mark.asyncio
@pytest.mark.parametrize("site", [DoubleSubmitDelete, DoubleSubmitTold])
async def test_the_anti_forgery_cookie_is_tried_where_a_logout_is_a_delete(site: type[DoubleSubmitDelete]) -> None:
    table = await table_of(site())
    assert table["logout"] == {"send": "DELETE /logout", "headers": {"X-CSRFToken": "{csrf}"}}


class Greeting(Site):
    """A form whose success leads to the start page, with a greeting in the address, as Roundup's does."""

    def routes(self) -> list[Route]:
        return [
            Route("/", self.start),
            Route("/", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
        ]

    async def start(self, request: Request) -> Response:
        user, said = self.who(request), request.query_params.get("ok", "")
        form = '<form method="post"><input name="user"><input type="password" name="password"></form>'
        leave = f'<b id="user">{user}</b><form method="post" action="/logout"><button>Log out</button></form>'
        return HTMLResponse(f"<p>{said}</p>{leave if user else form}")

    async def login(self, request: Request) -> Response:
        told = await request.form()
        if PASSWORDS.get(str(told.get("user"))) != told.get("password"):
            return await self.start(request)
        answer = RedirectResponse(f"/?ok=Welcome+{told['user']}", 303)
        answer.set_cookie("sid", self.new_session(str(told["user"])))
        return answer


@pytest.mark.asyncio
async def test_the_greeting_of_one_login_is_left_out_of_the_identity_route() -> None:
    table = await table_of(Greeting())
    assert table["identity"] == {"send": "GET /", "name": "html:#user"}


class Nowhere(Greeting):
    """Its login leads to a start page that the API does not have, as Piccolo's does."""

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.start),
            Route("/login", self.login, methods=["POST"]),
            Route("/me", self.me),
            Route("/logout", self.logout, methods=["POST"]),
        ]


@pytest.mark.asyncio
async def test_a_login_that_leads_nowhere_is_a_login() -> None:
    table = await table_of(Nowhere())
    assert table["login"] == {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}
    assert table["identity"] == {"send": "GET /me", "name": "json:/name"}


class Contained(Site):
    """A container's login: its form stands in place of the protected page, and its action has the session in it."""

    def routes(self) -> list[Route]:
        return [
            Route("/", lambda _: HTMLResponse('<a href="/guarded/page">the shop</a>')),
            Route("/guarded/page", self.guarded),
            Route("/j_check{rest:path}", self.enter, methods=["POST"]),
            Route("/bye", self.bye),
        ]

    async def guarded(self, request: Request) -> Response:
        if name := self.who(request):
            return HTMLResponse(f"<p>Hello <b>{name}</b></p><a href='/bye'>Log off</a>")
        sid = secrets.token_hex(8)
        form = f"<form method=post action='/j_check;jsessionid={sid}'><input name=j_username>"
        answer = HTMLResponse(f"{form}<input type=password name=j_password></form>")
        answer.set_cookie("before", sid)
        return answer

    async def enter(self, request: Request) -> Response:
        told = await request.form()
        own = request.path_params["rest"] == f";jsessionid={request.cookies.get('before')}"
        name = str(told.get("j_username"))
        if not own or PASSWORDS.get(name) != told.get("j_password"):
            return HTMLResponse("wrong", 401)
        answer = RedirectResponse("/guarded/page", 303)
        answer.set_cookie("sid", self.new_session(name), httponly=True)
        return answer

    async def bye(self, request: Request) -> Response:
        self.sessions.pop(request.cookies.get("sid", ""), None)
        return RedirectResponse("/", 302)


@pytest.mark.asyncio
async def test_a_form_in_place_of_a_page_is_found_whatever_session_its_action_names() -> None:
    table = await table_of(Contained())
    assert table["login"] == {
        "page": "/guarded/page",
        "fill": {"j_username": "{user}", "j_password": "{password}"},
    }
    assert table["logout"] == {"send": "GET /bye"}


class OnePage(Site):
    """All acts are queries of one page that answers anything, as wikis in PHP do; logout wants a token of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [Route("/{rest:path}", self.all, methods=["GET", "POST"])]

    async def all(self, request: Request) -> Response:
        asked = request.query_params
        told = await request.form() if request.method == "POST" else {}
        name = str(told.get("u") or "")
        if name and PASSWORDS.get(name) == told.get("p"):
            answer = RedirectResponse("/doku?id=start", 302)
            sid = self.new_session(name)
            self.marks[sid] = secrets.token_hex(8)
            answer.set_cookie("sid", sid, httponly=True)
            return answer
        sid = request.cookies.get("sid", "")
        if asked.get("do") == "logout" and self.marks.get(sid) == asked.get("sectok"):
            self.sessions.pop(sid, None)
            return RedirectResponse("/doku?id=start", 302)
        search = "<form action='/doku?id=start' method=get><input type=hidden name=do value=search></form>"
        if user := self.who(request):
            link = f"/doku?id=start&amp;do=logout&amp;sectok={self.marks[sid]}"
            return HTMLResponse(f"{search}Logged in as: <bdi>{user}</bdi><a href='{link}'>Log Out</a>")
        form = "<form method=post><input name=u><input type=password name=p><button>Log In</button></form>"
        shown = form if asked.get("do") == "login" else "<a href='/doku?id=start&amp;do=login'>Log In</a>"
        return HTMLResponse(search + shown)


@pytest.mark.asyncio
async def test_acts_that_are_queries_are_found_and_a_token_in_a_link_is_fetched_each_time() -> None:
    table = await table_of(OnePage())
    assert table["login"] == {"page": "/doku?id=start&do=login", "fill": {"u": "{user}", "p": "{password}"}}
    assert table["logout"] == {"page": "/doku?id=start", "action": "/doku?id=start&do=logout"}


class Anywhere(Site):
    """Every address is a page that greets whoever is signed in, and no two answers are alike, as MediaWiki's."""

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.login, methods=["POST"]),
            Route("/{path:path}", self.greet, methods=["GET", "POST"]),
        ]

    async def greet(self, request: Request) -> Response:
        name = self.who(request)
        greeting = f"<p id=pt-userpage>{name}</p>" if name else "<a href=/in>Log in</a>"
        return HTMLResponse(f"<script>var request = '{secrets.token_hex(12)}'</script>{greeting}{request.url.path}")


@pytest.mark.asyncio
async def test_a_page_that_greets_the_user_is_no_logout() -> None:
    assert "logout" not in await table_of(Anywhere())


class Application(Bearers):
    """One page and a script that knows the addresses, as bundlers write them; everything else is that page."""

    SCRIPT = (
        'const a=axios.create({baseURL:"/backend/v3"}),h="/home/login",x="img/login.png";'
        "a.post(`/gate/enter/signin`,{}),a.get('/gate/who/current-user'),a.post(\"/gate/leave/sign-out\"),"
        'a.post("/gate/enter/signup")'
    )

    def routes(self) -> list[Route]:
        return [
            Route("/backend/v3/gate/enter/signin", self.login, methods=["POST"]),
            Route("/backend/v3/gate/who/current-user", self.me),
            Route("/backend/v3/gate/leave/sign-out", self.out, methods=["POST"]),
            Route("/static/app.js", lambda _: Response(self.SCRIPT, media_type="text/javascript")),
            Route("/{rest:path}", lambda _: HTMLResponse("<div id=root></div><script src='/static/app.js'></script>")),
        ]

    async def out(self, request: Request) -> Response:
        self.sessions.pop(request.headers.get("authorization", "").partition(" ")[2], None)
        return Response(status_code=204)


@pytest.mark.asyncio
async def test_a_script_knows_where_one_logs_in_and_out() -> None:
    app = Application()
    table = await table_of(app)
    assert table["login"]["send"] == "POST /backend/v3/gate/enter/signin"
    assert table["identity"]["send"] == "GET /backend/v3/gate/who/current-user"
    assert table["logout"] == {"send": "POST /backend/v3/gate/leave/sign-out"}
    assert not [request for request in app.seen if "signup" in request]


@pytest.mark.asyncio
async def test_a_hostile_script_costs_nothing() -> None:
    class Hostile(Bearers):
        def routes(self) -> list[Route]:
            addresses = "".join(f'"https://elsewhere.test/login","/a{n}/login",' for n in range(5000))
            page = f"<script src='https://elsewhere.test/x.js'></script><script>{addresses}{'/a' * 300_000}</script>"
            return [*super().routes(), Route("/", lambda _: HTMLResponse(page))]

    app = Hostile()
    await table_of(app)
    assert len([request for request in app.seen if request.endswith("/login")]) < 40
