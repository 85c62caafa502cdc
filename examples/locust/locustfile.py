"""`session.mixup.load` at the scale of Locust: many signed-in users, each answer naming its own user.

Locust brings the load, from as many processes and machines as you like; the kit's own parties log in, ask, and judge,
as `target.toml` describes (`parties.py`). An answer that names somebody else makes the whole run fail with exit code 1.
"""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust import User, constant_throughput, events, task

TARGET = os.environ.get("PICKPROOF_TARGET", "target.toml")
EACH = float(os.environ.get("PICKPROOF_RATE", "5"))
"""Requests that each user makes in a second."""
MIXED = "an answer named somebody else"


class Kit:
    """The process that the parties of this worker live in."""

    def __init__(self) -> None:
        words = [sys.executable, str(Path(__file__).with_name("parties.py")), TARGET]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout
        first = json.loads(self.process.stdout.readline() or '{"ready": false, "problem": "it ended"}')
        self.problem = "" if first["ready"] else first["problem"]
        self.waiting: dict[int, AsyncResult[dict[str, Any]]] = {}
        self.numbers = count()
        gevent.spawn(self._listen)

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            told = json.loads(line)
            self.waiting.pop(told["id"]).set(told)

    def ask(self, user: int, do: str) -> dict[str, Any]:
        """Have something done for a user while others go on."""
        number, answer = next(self.numbers), AsyncResult()
        self.waiting[number] = answer
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"id": number, "user": user, "do": do}) + "\n")
        self.process.stdin.flush()
        return dict(answer.get())

    def end(self) -> None:
        """Let the process go."""
        if self.process.stdin:
            self.process.stdin.close()


kit: Kit | None = None
users = count()


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    """Open the target once for each worker process."""
    global kit
    if type(environment.runner).__name__ == "MasterRunner":
        return
    kit = Kit()
    if kit.problem:
        print(f"Pickproof cannot use {TARGET}: {kit.problem}")
        environment.process_exit_code = 2
        environment.runner.quit()


@events.test_stop.add_listener
def end(environment: Any, **_: Any) -> None:
    """Close it."""
    if kit:
        kit.end()


@events.quitting.add_listener
def tell(environment: Any, **_: Any) -> None:
    """A mix-up fails the whole run; what went wrong otherwise is Locust's to tell."""
    mixed = sum(one.occurrences for one in environment.stats.errors.values() if MIXED in str(one.error))
    if mixed:
        print(f"session.mixup.load: {MIXED}, {mixed} times")
        environment.process_exit_code = 1


class SignedIn(User):
    """Somebody who is signed in and asks, again and again, who it is."""

    wait_time = constant_throughput(EACH)

    def on_start(self) -> None:
        """Log in."""
        self.number = next(users)
        if self.did("log in")["problem"]:
            self.stop()

    @task
    def who_am_i(self) -> None:
        """The answer names this user."""
        self.did("ask")

    def did(self, what: str) -> dict[str, Any]:
        """Do something, and tell Locust how it went."""
        assert kit
        told = kit.ask(self.number, what)
        problem = MIXED if told["mixed"] else told["problem"]
        self.environment.events.request.fire(
            request_type="pickproof", name=what, response_time=1000 * told["seconds"], response_length=0,
            exception=RuntimeError(problem) if problem else None, context={},
        )  # fmt: skip
        return told
