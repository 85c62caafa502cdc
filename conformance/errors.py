"""The ways in which a run can stop, and the control flow of a check.

Two families. What a *user* meets derives from `PickproofError`, carries what was wrong, where and what to try,
and becomes one message and an exit code. What ends a *check* derives from `Stop`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.model import Exchange, Finding


class PickproofError(Exception):
    """A mistake or a state of the world that the user can mend; its text is shown as it is."""

    exit_code = 2


class UsageError(PickproofError):
    """A word on the command line that means nothing here."""


class NothingTestedError(PickproofError):
    """A selection that leaves no check to run."""

    exit_code = 5


@dataclass
class DescriptionError(PickproofError):
    """A description that cannot be used: which key, what was found, what is allowed."""

    where: str
    key: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        """One message in the order: place, key, problem, remedy."""
        spot = f"{self.where}: {self.key}" if self.key else self.where
        return f"{spot}: {self.problem}" + (f"\n  try: {self.hint}" if self.hint else "")


@dataclass
class PreflightError(PickproofError):
    """The target did not do what its description says, before any attack."""

    key: str
    problem: str
    hint: str = ""
    exchanges: tuple[Exchange, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """The key of the description, what happened and what to try; exchanges are rendered by the caller."""
        return f"preflight: {self.key}: {self.problem}" + (f"\n  try: {self.hint}" if self.hint else "")


class Violation(Exception):
    """An attack succeeded. An Exception, so that Hypothesis shrinks the input that did it."""

    def __init__(self, finding: Finding, *, proven: bool = False) -> None:
        super().__init__("violation")
        self.finding = finding
        self.proven = proven
        """What the target answered is proof by itself, and need not come again."""


class Stop(BaseException):
    """Ends a check without a violation. A BaseException, so that Hypothesis never shrinks it."""

    def __init__(self, reason: str, evidence: tuple[Exchange, ...] = ()) -> None:
        super().__init__("stop")
        self.reason = reason
        self.evidence = evidence


class Inconclusive(Stop):
    """A positive control failed or an answer is unclear; nothing may be concluded."""

    def __init__(self, reason: str, evidence: tuple[Exchange, ...] = (), key: str = "") -> None:
        super().__init__(reason, evidence)
        self.key = key
        """The key of the description that asked for what could not be done; empty where none did."""


class NotApplicable(Stop):
    """The target lacks what the attack needs; found out only while running."""


class Advice(Exception):
    """A recommendation is not met, or something was only measured; never a violation."""

    def __init__(self, finding: Finding) -> None:
        super().__init__("advice")
        self.finding = finding
