"""Small words in which the faults and variants of the refresh server are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import token_variants
from .faults import Fault, Variant
from .refresh_policy import RefreshPolicy
from .token_policy import TokenPolicy

Change = Callable[[RefreshPolicy], RefreshPolicy]


def fault(id: str, primary: str, sources: str, summary: str, *changes: Change) -> Fault:
    """A row of a fault table; sources are separated by spaces, ``7.4.1`` is short for ``ASVS-v5.0.0-7.4.1``.

    Of several changes the first ones are the variant that the fault needs, such as a grace.
    """
    spelled = tuple(s if "-" in s else f"ASVS-v5.0.0-{s}" for s in sources.split())
    return Fault(id, "refresh", summary, spelled, primary, both(*changes))


def variant(id: str, summary: str, *changes: Change, fails: str = "", **relations: Any) -> Variant:
    """A row of the variant table; ``fails`` are the checks that must tell of it, separated by spaces.

    ``decides`` and ``apart`` tell with which others it does not go.
    """
    return Variant(id, ("refresh",), summary, both(*changes), frozenset(fails.split()), **relations)


def both(*changes: Change) -> Change:
    """One change after the other."""

    def apply(policy: RefreshPolicy) -> RefreshPolicy:
        for change in changes:
            policy = change(policy)
        return policy

    return apply


def whole(**changes: Any) -> Change:
    """Replace members of the policy itself."""
    return lambda policy: replace(policy, **changes)


def rules(**changes: Any) -> Change:
    """Replace members of the rules of families."""
    return lambda policy: replace(policy, rules=replace(policy.rules, **changes))


def declared(**promises: Any) -> Change:
    """Promise something in the description, whatever the server does."""
    return lambda policy: replace(policy, declared={**policy.declared, **promises})


def access(change: Callable[[TokenPolicy], TokenPolicy]) -> Change:
    """A change of what the token server decides."""
    return lambda policy: replace(policy, access=change(policy.access))


def allows(test: Callable[[Any], None]) -> Change:
    """Replace the test of whether a request comes from our own pages."""

    def apply(policy: RefreshPolicy) -> RefreshPolicy:
        carrier = policy.carrier
        return replace(policy, carrier=replace(carrier, access=replace(carrier.access, allows=test)))

    return apply


def fresh(make: Callable[[], Change]) -> Change:
    """A change with state of its own for each server that is built."""
    return lambda policy: make()(policy)


def of_token_server(*ids: str) -> tuple[Variant, ...]:
    """Variants of the token server, which differ in what both servers share."""
    found = [v for id in ids for v in token_variants.VARIANTS if v.id == id]
    return tuple(variant(v.id, v.summary, access(v.apply), decides=v.decides, apart=v.apart) for v in found)
