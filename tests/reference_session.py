"""A small browser and one probe for each fault of the session server.

A probe answers one question about a server: does it misbehave in the way that the fault's summary says?
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from reference_impl import Reference
from reference_impl.people import PEOPLE

ORIGIN = "https://session.reference.example"
PASSWORD = {person.name: person.password for person in PEOPLE}
EVIL = {"Origin": "https://evil.example"}
IDLE, ABSOLUTE = 900.0, 43200.0


class Visitor:
    """A browser: keeps cookies by name, sends Origin; what it is told to send instead wins."""

    def __init__(self, reference: Reference, port: int = 50000) -> None:
        transport = httpx.ASGITransport(app=reference.app, client=("127.0.0.1", port))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", trust_env=False)
        self.reference = reference
        self.jar: dict[str, str] = {}
        self.set_cookies: list[str] = []

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Origin": ORIGIN, "Cookie": self.cookie} | options.pop("headers", {})
        headers = {k: v for k, v in headers.items() if v}
        answer = await self.http.request(method, path, headers=headers, **options)
        self.http.cookies.clear()  # the jar of httpx knows nothing of Secure on loopback
        for line in answer.headers.get_list("set-cookie"):
            self.set_cookies.append(line)
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            self.jar.pop(name, None)
            if value and "Max-Age=0" not in attributes and "1970" not in attributes:
                self.jar[name] = value
        return answer

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    @property
    def id(self) -> str:
        return next(v for k, v in self.jar.items() if k in ("__Host-sid", "sid", "__Secure-sid", "__Host-auth"))

    async def token(self) -> str:
        return (await self.send("GET", "/csrf")).json()["csrf"]

    async def act(self, path: str, method: str = "POST", **fields: Any) -> httpx.Response:
        return await self.send(method, path, json={"csrf": await self.token(), **fields})

    async def login(self, name: str = "alice", password: Any = None, **more: Any) -> httpx.Response:
        return await self.act("/login", user=name, password=PASSWORD[name] if password is None else password, **more)

    async def who(self) -> str | None:
        answer = await self.send("GET", "/me")
        return answer.json()["name"] if answer.status_code == 200 else None

    async def note(self) -> str:
        return (await self.send("GET", "/note")).json()["note"]

    def thief(self, **jar: str) -> Visitor:
        """Another browser with a copy of the cookies."""
        other = Visitor(self.reference, 50001)
        other.jar = dict(self.jar) | jar
        return other


Probe = Callable[[Reference], Awaitable[bool]]
PROBES: dict[str, Probe] = {}


def probe(*faults: str) -> Callable[[Probe], Probe]:
    """Register a probe for the faults that it sees."""

    def add(function: Probe) -> Probe:
        PROBES.update(dict.fromkeys(faults, function))
        return function

    return add


async def logged_in(reference: Reference, name: str = "alice") -> Visitor:
    visitor = Visitor(reference)
    answer = await visitor.login(name)
    assert answer.status_code in (200, 303), answer.text
    return visitor


async def ids(reference: Reference, logins: int = 6, name: str = "alice") -> list[str]:
    return [(await logged_in(reference, name)).id for _ in range(logins)]


# Ids


@probe("id-64-bit", "id-static-part")
async def few_random_bits(reference: Reference) -> bool:
    seen = await ids(reference, 40)
    positions = [len({value[i] for value in seen if i < len(value)}) for i in range(max(map(len, seen)))]
    return sum(1 for variety in positions if variety > 2) < 22


@probe("id-uuid4")
async def looks_like_uuid(reference: Reference) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-.*", (await ids(reference, 1))[0]))


@probe("id-sequential")
async def counts(reference: Reference) -> bool:
    seen = await ids(reference, 3)
    return (
        len({int(value, 36) for value in seen if value.isalnum()}) == 3
        and seen == sorted(seen)
        and seen[0][:20] == seen[1][:20]
    )


@probe("id-time-seeded")
async def begins_with_time(reference: Reference) -> bool:
    value = (await ids(reference, 1))[0]
    return bool(re.fullmatch(r"[0-9a-f]{46}", value)) and abs(int(value[:14], 16) / 1e6 - reference.clock.now()) < 60


@probe("id-sha256-of-counter")
async def hash_of_counter(reference: Reference) -> bool:
    from hashlib import sha256

    return (await ids(reference, 1))[0] in {sha256(str(n).encode()).hexdigest() for n in range(100)}


@probe("id-of-login-second", "static-id-per-user")
async def repeats(reference: Reference) -> bool:
    return len(set(await ids(reference))) < 6


@probe("id-embeds-user")
async def names_the_user(reference: Reference) -> bool:
    from base64 import urlsafe_b64decode

    value = (await ids(reference, 1))[0]
    return b"alice" in urlsafe_b64decode(value + "=" * (-len(value) % 4))


def accepts(change: Callable[[str], str]) -> Probe:
    async def accepted(reference: Reference) -> bool:
        alice = await logged_in(reference)
        return await alice.thief(**{"__Host-sid": change(alice.id)}).who() == "alice"

    return accepted


probe("id-truncated-compare")(accepts(lambda value: value[:-1] + ("A" if value[-1] != "A" else "B")))
probe("id-case-insensitive")(accepts(str.swapcase))
probe("sqli-id")(accepts(lambda _: "x' OR '1'='1"))
probe("path-id")(accepts(lambda value: f"../x/{value}"))
probe("null-id-accepted")(accepts(lambda _: "null"))


@probe("malformed-id-500", "long-cookie-500")
async def broken_by_cookie(reference: Reference) -> bool:
    alice = await logged_in(reference)
    short = await alice.send("GET", "/me", headers={"Cookie": "__Host-sid=x"})
    long = await alice.send("GET", "/me", headers={"Cookie": f"{alice.cookie}; x={'y' * 5000}"})
    return 500 in (short.status_code, long.status_code)


# Issue


@probe("keep-id-at-login")
async def id_kept_at_login(reference: Reference) -> bool:
    visitor = Visitor(reference)
    await visitor.token()
    before = visitor.id
    await visitor.login()
    return visitor.id == before


@probe("adopt-unknown-id")
async def planted_id_adopted(reference: Reference) -> bool:
    visitor = Visitor(reference)
    visitor.jar["__Host-sid"] = planted = "A" * 43
    await visitor.login()
    return await visitor.thief(**{"__Host-sid": planted}).who() == "alice"


@probe("adopt-logged-out-id")
async def dead_id_adopted(reference: Reference) -> bool:
    alice = await logged_in(reference)
    dead = alice.id
    await alice.act("/logout")
    alice.jar["__Host-sid"] = dead
    await alice.login()
    return await alice.thief(**{"__Host-sid": dead}).who() == "alice"


@probe("adopt-foreign-id")
async def foreign_id_adopted(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.thief().login("bob")
    return await alice.who() == "bob"


@probe("old-prelogin-id-lives")
async def prelogin_id_logged_in(reference: Reference) -> bool:
    visitor = Visitor(reference)
    await visitor.token()
    before = visitor.thief()
    await visitor.login()
    return await before.who() == "alice"


@probe("failed-login-elevates")
async def failure_logs_in(reference: Reference) -> bool:
    visitor = Visitor(reference)
    await visitor.login(password="wrong-but-long-enough")
    return await visitor.who() == "alice"


@probe("failed-login-ends-sessions")
async def failure_logs_out(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await Visitor(reference).login(password="wrong-but-long-enough")
    return await alice.who() is None


@probe("relogin-merges")
async def first_user_stays(reference: Reference) -> bool:
    visitor = await logged_in(reference)
    await visitor.login("bob")
    return await visitor.who() == "alice"


@probe("id-accepted-from-query")
async def id_from_query(reference: Reference) -> bool:
    alice = await logged_in(reference)
    return (await Visitor(reference).send("GET", f"/me?sid={alice.id}")).status_code == 200


@probe("stepup-keeps-id")
async def id_kept_at_step_up(reference: Reference) -> bool:
    alice = await logged_in(reference)
    before = alice.id
    assert (await alice.act("/step-up", password=PASSWORD["alice"])).status_code == 200
    assert (await alice.send("GET", "/vault")).status_code == 200
    return alice.id == before


@probe("stepup-old-id-lives")
async def old_id_lives_after_step_up(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief = alice.thief()
    assert (await alice.act("/step-up", password=PASSWORD["alice"])).status_code == 200
    return await thief.who() == "alice" and thief.id != alice.id


@probe("relogin-keeps-old")
async def first_user_goes_on_elsewhere(reference: Reference) -> bool:
    visitor = await logged_in(reference)
    thief = visitor.thief()
    await visitor.login("bob")
    return await thief.who() == "alice" and await visitor.who() == "bob"


# Cookies and leaks


def cookie_line(bad: Callable[[str], bool]) -> Probe:
    async def seen(reference: Reference) -> bool:
        return bad((await logged_in(reference)).set_cookies[-1])

    return seen


probe("no-secure")(cookie_line(lambda line: "Secure" not in line))
probe("no-httponly")(cookie_line(lambda line: "HttpOnly" not in line))
probe("samesite-missing", "samesite-none")(cookie_line(lambda line: "SameSite=Lax" not in line))
probe("no-prefix")(cookie_line(lambda line: not line.startswith("__")))
probe("prefix-broken")(cookie_line(lambda line: line.startswith("__Host-") and "Path=/;" not in line))
probe("domain-wide")(cookie_line(lambda line: "Domain=" in line))
probe("persistent-cookie", "client-side-expiry")(cookie_line(lambda line: "Max-Age=" in line))


@probe("flags-lost-on-refresh")
async def set_again_without_flags(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.who()
    return "HttpOnly" not in alice.set_cookies[-1]


@probe("flags-lost-at-renewal")
async def renewed_without_flags(reference: Reference) -> bool:
    alice = await logged_in(reference)
    assert "HttpOnly" in alice.set_cookies[-1]
    await alice.act("/step-up", password=PASSWORD["alice"])
    return "HttpOnly" not in alice.set_cookies[-1]


@probe("id-in-body-after-failed-login")
async def id_in_body_of_the_next_login(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.login(password="wrong")
    answer = await alice.login()
    return alice.id in answer.text


@probe("no-store-lost-at-renewal")
async def renewal_may_be_stored(reference: Reference) -> bool:
    alice = await logged_in(reference)
    answer = await alice.act("/step-up", password=PASSWORD["alice"])
    return "cache-control" not in answer.headers


@probe("expired-session-500")
async def expired_id_breaks_the_server(reference: Reference) -> bool:
    alice = await logged_in(reference)
    reference.clock.advance(IDLE + 1)
    return (await alice.send("GET", "/me")).status_code == 500


@probe("delete-wrong-path", "logout-keeps-cookie")
async def deletion_misses(reference: Reference) -> bool:
    alice = await logged_in(reference)
    answer = await alice.act("/logout")
    return "__Host-sid=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax" not in answer.headers.get_list("set-cookie")


@probe("double-set-cookie")
async def set_twice(reference: Reference) -> bool:
    visitor = Visitor(reference)
    return len((await visitor.login()).headers.get_list("set-cookie")) > 1


@probe("first-cookie-wins", "last-cookie-wins")
async def one_of_two_cookies_wins(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    answer = await alice.send("GET", "/me", headers={"Cookie": f"{alice.cookie}; {bob.cookie}"})
    return answer.status_code == 200


@probe("id-in-redirect-url")
async def id_in_location(reference: Reference) -> bool:
    visitor = Visitor(reference)
    answer = await visitor.login()
    return visitor.id in answer.headers.get("location", "")


@probe("id-in-body")
async def id_in_body(reference: Reference) -> bool:
    visitor = Visitor(reference)
    return "session" in (await visitor.login()).json()


@probe("no-no-store")
async def may_be_cached(reference: Reference) -> bool:
    alice = await logged_in(reference)
    return (await alice.send("GET", "/me")).headers.get("cache-control") != "no-store"


@probe("cors-reflect")
async def readable_by_others(reference: Reference) -> bool:
    alice = await logged_in(reference)
    return "access-control-allow-origin" in (await alice.send("GET", "/me", headers=EVIL)).headers


@probe("splice-companion-wins")
async def companion_names_the_user(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    companion = {k: v for k, v in alice.jar.items() if k == "__Host-user"}
    return await bob.thief(**companion).who() == "alice"


@probe("connection-caches-session")
async def logout_reaches_one_connection(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief = alice.thief()
    await thief.who()
    await alice.act("/logout")
    return await thief.who() == "alice"


# Endings


@probe("logout-clears-cookie-only")
async def lives_after_logout(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief = alice.thief()
    await alice.act("/logout")
    return await thief.who() == "alice"


@probe("logout-undone-by-login")
async def revived_by_login(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief = alice.thief()
    await alice.act("/logout")
    await alice.login()
    return await thief.who() == "alice"


@probe("logout-kills-everyone")
async def bystander_dies_at_logout(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    await alice.act("/logout")
    return await bob.who() is None


@probe("logout-twice-500")
async def second_logout_breaks(reference: Reference) -> bool:
    return (await Visitor(reference).send("POST", "/logout", json={})).status_code >= 500


@probe("logout-all-misses-one")
async def one_survives_logout_all(reference: Reference) -> bool:
    first, second = await logged_in(reference), await logged_in(reference)
    await second.act("/logout-all")
    return await first.who() == "alice"


@probe("logout-all-kills-everyone", "logout-all-second-granular")
async def logout_all_hits_others(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    await alice.act("/logout-all")
    again = await logged_in(reference)
    return await bob.who() is None or await again.who() is None


@probe("no-idle")
async def outlives_idle(reference: Reference) -> bool:
    alice = await logged_in(reference)
    reference.clock.advance(IDLE + 1)
    return await alice.who() == "alice"


@probe("no-absolute", "absolute-slides")
async def outlives_absolute(reference: Reference) -> bool:
    alice = await logged_in(reference)
    for _ in range(int(ABSOLUTE / 800) + 1):
        reference.clock.advance(800)
        await alice.who()
    return await alice.who() == "alice"


@probe("idle-never-slides")
async def dies_while_used(reference: Reference) -> bool:
    alice = await logged_in(reference)
    for _ in range(2):
        reference.clock.advance(0.75 * IDLE)
        await alice.who()
    return await alice.who() is None


@probe("expired-revived-by-login")
async def expiry_undone_by_login(reference: Reference) -> bool:
    alice = await logged_in(reference)
    reference.clock.advance(IDLE + 1)
    await logged_in(reference)
    return await alice.who() == "alice"


@probe("pwchange-keeps-others")
async def others_outlive_password_change(reference: Reference) -> bool:
    alice, other = await logged_in(reference), await logged_in(reference)
    await alice.act("/password", current=PASSWORD["alice"], new="another-Long-1-Password")
    assert await alice.who() == "alice"
    return await other.who() == "alice"


@probe("pwchange-no-current")
async def password_changes_without_current(reference: Reference) -> bool:
    alice = await logged_in(reference)
    return (await alice.act("/password", current="", new="another-Long-1-Password")).status_code == 200


@probe("email-no-password")
async def email_changes_without_password(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.act("/email", email="thief@mail.example")
    return (await alice.send("GET", "/me")).json()["email"] == "thief@mail.example"


async def handles(visitor: Visitor) -> list[dict[str, Any]]:
    return (await visitor.send("GET", "/sessions")).json()["sessions"]


@probe("list-leaks-ids")
async def list_shows_ids(reference: Reference) -> bool:
    alice = await logged_in(reference)
    return alice.id in {row["handle"] for row in await handles(alice)}


@probe("list-misses-one", "list-shows-everyone")
async def list_is_not_the_own_sessions(reference: Reference) -> bool:
    alice, _, bob = [await logged_in(reference, name) for name in ("alice", "alice", "bob")]
    return (len(await handles(alice)), len(await handles(bob))) != (2, 1)


@probe("revoke-no-password")
async def revoked_without_password(reference: Reference) -> bool:
    alice, other = await logged_in(reference), await logged_in(reference)
    handle = next(row["handle"] for row in await handles(alice) if not row["current"])
    await alice.act(f"/sessions/{handle}/revoke")
    return await other.who() is None


@probe("revoke-kills-all")
async def revoking_one_ends_more(reference: Reference) -> bool:
    alice, other, third = [await logged_in(reference) for _ in range(3)]
    handle = next(row["handle"] for row in await handles(other) if row["current"])
    await alice.act(f"/sessions/{handle}/revoke", password=PASSWORD["alice"])
    assert await other.who() is None
    return await third.who() is None


@probe("revoke-foreign")
async def foreign_handle_revoked(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    await bob.act(f"/sessions/{(await handles(alice))[0]['handle']}/revoke", password=PASSWORD["bob"])
    return await alice.who() is None


@probe("limit-off-by-one", "no-limit")
async def more_than_declared(reference: Reference) -> bool:
    oldest = await logged_in(reference)
    for _ in range(100):
        await logged_in(reference)
    return await oldest.who() == "alice"


async def administer(reference: Reference, *acts: str) -> None:
    admin = await logged_in(reference, "admin")
    for act in acts:
        assert (await admin.act(f"/admin/users/alice/{act}")).status_code == 200


@probe("disable-keeps")
async def acts_while_disabled(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await administer(reference, "disable")
    assert (await Visitor(reference).login()).status_code == 401
    return await alice.who() == "alice"


@probe("enable-revives")
async def revived_by_enabling(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await administer(reference, "disable", "enable")
    return await alice.who() == "alice"


@probe("delete-keeps")
async def acts_after_deletion(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await administer(reference, "delete")
    assert (await Visitor(reference).login()).status_code == 401
    return await alice.who() == "alice"


@probe("recreate-inherits")
async def inherited_by_namesake(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await administer(reference, "delete")
    await Visitor(reference).act("/register", user="alice", password="somebody-Else-1-Entirely")
    return await alice.who() == "alice"


@probe("admin-end-keeps")
async def outlives_termination(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await administer(reference, "end-sessions")
    return await alice.who() == "alice"


# Forged requests: what a page of another site makes the browser send, without a preflight


def forged(headers: dict[str, str], kind: str = "form") -> Probe:
    async def wrote(reference: Reference) -> bool:
        alice = await logged_in(reference)
        body = {"data": {"note": "forged"}} if kind == "form" else {"content": json.dumps({"note": "forged"})}
        typed = {"Content-Type": "text/plain"} if kind == "text" else {}
        await alice.send("POST", "/note", headers=headers | typed, **body)
        return await alice.note() == "forged"

    return wrote


probe("csrf-missing-ok")(forged(EVIL))
probe("origin-suffix-match")(forged({"Origin": "https://evil-session.reference.example"}))
probe("origin-prefix-match")(forged({"Origin": ORIGIN + ".evil.example"}))
probe("origin-null-ok")(forged({"Origin": "null"}))
probe("sec-fetch-missing-is-ok")(forged(EVIL))
probe("sec-fetch-same-site-ok")(forged({"Origin": "https://x.reference.example", "Sec-Fetch-Site": "same-site"}))
probe("content-type-ignored")(forged(EVIL, "text"))


def with_token(choose: Callable[[Reference, Visitor], Awaitable[Any]]) -> Probe:
    async def wrote(reference: Reference) -> bool:
        alice = await logged_in(reference)
        await alice.send("POST", "/note", json={"note": "forged", "csrf": await choose(reference, alice)})
        return await alice.note() == "forged"

    return wrote


@probe("csrf-wrong-ok")
@with_token
async def any_text(_reference: Reference, _alice: Visitor) -> str:
    return "x" * 43


@probe("csrf-any-valid-token")
@with_token
async def token_of_bob(reference: Reference, _alice: Visitor) -> str:
    return await (await logged_in(reference, "bob")).token()


@probe("csrf-static")
@with_token
async def token_of_another_session(reference: Reference, _alice: Visitor) -> str:
    return await (await logged_in(reference)).token()


@probe("method-override", "get-changes-state")
async def get_writes(reference: Reference) -> bool:
    alice = await logged_in(reference)
    for query in ("note=forged", "_method=POST&note=forged"):
        await alice.send("GET", f"/note?{query}", headers={"Origin": ""})
    return await alice.note() == "forged"


@probe("logout-get")
async def get_logs_out(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.thief().send("GET", "/logout", headers={"Origin": ""})
    return await alice.who() is None


@probe("logout-no-csrf")
async def forged_logout(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.thief().send("POST", "/logout", headers=EVIL, data={})
    return await alice.who() is None


@probe("login-csrf")
async def forged_login(reference: Reference) -> bool:
    victim = Visitor(reference)
    await victim.send("POST", "/login", headers=EVIL, data={"user": "bob", "password": PASSWORD["bob"]})
    return await victim.who() == "bob"


# Login


@probe("enum-message")
async def message_tells(reference: Reference) -> bool:
    answers = [await Visitor(reference).act("/login", user=u, password="wrong-1-Entirely") for u in ("alice", "nobody")]
    return answers[0].text != answers[1].text


@probe("enum-timing")
async def time_tells(reference: Reference) -> bool:
    import time

    async def seconds(user: str) -> float:
        visitor = Visitor(reference)
        token = await visitor.token()
        started = time.perf_counter()
        await visitor.send("POST", "/login", json={"user": user, "password": "wrong-1-Entirely", "csrf": token})
        return time.perf_counter() - started

    # In turn, and the fastest of each: what other processes add to a measurement is never negative.
    pairs = [(await seconds("alice"), await seconds("nobody")) for _ in range(9)]
    known, unknown = (min(times) for times in zip(*pairs, strict=True))
    return known > unknown + 0.002


@probe("throttle-never")
async def never_throttled(reference: Reference) -> bool:
    visitor = Visitor(reference)
    return 429 not in [(await visitor.login(password="wrong-1-Entirely")).status_code for _ in range(22)]


@probe("open-redirect")
async def goes_anywhere(reference: Reference) -> bool:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        location = (await Visitor(reference).login(next=target)).headers["location"]
        if location != "/me":
            return True
    return False


def lets_in(user: str, password: Any) -> Probe:
    async def let_in(reference: Reference) -> bool:
        visitor = Visitor(reference)
        await visitor.act("/login", user=user, password=password)
        return await visitor.who() is not None

    return let_in


probe("sqli-login")(lets_in("alice", "' OR '1'='1"))
probe("type-confused-login")(lets_in("alice", {"$ne": ""}))
probe("password-truncated")(lets_in("alice", PASSWORD["alice"][:-1]))
probe("password-case-folded")(lets_in("alice", PASSWORD["alice"].upper()))
probe("password-trimmed")(lets_in("alice", PASSWORD["alice"] + " "))


@probe("trace-in-500")
async def shows_trace(reference: Reference) -> bool:
    answer = await Visitor(reference).send("POST", "/login", content="{", headers={"Content-Type": "application/json"})
    return "Traceback" in answer.text


# Races


@asynccontextmanager
async def in_flight(visitor: Visitor) -> AsyncIterator[None]:
    """A request of this visitor, held at the gate until the block ends."""
    task = asyncio.create_task(visitor.send("GET", "/slow?hold=x"))
    while not (await visitor.send("GET", "/gate/x")).json()["held"]:  # noqa: ASYNC110
        await asyncio.sleep(0)
    yield
    await visitor.send("POST", "/gate/x/release")
    await task


@probe("late-save-resurrects")
async def resurrected_by_late_request(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief = alice.thief()
    async with in_flight(thief):
        await alice.act("/logout")
    return await thief.who() == "alice"


@probe("late-save-undoes-eviction")
async def evicted_and_back(reference: Reference) -> bool:
    alice, other = await logged_in(reference), await logged_in(reference)
    async with in_flight(other.thief()):
        await alice.act("/logout-all")
    return await other.who() == "alice"


@probe("late-set-cookie")
async def replanted_by_late_request(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief = alice.thief()
    async with in_flight(thief):
        await alice.act("/logout")
        thief.jar.clear()
    return await thief.who() == "alice"


@probe("busy-session-survives-logout")
async def survives_while_busy(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief, token = alice.thief(), await alice.token()
    use = asyncio.create_task(thief.who())
    await asyncio.sleep(0.002)
    await alice.send("POST", "/logout", json={"csrf": token})
    await use
    return await thief.who() == "alice"


@probe("double-login-swaps")
async def two_logins_one_user(reference: Reference) -> bool:
    first = Visitor(reference)
    token = await first.token()
    second = first.thief()
    sent = [
        v.send("POST", "/login", json={"user": u, "password": PASSWORD[u], "csrf": token})
        for v, u in ((first, "alice"), (second, "bob"))
    ]
    await asyncio.gather(*sent)
    return await first.who() == "bob" or await second.who() == "alice"


@probe("pwchange-race")
async def old_login_outlives_the_change(reference: Reference) -> bool:
    alice, late = await logged_in(reference), Visitor(reference)
    known = {"user": "alice", "password": PASSWORD["alice"], "csrf": await late.token()}
    change = {"current": PASSWORD["alice"], "new": "another-Long-1-Password", "csrf": await alice.token()}
    # Passwords of one account are checked in turn, the login's first.
    await asyncio.gather(late.send("POST", "/login", json=known), alice.send("POST", "/password", json=change))
    return await late.who() == "alice"


@probe("principal-mixup-under-load")
async def names_somebody_else(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    return await asyncio.gather(alice.who(), bob.who()) != ["alice", "bob"]


@probe("limit-race")
async def rush_exceeds_limit(reference: Reference) -> bool:
    await asyncio.gather(*(logged_in(reference) for _ in range(98)))
    rush = [Visitor(reference) for _ in range(8)]
    await asyncio.gather(*(visitor.login() for visitor in rush))
    return len(await handles(rush[-1])) > 100
