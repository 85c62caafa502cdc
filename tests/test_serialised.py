"""Serialised objects in place of ids: harmless, told from their damaged copies, and respelled without a change."""

from __future__ import annotations

import base64
import pickle
import pickletools
import random

import pytest

from conformance.attacks.cookie_spelling import VALUES, lookalikes
from conformance.attacks.serialised import SHAPES, is_serialised, same_object

CONTENT = {"user": "alice", "id": 7}


def written(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.label)
def test_a_damaged_copy_has_the_same_signs_and_is_another_value(shape: object) -> None:
    one = next(s for s in SHAPES if s is shape)
    damaged = one.damaged(random.Random(3))
    assert damaged != one.value
    assert {c for c in damaged if not c.isalnum()} <= {c for c in one.value if not c.isalnum()} | {"_"}


@pytest.mark.parametrize("shape", [s for s in SHAPES if "pickle" in s.label], ids=lambda shape: shape.label)
def test_the_pickles_name_nothing_and_call_nothing(shape: object) -> None:
    data = next(s for s in SHAPES if s is shape).data
    calling = {"GLOBAL", "STACK_GLOBAL", "REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
    assert not calling & {op.name for op, _, _ in pickletools.genops(data)}


@pytest.mark.parametrize("protocol", range(6))
def test_a_respelled_pickle_is_the_same_object(protocol: int) -> None:
    value = written(pickle.dumps(CONTENT, protocol))
    other = same_object(value)
    assert other
    assert other != value
    assert pickle.loads(base64.b64decode(other)) == CONTENT


def test_php_and_java_are_respelled() -> None:
    php = 'a:1:{s:4:"user";s:5:"alice";}'
    assert (
        same_object(base64.b64encode(php.encode()).decode())
        == base64.b64encode(php.replace("s", "S", 1).encode()).decode()
    )
    assert base64.b64decode(same_object(base64.b64encode(b"\xac\xed\x00\x05t\x00\x01x").decode()) or "")[4] == 0x79


@pytest.mark.parametrize("value", ["", "a" * 43, "5f4dcc3b5aa765d61d8327deb882cf99", "eyJ1c2VyIjoiYWxpY2UifQ", "%"])
def test_what_is_no_object_has_no_other_spelling(value: str) -> None:
    assert same_object(value) is None
    assert not is_serialised(value)


def test_spellings_differ_from_the_value_and_need_more_than_one_decoding() -> None:
    value = "aZ09bYxW"
    made = [write(value) for _, write in VALUES]
    assert len(set(made)) == len(made)
    assert value not in made


def test_only_prefixed_names_have_lookalikes() -> None:
    assert lookalikes("sid", "x") == ()
    assert all(name != "__Host-sid" for _, name, _ in lookalikes("__Host-sid", "x"))
