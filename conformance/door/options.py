"""The options of `pytest conformance`: those of `pickproof certify`, each under a name that nobody else has taken."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

PREFIX = "--pickproof-"
GROUP = "Pickproof: pytest conformance --target TARGET"
TARGET = "a target.toml, ref:SCHEME[+FAULT_OR_VARIANT...] or app:module:attribute; may be given again"


def positive(text: str) -> float:
    """A number above zero.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def count(text: str) -> int:
    """A whole number from 1 to 256.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 256")
    return int(text)


def _several(metavar: str, help: str) -> dict[str, Any]:
    return {"action": "append", "default": [], "metavar": metavar, "help": help}


OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "target": _several("TARGET", TARGET),
    "profile": _several("P", "judge by this profile alone"),
    "only": _several("GLOB", "only checks whose id matches"),
    "skip": _several("GLOB", "no checks whose id matches"),
    "allow": _several("WHAT", "what else may happen: destructive") | {"choices": ["destructive"]},
    "seed": {"type": int, "default": 0, "metavar": "N", "help": "same seed, same inputs (0)"},
    "budget": {"type": positive, "default": 300.0, "metavar": "S", "help": "longest real wait, seconds (300)"},
    "rate": {"type": positive, "metavar": "N", "help": "at most N requests per second"},
    "concurrency": {"type": count, "default": 16, "metavar": "N", "help": "requests in flight at once (16)"},
    "ca": {"metavar": "FILE", "help": "trust this certificate authority (PEM)"},
    "insecure": {"action": "store_true", "help": "accept any certificate: test systems only"},
    "proxy": {"metavar": "URL", "help": "send everything through this HTTP proxy"},
    "wait-for": {"type": positive, "default": 0.0, "metavar": "S", "help": "wait until the target answers"},
    "baseline": {"metavar": "FILE", "help": "known failures, each with an owner and an end"},
    "out": {"default": "pickproof-report", "metavar": "DIR", "help": "where reports go (pickproof-report)"},
})  # fmt: skip

LONG_ONLY: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    # A short --timeout is what other plugins call the limit of one test.
    "timeout": {"type": positive, "default": 10.0, "metavar": "S", "help": "seconds to wait for bytes (10)"},
    "node": _several("ID", argparse.SUPPRESS) | {"help": argparse.SUPPRESS},
})  # fmt: skip

ALIASES = MappingProxyType({"out": ("--report-dir",)})


def add_options(parser: pytest.Parser) -> None:
    """Add every option as ``--pickproof-NAME``, and as ``--NAME`` where no plugin or conftest has that already."""
    taken = {name for group in (parser._anonymous, *parser._groups) for o in group.options for name in o.names()}
    group = parser.getgroup("pickproof", GROUP)
    for name, attributes in (*OPTIONS.items(), *LONG_ONLY.items()):
        short = () if name in LONG_ONLY else (f"--{name}", *ALIASES.get(name, ()))
        spellings = [*(s for s in short if s not in taken), f"{PREFIX}{name}"]
        group.addoption(*spellings, dest=destination(name), **attributes)


def destination(name: str) -> str:
    """Where pytest keeps the value of an option."""
    return f"pickproof_{name.replace('-', '_')}"


def value(config: pytest.Config, name: str) -> Any:
    """What was given for an option, by its plain name such as ``wait-for``."""
    return config.getoption(destination(name))
