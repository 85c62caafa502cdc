"""Set-Cookie and the jar against RFC 6265bis; section numbers are those of that document."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.target.cookies import (
    MAX_COOKIES,
    Jar,
    Mode,
    Site,
    default_path,
    domain_match,
    parse_date,
    parse_set_cookie,
    path_match,
)

NOW = 1_700_000_000.0
PAST = "Thu, 01 Jan 1970 00:00:00 GMT"
HOST = "http://127.0.0.1:8000"
BROWSER = Mode.BROWSER_HTTPS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (PAST, 0),
        ("Thu, 01-Jan-1970 00:00:01 GMT", 1),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("06 nov 2069 08:49:37", 3150953377),
        ("8:49:37 6 November 94", 784111777),
        ("06-Nov-69 08:49:37", 3150953377),
    ],
)
def test_dates_are_read_leniently(text: str, seconds: int) -> None:
    assert parse_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "tomorrow",
        "Thu, 32 Jan 2020 00:00:00 GMT",
        "30 Feb 2020 00:00:00",
        "01 Jan 1600 00:00:00",
        "01 Jan 2020 24:00:00",
        "01 Jan 2020",
        "1 1 1 1:1",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_attributes_keep_order_and_the_last_one_rules() -> None:
    cookie = parse_set_cookie("sid = a=b ; Path=/x; path=/y; Secure; HTTPONLY=1; samesite=lAX; Domain=.Shop.Example")
    assert (cookie.name, cookie.value) == ("sid", "a=b")
    assert cookie.attributes[:2] == (("Path", "/x"), ("path", "/y"))
    assert (cookie.path, cookie.secure, cookie.httponly, cookie.samesite) == ("/y", True, True, "Lax")
    assert cookie.domain == "shop.example"


def test_values_never_show_in_repr() -> None:
    jar = Jar()
    jar.store(["sid=topsecret; Path=/"], HOST, NOW)
    assert "topsecret" not in repr(parse_set_cookie("sid=topsecret")) + repr(jar) + repr(list(jar))


@pytest.mark.parametrize(
    "header",
    [
        "sid=; Max-Age=0",
        "sid=null; Max-Age=-1",
        f"sid=deleted; Expires={PAST}",
        f"sid=x; max-age=0; expires={PAST}",
        "sid=x; Expires=Thu, 01-Jan-70 00:00:01 GMT",
        "sid=x; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
    ],
)
def test_every_spelling_of_deletion_deletes(header: str) -> None:
    assert parse_set_cookie(header).deletes(NOW)
    assert parse_set_cookie(header).clears(NOW)


@pytest.mark.parametrize(
    "header",
    ["sid=x", "sid=x; Max-Age=60", f"sid=x; Max-Age=60; Expires={PAST}", "sid=x; Expires=0", "sid=x; Max-Age=a"],
)
def test_what_a_browser_keeps_is_no_deletion(header: str) -> None:
    assert not parse_set_cookie(header).deletes(NOW)
    assert not parse_set_cookie(header).clears(NOW)


@pytest.mark.parametrize("value", ["", '""', "deleted", "null"])
def test_an_empty_value_clears_but_does_not_delete(value: str) -> None:
    cookie = parse_set_cookie(f"sid={value}; Path=/")
    assert cookie.clears(NOW)
    assert not cookie.deletes(NOW)


@pytest.mark.parametrize(
    "header",
    [
        "sid=abc123-_.~; Path=/; Secure; HttpOnly; SameSite=Lax",
        '__Host-sid="quoted"; Path=/; Secure',
        "sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/",
        "sid=x; Domain=shop.example; Partitioned; Priority=High",
    ],
)
def test_well_formed_headers_have_no_grammar_fault(header: str) -> None:
    assert parse_set_cookie(header).grammar_faults() == ()


@pytest.mark.parametrize(
    "header",
    [
        "=x",
        "sid",
        "s id=x",
        "sid=a b",
        "sid=a,b",
        'sid=a"b',
        "sid=é",
        "sid=x;Path=/",
        "sid=x; Path=/; Path=/",
        "sid =x",
        "sid=x; Secure=true",
        "sid=x; Max-Age=soon",
        "sid=x; Expires=Thu, 01-Jan-70 00:00:00 GMT",
        "sid=x; Path=here",
        "sid=x; SameSite=Yes",
        "sid=x; Domain=.shop.example",
        "sid=x; ; Secure",
        "sid=x;",
    ],
)
def test_each_departure_from_the_grammar_is_named(header: str) -> None:
    assert parse_set_cookie(header).grammar_faults()


@pytest.mark.parametrize(
    "header",
    [
        "__Host-sid=x; Path=/",
        "__Host-sid=x; Secure",
        "__Host-sid=x; Secure; Path=/app",
        "__Host-sid=x; Secure; Path=/; Domain=shop.example",
        "__hOsT-sid=x; Path=/",
        "__Secure-sid=x",
        "__Http-sid=x; Secure",
        "__Host-Http-sid=x; Secure; Path=/",
        "=__Host-sid=x; Secure; Path=/",
        "__Secure-sid=x; Secure; Domain=other.example",
    ],
)
def test_broken_prefixes_are_dropped_by_browsers(header: str) -> None:
    assert parse_set_cookie(header).prefix_fault(True, "shop.example")
    jar = Jar()
    assert jar.store([header], "https://shop.example/", NOW, mode=BROWSER)
    assert len(jar) == 0


@pytest.mark.parametrize(
    "header",
    [
        "__Host-sid=x; Secure; Path=/",
        "__Host-sid=x; Secure; Path=/; Domain=",
        "__Secure-sid=x; Secure",
        "sid=x",
        "__Host-Http-sid=x; Secure; Path=/; HttpOnly",
        "__Secure-sid=x; Secure; Domain=shop.example; Path=/a",
    ],
)
def test_kept_prefixes_are_stored(header: str) -> None:
    assert parse_set_cookie(header).prefix_fault(True, "www.shop.example") is None
    jar = Jar()
    assert jar.store([header], "https://www.shop.example/", NOW, mode=BROWSER) == ()
    assert len(jar) == 1


def test_a_prefix_needs_a_secure_origin() -> None:
    assert parse_set_cookie("__Secure-sid=x; Secure").prefix_fault(False, "shop.example")


def test_secure_cookies_travel_on_loopback_http() -> None:
    jar = Jar()
    jar.store(["__Host-sid=x; Secure; Path=/; HttpOnly"], f"{HOST}/login", NOW)
    assert jar.header_for(f"{HOST}/me", NOW) == "__Host-sid=x"
    assert jar.header_for(f"{HOST}/me", NOW, mode=BROWSER) == "__Host-sid=x"


def test_exact_mode_keeps_what_a_browser_drops() -> None:
    jar = Jar()
    jar.store(["__Host-sid=x; Domain=shop.example", "big=" + "a" * 5000], f"{HOST}/app/login", NOW)
    assert [c.name for c in jar.cookies_for(f"{HOST}/app/me", NOW)] == ["__Host-sid", "big"]
    assert jar.cookies_for(f"{HOST}/other", NOW) == ()


def test_longer_paths_come_first_then_older_cookies() -> None:
    jar = Jar()
    jar.store(["a=1; Path=/", "b=2; Path=/", "c=3; Path=/app"], HOST, NOW)
    jar.store(["a=4; Path=/"], HOST, NOW)
    assert jar.header_for(f"{HOST}/app/x", NOW) == "c=3; a=4; b=2"
    assert jar.header_for(f"{HOST}/apple", NOW) == "a=4; b=2"


def test_deletion_hits_only_the_same_name_domain_and_path() -> None:
    jar = Jar()
    jar.store(["sid=x; Path=/app"], HOST, NOW)
    jar.store(["sid=; Max-Age=0; Path=/"], HOST, NOW)
    assert jar.get("sid") == "x"
    jar.store([f"sid=deleted; Expires={PAST}; Path=/app"], HOST, NOW)
    assert jar.get("sid") is None


def test_host_only_and_domain_cookies_are_two() -> None:
    jar = Jar()
    jar.store(["sid=h", "sid=d; Domain=shop.example"], "https://shop.example/", NOW, mode=BROWSER)
    assert jar.header_for("https://shop.example/", NOW, mode=BROWSER) == "sid=h; sid=d"
    assert jar.header_for("https://www.shop.example/", NOW, mode=BROWSER) == "sid=d"


def test_browsers_forget_lapsed_cookies_and_the_kit_does_not() -> None:
    jar = Jar()
    jar.store(["sid=x; Max-Age=60"], HOST, NOW)
    assert jar.header_for(HOST, NOW + 59, mode=BROWSER) == "sid=x"
    assert jar.header_for(HOST, NOW + 60, mode=BROWSER) == ""
    assert jar.header_for(HOST, NOW + 60) == "sid=x"


@pytest.mark.parametrize(
    ("samesite", "method", "top_level", "sent"),
    [
        ("; SameSite=Strict", "GET", True, False),
        ("; SameSite=Lax", "GET", True, True),
        ("; SameSite=Lax", "POST", True, False),
        ("; SameSite=Lax", "GET", False, False),
        ("", "GET", True, True),
        ("", "POST", True, False),
        ("; SameSite=bogus", "POST", True, False),
        ("; SameSite=None; Secure", "POST", False, True),
    ],
)
def test_cross_site_requests_obey_samesite(samesite: str, method: str, top_level: bool, sent: bool) -> None:
    jar = Jar()
    jar.store([f"sid=x{samesite}"], HOST, NOW, mode=BROWSER)
    header = jar.header_for(HOST, NOW, mode=Mode.BROWSER_CROSS_SITE, method=method, top_level=top_level)
    assert header == ("sid=x" if sent else "")
    same: Site = "same"
    assert jar.header_for(HOST, NOW, mode=BROWSER, method=method, site=same) == "sid=x"


def test_samesite_none_without_secure_is_not_stored_by_browsers() -> None:
    jar = Jar()
    assert jar.store(["sid=x; SameSite=None"], HOST, NOW, mode=BROWSER)
    assert len(jar) == 0


def test_an_embedded_cross_site_answer_sets_no_lax_cookie() -> None:
    jar = Jar()
    assert jar.store(["a=1", "b=2; SameSite=None; Secure"], HOST, NOW, mode=Mode.BROWSER_CROSS_SITE, top_level=False)
    assert jar.as_pairs() == (("b", "2"),)


def test_a_copy_survives_the_logout_of_the_original() -> None:
    alice = Jar()
    alice.store(["sid=x; Path=/"], HOST, NOW)
    thief = alice.copy()
    alice.store(["sid=; Max-Age=0; Path=/"], HOST, NOW)
    assert (alice.header_for(HOST, NOW), thief.header_for(HOST, NOW)) == ("", "sid=x")


def test_a_planted_cookie_may_hold_anything() -> None:
    jar = Jar()
    jar.put("sid", 'a;b" c', HOST)
    assert jar.header_for(f"{HOST}/deep/path", NOW) == 'sid=a;b" c'
    jar.discard("sid", "unknown")
    assert len(jar) == 0


def test_a_flood_neither_grows_the_jar_nor_evicts_the_credential() -> None:
    jar = Jar()
    jar.store(["sid=x; Path=/", "huge=" + "a" * 20_000], HOST, NOW)
    jar.store((f"n{i}=1; Path=/" for i in range(100_000)), HOST, NOW)
    assert len(jar) == MAX_COOKIES
    assert jar.get("sid") == "x"
    assert jar.get("huge") is None


def test_finished_transactions_make_room_for_the_next() -> None:
    jar = Jar()
    jar.store(["sid=x; Path=/", "refresh=y; Path=/renew"], HOST, NOW)
    for at in range(2 * MAX_COOKIES):
        jar.store([f"transaction={at}; Path=/interaction/{at}"], HOST, NOW)
        assert jar.header_for(f"{HOST}/interaction/{at}", NOW) == f"transaction={at}; sid=x"
    assert len(jar) == MAX_COOKIES
    assert jar.header_for(f"{HOST}/renew", NOW) == "refresh=y; sid=x"


@pytest.mark.parametrize(
    ("host", "domain", "matches"),
    [("a.b.c", "b.c", True), ("b.c", "b.c", True), ("ab.c", "b.c", False), ("127.0.0.1", "0.0.1", False)],
)
def test_domains(host: str, domain: str, matches: bool) -> None:
    assert domain_match(host, domain) is matches


def test_paths() -> None:
    assert [default_path(p) for p in ("", "x", "/", "/a", "/a/", "/a/b")] == ["/", "/", "/", "/", "/a", "/a"]
    assert [path_match(p, "/a") for p in ("/a", "/a/", "/a/b", "/ab", "/")] == [True, True, True, False, False]


def test_hostile_headers_are_judged_in_linear_time() -> None:
    started = time.perf_counter()
    for piece in (" ", "=", ";", "; ", " =", "a ", "0:", "Expires=1:1:1;"):
        cookie = parse_set_cookie("sid=x; Expires=" + piece * 100_000)
        cookie.grammar_faults(), cookie.expires, cookie.browser_fault(True, "h")
    assert time.perf_counter() - started < 3


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.sampled_from(list(Mode)), st.text(max_size=30))
def test_nothing_raises(header: str, mode: Mode, url: str) -> None:
    cookie = parse_set_cookie(header)
    cookie.grammar_faults(), cookie.clears(NOW), cookie.browser_fault(True, "h"), cookie.browser_fault(False, "")
    jar = Jar()
    for place in (url, HOST, "http://[::1", "//" + url):
        jar.store([header], place, NOW, mode=mode)
        jar.header_for(place, NOW, mode=mode)
    parse_date(header)


_name = st.text("abcXYZ019_-", min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(_name, _name, st.sampled_from(["/", "/a", "/a/b"]), st.sampled_from(list(Mode)))
def test_what_is_stored_comes_back_until_deleted(name: str, value: str, path: str, mode: Mode) -> None:
    jar = Jar()
    jar.store([f"{name}={value}; Path={path}; Secure; SameSite=None"], HOST, NOW, mode=mode)
    assert jar.header_for(f"{HOST}/a/b/c", NOW, mode=mode) == f"{name}={value}"
    jar.store([f"{name}=; Path={path}; Secure; SameSite=None; Max-Age=0"], HOST, NOW, mode=mode)
    assert jar.header_for(f"{HOST}/a/b/c", NOW, mode=mode) == ""
