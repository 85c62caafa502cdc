"""`pickproof doctor TARGET`: is the description right? No attacks."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from conformance.commands.reach import options_of, shown, tell_preflight
from conformance.errors import PreflightError
from conformance.model import Capability, Exchange
from conformance.open import opened
from conformance.registry import catalogue
from conformance.report.facts import plural
from conformance.report.safe import clean
from conformance.target.preflight import PART_OF, Proof, preflight
from conformance.target.rehearsal import rehearse
from conformance.target.system import System


def main(options: argparse.Namespace) -> int:
    """Run preflight alone and show what it proved; where that is allowed, the verbs that change accounts too."""
    return asyncio.run(_doctor(options))


async def _doctor(options: argparse.Namespace) -> int:
    seen: list[Exchange] = []
    proven: list[Proof] = []
    async with opened(options.target, options_of(options, seen.append)) as system:
        try:
            async for proof in _proofs(system, options):
                proven.append(proof)
                if not options.json:
                    _tell(seen, system) if options.verbose else seen.clear()
                    print(f"{proof.mark} {proof.key:9} {clean(system.secrets.mask(proof.text))}")
        except PreflightError as problem:
            if options.json:
                print(json.dumps(_as_json(system, proven, problem), indent=2))
            elif options.verbose:
                _tell(seen, system)
            tell_preflight(problem, system.where, system.secrets)
            return problem.exit_code
        if options.json:
            print(json.dumps(_as_json(system, proven, None), indent=2))
            return 0
        print(f"\nThe description works: a {system.scheme} target with {', '.join(sorted(system.capabilities))}.")
        counts = _waiting(system)
        lacking = {c: hint for c, hint in _first_lacks(system).items() if counts[c]}
        if lacking:
            print("Not described or not offered, so not tested:")
            for capability, hint in sorted(lacking.items(), key=lambda pair: (-counts[pair[0]], pair[0])):
                print(f"  {capability:18} {hint} ({plural(counts[capability], 'check')})")
    return 0


def _first_lacks(system: System) -> dict[Capability, str]:
    """What is lacking, without what only matters once something else is there."""
    return {c: hint for c, hint in system.missing.items() if PART_OF.get(c) not in system.missing}


def _waiting(system: System) -> Counter[Capability]:
    """How many checks need each thing that is lacking, or would wait less with it."""
    checks = catalogue().values()
    found = Counter(need for check in checks for need in check.needs if need in system.missing)
    return found + Counter(Capability.CLOCK for check in checks if check.waits)


def _as_json(system: System, proven: list[Proof], problem: PreflightError | None) -> dict[str, Any]:
    masked = system.secrets.mask
    return {
        "target": masked(system.where),
        "works": problem is None,
        "proven": [{"key": proof.key, "text": clean(masked(proof.text))} for proof in proven],
        "problem": clean(masked(str(problem)), lines=True, limit=2000) if problem else None,
        "capabilities": sorted(system.capabilities),
        "missing": {capability: system.missing[capability] for capability in sorted(system.missing)},
    }


async def _proofs(system: System, options: argparse.Namespace) -> AsyncIterator[Proof]:
    async for proof in preflight(system, options.wait_for):
        yield proof
    if "destructive" in options.allow:
        async for proof in rehearse(system):
            yield proof


def _tell(seen: list[Exchange], system: System) -> None:
    for exchange in seen:
        print(f"    {clean(exchange.purpose)}")
        print(f"      {shown(exchange, system.secrets)}")
        for name, value in exchange.answer.headers if exchange.answer else ():
            if name.lower() in ("set-cookie", "www-authenticate", "location"):
                print(f"      {name}: {clean(system.secrets.header(name, value))}")
    seen.clear()
