"""What the kit holds on to: its memory after ten thousand further requests with their evidence, over that before."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from typing import Any

from bench.ratio import Ratio
from bench.servers import running
from conformance.certify import Selection, Session
from conformance.model import Verdict
from conformance.open import Options, make_system
from conformance.runner import judge_one
from conformance.target.description import parse

CHECKS = ("session.id.mutate", "session.logout.replay", "csrf.token.wrong", "session.mixup.load", "error.*")
"""Properties, thefts, crowds: what sends most, and logs in anew each time."""
WARM = 2_000
"""Requests before the first look: what is bounded has filled by then."""
REQUESTS = 10_000


async def grown(described: dict[str, Any]) -> tuple[float, float, int]:
    """Megabytes before and after, and the requests between; a check's last verdict is kept, as a report keeps it."""
    system = make_system(parse(described, "bench"), "bench", "", None, Options())
    kept: dict[str, Verdict] = {}
    try:
        session = Session(system, Selection(only=CHECKS))
        plan = await session.prepare()

        async def until(requests: int) -> float:
            while system.wire.requests < requests:
                for check in plan.checks:
                    kept[check.id] = await judge_one(system, check, plan.profiles)
            return peak()

        before = await until(WARM)
        begun = system.wire.requests
        after = await until(begun + REQUESTS)
        return before, after, system.wire.requests - begun
    finally:
        await system.close()


def peak() -> float:
    """The most memory that this process ever held, in megabytes."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def measure() -> list[Ratio]:
    """In a process of its own: other parts leave their own peaks."""
    with running("session") as described:
        child = subprocess.run(
            [sys.executable, "-m", "bench.memory"],
            input=json.dumps(described),
            capture_output=True,
            text=True,
            check=True,
        )
    before, after, requests = json.loads(child.stdout)
    how = f"{after:.0f} MB after {requests} further requests, {before:.0f} MB before"
    return [Ratio("memory after 10,000 further requests", after / before, "<=", 1.1, 1.05, how)]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(grown(json.load(sys.stdin)))))
