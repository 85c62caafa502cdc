"""`target.toml`: each key, and the one message that each mistake gets."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.errors import DescriptionError
from conformance.target.description import Description, digest, load, parse
from conformance.target.grammar import seconds

SECRET = "s3cret-of-the-tests"
LEAST: dict[str, Any] = {
    "base_url": "http://127.0.0.1:8000",
    "accounts": {"alice": {"user": "alice", "password": SECRET}},
    "login": {"send": "POST /login", "json": {"u": "{user}", "p": "{password}"}},
    "identity": {"send": "GET /me", "name": "json:/name"},
}


def described(**changes: Any) -> Description:
    return parse({k: v for k, v in {**LEAST, **changes}.items() if v is not None}, "target.toml")


def mistake(**changes: Any) -> DescriptionError:
    """The error of a description with some keys changed; it never tells the password."""
    with pytest.raises(DescriptionError) as caught:
        described(**changes)
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith("target.toml: ")
    return caught.value


EVERYTHING = """
base_url = "http://127.0.0.1:8000/app/"
public_url = "https://shop.example"
name = "Shop"
headers = { X-Tenant = "blue" }
protected = ["GET /orders", "POST https://127.0.0.1/x"]
replicas = ["http://127.0.0.1:8001/"]
return_parameter = "next"
adapter = "shop:Login"
accounts.alice = { user = "alice", password = "env:TOY_PASSWORD", email = "alice@shop.example" }
accounts.root = { user = "root", password = "r", role = "admin" }
login = { page = "/login", fill = { username = "{user}" }, action = "/in", headers = { A = "b" } }
identity = { send = "GET /me", name = "html:#user" }
logout = { steps = [{ page = "/me", action = "/out" }, { send = "POST /done" }] }
logout_all = { send = "POST /out/all" }
change_password = { send = "POST /p", json = { new = "{new_password}" } }
reset_password = { steps = [{ send = "POST /f" }, { send = "POST /n", json = { p = "{new_password}" } }] }
logs = ["/var/log/shop.log"]
role_route = "GET /office"
refresh = { send = "POST /r", form = { t = "{refresh}" }, take = { access = "json:/a", refresh = "cookie:r" } }
register = { send = "POST /new", query = { u = "{user}" } }
csrf = { send = "GET /csrf", take = { csrf = "header:X-CSRF" } }
use = { access = "header:Authorization: Bearer {access}", refresh = "cookie:r", id_token = "query:t" }
mutate = { send = "POST /n", json = "{value}", read = { send = "GET /n", value = "location:n" } }
clock = { send = "POST /clock", json = { by = "{seconds}" }, headers = { K = "v" } }
keys = { jwks = "/jwks", secret = "env:TOY_PASSWORD" }
sensitive = { send = "POST /email", read = { send = "GET /email", value = "json:/email" } }
step_up = { send = "POST /again" }
delete_account = { send = "DELETE /me" }
admin.end-sessions = { send = "POST /admin/{name}/end" }
listener = { bind = "0.0.0.0:9099", url = "http://kit.internal:9099" }
gate = { held = "GET /slow", look = "GET /arrived", release = "POST /go" }
[sessions]
list = { send = "GET /s", items = "html:#s li", handle = "html:@data-id", current = "html:.here" }
revoke = { send = "DELETE /s/{handle}" }
[policy]
access_lifetime = "5m"
fresh_login = "5m"
idle = "1.5h"
absolute = 3600
leeway = "250ms"
claims_allowed = ["email"]
refresh_lifetime = "1d"
rotation = false
grace_seconds = 2.5
logout_ends = "all"
password_change_ends = "offered"
pkce = "optional"
throttle_failures = 5
throttle_client_failures = 20
binding = ["user-agent", "address"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_PASSWORD", SECRET)
    path = tmp_path / "target.toml"
    path.write_text(EVERYTHING)
    return path


def test_every_key(file: Path) -> None:
    found, sha = load(file)
    assert len(sha) == 64
    assert found.base_url == "http://127.0.0.1:8000/app"
    assert found.replicas == ["http://127.0.0.1:8001"]
    assert found.origin == "https://shop.example"
    assert found.accounts["alice"].words() == {"user": "alice", "password": SECRET, "email": "alice@shop.example"}
    assert found.keys.secret == SECRET
    assert found.register_ is not None
    assert found.refresh is not None
    assert found.refresh.steps[0].take == {"access": "json:/a", "refresh": "cookie:r"}
    assert found.logout is not None
    assert len(found.logout.steps) == 2
    assert found.mutate is not None
    assert found.mutate.read.value == "location:n"
    assert found.mutate.steps[0].json_ == "{value}"
    assert found.listener is not None
    assert found.listener.place() == ("0.0.0.0", 9099, "http://kit.internal:9099")
    policy = found.policy
    assert (policy.access_lifetime, policy.idle, policy.absolute, policy.leeway) == (300, 5400, 3600, 0.25)
    assert (policy.refresh_lifetime, policy.grace_seconds, policy.rotation) == (86400, 2.5, False)


def test_every_key_of_the_grammar_is_tried(file: Path) -> None:
    load(file)[0]
    words = EVERYTHING.replace("register =", "register_ =")
    missing = [
        name for name in Description.model_fields if name not in words and name not in ("other_audience", "oauth")
    ]
    assert missing == []


def test_no_secret_in_the_repr(file: Path) -> None:
    found, _ = load(file)
    assert SECRET not in repr(found.accounts["alice"])


def test_no_key_in_the_repr(file: Path) -> None:
    assert SECRET not in repr(load(file)[0].keys)


def test_without_public_url_the_origin_is_the_base_urls() -> None:
    assert described(base_url="http://127.0.0.1:8000/app").origin == "http://127.0.0.1:8000"


def test_one_step_stands_for_a_list_of_one() -> None:
    step = {"send": "POST /login", "take": {"access": "json:/t"}}
    assert described(login=step).login == described(login={"steps": [step]}).login


def test_identity_keeps_its_name_beside_several_steps() -> None:
    identity = {"steps": [{"send": "GET /a"}, {"send": "GET /b"}], "name": "json:/n"}
    found = described(identity=identity).identity
    assert found is not None
    assert (len(found.steps), found.name) == (2, "json:/n")


def test_policies_have_strict_defaults() -> None:
    policy = described().policy
    assert (policy.leeway, policy.rotation, policy.logout_ends, policy.pkce) == (60, True, "session", "required")


# -- durations


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15m", 900),
        ("1.5h", 5400),
        ("2 d", 172800),
        ("250ms", 0.25),
        ("90", 90),
        (" 5s ", 5),
        (7, 7),
        (0.5, 0.5),
        ("0", 0),
    ],
)
def test_durations(text: str | float, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "m", "15 minutes", "-5m", "1e3", "5M", "1h30m", "５m5", "soon"])
def test_bad_durations(text: str) -> None:
    error = mistake(policy={"idle": text})
    assert error.key == "policy.idle"
    assert error.problem == f"a duration is a number with one of ms, s, m, h, d, as in '15m' (found {text!r})"


