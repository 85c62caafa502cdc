"""Performing the verbs of a description: what is sent, what is taken, where redirects end, adapters in Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
import respx

from conformance.attacks.crosssite import FOREIGN, SIMPLE_BODIES, Forgery
from conformance.errors import DescriptionError, Inconclusive, PreflightError
from conformance.model import Exchange
from conformance.target.acts import act_of, forge, repeat
from conformance.target.party import Party
from conformance.target.stage import mutate_of
from conformance.target.system import System
from conformance.target.verbs import MAX_REDIRECTS, NotTakenError, StepFailedError, identify, perform
from tests.toys import BASE, PASSWORDS, TABLE, a_system, proofs_of

PASSWORD = PASSWORDS["alice"]
AWKWARD = "pä&ss=wo+rd %/\\\"'<€>{user}"
LOGIN_PAGE = """<form action="/session" method="post">
  <input type="hidden" name="csrf" value="fresh-value"><input name="user"><input name="password" type="password">
  <button name="go" value="in">Sign in</button></form><form action="/search"><input name="q"></form>"""
PAGE_LOGIN = {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}


@pytest.fixture
def router() -> respx.MockRouter:
    return respx.MockRouter(assert_all_called=False, base_url=BASE)


def a_target(router: respx.MockRouter, **changes: Any) -> System:
    return a_system(httpx.MockTransport(router.async_handler), changes)


def alice_of(system: System) -> Party:
    return Party(system, "alice", "alice", system.spare_lane(), system.log)


async def do(system: System, name: str, party: Party | None = None, words: Mapping[str, str] | None = None) -> Exchange:
    return await perform(party or alice_of(system), name, getattr(system.description, name), "test", words)


def sent(router: respx.MockRouter) -> list[httpx.Request]:
    return [call.request for call in router.calls]


def paths(router: respx.MockRouter) -> list[str]:
    return [f"{request.method} {request.url.raw_path.decode()}" for request in sent(router)]


# -- one request


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("use", "answered", "kept"),
    [
        (None, "Bearer tok-123456", "tok-123456"),
        ("header:Authorization: JWT {access}", "jwt tok-123456", "tok-123456"),
        ("header:Authorization: {access}", "Bearer tok-123456", "Bearer tok-123456"),
        ("header:Authorization: Bearer {access}", "Bearertok-123456", "Bearertok-123456"),
        ("cookie:token", "Bearer tok-123456", "Bearer tok-123456"),
    ],
)
async def test_a_token_is_kept_without_the_scheme_that_use_writes(
    router: respx.MockRouter, use: str | None, answered: str, kept: str
) -> None:
    router.post("/login").respond(200, json={"token": answered})
    changes = {
        "login": {**TABLE["login"], "take": {"access": "json:/token"}},
        **({"use": {"access": use}} if use else {}),
    }
    system = a_target(router, **changes)
    alice = alice_of(system)
    await do(system, "login", alice)
    assert alice.tokens == {"access": kept}


@pytest.mark.asyncio
async def test_login_by_json(router: respx.MockRouter) -> None:
    router.post("/login").respond(200, json={"token": "tok-123456"})
    system = a_target(router, login={**TABLE["login"], "take": {"access": "json:/token"}})
    alice = alice_of(system)
    await do(system, "login", alice)
    request = sent(router)[0]
    assert json.loads(request.content) == {"user": "alice", "password": PASSWORD}
    assert request.headers["content-type"] == "application/json"
    assert alice.tokens == {"access": "tok-123456"}


@pytest.mark.asyncio
async def test_login_by_form(router: respx.MockRouter) -> None:
    router.post("/login").respond(204, headers={"set-cookie": "sid=abcdef012345; Path=/"})
    system = a_target(router, login={"send": "POST /login", "form": {"u": "{user}", "p": "{password}"}})
    alice = alice_of(system)
    await do(system, "login", alice)
    request = sent(router)[0]
    assert dict(parse_qsl(request.content.decode())) == {"u": "alice", "p": PASSWORD}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert alice.jar.get("sid") == "abcdef012345"


@pytest.mark.parametrize("kind", ["json", "form", "page"])
@pytest.mark.asyncio
async def test_an_awkward_password_arrives_unchanged(router: respx.MockRouter, kind: str) -> None:
    fields = {"user": "{user}", "password": "{password}"}
    login = {"page": "/login", "fill": fields} if kind == "page" else {"send": "POST /session", kind: fields}
    router.get("/login").respond(200, html=LOGIN_PAGE)
    router.post("/session").respond(204)
    system = a_target(router, login=login, accounts={"alice": {"user": "alice", "password": AWKWARD}})
    await do(system, "login")
    body = sent(router)[-1].content
    arrived = json.loads(body) if kind == "json" else dict(parse_qsl(body.decode()))
    assert arrived["password"] == AWKWARD


@pytest.mark.asyncio
async def test_what_a_browser_of_the_target_would_add(router: respx.MockRouter) -> None:
    router.post("/login").respond(204)
    router.get("/me").respond(401)
    system = a_target(router, headers={"X-Tenant": "blue", "X-From": "{origin}"}, public_url="https://shop.example")
    await do(system, "login")
    await do(system, "identity")
    change, read = sent(router)
    assert change.headers["origin"] == BASE
    assert change.headers["sec-fetch-site"] == "same-origin"
    assert "origin" not in read.headers
    for request in (change, read):
        assert request.headers["x-tenant"] == "blue"
        assert request.headers["x-from"] == "https://shop.example"
        assert "Pickproof" in request.headers["user-agent"]


@pytest.mark.asyncio
async def test_headers_and_query_of_a_step(router: respx.MockRouter) -> None:
    router.post("/login").respond(204)
    login = {"send": "POST /login?a=1", "headers": {"origin": "https://x.example"}, "query": {"who": "{user}"}}
    await do(a_target(router, login=login), "login")
    request = sent(router)[0]
    assert request.headers.get_list("origin") == ["https://x.example"]
    assert dict(request.url.params) == {"a": "1", "who": "alice"}


@pytest.mark.parametrize(
    ("use", "where"),
    [
        (None, ("authorization", "Bearer tok-123456")),
        ("header:X-Token: {access}", ("x-token", "tok-123456")),
        ("cookie:at", ("cookie", "at=tok-123456")),
        ("query:at", None),
    ],
)
@pytest.mark.asyncio
async def test_how_a_token_travels(router: respx.MockRouter, use: str | None, where: tuple[str, str] | None) -> None:
    router.get("/me").respond(200, json={"name": "alice"})
    system = a_target(router, use={"access": use} if use else {})
    alice = alice_of(system)
    alice.tokens["access"] = "tok-123456"
    _, name = await identify(alice)
    assert name == "alice"
    request = sent(router)[0]
    if where:
        assert request.headers[where[0]] == where[1]
    else:
        assert dict(request.url.params) == {"at": "tok-123456"}


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        (BASE, "/me", f"{BASE}/me"),
        (BASE, "/", f"{BASE}/"),
        (f"{BASE}/app/", "/me", f"{BASE}/app/me"),
        (BASE, "/me/", f"{BASE}/me/"),
        (BASE, f"{BASE}/absolute", f"{BASE}/absolute"),
        (BASE, "/users:me", f"{BASE}/users:me"),
        (BASE, "//double", f"{BASE}//double"),
    ],
)
@pytest.mark.asyncio
async def test_a_path_stands_below_the_base_url(base: str, path: str, url: str) -> None:
    system = a_system(httpx.MockTransport(lambda request: httpx.Response(200)), {"base_url": base})
    exchange = await alice_of(system).send("GET", path, purpose="test")
    assert exchange.request.url == url
    assert exchange.answer is not None, exchange.error


@pytest.mark.asyncio
async def test_nothing_is_sent_to_other_hosts(router: respx.MockRouter) -> None:
    system = a_target(router, identity={"send": "GET http://elsewhere.example/me", "name": "json:/name"})
    exchange, name = await identify(alice_of(system))
    assert (exchange.answer, name, sent(router)) == (None, None, [])
    assert "not part of the target" in (exchange.error or "")
    assert system.oracle.judge(exchange, name).meaning == "unclear"


# -- pages and forms


@pytest.mark.asyncio
async def test_login_by_page_with_a_hidden_field(router: respx.MockRouter) -> None:
    router.get("/login").respond(200, html=LOGIN_PAGE, headers={"set-cookie": "pre=abcdef012345"})
    router.post("/session").respond(200)
    await do(a_target(router, login=PAGE_LOGIN), "login")
    assert paths(router) == ["GET /login", "POST /session"]
    form = sent(router)[1]
    assert dict(parse_qsl(form.content.decode())) == {
        "csrf": "fresh-value", "user": "alice", "password": PASSWORD, "go": "in",
    }  # fmt: skip
    assert form.headers["referer"] == f"{BASE}/login"
    assert form.headers["cookie"] == "pre=abcdef012345"


@pytest.mark.asyncio
async def test_a_form_is_sent_by_its_own_method(router: respx.MockRouter) -> None:
    router.get("/find").respond(200, html='<form action="/go?x=1"><input name="user"><input name="n" value="2"></form>')
    router.get("/go").respond(200)
    await do(a_target(router, login={"page": "/find", "fill": {"user": "{user}"}}), "login")
    assert paths(router)[-1] == "GET /go?x=1&n=2&user=alice"


@pytest.mark.asyncio
async def test_a_multipart_form(router: respx.MockRouter) -> None:
    page = (
        '<form action="/up" method="post" enctype="multipart/form-data"><input name="user"><input name="t" value="1">'
    )
    router.get("/login").respond(200, html=page)
    router.post("/up").respond(200)
    await do(a_target(router, login={"page": "/login", "fill": {"user": "{user}"}}), "login")
    request = sent(router)[1]
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="user"\r\n\r\nalice\r\n' in request.content
    assert b'name="t"\r\n\r\n1\r\n' in request.content


@pytest.mark.asyncio
async def test_a_multipart_form_with_repeated_fields(router: respx.MockRouter) -> None:
    page = """<form action="/up" method="post" enctype="multipart/form-data"><input name="user">
        <input type="hidden" name="t" value="one"><input type="hidden" name="t" value="two"></form>"""
    router.get("/login").respond(200, html=page)
    router.post("/up").respond(200)
    await do(a_target(router, login={"page": "/login", "fill": {"user": "{user}"}}), "login")
    body = sent(router)[1].content
    assert b"one" in body
    assert b"two" in body


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.asyncio
async def test_a_form_that_posts_elsewhere_is_not_sent(router: respx.MockRouter, encoding: str) -> None:
    page = f'<form action="http://elsewhere.example/" method="post" enctype="{encoding}"><input name="user">'
    router.get("/login").respond(200, html=page)
    exchange = await do(a_target(router, login={"page": "/login", "fill": {"user": "{user}"}}), "login")
    assert exchange.answer is None
    assert paths(router) == ["GET /login"]


@pytest.mark.asyncio
async def test_a_form_or_a_link_is_found_by_its_action(router: respx.MockRouter) -> None:
    page = '<form action="/a" method="post"></form><form action="/out" method="post"><input name="t" value="1"></form>'
    router.get("/me").respond(200, html=page)
    router.get("/menu").respond(200, html='<a href="/out">Sign out</a>')
    router.route(path="/out").respond(204)
    await do(a_target(router, logout={"page": "/me", "action": "/out"}), "logout")
    await do(a_target(router, logout={"page": "/menu", "action": "/out"}), "logout")
    assert paths(router) == ["GET /me", "POST /out", "GET /menu", "GET /out"]


@pytest.mark.parametrize("status", [500, None], ids=["broken", "no answer"])
@pytest.mark.asyncio
async def test_a_page_that_does_not_come(router: respx.MockRouter, status: int | None) -> None:
    if status:
        router.get("/login").respond(status)
    else:
        router.get("/login").mock(side_effect=httpx.ReadTimeout("x"))
    with pytest.raises(StepFailedError) as caught:
        await do(a_target(router, login=PAGE_LOGIN), "login")
    assert caught.value.reason == f"login: /login gave {status or 'no answer in time: x'}"


# -- several steps, and what they take


@pytest.mark.asyncio
async def test_what_one_step_takes_the_next_may_use(router: respx.MockRouter) -> None:
    router.get("/start").respond(200, json={"state": "s-1"}, headers={"x-nonce": "n-1"})
    router.post("/finish").respond(200, json={"a": {"b/c": ["x", "tok-123456"]}})
    login = {
        "steps": [
            {"send": "GET /start", "take": {"state": "json:/state", "nonce": "header:X-Nonce"}},
            {"send": "POST /finish", "json": {"s": "{state}", "n": ["{nonce}"]}, "take": {"access": "json:/a/b~1c/1"}},
        ]
    }
    system = a_target(router, login=login)
    alice = alice_of(system)
    exchange = await do(system, "login", alice)
    assert json.loads(sent(router)[1].content) == {"s": "s-1", "n": ["n-1"]}
    assert alice.tokens == {"access": "tok-123456"}
    assert exchange.purpose == "test (step 2 of 2)"


@pytest.mark.parametrize("source", ["json:/none", "cookie:none", "header:None", "html:#none", "location:none"])
@pytest.mark.asyncio
async def test_what_is_not_there_cannot_be_taken(router: respx.MockRouter, source: str) -> None:
    router.post("/login").respond(201, json={"token": "t"})
    system = a_target(router, login={**TABLE["login"], "take": {"access": source}})
    with pytest.raises(NotTakenError) as caught:
        await do(system, "login")
    assert f"take.access = {source!r}" in caught.value.reason
    assert "(201)" in caught.value.reason
    assert caught.value.evidence[0].answer


@pytest.mark.asyncio
async def test_nothing_is_taken_from_no_answer(router: respx.MockRouter) -> None:
    router.post("/login").mock(side_effect=httpx.ReadError("gone"))
    system = a_target(router, login={**TABLE["login"], "take": {"access": "json:/t"}})
    with pytest.raises(StepFailedError) as caught:
        await do(system, "login")
    assert caught.value.reason == "no answer to take access from: the connection broke: gone"


@pytest.mark.asyncio
async def test_other_names_live_for_one_verb(router: respx.MockRouter) -> None:
    router.post("/login").respond(200, json={"code": "123456"})
    router.get("/me").respond(200, json={"name": "alice"})
    identity = {"send": "GET /me?code={code}", "name": "json:/name"}
    system = a_target(router, login={**TABLE["login"], "take": {"code": "json:/code"}}, identity=identity)
    alice = alice_of(system)
    await do(system, "login", alice)
    with pytest.raises(DescriptionError) as caught:
        await identify(alice)
    assert caught.value.key == "identity"
    assert "{code} is not known here" in str(caught.value)


@pytest.mark.asyncio
async def test_an_unknown_word_names_its_step(router: respx.MockRouter) -> None:
    router.get("/a").respond(204)
    login = {"steps": [{"send": "GET /a"}, {"send": "POST /b", "json": {"x": "{usr}"}}]}
    with pytest.raises(DescriptionError) as caught:
        await do(a_target(router, login=login), "login")
    assert caught.value.key == "login.steps[1]"
    assert "{usr} is not known here; known: origin, password, user" in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.asyncio
async def test_an_unknown_word_in_use_is_reported_there(router: respx.MockRouter) -> None:
    async def ask() -> None:
        alice = alice_of(a_target(router, use={"access": "header:Authorization: Bearer {token}"}))
        alice.tokens["access"] = "tok-123456"
        await identify(alice)

    with pytest.raises(DescriptionError) as caught:
        await ask()
    assert caught.value.key == "use.access"


@pytest.mark.asyncio
async def test_an_unknown_word_in_headers_is_reported_there(router: respx.MockRouter) -> None:
    with pytest.raises(DescriptionError) as caught:
        await alice_of(a_target(router, headers={"X-Tenant": "{tenant}"})).visit("GET /me", "test")
    assert caught.value.key == "headers"
    assert "{tenant} is not known here" in str(caught.value)


@pytest.mark.asyncio
async def test_words_of_the_call_stand_above_those_of_the_account(router: respx.MockRouter) -> None:
    router.post("/change").respond(204)
    change = {"send": "POST /change", "json": {"old": "{password}", "new": "{new_password}"}}
    await do(a_target(router, change_password=change), "change_password", words={"new_password": "n-1"})
    assert json.loads(sent(router)[0].content) == {"old": PASSWORD, "new": "n-1"}


@pytest.mark.asyncio
async def test_trying_another_password(router: respx.MockRouter) -> None:
    router.post("/login").respond(401)
    await alice_of(a_target(router)).attempt_login("guess")
    assert json.loads(sent(router)[0].content)["password"] == "guess"


@pytest.mark.asyncio
async def test_a_verb_that_is_not_described(router: respx.MockRouter) -> None:
    with pytest.raises(StepFailedError, match="stop") as caught:
        await do(a_target(router), "refresh")
    assert caught.value.reason == "the description has no `refresh`"


@pytest.mark.parametrize(("told", "kept"), [(300, 300.0), (1.5, 1.5), ("300", None), (True, None), (None, None)])
@pytest.mark.asyncio
async def test_the_lifetime_that_a_login_tells(router: respx.MockRouter, told: Any, kept: float | None) -> None:
    router.post("/login").respond(200, json={"expires_in": told})
    system = a_target(router)
    alice = alice_of(system)
    await do(system, "login", alice)
    assert alice.lifetime == kept


# -- anti-forgery values


CSRF = {"send": "GET /csrf", "take": {"csrf": "json:/v"}}


def handing_out(router: respx.MockRouter) -> None:
    values: Iterator[int] = iter(range(100))
    router.get("/csrf").mock(side_effect=lambda _: httpx.Response(200, json={"v": f"value-{next(values)}"}))


@pytest.mark.asyncio
async def test_a_fresh_anti_forgery_value_for_each_step_that_uses_one(router: respx.MockRouter) -> None:
    handing_out(router)
    router.route(method="POST").respond(204)
    steps = [
        {"send": "POST /a", "headers": {"X-CSRF": "{csrf}"}},
        {"send": "POST /b"},
        {"send": "POST /c", "form": {"t": "{csrf}"}},
    ]
    await do(a_target(router, csrf=CSRF, login={"steps": steps}), "login")
    assert paths(router) == ["GET /csrf", "POST /a", "POST /b", "GET /csrf", "POST /c"]
    assert sent(router)[1].headers["x-csrf"] == "value-0"
    assert parse_qs(sent(router)[4].content.decode()) == {"t": ["value-1"]}


@pytest.mark.asyncio
async def test_no_anti_forgery_value_where_none_is_used(router: respx.MockRouter) -> None:
    handing_out(router)
    router.post("/login").respond(204)
    await do(a_target(router, csrf=CSRF), "login")
    assert paths(router) == ["POST /login"]


@pytest.mark.asyncio
async def test_an_anti_forgery_value_in_the_path(router: respx.MockRouter) -> None:
    handing_out(router)
    router.get("/logout").respond(204)
    await do(a_target(router, csrf=CSRF, logout={"send": "GET /logout?t={csrf}"}), "logout")
    assert paths(router) == ["GET /csrf", "GET /logout?t=value-0"]


@pytest.mark.asyncio
async def test_an_anti_forgery_value_in_the_address_of_a_page(router: respx.MockRouter) -> None:
    handing_out(router)
    router.get("/account").respond(200, html='<a href="/logout">Sign out</a>')
    router.get("/logout").respond(204)
    logout = {"page": "/account?t={csrf}", "action": "/logout"}
    await do(a_target(router, csrf=CSRF, logout=logout), "logout")
    assert paths(router) == ["GET /csrf", "GET /account?t=value-0", "GET /logout"]


CHANGE = {"send": "GET /note?lang=en&note={value}&t={csrf}", "read": {"send": "GET /note", "value": "json:/note"}}


@pytest.mark.asyncio
async def test_words_in_a_path_stay_open_until_somebody_sends_it(router: respx.MockRouter) -> None:
    """Another site's page knows the value that it wants to write, and no anti-forgery value."""
    handing_out(router)
    router.get("/note").respond(204)
    system = a_target(router, csrf=CSRF, mutate=CHANGE)
    alice = alice_of(system)
    act = await act_of(alice, "mutate", mutate_of(system), "test")
    assert act.has_open_token
    await forge(alice, act, Forgery(FOREIGN, SIMPLE_BODIES[0], method="GET"), value="new")
    await repeat(alice, act, "new")
    assert paths(router)[1:] == ["GET /note?lang=en&note=new", "GET /note?lang=en&note=new&t=value-0"]


