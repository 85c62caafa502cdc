"""Logins as attackers try them: chosen names and passwords, what the answers tell, how long they take.

Failures are spread thin. After a few in a row the account logs in properly, so that its count starts again, and an
answer that asks for less haste ends the check.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.attacks.login_fields import REDIRECTS, WRONG, Guess, destination, marks, telling
from conformance.attacks.timing import LOOKS, clear_difference, level, open_difference, timing_difference
from conformance.model import Exchange
from conformance.target.altered_login import Altered, changed, going_to
from conformance.target.cast import Cast
from conformance.target.cookies import Jar
from conformance.target.expectations import Expectations
from conformance.target.oracle import THROTTLED
from conformance.target.party import SAFE, Party
from conformance.target.verbs import NotLetOnError, NotTakenError
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.grammar import Verb

IN_A_ROW = 3
"""Failures with one name before it logs in properly again; some targets lock at five."""
PAIRS = 36
"""A permutation of medians gets to one in ten thousand with thirty pairs at the least."""
PATIENCE = 40.0
"""Seconds after which no further pair is tried, but for those that confirm a suspicion."""
PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each round, so that a burst of other work can pass."""
SLOWEST = 1.5
"""Seconds of a login beyond which pairs of them take too long."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in."""

    party: Party
    user: str
    exchange: Exchange
    """The request with the password, and its answer."""
    shown: tuple[Exchange, ...] = field(repr=False)

    @property
    def marks(self) -> frozenset[str]:
        """What the answer shows."""
        answer = self.exchange.answer
        return marks(answer.status, answer.headers, answer.body, self.user) if answer else frozenset({"no answer"})


