"""A forgotten password: who asks for a new one, who gets in by it, and what ends with the old one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from conformance.model import Exchange
from conformance.target.grammar import Step, Verb
from conformance.target.owning import Owning
from conformance.target.party import Party
from conformance.target.templates import mentions
from conformance.target.verbs import StepFailedError, perform

NAMES = ("user", "email")
"""Words by which a step says whose password was forgotten."""


class Recovering(Owning):
    """Verbs about recovery. The kit reads the message where the description says that test mail ends up."""

    @contextlib.asynccontextmanager
    async def recovered(self, user: Party) -> AsyncIterator[Party]:
        """Whoever logs in with the password that a recovery gave; a listed account is given its own back in the end.

        Raises:
            Inconclusive: the recovery has no effect.
        """
        old, new = self.system.words(user)["password"], self.new_password(user)
        await self._recover(user, new)
        try:
            yield await self.login_with({**self.system.words(user), "password": new})
        finally:
            if user.owner:
                await self._recover(user, old)

    async def _recover(self, user: Party, new: str) -> None:
        exchange = await self._steps(self._forgetful(user), self._recovery(), {"new_password": new})
        self._demand_done(exchange)

    def _demand_done(self, exchange: Exchange) -> None:
        if exchange.answer is None or exchange.answer.status >= 400:
            self.inconclusive("the recovery of a password was refused: is `reset_password` right?", (exchange,))

    def _forgetful(self, user: Party) -> Party:
        """Somebody who is not signed in, and asks for the password of an account."""
        stranger = self.system.stranger(self.log, f"{user.label}, who forgot the password")
        return replace(stranger, lane=self.system.own_lane(), facts=self.system.words(user))

    def _recovery(self) -> Sequence[Step]:
        """The steps from the question to the new password.

        Raises:
            NotApplicable: an adapter performs them, all at once.
        """
        verb = self.system.description.reset_password
        return verb.steps if verb else self.not_applicable("`reset_password` is the adapter's: its steps are not seen")

    async def _steps(self, party: Party, steps: Sequence[Step], words: dict[str, str]) -> Exchange:
        """Perform steps; what they take, such as the link that was sent, is in `words` from then on, and no report."""
        known: dict[str, str] = {}
        told, verb = f"{party.label} recovers the password", Verb(steps=list(steps))
        exchange = await perform(party, "reset_password", verb, told, words, known)
        for name in {name for step in steps for name in step.take}:
            self.system.secrets.learn(known[name], f"{name} of a recovery")
        words.update(known)
        return exchange

    # -- who gets in

    async def expect_no_way_in(self, party: Party, owner: Party) -> None:
        """Whoever asks for the owner's password becomes nobody by the question: neither the owner nor somebody new.

        Raises:
            NotApplicable: no step says whose password it is.
        """
        steps = self._recovery()
        asking = next((at for at, step in enumerate(steps) if _uses(step, NAMES)), None)
        if asking is None:
            self.not_applicable("no step of `reset_password` names the account by {user} or {email}")
        asker = replace(party, facts=self.system.words(owner))
        self._demand_done(await self._steps(asker, steps[: asking + 1], {}))
        judged = await party.whoami()
        if judged.accepted and judged.name != party.principal:
            told = f"{party.label}, who asked for {owner.label}'s password, is still {party.principal or 'nobody'}"
            self.violation(told, str(judged))
        if not judged.accepted and not judged.refused:
            self.inconclusive(f"who {party.label} is after a question for a password is {judged}")

    # -- how often

    async def expect_link_used_up(self, user: Party) -> None:
        """What was sent for a recovery sets one new password, and no second one; a listed account gets its own back."""
        old = self.system.words(user)["password"]
        try:
            await self._use_twice(user)
        finally:
            if user.owner:
                await self._recover(user, old)

    async def _use_twice(self, user: Party) -> None:
        steps = self._recovery()
        taken = {name for step in steps for name in step.take if name != "csrf"}
        first = next((at for at, step in enumerate(steps) if _uses(step, taken)), None)
        if first is None:
            self.not_applicable("`reset_password` uses nothing that was sent to the user")
        words = {"new_password": self.new_password(user)}
        self._demand_done(await self._steps(self._forgetful(user), steps, words))
        proof = await self.login_judged(user, words["new_password"])
        if not proof.accepted:
            self.inconclusive(f"a login with the password that a recovery gave is {proof}")
        thief = replace(self._forgetful(user), label=f"a thief who found the message to {user.label}")
        second = {**words, "new_password": self.new_password(user)}
        exchange = None
        with contextlib.suppress(StepFailedError):
            exchange = await self._steps(thief, steps[first:], second)
        judged = await self.login_judged(user, second["new_password"])
        if judged.accepted:
            self.violation("what was sent works once", f"a login with the password of a second use is {judged}")
        if not judged.refused:
            self.inconclusive(f"whether a login with the password of a second use works is {judged}")
        self.must_be_clear(exchange, "a second use")
        again = await self.login_judged(user, words["new_password"])
        if not again.accepted:
            self.inconclusive(f"after a second use, a login with the password of the first is {again}")


def _uses(step: Step, words: Iterable[str]) -> bool:
    sent = [step.send, step.page, step.action, step.json_, step.form, step.headers, step.query, step.fill]
    return any(mentions(sent, word) for word in words)