@pytest.mark.asyncio
async def test_a_word_in_a_segment_of_a_path(router: respx.MockRouter) -> None:
    handing_out(router)
    router.post(path__startswith="/notes").respond(204)
    system = a_target(router, csrf=CSRF, mutate={**CHANGE, "send": "POST /notes/{value}/{csrf}"})
    alice = alice_of(system)
    act = await act_of(alice, "mutate", mutate_of(system), "test")
    assert act.has_open_token
    await forge(alice, act, Forgery(FOREIGN, SIMPLE_BODIES[0]), value="new")
    await repeat(alice, act, "new")
    assert paths(router)[1:] == ["POST /notes/new/", "POST /notes/new/value-0"]


# -- redirects


@pytest.mark.asyncio
async def test_redirects_are_followed_on_the_same_origin(router: respx.MockRouter) -> None:
    router.get("/login").respond(200, html=LOGIN_PAGE)
    router.post("/session").respond(302, headers={"location": "/hop", "set-cookie": "sid=abcdef012345"})
    router.get("/hop").respond(303, headers={"location": f"{BASE}/home"})
    router.get("/home").respond(200)
    exchange = await do(a_target(router, login=PAGE_LOGIN), "login")
    assert paths(router)[1:] == ["POST /session", "GET /hop", "GET /home"]
    assert sent(router)[3].headers["cookie"] == "sid=abcdef012345"
    assert exchange.request.url == f"{BASE}/home"


