"""What another site causes: a change of state, a login, a logout. Effects decide, never status codes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.attacks.crosssite import FOREIGN, FORM_BODIES, JSON_BODIES, SIMPLE_BODIES, Forgery, forgeries
from conformance.errors import Inconclusive
from conformance.model import Exchange
from conformance.target.acts import Act, act_of, forge, repeat
from conformance.target.cast import Cast
from conformance.target.cookies import Jar
from conformance.target.expectations import Expectations
from conformance.target.oracle import GATEWAY, THROTTLED, Judgement
from conformance.target.party import Party
from conformance.target.stage import (
    Victim,
    browser_of,
    change_state,
    fresh_value,
    mutate_of,
    read_state,
)
from conformance.target.wire import origin_of

AWAY = THROTTLED | GATEWAY
"""Answers that say nothing of the request."""
Planted = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What an attack did to the state."""

    said: str
    own: bool
    """The attack's own value stands there."""
    shown: tuple[Exchange, ...] = field(repr=False)


class Mutations(Cast, Expectations):
    """Verbs about what another site causes: a change of state, a login, a logout."""

    @property
    def own_origins(self) -> tuple[str, ...]:
        """The origins of the target: as users see it, and as the kit does."""
        scheme, host, port = origin_of(self.system.base_url)
        public = self.system.description.origin
        return tuple(dict.fromkeys((public, f"{scheme}://{host}:{port}")))

    # -- changes of state

    @contextlib.asynccontextmanager
    async def csrf_victim(self) -> AsyncIterator[Victim]:
        """Somebody to attack; when the last attack of a run is over, the state is put back."""
        stage = self.system.stage
        async with stage.open():
            async with stage.shared() as victim:
                pass
            yield victim

    def need_csrf_token(self, victim: Victim) -> None:
        """The change must carry an anti-forgery value where another site's page can put one too."""
        if not victim.act.has_token:
            self.not_applicable("the described change carries no anti-forgery value: csrf.origin.foreign judges it")

    def need_open_csrf_token(self, victim: Victim) -> None:
        """The same, and the value must stand where another site's page can put one too."""
        self.need_csrf_token(victim)
        if not victim.act.has_open_token:
            self.not_applicable("the anti-forgery value travels in a header, which no page of another site can send")
        if not victim.act.token:
            self.inconclusive("no anti-forgery value was found: does `csrf` take one?")

    async def token_of(self, party: Party) -> tuple[Any, ...]:
        """The anti-forgery value that this party would send, as the only item; none where it is given none."""
        act = await act_of(party, "mutate", mutate_of(self.system), f"{party.label} prepares the change")
        return (act.token,) if act.token else ()

    async def expect_no_effect(self, forgeries: Iterable[Forgery], planted: Planted = ()) -> None:
        """None of these requests changes the state; the first that does is the finding.

        `planted` are cookies that the attacker has put into the victim's browser, by name and value.
        """
        for forgery in forgeries:
            if effect := await self._effect(forgery, planted):
                self.violation(f"{forgery} changes nothing", effect.said, effect.shown)

    async def advise_no_effect(self, forgeries: Iterable[Forgery]) -> None:
        """The same, where an effect is no more than worth knowing."""
        for forgery in forgeries:
            if effect := await self._effect(forgery):
                self.advise(f"{forgery} changes nothing", effect.said, effect.shown)

    async def _effect(self, forgery: Forgery, planted: Planted = ()) -> Effect | None:
        """What a forged request does to the state; None for nothing."""
        stage = self.system.stage
        async with stage.shared() as victim:
            effect = await self._attack(victim, forgery, planted)
        if effect is None or effect.own:
            return effect
        # Another attack may have changed the state, and hidden what this one did: once more, without others.
        async with stage.alone() as victim:
            effect = await self._attack(victim, forgery, planted)
            if effect and not (await victim.party.whoami()).accepted:
                self.inconclusive(
                    f"{forgery} ended the victim's session, so that the state cannot be read", effect.shown
                )
            return effect

    async def attacked(self, victim: Victim, forgery: Forgery) -> Effect | None:
        """The same for a victim of one's own, whose state nobody else changes."""
        return await self._attack(victim, forgery, ())

    async def _attack(self, victim: Victim, forgery: Forgery, planted: Planted) -> Effect | None:
        party, value = victim.party.in_log(self.log), fresh_value()
        browser = browser_of(party)
        for name, text in planted:
            browser.jar.discard(name)
            browser.jar.put(name, text, self.system.base_url)
        exchange = await forge(browser, victim.act, forgery, value=value)
        if exchange.answer is None or exchange.answer.status in AWAY:
            status = exchange.answer.status if exchange.answer else exchange.error
            self.inconclusive(f"whether {forgery} would have an effect is open: {status}", (exchange,))
        after = await read_state(replace(party, lane=browser.lane))
        if after == victim.state:
            return None
        self.system.stage.stale()
        said = f"the state went from {victim.state!r} to {after!r}"
        return Effect(said, value in (after or ""), (exchange, *([last] if (last := self.log.last()) else [])))

    # -- logins and logouts

    async def expect_not_logged_out(self, alice: Party, forgeries: Iterable[Forgery]) -> None:
        """None of these requests ends alice's session, neither at the server nor in her browser."""
        logout = self.system.description.logout
        if logout is None or _is_openid(logout.steps[-1].send or ""):
            self.not_applicable("the logout is OpenID's end_session, which is made for links")
        await self.expect_accepted(alice)
        signed_in = [last] if (last := self.log.last()) else []
        act = await act_of(alice, "logout", logout, f"{alice.label} prepares the logout")
        for forgery in forgeries:
            browser = replace(browser_of(alice), replays=False)
            exchange = await forge(browser, act, forgery)
            judged = await browser.whoami()
            if judged.refused:
                await self.system.control(judged.exchange.sent_at)
                shown = [*signed_in, exchange, judged.exchange]
                self.violation(f"{forgery} logs nobody out", "alice is logged out", shown)
            if not judged.accepted:
                self.inconclusive(f"whether {forgery} logged alice out is {judged}", [exchange, judged.exchange])
            signed_in = [judged.exchange]
        await self.expect_logged_out(alice)
        judged = await alice.whoami()
        if judged.accepted:
            self.inconclusive("the positive control failed: even the genuine logout leaves alice signed in")

    async def expect_no_forged_login(self) -> None:
        """No page of another site logs a browser in as bob, not with an anti-forgery value of its own either."""
        login = self.system.description.login
        if login is None or any(step.send and not step.send.upper().startswith("GET") for step in login.steps[:-1]):
            self.not_applicable("a login is more than one request here")
        bob = await self.own_login("bob")
        act, own = await self._login_act("a victim's browser"), await self._login_act("the attacker")
        wanted = forgeries([FOREIGN], SIMPLE_BODIES)
        if own[1].token and act[1].has_open_token:
            wanted += forgeries(
                [FOREIGN], FORM_BODIES + JSON_BODIES[:1], (own[1].token,), ", with the attacker's token"
            )
        for forgery in wanted:
            browser = replace(browser_of(act[0]), replays=False)
            exchange = await forge(browser, act[1], forgery)
            judged = await browser.whoami()
            if judged.accepted:
                actual = f"the browser is {judged}, the attacker's account"
                self.violation(f"{forgery} logs nobody in", actual, [exchange, judged.exchange])
        await self.expect_accepted(bob)

    async def _login_act(self, label: str) -> tuple[Party, Act]:
        """Somebody on the login's page who is about to log in as bob."""
        visitor = replace(self.stranger(), label=label, owner=self.known("bob"), jar=Jar())
        login = self.system.description.login
        if login is None:
            self.not_applicable("the login is the adapter's")
        return visitor, await act_of(visitor, "login", login, f"{label} opens the login")

    # -- two sessions in one request

    def with_both(self, first: Party, second: Party) -> Party:
        """A client with the session cookies of two users, in this order."""
        label = f"a client with the session cookie of {first.label}, then that of {second.label}"
        client = replace(first.stolen(label), tokens={})
        client.also_cookies = tuple((c.name, second.secret(c)) for c in self.cookies)
        return client

    async def expect_one_mind(self, client: Party, users: Sequence[Party]) -> None:
        """Whoever the target takes this client for, every route takes it for the same."""
        judged = await client.whoami()
        if not judged.accepted and not judged.refused:
            self.inconclusive(f"whom the target takes {client.label} for is {judged}", [judged.exchange])
        known = {user.principal: user for user in users}
        if judged.accepted and judged.name not in known:
            self.violation(f"{client.label} is one of the two, or nobody", str(judged), [judged.exchange])
        for route in self.system.routes:
            exchange = await client.visit(route[0], f"{client.label}: {route[0]}")
            for name in known:
                if name and name != judged.name and self._named(exchange, name):
                    actual = f"the identity route says {judged}, {route[0]} names {name}"
                    self.violation(f"{client.label} is the same on every route", actual, [judged.exchange, exchange])
        if self.system.description.mutate:
            await self._expect_acts_as(client, judged, users)

    @staticmethod
    def _named(exchange: Exchange, name: str) -> bool:
        text = exchange.answer.body.decode("utf-8", "replace") if exchange.answer else ""
        return len(name) > 2 and (f'"{name}"' in text or f">{name}<" in text)

    async def _expect_acts_as(self, client: Party, judged: Judgement, users: Sequence[Party]) -> None:
        """A change by this client reaches nobody but whom the identity route names, whoever's token it carries."""
        stage = self.system.stage
        async with stage.open(), stage.alone() as victim:
            stage.stale()
            before = {user.label: await read_state(user) for user in users}
            if any(text == victim.state for text in list(before.values())[1:]):
                # One state for all users says nothing of who changed it.
                return
            for owner in users:
                act = await act_of(owner, "mutate", mutate_of(self.system), f"{owner.label} prepares the change")
                value = fresh_value()
                exchange = await repeat(client, act, value)
                for user in users:
                    if value not in (await read_state(user) or "") or user.principal == judged.name:
                        continue
                    await self._undo(user, before[user.label])
                    actual = f"the identity route says {judged}, a change reached {user.principal}"
                    self.violation(f"{client.label} is the same on every route", actual, [judged.exchange, exchange])
            for user in users:
                await self._undo(user, before[user.label])

    async def _undo(self, user: Party, text: str | None) -> None:
        with contextlib.suppress(Inconclusive):
            if await read_state(user) != text:
                await change_state(user, text or "")


def _is_openid(send: str) -> bool:
    return bool(re.search(r"end_?session|id_token_hint|post_logout_redirect", send, re.IGNORECASE))
