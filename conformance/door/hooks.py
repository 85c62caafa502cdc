"""The hooks of a run that was asked to certify: collection, outcomes, the end, several processes."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance import __version__
from conformance.door.options import value
from conformance.errors import PickproofError
from conformance.plugin import is_suite

if TYPE_CHECKING:
    from conformance.door.asked import Asked
    from conformance.door.engine import Engine
    from conformance.door.items import TargetFile
    from conformance.door.words import Context

WORDS = {
    "inconclusive": ("inconclusive", "?", ("INCONCLUSIVE", {"yellow": True})),
    "error": ("error", "E", ("ERROR", {"red": True})),
    "advice": ("passed", "a", ("ADVICE", {"yellow": True})),
}
MISSING = """\
pytest conformance needs --target TARGET: what to attack. For instance
  pytest conformance --target target.toml       your own login, described
  pytest conformance --target ref:session       a reference server, to see it work"""


class Door:
    """One pytest run of the suite."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._engines: dict[str, Engine] = {}
        self._began = time.time()
        self._unprepared = False

    @cached_property
    def asked(self) -> Asked:
        """What the options say."""
        from conformance.door.asked import asked

        return asked(self._config)

    @cached_property
    def _controlled(self) -> bool:
        """Whether this process is a worker of xdist."""
        return hasattr(self._config, "workerinput")

    def engine(self, target: TargetFile) -> Engine:
        """The engine of a target; there is one, however pytest orders the items."""
        word = target.name
        if word not in self._engines:
            from conformance.door.engine import Engine, Job
            from conformance.door.items import items_of

            asked, left = self.asked, items_of(target.session.items, target)
            selection = asked.narrowed(left)
            job = Job(asked.place(word), selection, asked.reach, asked.wait_for, asked.folder(word), asked.accepted)
            self._engines[word] = Engine(job, self._lost)
        return self._engines[word]

    def context(self, target: TargetFile) -> Context:
        """What failures of a target say besides their verdicts."""
        from conformance.door.words import Context

        word = target.name
        out = self.asked.folder(word)
        near = out.relative_to(self.asked.base) if out.is_relative_to(self.asked.base) else out
        return Context(word, self.asked.reach.seed, near, self.engine(target).secrets, self.asked.reach.words)

    def _lost(self) -> bool:
        """Whether the controller of this worker is gone or ends it: xdist interrupts a test only after five seconds."""
        if not self._controlled:
            return False
        plugins = self._config.pluginmanager.get_plugins()
        channels = (getattr(p, "channel", None) for p in plugins if type(p).__name__ == "WorkerInteractor")
        return any(channel is not None and channel.isclosed() for channel in channels)

    # -- before and while collecting

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Refuse what cannot work before anything is started."""
        if self._controlled:
            return
        if not value(self._config, "target") and not value(self._config, "node"):
            raise pytest.UsageError(MISSING)
        try:
            asked = self.asked
            if not self._config.option.collectonly:
                asked.prove_files()
        except PickproofError as problem:
            pytest.exit(f"pickproof: {problem}", returncode=problem.exit_code)

    def pytest_report_header(self) -> str:
        """Name what will be attacked."""
        return f"pickproof: {__version__}, targets: {', '.join(self.asked.targets)}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """The package itself is the suite: its modules are no tests."""
        if not is_suite(path):
            return None
        from conformance.door.items import Suite

        suite: Suite = Suite.from_parent(parent, path=path, name=path.name, nodeid=path.name)
        suite.door = self
        return suite

    # -- outcomes

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A failure before the check without a traceback, and skips under the name of their target."""
        report = yield
        from conformance.door.items import CheckItem, in_short

        if not isinstance(item, CheckItem) or call.excinfo is None:
            return report
        if call.when != "call":
            report.longrepr = in_short(call.excinfo, item.reportinfo()[:2]) or report.longrepr
            report.location = (*report.location[:2], item.parent.name)
        elif isinstance(report.longrepr, tuple):
            report.longrepr = (item.parent.nodeid, 1, report.longrepr[2])
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """Words for outcomes that pytest does not have."""
        if report.when != "call" or hasattr(report, "wasxfail"):
            return None
        return WORDS.get(str(dict(report.user_properties).get("pickproof_outcome")))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A target that could not be tested is no failure of the check that happened to come first.

        Under the id of the target, as with a module that cannot be imported: `--lf` then runs all of it.
        """
        if not self._controlled and "pickproof_unprepared" in dict(report.user_properties):
            self._unprepared = True
            report.nodeid = report.nodeid.rpartition("::")[0]

    # -- the end

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End what still runs, and see that every report is written."""
        reason = session.shouldfail or session.shouldstop
        if not reason:
            reason = "interrupted" if exitstatus == pytest.ExitCode.INTERRUPTED else "the test run ended early"
        for engine in self._engines.values():
            engine.stop(str(reason))
        if self._unprepared:
            session.exitstatus = 2

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """What stayed undecided, and where the reports are."""
        undecided = terminalreporter.getreports("inconclusive")
        if undecided and self._config.option.tbstyle != "no":
            terminalreporter.write_sep("=", "INCONCLUSIVE")
            for report in undecided:
                terminalreporter.write_sep("_", report.head_line)
                terminalreporter.write_line(report.longreprtext)
        told = [line for word in self.asked.targets for line in self._told(word)]
        if told:
            terminalreporter.write_sep("=", "pickproof")
            terminalreporter.write_line("\n".join(told))

    def _told(self, word: str) -> Iterator[str]:
        """A target in a few lines, read off its report: that was perhaps written by another process."""
        path = self.asked.folder(word) / "report.json"
        try:
            if path.stat().st_mtime < self._began - 1:
                return
            report = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        profiles = ", ".join(f"{name}: {verdict}" for name, verdict in report["profiles"].items())
        yield f"{word}  {profiles}"
        if report["partial"]:
            yield f"  partial: {report['partial']}"
        yield f"  report: {path.with_name('report.html')}"

    # -- several processes

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """All checks of a target go to one worker: a run has one engine, and logins that its checks share."""
        if config.getvalue("dist") == "each":
            return None
        from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

        return LoadScopeScheduling(config, log)
