"""A generated input as plain JSON values and back, so that a later run can try exactly the input that was recorded.

Only what a recipe is made of has a spelling: texts, numbers, bytes, lists, tuples, tables and dataclasses. Reading
makes nothing but dataclasses of the kit or of the check's own package, since a report may come from a stranger.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

from conformance.masking import Secrets
from conformance.model import Check
from conformance.report.safe import clean

_BOXES = frozenset({"tuple", "table", "bytes", "points", "type"})
"""What a JSON object may stand for; the key is its name."""


def spelled(inputs: Mapping[str, Any] | None, secrets: Secrets) -> dict[str, Any] | None:
    """The inputs of a check, by argument, as JSON values; None when there are none.

    Also None where an input holds a secret or something that has no spelling: it can't be pinned then.
    """
    if inputs is None:
        return None
    try:
        return {name: _spell(value, secrets) for name, value in inputs.items()}
    except ValueError:
        return None


def read(inputs: Mapping[str, Any], check: Check) -> dict[str, Any]:
    """The inputs that `spelled` wrote, for this check.

    Raises:
        ValueError: something in it is no input of this check.
    """
    packages = ("conformance.attacks", check.run.__module__.partition(".")[0])
    kept = packages if packages[1] != "conformance" else packages[:1]
    return {name: _read(value, kept) for name, value in inputs.items()}


def _spell(value: Any, secrets: Secrets) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        if secrets.mask(value) != value:
            raise ValueError("it holds a secret")
        return value if clean(value, len(value)) == value else {"points": [ord(character) for character in value]}
    if isinstance(value, bytes):
        _spell(value.decode("latin-1"), secrets)
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return [_spell(item, secrets) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_spell(item, secrets) for item in value]}
    if isinstance(value, Mapping):
        return {"table": [[_spell(k, secrets), _spell(v, secrets)] for k, v in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {f.name: _spell(getattr(value, f.name), secrets) for f in dataclasses.fields(value) if f.init}
        return {"type": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise ValueError(f"{type(value).__name__} has no spelling")


def _read(value: Any, packages: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_read(item, packages) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        (box,) = _BOXES & value.keys()
        inside = value[box]
        if box == "tuple":
            return tuple(_read(item, packages) for item in inside)
        if box == "table":
            return {_read(k, packages): _read(v, packages) for k, v in inside}
        if box == "bytes":
            return bytes.fromhex(inside)
        if box == "points":
            return "".join(map(chr, inside))
        fields = {name: _read(field, packages) for name, field in value["fields"].items()}
        return _type(inside, packages)(**fields)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as problem:
        raise ValueError(f"no such input: {clean(str(problem))}") from None


def _type(name: str, packages: tuple[str, ...]) -> type[Any]:
    module, _, kind = name.partition(":")
    if not any(module == package or module.startswith(f"{package}.") for package in packages):
        raise ValueError(f"{module} holds no inputs")
    # Never imported by name: whoever needs the type has loaded it with the check.
    found = getattr(sys.modules.get(module), kind, None)
    if not isinstance(found, type) or not dataclasses.is_dataclass(found):
        raise ValueError(f"{name} is no recipe")
    return found
