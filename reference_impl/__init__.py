"""Reference servers: authentication done right, with faults and variants to switch on.

``build("session")`` gives the sound server, ``build("session", ["no-idle"])`` one with a single missing behaviour.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from .clock import Clock
from .faults import Fault, Variant, select
from .schemes import Reference, Scheme

__all__ = ["FAULTS", "SCHEMES", "VARIANTS", "Clock", "Fault", "Reference", "Variant", "build"]

_MODULES = ("session", "token", "refresh", "oauth")


def _collected() -> dict[str, Scheme]:
    return {name: import_module(f".{name}", __name__).SCHEME for name in _MODULES}


def _merged(schemes: dict[str, Scheme]) -> tuple[Variant, ...]:
    # A variant that serves several schemes is listed by each of them.
    return tuple(dict.fromkeys(v for scheme in schemes.values() for v in scheme.variants))


_SCHEMES = _collected()

SCHEMES: tuple[str, ...] = tuple(_SCHEMES)
"""The names of the schemes that have a server."""
FAULTS: tuple[Fault, ...] = tuple(f for scheme in _SCHEMES.values() for f in scheme.faults)
"""Every fault of every scheme; ids are unique within a scheme."""
VARIANTS: tuple[Variant, ...] = _merged(_SCHEMES)
"""Every variant."""


def build(
    scheme: str,
    switches: Sequence[str] = (),
    *,
    clock: Clock | None = None,
    store: str = "memory://",
    hashing: str = "test",
) -> Reference:
    """The server of a scheme with faults and variants switched on.

    Args:
        scheme: one of :data:`SCHEMES`.
        switches: ids of faults and variants of that scheme.
        clock: the server's time; its own by default.
        store: ``memory://`` or ``sqlite:///path``, which replicas may share.
        hashing: ``test`` or ``strong``, the cost of a password hash.

    Raises:
        ValueError: an unknown scheme, switch, store or cost; the message lists what is valid.
    """
    if scheme not in _SCHEMES:
        raise ValueError(f"no scheme {scheme}; valid: {', '.join(_SCHEMES)}")
    if hashing not in ("test", "strong"):
        raise ValueError(f"no hashing {hashing}; valid: test, strong")
    chosen = select(scheme, switches, (*_SCHEMES[scheme].faults, *_SCHEMES[scheme].variants))
    return _SCHEMES[scheme].build(chosen, clock=clock or Clock(), store=store, hashing=hashing)
