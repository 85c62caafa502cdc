"""The kill matrix of all four schemes as the tests measure it: each fault met by its check, sound servers by all."""

from __future__ import annotations

import resource
import time

from bench.ratio import Ratio
from conformance.registry import catalogue
from tests.matrix import measured


def measure() -> list[Ratio]:
    """Wall seconds on all workers."""
    began, before = time.perf_counter(), children_cpu()
    rows = measured()
    wall, cpu = time.perf_counter() - began, children_cpu() - before
    how = f"{len(rows)} servers, {len(catalogue())} checks, {cpu:.0f} s of CPU, {cpu / len(rows):.2f} s a server"
    return [Ratio("the kill matrix", wall, "<=", 90, 60, how, " s")]


def children_cpu() -> float:
    """Seconds of CPU that ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