@pytest.mark.parametrize(
    "location", ["http://elsewhere.example/", "//elsewhere.example/", "https://127.0.0.1:1/", "x:y"]
)
@pytest.mark.asyncio
async def test_redirects_elsewhere_are_not_followed(router: respx.MockRouter, location: str) -> None:
    router.get("/login").respond(200, html=LOGIN_PAGE)
    router.post("/session").respond(302, headers={"location": location})
    exchange = await do(a_target(router, login=PAGE_LOGIN), "login")
    assert paths(router) == ["GET /login", "POST /session"]
    assert exchange.answer
    assert exchange.answer.status == 302


@pytest.mark.asyncio
async def test_redirects_to_a_replica_are_followed() -> None:
    router = respx.MockRouter()
    router.get(f"{BASE}/login").respond(200, html=LOGIN_PAGE)
    router.post(f"{BASE}/session").respond(302, headers={"location": "http://127.0.0.1:2/home"})
    home = router.get("http://127.0.0.1:2/home").respond(200)
    await do(a_target(router, login=PAGE_LOGIN, replicas=["http://127.0.0.1:2"]), "login")
    assert home.called


@pytest.mark.asyncio
async def test_a_redirect_loop_ends(router: respx.MockRouter) -> None:
    router.get("/login").respond(302, headers={"location": "/login"})
    with pytest.raises(StepFailedError):
        await do(a_target(router, login=PAGE_LOGIN), "login")
    assert len(sent(router)) == MAX_REDIRECTS + 1


