"""`pickproof faults`: what the reference servers can get wrong on request."""

from __future__ import annotations

import argparse
import json

from conformance.matrix import kills
from reference_impl import FAULTS, VARIANTS


def main(options: argparse.Namespace) -> int:
    """Print faults with the checks that kill them, and variants."""
    stored = kills()
    if options.json:
        faults = [
            {
                "id": f.id, "scheme": f.scheme, "summary": f.summary, "sources": list(f.sources),
                "primary": f.primary, "killed_by": stored.get((f.scheme, f.id), []),
            }
            for f in FAULTS
        ]  # fmt: skip
        variants = [{"id": v.id, "schemes": list(v.schemes), "summary": v.summary} for v in VARIANTS]
        print(json.dumps({"faults": faults, "variants": variants}, indent=2))
        return 0
    for scheme in dict.fromkeys(f.scheme for f in FAULTS):
        print(f"faults of {scheme}")
        for fault in (f for f in FAULTS if f.scheme == scheme):
            killers = stored.get((scheme, fault.id), [])
            print(f"  {fault.id:32} {fault.summary}")
            print(f"  {'':32} caught by {', '.join(killers) or 'no check yet'}")
    print("variants, which change nothing that matters")
    for variant in VARIANTS:
        print(f"  {variant.id:32} {variant.summary} ({', '.join(variant.schemes)})")
    return 0
