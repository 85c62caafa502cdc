"""Guessing at one account until the target slows down: done once in a run, for every check that asks about it.

Only the account with the role throttle is guessed at, and it may be locked afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from conformance.attacks.login_fields import WRONG
from conformance.model import Exchange
from conformance.target.guess_delays import TOO_SLOW, Delays
from conformance.target.logins import Attempt, Logins
from conformance.target.oracle import THROTTLED, Judgement
from conformance.target.party import Party
from conformance.target.wire import retry_after

MOST = 100
"""Failures in a row that are free at most (NIST SP 800-63B-4 section 3.2.2)."""
FEW = 30
"""Failures that are worth repeating for another question."""
SPELLINGS = 3
"""Other spellings of a name that are tried."""
IN_USE = 10
"""Guesses between two requests of the owner."""
BRACKETS = 3
"""Times that a guess must be taken between two that are not."""
ADDRESS = "203.0.113.77"
FORWARDED: Mapping[str, str] = {
    "X-Forwarded-For": ADDRESS, "Forwarded": f"for={ADDRESS}", "X-Real-IP": ADDRESS, "X-Client-IP": ADDRESS,
    "Client-IP": ADDRESS, "True-Client-IP": ADDRESS, "CF-Connecting-IP": ADDRESS,
}  # fmt: skip
"""What proxies say of a client's address, and anybody can say."""


@dataclass(frozen=True, slots=True)
class Siege:
    """What came of it."""

    owner: Judgement = field(repr=False)
    """What the owner's session from right before the guesses got after them."""
    bystander: Judgement = field(repr=False)
    """The same of somebody else's, as old as that one, at whom nobody guessed."""
    failures: int
    """Guesses until the target slowed down."""
    slowed: str | None
    """How it slowed down; None where it did not."""
    by_status: bool
    """The answer itself says so, and not only its time."""
    first: Attempt = field(repr=False)
    last: Attempt = field(repr=False)
    forgave: Judgement | None = field(default=None, repr=False)
    """What the right password got after two times all but one of the declared failures, with a success between."""
    evaded: tuple[tuple[str, Attempt, Attempt], ...] = field(default=(), repr=False)
    """Guesses that were taken while others were not: how, and one before and one of them."""
    quiet: bool = False
    """The target asks for a pause, which the kit keeps: nothing is sent while the account is throttled."""
    delays: Delays | None = None
    """What is known of late answers."""


