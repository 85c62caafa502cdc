"""What is published: reproducible, whole, and silent on the network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WATCHED = """
import json, pkgutil, sys
touched = []
outward = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")
sys.addaudithook(lambda event, args: touched.append(event) if event in outward else None)
import conformance, reference_impl
for package in (conformance, reference_impl):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            __import__(module.name)
print(json.dumps(touched))
"""

RUNNING = """
import contextlib, io, json, sys
sys.argv[0] = "pickproof"
touched = []
outward = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen")
def note(event, args):
    if event in outward:
        touched.append([event, str(args[1] if event.startswith("socket.connect") else args[0])])
sys.addaudithook(note)
from conformance import cli
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    code = cli.main(sys.argv[1:])
print(json.dumps([code, touched]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the project's files are, without what was built or run beside them."""
    copy = tmp_path_factory.mktemp("source") / "pickproof"
    ignored = shutil.ignore_patterns(
        ".*", "venv", "__pycache__", "*.egg-info", "dist", "build", "pickproof-report", "run"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    return copy


def built(source: Path, out: Path) -> dict[str, Path]:
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {path.suffix: path for path in out.iterdir()}


def moved(source: Path, there: Path) -> Path:
    """The same files in another place, of another time, with other modes: none of that is part of what is built."""
    shutil.copytree(source, there)
    for path in there.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o700)
    return there


def test_a_build_is_reproducible_and_whole(source: Path, tmp_path: Path) -> None:
    first, second = built(source, tmp_path / "a"), built(moved(source, tmp_path / "moved"), tmp_path / "b")
    assert set(first) == {".whl", ".gz"}
    for kind, path in first.items():
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(second[kind].read_bytes()).digest()

    room = tmp_path / "room"
    venv.create(room, with_pip=True, symlinks=True)
    python = room / "bin" / "python"
    # The dependencies are those of the tests: no registry is needed to show that the wheel lacks nothing of its own.
    site = next((room / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", first[".whl"]]
    subprocess.run(list(map(str, install)), check=True, capture_output=True, timeout=300, cwd=tmp_path)
    where = [str(python), "-c", "import conformance; print(conformance.__file__)"]
    assert subprocess.check_output(where, text=True, cwd=tmp_path).startswith(str(site))
    ran = subprocess.run(
        [str(room / "bin" / "pickproof"), "certify", "ref:token", "--only", "token.alg.*", "--out", "report"],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "report" / "report.html").is_file()


def test_importing_everything_touches_no_network() -> None:
    output = subprocess.check_output([sys.executable, "-c", WATCHED], text=True, timeout=120, cwd=ROOT)
    assert json.loads(output.splitlines()[-1]) == []


@pytest.mark.parametrize(
    "words",
    [("list",), ("explain", "session.logout.replay"), ("faults",),
     ("certify", "ref:session", "--only", "session.logout.*"), ("certify", "ref:token", "--only", "token.key.*"),
     ("certify", "ref:oauth", "--only", "oauth.code.*"), ("doctor", "ref:refresh")],
    ids=" ".join,
)  # fmt: skip
def test_running_reaches_the_target_alone(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUNNING, *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=True)
    code, touched = json.loads(run.stdout.splitlines()[-1])
    assert code in (0, 3)
    # An address on loopback is no name that anybody has to look up.
    foreign = [one for one in touched if not re.match(r"\('127\.0\.0\.1', \d+\)$|127\.0\.0\.1$", one[1])]
    assert foreign == []
    assert bool(touched) == (words[0] in ("certify", "doctor"))


def test_the_lock_pins_every_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [name for group in (project["dependencies"], extras["test"], extras["dev"]) for name in group]
    lock = (ROOT / "requirements-ci.txt").read_text()
    for requirement in wanted:
        name = requirement.split("[")[0].split(">")[0].split("=")[0].lower()
        assert name == "pickproof" or f"\n{name}==" in lock, name
    pins = [line for line in lock.splitlines() if "==" in line and not line.startswith(("#", " "))]
    assert lock.count("\n    --hash=sha256:") >= len(pins)
    assert "://" not in lock
