"""What the owner of an account does to it, such as a new password or its end; and a thief who tries the same."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import replace

from conformance.model import Capability, Exchange
from conformance.target.endings import Endings
from conformance.target.grammar import Verb
from conformance.target.limits import past_fresh_login
from conformance.target.oracle import Judgement, unclear_reason
from conformance.target.party import Party
from conformance.target.system import LoginFailedError
from conformance.target.unproven import WRONG, Unproven, unproven
from conformance.target.verbs import StepFailedError, perform

OWNER = "the owner"
ADMINISTRATOR = "the administrator"


class Owning(Endings):
    """Acts on an account, genuine ones and those of a thief who has no more than the session."""

    def need_session(self, twin: str) -> None:
        """End the check where the credential is a token, which another check judges."""
        if self.has(Capability.TOKEN) or self.has(Capability.JWT):
            self.not_applicable(f"the credential is a token: {twin} judges")

    async def somebody(self) -> Party:
        """A new account where the target registers people, else a login of alice."""
        if self.has(Capability.REGISTER):
            return await self.newcomer()
        return await self.system.login(self.known("alice"), self.log)

    async def somebody_else(self) -> Party:
        """Another one than `somebody`."""
        return await (self.newcomer() if self.has(Capability.REGISTER) else self.own_login("bob"))

    async def comes_back(self, user: Party) -> Party | None:
        """A further login of a user; None where it leads nowhere."""
        try:
            return await self.second_login(user)
        except LoginFailedError:
            return None

    async def second_login(self, user: Party) -> Party:
        """Another session of a user, as on another device."""
        return await (self.system.login(user.owner, self.log) if user.owner else self.login_with(user.facts))

    async def past_fresh_login(self, party: Party) -> None:
        """Use a session until its login no longer stands for the password (`policy.fresh_login`)."""
        if wait := past_fresh_login(self.system):
            until = party.issued_at + wait
            await self.keep_busy(party, until)
            await self.clock.until(until)

    async def expect_over(self, party: Party, event: str, declared: str = "") -> None:
        """A session is refused everywhere from an event on."""
        judged = await party.whoami()
        if judged.accepted:
            actual = f"{judged}" + (f"; declared: {declared}" if declared else "")
            self.violation(f"{party.label} is refused from {event} on", actual)
        await self.expect_refused(party, everywhere=True)

    # -- without proof of who asks

    def unproven(self, user: Party, verb: Verb | None) -> list[Unproven]:
        """Every way to perform a verb without a user's password."""
        bob = self.account("bob").password if self.has(Capability.SECOND_ACCOUNT) else ""
        # Test accounts may share one password.
        foreign = bob if bob != self.system.words(user)["password"] else ""
        return unproven(verb, foreign) if verb else []

    async def tried(self, party: Party, name: str, attempt: Unproven, **words: str) -> Exchange | None:
        """Perform a verb that is meant to fail; None where it could not even be sent."""
        purpose = f"{party.label}: {name} {attempt}"
        with contextlib.suppress(StepFailedError):
            return await perform(party, name, attempt.verb, purpose, {**words, **attempt.words})
        return None

    def must_be_clear(self, exchange: Exchange | None, what: str) -> None:
        """A target that broke, or that asks for less haste, has refused nothing."""
        if exchange and (why := unclear_reason(exchange)):
            self.inconclusive(f"whether {what} is refused is open: {why}", (exchange,))

    # -- passwords

    def unproven_password_changes(self, user: Party) -> list[Unproven]:
        """Password changes by somebody who does not know the current one."""
        return self.unproven(user, self.system.description.change_password)

    async def expect_password_kept(self, user: Party, attempt: Unproven) -> None:
        """An attempt to change the password changes nothing: a login with the new one fails, with the old one works."""
        new = f"Pp-{secrets.token_hex(8)}-Alder-3!"
        self.system.secrets.learn(new, "password of an attacker")
        thief = user.stolen(f"a thief with {user.label}'s session")
        exchange = await self.tried(thief, "change_password", attempt, new_password=new)
        judged = await self.login_judged(user, new)
        if judged.accepted:
            await self._restore_password(user, new)
            await self._expect_wrong_password_refused(user)
            self.violation(f"a password change {attempt} is refused", f"a login with the new password is {judged}")
        if not judged.refused:
            self.inconclusive(f"whether a login with the new password works is {judged}")
        self.must_be_clear(exchange, f"a password change {attempt}")
        still = await self.login_judged(user)
        if not still.accepted:
            self.inconclusive(f"after a password change {attempt}, a login with the genuine password is {still}")

    async def _expect_wrong_password_refused(self, user: Party) -> None:
        """A login with a password that never was one fails; else the login with the new one proves nothing."""
        judged = await self.login_judged(user, WRONG)
        if not judged.refused:
            self.inconclusive(f"a login with a wrong password is {judged}, too: session.issue.fail-no-elevate judges")

    async def login_judged(self, user: Party, password: str = "") -> Judgement:
        """What a login of a user's account, with its own or another password, leads to."""
        label = f"a client that logs in as {user.label}"
        words = self.system.words(user)
        facts = {**words, "password": password or words["password"]}
        client = replace(self.system.stranger(self.log, label), facts=facts)
        self.system.logins += 1
        with contextlib.suppress(StepFailedError):
            await client.verb("login", self.system.description.login, f"{label}: log in")
        return await client.whoami()

    async def _restore_password(self, user: Party, new: str) -> None:
        """Give an account that the description lists its own password back."""
        if not user.owner:
            return
        verb, words = self.system.description.change_password, self.system.words(user)
        client = await self.login_with({**words, "password": new})
        with contextlib.suppress(StepFailedError):
            await client.verb("change_password", verb, "the password is put back", new_password=words["password"])

    # -- the end of an account

    @property
    def deleters(self) -> list[str]:
        """Who can delete an account."""
        by_admin = self.has(Capability.ADMIN) and "delete" in self.system.description.admin
        own = self.has(Capability.DELETE_ACCOUNT)
        found = [who for who, can in ((OWNER, own), (ADMINISTRATOR, by_admin)) if can]
        return found or self.not_applicable("describe `delete_account`, or `admin.delete` and an admin")

    async def delete_account(self, user: Party, deleter: str) -> None:
        """Delete a user's account.

        Raises:
            Inconclusive: afterwards the account still logs in.
        """
        if deleter == ADMINISTRATOR:
            await self.administer("delete", user)
        else:
            verb = self.system.description.delete_account
            exchange = await user.verb("delete_account", verb, f"{user.label} deletes the account")
            if exchange.answer is None or exchange.answer.status >= 400:
                self.inconclusive("the deletion was refused: is `delete_account` right?", (exchange,))
        await self.expect_no_login(user, f"deleted by {deleter}")

    def new_password(self, user: Party) -> str:
        """A password that nobody had before, and that no report shows."""
        new = f"Pp-{secrets.token_hex(8)}-Larch-4!"
        self.system.secrets.learn(new, f"new password of {user.label}")
        return new

    async def expect_no_login(self, user: Party, what: str) -> None:
        """A login of an account that was disabled or deleted fails; else nothing happened that could end a session."""
        judged = await self.login_judged(user)
        if not judged.refused:
            self.inconclusive(f"the account was {what}, and a login with its password is {judged}")

    async def register_again(self, user: Party) -> Party | None:
        """Register the name of a deleted account once more; None where the target keeps it taken."""
        visitor = replace(self.system.stranger(self.log, "somebody who registers the name again"), facts=user.facts)
        exchange = await visitor.verb("register_", self.system.description.register_, "the same name registers again")
        taken = exchange.answer is not None and 400 <= exchange.answer.status < 500
        return None if taken else await self.login_with(user.facts)

    # -- administration

    def need_admin(self, act: str) -> None:
        """End the check where the administrator cannot do this."""
        if act not in self.system.description.admin:
            self.not_applicable(f"describe `admin.{act}`")

    async def enabled_again(self, user: Party) -> bool:
        """Enable a disabled account where the description says how, and prove it by a login."""
        if "enable" not in self.system.description.admin:
            return False
        await self.administer("enable", user)
        judged = await self.login_judged(user)
        if not judged.accepted:
            self.inconclusive(f"the account was enabled again, and a login is {judged}: is `admin.enable` right?")
        return True
