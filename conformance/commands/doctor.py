"""`pickproof doctor TARGET`: is the description right? No attacks."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator

from conformance.commands.reach import options_of, shown, tell_preflight
from conformance.errors import PreflightError
from conformance.model import Exchange
from conformance.open import opened
from conformance.report.safe import clean
from conformance.target.preflight import Proof, preflight
from conformance.target.rehearsal import rehearse
from conformance.target.system import System


def main(options: argparse.Namespace) -> int:
    """Run preflight alone and show what it proved; where that is allowed, the verbs that change accounts too."""
    return asyncio.run(_doctor(options))


async def _doctor(options: argparse.Namespace) -> int:
    seen: list[Exchange] = []
    async with opened(options.target, options_of(options, seen.append)) as system:
        try:
            async for proof in _proofs(system, options):
                if options.verbose:
                    _tell(seen, system)
                print(f"ok  {proof.key:9} {clean(system.secrets.mask(proof.text))}")
        except PreflightError as problem:
            if options.verbose:
                _tell(seen, system)
            tell_preflight(problem, system.where, system.secrets)
            return problem.exit_code
        print(f"\nThe description works: a {system.scheme} target with {', '.join(sorted(system.capabilities))}.")
        if system.missing:
            print("Not described or not offered, so not tested:")
            for capability, hint in sorted(system.missing.items()):
                print(f"  {capability:18} {hint}")
    return 0


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
