"""`pickproof verify certificate.json --key PUB.pem`: whether a certificate holds."""

from __future__ import annotations

import argparse
import json
import sys

from conformance.certificate import CertificateError, not_tested, objections, opened, public_key
from conformance.report.safe import clean

SCHEMA = "pickproof-verify/0"


def main(options: argparse.Namespace) -> int:
    """Check and tell; 0 when it holds, 1 when it does not."""
    key = public_key(options.key)
    try:
        certificate = opened(options.certificate, key)
    except CertificateError as problem:
        if options.json:
            print(json.dumps({"schema": SCHEMA, "valid": False, "objections": [str(problem)]}, indent=2))
        else:
            print(f"pickproof: {problem}", file=sys.stderr)
        return problem.exit_code
    against = objections(certificate, tuple(options.profile), options.max_age)
    names = options.profile or list(certificate.profiles)
    untested = {name: list(not_tested(certificate, name)) for name in names if name in certificate.profiles}
    if options.json:
        told = {"schema": SCHEMA, "valid": not against, "objections": against, "target": certificate.target,
                "started": certificate.started.isoformat(), "profiles": names, "not_tested": untested}  # fmt: skip
        print(json.dumps(told, indent=2))
        return 1 if against else 0
    if against:
        print(f"pickproof: {options.certificate}: it does not hold:", file=sys.stderr)
        for text in against:
            print(f"  {clean(text)}", file=sys.stderr)
        return 1
    print(f"holds: {clean(certificate.target)}, tested {certificate.started.isoformat()}")
    for name in names:
        print(f"  {name}: every required check that could run passed")
        if untested[name]:
            print(f"    not testable there, so not vouched for ({len(untested[name])}): {', '.join(untested[name])}")
    return 0
