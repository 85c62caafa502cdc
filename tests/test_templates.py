"""Words into steps, values out of answers and pages; whatever a hostile target answers, nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.model import Answer
from conformance.target.templates import Form, UnknownWordError, extract, forms, links, mentions, pointer, render
from conformance.target.verbs import choose_form

URL = "http://127.0.0.1:8000/in/login?next=%2F"
WORDS = {"user": "alice", "password": "{user}", "access": "tok"}


# -- words


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{user}", "alice"),
        ("{user}:{user}!", "alice:alice!"),
        ("{password}", "{user}"),
        ("{}", "{}"),
        ("{User} { user } {1}", "{User} { user } {1}"),
        ("{{user}}", "{alice}"),
        (
            {"{user}": ["{access}", 1, None, True, {"deep": "{user}"}]},
            {"alice": ["tok", 1, None, True, {"deep": "alice"}]},
        ),
        (7, 7),
        (None, None),
    ],
)
def test_render(template: Any, rendered: Any) -> None:
    assert render(template, WORDS) == rendered


def test_an_unknown_word_lists_those_that_are_known() -> None:
    with pytest.raises(UnknownWordError) as caught:
        render({"a": ["{usr}"]}, WORDS)
    assert str(caught.value) == "{usr} is not known here; known: access, password, user"
    assert caught.value.word == "usr"
    with pytest.raises(UnknownWordError, match="known: nothing"):
        render("{x}", {})


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True), st.text()), st.text())
def test_values_are_put_in_as_they_are(words: dict[str, str], around: str) -> None:
    plain = around.replace("{", "")
    assert render("".join(f"{plain}{{{name}}}" for name in words), words) == "".join(plain + v for v in words.values())


@pytest.mark.parametrize(
    ("template", "found"), [("a{csrf}", True), ({"a": ["{csrf}"]}, True), ("csrf", False), (None, False), ([1], False)]
)
def test_mentions(template: Any, found: bool) -> None:
    assert mentions(template, "csrf") is found


# -- values


def answered(body: str | bytes = b"", **headers: str) -> Answer:
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(200, told, body.encode() if isinstance(body, str) else body)


DOCUMENT = {"": 1, "a/b": {"m~n": "x"}, "l": [{"n": "y"}, 0, 1.5, "", " padded ", True, False, None, {}, []], "é": "z"}


@pytest.mark.parametrize(
    ("spot", "value"),
    [
        ("/", "1"),
        ("/a~1b/m~0n", "x"),
        ("/l/0/n", "y"),
        ("/l/1", "0"),
        ("/l/2", "1.5"),
        ("/l/4", "padded"),
        ("/é", "z"),
        ("/l/3", None),
        ("/l/5", None),
        ("/l/6", None),
        ("/l/7", None),
        ("/l/8", None),
        ("/l/9", None),
        ("/l/10", None),
        ("/l/-", None),
        ("/l/-1", None),
        ("/l/0/n/deeper", None),
        ("/none", None),
        ("/l", None),
    ],
)
def test_json(spot: str, value: str | None) -> None:
    assert extract(f"json:{spot}", answered(json.dumps(DOCUMENT)), {}) == value


@pytest.mark.parametrize("spot", ["/l/00", "/l/01", "/l/١"])
def test_json_indices_that_are_none(spot: str) -> None:
    assert pointer({"l": ["a", "b"]}, spot) is None


def test_a_pointer_without_a_slash_names_nothing() -> None:
    assert extract("json:name", answered('"somebody"'), {}) is None


def test_the_whole_document_is_the_empty_pointer() -> None:
    assert pointer("alice", "") == "alice"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("cookie:sid", "abc"),
        ("cookie:SID", None),
        ("header:x-name", "n"),
        ("header:X-None", None),
        ("location:code", "c d"),
        ("location:state", "s"),
        ("location:empty", None),
        ("location:none", None),
    ],
)
def test_cookies_headers_and_redirects(source: str, value: str | None) -> None:
    answer = answered(X_Name="n", Location="https://app.example/cb?code=c%20d&code=2&empty=#state=s")
    assert extract(source, answer, {"sid": "abc"}) == value


PAGE = """<html><head><title> The  Title </title><meta name=csrf content="m-1"></head>
<body><p id=user> alice <b>B</b></p><input name=t value=" i-1 "><input name=e value=""><i id=empty></i>
<select name=s value></select></body>"""


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("meta[name=csrf]", "m-1"),
        ("input[name=t]", "i-1"),
        ("input[name=e]", None),
        ("#empty", None),
        ("#none", None),
        ("[[[", None),
        ("", None),
        ("b", "B"),
    ],
)
def test_html(selector: str, value: str | None) -> None:
    assert extract(f"html:{selector}", answered(PAGE), {}) == value


# -- forms


def the_forms(html: str) -> tuple[Form, ...]:
    return forms(html.encode(), URL)


def test_what_a_browser_would_send() -> None:
    found = the_forms("""<form method=post action=/go enctype="multipart/form-data">
      <input type=hidden name=h value=1><input name=empty><input name=off disabled value=x><input value=nameless>
      <input type=checkbox name=c1 checked><input type=checkbox name=c2 value=v><input type=radio name=r value=a>
      <input type=radio name=r value=b checked><textarea name=t>some
