"""Two doors, one engine: pytest and the command say the same of a target, and pytest behaves as its users expect."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAULTY = "ref:session+logout-clears-cookie-only"
FEW = ("--only", "session.logout.*", "--only", "cookie.attr.*")
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]


def _pytest(*words: str, where: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    out = ["--out", str(where)] if any("conformance" in word for word in words) else []
    return subprocess.run([*PYTEST, *words, *out], cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def _outcomes(folder: Path) -> dict[str, str]:
    report = next(iter(sorted(folder.rglob("report.json"))))
    return {row["id"]: row["outcome"] for row in json.loads(report.read_text())["checks"]}


@pytest.mark.parametrize("target", ["ref:session", FAULTY])
def test_both_doors_say_the_same(target: str, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "conformance",
        "certify",
        target,
        *FEW,
        "--quiet",
        "--out",
        str(tmp_path / "command"),
    ]
    subprocess.run(words, cwd=ROOT, capture_output=True, timeout=120, check=False)
    _pytest("conformance", "--target", target, *FEW, "-q", where=tmp_path / "pytest")
    assert _outcomes(tmp_path / "pytest") == _outcomes(tmp_path / "command")


def test_a_violation_fails_its_item_and_the_run(tmp_path: Path) -> None:
    done = _pytest("conformance", "--target", FAULTY, *FEW, "-q", where=tmp_path)
    assert done.returncode == 1
    assert f"FAILED conformance/{FAULTY}::session.logout.replay" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_baseline_is_strict_both_ways(tmp_path: Path) -> None:
    entry = '[[known]]\nid = "{}"\nreason = "we know"\nowner = "web team"\nuntil = 2999-01-01\n'
    baseline = tmp_path / "baseline.toml"
    words = ("--target", FAULTY, "--only", "session.logout.replay", "--only", "cookie.attr.httponly", "-q")

    baseline.write_text(entry.format("session.logout.replay"))
    done = _pytest("conformance", *words, "--baseline", str(baseline), where=tmp_path / "known")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 xfailed" in done.stdout
    assert _outcomes(tmp_path / "known")["session.logout.replay"] == "known"

    baseline.write_text(entry.format("session.logout.replay") + entry.format("cookie.attr.httponly"))
    done = _pytest("conformance", *words, "--baseline", str(baseline), where=tmp_path / "gone")
    assert done.returncode == 1
    assert "cookie.attr.httponly no longer fails: delete its entry in the baseline" in done.stdout


def test_collecting_contacts_nobody(tmp_path: Path) -> None:
    description = tmp_path / "target.toml"
    description.write_text(
        'base_url = "http://127.0.0.1:9"\naccounts.alice = { user = "a", password = "b" }\n'
        'login = { send = "POST /login" }\nidentity = { send = "GET /me", name = "json:/name" }\n'
    )
    done = _pytest("conformance", "--target", str(description), "--collect-only", "-q", where=tmp_path)
    assert done.returncode == 0
    assert "session.logout.replay" in done.stdout


def test_k_selects_by_id(tmp_path: Path) -> None:
    done = _pytest("conformance", "--target", "ref:session", "-k", "httponly", "-q", where=tmp_path)
    assert done.returncode == 0
    assert re.search(r"1 passed, \d+ deselected", done.stdout)


def test_an_unreachable_target_ends_with_2_and_one_message(tmp_path: Path) -> None:
    done = _pytest("conformance", "--target", str(tmp_path / "nowhere.toml"), "-q", where=tmp_path)
    assert done.returncode in (2, 4)
    assert "no such file" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_xdist_runs_each_check_once(tmp_path: Path) -> None:
    targets = ["--target", "ref:session", "--target", FAULTY]
    done = _pytest("conformance", *targets, "--only", "cookie.attr.*", "-n", "2", "-q", where=tmp_path)
    ran = re.search(r"(\d+) passed", done.stdout)
    collected = _pytest("conformance", *targets, "--only", "cookie.attr.*", "--collect-only", "-q", where=tmp_path)
    assert ran is not None, done.stdout[-2000:]
    assert f"{ran[1]} tests collected" in collected.stdout


def test_a_suite_with_its_own_target_option_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--target')\n    parser.addoption('--seed')\n"
    )
    (tmp_path / "test_own.py").write_text(
        "def test_it(request):\n    assert request.config.getoption('--target') == 'mine'\n"
    )
    done = _pytest("--target", "mine", "-q", "test_own.py", where=tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_ctrl_c_leaves_a_partial_report(workers: list[str], tmp_path: Path) -> None:
    words = ["session", "--hashing", "test", "--describe", str(tmp_path / "t.toml")]
    served = subprocess.Popen(
        [sys.executable, "-m", "reference_impl", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert served.stdout is not None
        served.stdout.readline()
        description = tmp_path / "t.toml"
        # Without a clock the absolute limit has to be waited for, which gives time to interrupt.
        description.write_text(
            re.sub(r'"absolute" = "[^"]*"|absolute = "[^"]*"', 'absolute = "60s"', description.read_text())
        )
        words = [*PYTEST, "conformance", "--target", str(description), *workers, "--out", str(tmp_path / "out"),
                 "--only", "session.timeout.absolute", "--only", "cookie.attr.*", "-v"]  # fmt: skip
        running = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True)  # fmt: skip
        assert running.stdout is not None
        # Once the first verdict is there, the run is under way, and the wait is still ahead.
        told = ""
        while "PASSED" not in told and (line := running.stdout.readline()):
            told += line
        os.killpg(running.pid, signal.SIGINT)
        told += running.communicate(timeout=60)[0]
    finally:
        served.terminate()
        served.wait(10)
    report = json.loads(next((tmp_path / "out").rglob("report.json")).read_text())
    assert report["partial"], told[-2000:]