@pytest.mark.parametrize("value", [[], {}, datetime.time(0, 15)], ids=["list", "table", "time"])
def test_durations_of_another_type(value: Any) -> None:
    assert mistake(policy={"idle": value}).key == "policy.idle"


@pytest.mark.parametrize(
    ("policy", "key"), [({"idle": -1}, "idle"), ({"leeway": "6m"}, "leeway"), ({"idle": float("nan")}, "idle")]
)
def test_durations_out_of_bounds(policy: dict[str, Any], key: str) -> None:
    assert mistake(policy=policy).key == f"policy.{key}"


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert seconds(text) >= 0


# -- mistakes, and what is said

SEND = "a request is a method and a path, as in 'POST /login'"
SOURCE = "a source is json:/pointer, cookie:name, header:name, html:selector or location:param"
ONE_KIND = "a step is either `page` (an HTML form) or `send` (a request)"


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"base_url": None}, "base_url", "is missing"),
        ({"base_url": "127.0.0.1:8000"}, "base_url", "a URL with scheme and host"),
        ({"base_url": "ftp://x"}, "base_url", "a URL with scheme and host"),
        ({"base_url": "http://["}, "base_url", "Invalid IPv6 URL"),
        ({"public_url": "shop.example"}, "public_url", "a URL with scheme and host"),
        ({"replicas": ["x"]}, "replicas.0", "a URL with scheme and host"),
        ({"accounts": None}, "accounts", "is missing"),
        ({"accounts": {}}, "", "`accounts` needs at least one account, called alice"),
        ({"accounts": {"alice": {"user": 7}}}, "accounts.alice.user", "wanted is a text in quotes"),
        ({"accounts": {"alice": {"age": 7}}}, "accounts.alice.age", "wanted is a text in quotes"),
        ({"accounts": {"alice": SECRET}}, "accounts.alice", "wanted is a table"),
        ({"login": None}, "", "`login` is missing"),
        ({"identity": None}, "", "`identity` is missing"),
        ({"identity": {"send": "GET /me"}}, "identity.name", "is missing"),
        ({"identity": {"send": "GET /me", "name": "name"}}, "identity.name", f"{SOURCE} (found 'name')"),
        ({"login": {"send": "/login"}}, "login.send", f"{SEND} (found '/login')"),
        ({"login": {"send": "POST login"}}, "login.send", SEND),
        ({"login": {"page": "login"}}, "login.page", "a page is a path that begins with '/'"),
        ({"login": {}}, "login", ONE_KIND),
        ({"login": {"page": "/a", "send": "POST /b"}}, "login", ONE_KIND),
        ({"login": {"page": "/a", "json": {}}}, "login", "a `page` step takes `fill`"),
        ({"login": {"send": "POST /a", "fill": {"a": "b"}}}, "login", "a `send` step takes `json` or `form`"),
        ({"login": {"steps": []}}, "login", "at least 1"),
        ({"login": {"send": "POST /a", "take": {"access": "xml:/a"}}}, "login.take.access", SOURCE),
        ({"protected": ["/me"]}, "protected.0", SEND),
        ({"use": {"access": "Bearer {access}"}}, "use.access", "how a token travels"),
        ({"mutate": {"send": "POST /n"}}, "mutate.read", "is missing"),
        ({"mutate": {"send": "POST /n", "read": {"send": "GET /n"}}}, "mutate.read.value", "is missing"),
        ({"clock": {}}, "clock", "one of `send`, `command`, `faketime_file`"),
        ({"clock": {"send": "POST /c", "command": ["c"]}}, "clock", "one of `send`, `command`"),
        ({"policy": {"pkce": "maybe"}}, "policy.pkce", "(found 'maybe')"),
        ({"policy": {"throttle_failures": 1000}}, "policy.throttle_failures", "less than or equal to 100"),
        ({"keys": {"secret": 7}}, "keys.secret", "wanted is a text in quotes"),
        ({"gate": {"held": "GET /x"}}, "gate.release", "is missing"),
        ({"sessions": {"list": {"send": "GET /s", "handle": "json:/id"}}}, "sessions.list.items", "is missing"),
        ({"sessions": {"list": {"send": "GET /s", "items": "json:/s"}}}, "sessions.list.handle", "is missing"),
        ({"sessions": {"list": {"send": "GET /s", "items": "/s", "handle": "json:/h"}}}, "sessions.list.items",
         "json:/pointer or html:selector"),
        ({"sessions": {"list": {"send": "GET /s", "items": "header:S", "handle": "header:H"}}}, "sessions.list.items",
         "json:/pointer or html:selector"),
        ({"sessions": {"list": {"send": "GET /s", "items": "json:/s", "handle": "html:@id"}}}, "sessions.list",
         "`handle` stands inside an item, so it begins with json: as `items` does"),
        ({"sensitive": {"send": "POST /e", "read": {"send": "GET /e"}}}, "sensitive.read.value", "is missing"),
    ],
)  # fmt: skip
def test_mistakes(changes: dict[str, Any], key: str, problem: str) -> None:
    error = mistake(**changes)
    assert error.key == key
    assert problem in error.problem


