"""Requests: the kit with its record, against one stock httpx client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from bench.ratio import Ratio
from bench.servers import running
from conformance.open import Options, make_system
from conformance.target.description import parse
from conformance.target.party import Party
from conformance.target.wire import Limits, Log

ROUNDS = 5
REQUESTS = 320
WIDE = 32
Ask = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request, in microseconds."""

    wall: float
    cpu: float


async def timed(askers: list[Ask]) -> Cost:
    """The cost of a request when all askers ask at once, each its share."""
    share = REQUESTS // len(askers)

    async def ask(asker: Ask) -> None:
        for _ in range(share):
            if await asker() != 200:
                raise RuntimeError("an answer is missing")

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(ask, askers))
    count = share * len(askers) / 1e6
    return Cost((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count)


@asynccontextmanager
async def kit(described: dict[str, Any], width: int) -> AsyncIterator[list[Ask]]:
    """As checks send: a party with a session cookie on its own connection, every exchange recorded."""
    options = Options(limits=Limits(concurrency=width))
    system = make_system(parse(described, "bench"), "bench", "", None, options)

    def party(number: int) -> Ask:
        one = Party(system, f"alice {number}", "alice", system.own_lane(), Log())
        one.jar.put("session", "x" * 43, system.base_url)

        async def ask() -> int:
            exchange = await one.visit("GET /me", "alice: GET /me")
            return exchange.answer.status if exchange.answer else 0

        return ask

    yield [party(number) for number in range(width)]
    await system.close()


@asynccontextmanager
async def stock(described: dict[str, Any], width: int) -> AsyncIterator[list[Ask]]:
    """One httpx client as wide as needed, with the same cookie."""
    limits = httpx.Limits(max_connections=width, max_keepalive_connections=width)
    async with httpx.AsyncClient(base_url=described["base_url"], limits=limits, trust_env=False) as client:
        client.cookies.set("session", "x" * 43)

        async def ask() -> int:
            return (await client.get("/me")).status_code

        yield [ask] * width


CASES = {"kit 1": (kit, 1), "kit 8": (kit, 8), "kit 32": (kit, WIDE), "stock 8": (stock, 8), "stock 32": (stock, WIDE)}


async def costs(described: dict[str, Any]) -> dict[str, Cost]:
    """The median cost of a request in each case, the cases taking turns."""
    found: dict[str, list[Cost]] = {name: [] for name in CASES}
    for round_ in range(ROUNDS + 1):
        for name, (client, width) in CASES.items():
            async with client(described, width) as askers:
                await asyncio.gather(*(asker() for asker in askers))
                cost = await timed(askers)
            if round_:
                found[name].append(cost)
    return {name: Cost(median(c.wall for c in all_), median(c.cpu for c in all_)) for name, all_ in found.items()}


def measure() -> list[Ratio]:
    """Requests per second at 8 and 32, and CPU per request at 32 over 1."""
    with running("plain") as described:
        cost = asyncio.run(costs(described))
    faster = {width: cost[f"stock {width}"].wall / cost[f"kit {width}"].wall for width in (8, WIDE)}
    how = {w: f"{1e6 / cost[f'kit {w}'].wall:.0f}/s, stock {1e6 / cost[f'stock {w}'].wall:.0f}/s" for w in faster}
    cpu = {name: cost[name].cpu for name in ("kit 1", "kit 32")}
    spent = f"{cpu['kit 32']:.0f} us, {cpu['kit 1']:.0f} us"
    return [
        Ratio("requests/s recorded, 8 at once, over httpx", faster[8], ">=", 2.0, 4, how[8]),
        Ratio("requests/s recorded, 32 at once, over httpx", faster[WIDE], ">=", 8, 16, how[WIDE]),
        Ratio("CPU of a request, 32 at once over one", cpu["kit 32"] / cpu["kit 1"], "<=", 1.0, 0.7, spent),
    ]
