"""Two thousand generated answers: the oracle never raises, and accepts only under a name that stands there."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.bounded_json import MAX_DEPTH, loads
from conformance.model import Answer, Exchange, Request
from conformance.target.oracle import Oracle, faces
from conformance.target.templates import extract, forms, links
from conformance.target.verbs import lifetime_in

SOURCES = ("json:/name", "json:/0/name", "html:#name", "header:x-name", "cookie:name", "location:name")
NAMES = st.sampled_from(["alice", "mallory", "", " ", "null", "\ud800", "<b>x</b>", "\x00"]) | st.text(max_size=8)
VALUES = st.recursive(
    NAMES | st.integers() | st.floats() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "id", "keys"]), inner),
    max_leaves=6,
)
BODIES = (
    VALUES.map(lambda v: json.dumps({"name": v}).encode())
    | VALUES.map(lambda v: json.dumps(v, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | st.binary(max_size=80)
    | NAMES.map(lambda n: f'<p id=name value="{n}">{n}</p><form action="{n}">'.encode("utf-8", "surrogatepass"))
    | st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth)
    | st.just(b'{"name": "alice", "name": "bob"}')
    | st.just(b'{"name": 1e999999}')
)
FIELDS = st.sampled_from(["X-Name", "Location", "Content-Type", "Set-Cookie", "Retry-After", "Date"])
HEADERS = st.lists(st.tuples(FIELDS, st.text(max_size=20)), max_size=4).map(tuple)
STATUSES = st.sampled_from([200, 201, 204, 206, 301, 302, 303, 304, 400, 401, 403, 404, 408, 418, 425, 429, 500, 503])
ANSWERS = st.builds(Answer, STATUSES, HEADERS, BODIES, st.booleans())


def exchange_of(answer: Answer) -> Exchange:
    return Exchange(Request("GET", "http://127.0.0.1:1/me"), answer, None, "alice", "who am I?", 0.0, 0.0)


@given(ANSWERS, st.sampled_from(SOURCES), st.lists(ANSWERS, max_size=3))
@settings(max_examples=2000, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
def test_accepted_only_under_a_name_that_is_there(answer: Answer, source: str, strangers: list[Answer]) -> None:
    exchange = exchange_of(answer)
    name = extract(source, answer, {})
    judged = Oracle(faces(map(exchange_of, strangers)), frozenset({"mallory"})).judge(exchange, name)
    if judged.accepted:
        assert judged.name
        assert judged.name == name != "mallory"
        assert 200 <= answer.status < 300
        assert _stands_in(answer, judged.name)
    if judged.refused:
        assert answer.status < 500
    assert str(judged)
    assert lifetime_in(exchange) is None or isinstance(lifetime_in(exchange), float)
    assert isinstance((forms(answer.body, exchange.request.url), links(answer.body, exchange.request.url)), tuple)


def _stands_in(answer: Answer, name: str) -> bool:
    """Whether the name is somewhere in what came, told without the code under test."""
    text = answer.body.decode("utf-8", "replace") + "".join(value for _, value in answer.headers)
    spelled = (name, json.dumps(name)[1:-1], name.lower(), name.replace(".0", ""))
    return any(one in text for one in spelled) or name in str(_plain(answer.body))


def _plain(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return [*body.decode("utf-8", "replace").split(), str(forms(body, "http://127.0.0.1:1/"))]


def test_documents_are_read_up_to_a_depth() -> None:
    for depth in (1, MAX_DEPTH, MAX_DEPTH + 1, 10**5):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            text = opening * depth + b"1" + closing * depth
            try:
                loads(text)
            except ValueError:
                assert depth > MAX_DEPTH
            else:
                assert depth <= MAX_DEPTH
    assert loads(json.dumps(["[" * 500, '"\\[' * 500])) == ["[" * 500, '"\\[' * 500]
    assert len(loads(json.dumps([{"a": 1}] * 500))) == 500


def test_no_document_takes_long_to_be_measured() -> None:
    dice = random.Random(1)
    for piece in (b'"\\', b'"', b"\\", b'[{"', bytes(dice.choices(b'"\\[]{}a', k=40))):
        try:
            loads(piece * 50_000)
        except ValueError:
            continue
