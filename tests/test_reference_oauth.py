"""The authorization server without faults: the front channel and the pages, row by row."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

import pytest

from reference_impl import Clock, Reference, build
from reference_impl.oauth_clients import CLIENTS, exactly
from tests.oauth_probes_front import EVIL
from tests.reference_oauth import (
    EVERYTHING,
    ORIGIN,
    PASSWORD,
    URI,
    VERIFIER,
    Browser,
    front,
    logged_in,
    s256,
    took,
)

pytestmark = pytest.mark.asyncio
CLIENT = {client.id: client for client in CLIENTS}


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: 1_000_000.0)


@pytest.fixture
def reference(clock: Clock) -> Reference:
    return build("oauth", clock=clock)


# What it says of itself


async def test_metadata_is_complete(reference: Reference) -> None:
    told = (await Browser(reference).bare.get("/.well-known/oauth-authorization-server")).json()
    assert told["issuer"] == ORIGIN
    assert told["response_types_supported"] == ["code"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["grant_types_supported"] == ["authorization_code", "refresh_token"]
    methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
    assert told["token_endpoint_auth_methods_supported"] == methods
    assert "none" not in told["token_endpoint_auth_signing_alg_values_supported"]
    assert told["authorization_response_iss_parameter_supported"] is True
    places = {name: urlsplit(url) for name, url in told.items() if name.endswith(("_endpoint", "_uri"))}
    assert {f"{place.scheme}://{place.netloc}" for place in places.values()} == {ORIGIN}
    assert [(await Browser(reference).bare.get(place.path)).status_code for place in places.values()] == [
        400, 405, 200, 405, 405, 405,
    ]  # fmt: skip


async def test_description_names_everything(reference: Reference) -> None:
    described = reference.describe("http://127.0.0.1:8000")
    assert described["public_url"] == ORIGIN
    assert set(described["oauth"]["clients"]) == set(CLIENT)
    assert "secret" not in described["oauth"]["clients"]["spa"]
    assert set(described["oauth"]["resources"]) == set(described["oauth"]["scopes"]) == set(EVERYTHING.split())
    assert described["policy"]["code_lifetime"] == "60s"


async def test_every_page_has_the_headers(reference: Reference) -> None:
    browser = await logged_in(reference)
    pages = [await browser.http.get(path) for path in ("/", "/login", "/account", "/grants", "/authorize", "/nothing")]
    for page in [*pages, await browser.ask(), await browser.decide(await browser.ask()), await browser.redeem("x")]:
        assert page.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert not [name for name in page.headers if name.startswith("access-control")]


# Who asks, and where the answer goes


@pytest.mark.parametrize("client", ["nobody", "", None, "web ", "WEB", "api"])
async def test_unknown_client_gets_a_page(reference: Reference, client: str | None) -> None:
    for browser in (Browser(reference), await logged_in(reference)):
        page = await browser.ask(client_id=client, redirect_uri=URI["web"])
        assert (page.status_code, "location" in page.headers) == (400, False)


NEAR = [
    "https://web.client.example/callback/", "https://web.client.example/callback?x=1", "https://web.client.example/",
    "https://web.client.example:443/callback", "https://WEB.client.example/callback",
    "https://web.client.example/callback#x", "https://web.client.example/x/../callback",
    "https://web.client.example/callback%2f", "https://web.client.example.evil.example/callback",
    "https://x@web.client.example/callback", "http://web.client.example/callback", "//web.client.example/callback",
    URI["spa"], EVIL, "javascript:alert(1)", "x", " https://web.client.example/callback",
]  # fmt: skip


@pytest.mark.parametrize("uri", NEAR)
async def test_redirect_uri_is_compared_as_a_text(reference: Reference, uri: str) -> None:
    for browser in (Browser(reference), await logged_in(reference)):
        page = await browser.ask(redirect_uri=uri, response_type="x")
        assert (page.status_code, "location" in page.headers) == (400, False)


@pytest.mark.parametrize(
    ("uri", "fits"),
    [
        ("http://127.0.0.1/callback", True), ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:65535/callback", True), ("http://[::1]/callback", True),
        ("http://[::1]:49152/callback", True),
        ("http://127.0.0.1:/callback", False), ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:123456/callback", False), ("http://127.0.0.1:80/other", False),
        ("http://127.0.0.1:80x/callback", False), ("http://localhost:80/callback", False),
        ("https://127.0.0.1:80/callback", False), ("http://127.0.0.1.evil.example:80/callback", False),
        ("http://127.0.0.1:80@evil.example/callback", False), ("http://[::ffff:127.0.0.1]:80/callback", False),
        ("http://127.0.0.1:80/callback?x", False), ("http://127.0.0.2/callback", False),
    ],
)  # fmt: skip
async def test_only_the_port_of_a_loopback_address_is_free(uri: str, fits: bool) -> None:
    assert exactly(CLIENT["native"], uri) is fits
    assert not exactly(CLIENT["web"], uri)


async def test_redirect_uri_may_be_left_out_where_there_is_one(reference: Reference) -> None:
    browser = await logged_in(reference)
    assert took(await browser.redeem(await browser.allow(redirect_uri=None)))
    assert took(await browser.redeem(await browser.allow(), redirect_uri=None))
    assert (await browser.ask("native", redirect_uri=None)).status_code == 400


async def test_nothing_is_answered_before_the_login(reference: Reference) -> None:
    browser = Browser(reference)
    for changes in ({"response_type": "x"}, {"scope": "x"}, {"code_challenge": None}):
        answer = await browser.ask(**changes)
        assert answer.headers["location"].startswith("/login?next=%2Fauthorize%3F")
    back = await browser.login(page=answer.headers["location"])
    assert front(await browser.http.get(back.headers["location"]))["error"] == "invalid_request"


# The rest of the request


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "CODE"}, "unsupported_response_type"),
        ({"scope": "profile x"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": s256(VERIFIER) + "="}, "invalid_request"),
        ({"code_challenge": s256(VERIFIER)[1:]}, "invalid_request"),
        ({"code_challenge": "%" * 43}, "invalid_request"),
    ],
)
@pytest.mark.parametrize("client", ["web", "spa"])
async def test_client_hears_what_is_wrong(
    reference: Reference, client: str, changes: dict[str, str | None], expected: str
) -> None:
    answer = await (await logged_in(reference)).ask(client, **changes)
    told = front(answer)
    assert (answer.status_code, told["error"], told["state"], told["iss"]) == (303, expected, "state-1", ORIGIN)
    assert answer.headers["location"].startswith(URI[client] + "?")


async def test_native_client_may_ask_for_less(reference: Reference) -> None:
    browser = await logged_in(reference)
    assert front(await browser.ask("native", "notes.write"))["error"] == "invalid_scope"
    assert (await browser.redeem(await browser.allow("native", ""), "native")).json()["scope"] == "profile"


@pytest.mark.parametrize(
    "name", ["response_type", "scope", "state", "code_challenge", "code_challenge_method", "nonce"]
)
async def test_repeated_parameter_is_refused(reference: Reference, name: str) -> None:
    browser = await logged_in(reference)
    pairs = (await browser.ask(nonce="n")).request.url.params.multi_items()
    told = front(await browser.http.get("/authorize?" + urlencode([*pairs, (name, dict(pairs)[name])])))
    assert (told["error"], told.get("state")) == ("invalid_request", None if name == "state" else "state-1")
    for twice in ("client_id", "redirect_uri"):
        page = await browser.http.get("/authorize?" + urlencode([*pairs, (twice, dict(pairs)[twice])]))
        assert page.status_code == 400
    more = await browser.http.get("/authorize?" + urlencode([*pairs, ("x", "1"), ("x", "2"), ("resource", "a")]))
    assert more.status_code == 200


@pytest.mark.parametrize("query", [b"%ff", b"client_id=web&state=%ff", b"&".join([b"a=1"] * 101)])
async def test_malformed_query_gets_a_page(reference: Reference, query: bytes) -> None:
    browser = await logged_in(reference)
    assert (await browser.http.get(f"/authorize?{query.decode()}")).status_code == 400


@pytest.mark.parametrize("state", ["a b", "a+b", "a%20b", "&=#?", "\"'<>\\", "é\U0001f511", "x" * 3000, "~", "a\r\nb"])
async def test_state_comes_back_as_it_was(reference: Reference, state: str) -> None:
    browser = await logged_in(reference)
    assert front(await browser.decide(await browser.ask(state=state)))["state"] == state
    assert front(await browser.ask(state=state, scope="x"))["state"] == state
    assert "state" not in front(await browser.decide(await browser.ask(state=None)))


# Consent


async def test_page_says_who_wants_what(reference: Reference) -> None:
    page = await (await logged_in(reference)).ask("native", redirect_uri="http://127.0.0.1:1/callback", scope="profile")
    for words in ("alice", "native", "See your name", "http://127.0.0.1:1/callback"):
        assert words in page.text
    assert "note" not in page.text


async def test_user_decides_each_time(reference: Reference) -> None:
    browser = await logged_in(reference)
    for client in ("web", "spa"):
        page = await browser.ask(client)
        denied = front(await browser.decide(page, "deny"))
        assert denied == {"error": "access_denied", "state": "state-1", "iss": ORIGIN}
        assert (await browser.decide(page)).status_code == 400
        assert await browser.allow(client)
        assert (await browser.ask(client)).status_code == 200


async def test_consent_counts_in_its_own_session_only(reference: Reference, clock: Clock) -> None:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    mine, other = await alice.ask(), await bob.ask()
    handles = [re.findall(r'name="request" value="([^"]+)"', page.text)[0] for page in (mine, other)]
    (token,) = re.findall(r'name="csrf" value="([^"]+)"', mine.text)
    for fields in ({"request": handles[0]}, {"request": handles[0], "csrf": "x"}):
        assert (await alice.http.post("/consent", data={**fields, "decision": "allow"})).status_code == 403
    for handle in (handles[1], "x", ""):
        fields = {"request": handle, "csrf": token, "decision": "allow"}
        assert (await alice.http.post("/consent", data=fields)).status_code == 400
    foreign = {"Origin": "https://attacker.example"}
    genuine = {"request": handles[0], "csrf": token, "decision": "allow"}
    assert (await alice.http.post("/consent", data=genuine, headers=foreign)).status_code == 403
    assert (await Browser(reference).http.post("/consent", data=genuine)).status_code == 401
    clock.advance(601)
    assert (await alice.http.post("/consent", data=genuine)).status_code == 400


# Logging in


async def test_login_goes_on_where_it_was_going(reference: Reference) -> None:
    browser = Browser(reference)
    assert (await browser.login()).headers["location"] == "/account"
    assert 'id="name">alice<' in (await browser.http.get("/account")).text
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "x"):
        answer = await browser.login(page="/login?" + urlencode({"next": target}))
        assert answer.headers["location"] == "/account"
    assert (await browser.login(page="/login?next=/grants")).headers["location"] == "/grants"
    failed = await Browser(reference).login(page="/login?next=/grants", password="x")
    assert (failed.status_code, 'action="/login?next=%2Fgrants"' in failed.text) == (401, True)
    assert "Log in" in (await Browser(reference).http.get("/")).text


async def test_acts_come_from_our_own_pages(reference: Reference) -> None:
    foreign, admin = {"Origin": "https://attacker.example"}, await logged_in(reference, "admin")
    eve = {"user": "eve", "password": PASSWORD["alice"], "email": "eve@mail.example"}
    for path, fields in (("/register", eve), ("/admin/users/bob/disable", {})):
        assert (await admin.http.post(path, json=fields, headers=foreign)).status_code == 403
        assert (await admin.http.post(path, data=fields | {"x": "1"})).status_code == 415
        assert (await admin.http.post(path, json=fields)).status_code in (200, 201)
    assert (await (await logged_in(reference)).http.post("/admin/users/bob/enable")).status_code == 403
    assert (await admin.http.post("/grants/web/withdraw", data={"csrf": "x"})).status_code == 403
