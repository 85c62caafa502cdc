"""How the life of a token ends: by logout, a new password or an administrator, and what is open until then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

from conformance.attacks.material import is_number
from conformance.errors import Inconclusive
from conformance.model import Capability, Exchange
from conformance.target.bearer import Presenting
from conformance.target.cast import PERSONAL
from conformance.target.limits import NIST_AAL2_ABSOLUTE
from conformance.target.party import Party
from conformance.target.system import LoginFailedError
from conformance.target.verbs import perform

NEXT_SECOND = 1.1
"""Seconds after which the claims of time in a new token differ."""
PATIENCE = 3.0
"""Seconds for which a replica is watched to measure how late it hears of a logout."""
PAUSE = 0.2
"""Seconds between two looks at a replica."""


class Endings(Presenting):
    """Accounts of the kit's own, and the ways in which their tokens end."""

    # -- accounts that only this check uses

    async def newcomer(self) -> Party:
        """A new account, registered and logged in, whose fields stand nowhere else.

        Raises:
            NotApplicable: the target registers nobody.
            Inconclusive: the registration or the login does not work.
        """
        if not self.has(Capability.REGISTER):
            self.not_applicable("the target lacks register: describe `register`")
        facts = self._facts(self.account("alice").words())
        for name in facts:
            self.system.secrets.learn(facts[name], f"{name} of a newcomer")
        visitor = replace(self.system.stranger(self.log, "a newcomer"), facts=facts)
        exchange = await visitor.verb("register_", self.system.description.register_, "a newcomer registers")
        if exchange.answer is None or exchange.answer.status >= 400:
            self.inconclusive("the registration of a newcomer does not work: is `register` right?")
        return await self.login_with(facts)

    def _facts(self, model: Mapping[str, str]) -> dict[str, str]:
        mark = self.system.rng(self.check.id, str(time.time_ns())).randbytes(5).hex()
        made = {
            "user": f"pp{mark}", "password": f"Pp-{mark}-Larch-7!", "email": f"pp.{mark}@pickproof.example",
            "full_name": f"Pickproof {mark}", "address": f"{mark} Larch Row",
            "phone": f"+1555{int(mark, 16) % 10**7:07}",
        }  # fmt: skip
        if "@" in model.get("user", ""):
            made["user"] = made["email"]
        return {**model, **{name: made[name] for name in made if name in model}}

    async def login_with(self, facts: Mapping[str, str]) -> Party:
        """A login of an account that the description does not list."""
        party = replace(self.system.stranger(self.log, "the newcomer"), lane=self.system.own_lane(), facts=facts)
        self.system.logins += 1
        await party.verb("login", self.system.description.login, "the newcomer logs in")
        judged = await party.whoami()
        if judged.refused:
            raise LoginFailedError(f"after its registration the newcomer is {judged}", tuple(self.log))
        if not judged.accepted:
            self.inconclusive(f"after its registration the newcomer is {judged}")
        party.principal, party.issued_at = judged.name, self.clock.now()
        return party

    def canaries(self, party: Party) -> dict[str, str]:
        """What a newcomer's account holds that its tokens must not tell: not the name, which identifies it."""
        allowed = self.policy.claims_allowed
        return {name: text for name, text in party.facts.items() if name in PERSONAL and name not in allowed}

    # -- what is open after an end

    async def expect_ended(self, party: Party, event: str, declared: str = "") -> None:
        """A credential is refused from an event on; how long it stays open otherwise is part of the finding."""
        judged = await party.whoami()
        if judged.accepted:
            kind = "stateless: " if self.signed(party) else ""
            actual = f"{judged}; {kind}{self.exposure(party)}" + (f"; declared: {declared}" if declared else "")
            self.violation(f"{party.label} is refused from {event} on", actual, (*party.history, *self.log))
        if not judged.refused:
            self.inconclusive(f"whether {party.label} was refused after {event} is {judged}")
        await self.system.control(judged.exchange.sent_at)
        self.note = f"refused in the first request after {event}"

    def exposure(self, party: Party) -> str:
        """For how long a copied token opens what its owner closed."""
        if not self.has(Capability.TOKEN) and not self.has(Capability.JWT):
            return "the server alone can end it, and has not yet"
        token = self.signed(party)
        exp = token.claims.get("exp") if token else None
        if is_number(exp):
            left = max(0.0, exp - self.clock.now())
            return f"works until its exp, {left:.0f} s more (leeway {self.policy.leeway:.0f} s)"
        if party.lifetime is not None:
            left = max(0.0, party.issued_at + party.lifetime - self.clock.now())
            return f"by its expires_in it works for {left:.0f} s more"
        return "it names no expiry: nothing says when it ends"

    async def expect_known_life(self, party: Party) -> None:
        """Somebody says how long an opaque token lives, and it is no longer than declared, or than NIST has it."""
        declared, stated = self.policy.access_lifetime, party.lifetime
        if declared is None and stated is None:
            actual = "the login states no expires_in, and policy.access_lifetime is not declared"
            self.advise("an end of the opaque token is stated or declared", actual, party.history)
        limit = NIST_AAL2_ABSOLUTE if declared is None else declared
        if stated is not None and stated > limit + 2:
            expected, actual = f"a life of at most {limit:.0f} s", f"expires_in says {stated:.0f} s"
            if declared is None:
                self.advise(expected, actual, party.history)
            self.violation(expected, actual, party.history)
        self.note = f"{'stated' if stated is not None else 'declared'}: {stated if stated is not None else limit:.0f} s"

    @property
    def declared_stateless(self) -> str:
        """The key by which the description admits that tokens outlive their session, or nothing."""
        return "" if self.policy.access_revocation else "policy.access_revocation = false"

    async def two_logins(self) -> tuple[Party, Party]:
        """Two logins of alice; of different seconds where signed tokens of one second are equal for want of a jti."""
        first, second = await self.own_login("alice"), await self.own_login("alice")
        if self.signed(first) and first.secret(self.credential) == second.secret(self.credential):
            await self.clock.until(first.issued_at + NEXT_SECOND)
            second = await self.own_login("alice")
        return first, second

    async def ends_at_logout(self) -> bool:
        """Whether a logout ends the token at all; found out once in a run."""
        learned = self.system.learned
        async with learned.ending:
            if learned.ends_at_logout is None:
                alice = await self.own_login("alice")
                thief = alice.stolen()
                await self.expect_logged_out(alice)
                learned.ends_at_logout = not await self.survives(thief)
        return learned.ends_at_logout

    async def expect_kept(self, party: Party, event: str) -> None:
        """A credential that an event is none of the business of still works."""
        judged = await party.whoami()
        if judged.refused:
            self.violation(f"{party.label} still works after {event}", str(judged), (*party.history, *self.log))
        if not judged.accepted:
            self.inconclusive(f"whether {party.label} still works after {event} is {judged}")

    async def expect_dead_at(self, replica: str, thief: Party) -> None:
        """A replica refuses what was ended elsewhere; where it does not, for how long is measured."""
        began = time.monotonic()
        judged = first = await thief.whoami()
        while judged.accepted and time.monotonic() - began < PATIENCE:
            await asyncio.sleep(PAUSE)
            judged = await thief.whoami()
        if first.accepted:
            late = f"refused {time.monotonic() - began:.1f} s later" if judged.refused else self.exposure(thief)
            self.violation(f"refused at {replica} from the logout on", f"{first} there; {late}", (*self.log,))
        if not first.refused:
            self.inconclusive(f"whether {thief.label} was refused is {first}")
        await self.login_at(replica)

    async def survives(self, party: Party) -> bool:
        """Whether a credential still works.

        Raises:
            Inconclusive: the answer is unclear.
        """
        judged = await party.whoami()
        if not judged.accepted and not judged.refused:
            self.inconclusive(f"whether {party.label} still works is {judged}")
        return judged.accepted

    # -- other spellings

    def respelled(self, party: Party, family: str = "") -> list[Party]:
        """Thieves, each with another spelling of a party's token, as a family of forgeries, this check's, has them."""
        from conformance.attacks.forge import FAMILIES, material

        carrier, genuine = self.jwt(party)
        forgeries = FAMILIES[family or self.check.id](material(genuine))
        label = f"a thief with another spelling of {party.label}'s token"
        return [party.holding(f.wire, carrier, f"{label} ({f.name})") for f in forgeries]

    async def accepted_of(self, parties: list[Party]) -> list[Party]:
        """Those that the target accepts at the moment."""
        return [party for party in parties if (await party.whoami()).accepted]

    async def expect_all_dead(self, parties: list[Party], alive: list[Party]) -> None:
        """None of these works any more; of each it is told whether it worked before."""
        for party in parties:
            judged = await party.whoami()
            if judged.accepted:
                before = "accepted before the logout too" if party in alive else "refused before the logout"
                expected = f"{party.label} is refused, as the token itself is"
                self.violation(expected, f"{judged}; {before}; {self.exposure(party)}", (*party.history, *self.log))
            if not judged.refused:
                self.inconclusive(f"whether {party.label} was refused is {judged}")
        await self.system.control(time.time())
        self.note = f"{len(alive)} of {len(parties)} other spellings worked before the logout, none after it"

    # -- passwords

    async def somebody_with_a_password(self) -> Party:
        """Somebody whose password may be changed: a newcomer, else the account with the role change-password."""
        if self.has(Capability.REGISTER):
            return await self.newcomer()
        account = self.system.with_role("change-password")
        if account is None:
            self.not_applicable("describe `register`, or an account with the role change-password")
        return await self.system.login(account, self.log)

    async def change_password(self, party: Party) -> Exchange:
        """Give a party's account a new password, and prove it by a login; what was is put back where it is shared.

        Raises:
            Inconclusive: the change has no effect.
        """
        old = self.system.words(party)["password"]
        new = f"{old[:40]}-9Qx!"
        self.system.secrets.learn(new, f"new password of {party.label}")
        verb = self.system.description.change_password
        exchange = await party.verb("change_password", verb, f"{party.label} changes the password", new_password=new)
        changed = replace(party, facts={**party.facts, "password": new})
        if exchange.answer is None or exchange.answer.status >= 400:
            self.inconclusive("the password change was refused: is `change_password` right?")
        if party.owner:
            await changed.verb("change_password", verb, f"{party.label} changes it back", new_password=old)
        else:
            await self.login_with(changed.facts)
        return exchange

    async def take_offer(self, user: Party) -> None:
        """End the other sessions, where a password change does no more than offer that (ASVS-v5.0.0-7.4.3)."""
        verb = self.system.description.logout_all
        promised = self.policy.password_change_ends
        if promised == "offered" and verb:
            await user.verb("logout_all", verb, f"{user.label} ends the other sessions")

    @property
    def declared_lasting(self) -> str:
        """The key by which the description admits that sessions outlive a password change, or nothing."""
        promised = self.policy.password_change_ends
        return 'policy.password_change_ends = "none"' if promised == "none" else ""

    # -- administration

    async def administer(self, act: str, victim: Party) -> None:
        """The administrator does something to an account.

        Raises:
            Inconclusive: the act was refused.
        """
        name = self.system.with_role("admin") or "admin"
        admin = await self.system.login(name, self.log)
        verb = self.system.description.admin.get(act)  # type: ignore[call-overload]
        words = {"name": self.system.words(victim)["user"]}
        exchange = await perform(admin, f"admin.{act}", verb, f"the administrator: {act}", words)
        if exchange.answer is None or exchange.answer.status >= 400:
            raise Inconclusive(f"the administrator's {act} was refused: is `admin.{act}` right?", (exchange,))

    @property
    def deactivations(self) -> list[str]:
        """What the administrator can do that must end every token of an account."""
        return [act for act in ("disable", "delete") if act in self.system.description.admin]
