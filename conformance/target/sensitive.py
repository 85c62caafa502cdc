"""Acts that ask for the password again, though a session lives: sensitive changes, and the step-up itself."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.attacks.login_fields import marks
from conformance.model import Exchange
from conformance.target.owning import Owning
from conformance.target.party import Party
from conformance.target.templates import extract
from conformance.target.unproven import WRONG, Unproven
from conformance.target.verbs import perform


@dataclass(frozen=True, slots=True)
class Tried:
    """One sensitive change, and what came of it."""

    attempt: Unproven
    exchange: Exchange | None = field(repr=False)
    state: str | None = field(repr=False)
    """What the described read shows afterwards; None without one."""
    values: tuple[str, ...] = field(repr=False)
    """What was to be written."""

    @property
    def shows(self) -> bool:
        """Whether the described read shows it."""
        return any(value in (self.state or "") for value in self.values)

    @property
    def refused(self) -> bool:
        """Whether the answer is an error."""
        return self.exchange is None or self.exchange.answer is None or self.exchange.answer.status >= 400


class Reauthentication(Owning):
    """Whether a session alone is enough, and whether proof makes a new one of it."""

    # -- sensitive changes

    async def sensitive_changes_without_proof(self, user: Party) -> list[Tried]:
        """Every sensitive change by somebody who has no more than a user's session."""
        thief = user.stolen(f"a thief with {user.label}'s session")
        attempts = self.unproven(user, self.system.description.sensitive)
        return [await self._sensitive(thief, attempt, user) for attempt in attempts]

    async def expect_none_taken(self, user: Party, tried: Sequence[Tried]) -> None:
        """None of these had an effect, as the described read or their answers tell; the genuine change has one."""
        seen = next((one for one in tried if one.shows), None)
        genuine = None if seen else await self._genuine(user)
        await self._put_back(user)
        for one in [seen] if seen else tried:
            expected = f"a sensitive change {one.attempt} is refused"
            if one.shows:
                self.violation(expected, f"the described read shows the new value: {one.state!r}")
            self.must_be_clear(one.exchange, f"a sensitive change {one.attempt}")
            if one.state is None and not one.refused and one.exchange and genuine:
                if said(genuine.exchange) <= said(one.exchange):
                    self.violation(expected, "answered as the genuine change is")
                why = "answered otherwise than the genuine one, but without an error: describe `sensitive.read`"
                self.inconclusive(f"whether a sensitive change {one.attempt} is refused is open: it is {why}")

    async def _genuine(self, user: Party) -> Tried:
        verb = self.system.description.sensitive
        if verb is None:
            self.not_applicable("describe `sensitive`")
        genuine = await self._sensitive(user, Unproven("with everything right", verb), user)
        if genuine.refused or (genuine.state is not None and not genuine.shows):
            shown = "" if genuine.state is None else f", and the read shows {genuine.state!r}"
            self.inconclusive(f"the genuine sensitive change has no effect{shown}: is `sensitive` right?")
        return genuine

    async def _sensitive(self, party: Party, attempt: Unproven, reader: Party) -> Tried:
        mark, phone = secrets.token_hex(6), f"+1555{secrets.randbelow(10**7):07}"
        words = {"value": f"pp{mark}", "email": f"pp.{mark}@pickproof.example", "phone": phone}
        exchange = await self.tried(party, "sensitive", attempt, **words)
        return Tried(attempt, exchange, await self._sensitive_state(reader), tuple(words.values()))

    async def _sensitive_state(self, party: Party) -> str | None:
        sensitive = self.system.description.sensitive
        if sensitive is None or sensitive.read is None:
            return None
        exchange = await perform(party, "sensitive.read", sensitive.read, f"{party.label} reads what is sensitive")
        return extract(sensitive.read.value, exchange.answer, {}) or "" if exchange.answer else ""

    async def _put_back(self, user: Party) -> None:
        """Write what the description says of a listed account; a newcomer's account is nobody's."""
        verb = self.system.description.sensitive
        if user.owner and verb and "email" in self.system.words(user):
            await self.tried(user, "sensitive", Unproven("as before", verb), value="")

    # -- step-up

    async def step_up(self, party: Party) -> None:
        """Prove the password again inside a session.

        Raises:
            Inconclusive: it was refused, or a wrong password is answered alike.
        """
        verb = self.system.description.step_up
        if verb is None:
            self.not_applicable("describe `step_up`")
        other = await self.second_login(party)
        wrong = await self.tried(other, "step_up", Unproven("with a wrong password", verb, {"password": WRONG}))
        right = await party.verb("step_up", verb, f"{party.label} proves the password again")
        if right.answer is None or right.answer.status >= 400:
            self.inconclusive("the step-up was refused: is `step_up` right?", (right,))
        if wrong and said(wrong) == said(right):
            self.inconclusive("the step-up answers a wrong password alike: is `step_up` right?", (wrong, right))


def said(exchange: Exchange | None) -> frozenset[str]:
    """What an answer says, without what is new in every answer."""
    answer = exchange.answer if exchange else None
    return marks(answer.status, answer.headers, answer.body, "") if answer else frozenset()
