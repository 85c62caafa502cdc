"""The parties of a check: users with logins of their own or shared ones, visitors, strangers, samples of logins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from conformance.attacks.account_data import Leak, find_account_data
from conformance.attacks.identifiers import classify, signs_account
from conformance.attacks.secrecy import find_personal_data
from conformance.target.answer_rules import set_by
from conformance.target.cookies import Jar
from conformance.target.entrances import entrance_cookies
from conformance.target.oracle import is_client_error
from conformance.target.party import Carrier, Party
from conformance.target.set_cookie import SetCookie
from conformance.target.system import LoginFailedError
from conformance.target.verbs import NoFormError, StepFailedError
from conformance.target.view import View

PERSONAL = ("email", "password", "phone", "role", "full_name", "address", "birthdate")
"""Facts that a self-contained cookie must not tell either; the user's name is what it is there for."""
STRICTLY_PERSONAL = ("email", "phone_number", "iban", "payment card", "birthdate")


class Cast(View):
    """Who takes part."""

    async def own_login(self, account: str = "alice", *, carrying: Party | Jar | None = None) -> Party:
        """A login of this check alone, which it may end; `carrying` is whose cookies the client already holds.

        Raises:
            NotApplicable: who is signed in cannot log in: there is no form, or the target says no.
        """
        jar = carrying.jar if isinstance(carrying, Party) else carrying
        try:
            party = await self.system.login(self.known(account), self.log, carrying=jar)
        except StepFailedError as failed:
            no = isinstance(failed, NoFormError) or is_client_error(next(iter(failed.evidence[-1:]), None))
            if not no or not isinstance(carrying, Party) or not (await carrying.whoami()).accepted:
                raise
            self.not_applicable(f"who is signed in cannot log in: {failed.reason}")
        stayed = isinstance(carrying, Party) and carrying.owner != account and party.principal == carrying.principal
        if stayed and party.turned_away:
            self.not_applicable("who is signed in cannot log in: the target turns the login away")
        return party

    async def try_login(self, account: str = "alice", *, carrying: Party | Jar | None = None) -> Party | None:
        """A login that the target may refuse, as for a client with planted cookies; None when it does."""
        try:
            return await self.own_login(account, carrying=carrying)
        except LoginFailedError:
            return None

    async def shared_login(self, account: str = "alice") -> Party:
        """A live login that other checks use too; never end it."""
        return (await self.system.shared_login(self.known(account))).in_log(self.log)

    def stranger(self) -> Party:
        """Someone without any credential."""
        return self.system.stranger(self.log)

    async def visitor(self) -> Party:
        """A stranger who holds the session cookie that the target gives before login."""
        if not self.system.pre_login:
            self.not_applicable("strangers are given no session cookie before login")
        visitor = self.system.stranger(self.log, "a visitor who has not logged in")
        await entrance_cookies(visitor, self.system.pre_login)
        if not visitor.secret(self.cookie):
            last = self.log.last()
            if last and last.answer is None:
                self.inconclusive(f"no answer at the page that gives strangers a cookie: {last.error}")
            self.inconclusive("the target gave a session cookie at preflight, but none now")
        visitor.history = tuple(self.log)
        return visitor

    async def keep_busy(self, party: Party, until: float) -> None:
        """Use a session until shortly before `until` (the target's time), often enough to meet no idle limit."""
        start = self.clock.now()
        idle = self.policy.idle or until - start
        pause = max(0.5, min(idle * 0.5, (until - start) / 4))
        while self.clock.now() + pause < until:
            await self.clock.until(self.clock.now() + pause)
            judged = await party.whoami()
            # On a slow machine the answer may come after `until`: a session that has ended by then kept its limit.
            if not judged.accepted and self.clock.now() < until:
                age = self.clock.now() - party.issued_at
                self.inconclusive(f"{party.label}'s session ended {age:.0f} s after login, before the limit: {judged}")

    # -- samples

    async def account_data_in(self, party: Party, carrier: Carrier) -> list[str]:
        """What a credential tells of its owner: any known fact in a random id, else personal data and secrets."""
        value = party.secret(carrier)
        facts = self.facts_about(party)
        if await self.is_self_contained(carrier):
            facts = {name: text for name, text in facts.items() if name in PERSONAL}
            # A name alone may be the user's own choice, or random; it is no proof of personal data.
            found = [leak for leak in find_personal_data(value) if leak.kind in STRICTLY_PERSONAL]
            return told([*find_account_data(value, facts), *found])
        return told(find_account_data(value, facts))

    def facts_about(self, party: Party) -> dict[str, str]:
        """What the kit knows of a party's account: the description's fields, the name that the target gave."""
        known = self.system.description.accounts[party.owner or ""].words()
        return {name: text for name, text in {**known, "name": party.principal or ""}.items() if text}

    async def is_self_contained(self, carrier: Carrier) -> bool:
        """Whether a credential carries its content under a signature, as opposed to a reference to the server's data.

        Readable content that nothing signs, neither the value itself nor a cookie beside it, is an id with words in it.
        """
        parties = await self._sampled_parties()
        if self._signs_account(carrier, parties):
            return True
        # Where cookies authenticate only together, one may hold the content and another its signature.
        together = self.cookies if self.system.joint else (carrier,)
        kinds = [classify(_values(one, parties)) for one in together]
        return any(k.form == "self-contained" and (k.scheme != "structured" or self.system.joint) for k in kinds)

    def _signs_account(self, carrier: Carrier, parties: Sequence[Party]) -> bool:
        """Whether a credential is a signature over its owner's name or number."""
        holders = [party for party in parties if party.secret(carrier)]
        owners = [party.owner or "" for party in holders]
        facts = {
            party.owner or "": [text for name, text in self.facts_about(party).items() if name != "password"]
            for party in holders
        }
        return signs_account(_values(carrier, holders), owners, facts)

    async def varying_span(self, carrier: Carrier) -> tuple[int, int]:
        """The part of a credential's value that differs between logins; the rest is a label or a route."""
        values = _values(carrier, await self._sampled_parties())
        return _varying(values) if len(set(values)) > 1 else (0, len(values[0]))

    async def _sampled_parties(self) -> list[Party]:
        parties = [await self.system.shared_login(name) for name in self.system.accounts[:2]]
        return [*parties, await self.system.another_login()]

    async def varying_spans(self) -> dict[Carrier, tuple[int, int]]:
        """`varying_span` of every cookie that authenticates."""
        spans = await asyncio.gather(*(self.varying_span(c) for c in self.cookies))
        return dict(zip(self.cookies, spans, strict=True))


