"""The runner in a thread of its own, for one target: items of pytest wait here for the verdicts that it reaches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from conformance.certify import Selection, Session
from conformance.door.words import bug, trouble
from conformance.errors import PickproofError, Stop
from conformance.masking import Secrets
from conformance.model import Verdict
from conformance.open import Options, opened
from conformance.report.write import write

SLICE = 0.2
"""Seconds between two looks of a waiting item, so that Ctrl-C and a lost controller are seen."""
LAST = 30.0
"""Seconds that a run which is being ended gets for closing its connections and writing its report."""


class Engine:
    """Runs the checks of one target; started by its first item, ended with the session."""

    def __init__(
        self, place: str, selection: Selection, reach: Options, wait_for: float, out: Path, lost: Callable[[], bool]
    ) -> None:
        self._place, self._selection, self._reach = place, selection, reach
        self._wait_for, self._out, self._lost = wait_for, out, lost
        self._verdicts: dict[str, Verdict] = {}
        self._changed = threading.Condition()
        self._prepared = self._ended = False
        self._reason: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self.secrets = Secrets()
        self.problem: str | None = None
        """Why no verdict can be had, for the user; masked."""

    def start(self) -> None:
        """Begin, unless that has happened."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name="pickproof-engine", daemon=True)
            self._thread.start()

    def prepare(self) -> str | None:
        """Wait for the end of preflight; returns what went wrong, None when nothing did."""
        self._wait(lambda: self._prepared or self._ended)
        return None if self._prepared else self.problem or "the run ended before it began"

    def verdict(self, id: str) -> Verdict | None:
        """Wait for a verdict; None when the run ended without it, `problem` may say why."""
        self._wait(lambda: id in self._verdicts or self._ended)
        return self._verdicts.get(id)

    def stop(self, reason: str) -> None:
        """End the run if it has not ended by itself, and wait until its report is written."""
        with self._changed:
            self._reason = reason
            if self._loop and self._task and not self._ended:
                self._loop.call_soon_threadsafe(self._task.cancel)
            if self._thread:
                self._changed.wait_for(lambda: self._ended, LAST)

    def finish(self) -> bool:
        """Whether every verdict has been reached; then the report is awaited too."""
        with self._changed:
            done = self._ended or (self._prepared and self._all_done)
            if done:
                self._changed.wait_for(lambda: self._ended, LAST)
            return done

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            while not until():
                self._changed.wait(SLICE)
                if self._lost():
                    raise KeyboardInterrupt

    _all_done = False

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:
            self._end(bug(problem))
        self._end(None)

    def _end(self, problem: str | None) -> None:
        with self._changed:
            self.problem = self.problem or problem
            self._ended = True
            self._changed.notify_all()

    async def _serve(self) -> None:
        with self._changed:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            if self._reason:
                return
        try:
            async with opened(self._place, self._reach) as system:
                self.secrets = system.secrets
                try:
                    await self._certify(Session(system, self._selection))
                except (PickproofError, Stop) as problem:
                    self._end(trouble(problem, system.where, system.secrets))
        except PickproofError as problem:
            self._end(trouble(problem, "", self.secrets))

    async def _certify(self, session: Session) -> None:
        try:
            await session.prepare(self._wait_for)
            self._tell(lambda: setattr(self, "_prepared", True))
            async for verdict in session.run():
                self._tell(lambda found=verdict: self._verdicts.update({found.check.id: found}))
            self._tell(lambda: setattr(self, "_all_done", True))
        except asyncio.CancelledError:
            # Asked for by `stop`: what was found so far is a valid, partial report.
            session.partial = self._reason or "stopped"
        try:
            write(session.report(), session.system.secrets, self._out)
        except OSError as problem:
            self._end(f"the report could not be written: {problem}")

    def _tell(self, change: Callable[[], None]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()
