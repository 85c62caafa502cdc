"""Lives played against a target: each act is performed, and after each the dead are asked whether they are.

Probing what is dead after every step finds what nobody would ask about. What lives is only used when an act says so,
since every use begins its idle time anew.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from conformance.attacks.lives import Act, Life
from conformance.attacks.planted import invented_ids
from conformance.errors import NotApplicable, Stop
from conformance.explore import together
from conformance.lifecycle.grading import TWINS
from conformance.lifecycle.hygiene import Hygiene
from conformance.lifecycle.model import DEAD, KINDS, LIVE, Dead, Family, User
from conformance.model import Capability, Exchange
from conformance.target.cookies import Jar
from conformance.target.limits import remaining_life
from conformance.target.oracle import THROTTLED, Judgement, is_client_error, unclear_reason
from conformance.target.party import Party
from conformance.target.verbs import NoFormError, NotLetOnError, StepFailedError
from conformance.target.wire import Log

if TYPE_CHECKING:
    from conformance.target.facade import Target
    from conformance.target.oauth_messages import Client

NEWEST, SAMPLE = 3, 1
"""Dead credentials that are asked after each step: the newest, and others in turn."""
MOST_ALIVE = 2
"""Sessions of a user at once, unless more are declared: a target may have a limit that it does not tell."""
SHORTLY = 30.0
"""Seconds before the end of a token in which it is used no more: a life takes time."""
LONG_LIFE = 20.0
"""Seconds after which a life comes to its end, whatever else would have happened in it."""


class World:
    """Two users, their sessions, and a thief."""

    def __init__(self, target: Target) -> None:
        self.target, self.system = target, target.system
        self.users: list[User] = []
        self.families: list[Family] = []
        self.dead: list[Dead] = []
        self.story: list[str] = []
        self.quiet: set[int] = set()
        """Exchanges that showed nothing: left out of the evidence."""
        self.seen: dict[str, User] = {}
        """Every credential value that was issued, and to whom."""
        self.asked = 0
        self.crowd: list[User] = []
        """Whose sessions lived when most of them did."""
        self.hygiene = Hygiene(self)
        self.of: tuple[str, ...] = ()
        """Checks that ask the same as the act that goes on."""
        self.contradicted = False
        """The target contradicts the model, and that was told."""
        self.public: Client | None = None
        """A client of which rotation is demanded, where that of ordinary logins is another kind."""

    # -- who there is

    @property
    def alive(self) -> list[Family]:
        """The sessions that nothing has ended."""
        return [family for family in self.families if family.alive]

    def room(self, user: User) -> bool:
        """Whether another session of this user can live beside those that do."""
        limit = self.target.policy.max_sessions or MOST_ALIVE
        living = sum(family.user is user for family in self.alive)
        system = self.system
        # Whether a logout of one token may end the others is judged.
        alone = system.login_ends_others or system.login_ends_refresh or system.logout_ends_refresh
        return living < (1 if alone or (system.logout_ends_others and not self.target.has(Capability.TOKEN)) else limit)

    async def living(self, act: Act) -> Family:
        """The session that an act is of; where nobody has one, somebody logs in."""
        while self.alive:
            family = self.alive[act.who % len(self.alive)]
            if not family.doubtful or await self.resolved(family):
                return family
        await self.log_in(self.users[act.who % len(self.users)])
        return self.alive[-1]

    async def surely_living(self, act: Act) -> Family:
        """The same for an act that needs to be signed in: whether it can be done says whether the session lives."""
        while True:
            family = await self.living(act)
            await self.must_be_accepted(family, silently=True)
            if family.alive:
                return family

    async def resolved(self, family: Family) -> bool:
        """Whether a doubtful session still lives: what is seen settles it."""
        judged = await family.owner.whoami()
        if judged.accepted:
            self.must_be_named(judged, family.user, str(family))
            family.doubtful = False
            if (left := self.left_of(family)) is not None and left < SHORTLY:
                # Nothing more is claimed of it, nor of how many sessions its user has.
                family.ended, family.user.crowded = "its token is about to expire", True
        elif judged.refused:
            # What ended it is not known, so nothing more is claimed of what descends from it.
            family.ended = "it was found ended"
        else:
            self.unclear(f"whether {family} is still signed in is open", judged.exchange)
        return family.alive

    def left_of(self, family: Family) -> float | None:
        """Seconds for which what this session shows goes on without a refresh; None where nothing says so."""
        life = remaining_life(family.owner) if self.target.has(Capability.TOKEN) else None
        return None if life is None else family.owner.issued_at + life - self.target.clock.now()

    async def let_pass(self, seconds: float) -> None:
        """Time passes, and which sessions it ends is not known."""
        await self.target.clock.until(self.target.clock.now() + seconds)
        self.doubt_all()

    def doubt_all(self) -> None:
        """Of no session that lives it is known any more that it does."""
        for family in self.alive:
            family.doubtful = True

    def others(self, family: Family) -> list[Family]:
        """The living sessions of the same user."""
        return [other for other in self.alive if other.user is family.user and other is not family]

    # -- what is claimed

    def tell(self, line: str) -> None:
        """Add to the story."""
        self.story.append(line)

    def violated(
        self, expected: str, actual: object, *, proven: bool = False, of: tuple[str, ...] | None = None
    ) -> NoReturn:  # fmt: skip
        """The target contradicts the model: told as a story, shown without what led nowhere.

        An acceptance proves itself; a refusal may be the mood of the moment.
        """
        self.contradicted = True
        proven = proven or (isinstance(actual, Judgement) and actual.accepted)
        told = "; ".join(f"{at}. {line}" for at, line in enumerate(self.story, 1))
        shown = [exchange for exchange in self.target.log if id(exchange) not in self.quiet]
        self.target.violation(
            f"{expected}, after: {told}", str(actual), shown, proven=proven, of=self.of if of is None else of
        )

    def unclear(self, what: str, exchange: Exchange | None) -> NoReturn:
        """Nothing may be concluded from here on."""
        why = unclear_reason(exchange) if exchange else None
        status = exchange.answer.status if exchange and exchange.answer else "no answer"
        self.target.inconclusive(f"{what}: {why or status}; so far: {'; '.join(self.story)}")

    async def must_be_refused(self, dead: Dead) -> None:
        """Invariant I2: death is absorbing."""
        judged = await dead.holder.whoami()
        if judged.accepted:
            self.tell(f"{dead.holder.label} asks who it is")
            self.violated(f"{dead.holder.label} is refused ({dead.reason})", judged, of=dead.of)
        self.hygiene.refused(dead, judged)
        self.quiet.add(id(judged.exchange))

    async def must_not_renew(self, dead: Dead) -> None:
        """Invariant I5: what ended is not renewed."""
        renewal = await self.target.present(dead.holder)
        if opened := await self.target.works(renewal):
            self.tell(f"{dead.holder.label} presents its refresh token")
            self.violated(f"{dead.holder.label} gets nothing ({dead.reason})", opened, proven=True, of=dead.of)
        self.quiet.add(id(renewal.exchange))

    async def probe_the_dead(self) -> None:
        """Ask the newest of the dead, and one or two of the others."""
        newest, older = self.dead[-NEWEST:], self.dead[:-NEWEST]
        sample = [older[(self.asked + at) % len(older)] for at in range(min(SAMPLE, len(older)))]
        self.asked += 1
        if self.system.description.replicas:
            newest = [replace(dead, holder=replace(dead.holder, home=home)) for dead in newest for home in self.homes]
        await together(self.must_be_refused(dead) for dead in (*newest, *sample))

    @property
    def homes(self) -> tuple[str, ...]:
        """The base URLs, the described one first."""
        return ("", *self.system.description.replicas)

    async def must_be_accepted(self, family: Family, *, silently: bool = False) -> None:
        """Invariants I3 and I4: what lives is accepted, as its own user; `silently` leaves out what is as it should."""
        if family.doubtful:
            await self.resolved(family)
            return
        judged = await family.owner.whoami()
        if not (silently and judged.accepted):
            self.tell(f"{family} asks who it is")
        if judged.accepted:
            if silently:
                self.quiet.add(id(judged.exchange))
            self.must_be_named(judged, family.user, str(family))
            return
        if not judged.refused:
            self.unclear(f"whether {family} is still signed in is open", judged.exchange)
        await self.system.control(judged.exchange.sent_at)
        if self.system.login_ends_others:
            # Some keep a few sessions for all users of one address, as ZNC does: which one goes is theirs to say.
            known = "the target is known to end sessions as others begin"
            self.unclear(f"{family} is signed out, and {known}", judged.exchange)
        if await self._logins_alone_end(family):
            self.unclear(f"{family} is signed out, and as many logins alone do the same", judged.exchange)
        self.violated(f"{family} is still signed in", judged)

    async def _logins_alone_end(self, family: Family) -> bool:
        """Whether as many logins as lived at once, and nothing else, end the first: a limit that nobody told."""
        shown = {id(exchange) for exchange in self.target.log}
        users = sorted(self.crowd, key=lambda user: user is not family.user)
        try:
            parties = [(await self.enter(user, Jar()))[0] for user in users]
            return (await parties[0].whoami()).refused
        except Stop:
            return False
        finally:
            self.quiet |= {id(exchange) for exchange in self.target.log} - shown

    def must_be_named(self, judged: Judgement, user: User, who: str) -> None:
        """Invariant I4: a credential names its own user, for ever."""
        if judged.name and user.principal and judged.name not in (user.principal, *user.names):
            self.violated(f"{who} is {user.principal}", judged)

    def end(self, family: Family, reason: str, *, copy: Party | None = None) -> None:
        """From now on nothing of this login may work."""
        last = copy or family.owner.stolen(f"mallory with a copy of {family}'s session")
        family.ended = reason
        renews = self.target.has(Capability.REFRESH)
        self.dead += [Dead(holder, reason, renews) for holder in (*family.stolen, last)]

    # -- logging in

    async def settle(self) -> None:
        """Two users, logged in."""
        await self._find_public()
        names = ("alice", "bob")[: 2 if self.target.has(Capability.SECOND_ACCOUNT) else 1]
        for at, name in enumerate(names):
            if self.target.has(Capability.REGISTER):
                newcomer = await self.target.newcomer()
                self.users.append(User(name, None, newcomer.facts, newcomer.principal))
                self.tell(f"{name} logs in")
                await self.admitted(self.users[at], replace(newcomer, label=name))
            else:
                self.users.append(User(name, self.target.known(name)))
                await self.log_in(self.users[at])

    async def _find_public(self) -> None:
        """See once in a run whether a public client is described, and given refresh tokens that must rotate."""
        learned = self.system.learned
        if not learned.public_sought and self.target.has(Capability.REFRESH) and self.target.has(Capability.AUTHORIZE):
            learned.public_sought = True
            with contextlib.suppress(Stop):
                learned.public_client = (await self.target.public_login("alice")).client
        self.public = learned.public_client

    async def enter(
        self, user: User, jar: Jar, password: str = "", client: Client | None = None
    ) -> tuple[Party, Exchange | None, bool]:
        """Try to log in with a client that carries these cookies; last comes whether a login could be sent at all."""
        log = Log(self.target.log.add)
        party = Party(self.system, user.name, user.account, self.system.own_lane(), log, jar.copy(), facts=user.facts)
        party.client = client
        self.system.logins += 1
        words = {"password": password} if password else {}
        exchange: Exchange | None = None
        sent = True
        try:
            exchange = await party.verb("login", self.system.description.login, f"{user.name} logs in", **words)
        except StepFailedError as stop:
            exchange = stop.evidence[-1] if stop.evidence else None
            sent = not isinstance(stop, NoFormError) or isinstance(stop, NotLetOnError)
        party.issued_at, party.history = self.target.clock.now(), tuple(log)
        if exchange is not None and exchange.answer is not None and exchange.answer.status in THROTTLED:
            self.unclear("the target throttles logins", exchange)
        return replace(party, log=self.target.log), exchange, sent

    async def log_in(
        self, user: User, jar: Jar | None = None, carrying: str = "", client: Client | None = None
    ) -> Family | None:
        """A login; None where the target refuses one that carries strange cookies."""
        # Where rotation is demanded of some clients alone, every other login is for one of these.
        client = client or (self.public if len(self.families) % 2 else None)
        party, exchange, sent = await self.enter(user, jar or Jar(), client=client)
        where = f" for {client}" if client else ""
        self.tell(f"{user.name} logs in{where}" + (f", carrying {carrying}" if carrying else ""))
        judged = await party.whoami()
        if not judged.accepted:
            if carrying and judged.refused:
                return None
            self.unclear(f"a genuine login of {user.name} is {judged}", exchange)
        if carrying and (not sent or (is_client_error(exchange) and judged.name != user.principal)):
            # Whoever is signed in is shown no form, or turned away: the session stays whose it was.
            return None
        user.principal = user.principal or judged.name
        others = {name for other in self.users if other is not user for name in (other.principal, *other.names)}
        user.names |= {judged.name or ""} - {"", *others}
        self.must_be_named(judged, user, f"{user.name} after the login")
        return await self.admitted(user, party)

    async def admitted(self, user: User, party: Party) -> Family:
        """Set a new session down; its credentials must be nobody else's (I1)."""
        number = 1 + sum(family.user is user for family in self.families)
        family = Family(user, replace(party, principal=user.principal), number)
        for carrier in self.target.cookies:
            value = party.secret(carrier)
            # Whether a user's own values repeat, `session.id.unique` judges: a signed one may, within its second.
            if value and (first := self.seen.setdefault(value, user)) is not user:
                expected = f"the login gives {user.name} a value for {carrier} that nobody had before"
                self.violated(expected, f"the value that {first.name} had")
        untold = user.crowded and self.target.policy.max_sessions is None
        if self.system.login_ends_others or untold:
            for other in self.alive:
                other.doubtful = other.doubtful or other.user is user
        for other in self.alive:
            if other.user is user and other.owner.secret() == family.owner.secret():
                # A login may be given what another one has, such as the account's one token: they end together.
                other.ended = "another login goes on with its session"
        self.families.append(family)
        self.crowd = max(self.crowd, [one.user for one in self.alive], key=len)
        return family

    # -- a life

    async def play(self, life: Life) -> None:
        """Perform every act; at the end, whatever should live is used."""
        from conformance.lifecycle.acts import Acts

        await self.settle()
        acts = Acts(self)
        try:
            began = time.monotonic()
            for act in life.acts:
                if time.monotonic() - began > LONG_LIFE:
                    break
                self.of = TWINS.get(act.name, ())
                await acts.perform(act)
                await self.probe_the_dead()
                self.over()
                await self.hygiene.look()
            await together(self.must_be_accepted(family) for family in self.alive)
            for at in range(0, len(self.dead), NEWEST):
                await together(self.must_be_refused(dead) for dead in self.dead[at : at + NEWEST])
            for dead in [dead for dead in self.dead if dead.renews][-NEWEST:]:
                with contextlib.suppress(NotApplicable):
                    await self.must_not_renew(dead)
        finally:
            with contextlib.suppress(Stop):
                await acts.restore()
        await self.leave()

    def over(self) -> None:
        """An act is over: what it ended stays graded as it is."""
        for dead in self.dead:
            dead.of = self.of if dead.of is None else dead.of
        self.of = ()

    async def leave(self) -> None:
        """Give the target its places back: what still lives is logged out."""
        for family in self.alive:
            if self.target.has(Capability.LOGOUT):
                with contextlib.suppress(StepFailedError):
                    await family.owner.logout()

    async def planted(self, which: int, user: User) -> tuple[Jar, str, Family | None]:
        """Cookies that a client may carry into a login: a visitor's, made-up ones, dead ones, somebody's live ones."""
        which, kind = divmod(which, KINDS)
        if not self.target.cookies or kind == 0:
            return Jar(), "", None
        if kind == 1 and self.system.pre_login:
            visitor = await self.target.visitor()
            holder = visitor.stolen("mallory with the visitor's session that was planted")
            self.dead.append(Dead(holder, "it is from before the login"))
            return visitor.jar, "a visitor's session", None
        if kind == 2 and self.alive:
            genuine = self.alive[0].owner.secret(self.target.cookie)
            made = next(iter(invented_ids(genuine, self.target.rng)))
            holder = self.target.stranger().holding(made, self.target.cookie, "mallory with the made-up session")
            self.dead.append(Dead(holder, "it was made up"))
            return holder.jar, "a made-up session", None
        held = [dead.holder for dead in self.dead if dead.holder.secret(self.target.cookie)]
        if kind == DEAD and held:
            return held[-1 - which % len(held)].jar, "what is dead", None
        if kind >= LIVE and self.alive:
            # Another user's session and the user's own by turns, where both are there.
            wanted = [family for family in self.alive if (family.user is user) is bool(which % 2)] or self.alive
            family = wanted[which // 2 % len(wanted)]
            return family.owner.jar, f"{family}'s session", family
        return Jar(), "", None


async def lead(target: Target, life: Life) -> None:
    """Play a life; what every answer owes is told last, where nothing contradicts the model."""
    world = World(target)
    await world.hygiene.begin()
    try:
        await world.play(life)
    except Stop:
        world.hygiene.tell()
        raise
    await world.hygiene.look()
    world.hygiene.tell()
