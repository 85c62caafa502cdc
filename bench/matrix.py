"""The whole kill matrix: every fault whose check exists, and every sound server."""

from __future__ import annotations

import resource
import time

from bench.ratio import Ratio
from conformance.registry import catalogue
from reference_impl import FAULTS, SCHEMES
from tests.matrix import measure_all


def measure() -> list[Ratio]:
    """Wall seconds on all workers."""
    known = frozenset(catalogue())
    faults = [f"ref:{f.scheme}+{f.id}" for f in FAULTS if f.primary in known]
    targets = [*(f"ref:{scheme}" for scheme in SCHEMES), *faults]
    began, before = time.perf_counter(), _children()
    measure_all(targets)
    wall, cpu = time.perf_counter() - began, _children() - before
    how = f"{len(targets)} servers, {len(known)} checks, {cpu:.0f} s of CPU, {cpu / len(targets):.2f} s a server"
    return [Ratio("the kill matrix", wall, "<=", 30, None, how, " s")]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
