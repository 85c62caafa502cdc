"""A small client and one probe for each fault of the token server.

A probe answers one question about a server: does it misbehave in the way that the fault's summary says? Where the
kit has a family of forgeries for the fault's check, sending that family is the probe.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from conformance.attacks import attacker, forge, guess, jwe, jwt
from conformance.attacks.keys import jwks_flaws, parse_keys
from conformance.attacks.material import Material, SigningKey
from reference_impl import Reference
from reference_impl.people import PEOPLE

PASSWORD = {person.name: person.password for person in PEOPLE}
ORIGIN = "https://token.reference.example"
JWKS = "/.well-known/jwks.json"


class Api:
    """A client that holds one token and shows it in the header; what it is told to send instead wins."""

    def __init__(self, reference: Reference, token: str = "") -> None:
        transport = httpx.ASGITransport(app=reference.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", trust_env=False)
        self.reference, self.token = reference, token
        self.login_answer = httpx.Response(500)

    async def login(self, name: str = "alice", **more: Any) -> Api:
        """Another client with a fresh token of this user."""
        client = Api(self.reference)
        fields = {"user": name, "password": PASSWORD[name]} | more
        client.login_answer = await client.http.post("/login", json=fields, headers={"Origin": ORIGIN})
        client.http.cookies.clear()
        client.token = client.login_answer.json().get("access_token", "")
        return client

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.http.request(method, path, headers=headers | options.pop("headers", {}), **options)

    async def me(self, **options: Any) -> httpx.Response:
        return await self.send("GET", "/me", **options)

    async def works(self) -> bool:
        return (await self.me()).status_code == 200

    async def with_field(self, value: bytes | str) -> httpx.Response:
        return await self.http.get(
            "/me", headers=[(b"authorization", value if isinstance(value, bytes) else value.encode())]
        )

    def jwt(self) -> jwt.Token:
        token = jwt.parse(self.token)
        assert token is not None
        return token


def claims(token: str) -> dict[str, Any]:
    segment = token.split(".")[1]
    told: dict[str, Any] = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return told


async def material(reference: Reference, listener: str | None = None) -> Material:
    """What the kit would forge from: two tokens of alice, one of bob, the keys that the description offers."""
    api = Api(reference)
    users = [(await api.login(name)) for name in ("alice", "alice", "bob")]
    for user in users:
        await user.me()
    alice, again, bob = (user.jwt() for user in users)
    offered = reference.describe("http://127.0.0.1:8000")["keys"]
    keys = parse_keys((await api.http.get(offered["jwks"])).text) if "jwks" in offered else ()
    secret = offered.get("private_pem") or offered.get("secret")
    return forge.material(
        alice, second=again, other=bob, keys=keys, now=reference.clock.now(), leeway=0, listener=listener,
        signing=SigningKey(secret, alice.alg) if secret else None,
    )  # fmt: skip


async def not_refused(reference: Reference, families: Iterable[str], stuff: Material | None = None) -> dict[str, int]:
    """Each forgery of these families that was answered otherwise than with 401, with its status."""
    api, stuff = Api(reference), stuff or await material(reference)
    forgeries = [forgery for family in families for forgery in forge.FAMILIES[family](stuff)]
    answers = {forgery.name: (await api.with_field(b"Bearer " + forgery.wire)).status_code for forgery in forgeries}
    return {name: status for name, status in answers.items() if status != 401}


@asynccontextmanager
async def listener(pages: dict[str, tuple[str, bytes]]) -> AsyncIterator[tuple[str, list[str]]]:
    """An attacker's server on loopback, and the paths that it was asked for."""
    asked: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split(b" ")[1].decode()
        asked.append(path)
        kind, content = pages.get(path, ("text/plain", b""))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


# Probes

Probe = Callable[[Reference], Awaitable[bool]]


async def fetches(reference: Reference, family: str) -> bool:
    async with listener(attacker.documents("RS256")) as (url, asked):
        stuff = await material(reference, url)
        return bool(await not_refused(reference, [family], stuff)) and bool(asked)


