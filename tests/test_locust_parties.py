"""The kit beside a Locust worker: who is asked to log in and ask does, and a mix-up is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PARTIES = Path(__file__).parent.parent / "examples" / "locust" / "parties.py"


def answers(target: str, *asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What the process says to these lines, sent one after the other."""
    words = [sys.executable, str(PARTIES), target]
    found = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin
        assert process.stdout
        found.append(json.loads(process.stdout.readline()))
        for line in asked:
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
            found.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        process.wait(30)
    return found


def test_parties_log_in_and_ask() -> None:
    asked = [{"id": 5, "user": 1, "do": "log in"}, {"id": 6, "user": 1, "do": "ask"}]
    ready, login, answer = answers("ref:session", *asked)
    assert ready == {"ready": True}
    assert (login["id"], login["problem"], login["mixed"]) == (5, "", False)
    assert (answer["id"], answer["problem"], answer["mixed"]) == (6, "", False)


@pytest.mark.parametrize("target", ["ref:nothing", "no-such-file.toml"])
def test_a_target_that_cannot_be_used_is_told(target: str) -> None:
    (told,) = answers(target)
    assert told["ready"] is False
    assert told["problem"]
