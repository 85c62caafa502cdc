"""More probes, one for each fault of values, parsing, form tokens, transport and throttling of the session server."""

from __future__ import annotations

import asyncio
import base64
import pickle
from collections.abc import Callable
from urllib.parse import quote

import httpx

from reference_impl import Reference
from reference_impl.throttle import ThrottleLimits
from tests.reference_session import EVIL, PASSWORD, PROBES, Probe, Visitor, accepts, cookie_line, ids, logged_in, probe

SID = "__Host-sid"
FREE = ThrottleLimits().account
AnswerProbe = Callable[[httpx.Response], bool]

probe("nosql-id")(accepts(lambda _: 'j:{"$ne":null}'))
probe("key-of-any-kind")(accepts(lambda _: "user:alice"))
probe("id-decoded-twice")(accepts(lambda value: quote(f"%{ord(value[0]):02x}", safe="") + value[1:]))
probe("attribute-twice")(cookie_line(lambda line: line.count("Path=") > 1))
probe("path-missing")(cookie_line(lambda line: "Path=" not in line))
probe("samesite-none-insecure")(cookie_line(lambda line: "SameSite=None" in line and "Secure" not in line))


def by_header(cookies: Callable[[str], str], path: str = "/me") -> Probe:
    """Whether alice is alice with this Cookie header, made from her id."""

    async def seen(reference: Reference) -> bool:
        alice = await logged_in(reference)
        answer = await Visitor(reference).send("GET", path, headers={"Cookie": cookies(alice.id)})
        return answer.status_code == 200

    return seen


probe("cookie-name-any-case")(by_header(lambda value: f"__HOST-SID={value}"))
probe("cookie-after-comma")(by_header(lambda value: f"x=y,{SID}={value}"))


def of_answer(bad: AnswerProbe, method: str = "GET", path: str = "/me", **headers: str) -> Probe:
    """Whether an answer to alice is bad."""

    async def seen(reference: Reference) -> bool:
        alice = await logged_in(reference)
        return bad(await alice.send(method, path, headers=headers))

    return seen


probe("hsts-short")(of_answer(lambda a: a.headers["strict-transport-security"] == "max-age=3600"))
probe("referrer-unsafe")(of_answer(lambda a: a.headers["referrer-policy"] == "unsafe-url"))
probe("pages-outlive-logout")(of_answer(lambda a: "max-age" in a.headers["cache-control"]))
probe("trace-echo")(of_answer(lambda a: SID.encode() in a.content, "TRACE"))
probe("way-back-in-cookie")(of_answer(lambda a: "; x=1;" in a.headers.get("set-cookie", ""), path="/?next=a%3B+x=1"))


@probe("unpickled-id")
async def a_pickle_breaks_it(reference: Reference) -> bool:
    value = base64.b64encode(pickle.dumps({"a": 1})).decode()
    return (await Visitor(reference).send("GET", "/me", headers={"Cookie": f"{SID}={value}"})).status_code == 500


@probe("id-biased-bits")
async def bits_lean(reference: Reference) -> bool:
    seen = [base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)) for value in await ids(reference, 20)]
    return sum(int.from_bytes(value, "big").bit_count() for value in seen) < 0.35 * 8 * sum(map(len, seen))


@probe("id-in-header")
async def id_in_header(reference: Reference) -> bool:
    visitor = Visitor(reference)
    return "x-session-id" in (await visitor.login()).headers


@probe("readable-twin")
async def twin_as_bearer(reference: Reference) -> bool:
    alice = await logged_in(reference)
    bearer = {"Authorization": f"Bearer {alice.jar.get('__Host-api', 'none')}"}
    return (await Visitor(reference).send("GET", "/me", headers=bearer)).status_code == 200


@probe("signature-optional")
async def signature_left_out(reference: Reference) -> bool:
    alice = await logged_in(reference)
    wrong = await alice.thief(**{f"{SID}.sig": "x"}).who()
    return wrong is None and await alice.thief(**{f"{SID}.sig": ""}).who() == "alice"


