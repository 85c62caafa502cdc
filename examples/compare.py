"""Start each example's product, certify it, and compare the verdicts with those proven by hand.

Usage: ``python -m examples.compare [NAME ...]``. A product whose environment cannot be made here (no Node, no PHP)
says so and is skipped.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from examples.serving import SKIPPED

HERE = Path(__file__).parent
START = 300.0
TIMING = "login.enum.time"
"""A busy machine leaves this one undecided, which is no difference of the product."""
LACKING = "not-applicable"
"""What a check says that `expected.toml` does not list: the product lacks what the attack needs."""


def main(names: list[str]) -> int:
    found = sorted(p.parent.name for p in HERE.glob("*/serve"))
    fits = [_compare(name) for name in names or found]
    differing, skipped = fits.count(False), fits.count(None)
    print(f"{len(fits)} examples: {fits.count(True)} as expected, {differing} otherwise, {skipped} skipped")
    return 1 if differing else 0


def _compare(name: str) -> bool | None:
    """Whether the verdicts are those expected; None where the product cannot run on this machine."""
    folder = HERE / name
    expected = tomllib.loads((folder / "expected.toml").read_text())["verdicts"]
    # What a product complains of goes to a file: nobody drains a pipe while it is attacked.
    with tempfile.TemporaryFile("w+") as complaints:
        product = subprocess.Popen(
            [sys.executable, str(folder / "serve")],
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,
        )
        try:
            exported = _ready(product)
            if exported is None:
                complaints.seek(0)
                reason = complaints.read().strip()
                skipped = product.returncode == SKIPPED
                print(f"{name}: skipped: {reason}" if skipped else f"{name}: did not start: {reason}")
                return None if skipped else False
            got = _certify(folder, exported)
        finally:
            _stop(product)
    if got.get(TIMING) == "inconclusive":
        print(f"{name}: {TIMING} was left undecided: run it on a quieter machine")
        got[TIMING] = expected.get(TIMING, "inconclusive")
    # Several outcomes stand where a race decides.
    fits = {check: [want] if isinstance(want, str) else want for check, want in expected.items()}
    wrong = {check: (want, got.get(check)) for check, want in expected.items() if got.get(check) not in fits[check]}
    unlisted = {check: outcome for check, outcome in got.items() if check not in expected and outcome != LACKING}
    for check, (want, came) in wrong.items():
        print(f"{name}: {check}: expected {want}, got {came}")
    for check, outcome in unlisted.items():
        print(f"{name}: {check}: {outcome}, not in expected.toml")
    if not wrong and not unlisted:
        print(f"{name}: {len(expected)} verdicts as expected")
    return not wrong and not unlisted


def _ready(product: subprocess.Popen[str]) -> dict[str, str] | None:
    """The environment that the product printed before it was ready, or None when it ended instead."""
    exported: dict[str, str] = {}
    deadline = time.monotonic() + START
    for line in product.stdout or ():
        if found := re.match(r"export (\w+)=(.*)", line):
            exported[found[1]] = found[2].strip().strip("'\"")
        if line.startswith("ready"):
            return exported
        if time.monotonic() > deadline:
            return None
    product.wait()
    return None


def _certify(folder: Path, exported: dict[str, str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as out:
        words = [sys.executable, "-m", "conformance", "certify", str(folder / "target.toml"), "--out", out, "--quiet"]
        subprocess.run(words, env={**os.environ, **exported}, check=False)
        report = json.loads((Path(out) / "report.json").read_text())
    return {row["id"]: row["outcome"] for row in report["checks"]}


def _stop(product: subprocess.Popen[str]) -> None:
    if product.poll() is None:
        product.send_signal(signal.SIGTERM)
        try:
            product.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(product.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
