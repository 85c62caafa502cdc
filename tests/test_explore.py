"""Properties: what is drawn, what is sent, what is shrunk, and what never is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st

from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.explore import MAX_SHRINK_REQUESTS, WAVE, Hit, explore
from conformance.model import Finding

TEXT = {"text": st.text("abcdefgh", max_size=12)}
NUMBER = {"number": st.integers(0, 10_000)}


def violation(actual: str = "accepted") -> Violation:
    return Violation(Finding("refused", actual))


class Attempts:
    """A target that remembers what it was asked; subclasses and tests say what it accepts."""

    def __init__(self, accepts: Any = lambda **_: False) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.accepts = accepts
        self.at_once = self.most_at_once = 0

    async def __call__(self, inputs: Mapping[str, Any]) -> None:
        self.asked.append(inputs)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.accepts(**inputs):
            raise violation(repr(inputs))


async def hit(attempts: Any, strategies: Mapping[str, Any], seed: int = 1, examples: int = 96) -> Hit:
    with pytest.raises(Hit) as caught:
        await explore(attempts, strategies, seed, examples)
    return caught.value


@pytest.mark.asyncio
async def test_each_input_is_sent_once_and_counted() -> None:
    attempts = Attempts()
    tried = await explore(attempts, {"flag": st.booleans(), "digit": st.integers(0, 3)}, 1, 96)
    assert tried == len(attempts.asked) == 8
    assert max(Counter(map(repr, attempts.asked)).values()) == 1


@pytest.mark.asyncio
async def test_inputs_go_out_in_waves() -> None:
    attempts = Attempts()
    assert await explore(attempts, NUMBER, 1, 96) > WAVE
    assert attempts.most_at_once == WAVE


@pytest.mark.asyncio
async def test_no_further_wave_after_a_hit() -> None:
    attempts = Attempts(lambda number: True)
    await hit(attempts, NUMBER)
    assert attempts.most_at_once == WAVE
    assert len(attempts.asked) <= WAVE + MAX_SHRINK_REQUESTS


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.asyncio
async def test_a_hit_is_shrunk_to_the_smallest(seed: int) -> None:
    found = await hit(Attempts(lambda text: "c" in text), TEXT, seed)
    assert found.inputs == {"text": "c"}
    assert found.violation.finding.actual == "{'text': 'c'}"


@pytest.mark.asyncio
async def test_several_arguments_are_shrunk_together() -> None:
    found = await hit(Attempts(lambda text, number: len(text) >= 2 and number >= 5), {**TEXT, **NUMBER})
    assert found.inputs == {"text": "aa", "number": 5}


@pytest.mark.asyncio
async def test_the_same_seed_finds_the_same() -> None:
    told = []
    for _ in range(2):
        attempts = Attempts(lambda number: number % 17 == 3)
        found = await hit(attempts, NUMBER, seed=9)
        told.append((found.inputs, [repr(i) for i in attempts.asked]))
    assert told[0] == told[1]


@pytest.mark.asyncio
async def test_another_seed_draws_otherwise() -> None:
    drawn = []
    for seed in (1, 2):
        attempts = Attempts()
        await explore(attempts, NUMBER, seed, 32)
        drawn.append([repr(i) for i in attempts.asked])
    assert drawn[0] != drawn[1]


@pytest.mark.asyncio
async def test_shrinking_asks_only_about_what_is_new_and_not_for_ever() -> None:
    attempts = Attempts(lambda text: len(set(text)) >= 4)
    found = await hit(attempts, {"text": st.text(min_size=0, max_size=200)})
    assert max(Counter(map(repr, attempts.asked)).values()) == 1
    assert len(attempts.asked) - WAVE <= MAX_SHRINK_REQUESTS
    assert len(set(found.inputs["text"])) >= 4


@pytest.mark.parametrize("stop", [Inconclusive, NotApplicable])
@pytest.mark.asyncio
async def test_a_stop_is_raised_as_it_is_and_never_shrunk(stop: type[Inconclusive]) -> None:
    attempts = Attempts()

    async def unclear(inputs: Mapping[str, Any]) -> None:
        await attempts(inputs)
        if inputs["number"] > 5:
            raise stop("no idea")

    with pytest.raises(stop) as caught:
        await explore(unclear, NUMBER, 1, 40)
    assert caught.value.reason == "no idea"
    assert max(Counter(map(repr, attempts.asked)).values()) == 1
    assert len(attempts.asked) <= 40


@pytest.mark.asyncio
async def test_a_violation_decides_even_beside_a_stop() -> None:
    async def attempt(inputs: Mapping[str, Any]) -> None:
        if inputs["number"] % 2:
            raise Inconclusive("odd")
        if inputs["number"] >= 10:
            raise violation()

    assert (await hit(attempt, NUMBER)).inputs == {"number": 10}


@pytest.mark.asyncio
async def test_what_was_unclear_is_not_the_example() -> None:
    async def attempt(inputs: Mapping[str, Any]) -> None:
        if inputs["number"] < 500:
            raise Inconclusive("throttled")
        raise violation()

    assert (await hit(attempt, NUMBER)).inputs["number"] >= 500


@pytest.mark.asyncio
async def test_a_flaky_target_is_found_out_by_what_it_once_did() -> None:
    """Accepts one input of three, whatever it is, and nothing twice."""
    count = 0

    async def flaky(inputs: Mapping[str, Any]) -> None:
        nonlocal count
        count += 1
        if count % 3 == 0:
            raise violation(repr(inputs))

    for seed in range(5):
        found = await hit(flaky, NUMBER, seed)
        assert found.violation.finding.actual == repr(found.inputs)


@pytest.mark.asyncio
async def test_a_target_that_dies_while_shrinking_keeps_the_hit() -> None:
    asked = 0

    async def dying(inputs: Mapping[str, Any]) -> None:
        nonlocal asked
        asked += 1
        if asked > WAVE:
            raise Inconclusive("no connection")
        if inputs["number"] > 100:
            raise violation()

    assert (await hit(dying, NUMBER)).inputs["number"] > 100


@pytest.mark.asyncio
async def test_a_bug_of_the_check_is_raised() -> None:
    async def buggy(inputs: Mapping[str, Any]) -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        await explore(buggy, NUMBER, 1, 10)


@pytest.mark.asyncio
async def test_a_bug_of_the_check_while_shrinking_keeps_the_hit() -> None:
    asked = 0

    async def buggy(inputs: Mapping[str, Any]) -> None:
        nonlocal asked
        asked += 1
        if asked > WAVE:
            raise KeyError("oops")
        if inputs["number"] > 100:
            raise violation()

    assert (await hit(buggy, NUMBER)).inputs["number"] > 100


@pytest.mark.asyncio
async def test_properties_of_several_checks_run_at_once() -> None:
    async def one(limit: int) -> Hit:
        return await hit(Attempts(lambda number: number >= limit), NUMBER, limit)

    found = await asyncio.gather(*(one(limit) for limit in (3, 30, 300, 3000)))
    assert [f.inputs["number"] for f in found] == [3, 30, 300, 3000]


@pytest.mark.asyncio
async def test_running_beside_others_changes_nothing() -> None:
    async def drawn(seed: int) -> list[str]:
        attempts = Attempts()
        await explore(attempts, {**TEXT, **NUMBER}, seed, 48)
        return [repr(i) for i in attempts.asked]

    alone = [await drawn(seed) for seed in range(4)]
    assert await asyncio.gather(*(drawn(seed) for seed in range(4))) == alone


@dataclass(frozen=True)
class Forgery:
    name: str
    wire: int = field(repr=False)


@pytest.mark.asyncio
async def test_inputs_that_look_alike_are_different_inputs() -> None:
    attempts = Attempts(lambda forgery: forgery.wire == 7)
    found = await hit(attempts, {"forgery": st.builds(Forgery, st.just("f"), st.integers(0, 9))})
    assert found.inputs["forgery"].wire == 7


@pytest.mark.asyncio
async def test_a_cancellation_ends_the_wave() -> None:
    begun = ended = 0
    all_begun = asyncio.Event()

    async def endless(inputs: Mapping[str, Any]) -> None:
        nonlocal begun, ended
        begun += 1
        if begun == WAVE:
            all_begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended += 1

    running = asyncio.create_task(explore(endless, NUMBER, 1, 40))
    await all_begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == WAVE


# -- violations that weigh less


def weight(found: Violation) -> int:
    return len(found.finding.of)


class Weighed:
    """Answers each number with a violation of the weight that a table gives it."""

    def __init__(self, weights: Mapping[int, int | None]) -> None:
        self.weights, self.asked = weights, list[int]()

    async def __call__(self, inputs: Mapping[str, Any]) -> None:
        number = inputs["number"]
        self.asked.append(number)
        found = self.weights.get(number, -1)
        if found is None:
            raise Inconclusive("nothing was understood")
        if found >= 0:
            raise Violation(Finding("refused", str(number), of=("some.check",) * found))


DIGIT = {"number": st.integers(0, 7)}


async def told(weights: Mapping[int, int | None]) -> tuple[str, Weighed]:
    attempts = Weighed(weights)
    try:
        await explore(attempts, DIGIT, 1, 96, weight)
    except Hit as hit:
        return hit.violation.finding.actual, attempts
    except Inconclusive:
        return "unclear", attempts
    return "nothing", attempts


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({5: 1}, "5"),
        ({2: 1, 5: 0}, "5"),
        ({2: 2, 5: 1}, "5"),
        ({2: 1, 5: 1}, "2"),
        ({2: None, 5: 1}, "5"),
        ({2: None, 5: 2}, "unclear"),
        ({2: None, 5: 0}, "5"),
    ],
)
async def test_the_weightiest_violation_is_told(weights: dict[int, int | None], expected: str) -> None:
    assert (await told(weights))[0] == expected


class Slow:
    """A machine whose runs have taken long, in the place of a strategy."""

    shrinks, alone = 12, True

    def bounded(self, chosen: Any) -> Any:
        return chosen

    def machine(self, sink: Any) -> Any:
        raise NotImplementedError

    def dealt(self, seed: int, examples: int) -> list[Any]:
        return []

    def shorter(self, dealt: Any) -> list[Any]:
        return []


@pytest.mark.asyncio
async def test_what_took_long_to_find_is_told_as_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dawdling(Weighed):
        async def __call__(self, inputs: Mapping[str, Any]) -> None:
            await asyncio.sleep(0.02)
            await super().__call__(inputs)

    drawn = [{"number": number} for number in (3, 7, 5)]
    monkeypatch.setattr("conformance.explore._draw", lambda *_: drawn)
    monkeypatch.setattr("conformance.explore.LONG", 0.1)
    with pytest.raises(Hit) as caught:
        await explore(Dawdling({7: 1, 5: 1}), {"number": Slow()}, 1, 96, weight)
    assert caught.value.inputs == {"number": 7}


@pytest.mark.asyncio
async def test_what_weighs_less_does_not_end_the_search() -> None:
    _, attempts = await told({0: 1})
    assert len(attempts.asked) == 8
