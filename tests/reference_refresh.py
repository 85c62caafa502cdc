"""A small client and one probe for each fault of the refresh server.

A probe answers one question about a server: does it misbehave in the way that the fault's summary says?
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from reference_impl import Reference
from tests.reference_token import ORIGIN, PASSWORD, claims

COOKIE = "__Host-refresh"


class Client:
    """Holds both tokens; a refresh gives another client, so that this one holds what was spent."""

    def __init__(self, reference: Reference, answer: httpx.Response | None = None) -> None:
        self.reference, self.answer = reference, answer
        data = answer.json() if answer is not None and answer.status_code == 200 else {}
        self.access: str = data.get("access_token", "")
        self.refresh: str = data.get("refresh_token") or (answer.cookies.get(COOKIE, "") if answer else "")

    async def send(self, method: str, path: str, json: object = None, **headers: str) -> httpx.Response:
        held = {"Authorization": f"Bearer {self.access}"} if self.access else {}
        transport = httpx.ASGITransport(app=self.reference.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", trust_env=False) as http:
            return await http.request(method, path, json=json, headers={**held, "Origin": ORIGIN, **headers})

    async def login(self, name: str = "alice") -> Client:
        answer = await self.send("POST", "/login", {"user": name, "password": PASSWORD[name]})
        return Client(self.reference, answer)

    async def renew(self, value: str | None = None) -> Client:
        token = self.refresh if value is None else value
        nobody = Client(self.reference)
        return Client(self.reference, await nobody.send("POST", "/refresh", {"refresh_token": token}))

    async def renew_by_cookie(self, **headers: str) -> Client:
        answer = await Client(self.reference).send("POST", "/refresh", Cookie=f"{COOKIE}={self.refresh}", **headers)
        return Client(self.reference, answer)

    async def works(self) -> bool:
        return (await self.send("GET", "/me")).status_code == 200

    async def renews(self) -> bool:
        return (await self.renew()).status == 200

    @property
    def status(self) -> int:
        return self.answer.status_code if self.answer is not None else 0

    async def change_password(self, new: str = "alice-Moves-9-Blue-Herons") -> Client:
        change = {"current": PASSWORD["alice"], "new": new}
        return Client(self.reference, await self.send("POST", "/password", change))

    async def act(self, act: str, name: str = "alice") -> None:
        admin = await self.login("admin")
        assert (await admin.send("POST", f"/admin/users/{name}/{act}")).status_code == 204


async def alice_of(reference: Reference) -> Client:
    return await Client(reference).login()


async def chain(reference: Reference, depth: int) -> list[Client]:
    """A login and the generations that follow it."""
    found = [await alice_of(reference)]
    for _ in range(depth):
        found.append(await found[-1].renew())
    return found


# Probes

Probe = Callable[[Reference], Awaitable[bool]]


async def same_token_again(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    return first.refresh == second.refresh


async def spent_works(reference: Reference) -> bool:
    first, _ = await chain(reference, 1)
    return await first.renews()


async def leaf_survives(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    return not await first.renews() and await second.renews()


async def access_survives(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    await first.renew()
    return not await second.renews() and await second.works()


async def grandparent_is_harmless(reference: Reference) -> bool:
    first, _, third = await chain(reference, 2)
    await first.renew()
    return await third.renews()


async def second_replay_revives(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    await first.renew()
    await first.renew()
    return await second.renews()


async def login_revives(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    await first.renew()
    await first.login()
    return await second.renews()


async def replay_ends_others(reference: Reference) -> bool:
    other = await alice_of(reference)
    first, _ = await chain(reference, 1)
    await first.renew()
    return not await other.renews()


async def grace_is_lengthened(reference: Reference) -> bool:
    first, _ = await chain(reference, 1)
    for seconds in (20, 20):
        reference.clock.advance(seconds)
        retried = await first.renew()
    return retried.status == 200


async def grace_outlasts(reference: Reference) -> bool:
    first, _ = await chain(reference, 1)
    reference.clock.advance(31)
    return await first.renews()


async def retry_leaves_the_family(reference: Reference) -> bool:
    first, _ = await chain(reference, 1)
    retried = await first.renew()
    reference.clock.advance(31)
    await first.renew()
    return await retried.renews()


async def retry_forks(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    retried = await first.renew()
    return retried.refresh != second.refresh and await retried.renews() and await second.renews()


async def unused_lives(reference: Reference) -> bool:
    alice = await alice_of(reference)
    reference.clock.advance(3601)
    return await alice.renews()


async def chain_outlives_a_day(reference: Reference) -> bool:
    alice = await alice_of(reference)
    for _ in range(25):
        reference.clock.advance(3500)
        alice = await alice.renew()
    return alice.status == 200


async def renews_after_logout(reference: Reference) -> bool:
    alice = await alice_of(reference)
    await alice.send("POST", "/logout")
    return not await alice.works() and await alice.renews()


async def renews_after_password_change(reference: Reference) -> bool:
    elsewhere, alice = await alice_of(reference), await alice_of(reference)
    await alice.change_password()
    return not await elsewhere.works() and await elsewhere.renews()


async def renews_when_enabled(reference: Reference) -> bool:
    alice = await alice_of(reference)
    await alice.act("disable")
    refused = not await alice.renews()
    await alice.act("enable")
    return refused and await alice.renews()


async def renews_while_disabled(reference: Reference) -> bool:
    alice = await alice_of(reference)
    await alice.act("disable")
    return await alice.renews()


async def mostly_constant(reference: Reference) -> bool:
    tokens = [client.refresh for client in await chain(reference, 3)]
    return len({token[:26] for token in tokens}) == 1


def altered(change: Callable[[str], str]) -> Probe:
    async def probe(reference: Reference) -> bool:
        alice = await alice_of(reference)
        other = change(alice.refresh)
        return other != alice.refresh and (await alice.renew(other)).status == 200

    return probe


async def refresh_opens_the_api(reference: Reference) -> bool:
    alice = await alice_of(reference)
    alice.access = alice.refresh
    return await alice.works()


async def access_refreshes(reference: Reference) -> bool:
    alice = await alice_of(reference)
    return (await alice.renew(alice.access)).status == 200


async def foreign_refresh(reference: Reference) -> bool:
    alice = await alice_of(reference)
    return (await alice.renew_by_cookie(Origin="https://evil.example")).status == 200


async def foreign_logout(reference: Reference) -> bool:
    alice = await alice_of(reference)
    cookie = f"{COOKIE}={alice.refresh}"
    await Client(reference).send("POST", "/logout", Cookie=cookie, Origin="https://evil.example")
    return (await alice.renew_by_cookie()).status != 200


async def spent_twice_at_once(reference: Reference) -> bool:
    alice = await alice_of(reference)
    both = await asyncio.gather(alice.renew(), alice.renew())
    return [client.status for client in both] == [200, 200]


async def successor_escapes_a_replay(reference: Reference) -> bool:
    first, second = await chain(reference, 1)
    _, successor = await asyncio.gather(first.renew(), second.renew())
    return await successor.renews()


async def logout_is_undone(reference: Reference) -> bool:
    alice = await alice_of(reference)
    renewing = asyncio.ensure_future(alice.renew())
    await asyncio.sleep(0.005)
    await alice.send("POST", "/logout")
    return await (await renewing).works()


async def refresh_may_be_stored(reference: Reference) -> bool:
    answer = (await (await alice_of(reference)).renew()).answer
    return answer is not None and answer.status_code == 200 and "cache-control" not in answer.headers


PROBES: dict[str, Probe] = {
    "never-rotates": same_token_again,
    "spent-still-works": spent_works,
    "spent-when-successor-is": spent_works,
    "reuse-refused-only": leaf_survives,
    "reuse-spares-access": access_survives,
    "reuse-parent-only": grandparent_is_harmless,
    "replay-toggles": second_replay_revives,
    "login-revives": login_revives,
    "reuse-ends-all": replay_ends_others,
    "grace-slides": grace_is_lengthened,
    "grace-outlasts": grace_outlasts,
    "grace-leaves-family": retry_leaves_the_family,
    "grace-forks": retry_forks,
    "no-idle-limit": unused_lives,
    "no-absolute-limit": chain_outlives_a_day,
    "refresh-renews-age": chain_outlives_a_day,
    "logout-spares-refresh": renews_after_logout,
    "password-spares-refresh": renews_after_password_change,
    "enabling-revives": renews_when_enabled,
    "disabled-refreshes": renews_while_disabled,
    "refresh-weak": mostly_constant,
    "refresh-any-case": altered(str.swapcase),
    "refresh-prefix": altered(lambda token: token[:40]),
    "refresh-as-bearer": refresh_opens_the_api,
    "access-as-refresh": access_refreshes,
    "cacheable-refresh": refresh_may_be_stored,
    "refresh-cross-site": foreign_refresh,
    "logout-cross-site": foreign_logout,
    "spend-race": spent_twice_at_once,
    "replay-race": successor_escapes_a_replay,
    "logout-race": logout_is_undone,
}
"""By the id of the fault."""

__all__ = ["COOKIE", "ORIGIN", "PASSWORD", "PROBES", "Client", "alice_of", "chain", "claims"]
