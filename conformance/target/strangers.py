"""The first contact with a target: whether it answers, and what strangers get."""

from __future__ import annotations

import asyncio
import time

from conformance.errors import Inconclusive, PreflightError
from conformance.model import Exchange
from conformance.target.oracle import THROTTLED, Oracle, faces
from conformance.target.party import Party
from conformance.target.system import System
from conformance.target.verbs import identify
from conformance.target.wire import BROKEN

STRANGERS = 3
"""How many strangers are asked who they are: a name that changes from one to the next says nothing."""


async def meet_strangers(system: System, wait_for: float) -> str:
    """See that the target answers, and as whom it takes strangers; calibrates the oracle, returns what was seen.

    Args:
        system: not calibrated yet.
        wait_for: seconds to keep trying until the target answers at all.

    Raises:
        PreflightError: no answer, a broken one, or strangers that have names as users do.
    """
    exchange, name = await _first_answer(system, wait_for)
    asked = [(exchange, name), *[await identify(system.stranger(system.log)) for _ in range(STRANGERS - 1)]]
    named = frozenset(name for _, name in asked if name)
    shown = tuple(exchange for exchange, _ in asked)
    if len(named) > 1:
        raise PreflightError(
            "identity.name", f"strangers have a name, another one each time: {', '.join(map(repr, sorted(named)))}",
            "point identity at what only a signed-in user is given: guests of changing names pass for users", shown,
        )  # fmt: skip
    system.oracle = Oracle(faces(shown), named)
    guest = f", under the name {next(iter(named))!r}" if named else ""
    return f"a stranger gets {exchange.answer.status if exchange.answer else 'no answer'}{guest}"


async def _first_answer(system: System, wait_for: float) -> tuple[Exchange, str | None]:
    """What a stranger is answered, once the target answers at all."""
    stranger = system.stranger(system.log)
    until = time.monotonic() + wait_for
    while True:
        exchange, name = await _ask(stranger)
        broken = _broken(exchange) or (exchange.answer is not None and exchange.answer.status in THROTTLED)
        if not broken or time.monotonic() >= until:
            break
        await asyncio.sleep(0.2)
    if exchange.answer is None:
        problem = f"{system.base_url} does not answer: {exchange.error}"
        raise PreflightError("base_url", problem, connection_hint(system, exchange.error), (exchange,))
    if broken:
        problem = f"a stranger is answered {exchange.answer.status}"
        hint = "wait, or use --rate" if exchange.answer.status in THROTTLED else "look at the target's log"
        raise PreflightError("identity", problem, hint, (exchange,))
    return exchange, name


async def answers(system: System) -> bool:
    """Whether the target still answers a stranger, in whatever words but an error of its own."""
    try:
        exchange, _ = await _ask(system.stranger(system.log))
    except (Inconclusive, Exception):
        # An answer that says nothing is an answer; what an adapter breaks at is none of the target's death.
        return True
    return not _broken(exchange)


def _broken(exchange: Exchange) -> bool:
    return exchange.answer is None or exchange.answer.status >= BROKEN


async def _ask(stranger: Party) -> tuple[Exchange, str | None]:
    """Who a stranger is; a step that failed because the target is down or broken counts as its answer."""
    try:
        return await identify(stranger)
    except Inconclusive as stop:
        last = stop.evidence[-1] if stop.evidence else None
        if last is None or (last.answer is not None and last.answer.status < BROKEN):
            raise
        return last, None


def connection_hint(system: System, error: str | None) -> str:
    """What to try where nothing answers."""
    text = error or ""
    if "certificate" in text.lower():
        return "--ca FILE for a private certificate authority, --insecure to skip verification on a test system"
    if "not HTTP" in text or "TLS" in text:
        return "check scheme and port: https spoken to an http port looks like this, and the reverse"
    # Some servers of http hang up on a TLS handshake without a word, others wait for the end of a line.
    scheme = " (is it https?)" if system.base_url.startswith("https") else ""
    return f"start the target, check base_url{scheme}, or give it time with --wait-for SECONDS"