text</textarea>
      <select name=s1><option>first<option value=2 selected>second</select><select name=s2><option>only</select>
      <select name=s3></select><input type=file name=f><input type=image name=i><input type=reset name=z value=z>
      <button type=button name=b value=b>B</button><input type=password name=pw><button name=go value=1>Go</button>
      <input type=submit name=other value=2></form>""")
    assert len(found) == 1
    assert found[0] == Form(
        method="POST",
        action="http://127.0.0.1:8000/go",
        fields=(
            ("h", "1"), ("empty", ""), ("c1", "on"), ("r", "b"), ("t", "some\ntext"), ("s1", "2"), ("s2", "only"),
            ("pw", ""), ("go", "1"),
        ),
        multipart=True,
        names=frozenset({*"htrfizb", "empty", "off", "c1", "c2", "s1", "s2", "s3", "pw", "go", "other"}),
        has_password=True,
    )  # fmt: skip


@pytest.mark.parametrize("first", ["<input type=submit value=Allow>", "<button>Allow</button>"])
def test_a_button_without_a_name_is_clicked_where_it_comes_first(first: str) -> None:
    found = the_forms(f"<form><input name=id value=1>{first}<input type=submit name=cancel value=Deny></form>")
    assert found[0].fields == (("id", "1"),)


def test_selects_as_a_browser_sends_them() -> None:
    found = the_forms('<form><select name=a><option value="" selected>choose</select><select name=b></select></form>')
    assert found[0].fields == (("a", ""),)


def test_controls_outside_of_their_form() -> None:
    found = the_forms("<form id=f action=/go method=post></form><input form=f name=user><input form=f name=pw value=1>")
    assert found[0].names == {"user", "pw"}


def test_controls_of_a_disabled_fieldset() -> None:
    found = the_forms("<form><fieldset disabled><input name=a value=1></fieldset><input name=b value=2></form>")
    assert found[0].fields == (("b", "2"),)


@pytest.mark.parametrize(
    ("page", "action"),
    [
        ("<form>", "http://127.0.0.1:8000/in/login?next=%2F"),
        ('<form action="">', "http://127.0.0.1:8000/in/login?next=%2F"),
        ("<form action=do>", "http://127.0.0.1:8000/in/do"),
        ("<form action=?x=1>", "http://127.0.0.1:8000/in/login?x=1"),
        ("<form action=//cdn.example/x>", "http://cdn.example/x"),
        ("<base href=/root/><form action=do>", "http://127.0.0.1:8000/root/do"),
        ("<base href=https://o.example/><form action=do>", "https://o.example/do"),
        ("<base target=_top><form action=do>", "http://127.0.0.1:8000/in/do"),
    ],
)
def test_where_a_form_goes(page: str, action: str) -> None:
    assert the_forms(page)[0].action == action


def test_a_form_without_action_goes_to_the_page_not_to_the_base() -> None:
    """The document's own URL (HTML, form submission algorithm, step 9)."""
    assert the_forms("<base href=/root/><form>")[0].action in (URL, "http://127.0.0.1:8000/root/")