def told(leaks: Iterable[Leak]) -> list[str]:
    """Leaks in words: what, where and masked; one text that goes by several names counts once."""
    found = {(leak.where, leak.masked): leak for leak in leaks}
    return [f"{leak.kind} at {leak.where or 'the value itself'} ({leak.masked})" for leak in found.values()]


def repeated_secret(parties: Sequence[Party], carrier: Carrier) -> tuple[Party, Party] | None:
    """The first two parties that were given the same value, or None."""
    seen: dict[str, Party] = {}
    for party in parties:
        value = party.secret(carrier)
        if value and value in seen:
            return seen[value], party
        seen[value] = party
    return None


def cookies_set_at_login(party: Party) -> list[SetCookie]:
    """Every cookie that the answers to a login set, deletions left out, the last one of each name."""
    return set_by(party.history)


def _values(carrier: Carrier, parties: Iterable[Party]) -> list[str]:
    return [value for party in parties if (value := party.secret(carrier))]


def _varying(values: Sequence[str]) -> tuple[int, int]:
    low, high = min(values), max(values)
    prefix = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    turned = [v[::-1] for v in values]
    low, high = min(turned), max(turned)
    shortest = min(map(len, values))
    suffix = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), shortest)
    first = values[0]
    prefix -= _by_chance(first[:prefix][::-1])
    suffix -= _by_chance(first[len(first) - suffix :])
    return prefix, max(prefix + 1, len(first) - suffix)


def _by_chance(shared: str) -> int:
    """How much of an end that values share to give back: by chance random ones share a character or two.

    A mark that no encoding uses stands between the value and a label, as in ``seal~2`` or ``id.a``.
    """
    return next((at for at, char in enumerate(shared[:2]) if not (char.isalnum() or char in "+/=_-%")), len(shared[:2]))
