"""Distinct inputs of a property on a target 50 ms away: drawn ahead in waves, against one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.ratio import Ratio
from bench.servers import FAR, running
from conformance import explore
from conformance.model import Check
from conformance.open import Options, make_system
from conformance.registry import catalogue
from conformance.target.description import parse
from conformance.target.facade import Target
from conformance.target.preflight import preflight
from conformance.target.system import System

CHECK = "session.id.mutate"
ROUNDS = 3
SERIAL_EXAMPLES = 24


async def rates(described: dict[str, Any]) -> dict[str, float]:
    """Median inputs per second of both ways, taking turns."""
    system = make_system(parse(described, "bench"), "bench", "", None, Options())
    found: dict[str, list[float]] = {"serial": [], "ahead": []}
    check = catalogue()[CHECK]
    try:
        async for _ in preflight(system):
            pass
        for seed in range(ROUNDS + 1):
            with waves_of(1):
                serial = await rate(system, check, seed, SERIAL_EXAMPLES)
            ahead = await rate(system, check, seed, check.examples)
            if seed:
                found["serial"].append(serial)
                found["ahead"].append(ahead)
    finally:
        await system.close()
    return {name: median(all_) for name, all_ in found.items()}


async def rate(system: System, check: Check, seed: int, examples: int) -> float:
    """Distinct inputs a second, drawing included."""
    if check.strategy is None:
        raise RuntimeError(f"{check.id} is no property")
    target = Target(system, check)
    began = time.perf_counter()
    tried = await explore.explore(lambda i: check.run(target.branch(), **i), check.strategy(), seed, examples)
    return tried / (time.perf_counter() - began)


@contextmanager
def waves_of(size: int) -> Iterator[None]:
    """Send so many inputs at once."""
    before, explore.WAVE = explore.WAVE, size
    try:
        yield
    finally:
        explore.WAVE = before


def measure() -> list[Ratio]:
    """Inputs a second, drawn ahead over serial."""
    with running("far") as described:
        found = asyncio.run(rates(described))
    how = f"{found['ahead']:.0f}/s, serial {found['serial']:.1f}/s, {1000 * FAR:.0f} ms away"
    return [Ratio("distinct inputs/s, drawn ahead over serial", found["ahead"] / found["serial"], ">=", 15, 20, how)]
