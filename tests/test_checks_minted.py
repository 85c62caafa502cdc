"""Checks that sign with the target's own key, against servers that are odd and not wrong, or wrong in a quiet way."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from conformance.attacks.latency import dear
from conformance.attacks.patterns import internals
from conformance.model import Outcome
from reference_impl.token_carrier import bearer
from reference_impl.token_guard import Envelope, Guard, open_compact
from reference_impl.token_keys import Keys, verifies
from reference_impl.token_switch import Change, accepts, authorization, both, rules, whole, wrapped
from reference_impl.token_variants import MINTING
from reference_impl.web import answer
from tests.test_checks_tokens import named, verdicts_of


def answering(odd: Callable[[bytes], bool]) -> Change:
    """A server that answers 200 and an empty object to tokens with some payload."""

    async def handler(app: ASGIApp, _keys: Keys, scope: Scope, receive: Receive, send: Send) -> None:
        for value in authorization(scope):
            parts = (bearer(value.decode("latin-1")) or b"").split(b".")
            if len(parts) == 3 and odd(decoded(parts[1])):
                await answer({})(scope, receive, send)
                return
        await app(scope, receive, send)

    return wrapped(handler)


def decoded(segment: bytes) -> bytes:
    try:
        return urlsafe_b64decode(segment + b"==")
    except ValueError:
        return b""


def is_list(payload: bytes) -> bool:
    return payload == b"[]"


def test_a_list_that_is_let_in_without_a_name_is_a_violation(tmp_path: Path) -> None:
    id = "token.json.shape"
    found = verdicts_of(named("lists", both(MINTING, answering(is_list))), tmp_path, id)[id]
    assert found.outcome is Outcome.FAIL
    assert "let in without a name" in found.actual


def test_an_answer_without_a_name_to_whatever_is_refused_stays_unclear(tmp_path: Path) -> None:
    id = "token.json.shape"

    def past(payload: bytes) -> bool:
        """What the kit signs with times before its genuine token, which lives until 300 s after now."""
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            return bool(json.loads(payload)["exp"] < 300 + time.time() - 60)
        return False

    found = verdicts_of(named("quiet", both(MINTING, answering(lambda p: is_list(p) or past(p)))), tmp_path, id)[id]
    assert found.outcome is Outcome.INCONCLUSIVE


def test_whoever_does_not_read_alg_is_not_blamed_for_its_spelling(tmp_path: Path) -> None:
    def pinned(envelope: Envelope, keys: Keys) -> bool:
        known = envelope.header.get("kid") == keys.kid
        return known and verifies(keys.alg, keys.verifying, envelope.signing_input, envelope.signature)

    ids = ("token.alg.name-case", "token.header.dup")
    found = verdicts_of(named("pinned", both(MINTING, accepts(pinned))), tmp_path, *ids)
    assert {found[id].outcome for id in ids} == {Outcome.NOT_APPLICABLE}
    assert "whatever alg says" in found[ids[0]].reason


def test_whoever_lets_no_token_expire_is_not_blamed_for_how_it_reads_an_expiry(tmp_path: Path) -> None:
    ids = ("token.json.dup-claim", "token.json.escape", "token.json.numbers", "token.exp.boundary")
    eternal = named("eternal", both(MINTING, rules(parse=json.loads, expiry=lambda *_: True, life=lambda *_: True)))
    verdicts = verdicts_of(eternal, tmp_path, *ids)
    *reading, expiry = (verdicts[id] for id in ids)
    assert {found.outcome for found in reading} == {Outcome.NOT_APPLICABLE}
    assert expiry.outcome is Outcome.FAIL


def test_a_crash_instead_of_a_refusal_names_the_one_repair(tmp_path: Path) -> None:
    def crashing(guard: Guard, raw: bytes) -> Envelope:
        opened = open_compact(guard, raw)
        if opened.header["alg"] == "none":
            raise RuntimeError("nobody catches this")
        return opened

    ids = ("token.alg.none", "token.alg.none-with-sig")
    found = verdicts_of(named("crashing", whole(open=crashing)), tmp_path, *ids)
    assert {found[id].outcome for id in ids} == {Outcome.INCONCLUSIVE}
    assert all("mends this for all checks with the same reason" in found[id].reason for id in ids)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"iss": "http://10.0.0.1/", "sub": "db.internal", "ver": "10.2.3.4", "client_ip": "192.168.1.4"}, []),
        ({"mail": "a@corp.local", "home": "/home/alice", "n": "8.8.8.8", "t": "select one from the list "}, []),
        ({"x": ["192.168.0.3:80"]}, ["the private address 192.168.0.3"]),
        ({"x": {"y": "db-1.corp.internal"}}, ["the internal host db-1.corp.internal"]),
        ({"q": "SELECT a FROM b "}, ["a statement of SQL"]),
        ({"p": "/etc/app/secret.yml"}, ["the path /etc/app/secret.yml"]),
    ],
)
def test_what_claims_tell_of_the_inside(claims: dict[str, object], told: list[str]) -> None:
    assert internals(claims) == told


def test_a_difference_counts_above_the_moods_of_a_machine() -> None:
    assert dear([0.01, 0.02], [1.0, 0.9])
    assert not dear([0.01, 0.5], [1.0, 0.9])
    assert not dear([0.01, 0.02], [1.0, 0.3])
    assert not dear([], [])
