"""What an answer means: tables of answers, with what genuine users and strangers got on the target."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import Answer, Exchange, Request
from conformance.target.oracle import Face, Oracle, RouteOracle, face, faces, unclear_reason

URL = "http://127.0.0.1:8000/me"
JSON = (("Content-Type", "application/json; charset=utf-8"),)
HTML = (("content-type", "text/html"),)


def to(place: str) -> tuple[tuple[str, str], ...]:
    return (("Location", place),)


def got(status: int | None, headers: tuple[tuple[str, str], ...] = (), error: str | None = None) -> Exchange:
    answer = Answer(status, headers) if status else None
    return Exchange(Request("GET", URL), answer, error, "somebody", "who am I?", 0.0, 0.0)


UNAUTHORIZED = Oracle(faces([got(401, JSON)]))
REDIRECTING = Oracle(faces([got(302, to("/login?next=/me"))]))
NULL = Oracle(faces([got(200, JSON)]))
GUEST = Oracle(faces([got(200, JSON)]), frozenset({"guest"}))


@pytest.mark.parametrize(
    ("oracle", "exchange", "name", "meaning"),
    [
        (UNAUTHORIZED, got(200, JSON), "alice", "accepted"),
        (UNAUTHORIZED, got(206), "alice", "accepted"),
        (UNAUTHORIZED, got(401, JSON), None, "refused"),
        (UNAUTHORIZED, got(403), None, "refused"),
        (UNAUTHORIZED, got(404, HTML), None, "refused"),
        (UNAUTHORIZED, got(400), None, "refused"),
        (UNAUTHORIZED, got(401), "alice", "refused"),
        (UNAUTHORIZED, got(200, JSON), None, "unclear"),
        (UNAUTHORIZED, got(204), None, "unclear"),
        (UNAUTHORIZED, got(302, to("/login")), None, "unclear"),
        (REDIRECTING, got(302, to("/login?next=/elsewhere")), None, "refused"),
        (REDIRECTING, got(302, to("http://127.0.0.1:8000/login")), None, "refused"),
        (REDIRECTING, got(303, to("/login")), None, "refused"),
        (REDIRECTING, got(302, to("/consent")), None, "unclear"),
        (REDIRECTING, got(302), None, "unclear"),
        (REDIRECTING, got(200, HTML), None, "unclear"),
        (NULL, got(200, (("content-type", "application/json"),)), None, "refused"),
        (NULL, got(200, HTML), None, "unclear"),
        (NULL, got(200, JSON), "alice", "accepted"),
        (GUEST, got(200, JSON), "guest", "refused"),
        (GUEST, got(200, JSON), "alice", "accepted"),
        (GUEST, got(200, HTML), "guest", "unclear"),
    ],
)
def test_the_identity_route(oracle: Oracle, exchange: Exchange, name: str | None, meaning: str) -> None:
    judged = oracle.judge(exchange, name)
    assert judged.meaning == meaning
    assert judged.name == (name if meaning == "accepted" else None)
    assert judged.exchange is exchange


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        (got(500), "the target answered 500"),
        (got(503, JSON), "the target answered 503"),
        (got(599), "the target answered 599"),
        (got(429), "the target answered 429: it asks for less haste"),
        (got(408), "the target answered 408: it asks for less haste"),
        (got(425), "the target answered 425: it asks for less haste"),
        (got(None, error="the connection broke"), "the connection broke"),
        (got(None), "no answer"),
    ],
)
@pytest.mark.parametrize("name", [None, "alice"])
def test_what_says_nothing_of_the_credential_is_unclear(exchange: Exchange, why: str, name: str | None) -> None:
    """Even where strangers were once answered so, and even under a name."""
    calibrated = Oracle(faces([exchange]))
    assert (calibrated.judge(exchange, name).meaning, calibrated.judge(exchange, name).why) == ("unclear", why)
    route = RouteOracle(faces([got(200)]), faces([exchange]))
    assert route.judge(exchange).meaning == "unclear"
    assert unclear_reason(exchange) == why


ROUTE = RouteOracle(faces([got(200, JSON)]), faces([got(302, to("/login"))]))


@pytest.mark.parametrize(
    ("exchange", "meaning"),
    [
        (got(200, JSON), "accepted"),
        (got(302, to("/login")), "refused"),
        (got(401), "refused"),
        (got(404), "refused"),
        (got(200, HTML), "unclear"),
        (got(201, JSON), "unclear"),
        (got(302, to("/elsewhere")), "unclear"),
    ],
)
def test_a_protected_route(exchange: Exchange, meaning: str) -> None:
    assert ROUTE.judge(exchange).meaning == meaning


def test_a_route_decides_only_where_insiders_and_strangers_differ() -> None:
    same, other = faces([got(200, JSON)]), faces([got(401)])
    assert RouteOracle(same, other).decides
    assert not RouteOracle(same, same).decides
    assert not RouteOracle(same, faces([got(None)])).decides
    assert not RouteOracle(frozenset(), other).decides


def test_how_a_judgement_is_told() -> None:
    assert str(UNAUTHORIZED.judge(got(200), "alice")) == "accepted as alice"
    assert str(ROUTE.judge(got(200, JSON))) == "accepted"
    assert str(UNAUTHORIZED.judge(got(401, JSON), None)) == "refused (401, as a stranger gets)"
    assert str(UNAUTHORIZED.judge(got(503), None)) == "unclear (the target answered 503)"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/login?next=%2F&n=1", "/login"),
        ("login", "/login"),
        ("?x=1", "/me"),
        ("https://sso.example/in", "/in"),
        ("", ""),
    ],
)
def test_a_face_keeps_the_path_of_a_redirect(location: str, path: str) -> None:
    assert face(Answer(302, to(location)), URL) == Face(302, path, "")


@given(st.integers(100, 599), st.text(), st.text(), st.none() | st.text())
def test_no_answer_breaks_the_oracle(status: int, location: str, media: str, name: str | None) -> None:
    exchange = got(status, (("location", location), ("content-type", media)))
    for oracle in (UNAUTHORIZED, REDIRECTING, NULL, GUEST):
        assert oracle.judge(exchange, name).meaning in ("accepted", "refused", "unclear")
    assert ROUTE.judge(exchange).meaning in ("accepted", "refused", "unclear")
