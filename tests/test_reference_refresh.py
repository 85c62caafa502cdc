"""The refresh reference server: right without faults, wrong in exactly one way with each, working in each variant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.standards import requirements
from conformance.target.description import parse
from reference_impl import FAULTS, VARIANTS, Clock, Reference, build
from reference_impl.families import Families, FamilyRules
from reference_impl.store import Database
from reference_impl.token_guard import Rejected
from tests import reference_refresh, rest_probes
from tests.reference_refresh import COOKIE, ORIGIN, PASSWORD, Client, alice_of, chain, claims

pytestmark = pytest.mark.asyncio
REFRESH_FAULTS = {fault.id: fault for fault in FAULTS if fault.scheme == "refresh"}
REFRESH_VARIANTS = [variant.id for variant in VARIANTS if "refresh" in variant.schemes]
PROBES = {**reference_refresh.PROBES, **rest_probes.REFRESH}
BASE = {fault: ["grace-30"] for fault in REFRESH_FAULTS if fault.startswith("grace-")} | {
    **rest_probes.REFRESH_BASE,
    "refresh-cross-site": ["refresh-in-cookie"],
    "logout-cross-site": ["refresh-in-cookie"],
}
"""The sound server that a fault is compared with; otherwise the default."""


def still() -> Clock:
    """A clock that moves only when told, so that no second passes by chance."""
    return Clock(lambda: 1_000_000.0)


def content_of(folder: Path) -> bytes:
    """Everything that stands in the files of a folder."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.fixture
def reference() -> Reference:
    return build("refresh", clock=still())


# Faults


async def test_each_fault_is_probed() -> None:
    assert set(PROBES) == set(REFRESH_FAULTS)


@pytest.mark.parametrize("fault", sorted(PROBES))
async def test_fault_does_what_it_says_and_the_sound_server_does_not(fault: str) -> None:
    assert await PROBES[fault](build("refresh", [fault], clock=still()))
    assert not await PROBES[fault](build("refresh", BASE.get(fault, []), clock=still()))


async def test_fault_rows_are_well_formed() -> None:
    known = {one.id for one in requirements()}
    for fault in REFRESH_FAULTS.values():
        assert fault.summary.endswith(".")
        assert fault.primary.startswith(("refresh.", "lifecycle."))
        assert set(fault.sources) <= known, fault
    assert len(REFRESH_FAULTS) == sum(fault.scheme == "refresh" for fault in FAULTS)


# The server


