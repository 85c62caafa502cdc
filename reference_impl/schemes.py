"""What a scheme offers: how to build its server, its faults and its variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.types import ASGIApp

from .clock import Clock
from .faults import Fault, Switch, Variant


@dataclass(frozen=True, slots=True)
class Reference:
    """One built server, not yet served."""

    scheme: str
    app: ASGIApp = field(repr=False)
    clock: Clock = field(repr=False)
    describe: Callable[[str], dict[str, Any]] = field(repr=False)
    """``describe(base_url)``: how to test it, in the grammar of ``target.toml``, as a dict of the TOML."""
    extras: Callable[[], dict[str, Any]] = field(repr=False, default=dict)
    """Verbs beyond that grammar (administration, step-up, the gate …), in the same style of steps."""
    switches: tuple[str, ...] = ()


class Build(Protocol):
    """Builds the server of one scheme."""

    def __call__(self, switches: Sequence[Switch], *, clock: Clock, store: str, hashing: str) -> Reference:
        """Apply the switches to the sound policy, in order, and build the app from the result."""
        ...


@dataclass(frozen=True, slots=True)
class Scheme:
    """One scheme's server and its switches."""

    name: str
    build: Build = field(repr=False)
    faults: tuple[Fault, ...] = field(repr=False)
    variants: tuple[Variant, ...] = field(repr=False)
