"""Secrets in every spelling stay out of what is written; ordinary words stay in."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.masking import SHORTEST, Secrets
from tests.toys import TABLE, Site, a_system

SECRET = "p/ss w&rd+'\"=<ü>\\€-0123?>~"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWFsaWNl"


def knowing(*values: str) -> Secrets:
    secrets = Secrets()
    for at, value in enumerate(values):
        secrets.learn(value, f"secret {at}")
    return secrets


SPELLINGS = {
    "plain": SECRET,
    "percent": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "JSON": json.dumps(SECRET)[1:-1],
    "JSON with slashes": SECRET.replace("/", "\\/"),
    "base64": b64encode(SECRET.encode()).decode(),
    "JSON in UTF-8": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "lower-case percent": re.sub("%..", lambda found: found[0].lower(), quote(SECRET, safe="")),
    "percent with slashes": quote(SECRET),
    "encodeURIComponent": quote(SECRET, safe="!'()*~"),
    "HTML": escape(SECRET),
    "URL-safe base64": urlsafe_b64encode(SECRET.encode()).decode(),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_a_known_secret_is_masked_in_every_spelling(spelled: str) -> None:
    assert knowing(SECRET).mask(f"before {spelled} after").startswith("before ‹secret 0›")


@given(st.text(st.characters(codec="utf-8"), min_size=SHORTEST), st.text("xyz ", max_size=5))
def test_no_known_secret_is_left(value: str, around: str) -> None:
    masked = knowing(value).mask(f"{around}{value}{around}{quote_plus(value)}{around}{json.dumps(value)}")
    assert value not in masked.replace("‹secret 0›", "")


@given(st.text(), st.text())
def test_masking_never_raises(value: str, text: str) -> None:
    secrets = knowing(value)
    assert isinstance(secrets.mask(text), str)
    assert isinstance(secrets.header("cookie", text), str)
    assert isinstance(secrets.header("x-note", text), str)


def test_a_lone_surrogate_can_be_learned() -> None:
    assert knowing("token-\ud800-x").mask("it is token-\ud800-x") == "it is ‹secret 0›"


def test_short_values_are_not_masked_everywhere() -> None:
    assert knowing("a", "on", "12345").mask("on a day, 12345") == "on a day, 12345"
    assert knowing("123456").mask("123456") == "‹secret 0›"


def test_the_longest_of_several_secrets_goes_first() -> None:
    assert knowing("abcdef", "abcdefghij").mask("abcdefghij abcdef") == "‹secret 1› ‹secret 0›"


def test_a_second_value_of_a_label_is_numbered() -> None:
    secrets = Secrets()
    for value in ("first-one", "second-one", "first-one"):
        secrets.learn(value, "sid")
    assert secrets.mask("first-one second-one") == "‹sid› ‹sid (2)›"


def test_nothing_learned_nothing_masked() -> None:
    assert Secrets().mask("an ordinary sentence") == "an ordinary sentence"


# -- tokens that are not known


def test_of_an_unknown_token_only_the_header_stays() -> None:
    masked = Secrets().mask(f"token={JWT}&x=1")
    assert masked == "token=eyJhbGciOiJIUzI1NiJ9.‹payload 20›.‹signature 24›&x=1"


@pytest.mark.parametrize("token", ["eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.", "eyJhbGciOiJub25lIn0..c2lnbmF0dXJl"])
def test_tokens_with_empty_parts(token: str) -> None:
    masked = Secrets().mask(token)
    assert "eyJzdWIi" not in masked
    assert "c2lnbm" not in masked


@pytest.mark.parametrize("head", ["eyAiYWxnIjogIkhTMjU2IiB9", "ewogICJhbGciOiAiSFMyNTYiCn0", "e30"])
def test_tokens_whose_header_is_written_otherwise(head: str) -> None:
    """A forgery with the genuine payload and signature: with the header, which is public, it can be replayed."""
    genuine = JWT.split(".", 1)[1]
    secrets = knowing(JWT)
    assert genuine not in secrets.mask(f"GET /me?access_token={head}.{genuine}")


def test_an_unknown_token_behind_a_prefix() -> None:
    assert "eyJzdWIi" not in Secrets().mask(f"sk_{JWT}")


def test_names_with_dots_stay() -> None:
    text = "www.example.com, v1.2.3.4, attacker.example.org and conformance.target.logins"
    assert Secrets().mask(text) == text


def test_a_token_among_other_segments() -> None:
    assert "eyJzdWIi" not in Secrets().mask(f"a.b.{JWT}.c")


# -- headers

UNKNOWN = "0123456789abcdef0123"


@pytest.mark.parametrize("name", ["Cookie", "set-cookie", "AUTHORIZATION", "Proxy-Authorization", "X-CSRF-Token"])
def test_credentials_that_are_not_known_are_shortened(name: str) -> None:
    for value in (f"sid={UNKNOWN}; Path=/", f"Bearer {UNKNOWN}", UNKNOWN):
        shown = Secrets().header(name, value)
        assert UNKNOWN not in shown
        assert "…(20 characters)" in shown


@pytest.mark.parametrize("padding", ["", "=", "=="])
def test_the_padding_of_base64_is_no_name_of_an_empty_value(padding: str) -> None:
    shown = Secrets().header("Authorization", f"Basic d2ViOmEtc2VjcmV0LW9mLXRoZS13ZWI{padding}")
    assert shown == f"Basic d2Vi…({31 + len(padding)} characters)"
    assert Secrets().header("Set-Cookie", "AIOHTTP_SESSION=; Max-Age=0") == "AIOHTTP_SESSION=; Max-Age=0"


def test_attributes_of_a_cookie_are_left() -> None:
    value = f"sid={UNKNOWN}; Expires=Thu, 01 Jan 2026 00:00:00 GMT; Path=/a/long/path/indeed; SameSite=Lax"
    shown = Secrets().header("Set-Cookie", value)
    assert shown == f"sid=0123…(20 characters){value[len(UNKNOWN) + 4 :]}"


def test_a_known_value_in_a_header_is_told_by_its_label() -> None:
    secrets = knowing(UNKNOWN)
    assert secrets.header("Cookie", f"sid={UNKNOWN}") == "sid=‹secret 0›"
    assert secrets.header("X-Note", f"it was {UNKNOWN}") == "it was ‹secret 0›"


def test_other_headers_are_shown() -> None:
    assert Secrets().header("X-Note", UNKNOWN) == UNKNOWN


@pytest.mark.parametrize("name", ["X-Api-Key", "X-Auth-Token", "X-Session-Id", "X-XSRF-TOKEN", "DPoP"])
def test_headers_that_usually_carry_credentials(name: str) -> None:
    assert UNKNOWN not in Secrets().header(name, UNKNOWN)


# -- what the kit learns by itself


def test_passwords_are_learned_from_the_description() -> None:
    system = a_system(Site())
    assert "has-a-password" not in system.secrets.mask("alice-has-a-password")


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"X-Gateway": "env:PICKPROOF_TOY"}},
        {"keys": {"secret": "env:PICKPROOF_TOY"}},
        {"accounts": {"alice": {"user": "alice", "password": "x", "otp_seed": "env:PICKPROOF_TOY"}}},
        {"login": {**TABLE["login"], "headers": {"X-Client-Secret": "env:PICKPROOF_TOY"}}},
    ],
    ids=["headers", "keys.secret", "accounts.alice.otp_seed", "login.headers"],
)
def test_what_comes_from_the_environment_is_masked(changes: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICKPROOF_TOY", "from-the-environment")
    system = a_system(Site(), changes)
    assert "from-the-environment" not in system.secrets.mask("it is from-the-environment")
