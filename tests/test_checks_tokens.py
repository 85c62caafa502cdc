"""The checks on bearer transport, on keys, contents and ends of tokens, and on opaque ones."""

from __future__ import annotations

import asyncio
import fnmatch
from pathlib import Path

import pytest

from conformance.attacks.bearer import DETOURS, malformed_fields
from conformance.certify import Selection, Session
from conformance.commands.demo import STATELESS
from conformance.errors import DescriptionError
from conformance.model import Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.standards import profile, requirement
from conformance.target.description import parse
from reference_impl import FAULTS, VARIANTS, build
from reference_impl.clock import Clock
from reference_impl.faults import Variant
from reference_impl.hosting import Hosted, toml
from reference_impl.token import build_token
from reference_impl.token_keys import Keys
from reference_impl.token_switch import whole
from tests.matrix import everything

MINE = (
    "bearer.*", "token.key.jwks-private", "token.secret.*", "token.jti.*", "token.secrecy.*", "token.size.*",
    "token.life.expires-in", "token.http.*", "token.cross.*", "token.stateless.*", "token.revoke.*", "token.opaque.*",
)  # fmt: skip
IDS = sorted({id for glob in MINE for id in fnmatch.filter(catalogue(), glob)} - {"token.secrecy.pii"})
KILLED = [(f.id, f.primary) for f in FAULTS if f.scheme == "token" and f.primary in IDS]
CLEAN = ["ref:token", *(f"ref:token+{v.id}" for v in VARIANTS if "token" in v.schemes)]
REPLICAS = ["ref:token+replica", "ref:token+revocable+replica", "ref:token+es256+revocable", "ref:token+opaque+replica"]


def judged(target: str, *only: str, profiles: tuple[str, ...] = ()) -> dict[str, Verdict]:
    """What some checks say of a target, under a profile that demands everything unless others are named."""

    async def run() -> dict[str, Verdict]:
        async with opened(target, Options()) as system:
            session = Session(system, Selection(only=only or tuple(IDS), destructive=True))
            await session.prepare(judged_by=[profile(name) for name in profiles] or [everything()])
            return {verdict.check.id: verdict async for verdict in session.run()}

    return asyncio.run(run())


@pytest.mark.parametrize(("fault", "primary"), KILLED, ids=[fault for fault, _ in KILLED])
def test_each_fault_is_caught(fault: str, primary: str) -> None:
    verdict = judged(f"ref:token+{fault}", primary)[primary]
    assert verdict.outcome is Outcome.FAIL, verdict.reason
    assert verdict.expected
    assert verdict.actual
    assert verdict.evidence


def test_every_check_has_a_fault() -> None:
    assert set(IDS) == {primary for _, primary in KILLED}


@pytest.mark.parametrize("target", [*CLEAN, *REPLICAS])
def test_servers_without_a_fault_fail_nothing_else(target: str) -> None:
    found = judged(target)
    bad = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE)
    told = {id: f"{v.outcome} {v.reason or v.actual}" for id, v in found.items() if v.outcome in bad}
    assert set(told) <= STATELESS["token"], told
    assert all(v.reason for v in found.values() if v.outcome is Outcome.NOT_APPLICABLE)


def test_what_is_not_killable_without_a_replica_runs_with_one() -> None:
    found = judged("ref:token+revocable+replica", "token.revoke.logout-replica", "token.stateless.replica")
    assert {v.outcome for v in found.values()} == {Outcome.PASS}


def test_a_stateless_server_says_how_long_the_window_is() -> None:
    verdict = judged("ref:token", "token.revoke.logout")["token.revoke.logout"]
    assert "stateless: works until its exp, " in verdict.actual
    assert "declared: policy.access_revocation = false" in verdict.actual


def test_revocable_tokens_die_in_every_way() -> None:
    found = judged("ref:token+revocable", "token.revoke.logout", "token.revoke.password", "token.revoke.malleable.b64")
    assert {v.outcome for v in found.values()} == {Outcome.PASS}


def test_malleability_is_judged_only_where_tokens_can_be_revoked() -> None:
    for target in ("ref:token", "ref:token+jwt-in-cookie"):
        verdict = judged(target, "token.revoke.malleable.b64")["token.revoke.malleable.b64"]
        assert verdict.outcome is Outcome.NOT_APPLICABLE
        assert "outlives its logout" in verdict.reason


