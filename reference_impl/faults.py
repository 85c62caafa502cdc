"""Switches of the reference servers: faults (one missing behaviour) and variants (harmless differences).

A server is built from a frozen policy. A switch is a function from policy to policy, so that the
servers themselves hold no trace of the faults.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Policy = TypeVar("Policy")


@dataclass(frozen=True, slots=True)
class Fault:
    """One missing behaviour of one scheme's server."""

    id: str
    scheme: str
    summary: str
    """What the faulty server does, in one sentence."""
    sources: tuple[str, ...]
    """The requirements that it violates, spelled as in ``ASVS-v5.0.0-7.4.1``."""
    primary: str
    """The id of the check that must catch it."""
    apply: Callable[[Any], Any] = field(repr=False)
    """The sound policy in, the faulty policy out. Fresh state, where needed, for each call."""
    declares: Callable[[Any], Any] = field(default=lambda policy: policy, repr=False, compare=False)
    """The variant whose promise it breaks, which the description tells as if it were kept."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A harmless difference that one or more schemes' servers can show."""

    id: str
    schemes: tuple[str, ...]
    summary: str
    apply: Callable[[Any], Any] = field(repr=False)
    fails: frozenset[str] = frozenset()
    """Ids of the checks that it must fail, since it promises less than they demand, and says so."""
    decides: str = field(default="", compare=False, repr=False)
    """What it settles, if others settle it too: of those a server shows one."""
    apart: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Other variants with which it makes no sense, by id, each with the reason; one of the two says so."""


Switch = Fault | Variant


def go_together(one: Variant, other: Variant) -> bool:
    """Whether one server can show both variants."""
    rivals = one.id == other.id or (one.decides != "" and one.decides == other.decides)
    return not (rivals or other.id in one.apart or one.id in other.apart)


def serves(switch: Switch, scheme: str) -> bool:
    """Whether a switch belongs to a scheme."""
    return switch.scheme == scheme if isinstance(switch, Fault) else scheme in switch.schemes


def select(scheme: str, ids: Iterable[str], known: Sequence[Switch]) -> tuple[Switch, ...]:
    """The scheme's switches with these ids, variants first so that a fault always has the last word.

    Raises:
        ValueError: an id is unknown; the message lists the valid ones.
    """
    valid = {switch.id: switch for switch in known if serves(switch, scheme)}
    wanted = tuple(ids)
    unknown = [i for i in wanted if i not in valid]
    if unknown:
        near = [one for id in unknown for one in difflib.get_close_matches(id, valid)]
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise ValueError(f"no switch {', '.join(unknown)} for {scheme}; {hint}`pickproof faults` lists them")
    return tuple(sorted((valid[i] for i in wanted), key=lambda switch: isinstance(switch, Fault)))


def apply_all(policy: Policy, switches: Iterable[Switch]) -> Policy:
    """The policy after every switch, in order."""
    for switch in switches:
        policy = switch.apply(policy)
    return policy