class Besieging(Logins):
    """Verbs about throttling."""

    async def siege(self) -> Siege:
        """The run's siege of the account with the role throttle."""
        doorman = self.system.doorman
        async with self.patience.in_turn(doorman.besieging):
            if not isinstance(doorman.siege, Siege):
                doorman.siege = await self._besiege(self.system.with_role("throttle") or "")
            return doorman.siege

    async def _besiege(self, account: str) -> Siege:
        session, forgave = await self._forgiven(account, await self.own_login(account))
        if forgave and not forgave.accepted:
            after = "the right password is refused after failures that a success came between"
            shown = await self._guess(account, 1)
            return Siege(forgave, forgave, 0, after, False, shown, shown, forgave)
        session, other_names = await self._other_names(account, session)
        bystander = await self.own_login("alice")
        first = last = await self._guess(account, 1)
        delays = Delays(first.exchange.seconds, self._at_nobody)
        slowed, failures = _refused(first, first), 1
        # One more than may be free shows what the next one gets.
        while not (slowed or delays.untold) and failures <= (self.policy.throttle_failures or MOST) + 1:
            failures += 1
            last = await self._guess(account, failures)
            slowed = _refused(first, last) or await delays.after(last.exchange)
            if failures % IN_USE == 0:
                # Or the owner's session would end of idleness, and not of the guesses.
                await session.whoami()
        owner = await session.whoami()
        by_status = slowed is not None and _face(first) != _face(last)
        answer = last.exchange.answer
        quiet = not self.clock.travels and answer is not None and retry_after(answer) > 0
        evaded = await self._evading(account, first, other_names) if by_status and not quiet else ()
        return Siege(
            owner, await bystander.whoami(), failures - bool(slowed), slowed, by_status, first, last, forgave, evaded,
            quiet, delays,
        )  # fmt: skip

    async def _at_nobody(self) -> Exchange:
        name = self.unknown_name()
        return (await self.attempt("alice", name, f"{WRONG}-0", label="a guess at somebody else")).exchange

    async def _guess(
        self, account: str, number: int, user: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Attempt:
        name = self.system.description.accounts[account].user if user is None else user
        return await self.attempt(account, name, f"{WRONG}-{number}", label=f"guess {number}", headers=headers)

    async def _right(self, account: str, user: str | None = None) -> tuple[Attempt, Judgement]:
        described = self.system.description.accounts[account]
        attempt = await self.attempt(account, user or described.user, described.password, label="the right password")
        return attempt, await attempt.party.whoami()

    async def _other_names(self, account: str, session: Party) -> tuple[Party, list[str]]:
        """The owner's latest session, and other spellings of the account's name that open it.

        A spelling that does not may count as a failure of the account: a success clears those.
        """
        user, found = self.system.description.accounts[account].user, []
        for name in _spellings(user):
            attempt, judged = await self._right(account, name)
            if judged.accepted and judged.name == session.principal:
                found.append(name)
                session = replace(attempt.party, principal=judged.name)
        attempt, judged = await self._right(account)
        return (replace(attempt.party, principal=judged.name) if judged.accepted else session), found

    async def _forgiven(self, account: str, session: Party) -> tuple[Party, Judgement | None]:
        """The owner's latest session, which may be the only one that an account has, and what a success gets.

        Two times all but one of the declared failures, with a success after each.
        """
        judged = None
        most = self.policy.throttle_failures or 0
        for _ in range(2 if 1 < most <= FEW else 0):
            for number in range(1, most):
                await self._guess(account, number)
            attempt, judged = await self._right(account)
            if not judged.accepted:
                break
            session = replace(attempt.party, principal=judged.name)
        return session, judged

    async def _evading(
        self, account: str, first: Attempt, other_names: list[str]
    ) -> tuple[tuple[str, Attempt, Attempt], ...]:
        """Ways in which a guess is taken between two that are not."""
        ways: list[tuple[str, str | None, Mapping[str, str] | None]] = [
            ("with a forwarded address of its own", None, FORWARDED),
            *((f"with the name spelled {name!r}", name, None) for name in other_names),
        ]
        found = []
        for what, name, headers in ways:
            # A delay may end by itself just then: only what is taken each time counts, and a plain guess never.
            brackets = [await self._bracket(account, name, headers) for _ in range(BRACKETS)]
            taken = all(_taken(first, bracket) for bracket in brackets)
            if taken and not any([_taken(first, await self._bracket(account, None, None)) for _ in range(BRACKETS)]):
                found.append((what, brackets[-1][0], brackets[-1][1]))
        return tuple(found)

    async def _bracket(
        self, account: str, name: str | None, headers: Mapping[str, str] | None
    ) -> tuple[Attempt, Attempt, Attempt]:
        before = await self._guess(account, 0)
        tried = await self._guess(account, 0, name, headers)
        return before, tried, await self._guess(account, 0)

    async def expect_throttled(self) -> None:
        """After enough failures in a row the target slows down, refuses, or at least lets nobody in at once."""
        siege = await self.siege()
        if siege.slowed:
            self.note = f"throttled after {siege.failures} failures: {siege.slowed}"
            return
        owner, judged = await self._right(self.system.with_role("throttle") or "")
        if siege.delays and (siege.delays.untold or (judged.accepted and siege.delays.late(owner.exchange))):
            self.inconclusive(TOO_SLOW, (siege.last.exchange,))
        if judged.accepted:
            actual = f"after {siege.failures} failures the right password is {judged} at once"
            expected = f"at most {self.policy.throttle_failures or MOST} failures in a row are free"
            self.violation(expected, actual, (*owner.shown, judged.exchange))
        if not judged.refused:
            self.inconclusive(f"the right password is {judged}", (*owner.shown, judged.exchange))
        self.note = f"after {siege.failures} failures even the right password is refused"

    async def throttled_siege(self) -> Siege:
        """The siege, of a target whose answers say that it throttles.

        Raises:
            NotApplicable: they do not.
        """
        siege = await self.siege()
        if not siege.by_status:
            self.not_applicable("no answer says that guessing is throttled: login.throttle.account judges")
        return siege

    async def expect_owner_stays(self) -> None:
        """The owner's session outlives the guesses; one that is as old, and nobody's victim, is the control."""
        siege = await self.throttled_siege()
        if siege.owner.accepted:
            return
        if not siege.owner.refused or not siege.bystander.accepted:
            self.inconclusive(f"the owner's session is {siege.owner}, and one as old is {siege.bystander}")
        actual = f"after {siege.failures} failures of a stranger it is {siege.owner}"
        self.violation("the owner's session goes on", actual, [siege.last.exchange, siege.owner.exchange])

    async def expect_unknown_names_throttled(self) -> None:
        """A name that nobody has is throttled like one that somebody has."""
        siege, account = await self.throttled_siege(), self.system.with_role("throttle") or ""
        if siege.failures > FEW:
            self.not_applicable(f"the account is throttled after {siege.failures} failures: too many to compare")
        name = self.unknown_name()
        # Spellings of the account's name that are wrong may have counted as its first failures.
        most = siege.failures + SPELLINGS + 2
        first = await self._guess(account, 1, name)
        for number in range(2, most + 1):
            last = await self._guess(account, number, name)
            if _face(last) != _face(first) or _face(first)[0] in THROTTLED:
                # Throttled like the other: a further guess would only lengthen the pause.
                return
        known = f"an account's is, after {siege.failures} failures: {siege.slowed}"
        actual = f"an unknown name is never throttled, {known}"
        self.violation("both are throttled alike", actual, [siege.last.exchange, last.exchange])


def _spellings(user: str) -> list[str]:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in user)
    return [name for name in (user.swapcase(), f"{user} ", wide)[:SPELLINGS] if name != user]


def _face(attempt: Attempt) -> tuple[int, str]:
    answer = attempt.exchange.answer
    return (answer.status, answer.header("location") or "") if answer else (0, "")


def _taken(first: Attempt, bracket: tuple[Attempt, Attempt, Attempt]) -> bool:
    """Whether the guess in the middle was answered as the first one was, and those around it alike and otherwise."""
    before, tried, after = map(_face, bracket)
    return before == after != _face(first) == tried


def _refused(first: Attempt, now: Attempt) -> str | None:
    answer, before = now.exchange.answer, first.exchange.answer
    if answer and answer.status in THROTTLED:
        return f"the answer is {answer.status}"
    if answer and before and answer.status != before.status and answer.status >= 400:
        return f"the answer changed from {before.status} to {answer.status}"
    return None
