"""Which of the cookies and tokens of a login authenticate: each alone, or all of them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from conformance.errors import PreflightError
from conformance.target.oracle import Judgement
from conformance.target.party import Carrier, Party
from conformance.target.system import System

ONE_BY_ONE = 12
"""Up to so many are tried one by one. Of more, groups are tried as a whole, and halved where they count."""

Counts = Callable[[Sequence[Carrier]], Awaitable[bool]]


async def find_carriers(system: System, alice: Party) -> list[str]:
    """Set down in the system what authenticates alice; returns the names of what stands beside it without weight.

    Raises:
        PreflightError: nothing of the login is needed, or what is cannot be told.
    """
    bare = await with_only(alice, [])
    if bare.accepted:
        raise PreflightError(
            "identity", "the identity route accepts alice without any of the cookies and tokens of the login",
            "choose a route that depends on the session", (*alice.history, bare.exchange),
        )  # fmt: skip
    candidates = _candidates(alice)

    async def suffices(group: Sequence[Carrier]) -> bool:
        return (await with_only(alice, group)).accepted

    async def is_missed(group: Sequence[Carrier]) -> bool:
        return not await suffices([c for c in candidates if c not in group])

    alone = await _members(candidates, suffices)
    system.joint = not alone
    system.carriers = tuple(alone or await _members(candidates, is_missed))
    if not system.carriers:
        raise PreflightError(
            "login", f"what authenticates cannot be told: none of {', '.join(map(str, candidates)) or 'nothing'} "
            "does alone, and none is missed where the others are sent",
            "compare the login with a browser's; an identity route that needs fewer of them may be judged",
            alice.history,
        )  # fmt: skip
    return sorted({c.name for c in candidates} - {c.name for c in system.carriers})


async def with_only(alice: Party, kept: Sequence[Carrier]) -> Judgement:
    """What the target says of alice with only these of her cookies and tokens."""
    probe = alice.stolen("alice with some of her cookies")
    names = {(c.kind, c.name) for c in kept}
    probe.jar.discard(*{name for name, _ in probe.jar.as_pairs() if ("cookie", name) not in names})
    probe.tokens = {name: value for name, value in probe.tokens.items() if ("token", name) in names}
    return await probe.whoami()


def _candidates(alice: Party) -> list[Carrier]:
    tokens = [Carrier("token", name) for name in ("access", "id_token") if name in alice.tokens]
    return [*tokens, *(Carrier("cookie", name) for name in dict.fromkeys(n for n, _ in alice.jar.as_pairs()))]


async def _members(group: Sequence[Carrier], count: Counts) -> list[Carrier]:
    """Those that count by themselves."""
    if len(group) <= ONE_BY_ONE:
        return [carrier for carrier in group if await count([carrier])]
    return await _halved(group, count)


async def _halved(group: Sequence[Carrier], count: Counts) -> list[Carrier]:
    """The same with fewer requests: where a whole group does not count, none of its members does."""
    if not await count(group):
        return []
    half = len(group) // 2
    return [*await _halved(group[:half], count), *await _halved(group[half:], count)] if half else list(group)
