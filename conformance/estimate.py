"""What a run will cost, told before it begins: from what checks declare and what preflight saw a login cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.model import Capability, Check
from conformance.target.sampler import sample_size
from conformance.target.system import System

REQUESTS_OF_A_CHECK = 4
"""Beside its logins, where a check does not say."""

FOR_SESSIONS = "need_session"
"""The verb that ends a check before its first request where the credential is a token."""


@dataclass(frozen=True, slots=True)
class Cost:
    """About how much a run asks of a target."""

    logins: int = 0
    requests: int = 0


def cost_of(system: System, checks: Sequence[Check]) -> Cost:
    """What these checks cost; the sample that several of them measure is collected once."""
    tokens = bool(system.capabilities & {Capability.TOKEN, Capability.JWT})
    begun = [check for check in checks if not (tokens and FOR_SESSIONS in check.run.__code__.co_names)]
    logins = sum(round(_told(system, check.logins)) for check in begun)
    requests = sum(_requests(system, check) for check in begun)
    if any(check.sampled for check in begun):
        sampled, visits = sample_size(system)
        # Each login of the sample is logged out again.
        logins, requests = logins + sampled, requests + sampled + visits
    return Cost(logins, requests + system.login_requests * logins)


def _requests(system: System, check: Check) -> int:
    inputs = check.examples if check.strategy else 1
    if check.requests is None:
        return inputs if check.strategy else REQUESTS_OF_A_CHECK * (not check.sampled)
    # Repeats among the inputs drawn are not sent, so it may be less than one for each.
    return round(inputs * _told(system, check.requests))


def _told(system: System, number: float | Callable[[Any], float]) -> float:
    return number(system) if callable(number) else number
