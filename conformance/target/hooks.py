"""Moving the target's clock with a request that its description names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from conformance.target.clock import Jump
from conformance.target.party import json_body
from conformance.target.templates import render

if TYPE_CHECKING:
    from conformance.target.description import ClockHook
    from conformance.target.system import System


def request_jump(hook: ClockHook, system: System) -> Jump:
    """A jump that sends the hook's request, with {seconds}, {offset} and {now} filled in."""

    async def jump(by: float, offset: float) -> None:
        words = {"seconds": f"{by:.3f}", "offset": f"{offset:.3f}", "now": f"{time.time() + offset:.3f}"}
        method, path = render(hook.send, words).split(" ", 1)
        content = None if hook.json_ is None else json_body(render(hook.json_, words))
        exchange = await system.stranger(system.log, "the kit").send(
            method, path, purpose=f"move the clock by {by:.0f} s", headers=render(hook.headers, words),
            content=content, content_type="application/json" if content else None,
        )  # fmt: skip
        if exchange.answer is None or exchange.answer.status >= 400:
            raise RuntimeError(f"{hook.send} answered {exchange.answer.status if exchange.answer else exchange.error}")

    return jump