@pytest.mark.asyncio
async def test_a_plain_request_is_not_redirected(router: respx.MockRouter) -> None:
    router.get("/me").respond(302, headers={"location": "/login"})
    exchange, name = await identify(alice_of(a_target(router)))
    assert (paths(router), name) == (["GET /me"], None)
    assert exchange.answer


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.asyncio
async def test_redirects_that_keep_the_method(router: respx.MockRouter, status: int) -> None:
    router.get("/login").respond(200, html=LOGIN_PAGE)
    router.post("/session").respond(status, headers={"location": "/session/"})
    router.route(path="/session/").respond(200)
    await do(a_target(router, login=PAGE_LOGIN), "login")
    assert paths(router)[-1] == "POST /session/"
    assert sent(router)[-1].content == sent(router)[-2].content


@pytest.mark.asyncio
async def test_a_redirect_that_keeps_the_method_repeats_a_multipart_form(router: respx.MockRouter) -> None:
    page = '<form action="/up" method="post" enctype="multipart/form-data"><input name="user"></form>'
    router.get("/login").respond(200, html=page)
    router.post("/up").respond(307, headers={"location": "/up/"})
    router.post("/up/").respond(303, headers={"location": "/home"})
    router.get("/home").respond(200)
    await do(a_target(router, login={"page": "/login", "fill": {"user": "{user}"}}), "login")
    first, second, last = sent(router)[1:]
    assert (second.method, second.content) == ("POST", first.content)
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["referer"] == first.headers["referer"]
    assert (last.method, last.content) == ("GET", b"")