@probe("one-cookie-field")
async def reads_one_field_and_writes_by_another(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    fields = [("Cookie", alice.cookie), ("Cookie", bob.cookie)]
    answer = await alice.http.get("/me", headers=fields)
    return answer.status_code == 200


@probe("planted-cookie-wins")
async def first_of_two_wins(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    answer = await alice.send("GET", "/me", headers={"Cookie": f"{bob.cookie}; {alice.cookie}"})
    return answer.status_code == 200 and answer.json()["name"] == "bob"


@probe("enum-long-password")
async def long_password_breaks_it(reference: Reference) -> bool:
    answers = [await Visitor(reference).act("/login", user=name, password="x" * 100) for name in ("alice", "nobody")]
    return [answer.status_code for answer in answers] == [500, 401]


# Form tokens


@probe("csrf-kept-at-login")
async def token_survives_login(reference: Reference) -> bool:
    visitor = Visitor(reference)
    token = await visitor.token()
    await visitor.send("POST", "/login", json={"user": "alice", "password": PASSWORD["alice"], "csrf": token})
    return (await visitor.send("POST", "/note", json={"note": "x", "csrf": token})).status_code == 200


@probe("csrf-short")
async def token_is_short(reference: Reference) -> bool:
    return len(await (await logged_in(reference)).token()) < 16


@probe("csrf-in-address")
async def token_in_address(reference: Reference) -> bool:
    return "csrf=" in (await Visitor(reference).login()).headers.get("location", "")


@probe("csrf-pair-alone")
async def made_up_pair_writes(reference: Reference) -> bool:
    alice = await logged_in(reference)
    cookies = "; ".join(f"{k}={v}" for k, v in alice.jar.items() if k != "csrf-pair") + "; csrf-pair=made-up"
    body = {"note": "forged", "csrf": "made-up"}
    answer = await alice.send("POST", "/note", headers=EVIL | {"Cookie": cookies}, json=body)
    return answer.status_code == 200


# Transport


@probe("confirms-to-anyone")
async def stranger_gets_304(reference: Reference) -> bool:
    tag = (await (await logged_in(reference)).send("GET", "/me")).headers.get("etag", "none")
    return (await Visitor(reference).send("GET", "/me", headers={"If-None-Match": tag})).status_code == 304


@probe("pages-cached-as-files")
async def stranger_gets_the_page(reference: Reference) -> bool:
    await (await logged_in(reference)).send("GET", "/me/x.css")
    return (await Visitor(reference).send("GET", "/me/x.css")).status_code == 200


@probe("reason-told")
async def ended_is_told_from_unknown(reference: Reference) -> bool:
    alice = await logged_in(reference)
    thief, nobody = alice.thief(), alice.thief(**{SID: "x" * 43})
    await alice.act("/logout")
    return (await thief.send("GET", "/me")).text != (await nobody.send("GET", "/me")).text


@probe("writes-mixed-up")
async def writes_land_elsewhere(reference: Reference) -> bool:
    alice, bob = await logged_in(reference), await logged_in(reference, "bob")
    pairs = [(user, await user.token(), text) for user, text in ((alice, "of alice"), (bob, "of bob"))]
    await asyncio.gather(*(u.send("POST", "/note", json={"note": text, "csrf": t}) for u, t, text in pairs))
    return await alice.note() != "of alice" or await bob.note() != "of bob"


# Throttling


async def fail(reference: Reference, name: str, times: int, **headers: str) -> list[int]:
    """The status of each of so many failed logins."""
    visitor = Visitor(reference)
    body = {"user": name, "password": "wrong", "csrf": await visitor.token()}
    return [(await visitor.send("POST", "/login", json=body, headers=headers)).status_code for _ in range(times)]


@probe("throttle-by-header")
async def header_gets_past(reference: Reference) -> bool:
    await fail(reference, "carol", FREE + 2)
    return (await fail(reference, "carol", 1, **{"X-Forwarded-For": "203.0.113.77"})) == [401]


@probe("failures-end-sessions")
async def failures_log_out(reference: Reference) -> bool:
    carol = await logged_in(reference, "carol")
    await fail(reference, "carol", FREE)
    return await carol.who() is None


@probe("success-does-not-reset")
async def failures_add_up(reference: Reference) -> bool:
    await fail(reference, "carol", FREE - 1)
    await logged_in(reference, "carol")
    return 429 in await fail(reference, "carol", FREE - 1)


@probe("enum-lockout")
async def unknown_names_are_never_throttled(reference: Reference) -> bool:
    return 429 not in await fail(reference, "nobody", FREE + 2)


__all__ = ["PROBES"]