def test_the_wording_of_refusals_is_demanded_by_rfc6750_alone() -> None:
    id = "bearer.no-token-401"
    assert judged("ref:token+no-challenge", id, profiles=("bearer",))[id].outcome is Outcome.ADVICE
    assert judged("ref:token+no-challenge", id, profiles=("rfc6750",))[id].outcome is Outcome.FAIL
    assert judged("ref:token+status-403", id, profiles=("rfc6750",))[id].outcome is Outcome.ADVICE


def test_a_server_with_sessions_has_no_tokens_to_judge() -> None:
    assert {v.outcome for v in judged("ref:session").values()} == {Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize("id", IDS)
def test_sources_are_known(id: str) -> None:
    for source in catalogue()[id].sources:
        requirement(source)


def test_malformed_fields_are_distinct_and_malformed() -> None:
    from hypothesis import given, settings

    seen: dict[str, str] = {}

    @settings(max_examples=300, database=None)
    @given(malformed_fields())
    def collect(form: object) -> None:
        seen[repr(form)] = form.write("eyJh.bcDE.fgHI")  # type: ignore[attr-defined]

    collect()
    assert len(set(seen.values())) > 60
    genuine = "Bearer eyJh.bcDE.fgHI"
    assert all(" ".join(field.split(" ")).strip() != genuine for field in seen.values())


def test_detours_differ() -> None:
    spelled = {(d.method, d.path("/me") + d.suffix, tuple(d.headers.items())) for d in DETOURS}
    assert len(spelled) == len(DETOURS)
    assert {d.name for d in DETOURS if not d.another_path} >= {"HEAD", "OPTIONS"}


# -- the user's own list of secrets


SECRET = "correct-horse-of-our-own-1987"


@pytest.fixture
def description(tmp_path: Path) -> Path:
    """A description with a wordlist, of a server that the test starts."""
    (tmp_path / "words.txt").write_text("\n".join([*map(str, range(2000)), SECRET, ""]))
    return tmp_path / "target.toml"


def test_the_users_wordlist_is_tried(description: Path) -> None:
    own = Variant(
        "own-secret", ("token",), "", whole(keys=lambda: Keys("HS256", "own", SECRET.encode(), SECRET.encode()))
    )
    reference = build_token([own], clock=Clock(), store="memory://", hashing="test")
    with Hosted(reference) as hosted:
        table = {**hosted.describe(), "keys": {"wordlist": "words.txt"}}
        description.write_text(toml(table))
        verdict = judged(str(description), "token.secret.dictionary")["token.secret.dictionary"]
        description.write_text(toml({**table, "keys": {}}))
        without = judged(str(description), "token.secret.dictionary")["token.secret.dictionary"]
        description.write_text(toml({**table, "keys": {"wordlist": "absent.txt"}}))
        absent = judged(str(description), "token.secret.dictionary")["token.secret.dictionary"]
    assert verdict.outcome is Outcome.FAIL
    assert SECRET not in verdict.actual
    assert without.outcome is Outcome.PASS
    assert "hashcat" in without.actual
    assert absent.outcome is Outcome.INCONCLUSIVE
    assert "keys.wordlist" in absent.reason


def test_the_budget_is_the_declared_one(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    outcomes = []
    for size in (200, 2000):
        with Hosted(build("token")) as hosted:
            table = hosted.describe()
            path.write_text(toml({**table, "policy": {**table["policy"], "credential_bytes": size}}))
            outcomes.append(judged(str(path), "token.size.budget")["token.size.budget"])
    assert [v.outcome for v in outcomes] == [Outcome.FAIL, Outcome.PASS]
    assert "times a session id" in outcomes[1].actual


def test_admin_verbs_are_named_in_the_grammar() -> None:
    table = {"base_url": "http://127.0.0.1:1", "accounts": {"alice": {"user": "a", "password": "b"}}, "adapter": "a:B"}
    with pytest.raises(DescriptionError, match="other_audiences"):
        parse({**table, "other_audiences": {"send": "POST /login"}}, "test")
    assert parse({**table, "other_audience": {"send": "POST /login"}}, "test").other_audience


def test_ids_are_those_of_the_catalogue() -> None:
    assert len(IDS) == 36
    assert set(IDS) <= set(catalogue())
