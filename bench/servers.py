"""Servers under load, each in a process of its own: ``python -m bench.servers KIND`` prints its address and serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from reference_impl import Clock, Reference
from reference_impl.faults import Variant
from reference_impl.session import build_session
from reference_impl.session_policy import SessionPolicy

FAR = 0.05
"""Seconds that the far target takes to answer."""
SHORT = 10.0
"""Seconds that a session of the short-lived target lives, in real time."""


async def plain(scope: Scope, _receive: Receive, send: Send) -> None:
    """The cheapest answer that uvicorn gives; what costs should be the client."""
    if scope["type"] != "http":
        return
    body = b'{"name": "alice"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def session(**life: Any) -> Reference:
    """The session server, its lifetimes changed, on the real clock."""

    def shortened(policy: SessionPolicy) -> SessionPolicy:
        return replace(policy, life=replace(policy.life, **life))

    switch = Variant("lifetimes", ("session",), "other lifetimes", shortened)
    return build_session([switch], clock=Clock(), store="memory://", hashing="test")


def delayed(app: ASGIApp) -> ASGIApp:
    """The same app, far away."""

    async def far(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(FAR)
        await app(scope, receive, send)

    return far


def _plain() -> tuple[ASGIApp, Callable[[str], dict[str, Any]]]:
    account = {"user": "alice", "password": "a password"}
    return plain, lambda url: {
        "base_url": url, "accounts": {"alice": account}, "login": {"send": "POST /login"},
        "identity": {"send": "GET /me", "name": "json:/name"},
    }  # fmt: skip


def _far() -> tuple[ASGIApp, Callable[[str], dict[str, Any]]]:
    reference = session()
    return delayed(reference.app), reference.describe


def _short() -> tuple[ASGIApp, Callable[[str], dict[str, Any]]]:
    reference = session(absolute=SHORT)
    return reference.app, reference.describe


def _session() -> tuple[ASGIApp, Callable[[str], dict[str, Any]]]:
    reference = session()
    return reference.app, reference.describe


KINDS = {"plain": _plain, "far": _far, "short": _short, "session": _session}


def main(kind: str) -> None:
    """Serve until told to stop; the first line of output is the description as JSON."""
    app, describe = KINDS[kind]()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print(json.dumps(describe(f"http://127.0.0.1:{listener.getsockname()[1]}")), flush=True)
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_keep_alive=60)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def running(kind: str) -> Iterator[dict[str, Any]]:
    """The description of a server that runs in another process while the block does."""
    process = subprocess.Popen([sys.executable, "-m", "bench.servers", kind], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or not (line := process.stdout.readline()):
            raise RuntimeError(f"the server {kind} did not start")
        yield json.loads(line)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1])
