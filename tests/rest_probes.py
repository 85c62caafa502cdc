"""Probes of the faults of recovery, binding, rights, logs, key sizes, and of where refreshes and clients reach."""

from __future__ import annotations

import asyncio
import secrets

import jwt

from reference_impl import Reference
from reference_impl.oauth_clients import SECRETS
from reference_impl.oauth_faults_reach import ANOTHER_ASKS
from reference_impl.oauth_variants_reach import FREE
from reference_impl.token_logs import log_file
from tests.reference_oauth import EVERYTHING, api, claims, send, took
from tests.reference_oauth import Browser as OAuthBrowser
from tests.reference_oauth import logged_in as at_oauth
from tests.reference_refresh import Client, alice_of
from tests.reference_session import Visitor, logged_in, probe
from tests.reference_token import Api

NEW = "Pp-finds-6-green-Birches"

# The session server


async def link_to(reference: Reference, name: str = "alice") -> str:
    visitor = Visitor(reference)
    await visitor.act("/forgot", user=name)
    return str((await visitor.send("GET", f"/mailbox/{name}")).json()["token"])


async def reset(reference: Reference, link: str, new: str = NEW) -> int:
    return (await Visitor(reference).act("/reset", token=link, new=new)).status_code


@probe("recovery-puzzles")
async def question_signs_in(reference: Reference) -> bool:
    visitor = Visitor(reference)
    await visitor.act("/forgot", user="alice")
    return await visitor.who() == "alice"


@probe("recovery-spares-sessions")
async def session_outlives_recovery(reference: Reference) -> bool:
    alice = await logged_in(reference)
    assert await reset(reference, await link_to(reference)) == 200
    return await alice.who() == "alice"


@probe("recovery-link-stays")
async def link_works_twice(reference: Reference) -> bool:
    link = await link_to(reference)
    return [await reset(reference, link, new) for new in (NEW, f"{NEW}!")] == [200, 200]


def bound_to(reference: Reference, what: str) -> bool:
    return what in reference.describe("http://127.0.0.1:8000")["policy"]["binding"]


@probe("bound-agent-forgotten")
async def another_browser_works(reference: Reference) -> bool:
    alice = await logged_in(reference)
    answer = await alice.send("GET", "/me", headers={"User-Agent": "another"})
    return bound_to(reference, "user-agent") and answer.status_code == 200


@probe("bound-address-forgotten")
async def another_address_works(reference: Reference) -> bool:
    alice, thief = await logged_in(reference), Visitor(reference)
    thief.http._transport.client = ("127.0.0.2", 50001)  # type: ignore[attr-defined]
    thief.jar = dict(alice.jar)
    return bound_to(reference, "address") and await thief.who() == "alice"


@probe("note-in-cookie")
async def cookie_grows(reference: Reference) -> bool:
    alice = await logged_in(reference)
    await alice.act("/note", note="x" * 4090)
    return any(len(line) > 4096 for line in alice.set_cookies)


@probe("role-kept-in-session")
async def office_stays_open(reference: Reference) -> bool:
    alice, admin = await logged_in(reference), await logged_in(reference, "admin")
    seen = []
    for act in ("grant-role", "revoke-role"):
        await admin.act(f"/admin/users/alice/{act}")
        seen.append((await alice.send("GET", "/admin/office")).status_code)
    return seen == [200, 200]


# The token server


async def token_office_stays_open(reference: Reference) -> bool:
    alice, admin = await Api(reference).login(), await Api(reference).login("admin")
    seen = []
    for act in ("grant-role", "revoke-role"):
        await admin.send("POST", f"/admin/users/alice/{act}")
        seen.append((await alice.send("GET", "/admin/office")).status_code)
    return seen == [200, 200]


async def short_secret(reference: Reference) -> bool:
    return len(reference.describe("http://127.0.0.1:8000")["keys"]["secret"]) < 32


async def token_is_logged(reference: Reference) -> bool:
    alice = await Api(reference).login()
    await alice.me()
    return alice.token in log_file().read_text()


TOKEN = {
    "role-kept-in-token": token_office_stays_open,
    "secret-short": short_secret,
    "log-with-tokens": token_is_logged,
}
TOKEN_BASE = {"secret-short": ["hs256", "minting"], "log-with-tokens": ["access-log"]}

# The refresh server


async def unsigned_refreshes(reference: Reference) -> bool:
    alice = await alice_of(reference)
    if alice.refresh.count(".") != 2:
        return False
    told = claims(alice.refresh)
    forged = jwt.encode({**told, "more": 1}, secrets.token_hex(32), "HS256")
    return (await alice.renew(forged)).status == 200


async def old_access_outlives(reference: Reference) -> bool:
    alice = await alice_of(reference)
    reference.clock.advance(200)
    await alice.renew()
    reference.clock.advance(150)
    return await alice.works()


async def winner_outlives_logout(reference: Reference) -> bool:
    alice = await alice_of(reference)
    both: list[Client] = await asyncio.gather(alice.renew(), alice.renew())
    await alice.send("POST", "/logout")
    return any([await client.works() for client in both if client.status == 200])


REFRESH = {
    "refresh-unverified": unsigned_refreshes,
    "refresh-prolongs-access": old_access_outlives,
    "race-writes-over": winner_outlives_logout,
}
REFRESH_BASE = {"refresh-unverified": ["refresh-jwt"]}

# The authorization server


async def refresh_reaches_elsewhere(reference: Reference) -> bool:
    tokens = await (await at_oauth(reference)).tokens()
    elsewhere = "https://elsewhere.example"
    return bool(claims((await tokens.refreshed(resource=elsewhere)).access)["aud"] == elsewhere)


async def client_is_its_namesake(reference: Reference) -> bool:
    browser = OAuthBrowser(reference)
    await browser.http.post("/register", json={"user": "web", "password": NEW, "email": ""})
    answer = await send(browser.bare, "/token", {"grant_type": "client_credentials"}, "web")
    if not took(answer):
        return False
    return (await api(browser.bare, answer.json()["access_token"])).status_code == 200


async def secret_is_guessed_at(reference: Reference) -> bool:
    http = OAuthBrowser(reference).bare
    fields = {"grant_type": "authorization_code", "code": "x"}
    for _ in range(FREE + 1):
        await http.post("/token", data=fields, auth=("daemon", "wrong"))
    return (await http.post("/token", data=fields, auth=("daemon", SECRETS["daemon"]))).status_code != 429


async def revoked_in_use_lives(reference: Reference) -> bool:
    tokens = await (await at_oauth(reference)).tokens(scope=EVERYTHING)
    revoking = asyncio.create_task(tokens.revoke("access"))
    await asyncio.sleep(ANOTHER_ASKS / 3)
    await tokens.works()
    await revoking
    return await tokens.works()


OAUTH = {
    "refresh-any-resource": refresh_reaches_elsewhere,
    "client-as-user": client_is_its_namesake,
    "secret-guessable": secret_is_guessed_at,
    "revocation-remembered-late": revoked_in_use_lives,
}
OAUTH_BASE = {"secret-guessable": ["client-throttle"], "client-as-user": ["client-tokens"]}