async def calls(reference: Reference) -> bool:
    """A token with a bad signature is refused, and the address that it names is asked all the same."""
    async with listener(attacker.documents("RS256")) as (url, asked):
        stuff = await material(reference, url)
        return not await not_refused(reference, ["token.key.jku-callback"], stuff) and bool(asked)


async def thinks_long(reference: Reference, token: str) -> bool:
    started = time.perf_counter()
    await Api(reference, token).me()
    return time.perf_counter() - started > 0.4


async def sleeps(reference: Reference) -> bool:
    genuine = (await Api(reference).login()).jwt()
    header = jwt.edit(genuine.header_raw, {"kid": "x|sleep 1"})
    return await thinks_long(reference, jwt.compact(header, genuine.payload_raw, genuine.signature))


async def half_signature_counts(reference: Reference) -> bool:
    alice = await Api(reference).login()
    await alice.me()
    head, _, signature = alice.token.rpartition(".")
    data = bytearray(urlsafe_b64decode(signature + "=="))
    data[-1] ^= 1
    return await Api(reference, f"{head}.{jwt.b64_encode(bytes(data))}").works()


async def notes_unverified(reference: Reference) -> bool:
    stuff = await material(reference)
    forged = next(iter(forge.FAMILIES["token.payload.tamper"](stuff)))
    thief = Api(reference, str(forged.raw))
    return (await thief.send("GET", "/note")).status_code == 200 and not await thief.works()


async def nbf_ignored(reference: Reference) -> bool:
    stuff, now = await material(reference), int(reference.clock.now())
    if stuff.signing is None:
        return False
    payload = jwt.edit(stuff.genuine.payload_raw, {"nbf": now + 120})
    token = jwt.signed(stuff.genuine.header_raw, payload, stuff.signing.alg, stuff.signing.key)
    return await Api(reference, token).works()


async def expired_works(reference: Reference) -> bool:
    alice = await Api(reference).login()
    reference.clock.advance(3600)
    return await alice.works()


async def private_key_published(reference: Reference) -> bool:
    return bool(jwks_flaws((await Api(reference).http.get(JWKS)).text))


async def guessable(reference: Reference) -> bool:
    return guess.guess_secret((await Api(reference).login()).jwt()) is not None


async def short_rsa(reference: Reference) -> bool:
    return 64 < len((await Api(reference).login()).jwt().signature) < 256


async def foreign_audience(reference: Reference) -> bool:
    other = await Api(reference).login(resource="https://billing.reference.example/")
    return await other.works()


async def disabled_works(reference: Reference) -> bool:
    alice, admin = await Api(reference).login(), await Api(reference).login("admin")
    await admin.send("POST", "/admin/users/alice/disable")
    return await alice.works()


async def jti_twice(reference: Reference) -> bool:
    tokens = [(await Api(reference).login()).token for _ in range(2)]
    return bool(claims(tokens[0])["jti"] == claims(tokens[1])["jti"])


async def id_token_works(reference: Reference) -> bool:
    alice = await Api(reference).login()
    return await Api(reference, alice.login_answer.json()["id_token"]).works()


def tells(name: str) -> Probe:
    async def probe(reference: Reference) -> bool:
        return name in claims((await Api(reference).login()).token)

    return probe


async def echoes(reference: Reference) -> bool:
    answer = await Api(reference, "a.b.c").me()
    return "a.b.c" in answer.text


async def cacheable(reference: Reference) -> bool:
    return "cache-control" not in (await Api(reference).login()).login_answer.headers


async def big(reference: Reference) -> bool:
    alice = await Api(reference).login()
    return len(alice.token) > 4096 and await alice.works()


async def lives_long(reference: Reference) -> bool:
    told = claims((await Api(reference).login()).token)
    return bool(told["exp"] - told["iat"] > 300)


async def says_no_end(reference: Reference) -> bool:
    alice = await Api(reference).login()
    reference.clock.advance(86400)
    return "exp" not in claims(alice.token) and await alice.works()


async def promises_wrong(reference: Reference) -> bool:
    alice = await Api(reference).login()
    told = claims(alice.token)
    return bool(alice.login_answer.json()["expires_in"] != told["exp"] - told["iat"])


