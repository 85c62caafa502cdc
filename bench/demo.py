"""What a newcomer waits for: the whole demo, and the first verdict of a certification."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.matrix import children_cpu
from bench.ratio import Ratio
from bench.startup import wall
from conformance.certify import Selection, Session
from conformance.model import Outcome
from conformance.open import Options, opened

TARGET = "ref:session"


async def verdicts() -> tuple[float, float, int]:
    """Seconds to the first verdict of a check that ran, to the last one, and how many there were."""
    began, first, count = time.perf_counter(), 0.0, 0
    async with opened(TARGET, Options()) as system:
        session = Session(system, Selection())
        await session.prepare()
        async for verdict in session.run():
            if verdict.outcome is not Outcome.NOT_APPLICABLE:
                first, count = first or time.perf_counter() - began, count + 1
    return first, time.perf_counter() - began, count


def measure() -> list[Ratio]:
    """Seconds, which hold for one machine; the interpreter's start counts to the demo, not to the verdicts."""
    before = children_cpu()
    played = wall([sys.executable, "-m", "conformance", "demo"])
    cpu = children_cpu() - before
    first, last, count = asyncio.run(verdicts())
    how = f"{count} verdicts on {TARGET}, the last after {last:.1f} s"
    return [
        Ratio("pickproof demo", played, "<=", 20, None, f"all four schemes, both acts; {cpu:.0f} s of CPU", " s"),
        Ratio("the first verdict of a certification", first, "<=", 60, 5, how, " s"),
    ]
