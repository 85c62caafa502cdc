"""`pickproof list`: the catalogue."""

from __future__ import annotations

import argparse
import json
from typing import Any

from conformance.model import Check
from conformance.registry import catalogue
from conformance.standards import profile


def main(options: argparse.Namespace) -> int:
    """Print every check, or those that decide a requirement of one profile."""
    checks = list(catalogue().values())
    if options.profile:
        demanded = set(profile(options.profile).demands)
        checks = [c for c in checks if demanded & set(c.sources)]
    if options.json:
        print(json.dumps({"checks": [as_json(c) for c in checks]}, indent=2))
        return 0
    for topic in dict.fromkeys(c.topic for c in checks):
        print(topic)
        for check in (c for c in checks if c.topic == topic):
            print(f"  {check.id:34} {check.title}")
    print(f"\n{len(checks)} checks; `pickproof explain ID` says more of one")
    return 0


def as_json(check: Check) -> dict[str, Any]:
    """A check for programs."""
    return {
        "id": check.id, "title": check.title, "story": check.story, "remedy": check.remedy,
        "needs": [str(n) for n in check.needs], "sources": list(check.sources), "property": check.strategy is not None,
        "exclusive": check.exclusive, "destructive": check.destructive,
    }  # fmt: skip
