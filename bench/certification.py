"""A whole certification that cannot avoid one real wait, against that wait."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from bench.ratio import Ratio
from bench.servers import SHORT, running
from conformance.certify import Selection, Session
from conformance.model import Outcome
from conformance.open import Options, make_system
from conformance.target.clock import RealClock
from conformance.target.description import parse


async def certified(described: dict[str, Any]) -> tuple[float, float, str]:
    """Wall seconds, the longest wait of the plan in seconds, and what was found."""
    began = time.perf_counter()
    system = make_system(parse(described, "bench"), "bench", "", RealClock(), Options())
    try:
        session = Session(system, Selection(destructive=True))
        plan = await session.prepare()
        async for _ in session.run():
            pass
    finally:
        await system.close()
    if plan.longest_wait < SHORT:
        raise RuntimeError("nothing waited")
    counts = Counter(v.outcome for v in session.verdicts)
    if undecided := counts[Outcome.INCONCLUSIVE] + counts[Outcome.ERROR] + counts[Outcome.FAIL]:
        shown = [f"{v.check.id}: {v.outcome} {v.reason or v.actual}" for v in session.verdicts if v.outcome in BAD]
        raise RuntimeError(f"{undecided} checks did not pass on a sound target: {'; '.join(shown)}")
    wall = time.perf_counter() - began
    return wall, plan.longest_wait, f"{counts[Outcome.PASS]} checks passed, {system.wire.requests} requests"


BAD = (Outcome.INCONCLUSIVE, Outcome.ERROR, Outcome.FAIL)


def measure() -> list[Ratio]:
    """From opening the target to the last verdict, over the longest wait of the plan."""
    with running("short") as described:
        wall, wait, found = asyncio.run(certified(described))
    how = f"{wall:.2f} s, longest wait {wait:.1f} s; {found}"
    return [Ratio("certification over its longest wait", wall / wait, "<=", 1.10, 1.05, how)]
