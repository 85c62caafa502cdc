"""A target that dies in the middle of a run is named in one plain line; one that only stumbles is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import vigil
from conformance.model import Exchange, Request
from conformance.target.wire import CUT, GONE, Pulse
from tests.hostile.runs import Done, assert_harmless, certified
from tests.hostile.scenarios import page
from tests.hostile.server import Asked, Peer, Proper, Scenario, Turned, after
from tests.test_hostile import CHECKS, a_description, target_of

PROVEN = 40
"""Requests that are answered well in any case: preflight makes fewer."""
LINE = r"The run ended early: the target stopped answering [\d.]+ s into the run: \d+ requests in a row came to "
LINE += r"nothing, the last with: {}"


async def dies(peer: Peer, asked: Asked, proper: Proper) -> None:
    """The process is gone: nobody listens any more."""
    peer.server._server.close()
    await peer.reset()


async def hangs(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.silence()


async def gateway(peer: Peer, asked: Asked, proper: Proper) -> None:
    """What stands in front of it lives on."""
    await peer.give(page(b"<h1>Bad Gateway</h1>", status=b"502 Bad Gateway"))


async def resets(peer: Peer, asked: Asked, proper: Proper) -> None:
    await peer.reset()


def attacked(run: Scenario, turned: Turned, folder: Path, *words: str) -> Done:
    with target_of(run, turned) as target:
        done = certified(a_description(target, folder), CHECKS, "--timeout", "0.5", *words)
    assert_harmless(done)
    return done


@pytest.mark.parametrize(
    ("run", "trouble"),
    [
        (dies, r"no connection(; it was working on: .+ \(\w+ /\S*\))?"),
        (hangs, "no answer in time"),
        (gateway, "status 502"),
        (resets, "the connection broke"),
    ],
)
def test_who_dies_is_named_in_one_line(run: Scenario, trouble: str, tmp_path: Path) -> None:
    done = attacked(run, after(PROVEN), tmp_path)
    assert done.code == 3
    assert done.having("fail", "error") == {}
    line = LINE.format(trouble)
    assert len(re.findall(line, " ".join(done.out.split()))) == 2, "at the head, and where a reader ends"
    told = json.loads((done.folder / "report.json").read_text())["partial"]
    assert re.fullmatch(line.removeprefix("The run ended early: "), told)
    for page_ in ("report.html", "summary.md"):
        assert re.search(line, (done.folder / page_).read_text().replace("\\", ""))


def exchange(purpose: str, sent: float, error: str) -> Exchange:
    request = Request("GET", "http://127.0.0.1:1/me?t=secret", (), b"")
    return Exchange(request, None, error, "alice", purpose, sent, 0.1)


def test_what_a_process_was_working_on_when_it_ended_is_named() -> None:
    pulse = Pulse(lost=2)
    for step in (
        exchange("alice: who am I?", 1.0, f"{CUT}: closed by the target without an answer"),
        exchange("a thief: who am I?", 2.0, f"{CUT}: closed by the target without an answer"),
        exchange("bob: who am I?", 3.0, f"{GONE}: Connection refused"),
    ):
        pulse.feel(step)
    told = vigil._told(pulse, 0.0)
    assert told.endswith("; it was working on: a thief: who am I? (GET /me), alice: who am I? (GET /me)")


def test_a_target_that_only_breaks_connections_was_working_on_nothing_in_particular() -> None:
    pulse = Pulse()
    pulse.feel(exchange("alice: who am I?", 1.0, f"{CUT}: closed by the target without an answer"))
    assert "working on" not in vigil._told(pulse, 0.0)


def test_the_rest_of_the_run_is_left_to_who_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vigil, "GIVE_UP", 0.2)
    monkeypatch.setattr(vigil, "LOOK", 0.05)
    done = attacked(hangs, after(PROVEN), tmp_path, "--concurrency", "1", "--only", "session.issue.*")
    left = [reason for reason in done.having("inconclusive").values() if reason.startswith("not finished: the target")]
    assert len(left) > 2
    told = " ".join(done.out.split())
    assert re.search(rf"not finished: the target stopped answering \S+ s into the run \({len(left)}\):", told)


def test_who_stumbles_and_comes_back_is_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vigil, "LOOK", 0.01)
    done = attacked(resets, lambda asked: PROVEN < asked.number <= PROVEN + 12, tmp_path)
    assert "ended early" not in done.out
    assert json.loads((done.folder / "report.json").read_text())["partial"] is None
    assert "pass" in {check["outcome"] for check in done.checks.values()}


def test_many_errors_that_an_attack_meets_are_no_death(tmp_path: Path) -> None:
    def for_forged_cookies(asked: Asked) -> bool:
        return asked.number > PROVEN and b"cookie" in {k.lower() for k, _ in asked.headers}

    done = attacked(gateway, for_forged_cookies, tmp_path, "--only", "session.id.*")
    assert done.code == 3
    assert json.loads((done.folder / "report.json").read_text())["partial"] is None


def test_pytest_tells_the_same(tmp_path: Path) -> None:
    with target_of(dies, after(PROVEN)) as target:
        path = a_description(target, tmp_path)
        words = ["conformance", "--target", str(path), "--only", "session.logout.*", "--out", str(tmp_path / "out")]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
            capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
    assert run.returncode == 1
    assert re.search(r"partial: the target stopped answering", run.stdout)
    assert "no verdict was reached" not in run.stdout
    assert "Traceback" not in run.stdout
