"""One check's view of the target: facts, a record of its own, and the ways to end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, Self

from conformance.errors import Advice, Inconclusive, NotApplicable, Violation
from conformance.model import Capability, Check, Exchange, Finding
from conformance.target.doorman import Patience, PatientClock
from conformance.target.party import Carrier
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.clock import Clock
    from conformance.target.description import Account, Policy
    from conformance.target.system import System


class View:
    """What every part of `Target` stands on."""

    def __init__(self, system: System, check: Check, log: Log | None = None) -> None:
        self.system = system
        self.check = check
        self.log = log or Log()
        self.rng = system.rng(check.id)
        self.patience = Patience()
        self.note = ""
        """What a passing check has to say of its reach, such as the number of samples."""

    def branch(self) -> Self:
        """The same view with a record of its own, for one input among many."""
        branch = type(self)(self.system, self.check, Log(self.log.add))
        branch.patience = self.patience
        return branch

    @property
    def clock(self) -> Clock:
        """The target's clock; every comparison with an expiry uses it."""
        return PatientClock(self.system.clock, self.patience)

    @property
    def policy(self) -> Policy:
        """What the description declares."""
        return self.system.description.policy

    @property
    def cookies(self) -> tuple[Carrier, ...]:
        """The cookies that authenticate."""
        return tuple(c for c in self.system.carriers if c.kind == "cookie")

    @property
    def cookie(self) -> Carrier:
        """The cookie that authenticates.

        Raises:
            NotApplicable: none does.
        """
        if not self.cookies:
            self.not_applicable("no cookie of the login authenticates")
        return self.cookies[0]

    @property
    def public_https(self) -> bool:
        """Whether users reach the target over https, as declared or as seen."""
        described = self.system.description
        return (described.public_url or described.base_url).startswith("https")

    def account(self, name: str) -> Account:
        """The description of an account."""
        return self.system.description.accounts[self.known(name)]

    def has(self, capability: Capability) -> bool:
        """Whether the target offers a capability."""
        return capability in self.system.capabilities

    def known(self, name: str) -> str:
        """Alice and bob are the first and the second account, whatever the description calls them."""
        accounts = self.system.accounts
        at = {"alice": 0, "bob": 1}.get(name)
        return name if name in accounts or at is None or at >= len(accounts) else accounts[at]

    def violation(
        self, expected: str, actual: str, evidence: Iterable[Exchange] | None = None, *, proven: bool = False,
        of: Iterable[str] = (), aside: bool = False,
    ) -> NoReturn:  # fmt: skip
        """The attack succeeded; for `proven`, `of` and `aside` see `Violation` and `Finding`."""
        found = replace(self._finding(expected, actual, evidence), of=tuple(of), aside=aside)
        raise Violation(found, proven=proven)

    def advise(self, expected: str, actual: str, evidence: Iterable[Exchange] | None = None) -> NoReturn:
        """A recommendation is not met."""
        raise Advice(self._finding(expected, actual, evidence))

    def inconclusive(self, reason: str, evidence: Iterable[Exchange] | None = None) -> NoReturn:
        """Nothing may be concluded."""
        raise Inconclusive(reason, _in_order(self.log if evidence is None else evidence))

    def not_applicable(self, reason: str) -> NoReturn:
        """The target lacks what the attack needs."""
        raise NotApplicable(reason)

    def _finding(self, expected: str, actual: str, evidence: Iterable[Exchange] | None) -> Finding:
        secrets = self.system.secrets
        return Finding(
            secrets.mask(expected), secrets.mask(actual), _in_order(self.log if evidence is None else evidence)
        )


def _in_order(exchanges: Iterable[Exchange]) -> tuple[Exchange, ...]:
    """Each exchange once, in the order of sending."""
    unique = {id(e): e for e in exchanges}
    return tuple(sorted(unique.values(), key=lambda e: e.sent_at))
