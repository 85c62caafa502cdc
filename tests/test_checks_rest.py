"""Recovery, binding, rights, logs, key sizes, refreshes and clients: faults caught, variants left alone."""

from __future__ import annotations

import pytest

from conformance.model import Outcome
from reference_impl import FAULTS
from tests.rest_probes import OAUTH, REFRESH, TOKEN
from tests.test_checks_refresh import judged

SESSION = (
    "bound-address-forgotten", "bound-agent-forgotten", "note-in-cookie", "recovery-link-stays", "recovery-puzzles",
    "recovery-spares-sessions", "role-kept-in-session",
)  # fmt: skip
OURS = {*SESSION, *TOKEN, *REFRESH, *OAUTH}
KILLED = [(f"ref:{fault.scheme}+{fault.id}", fault.primary) for fault in FAULTS if fault.id in OURS]
SOUND = {
    "ref:session": {"session.issue.puzzling", "session.pwchange.reset", "token.jti.replay", "cookie.attr.size"},
    "ref:session+html": {"session.issue.puzzling", "session.pwchange.reset", "token.jti.replay"},
    "ref:session+bound-agent": {"hijack.bind.ua"},
    "ref:session+bound-address": {"hijack.bind.ip"},
    "ref:token+access-log": {"transport.logs.masked", "token.role.recheck"},
    "ref:token+minting+hs256": {"token.secret.min-length"},
    "ref:refresh+refresh-jwt": {"refresh.integrity", "refresh.old-access-honest", "refresh.race.tokens-revocable"},
    "ref:oauth+client-throttle": {"oauth.client.bruteforce", "oauth.revoke.immediate", "refresh.resource-no-widen"},
    "ref:oauth+client-tokens": {"bearer.client-not-user"},
    "ref:oauth+resource-indicators": {"refresh.resource-no-widen"},
}
"""Servers that do it right, each with the checks that must be decided there."""
SILENT = {
    "ref:session": {"hijack.bind.ua": "policy.binding", "transport.logs.masked": "`logs`"},
    "ref:refresh": {"refresh.integrity": "opaque", "refresh.resource-no-widen": "authorize"},
    "ref:oauth": {"oauth.client.bruteforce": "oauth.throttle_client", "bearer.client-not-user": "no described client"},
    "ref:token+error-200": {"token.role.recheck": "answers alike"},
}
"""Servers that lack what an attack needs, and what is told of it."""


@pytest.mark.parametrize(("target", "primary"), KILLED, ids=[target for target, _ in KILLED])
def test_each_fault_is_caught(target: str, primary: str) -> None:
    verdict = judged(target, primary)[primary]
    assert verdict.outcome is Outcome.FAIL, verdict.reason
    assert verdict.expected
    assert verdict.actual
    assert verdict.evidence


@pytest.mark.parametrize("target", SOUND)
def test_whoever_does_it_right_passes(target: str) -> None:
    found = judged(target, *SOUND[target])
    assert {id: v.outcome for id, v in found.items()} == dict.fromkeys(SOUND[target], Outcome.PASS)


@pytest.mark.parametrize("target", SILENT)
def test_what_cannot_be_tried_says_why(target: str) -> None:
    for id, verdict in judged(target, *SILENT[target]).items():
        assert verdict.outcome is Outcome.NOT_APPLICABLE
        assert SILENT[target][id] in verdict.reason
