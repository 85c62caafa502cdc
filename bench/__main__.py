"""``python -m bench [PART …]``: measure, print the table; ``--check`` fails when a goal is missed."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import traceback

from bench.ratio import Ratio, table

PARTS = ("wire", "startup", "properties", "forgery", "memory", "certification", "demo", "matrix")


def main() -> int:
    """0, or 1 where ``--check`` was given and a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Ratios of speed against controls.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    found: list[Ratio] = []
    broken = False
    for part in options.parts or PARTS:
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        try:
            found += importlib.import_module(f"bench.{part}").measure()
        except Exception:
            # One part that cannot be measured must not cost the others.
            traceback.print_exc()
            broken = True
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print(table(found))
    return int(options.check and (broken or not all(one.ok for one in found)))


if __name__ == "__main__":
    sys.exit(main())