async def works_after_logout(reference: Reference) -> bool:
    alice = await Api(reference).login()
    await alice.send("POST", "/logout")
    return await alice.works()


async def works_after_password_change(reference: Reference) -> bool:
    alice = await Api(reference).login()
    await alice.send("POST", "/password", json={"current": PASSWORD["alice"], "new": "alice-Moves-9-Blue-Herons"})
    return await alice.works()


async def logout_ends_others(reference: Reference) -> bool:
    alice, elsewhere = await Api(reference).login(), await Api(reference).login()
    await alice.send("POST", "/logout")
    return not await elsewhere.works()


def twin_survives(family: str) -> Probe:
    async def probe(reference: Reference) -> bool:
        stuff = await material(reference)
        await Api(reference, stuff.genuine.raw).send("POST", "/logout")
        return bool(await not_refused(reference, [family], stuff))

    return probe


async def tokens_of(reference: Reference, count: int) -> list[str]:
    return [(await Api(reference).login()).token for _ in range(count)]


async def mostly_constant(reference: Reference) -> bool:
    first, *others = await tokens_of(reference, 3)
    return all(other[:26] == first[:26] for other in others)


async def repeats(reference: Reference) -> bool:
    return len(set(await tokens_of(reference, 17))) < 17


def altered(change: Callable[[str], str]) -> Probe:
    async def probe(reference: Reference) -> bool:
        (token,) = await tokens_of(reference, 1)
        return await Api(reference, change(token)).works()

    return probe


async def derivable(reference: Reference) -> bool:
    now = int(reference.clock.now())
    guesses = {hashlib.md5(f"alice{second}".encode()).hexdigest() for second in range(now - 1, now + 3)}
    return (await tokens_of(reference, 1))[0] in guesses


def needs(field: str, status: int = 200) -> Probe:
    """Whether a genuine token is answered otherwise when its field is written like this."""

    async def probe(reference: Reference) -> bool:
        alice = await Api(reference).login()
        return (await alice.with_field(field.format(alice.token))).status_code != status

    return probe


def challenges(token: str, wanted: tuple[int, str]) -> Probe:
    async def probe(reference: Reference) -> bool:
        answer = await Api(reference, token).me()
        return (answer.status_code, answer.headers.get("www-authenticate", "")) != wanted

    return probe


async def bob_wins(reference: Reference, **options: Any) -> bool:
    alice, bob = await Api(reference).login(), await Api(reference).login("bob")
    filled = {where: {"access_token": bob.token} for where in options.pop("in_")}
    return bool((await alice.me(**filled)).json().get("name") == "bob")


async def two_fields_work(reference: Reference) -> bool:
    alice = await Api(reference).login()
    field = ("authorization", f"Bearer {alice.token}")
    return (await Api(reference).http.get("/me", headers=[field, field])).status_code == 200


async def query_is_cached(reference: Reference) -> bool:
    alice = await Api(reference).login()
    answer = await Api(reference).http.get("/me", params={"access_token": alice.token})
    return answer.status_code == 200 and "public" in answer.headers["cache-control"]


async def either_way_works(reference: Reference) -> bool:
    alice, bob = await Api(reference).login(), await Api(reference).login("bob")
    alone = await Api(reference).http.get("/me", params={"access_token": alice.token})
    return alone.status_code == 200 and (await bob.me(params={"access_token": alice.token})).status_code == 200


async def cookie_opens(reference: Reference) -> bool:
    alice = await Api(reference).login()
    answer = await Api(reference).http.get("/me", headers={"Cookie": f"access_token={alice.token}"})
    return answer.status_code == 200


async def crashes_on_latin_1(reference: Reference) -> bool:
    return (await Api(reference).with_field(b"Bearer \xe9")).status_code >= 500


async def note_leaks(reference: Reference) -> bool:
    alice, bob = await Api(reference).login(), await Api(reference).login("bob")
    await alice.send("POST", "/note", json={"note": "of alice"})
    return bool((await bob.send("GET", "/note")).json()["note"] == "of alice")


async def head_opens(reference: Reference) -> bool:
    return (await Api(reference).http.head("/me")).status_code == 200


