"""`pickproof explain ID`: one check in plain words."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from conformance.commands.list import as_json
from conformance.matrix import killed_by
from conformance.model import Check
from conformance.pointers import pointers
from conformance.registry import catalogue
from conformance.standards import cited_as


def main(options: argparse.Namespace) -> int:
    """Print what a check does, which requirements it decides, what to do, and which fault proves it."""
    check = catalogue()[options.id]
    if options.json:
        print(json.dumps(_as_json(check), indent=2))
        return 0
    print("\n".join(explanation(check)))
    return 0


def _as_json(check: Check) -> dict[str, Any]:
    cited = [one for source in check.sources if (one := cited_as(source))]
    return as_json(check) | {
        "requirements": [{"id": one.id, "level": one.level, "text": one.text, "url": one.url} for one in cited],
        "frameworks": pointers(check.id),
        "kills": [{"scheme": scheme, "fault": fault} for scheme, fault in killed_by(check.id)],
    }


def explanation(check: Check) -> Iterator[str]:
    """The lines that explain a check."""
    yield check.id
    yield from _wrapped(check.title)
    if check.story:
        yield ""
        yield from (line for part in check.story.split("\n\n") for line in _wrapped(part))
    yield "\nneeds"
    yield f"  {', '.join(check.needs)}"
    if check.destructive:
        yield "  --allow destructive"
    yield "\nsources"
    for source in check.sources:
        known = cited_as(source)
        line = f"{source} ({known.level}): {known.text}" if known else f"{source}: in no document that Pickproof has"
        yield from textwrap.wrap(line, 80, initial_indent="  ", subsequent_indent="    ")
    yield "\nremedy"
    yield from _wrapped(check.remedy)
    for framework, text in pointers(check.id).items():
        line = f"{framework}: {text}"
        yield from textwrap.wrap(line, 80, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
    killed = killed_by(check.id)
    if killed:
        yield "\nproven by the faults that it kills in the reference servers"
    for scheme, fault in killed:
        yield f"  pickproof certify ref:{scheme}+{fault} --only {check.id}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 80, initial_indent="  ", subsequent_indent="  ")
