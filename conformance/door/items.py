"""What pytest collects: the suite, a file for each target, an item for each check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from conformance.door.words import advice, exchanges, failure, headline
from conformance.model import Check, Outcome, Verdict
from conformance.plugin import NAME

if TYPE_CHECKING:
    from conformance.door.hooks import Door
    from conformance.door.words import Context


class AdviceWarning(pytest.PytestWarning):
    """A recommendation that is not met; never a violation."""


class Unmet(Exception):
    """A check that failed, or of which nothing is known; its text is ready for a reader, and masked."""

    def __init__(self, text: str, line: str) -> None:
        super().__init__(text)
        self.line = line


class Unprepared(Unmet):
    """The target could not be certified at all."""


class Suite(pytest.Directory):
    """The package as pytest sees it: no modules to import, only targets."""

    door: Door

    def collect(self) -> Iterator[pytest.File]:
        """A file for each target."""
        for word, checks in self.door.asked.targets.items():
            node = TargetFile.from_parent(self, path=self.path, name=word, nodeid=f"{NAME}/{word}")
            node.checks = checks
            yield node


class TargetFile(pytest.File):
    """A target; its path is the suite's, since most targets are no files."""

    parent: Suite
    checks: tuple[Check, ...] = ()

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each check; those that wait come last, so that ``-x`` need not wait for them."""
        for check in sorted(self.checks, key=lambda c: (c.waits is not None, c.id)):
            item = CheckItem.from_parent(self, name=check.id)
            item.check = check
            yield item


class CheckItem(pytest.Item):
    """One check on one target."""

    parent: TargetFile
    check: Check

    @property
    def door(self) -> Door:
        """The door of this run."""
        return self.parent.parent.door

    def setup(self) -> None:
        """Begin with the target at its first item; a target that fails preflight ends the run."""
        engine = self.door.engine(self.parent)
        if not engine.prepare():
            self.user_properties.append(("pickproof_unprepared", True))
            self.session.shouldstop = f"{self.parent.nodeid} could not be tested"
            raise Unprepared(engine.problem, engine.problem.partition("\n")[0])

    def runtest(self) -> None:
        """Wait for the verdict and turn it into what pytest knows."""
        engine = self.door.engine(self.parent)
        verdict = engine.verdict(self.check.id)
        if verdict is None:
            verdict = Verdict(self.check, Outcome.ERROR, reason=engine.problem or "no verdict was reached")
        self._record(verdict)
        self._conclude(verdict)

    def _record(self, verdict: Verdict) -> None:
        known = {
            "outcome": str(verdict.outcome), "level": verdict.level, "seconds": round(verdict.seconds, 3),
            "requests": verdict.requests,
        }  # fmt: skip
        self.user_properties += [(f"pickproof_{name}", value) for name, value in known.items() if value is not None]
        self.add_report_section("call", "exchanges", exchanges(verdict, self._context.secrets))

    def _conclude(self, verdict: Verdict) -> None:
        secrets = self._context.secrets
        if verdict.outcome in (Outcome.PASS, Outcome.ADVICE) and self.check.id in self.door.asked.must_fail:
            raise Unmet(f"{self.check.id} no longer fails: delete its entry in the baseline", "a known failure is gone")
        match verdict.outcome:
            case Outcome.PASS:
                return
            case Outcome.ADVICE:
                self.warn(AdviceWarning(advice(verdict, secrets)))
                return
            case Outcome.NOT_APPLICABLE:
                pytest.skip(headline(verdict, secrets))
            case Outcome.KNOWN:
                # Returns under --runxfail, and then the failure counts.
                pytest.xfail(headline(verdict, secrets))
        raise Unmet(failure(verdict, self._context), headline(verdict, secrets))

    @property
    def _context(self) -> Context:
        return self.door.context(self.parent)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Our own failures without a traceback, anything else as pytest does."""
        brief = in_short(excinfo, self.reportinfo()[:2])
        return super().repr_failure(excinfo, style) if brief is None else brief

    def reportinfo(self) -> tuple[str, int, str]:
        """Where the check is written, and its name for headings."""
        code = self.check.run.__code__
        return code.co_filename, code.co_firstlineno - 1, f"{self.name} on {self.parent.name}"


def in_short(excinfo: pytest.ExceptionInfo[BaseException], place: tuple[str, int]) -> Any:
    """How pytest shows one of our failures: the text alone, and one line for the summary; None for other exceptions."""
    problem = excinfo.value
    if not isinstance(problem, Unmet | AdviceWarning):
        return None
    shown = excinfo.getrepr(style="value", chain=False)
    if shown.reprcrash is not None:
        shown.reprcrash.path, shown.reprcrash.lineno = place[0], place[1] + 1
        shown.reprcrash.message = problem.line if isinstance(problem, Unmet) else str(problem)
    return shown


def items_of(items: Iterable[pytest.Item], target: TargetFile) -> tuple[str, ...]:
    """The ids of the checks that pytest left of a target."""
    return tuple(item.name for item in items if isinstance(item, CheckItem) and item.parent is target)