# -- adapters

ADAPTER = """
class Login:
    async def login(self, client):
        facts = {"name": client.words["user"], "word": client.words["password"]}
        answer = await client.request("POST", "/in", json=facts)
        return {"access": client.json(answer)["token"], "mine": "dropped"}

    async def identity(self, client):
        answer = await client.request("GET", "/me")
        return client.json(answer)["name"] if answer.status == 200 else None

    async def refresh(self, client):
        raise RuntimeError(client.words["password"])

    async def logout_all(self, client):
        return None
"""


@pytest.fixture
def adapted(router: respx.MockRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    (tmp_path / "toy_adapter.py").write_text(ADAPTER)
    monkeypatch.setattr(sys, "path", list(sys.path))
    router.post("/in").respond(200, json={"token": "opaque-tok-123456"})
    router.get("/me").mock(
        side_effect=lambda r: (
            httpx.Response(200, json={"name": "al"}) if "authorization" in r.headers else httpx.Response(401)
        )
    )
    router.post("/logout").respond(204)
    changes = {"adapter": "toy_adapter:Login", "login": None, "identity": None}
    yield a_system(httpx.MockTransport(router.async_handler), changes, where=str(tmp_path / "target.toml"))
    sys.modules.pop("toy_adapter", None)


@pytest.mark.asyncio
async def test_an_adapter_logs_in_and_tells_who(adapted: System, router: respx.MockRouter) -> None:
    assert await identify(alice_of(adapted)) == (adapted.log.last(), None)
    alice = await adapted.login("alice", adapted.log)
    assert alice.principal == "al"
    assert alice.tokens == {"access": "opaque-tok-123456"}
    assert json.loads(sent(router)[1].content) == {"name": "alice", "word": PASSWORD}


@pytest.mark.asyncio
async def test_verbs_that_the_adapter_lacks_come_from_the_description(
    adapted: System, router: respx.MockRouter
) -> None:
    await do(adapted, "logout")
    assert paths(router) == ["POST /logout"]


@pytest.mark.asyncio
async def test_an_adapter_that_raises_is_inconclusive_and_tells_no_secret(adapted: System) -> None:
    with pytest.raises(Inconclusive) as caught:
        await do(adapted, "refresh")
    assert caught.value.reason == "the adapter's `refresh` raised RuntimeError"


@pytest.mark.asyncio
async def test_an_adapter_that_sends_nothing_is_inconclusive(adapted: System) -> None:
    with pytest.raises(Inconclusive) as caught:
        await do(adapted, "logout_all")
    assert caught.value.reason == "the adapter's `logout_all` sent no request"


@pytest.mark.asyncio
async def test_tokens_of_an_adapter_are_masked(adapted: System) -> None:
    await adapted.login("alice", adapted.log)
    assert "opaque-tok" not in adapted.secrets.mask("body: opaque-tok-123456")


@pytest.mark.asyncio
async def test_preflight_of_an_adapter_whose_target_is_down(adapted: System, router: respx.MockRouter) -> None:
    router.get("/me").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(PreflightError) as caught:
        await proofs_of(adapted)
    assert caught.value.key in ("base_url", "identity", "adapter")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_module:X", "ModuleNotFoundError"),
        ("json:Nothing", "AttributeError"),
        ("json", "AttributeError"),
        ("", "login"),
    ],
)
def test_an_adapter_that_cannot_be_loaded(name: str, told: str) -> None:
    changes = {"adapter": name or None, "login": TABLE["login"] if name else None}
    with pytest.raises(DescriptionError) as caught:
        a_system(None, changes)
    assert told in str(caught.value)
    assert caught.value.key == ("adapter" if name else "")


