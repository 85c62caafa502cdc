"""Edits change what a value means, never only how it is spelled, and shrink to the simplest."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from conformance.attacks import edits, jwt
from conformance.attacks.edits import SignatureEdit, TextEdit, signature_edits, text_edits

TOKEN = jwt.parse(jwt.signed(b'{"alg":"HS256"}', b'{"sub":"alice"}', "HS256", b"k"))
QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)

VALUES = st.one_of(
    st.binary(min_size=16, max_size=33).map(bytes.hex),
    st.binary(min_size=16, max_size=33).map(lambda data: base64.urlsafe_b64encode(data).decode()),
    st.binary(min_size=16, max_size=33).map(lambda data: base64.b64encode(data).decode().rstrip("=")),
    st.uuids().map(str),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=20, max_size=32),
)


@given(signature_edits())
@QUICK
def test_signature_edits_change_the_bytes_of_the_signature_only(edit: SignatureEdit) -> None:
    assert TOKEN is not None
    edited = edit.apply(TOKEN)
    if edited is not None:
        header, payload, signature = edited.split(".")
        assert [header, payload] == TOKEN.raw.split(".")[:2]
        assert jwt.b64_decode(signature) != TOKEN.signature
        assert edit.apply(TOKEN.raw) == edited


@given(signature_edits(), text_edits())
@QUICK
def test_recipes_read_back_what_they_print(signature: SignatureEdit, text: TextEdit) -> None:
    assert SignatureEdit.read(repr(signature)) == signature
    assert TextEdit.read(repr(text)) == text
    assert len({signature, SignatureEdit.read(repr(signature))}) == 1


def test_unknown_recipes_name_the_known() -> None:
    with pytest.raises(ValueError, match="bit flipped"):
        SignatureEdit.read("turned upside down")
    with pytest.raises(ValueError, match="end dropped"):
        TextEdit.read("")


def test_an_edit_that_changes_no_byte_is_none() -> None:
    token = jwt.compact(b'{"alg":"HS256"}', b"{}", b"\x00\x01")
    assert SignatureEdit("byte zeroed", 0).apply(token) is None
    assert SignatureEdit("byte zeroed", 1).apply(token) == jwt.compact(b'{"alg":"HS256"}', b"{}", b"\x00\x00")
    assert SignatureEdit("bit flipped").apply("no token") is None
    assert SignatureEdit("bit flipped").apply(jwt.compact(b'{"alg":"none"}', b"{}")) is None


def test_every_bit_is_reached() -> None:
    assert TOKEN is not None
    assert len({SignatureEdit("bit flipped", at).apply(TOKEN) for at in range(256)}) == 256


def test_signature_edits_shrink() -> None:
    def hit(edit: SignatureEdit) -> bool:
        return edit.kind == "bit flipped" and edit.at >= 5

    assert repr(find(signature_edits(), lambda edit: edit.kind == "zero byte appended")) == "zero byte appended"
    assert repr(find(signature_edits(), hit)) == "bit flipped at 5"
    assert repr(find(text_edits(), lambda edit: edit.at >= 3)) == "character changed at 3 with a"


def meaning(value: str) -> object:
    """What some server may rightly read in a value."""
    if re.fullmatch("[0-9a-fA-F-]+", value):
        return value.replace("-", "").lower().lstrip("0")
    text = value.rstrip("=").translate(str.maketrans("+/", "-_"))
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else value


@given(VALUES, text_edits())
@QUICK
def test_text_edits_change_what_is_meant(value: str, edit: TextEdit) -> None:
    edited = edit.apply(value, (0, len(value)))
    if edited is not None:
        assert edited.lower() != value.lower() or not all(char in "0123456789abcdef-" for char in value)
        assert meaning(edited) != meaning(value)
        assert not set(edited) & set(" \t\r\n\"',;\\%")


@given(VALUES, text_edits())
@QUICK
def test_text_edits_stay_inside_the_span(value: str, edit: TextEdit) -> None:
    whole = f"s%3A{value}.tail%2F9"
    edited = edit.apply(whole, (4, 4 + len(value)))
    if edited is not None:
        assert edited.startswith("s%3A")
        assert edited.endswith(".tail%2F9")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("letter case changed", "deadbeefdeadbeef"),
        ("letter case changed", "0190F2C4-7C3A-7B1E-9C55-0242AC120002"),
        ("letter case changed", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("neighbours swapped", "aaaaaaaa"),
        ("end dropped", ""),
        ("character changed", "%2F%2B"),
        ("letter case changed", "12345678"),
        ("end dropped", "a"),
    ],
)
def test_edits_that_mean_nothing_are_none(kind: str, value: str) -> None:
    assert TextEdit(kind).apply(value, (0, len(value))) is None


@pytest.mark.parametrize(
    ("edit", "value", "edited"),
    [
        (TextEdit("character changed", 0, "z"), "12345", "52345"),
        (TextEdit("character changed", 1, "a"), "ABCDEF", "AACDEF"),
        (TextEdit("character changed", 2, "b"), "abc-def_x", "abb-def_x"),
        (TextEdit("letter case changed", 1), "sessionId", "sEssionId"),
        (TextEdit("end dropped", 1), "abcdefgh.xy", "abcdefgh."),
        (TextEdit("start dropped"), "%41bcdx", "%41cdx"),
        (TextEdit("neighbours swapped"), "zyxw", "yzxw"),
        (TextEdit("character repeated", 3), "zyxw12", "zyxww12"),
    ],
)
def test_edits_stay_in_the_alphabet(edit: TextEdit, value: str, edited: str) -> None:
    assert edit.apply(value, (0, len(value))) == edited


def test_the_case_of_a_digest_inside_a_ticket_does_not_count() -> None:
    """mod_auth_tkt: a digest, the time in hexadecimal, then who; a server reads the time in either case."""
    signed = "d6fa46510a" * 13 + "6b0574cb"
    ticket = f"{signed}YWxpY2U%3D!u"
    made = {TextEdit("letter case changed", at).apply(ticket, (0, len(ticket))) for at in range(256)} - {None}
    assert made
    assert all(value.startswith(signed) for value in made if value)
    assert TextEdit("character changed", 130, "d").apply(ticket, (0, len(ticket))) is not None


def test_trailing_bits_of_base64_do_not_count() -> None:
    value = base64.urlsafe_b64encode(bytes(range(200, 216))).decode().rstrip("=")
    last = value[-1]
    twins = [value[:-1] + char for char in edits.LETTERS if char != last]
    same = [twin for twin in twins if base64.urlsafe_b64decode(twin + "==") == bytes(range(200, 216))]
    place = sum(char.isalnum() for char in value) - 1
    made = {TextEdit("character changed", place, char).apply(value, (0, len(value))) for char in edits.LETTERS}
    assert same
    assert not made & set(same)


def test_an_extension_by_one_may_be_ignored_and_by_more_not() -> None:
    value = "zzzz" * 8
    assert TextEdit("end extended", 0).apply(value, (0, len(value))) is None
    assert TextEdit("end extended", 1).apply(value, (0, len(value))) == value + "aa"
    assert TextEdit("end extended", 0).apply("abcd" * 8, (0, 32)) == "abcd" * 8 + "a"
