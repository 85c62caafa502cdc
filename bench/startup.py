"""Starting: ``pickproof --help`` against an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.ratio import Ratio

ROUNDS = 15


def wall(command: list[str]) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def measure() -> list[Ratio]:
    """The help of the command line over a bare start."""
    script = Path(sys.executable).with_name("pickproof")
    asked = [str(script)] if script.exists() else [sys.executable, "-m", "conformance"]
    commands = {"help": [*asked, "--help"], "bare": [sys.executable, "-c", "pass"]}
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            found[name].append(wall(command))
    ms = {name: 1000 * median(walls) for name, walls in found.items()}
    how = f"{ms['help']:.0f} ms, bare {ms['bare']:.0f} ms"
    return [Ratio("pickproof --help over python -c pass", ms["help"] / ms["bare"], "<=", 2.5, 1.5, how)]
