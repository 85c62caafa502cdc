"""Starting a product of an example on loopback: what the `serve` of each has in common.

Needs Python 3.11+ and nothing else.
"""

import argparse
import contextlib
import fcntl
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from pathlib import Path

PASSWORDS = {"ALICE_PASSWORD": "alice-plays-the-harp", "BOB_PASSWORD": "bob-bakes-rye-bread"}
PATIENCE = 60.0  # seconds for the product to come up
SKIPPED = 75  # EX_TEMPFAIL: nothing is wrong but the machine


def options(about: str, port: int) -> argparse.ArgumentParser:
    """What every `serve` understands; `about` is its docstring."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--port", type=int, default=port, help=f"port on 127.0.0.1 (default: {port})")
    return parser


def claim(port: int) -> None:
    """End in good order on a signal, and at once where somebody else has the port."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(f"serve: cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another with --port")


def skip(reason: str) -> None:
    """End so that a comparison skips this example."""
    print(f"serve: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def environment(home: Path) -> str:
    """The Python of .venv, built when it is absent, half-made, or made for other pins or another Python."""
    pins = (home / "requirements.txt").read_bytes()
    stamp = f"{sys.version_info[0]}.{sys.version_info[1]} {hashlib.sha256(pins).hexdigest()}"
    place = home / ".venv"
    python, marker = place / "bin" / "python", place / "installed"
    with locked(home):
        if marker.exists() and marker.read_text() == stamp:
            return str(python)
        print(f"installing requirements.txt into {place} ...", file=sys.stderr, flush=True)
        venv.create(place, clear=True, symlinks=True, with_pip=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"]
        subprocess.run([*pip, "-r", str(home / "requirements.txt")], check=True, stdout=sys.stderr)
        marker.write_text(stamp)
    return str(python)


def packages(home: Path) -> None:
    """Install package-lock.json into node_modules, when that is absent, half-made, or made for another lock."""
    stamp = hashlib.sha256((home / "package-lock.json").read_bytes()).hexdigest()
    place = home / "node_modules"
    marker = place / ".installed"  # npm ci begins by removing node_modules, and this with it
    with locked(home):
        if marker.exists() and marker.read_text() == stamp:
            return
        print(f"installing package-lock.json into {place} ...", file=sys.stderr, flush=True)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=home, check=True, stdout=sys.stderr)
        marker.write_text(stamp)


@contextlib.contextmanager
def locked(folder: Path):
    """Let two starts at once build one environment, not two halves."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def announce(variables: dict[str, str]) -> None:
    """Print what the product will know, as export lines; what is set already stays."""
    for name, default in variables.items():
        if not os.environ.get(name):
            os.environ[name] = default
            print(f"export {name}={default}", flush=True)


def inherited(*foreign: str) -> dict[str, str]:
    """This process's environment, without what would steer Python or, by these prefixes, the product."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", *foreign))}


def run(command: list[str], home: Path, environment: dict[str, str], port: int, path: str, status: int) -> None:
    """Run the product until it or we are ended; it is ready once `path` is answered with `status`."""
    # A session of its own: Ctrl-C reaches this process alone, which then stops the whole group.
    child = subprocess.Popen(command, cwd=home, env=environment, start_new_session=True)
    try:
        wait_until_ready(child, port, path, status)
        print(f"ready http://127.0.0.1:{port}", flush=True)
        code = child.wait()
        sys.exit(f"serve: the product ended by itself with code {code}")
    finally:
        stop(child)


def wait_until_ready(child: subprocess.Popen, port: int, path: str, status: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            sys.exit(f"serve: the product ended during start-up with code {child.returncode}")
        if answers(port, path, status):
            return
        time.sleep(0.1)
    sys.exit(f"serve: no answer on port {port} within {PATIENCE:.0f} s")


def answers(port: int, path: str, status: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(child: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