async def test_tokens_of_a_login(reference: Reference) -> None:
    alice = await alice_of(reference)
    assert alice.answer is not None
    assert set(alice.answer.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert alice.answer.headers["cache-control"] == "no-store"
    assert set(claims(alice.access)) == {"iss", "aud", "sub", "iat", "exp", "jti", "fam"}
    assert claims(alice.access)["exp"] - claims(alice.access)["iat"] == 300
    assert len(alice.refresh) == 43


async def test_each_refresh_replaces_both(reference: Reference) -> None:
    generations = await chain(reference, 3)
    assert len({client.refresh for client in generations}) == 4
    assert len({client.access for client in generations}) == 4
    assert len({claims(client.access)["fam"] for client in generations}) == 1
    assert all([await client.works() for client in generations])


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_any_spent_ancestor_ends_the_family(reference: Reference, depth: int) -> None:
    other = await alice_of(reference)
    generations = await chain(reference, depth)
    assert (await generations[0].renew()).status == 401
    assert not any([await client.renews() or await client.works() for client in reversed(generations)])
    assert await other.works()
    assert await other.renews()


@pytest.mark.parametrize("garbage", ["", "x", "x" * 300, "\x00", "ä", "null"])
async def test_garbage_changes_nothing(reference: Reference, garbage: str) -> None:
    alice = await alice_of(reference)
    refused = await alice.renew(garbage)
    assert refused.status == 401
    assert refused.answer is not None
    assert refused.answer.json() == {"error": "the refresh token is not valid"}
    assert await alice.works()
    assert await alice.renews()


@pytest.mark.parametrize(("body", "status"), [({}, 401), ({"refresh_token": 1}, 400), ([], 400), (None, 401)])
async def test_malformed_requests(reference: Reference, body: object, status: int) -> None:
    assert (await Client(reference).send("POST", "/refresh", body)).status_code == status


async def test_limits(reference: Reference) -> None:
    alice = await alice_of(reference)
    reference.clock.advance(3599)
    alice = await alice.renew()
    assert alice.status == 200
    reference.clock.advance(3600)
    assert not await alice.renews()
    busy = await alice_of(reference)
    for _ in range(24):
        reference.clock.advance(3599)
        busy = await busy.renew()
        assert busy.status == 200
    reference.clock.advance(24)
    assert not await busy.renews()


async def test_refresh_outlives_the_access_token(reference: Reference) -> None:
    alice = await alice_of(reference)
    reference.clock.advance(300)
    assert not await alice.works()
    assert await (await alice.renew()).works()


async def test_what_ends_a_family(reference: Reference) -> None:
    alice, elsewhere, bob = await alice_of(reference), await alice_of(reference), await Client(reference).login("bob")
    await alice.send("POST", "/logout")
    assert [await one.works() or await one.renews() for one in (alice, elsewhere)] == [False, True]
    elsewhere = await alice_of(reference)
    fresh = await (await alice_of(reference)).change_password()
    assert [await one.works() for one in (elsewhere, fresh, bob)] == [False, True, True]
    assert not await elsewhere.renews()
    await fresh.send("POST", "/logout-all")
    await bob.act("end-sessions", "bob")
    assert not any([await one.works() or await one.renews() for one in (fresh, bob)])


async def test_logout_with_the_refresh_token_alone(reference: Reference) -> None:
    alice = await alice_of(reference)
    reference.clock.advance(301)
    body = {"refresh_token": alice.refresh}
    assert (await Client(reference).send("POST", "/logout", body)).status_code == 204
    assert not await alice.renews()
    assert (await Client(reference).send("POST", "/logout")).status_code == 401


@pytest.mark.parametrize("act", ["disable", "delete"])
async def test_account_stands_behind_each_refresh(reference: Reference, act: str) -> None:
    alice = await alice_of(reference)
    await alice.act(act)
    assert not await alice.renews()
    if act == "disable":
        await alice.act("enable")
        assert not await alice.renews()


async def test_kinds_are_not_interchangeable(reference: Reference) -> None:
    alice = await alice_of(reference)
    assert (await alice.renew(alice.access)).status == 401
    thief = Client(reference)
    thief.access = alice.refresh
    assert not await thief.works()


async def test_tokens_are_stored_as_digests(tmp_path: Path) -> None:
    reference = build("refresh", store=f"sqlite:///{tmp_path}/tokens.db")
    generations = await chain(reference, 2)
    assert not [client for client in generations if client.refresh.encode() in content_of(tmp_path)]


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Families]]:
    """One server's families in memory, or two servers' in one database."""
    url = f"sqlite:///{tmp_path}/families.db" if request.param == "sqlite" else "memory://"
    databases = [Database(url) for _ in range(2 if request.param == "sqlite" else 1)]
    yield [Families(db, still()) for db in databases] * (2 // len(databases))
    for db in databases:
        db.close()


async def test_a_double_spend_gets_one_answer_and_ends_the_family(stores: list[Families]) -> None:
    first = stores[0].begin("alice")
    calls = (store.spend(first.value) for store in stores * 4)
    results = await asyncio.gather(*calls, return_exceptions=True)
    winners = [result for result in results if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(result, Rejected) for result in results if result not in winners)
    assert not stores[1].lives(stores[1].family(first.family.id))
    with pytest.raises(Rejected):
        await stores[1].spend(winners[0].value)


async def test_another_client_neither_spends_nor_ends(stores: list[Families]) -> None:
    first = stores[0].begin("alice", client="app", data="notes:read")
    second = await stores[1].spend(first.value, "app")
    assert second.family.data == "notes:read"
    for value in (first.value, second.value):
        with pytest.raises(Rejected):
            await stores[1].spend(value, "other")
    assert stores[0].of("alice")
    await stores[0].spend(second.value, "app")


async def test_families_end_by_user_and_client() -> None:
    families = Families(Database(), still(), FamilyRules())
    issued = {name: families.begin("alice", client=name).family.id for name in ("app", "web", "tv")}
    families.end_user("alice", client="app")
    assert [family.client for family in families.of("alice")] == ["web", "tv"]
    families.end_user("alice", but=issued["tv"])
    assert [family.client for family in families.of("alice")] == ["tv"]
    families.end_everyone()
    assert families.of("alice") == []


async def test_what_is_past_its_limit_is_forgotten() -> None:
    clock = still()
    families = Families(Database(), clock)
    first = families.begin("alice")
    clock.advance(86400)
    families.begin("bob")
    assert families.token(first.value) is None
    assert families.family(first.family.id) is None


# Variants


@pytest.mark.parametrize("switch", [None, *REFRESH_VARIANTS, *REFRESH_FAULTS])
async def test_every_server_serves_its_users_as_described(switch: str | None) -> None:
    reference = build("refresh", [switch] if switch else [], clock=still())
    described = json.loads(json.dumps(reference.describe("http://127.0.0.1:8000")))
    assert parse(described, "reference").policy.refresh_idle == 3600
    assert set(reference.extras()) == {"throttle"}
    alice = await alice_of(reference)
    reference.clock.advance(1)
    renewed = await (alice.renew() if "json" in described["refresh"] else alice.renew_by_cookie())
    assert await renewed.works()
    assert bool(renewed.refresh)


async def test_grace_gives_one_successor_while_nobody_used_it() -> None:
    reference = build("refresh", ["grace-30"], clock=still())
    first, second = await chain(reference, 1)
    reference.clock.advance(29)
    assert (await first.renew()).refresh == second.refresh
    third = await second.renew()
    assert third.status == 200
    assert (await first.renew()).status == 401
    assert not await third.renews()


async def test_grace_ends() -> None:
    reference = build("refresh", ["grace-30"], clock=still())
    first, second = await chain(reference, 1)
    reference.clock.advance(30)
    assert not await first.renews()
    assert not await second.renews()


async def test_cookie_variant_defends_what_browsers_attach() -> None:
    reference = build("refresh", ["refresh-in-cookie"], clock=still())
    alice = await alice_of(reference)
    assert alice.answer is not None
    _, *attributes = alice.answer.headers["set-cookie"].split("; ")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    assert "refresh_token" not in alice.answer.json()
    assert (await alice.renew_by_cookie(Origin="https://evil.example")).status == 403
    assert (await alice.renew(alice.refresh)).status == 401
    renewed = await alice.renew_by_cookie()
    assert renewed.refresh not in ("", alice.refresh)
    twice = f"{COOKIE}={renewed.refresh}; {COOKIE}=planted"
    assert (await Client(reference).send("POST", "/refresh", Cookie=twice)).status_code == 400
    out = await Client(reference).send("POST", "/logout", Cookie=f"{COOKIE}={renewed.refresh}")
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await renewed.renew_by_cookie()).status == 401


async def test_login_over_a_cookie_ends_what_it_held() -> None:
    reference = build("refresh", ["refresh-in-cookie"], clock=still())
    alice = await alice_of(reference)
    fields = {"user": "bob", "password": PASSWORD["bob"]}
    await Client(reference).send("POST", "/login", fields, Cookie=f"{COOKIE}={alice.refresh}", Origin=ORIGIN)
    assert not await alice.works()


async def test_stateless_access_outlives_its_family_as_declared() -> None:
    reference = build("refresh", ["stateless-access"], clock=still())
    alice = await alice_of(reference)
    await alice.send("POST", "/logout")
    assert await alice.works()
    assert not await alice.renews()
    assert reference.describe("http://127.0.0.1:8000")["policy"]["access_revocation"] is False


async def test_without_rotation_the_token_stays_and_the_limits_hold() -> None:
    reference = build("refresh", ["no-rotation"], clock=still())
    first, second = await chain(reference, 1)
    assert first.refresh == second.refresh
    assert reference.describe("http://127.0.0.1:8000")["policy"]["rotation"] is False
    reference.clock.advance(3600)
    assert not await second.renews()
