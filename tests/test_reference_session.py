"""The session reference server: right without faults, wrong in exactly one way with each, working in each variant."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from reference_impl import FAULTS, SCHEMES, VARIANTS, Clock, Reference, build
from reference_impl.hosting import serve
from reference_impl.session_cookie import safe_next
from reference_impl.session_policy import sha256
from tests.reference_session import (
    ABSOLUTE,
    EVIL,
    IDLE,
    ORIGIN,
    PASSWORD,
    Visitor,
    handles,
    in_flight,
    logged_in,
)
from tests.reference_session_values import PROBES
from tests.rest_probes import question_signs_in

pytestmark = pytest.mark.asyncio
SESSION_FAULTS = {fault.id: fault for fault in FAULTS if fault.scheme == "session"}
SESSION_VARIANTS = [variant.id for variant in VARIANTS if "session" in variant.schemes]
NEEDS_REPLICAS = {"logout-local-only"}


@pytest.fixture
def reference() -> Reference:
    return build("session")


# Faults


async def test_each_fault_has_a_probe() -> None:
    assert set(PROBES) | NEEDS_REPLICAS == set(SESSION_FAULTS)
    assert PROBES["recovery-puzzles"] is question_signs_in


@pytest.mark.parametrize("fault", sorted(PROBES))
async def test_fault_does_what_it_says(fault: str) -> None:
    assert await PROBES[fault](build("session", [fault]))


@pytest.mark.parametrize("probe", sorted({p.__name__ + ":" + f for f, p in PROBES.items()}))
async def test_sound_server_does_not(probe: str, reference: Reference) -> None:
    assert not await PROBES[probe.partition(":")[2]](reference)


@pytest.mark.parametrize(("switches", "survives"), [([], False), (["logout-local-only"], True)])
async def test_logout_reaches_every_replica(switches: list[str], survives: bool, tmp_path: Path) -> None:
    clock, store = Clock(), f"sqlite:///{tmp_path}/store.db"
    here, there = (build("session", switches, clock=clock, store=store) for _ in range(2))
    alice = await logged_in(here)
    thief = Visitor(there)
    thief.jar = dict(alice.jar)
    assert await thief.who() == "alice"
    await alice.act("/logout")
    assert (await thief.who() == "alice") is survives
    assert await alice.who() is None


# The sound server


def stored(folder: Path) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in folder.iterdir())


async def test_cookie_of_the_login(reference: Reference) -> None:
    visitor = Visitor(reference)
    line = (await visitor.login()).headers["set-cookie"]
    assert line.partition("; ")[2] == "Path=/; Secure; HttpOnly; SameSite=Lax"
    assert len(visitor.id) == 43


async def test_ids_are_stored_as_hashes(tmp_path: Path) -> None:
    alice = await logged_in(build("session", store=f"sqlite:///{tmp_path}/store.db"))
    assert alice.id not in stored(tmp_path)
    assert sha256(alice.id) in stored(tmp_path)


async def test_headers_of_every_answer(reference: Reference) -> None:
    alice = await logged_in(reference)
    for method, path in [("GET", "/me"), ("GET", "/"), ("GET", "/nowhere"), ("POST", "/login"), ("PUT", "/me")]:
        headers = (await alice.send(method, path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert not any(name.startswith("access-control") for name in headers)


async def test_logout_clears_cookie_and_cache(reference: Reference) -> None:
    alice = await logged_in(reference)
    answer = await alice.act("/logout")
    assert "cookies" in answer.headers["clear-site-data"]
    assert alice.jar == {}
    assert (await alice.send("POST", "/logout", json={})).status_code == 200


async def test_login_ends_the_carried_session(reference: Reference) -> None:
    alice = await logged_in(reference)
    before = alice.thief()
    await alice.login()
    assert (await alice.who(), await before.who()) == ("alice", None)


async def test_foreign_carried_session_ends_too(reference: Reference) -> None:
    alice = await logged_in(reference)
    carrier = alice.thief()
    await carrier.login("bob")
    assert (await alice.who(), await carrier.who()) == (None, "bob")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_differing_cookies_are_refused(order: tuple[int, int], reference: Reference) -> None:
    both = (await logged_in(reference), await logged_in(reference, "bob"))
    cookie = "; ".join(both[i].cookie for i in order)
    assert (await Visitor(reference).send("GET", "/me", headers={"Cookie": cookie})).status_code == 401
    same = f"{both[0].cookie}; {both[0].cookie}"
    assert (await Visitor(reference).send("GET", "/me", headers={"Cookie": same})).status_code == 200


@pytest.mark.parametrize("seconds", [IDLE - 1, IDLE])
async def test_idle_limit(seconds: float) -> None:
    reference = build("session", clock=Clock(lambda: 1_000_000.0))
    alice = await logged_in(reference)
    reference.clock.advance(seconds)
    assert (await alice.who() == "alice") is (seconds < IDLE)
    reference.clock.advance(-seconds)
    assert (await alice.who() == "alice") is (seconds < IDLE)


async def test_refused_requests_do_not_extend(reference: Reference) -> None:
    alice = await logged_in(reference)
    for _ in range(3):
        reference.clock.advance(IDLE / 3 + 1)
        await alice.send("POST", "/note", json={"note": "x"}, headers=EVIL)
    assert await alice.who() is None


async def test_step_up_is_a_new_authentication(reference: Reference) -> None:
    alice = await logged_in(reference)
    assert (await alice.send("GET", "/vault")).status_code == 403
    for _ in range(int(ABSOLUTE / 800) - 1):
        reference.clock.advance(800)
        await alice.who()
    old = alice.thief()
    await alice.act("/step-up", password=PASSWORD["alice"])
    reference.clock.advance(899)
    assert (await alice.who(), await old.who()) == ("alice", None)


async def test_oldest_session_gives_way(reference: Reference) -> None:
    alice = [await logged_in(reference) for _ in range(101)]
    bob = await logged_in(reference, "bob")
    assert [await alice[0].who(), await alice[1].who(), await bob.who()] == [None, "alice", "bob"]
    assert len(await handles(alice[1])) == 100


async def test_password_change_may_keep_the_others(reference: Reference) -> None:
    alice, other = await logged_in(reference), await logged_in(reference)
    change = {"current": PASSWORD["alice"], "new": "another-Long-1-Password", "end_others": False}
    await alice.act("/password", **change)
    assert (await alice.who(), await other.who()) == ("alice", "alice")
    assert (await Visitor(reference).login()).status_code == 401


@pytest.mark.parametrize("new", ["short", "password123", "x" * 1025])
async def test_poor_passwords_are_refused(new: str, reference: Reference) -> None:
    alice = await logged_in(reference)
    assert (await alice.act("/password", current=PASSWORD["alice"], new=new)).status_code == 422
    assert (await Visitor(reference).login()).status_code == 200


async def test_late_answer_sets_no_cookie(reference: Reference) -> None:
    alice = await logged_in(reference)
    thief = alice.thief()
    async with in_flight(thief):
        await alice.act("/logout")
    assert thief.set_cookies == []


async def test_nobody_but_an_administrator_administers(reference: Reference) -> None:
    bob = await logged_in(reference, "bob")
    assert (await bob.act("/admin/users/alice/disable")).status_code == 403
    admin = await logged_in(reference, "admin")
    assert (await admin.act("/admin/end-sessions")).status_code == 200
    assert await bob.who() is None


async def test_deleting_the_account(reference: Reference) -> None:
    alice, other = await logged_in(reference), await logged_in(reference)
    assert (await alice.act("/account", "DELETE", password=PASSWORD["alice"])).status_code == 200
    assert (await other.who(), (await alice.login()).status_code) == (None, 401)


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Origin": ORIGIN}, True),
        ({"Origin": "http://127.0.0.1:8000"}, True),
        ({"Origin": "", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": ""}, False),
        ({"Origin": "", "Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": ORIGIN, "Content-Type": "text/plain"}, False),
    ],
)
async def test_where_a_request_may_come_from(headers: dict[str, str], passes: bool, reference: Reference) -> None:
    alice = await logged_in(reference)
    content = json.dumps({"note": "hello", "csrf": await alice.token()})
    await alice.send("POST", "/note", headers={"Content-Type": "application/json"} | headers, content=content)
    assert (await alice.note() == "hello") is passes


async def test_throttle_is_per_account_and_spares_sessions(reference: Reference) -> None:
    alice, guesser = await logged_in(reference), Visitor(reference)
    statuses = [(await guesser.login(password=f"guess-number-{n}")).status_code for n in range(23)]
    assert statuses.count(429) == 2
    refused = await guesser.login()
    assert (refused.status_code, int(refused.headers["retry-after"])) == (429, 1)
    spelled = await guesser.act("/login", user=" ALICE", password=PASSWORD["alice"])
    assert (spelled.status_code, await alice.who()) == (429, "alice")
    assert (await guesser.login("bob")).status_code == 200
    reference.clock.advance(2)
    assert (await guesser.login()).status_code == 200


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'"x"', b"\xff", b"{}", b'{"user": 1}', b'{"user": "\\ud800", "password": "\\ud800"}', b"[" * 60000],
)
async def test_malformed_bodies_are_refused(content: bytes, reference: Reference) -> None:
    answer = await Visitor(reference).send(
        "POST", "/login", content=content, headers={"Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("target", ["/me?x=1#y", "/"])
async def test_next_on_this_site(target: str) -> None:
    assert safe_next(target, "/me") == target


@pytest.mark.parametrize("target", ["//x.example", "https://x.example", "/\\x.example", "/\t/x.example", "me", None, 1])
async def test_next_elsewhere(target: object) -> None:
    assert safe_next(target, "/me") == "/me"


# Variants: login, identity, logout by whatever the description says


async def step(visitor: Visitor, verb: dict, words: dict[str, str]) -> httpx.Response:
    """A single step of the description, played by the book."""
    if "page" in verb:
        return await submit(visitor, verb, words)
    method, path = verb["send"].split()
    body = {kind: filled(verb[kind], words) for kind in ("json", "form") if kind in verb}
    if "form" in body:
        body["data"] = body.pop("form")
    answer = await visitor.send(method, path, **body)
    words |= {name: source(answer, where) or "" for name, where in verb.get("take", {}).items()}
    return answer


async def submit(visitor: Visitor, verb: dict, words: dict[str, str]) -> httpx.Response:
    page = LexborHTMLParser((await visitor.send("GET", verb["page"])).text)
    names = set(verb.get("fill", {}))
    by_action = [f for f in page.css("form") if verb.get("action") in (None, f.attributes["action"])]
    form = next(f for f in by_action if names <= {i.attributes["name"] for i in f.css("input")})
    hidden = {i.attributes["name"]: i.attributes["value"] for i in form.css("input[type=hidden]")}
    return await visitor.send("POST", form.attributes["action"], data=hidden | filled(verb.get("fill", {}), words))


def filled(fields: dict[str, str], words: dict[str, str]) -> dict[str, str]:
    return {name: value.format(**words) for name, value in fields.items()}


def source(answer: httpx.Response, where: str) -> str | None:
    kind, _, path = where.partition(":")
    if kind == "html":
        node = LexborHTMLParser(answer.text).css_first(path)
        return node and (node.attributes.get("value") or node.text())
    try:
        found = answer.json()
        for key in path.strip("/").split("/"):
            found = found[key]
    except (ValueError, KeyError, TypeError):
        return None
    return found


async def play(visitor: Visitor, description: dict, verb: str, words: dict[str, str]) -> httpx.Response:
    if "csrf" in description and verb != "login":
        await step(visitor, description["csrf"], words)
    for one in description[verb].get("steps", [description[verb]]):
        answer = await step(visitor, one, words)
    return answer


async def named(visitor: Visitor, description: dict) -> str | None:
    return source(await step(visitor, {"send": description["identity"]["send"]}, {}), description["identity"]["name"])


@pytest.mark.parametrize("variant", SESSION_VARIANTS)
async def test_variant_works_as_described(variant: str) -> None:
    reference = build("session", [variant])
    description, visitor = reference.describe("http://127.0.0.1:8000"), Visitor(reference)
    words = dict(description["accounts"]["alice"])
    assert await named(visitor, description) is None
    await play(visitor, description, "login", words | {"password": "wrong-1-Entirely"})
    assert await named(visitor, description) is None
    await play(visitor, description, "login", words)
    assert await named(visitor, description) == "alice"
    thief = visitor.thief()
    await play(visitor, description, "mutate", words | {"value": "hello"})
    read = description["mutate"]["read"]
    assert source(await step(visitor, {"send": read["send"]}, {}), read["value"]) == "hello"
    await play(visitor, description, "logout", words)
    assert await named(visitor, description) is None
    assert await named(thief, description) is None


@pytest.mark.parametrize("switch", ["html", "origin-only-csrf"])
async def test_password_change_as_described(switch: str) -> None:
    reference = build("session", [switch])
    description, visitor = reference.describe("http://127.0.0.1:8000"), Visitor(reference)
    words = description["accounts"]["alice"] | {"new_password": "another-Long-1-Password"}
    await play(visitor, description, "login", words)
    await play(visitor, description, "change_password", words)
    assert await named(visitor, description) == "alice"
    again = Visitor(reference)
    await play(again, description, "login", words | {"password": words["new_password"]})
    assert await named(again, description) == "alice"


# The base


async def test_unknown_words_list_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="no-idle"):
        build("session", ["no-idel"])
    with pytest.raises(ValueError, match=SCHEMES[0]):
        build("cookie")
    with pytest.raises(ValueError, match="sqlite:///path"):
        build("session", store="redis://x")


async def test_primary_checks_and_sources_are_well_formed() -> None:
    assert len(SESSION_FAULTS) == sum(fault.scheme == "session" for fault in FAULTS)
    assert all(fault.sources and fault.summary.endswith(".") for fault in SESSION_FAULTS.values())
    assert all(fault.primary.count(".") >= 1 for fault in SESSION_FAULTS.values())


async def test_served_in_the_running_loop(reference: Reference) -> None:
    async with serve(reference, clock_route=True) as hosted, httpx.AsyncClient(trust_env=False) as client:
        before = reference.clock.now()
        assert (await client.get(f"{hosted.base_url}/me")).status_code == 401
        assert (await client.post(f"{hosted.base_url}/-/clock?seconds=60")).json()["now"] >= before + 60


async def test_served_in_a_thread(reference: Reference) -> None:
    with serve(reference) as hosted:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{hosted.base_url}/")).status_code == 200
        assert hosted.describe()["base_url"] == hosted.base_url


async def test_parallel_guesses_count_like_serial_ones(reference: Reference) -> None:
    guessers = [Visitor(reference) for _ in range(30)]
    answers = await asyncio.gather(*(guesser.login(password="wrong-1-Entirely") for guesser in guessers))
    assert [answer.status_code for answer in answers].count(401) == 21
