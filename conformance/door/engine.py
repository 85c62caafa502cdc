"""The runner in a thread of its own, for one target: items of pytest wait here for the verdicts that it reaches."""

from __future__ import annotations

import asyncio
import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conformance.baseline import Entry, accept, apply
from conformance.certify import Selection, Session
from conformance.door.words import bug, trouble
from conformance.errors import PickproofError, Stop
from conformance.masking import Secrets
from conformance.model import Verdict
from conformance.open import Options, opened
from conformance.report.write import write

SLICE = 0.2
"""Seconds between two looks of a waiting item, so that Ctrl-C and a lost controller are seen."""
LAST = 8.0
"""Seconds that a run which is being ended gets to write its report and close; xdist kills its workers after ten."""


class Stage(enum.IntEnum):
    """How far a run has come."""

    NEW = 0
    PREPARED = 1
    DECIDED = 2
    ENDED = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What an engine has to do."""

    target: str
    selection: Selection
    reach: Options = field(repr=False)
    wait_for: float
    """Seconds that the target gets to come up."""
    out: Path
    """The folder of the reports."""
    accepted: tuple[Entry, ...] = ()
    """Known failures."""


class Engine:
    """Runs the checks of one target; started by its first item, ended with the session."""

    def __init__(self, job: Job, lost: Callable[[], bool]) -> None:
        self._job, self._lost = job, lost
        self._stage, self._prepared = Stage.NEW, False
        self._verdicts: dict[str, Verdict] = {}
        self._changed = threading.Condition()
        self._reason: str | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.secrets = Secrets()
        self.problem = ""
        """Why no verdict can be had, for the user; masked."""
        self._thread = threading.Thread(target=self._main, name="pickproof-engine", daemon=True)

    def prepare(self) -> bool:
        """Begin, unless that has happened, and wait for the end of preflight; `problem` says what went wrong."""
        if self._thread.ident is None:
            self._thread.start()
        self._wait(lambda: self._stage >= Stage.PREPARED)
        return self._prepared

    def verdict(self, id: str) -> Verdict | None:
        """Wait for a verdict; None when the run ended without it, `problem` may say why."""
        self._wait(lambda: id in self._verdicts or self._stage is Stage.ENDED)
        return self._verdicts.get(id)

    def stop(self, reason: str) -> None:
        """End the run, unless all is decided, and wait until its report is written and its connections are closed.

        Args:
            reason: what the report will say, when it is not whole.
        """
        with self._changed:
            if self._stage < Stage.DECIDED:
                self._reason = reason
                if self._loop and self._task:
                    self._loop.call_soon_threadsafe(self._task.cancel)
            self._changed.wait_for(lambda: self._stage is Stage.ENDED, LAST)

    def _wait(self, until: Callable[[], bool]) -> None:
        with self._changed:
            while not until():
                self._changed.wait(SLICE)
                if self._lost():
                    raise KeyboardInterrupt

    def _reach(self, stage: Stage, problem: str = "") -> None:
        with self._changed:
            self._stage = stage
            self._prepared = self._prepared or stage is Stage.PREPARED
            self.problem = self.problem or problem
            self._changed.notify_all()

    def _main(self) -> None:
        problem = ""
        try:
            asyncio.run(self._serve())
        except asyncio.CancelledError:
            problem = self._reason or "cancelled"
        except BaseException as unforeseen:
            problem = bug(unforeseen)
        self._reach(Stage.ENDED, problem)

    async def _serve(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        where = ""
        try:
            async with opened(self._job.target, self._job.reach) as system:
                self.secrets, where = system.secrets, system.where
                await self._certify(Session(system, self._job.selection))
        except (PickproofError, Stop) as problem:
            self.problem = trouble(problem, where, self.secrets)

    async def _certify(self, session: Session) -> None:
        try:
            await session.prepare(self._job.wait_for)
            self._reach(Stage.PREPARED)
            async for verdict in session.run():
                self._keep(verdict)
            self._reach(Stage.DECIDED)
        except asyncio.CancelledError:
            # Asked for by `stop`: what was found so far is a valid, partial report, and the rest of this task is whole.
            session.partial = self._reason or "cancelled"
            if self._task:
                self._task.uncancel()
        try:
            write(apply(session.report(), self._job.accepted), session.system.secrets, self._job.out)
        except OSError as problem:
            self.problem = f"the report could not be written: {problem}"

    def _keep(self, verdict: Verdict) -> None:
        with self._changed:
            self._verdicts[verdict.check.id] = accept(verdict, self._job.accepted)
            self._changed.notify_all()
