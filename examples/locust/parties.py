"""The kit's parties, in a process of their own beside a Locust worker: one loop of asyncio, and no monkey patches.

A line on standard input is ``{"id": 1, "user": 7, "do": "log in"}``, or ``"ask"``; the answer is a line on standard
output with the same id, the seconds that it took, what was wrong, and whether the target's answer named somebody else.
"""

import asyncio
import json
import sys
import time
from itertools import count
from typing import Any

from conformance.errors import PickproofError, Stop
from conformance.model import Capability
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.target.facade import Party, Target
from conformance.target.preflight import preflight
from conformance.target.wire import Limits

CHECK = "session.mixup.load"


async def main(described: str) -> None:
    """Prove the target, and do what is asked until the input ends."""
    async with opened(described, Options(limits=Limits(concurrency=256))) as system:
        async for _ in preflight(system):
            pass
        _say({"ready": True})
        crowd, tasks = Crowd(Target(system, catalogue()[CHECK])), set[asyncio.Task[None]]()
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        async for line in lines:
            task = asyncio.create_task(crowd.answer(json.loads(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


class Crowd:
    """Who is signed in."""

    def __init__(self, target: Target) -> None:
        self.target, self.parties, self.numbers = target, dict[int, Party](), count()

    async def answer(self, asked: dict[str, Any]) -> None:
        """Do one thing, and say how it went."""
        began, problem, mixed = time.perf_counter(), "", False
        try:
            if asked["do"] == "log in":
                self.parties[asked["user"]] = await self.somebody()
            else:
                party = self.parties[asked["user"]]
                judged = await party.whoami()
                mixed = judged.accepted and judged.name != party.principal
                problem = "" if judged.accepted else f"not signed in: {judged.why}"
        except (PickproofError, Stop) as stop:
            problem = f"{type(stop).__name__}: {stop}"
        _say({"id": asked["id"], "seconds": time.perf_counter() - began, "problem": problem, "mixed": mixed})

    async def somebody(self) -> Party:
        """A login: of a newcomer where the target registers people, else of two of the described accounts in turn."""
        if self.target.has(Capability.REGISTER):
            return await self.target.newcomer()
        return await self.target.own_login(("alice", "bob")[next(self.numbers) % 2])


def _say(words: dict[str, Any]) -> None:
    print(json.dumps(words), flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except (PickproofError, Stop) as problem:
        _say({"ready": False, "problem": str(problem)})
        sys.exit(2)
