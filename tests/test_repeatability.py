"""The same seed on the same target gives the same verdicts: at any concurrency, from a clone and from a wheel."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.certify import Selection, Session
from conformance.open import Options, opened
from conformance.target.wire import Limits

ROOT = Path(__file__).parent.parent
TARGETS = ["ref:session", "ref:session+id-truncated-compare", "ref:token+sig-prefix-only"]
Told = list[tuple[str, str]]
"""Outcomes only: the smallest input also depends on the random ids that the target issued."""


async def _told(target: str, concurrency: int, seed: int) -> Told:
    async with opened(target, Options(limits=Limits(concurrency), seed=seed)) as system:
        session = Session(system, Selection())
        await session.prepare()
        found = [v async for v in session.run()]
    return sorted((v.check.id, str(v.outcome)) for v in found)


@pytest.mark.parametrize("target", TARGETS)
def test_concurrency_changes_no_verdict(target: str) -> None:
    assert asyncio.run(_told(target, 1, 7)) == asyncio.run(_told(target, 16, 7))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a wheel lays it out, away from the clone."""
    place = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(place), str(ROOT)]
    subprocess.run([sys.executable, *words], check=True)
    return place


@pytest.mark.parametrize("target", TARGETS[1:])
def test_a_wheel_says_what_the_clone_says(target: str, wheel: Path, tmp_path: Path) -> None:
    words = ["-m", "conformance", "certify", target, "--seed", "7", "--quiet", "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, check=False, stdout=subprocess.DEVNULL)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    installed = sorted((row["id"], row["outcome"]) for row in report["checks"])
    assert installed == asyncio.run(_told(target, 16, 7))