class Logins(Cast, Expectations):
    """Verbs about the login endpoint."""

    @property
    def tried_account(self) -> str:
        """The account whose logins fail: not the one that most other checks use, where there is another."""
        return self.system.accounts[1] if len(self.system.accounts) > 1 else self.system.accounts[0]

    def unknown_name(self) -> str:
        """A name like the account's that nobody has."""
        user = self.system.description.accounts[self.tried_account].user
        local, at, domain = user.partition("@")
        made = secrets.token_hex(16)[: max(8, len(local))]
        return f"pp{made}"[: max(8, len(local))] + at + domain

    async def attempt(
        self, account: str, user: Any, password: Any, *, label: str = "", altered: Altered | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Attempt:  # fmt: skip
        """Try to log in with these; `altered` changes the login's last step, `headers` go along with each.

        Raises:
            Inconclusive: the login could not be tried, or the target asks for less haste.
        """
        log = Log(self.log.add)
        party = Party(
            self.system, label or f"somebody who tries {user!r}", account, self.system.spare_lane(), log, Jar(),
            also_headers=tuple((headers or {}).items()),
        )  # fmt: skip
        verb = changed(self._login(), user, password, altered)
        words = {
            "user": user if isinstance(user, str) else "",
            "password": password if isinstance(password, str) else "",
        }
        with contextlib.suppress(NotTakenError, NotLetOnError):
            await party.verb("login", verb, f"{party.label}: try to log in", **words)
        sent = [e for e in log if e.request.method not in SAFE] or list(log)
        shown = tuple(log)
        attempt = Attempt(party, user if isinstance(user, str) else "", sent[-1], shown)
        answer = attempt.exchange.answer
        if answer is None:
            self.inconclusive(f"a login got no answer: {attempt.exchange.error}", shown)
        return attempt

    async def failing(self, account: str, user: Any, password: Any) -> Attempt:
        """The same for an attempt that should fail: one at a time, and not too many in a row."""
        async with self.patience.in_turn(self.system.doorman.turn):
            return await self._failing(account, user, password)

    async def _failing(self, account: str, user: Any, password: Any) -> Attempt:
        failures = self.system.doorman.failures
        if failures.get(account, 0) >= IN_A_ROW:
            await self.system.login(account, self.system.log, lane=self.system.spare_lane())
            failures[account] = 0
        if not isinstance(user, str) or user == self.system.description.accounts[account].user:
            failures[account] = failures.get(account, 0) + 1
        attempt = await self.attempt(account, user, password)
        if attempt.exchange.answer and attempt.exchange.answer.status in THROTTLED:
            self.inconclusive(f"the target throttles logins: {attempt.exchange.answer.status}", attempt.shown)
        return attempt

    async def expect_kept_out(self, guess: Guess, what: str = "") -> None:
        """The guess logs nobody in."""
        name = self.tried_account
        genuine = guess.named(self.system.description.accounts[name].user)
        attempt = await self.failing(name, genuine.user, genuine.password)
        judged = await attempt.party.whoami()
        told = what or str(guess)
        if judged.accepted:
            self.violation(f"a login with {told} fails", str(judged), (*attempt.shown, judged.exchange))
        if not judged.refused:
            self.inconclusive(f"whether a login with {told} failed is {judged}", (*attempt.shown, judged.exchange))

    def _login(self) -> Verb:
        login = self.system.description.login
        if login is None:
            self.not_applicable("the login is the adapter's, which takes only names and passwords of accounts")
        return login

    # -- what answers tell

    def need_user_names(self) -> None:
        """End the check where a login asks for no user name: then there is nobody to tell apart."""
        if not self.account("alice").user:
            self.not_applicable("the login asks for no user name")

    async def difference_told(
        self, samples: int = 3, wrong: str = WRONG
    ) -> tuple[Mapping[str, list[str]], tuple[Exchange, ...]]:
        """What the answer to a wrong password always shows and that to an unknown name never, and the reverse."""
        name = self.tried_account
        user = self.system.description.accounts[name].user
        known, unknown = [], []
        for _ in range(samples):
            known.append(await self.failing(name, user, wrong))
            unknown.append(await self.failing(name, self.unknown_name(), wrong))
        shown = (known[-1].exchange, unknown[-1].exchange)
        return telling([a.marks for a in known], [a.marks for a in unknown]), shown

    # -- how long answers take

    async def time_told(self) -> None:
        """Wrong passwords of an account and of unknown names take the same time, as far as can be told.

        A difference counts only when it is found twice, in samples of their own.
        """
        user = self.system.description.accounts[self.tried_account].user
        suspected, end = 0.0, time.monotonic() + PATIENCE
        all_pairs: list[tuple[float, float]] = []
        for pause in PAUSES:
            if not suspected and time.monotonic() > end:
                break
            await asyncio.sleep(pause)
            async with self.patience.in_turn(self.system.doorman.turn):
                pairs = await self._pairs(user, math.inf if suspected else end)
            all_pairs += pairs
            clear = clear_difference(pairs)
            timing = clear if clear.decided else timing_difference(pairs, rng=self.rng)
            if timing.decided and suspected * timing.effect > 0:
                said = (
                    f"a wrong password of an account takes {timing.effect * 1000:+.1f} ms, twice in {len(pairs)} pairs"
                )
                self.violation("both take the same time", f"{said} (chance {timing.p:.2g})", list(self.log)[-6:])
            shown = next((sample for sample in (pairs, all_pairs) if level(sample)), None)
            if shown and not suspected and not timing.decided:
                most = open_difference(shown) * 1000
                self.note = f"no difference beyond {most:.1f} ms in {len(shown)} interleaved pairs"
                return
            suspected = timing.effect if timing.decided else 0.0
        left = f"{len(all_pairs)} pairs leave a difference of {open_difference(all_pairs) * 1000:.0f} ms open"
        self.inconclusive(f"the times vary too much to tell, {left}: run it on a quieter machine, or nearer")

    async def _pairs(self, user: str, end: float) -> list[tuple[float, float]]:
        """Seconds of a wrong password and of an unknown name, in turn; which comes first is left to chance.

        They end as soon as they are plain, and after `end` where there are enough for a look.
        """
        found: list[tuple[float, float]] = []
        for _ in range(PAIRS):
            pair = [("known", user), ("unknown", self.unknown_name())]
            self.rng.shuffle(pair)
            took = {kind: await self._seconds(name) for kind, name in pair}
            if min(took.values()) > SLOWEST:
                self.inconclusive(f"a login takes {min(took.values()):.1f} s: too slow to compare {PAIRS} pairs")
            found.append((took["known"], took["unknown"]))
            plain = len(found) in LOOKS and (level(found) or clear_difference(found).decided)
            if plain or (len(found) >= LOOKS[0] and time.monotonic() > end):
                break
        return found

    async def _seconds(self, name: str) -> float:
        return (await self._failing(self.tried_account, name, WRONG)).exchange.seconds

    # -- where it leads

    async def leads_to(self, parameter: str, target: str, way: str) -> tuple[list[str], tuple[Exchange, ...]]:
        """The ``Location`` of every answer to a proper login that was told to go to `target`."""
        account = self.system.accounts[0]
        described = self.system.description.accounts[account]
        told = f"alice, sent on to {target!r}"
        change = going_to(parameter, target, way)
        attempt = await self.attempt(account, described.user, described.password, label=told, altered=change)
        answers = [e.answer for e in attempt.shown if e.answer]
        return [place for answer in answers for place in answer.all("location")], attempt.shown

    async def way_on(self, parameter: str, landing: str) -> str:
        """How the login takes its return parameter: ``query`` or ``body``.

        Raises:
            Inconclusive: neither way leads to a place of the target's own.
        """
        for way in ("query", "body"):
            places, shown = await self.leads_to(parameter, landing, way)
            if any(landing in place for place in places):
                break
        else:
            self.inconclusive(f"the login does not go on to {landing} either: is `return_parameter` right?", shown)
        return way

    def foreign(self, places: list[str]) -> str | None:
        """The first place to which a browser would leave the target, or None."""
        public, base = self.system.description.origin, self.system.base_url
        own = {destination("/", public), destination("/", base)}
        return next((p for p in places if destination(p, public) not in own), None)

    def redirects(self) -> tuple[str, ...]:
        """Places to which a login must not lead."""
        host = destination("/", self.system.description.origin)
        return tuple(place.replace("{host}", host) for place in REDIRECTS)