def test_an_adapter_without_login_needs_one_in_the_description() -> None:
    with pytest.raises(DescriptionError) as caught:
        a_system(None, {"adapter": "decimal:Decimal", "login": None})
    assert caught.value.key == "login"
    assert "the adapter lacks it too" in str(caught.value)


# -- thieves


@pytest.mark.asyncio
async def test_a_thief_keeps_the_copy_whatever_the_target_sets(router: respx.MockRouter) -> None:
    router.post("/login").respond(204, headers={"set-cookie": "sid=abcdef012345"})
    router.get("/me").respond(200, json={"name": "alice"}, headers={"set-cookie": "sid=; Max-Age=0"})
    system = a_target(router)
    alice = alice_of(system)
    await do(system, "login", alice)
    thief = alice.stolen()
    await identify(alice)
    await identify(thief)
    assert alice.jar.get("sid") is None
    assert thief.jar.get("sid") == "abcdef012345"
    assert thief.lane is not alice.lane or isinstance(thief.lane, httpx.MockTransport)


@pytest.mark.asyncio
async def test_secrets_are_learned_as_they_come(router: respx.MockRouter) -> None:
    router.post("/login").respond(200, json={"t": "tok-123456"}, headers={"set-cookie": "sid=abcdef012345"})
    system = a_target(router, login={**TABLE["login"], "take": {"access": "json:/t"}})
    await do(system, "login")
    shown = system.secrets.mask(f"{PASSWORD} tok-123456 abcdef012345")
    assert shown == "‹password of alice› ‹access token of alice› ‹sid cookie of alice›"