async def adopts(reference: Reference) -> bool:
    planted = Api(reference, "a-token-of-an-attackers-choice")
    login = {"user": "alice", "password": PASSWORD["alice"]}
    await planted.send("POST", "/login", json=login, headers={"Origin": ORIGIN})
    return await planted.works()


async def nonce_twice(reference: Reference) -> bool:
    one, two = [(await Api(reference).login()).jwt().signature for _ in range(2)]
    return one != two and one[:32] == two[:32]


async def mixes(reference: Reference) -> bool:
    alice, bob = await Api(reference).login(), await Api(reference).login("bob")
    await bob.send("POST", "/note", json={"note": "of bob"})
    cookie = {"Cookie": f"access_token={bob.token}"}
    named = (await alice.me(headers=cookie)).json()["name"]
    return (named, (await alice.send("GET", "/note", headers=cookie)).json()["note"]) == ("alice", "of bob")


PROBES: dict[str, Probe] = {
    "jku-fetched": lambda reference: fetches(reference, "token.key.jku"),
    "jku-called": calls,
    "jku-list-as-text": lambda reference: fetches(reference, "token.key.jku-bypass"),
    "pbes2-count-obeyed": lambda reference: thinks_long(reference, jwe.for_password(3_000_000, {})),
    "kid-in-a-command": sleeps,
    "x5u-fetched": lambda reference: fetches(reference, "token.key.x5u"),
    "sig-prefix-only": half_signature_counts,
    "one-route-unverified": notes_unverified,
    "nbf-ignored": nbf_ignored,
    "no-exp-check": expired_works,
    "jwks-private": private_key_published,
    "guessable-secret": guessable,
    "rsa-1024": short_rsa,
    "aud-of-any-service": foreign_audience,
    "deactivated-served": disabled_works,
    "jti-repeats": jti_twice,
    "id-token-as-access": id_token_works,
    "email-in-token": tells("email"),
    "password-hash-in-token": tells("pwd"),
    "email-nested": tells("ctx"),
    "email-in-hex": tells("ref"),
    "error-echo": echoes,
    "cacheable-login": cacheable,
    "roles-in-token": big,
    "long-lived": lives_long,
    "no-exp": says_no_end,
    "expires-in-wrong": promises_wrong,
    "logout-forgets-client-only": works_after_logout,
    "password-change-ends-nothing": works_after_password_change,
    "logout-ends-all": logout_ends_others,
    "revoked-by-text-es": twin_survives("token.revoke.malleable.es"),
    "revoked-by-text-b64": twin_survives("token.revoke.malleable.b64"),
    "opaque-weak": mostly_constant,
    "opaque-repeats": repeats,
    "opaque-any-case": altered(str.swapcase),
    "opaque-up-to-a-dot": altered(lambda token: f"{token}.x"),
    "opaque-pattern": altered(lambda _token: "%"),
    "opaque-adopted": adopts,
    "ecdsa-nonce-fixed": nonce_twice,
    "hosts-in-token": tells("node"),
    "opaque-prefix": altered(lambda token: token[:40]),
    "opaque-derivable": derivable,
    "query-alone": needs("Bearer {}"),
    "scheme-case-matters": needs("bearer {}"),
    "no-challenge": challenges("", (401, 'Bearer realm="token"')),
    "invalid-token-400": challenges("x", (401, 'Bearer realm="token", error="invalid_token"')),
    "challenge-without-error": challenges("x", (401, 'Bearer realm="token", error="invalid_token"')),
    "query-wins": lambda reference: bob_wins(reference, in_=["params"]),
    "query-cacheable": query_is_cached,
    "cookie-counts": cookie_opens,
    "two-ways-at-once": either_way_works,
    "challenge-repeats": challenges("x", (401, 'Bearer realm="token", error="invalid_token"')),
    "body-wins": lambda reference: bob_wins(reference, in_=["json"]),
    "last-header-wins": two_fields_work,
    "quotes-ignored": needs('Bearer "{}"', 401),
    "latin-1-crashes": crashes_on_latin_1,
    "notes-shared": note_leaks,
    "head-unguarded": head_opens,
    "cookie-and-header-mixed": mixes,
}
"""By the id of the fault. Faults that are not here are probed with the family of their check."""