@pytest.mark.parametrize(
    ("changes", "key", "allowed"),
    [
        ({"lgin": {}}, "lgin", "login"),
        ({"regster": {}}, "regster", "register"),
        ({"login": {"send": "POST /a", "jsn": 1}}, "login.jsn", "json"),
        ({"login": {"steps": [{"send": "POST /a", "jsn": 1}]}}, "login.jsn", "json"),
        ({"login": {"steps": [{"send": "POST /a"}], "take": {}}}, "login.take", "steps"),
        ({"identity": {"send": "GET /me", "name": "json:/n", "nme": 1}}, "identity.nme", "name"),
        ({"policy": {"idel": "5m"}}, "policy.idel", "idle"),
        ({"keys": {"jwk": "/j"}}, "keys.jwk", "jwks"),
        ({"clock": {"cmd": []}}, "clock.cmd", "command"),
        ({"mutate": {"send": "PUT /", "read": {"send": "GET /", "value": "json:/", "x": 0}}}, "mutate.read.x", "value"),
        ({"sessions": {"list": {"send": "GET /s", "x": 1}}}, "sessions.list.x", "send"),
        ({"sessions": {"list": {"send": "GET /s", "handel": "json:/h"}}}, "sessions.list.handel", "handle"),
        ({"sessions": {"end": {"send": "GET /s"}}}, "sessions.end", "revoke"),
        ({"sensitive": {"send": "POST /e", "raed": {}}}, "sensitive.raed", "read"),
    ],
)  # fmt: skip
def test_unknown_keys_list_those_that_are_known(changes: dict[str, Any], key: str, allowed: str) -> None:
    error = mistake(**changes)
    assert (error.key, error.problem) == (key, "unknown key")
    assert "one of " in error.hint
    assert allowed in error.hint.partition("one of ")[2].split(", ")
    assert str(error) == f"target.toml: {key}: unknown key\n  try: {error.hint}"


