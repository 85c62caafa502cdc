"""The checks on bearer transport, on keys, contents and ends of tokens, and on opaque ones."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request

from bench.forgery import MOST, family
from conformance.attacks import bearer
from conformance.attacks.bearer import DETOURS, malformed_fields
from conformance.certify import Selection, Session
from conformance.commands.demo import STATELESS
from conformance.errors import DescriptionError
from conformance.model import Capability, Outcome, Verdict
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
from reference_impl.token_life import FORGETTING, forget
from reference_impl.token_switch import Change, both, carrier, opaque, rules, surface, whole
from reference_impl.token_variants import MINTING, OPAQUE
from tests.matrix import everything

MINE = (
    "bearer.*", "token.key.jwks-private", "token.secret.*", "token.jti.*", "token.secrecy.*", "token.size.*",
    "token.life.expires-in", "token.http.*", "token.cross.*", "token.stateless.*", "token.revoke.*", "token.opaque.*",
)  # fmt: skip
OTHERS = {"token.secrecy.pii", "token.jti.replay"} | {
    id for id, check in catalogue().items() if Capability.AUTHORIZE in check.needs
}
"""Rows of other families below the same names."""
IDS = sorted({id for glob in MINE for id in fnmatch.filter(catalogue(), glob)} - OTHERS)
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


# -- targets of other habits


def named(id: str, *changes: Change) -> Variant:
    return Variant(id, ("token",), "", both(*changes))


def verdicts_of(variant: Variant, tmp_path: Path, *only: str, **keys: object) -> dict[str, Verdict]:
    """What some checks say of a server that only this test builds; None removes a key of its description."""
    path = tmp_path / "target.toml"
    with Hosted(build_token([variant], clock=Clock(), store="memory://", hashing="test")) as hosted:
        table = {name: value for name, value in {**hosted.describe(), **keys}.items() if value is not None}
        path.write_text(toml(table))
        return judged(str(path), *only)


def test_a_logout_that_names_its_token_is_harmless_without_one(tmp_path: Path) -> None:
    logout = {"send": "POST /logout", "json": {"token": "{access}"}}
    id = "session.logout.idempotent"
    assert verdicts_of(named("as-it-is"), tmp_path, id, logout=logout)[id].outcome is Outcome.PASS


def handed_out_again() -> Change:
    """One token for each account while it is open, as products with one row for each user have it."""
    values: dict[str, str] = {}
    ends = replace(
        FORGETTING,
        logout=lambda db, accounts, grant, now: (values.pop(grant.sub, None), forget(db, accounts, grant, now))[1],
    )
    return both(
        OPAQUE,
        opaque(new=lambda account, _now: values.setdefault(account.sub, secrets.token_urlsafe(32))),
        whole(revocation=ends),
    )


def test_one_token_for_all_logins_of_an_account(tmp_path: Path) -> None:
    found = verdicts_of(named("again", handed_out_again()), tmp_path, "token.opaque.unique", "token.revoke.isolation")
    assert {id: v.outcome for id, v in found.items()} == dict.fromkeys(found, Outcome.FAIL)
    assert all(v.evidence for v in found.values())


OWN = ("header:X-Api-Key: {access}", "header:Authorization: Token {access}")


def own_scheme(use: str) -> Change:
    name = "x-api-key" if "Api" in use else "authorization"

    def read(request: Request) -> bytes | None:
        value = request.headers.get(name)
        if value is None or (name == "authorization" and not value.startswith("Token ")):
            return None
        return value.removeprefix("Token ").encode("latin-1")

    return carrier(read=read, use=use)


@pytest.mark.parametrize("use", OWN)
def test_a_scheme_of_its_own_is_not_held_to_the_rules_of_bearer(use: str, tmp_path: Path) -> None:
    found = verdicts_of(named("own", own_scheme(use)), tmp_path, "bearer.*")
    told = {id.removeprefix("bearer."): v.outcome for id, v in found.items()}
    assert told.pop("header-ok") is Outcome.ADVICE
    lacking = {id for id, outcome in told.items() if outcome is Outcome.NOT_APPLICABLE and f"bearer.{id}" in IDS}
    own = {"scheme-case", "two-headers", "grammar", "no-token-401", "invalid-token-401", "challenge-grammar"}
    assert lacking == own | {"query-private", "two-methods"}
    assert {outcome for id, outcome in told.items() if id not in lacking and f"bearer.{id}" in IDS} == {Outcome.PASS}
    assert all("Bearer scheme" in found[f"bearer.{id}"].reason for id in own)


def test_an_opaque_token_whose_life_nobody_tells(tmp_path: Path) -> None:
    silent = both(OPAQUE, surface(login=lambda data, *_: {n: v for n, v in data.items() if n != "expires_in"}))
    found = verdicts_of(named("silent", silent), tmp_path, "token.life.access", policy=None)
    assert found["token.life.access"].outcome is Outcome.ADVICE
    told = verdicts_of(named("telling", OPAQUE), tmp_path, "token.life.access")
    assert told["token.life.access"].outcome is Outcome.PASS


def test_the_last_of_two_claims_may_count(tmp_path: Path) -> None:
    id = "token.json.dup-claim"
    last = verdicts_of(named("last", both(MINTING, rules(parse=json.loads))), tmp_path, id)[id]
    assert last.outcome is Outcome.PASS
    assert "the last counts" in last.actual
    assert judged("ref:token+first-claim-wins", id)[id].outcome is Outcome.FAIL


def test_malformed_fields_are_written_once_each() -> None:
    token = "".join(map(chr, range(48, 123))).translate(dict.fromkeys(range(58, 65)))
    written = [form.write(token) for form in bearer._RECIPES]
    assert len(set(written)) == len(written)


def test_a_complete_forgery_family_costs_at_most_160_requests() -> None:
    """Positive controls and the logins that forgeries are made from included."""
    requests, found = asyncio.run(family())
    assert requests <= MOST == 160
    assert found == {Outcome.PASS, Outcome.NOT_APPLICABLE}


def test_ids_are_those_of_the_catalogue() -> None:
    assert len(IDS) == 46
    assert set(IDS) <= set(catalogue())