def test_links_are_absolute() -> None:
    page = b"<a href=/x>1</a><a href=y>2</a><a name=z>3</a><a href>4</a>"
    assert links(page, URL) == ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/in/y", URL)


CHOICE = """<form action=/search><input name=q></form><form action=/up><input name=user><input name=x></form>
<form action=/in method=post><input name=user><input name=pw type=password></form><form action=/out></form>"""


@pytest.mark.parametrize(
    ("fill", "action", "chosen"),
    [
        ({"user": "a", "pw": "b"}, None, "/in"),
        ({"user": "a"}, None, "/in"),
        ({"user": "a", "x": "b"}, None, "/up"),
        ({"q": "a"}, None, "/search"),
        ({}, "http://127.0.0.1:8000/out?x", "/out"),
        ({"q": "a"}, "http://127.0.0.1:8000/in", "/in"),
        ({}, None, "/in"),
        ({}, "http://127.0.0.1:8000/none", None),
    ],
)
def test_which_form_is_filled(fill: dict[str, str], action: str | None, chosen: str | None) -> None:
    form = choose_form(the_forms(CHOICE), fill, action)
    assert (form.action if form else None) == (f"http://127.0.0.1:8000{chosen}" if chosen else None)


def test_a_form_that_lacks_the_fields_is_not_filled() -> None:
    assert choose_form(the_forms(CHOICE), {"email": "a"}, None) is None


# -- hostile answers

HOSTILE_HTML = st.lists(
    st.sampled_from(
        (
            *(
                "<form",
                " action=",
                "'",
                '"',
                ">",
                "</form>",
                "<base href=",
                "<input name=",
                "<select>",
                "<option selected>",
            ),
            *(
                "<a href=",
                "http://[",
                "//[::1",
                "\0",
                "javascript:x",
                "<!--",
                "<svg>",
                "<template>",
                "é",
                "\x80",
                "%zz",
            ),
        )
    ),
    max_size=30,
).map("".join)


@settings(max_examples=150)
@given(HOSTILE_HTML.map(str.encode) | st.binary())
def test_no_page_raises(page: bytes) -> None:
    forms(page, URL)
    links(page, URL)


@pytest.mark.parametrize(
    "tag", ["<form action='http://['>", "<base href='http://['><form action=x>", "<a href='//[x'>"]
)
def test_addresses_that_are_none_in_a_page(tag: str) -> None:
    forms(tag.encode(), URL)
    links(tag.encode(), URL)


@settings(max_examples=100)
@given(st.binary(), st.text("/~01abc"), st.text("#.[]=abc*>:()"), st.text("http://[]?#&=%;", max_size=20))
def test_no_answer_raises(body: bytes, spot: str, selector: str, location: str) -> None:
    answer = Answer(200, (("x", "y"),), body)
    for source in (f"json:/{spot}", f"html:{selector}", "header:x", "cookie:x", "location:x"):
        assert (
            extract(source, answer, {}) is None or source == "header:x" or isinstance(extract(source, answer, {}), str)
        )


@pytest.mark.parametrize("location", ["http://[", "//[::1", "http://[x]/"])
def test_no_location_raises(location: str) -> None:
    assert extract("location:code", answered(Location=location), {}) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.text("/~01ab"),
)
def test_no_document_raises(document: Any, spot: str) -> None:
    found = extract(f"json:/{spot}", answered(json.dumps(document)), {})
    assert found is None or found.strip() == found != ""


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 100_000, b"9" * 100_000, b"\xff\xfe\x00", b'"\\ud800"', b"NaN", b"", b"\xef\xbb\xbf{}"],
    ids=lambda body: repr(body[:8]),
)
def test_hostile_documents(body: bytes) -> None:
    assert extract("json:/a", answered(body), {}) is None or body[:1] in (b'"', b"N")


@pytest.mark.parametrize(
    "page", [b"<div>" * 5000, b"<form>" * 5000, b"<input name=a " * 5000, b"<select>" * 5000, b"\xff" * 9999]
)
def test_huge_pages_are_read_in_no_time(page: bytes) -> None:
    assert len(forms(page, URL)) <= 5000
    assert extract("html:#none", answered(page), {}) is None