@pytest.mark.parametrize(("table", "allowed"), [("listener", "bind, url"), ("gate", "held, look, release")])
def test_unknown_keys_of_small_tables(table: str, allowed: str) -> None:
    whole = {"listener": {"bind": "h:1", "url": "http://k"}, "gate": {"held": "GET /a", "release": "GET /b"}}[table]
    assert mistake(**{table: {**whole, "x": 1}}).hint == f"one of {allowed}"


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://127.0.0.1:99999"},
        {"base_url": "http://127.0.0.1:8000/?x=1"},
        {"identity": {"send": "GET /me", "name": "json:name"}},
        {"listener": {"bind": "0.0.0.0", "url": "http://kit.internal"}},
        {"use": {"access": "header:Authorization: Bearer"}},
        {"identity": {"send": "GET /me", "name": "html:[[["}},
    ],
    ids=["port", "query", "pointer", "bind", "use", "selector"],
)
def test_mistakes_that_pass_unseen(changes: dict[str, Any]) -> None:
    mistake(**changes)


# -- secrets


@pytest.mark.parametrize(
    "changes",
    [
        {"accounts": {"alice": {"user": "a", "password": [SECRET]}}},
        {"accounts": {"alice": SECRET}},
        {"keys": {"secret": [SECRET]}},
        {"keys": SECRET},
        {"base_url": f"http://alice:{SECRET}@127.0.0.1"},
        {"headers": f"X-Api-Key: {SECRET}"},
        {"login": {"send": f"POST login?key={SECRET}"}},
    ],
)
def test_no_secret_in_an_error(changes: dict[str, Any]) -> None:
    mistake(**changes)


def test_a_secret_of_the_environment_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_PASSWORD", SECRET)
    mistake(accounts={"alice": {"user": "a", "password": "env:TOY_PASSWORD"}}, policy={"idle": "x"})


def test_a_value_of_the_environment_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_PASSWORD", SECRET)
    mistake(public_url="env:TOY_PASSWORD")


@pytest.mark.parametrize("name", ["TOY_MISSING", ""])
def test_a_missing_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOY_MISSING", raising=False)
    error = mistake(accounts={"alice": {"user": "a", "password": f"env:{name}"}})
    assert error.key == "accounts.alice.password"
    assert error.problem == f"the environment variable {name} is not set"
    assert error.hint == f"export {name}=…"


def test_variables_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_VALUE", "v")
    found = described(headers={"X": "env:TOY_VALUE"}, policy={"claims_allowed": ["env:TOY_VALUE", "not env:X"]})
    assert found.headers == {"X": "v"}
    assert found.policy.claims_allowed == ["v", "not env:X"]


# -- files


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError) as caught:
        load(tmp_path / "none.toml")
    assert caught.value.problem == "No such file or directory"
    assert caught.value.hint == "check the path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match="directory"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text", [b"base_url = ", b"{}", b"a = 1\na = 2", b"[a\n", b'password = "' + SECRET.encode() + b"\n"]
)
def test_what_is_not_toml(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(text)
    with pytest.raises(DescriptionError) as caught:
        load(path)
    assert caught.value.problem.startswith("is not TOML: ")
    assert SECRET not in str(caught.value)


def test_what_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(b"# a\n# caf\xe9\n")
    with pytest.raises(DescriptionError, match=r"is not UTF-8 \(at line 2\)"):
        load(path)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(b"\xef\xbb\xbfbase_url = 7")
    with pytest.raises(DescriptionError) as caught:
        load(path)
    assert not caught.value.problem.startswith("is not TOML")


@pytest.mark.parametrize(
    ("changes", "hint"),
    [({"policy": {"idel": "15m"}}, "did you mean idle? one of "), ({"zzz": 1}, "one of accounts, ")],
)
def test_an_unknown_key_names_what_it_looks_like(changes: dict[str, Any], hint: str) -> None:
    assert mistake(**changes).hint.startswith(hint)


def test_toml_that_is_nested_without_end(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(DescriptionError):
        load(path)


def test_digests_do_not_depend_on_the_order() -> None:
    assert digest({"a": 1, "b": [datetime.date(2026, 1, 1)]}) == digest({"b": [datetime.date(2026, 1, 1)], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["GET /x", "json:/x", "http://h", "5m"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(sorted({f.alias or n for n, f in Description.model_fields.items()} - {"policy"})), JUNK)
def test_whatever_stands_at_a_key_there_is_one_message(key: str, value: Any) -> None:
    try:
        assert parse({**LEAST, key: value}, "target.toml").base_url
    except DescriptionError as error:
        assert error.problem  # noqa: PT017 - either end is right
