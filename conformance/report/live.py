"""What a user sees before and while a run takes its time."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from conformance.model import Summary
from conformance.report.facts import plural, span
from conformance.report.safe import clean

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live as RichLive

    from conformance.runner import Plan, Progress

EVERY = 10.0
"""Seconds between two lines in a log file."""
PER_SECOND = 4
NAMED = 3
"""Running checks that are named."""


def estimate(plan: Plan, target: Summary) -> str:
    """What the run will cost, in a few lines: checks, logins, requests, the longest wait, and what slows it down."""
    cost = f"{plural(len(plan.checks), 'check')}, about {plural(plan.cost.logins, 'login')}"
    cost += f" and {plural(plan.cost.requests, 'request')}; {_waits(plan, target)}"
    if target.why_alone:
        cost += f"\nchecks run one at a time: {target.why_alone}"
    if not plan.skipped:
        return cost
    return f"{cost}\n{plural(len(plan.skipped), 'check')} cannot run here, see the summary for the reasons"


def pace(concurrency: int, rate: float | None) -> str:
    """How hard the run will press the target at most."""
    each = f", {rate:g} a second" if rate else ""
    return f"at most {plural(concurrency, 'request')} at once{each}; --concurrency and --rate say otherwise"


def _waits(plan: Plan, target: Summary) -> str:
    if plan.longest_wait:
        return f"longest wait {span(plan.longest_wait)}"
    waits = target.clock != "real" and any(check.waits for check in plan.checks)
    return f"time travels ({clean(target.clock)}), no long wait" if waits else "nothing to wait for"


class Live:
    """One line that says what goes on: refreshed on a terminal, every ten seconds in a log file.

    A context manager; it only reads, so the run needs not know of it.
    """

    def __init__(self, progress: Progress, clock: Any, console: Console) -> None:
        self._progress = progress
        self._clock = clock
        self._console = console
        self._display: RichLive | None = None
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Live:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            from rich.live import Live as RichLive

            self._display = RichLive(
                get_renderable=self._renderable, console=self._console, transient=True, refresh_per_second=PER_SECOND
            )
            self._display.start()
        else:
            self._ticker = threading.Thread(target=self._tick, name="pickproof-progress", daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display:
            self._display.stop()
        self._ended.set()
        if self._ticker:
            self._ticker.join()

    def line(self) -> str:
        """``12/16 checks done; waiting 9 s for session.timeout.absolute``."""
        # Copies: the run changes these in another thread.
        running = sorted(self._progress.running)
        moments = tuple(dict(getattr(self._clock, "waiting", {})).values())
        done = f"{self._progress.done}/{self._progress.total} checks done"
        if not running:
            return done
        more = f" and {len(running) - NAMED} more" if len(running) > NAMED else ""
        names = ", ".join(running[:NAMED]) + more
        if not moments:
            return f"{done}; running {names}"
        left = max(0, round(max(moments) - time.time()))
        if len(moments) >= len(running):
            return f"{done}; waiting {left} s for {names}"
        return f"{done}; {left} s to wait; running {names}"

    def _renderable(self) -> RenderableType:
        from rich.text import Text

        return Text(self.line(), no_wrap=True, overflow="ellipsis")

    def _tick(self) -> None:
        from rich.text import Text

        while not self._ended.wait(EVERY):
            self._console.print(Text(self.line()), soft_wrap=True, highlight=False)
