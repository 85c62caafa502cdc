"""Properties: inputs drawn ahead, sent in waves, and shrunk by Hypothesis when one of them succeeds.

Inputs are drawn singly with the run's seed, outside any request; repeats are dropped; what is left goes out in waves.
When one succeeds, Hypothesis replays the same seed against the remembered answers, finds the same input, and shrinks
it, asking the target only about inputs that it has not seen. Measured on a target 50 ms away this gives over
fifteen times as many distinct inputs a second as one example after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from conformance.errors import Inconclusive, Stop, Violation

WAVE = 32
MAX_SHRINK_REQUESTS = 60
"""Inputs that shrinking may still send; past that the smallest found stands."""

Inputs = Mapping[str, Any]
Attempt = Callable[[Inputs], Awaitable[None]]


class Hit(Exception):
    """The smallest input found that succeeds, and its violation."""

    def __init__(self, inputs: Inputs, violation: Violation) -> None:
        super().__init__("hit")
        self.inputs = inputs
        self.violation = violation


async def explore(attempt: Attempt, strategies: Mapping[str, Any], seed: int, examples: int) -> int:
    """Try distinct inputs until one succeeds or all are through; returns how many were tried.

    Raises:
        Hit: an input succeeded; the smallest found.
        Stop: an input could not be judged and none succeeded.
    """
    drawn = await asyncio.to_thread(_draw, strategies, seed, examples)
    answers: dict[str, Violation | Stop | None] = {}
    for start in range(0, len(drawn), WAVE):
        wave = drawn[start : start + WAVE]
        for inputs, answer in zip(wave, await asyncio.gather(*(_outcome(attempt, i) for i in wave)), strict=True):
            answers[repr(inputs)] = answer
        if any(isinstance(a, Violation) for a in answers.values()):
            raise await _smallest(attempt, strategies, seed, examples, answers)
    unclear = next((a for a in answers.values() if isinstance(a, Stop)), None)
    if unclear:
        raise unclear
    return len(answers)


async def _outcome(attempt: Attempt, inputs: Inputs) -> Violation | Stop | None:
    try:
        await attempt(inputs)
    except (Violation, Stop) as ended:
        return ended
    return None


def _settings(examples: int, *, shrink: bool) -> Any:
    from hypothesis import HealthCheck, Phase, Verbosity, settings

    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    return settings(
        max_examples=examples, phases=phases, database=None, deadline=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet, derandomize=False, print_blob=False,
    )  # fmt: skip


_PATCHING = threading.Lock()
_kept: list[Any] = []
"""What was patched over, once for each run that is under way."""


@contextlib.contextmanager
def _same_everywhere() -> Iterator[None]:
    """Keep Hypothesis from drawing constants that it finds in the source of local modules.

    Which modules are local, and loaded, differs between a clone and an installed wheel, and between the two doors: the
    same seed would give other inputs. Hypothesis has no setting for this; where its insides have changed, nothing is
    patched and only that difference comes back.
    """
    from hypothesis.internal.conjecture import providers as inside

    providers: Any = inside
    names = ("_get_local_constants", "Constants", "CONSTANTS_CACHE")
    if not all(hasattr(providers, name) for name in names):
        yield
        return
    with _PATCHING:
        if not _kept:
            providers.CONSTANTS_CACHE.cache.clear()
        _kept.append(providers._get_local_constants)
        providers._get_local_constants = providers.Constants
    try:
        yield
    finally:
        with _PATCHING:
            if len(_kept) == 1:
                providers._get_local_constants = _kept[0]
                providers.CONSTANTS_CACHE.cache.clear()
            _kept.pop()


def _run(test: Callable[..., None], strategies: Mapping[str, Any], seed: int, examples: int, *, shrink: bool) -> None:
    from hypothesis import given
    from hypothesis import seed as seeded

    # Function, seed and settings are process-global in Hypothesis, hence a fresh wrapper for each run.
    with _same_everywhere():
        seeded(seed)(_settings(examples, shrink=shrink)(given(**strategies)(test)))()


def _draw(strategies: Mapping[str, Any], seed: int, examples: int) -> list[Inputs]:
    drawn: dict[str, Inputs] = {}

    def collect(**inputs: Any) -> None:
        drawn.setdefault(repr(inputs), inputs)

    _run(collect, strategies, seed, examples, shrink=False)
    return list(drawn.values())


async def _smallest(
    attempt: Attempt, strategies: Mapping[str, Any], seed: int, examples: int,
    answers: dict[str, Violation | Stop | None],
) -> Hit:  # fmt: skip
    loop = asyncio.get_running_loop()
    found: list[Hit] = []
    budget = MAX_SHRINK_REQUESTS

    def replay(**inputs: Any) -> None:
        nonlocal budget
        known = repr(inputs)
        if known not in answers:
            if budget <= 0:
                return
            budget -= 1
            answers[known] = asyncio.run_coroutine_threadsafe(_outcome(attempt, inputs), loop).result()
        answer = answers[known]
        if isinstance(answer, Violation):
            found.append(Hit(inputs, answer))
            raise answer

    try:
        await asyncio.to_thread(_run, replay, strategies, seed, examples, shrink=True)
    except Violation:
        # Hypothesis replays the smallest input last.
        return found[-1]
    except Exception as problem:
        if not found:
            raise Inconclusive(f"an input succeeded once and could not be replayed: {type(problem).__name__}") from None
        return found[-1]
    raise Inconclusive("an input succeeded once and could not be replayed")
