"""Serving an ASGI or WSGI app of the user's on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any, Literal

from conformance.errors import UsageError

START = 10.0
"""Seconds that an app may take to start."""


@contextlib.asynccontextmanager
async def hosted_app(app: Any) -> AsyncIterator[str]:
    """The base URL of an app that listens while the block runs.

    Raises:
        UsageError: it did not start in time.
    """
    import uvicorn

    # The protocol is named because asyncio switches Nagle's delay off only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    port = listener.getsockname()[1]
    interface: Literal["auto", "wsgi"] = "auto" if _is_asgi(app) else "wsgi"
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="auto", interface=interface)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), name="target", daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(START):
            while not server.started and thread.is_alive():  # noqa: ASYNC110 - uvicorn has no event for this
                await asyncio.sleep(0.02)
        if not server.started:
            raise UsageError("the app ended while it was starting")
        yield f"http://127.0.0.1:{port}"
    except TimeoutError:
        raise UsageError(f"the app did not start within {START:.0f} s") from None
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, 5)
        listener.close()


def _is_asgi(app: Any) -> bool:
    called = app if inspect.isfunction(app) or inspect.ismethod(app) else getattr(app, "__call__", app)  # noqa: B004
    return inspect.iscoroutinefunction(called) or len(inspect.signature(called).parameters) in (1, 3)
