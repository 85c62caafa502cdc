"""One target during one run: how to reach it, what preflight found out, and the logins that checks share."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import httpx

from conformance.attacks.jwt import Token, parse
from conformance.errors import Inconclusive
from conformance.locks import LastFailure
from conformance.masking import Secrets
from conformance.model import Capability, Exchange, Summary
from conformance.target.adapter import Adapter
from conformance.target.clock import Clock
from conformance.target.cookies import Jar
from conformance.target.description import Description, secrets_of
from conformance.target.doorman import Doorman
from conformance.target.dpop_proofs import by_dpop
from conformance.target.learned import Learned
from conformance.target.limits import stated_life
from conformance.target.listener import Listener
from conformance.target.oracle import Judgement, Oracle, RouteOracle, is_client_error
from conformance.target.party import DEFAULT_USE, Carrier, Party
from conformance.target.sampler import Sampler
from conformance.target.stage import Stage
from conformance.target.tour import Guide
from conformance.target.wire import Log, Wire, origin_of

if TYPE_CHECKING:
    from conformance.attacks.keys import PublicKey
    from conformance.target.authorization import AuthorizationServer

LANES: ContextVar[list[httpx.AsyncBaseTransport] | None] = ContextVar("lanes", default=None)
"""The connections of the check that runs in this context."""
SPARE_LANES = 12
TOGETHER = 0.02
"""Seconds for which a positive control waits for other attacks that are about to end, so that it serves them too."""
FRESH = 3.0
"""Seconds of target time after which a shared login is looked at before it is handed out again."""


class LoginFailedError(Inconclusive):
    """A login with good credentials did not lead to an identity."""

    def __init__(self, reason: str, evidence: tuple[Exchange, ...], guest: str | None = None) -> None:
        super().__init__(reason, evidence, "login")
        self.guest = guest
        """The stranger's name under which the target still knows the client, if it names strangers."""


@dataclass
class System:
    """The shared state of a run; filled in by preflight, then only read, but for the pool of logins."""

    description: Description
    where: str
    """File or name of the description, for messages."""
    digest: str
    name: str
    wire: Wire
    clock: Clock
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    adapter: Adapter | None = None
    authorization: AuthorizationServer | None = None
    """The OAuth authorization server, where the target is one."""
    seed: int = 0
    reached: tuple[str, ...] = ()
    """The options of the command line that say how the target is reached."""
    oracle: Oracle = field(default_factory=Oracle)
    carriers: tuple[Carrier, ...] = ()
    """Each alone authenticates, or all of them together do when `joint`."""
    joint: bool = False
    routes: tuple[tuple[str, RouteOracle], ...] = ()
    """Further protected routes on which insiders and strangers can be told apart."""
    capabilities: frozenset[Capability] = frozenset()
    missing: Mapping[Capability, str] = field(default_factory=dict)
    login_ends_others: bool = False
    """A second login ends the account's first session."""
    login_ends_refresh: bool = False
    """A second login ends the account's first refresh token, though not its session."""
    logout_ends_others: bool = False
    """A logout ends the account's other sessions too."""
    logout_ends_refresh: bool = False
    """A logout ends the account's other refresh tokens too, though not its sessions."""
    logout_says_401: bool = False
    """A logout that worked is answered as a stranger is: nobody is signed in any more."""
    logout_in_vain: bool = False
    """The client that logged out is still signed in."""
    pre_login: str | None = None
    """The visit that gives a stranger a session cookie, if one does."""
    public_keys: tuple[PublicKey, ...] = field(default=(), repr=False)
    """The target's published keys, as described or found."""
    key_document: str = field(default="", repr=False)
    """The key set as the target publishes it."""
    listener: Listener | None = None
    """Where the target is led by forged tokens that name an address; started when first asked for."""
    speaks_bearer: bool = False
    """The Bearer scheme was seen to work, whatever the description says of how a token travels."""
    logins: int = 0
    login_requests: int = 2
    """What one login took at preflight, the look at who it is included."""
    login_seconds: float = 0.0
    """How long that was answered; the slowest one."""
    log: Log = field(default_factory=Log, repr=False)
    """Exchanges that belong to no check: preflight, shared logins, positive controls."""
    stage: Stage = field(init=False, repr=False)
    """Where attacks on the described state take place."""
    doorman: Doorman = field(default_factory=Doorman, init=False, repr=False)
    """Counts failed logins."""
    learned: Learned = field(default_factory=Learned, init=False, repr=False)
    """What checks found out, once for all of them."""

    def __post_init__(self) -> None:
        self._lanes = [self.wire.transport() for _ in range(SPARE_LANES)]
        self._next_lane = itertools.count()
        self._shared: dict[str, Party] = {}
        self._latest: dict[str, Party] = {}
        self._alive_at: dict[str, float] = {}
        self._failures = {name: LastFailure() for name in self.description.accounts}
        """Of shared logins."""
        self._locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in self.description.accounts}
        self._own_lanes: list[httpx.AsyncBaseTransport] = []
        self._controls: dict[str, tuple[list[float], asyncio.Lock]] = {}
        self.sampler = Sampler(self)
        self.guide = Guide(self)
        self.stage = Stage(self)
        self._again = asyncio.Lock()
        self._listening = asyncio.Lock()
        self._another: Party | None = None
        for label, value in secrets_of(self.description):
            self.secrets.learn(value, label)

    # -- facts

    @property
    def base_url(self) -> str:
        """Where requests go, without a trailing slash."""
        return self.description.base_url

    @property
    def use(self) -> Mapping[str, str]:
        """How tokens travel, by name."""
        use = {str(k): v for k, v in self.description.use.items()}
        if self.description.oauth and self.description.oauth.dpop:
            use["access"] = by_dpop(use.get("access", DEFAULT_USE["access"]))
        return use

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every request."""
        return self.description.headers

    @property
    def side_by_side(self) -> bool:
        """Several sessions of an account live at once, and a logout ends its own alone."""
        return not self.why_alone

    @property
    def why_alone(self) -> str:
        """Why checks must run one at a time; empty where they need not."""
        if self.login_ends_others:
            return "a second login ends the account's first session"
        if self.login_ends_refresh:
            return "a second login ends the account's first refresh token"
        if self.logout_ends_refresh:
            return "a logout ends the account's other refresh tokens too"
        return "a logout ends the account's other sessions too" if self.logout_ends_others else ""

    @property
    def carrier(self) -> Carrier:
        """The carrier that checks attack first."""
        return self.carriers[0] if self.carriers else Carrier("token", "access")

    @property
    def accounts(self) -> tuple[str, ...]:
        """The ordinary accounts, in the order of the description; those with a role are left out."""
        return tuple(n for n, a in self.description.accounts.items() if not a.role and n not in ROLES)

    def with_role(self, role: str) -> str | None:
        """The account that has a role, by its `role` or by its own name; None without one."""
        found = (n for n, a in self.description.accounts.items() if a.role == role or n == role)
        return next(found, None)

    def reach(self, url: str) -> str:
        """Where the kit reaches a URL that the target names: what users reach at `public_url` is at `base_url`."""
        absolute, public = urljoin(self.base_url + "/", url), self.description.public_url
        try:
            origin = origin_of(absolute)
            if origin in self.wire.origins or not public or origin != origin_of(public):
                return absolute
            parts = urlsplit(absolute)
        except (ValueError, httpx.InvalidURL):
            # A hostile target may name what is no address.
            return absolute
        return self.base_url + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def words(self, party: Party) -> dict[str, str]:
        """What a step of this party may substitute."""
        account = self.description.accounts.get(party.owner or "")
        return {"origin": self.description.origin, **(account.words() if account else {}), **party.facts}

    def summary(self) -> Summary:
        """The head of a report."""
        return Summary(
            self.name, self.base_url, self.scheme, tuple(sorted(self.capabilities)),
            {str(k): v for k, v in self.missing.items()}, self.clock.kind, self.digest, self.where, self.why_alone,
            self.reached,
        )  # fmt: skip

    @property
    def scheme(self) -> str:
        """``session``, ``token``, ``refresh`` or ``oauth``, by what the credential is."""
        if Capability.AUTHORIZE in self.capabilities:
            return "oauth"
        if Capability.REFRESH in self.capabilities:
            return "refresh"
        return "token" if Capability.TOKEN in self.capabilities or Capability.JWT in self.capabilities else "session"

    # -- connections

    def spare_lane(self, other: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncBaseTransport:
        """A connection that is not `other`, from a small pool: a thief never sits on the victim's."""
        lane = self._lanes[next(self._next_lane) % len(self._lanes)]
        return lane if lane is not other else self._lanes[next(self._next_lane) % len(self._lanes)]

    def own_lane(self) -> httpx.AsyncBaseTransport:
        """A connection for one party alone."""
        lane = self.wire.transport()
        lanes = LANES.get()
        (self._own_lanes if lanes is None else lanes).append(lane)
        return lane

    @contextlib.asynccontextmanager
    async def lanes_of_a_check(self) -> AsyncIterator[None]:
        """Close the connections that are opened inside when it ends: some servers have places for a hundred."""
        lanes: list[httpx.AsyncBaseTransport] = []
        token = LANES.set(lanes)
        try:
            yield
        finally:
            LANES.reset(token)
            for lane in lanes:
                await lane.aclose()

    def _kept_lane(self) -> httpx.AsyncBaseTransport:
        """A connection that outlives the check that happens to ask for it."""
        lane = self.wire.transport()
        self._own_lanes.append(lane)
        return lane

    async def listener_url(self) -> str | None:
        """The address of the kit's own listener, or None where the target cannot reach one.

        A target on this machine reaches loopback; any other needs `listener` in the description.
        """
        declared = self.description.listener
        async with self._listening:
            if self.listener is None and (declared or is_loopback(self.base_url)):
                from conformance.attacks.attacker import documents

                token = next((t for c in self.carriers if (t := parse(self.any_shared().secret(c)))), None)
                kids = [str(token.header.get("kid"))] if token else []
                listener = Listener(await asyncio.to_thread(documents, _signing(token), kids))
                if declared:
                    listener.host, listener.port, listener.url = declared.place()
                await listener.start()
                self.listener = listener
        return self.listener.url if self.listener else None

    async def close(self) -> None:
        """Close every connection."""
        if self.listener:
            await self.listener.stop()
        for lane in (*self._lanes, *self._own_lanes):
            await lane.aclose()

    # -- parties

    def stranger(self, log: Log, label: str = "a stranger") -> Party:
        """Someone without any credential."""
        return Party(self, label, None, self.spare_lane(), log)

    async def login(
        self, account: str, log: Log, *, label: str | None = None, carrying: Jar | None = None,
        lane: httpx.AsyncBaseTransport | None = None,
    ) -> Party:  # fmt: skip
        """Log an account in with a client of its own, perhaps carrying cookies planted before.

        Raises:
            LoginFailedError: afterwards the identity route names nobody.
        """
        own = Log(log.add)
        party = Party(self, label or account, account, lane or self.own_lane(), own, (carrying or Jar()).copy())
        self.logins += 1
        exchange = await party.verb("login", self.description.login, f"{party.label} logs in")
        party.issued_at = self.clock.now()
        party.turned_away = is_client_error(exchange)
        who = await party.whoami()
        if not who.accepted:
            trouble = f"; {self.authorization.trouble}" if self.authorization and self.authorization.trouble else ""
            shown = (exchange, who.exchange)
            raise LoginFailedError(_login_failure(account, exchange, who) + trouble, shown, who.guest)
        party.principal, party.history, party.log = who.name, tuple(own), log
        return party

    async def shared_login(self, account: str) -> Party:
        """A live login that several checks use at once and none ends; renewed when it has died.

        Raises:
            Inconclusive: it cannot be had; whoever waited for the same login meanwhile is told the same.
        """
        asked = time.monotonic()
        async with self._locks[account]:
            with self._failures[account].told_to_who_waited_since(asked):
                party = self._shared.get(account)
                if party and self._may_have_died(party) and not (await party.whoami()).accepted:
                    party = None
                if party is None or self._half_spent(party):
                    party = await self.login(account, self.log, lane=self._kept_lane())
            self.adopt(party)
            return party

    def _may_have_died(self, party: Party) -> bool:
        return self.clock.now() - self._alive_at[party.owner or ""] > FRESH

    def _half_spent(self, party: Party) -> bool:
        """Whether a login is in the second half of its life: it must outlast the check that it is given to."""
        policy = self.description.policy
        lives = [life for life in (policy.absolute, policy.access_lifetime, stated_life(party)) if life]
        return bool(lives) and self.clock.now() - party.issued_at > min(lives) / 2

    def any_shared(self) -> Party:
        """The latest shared login of the first account; it may have died, and says what a login gives."""
        return self._latest[self.accounts[0]]

    def latest(self, account: str) -> Party | None:
        """The latest shared login of an account, dead or alive."""
        return self._latest.get(account)

    async def another_login(self) -> Party:
        """A second login of the first account, made once; its credential is for comparing, and may have died."""
        async with self._again:
            if self._another is None:
                self._another = await self.login(self.accounts[0], self.log, lane=self._kept_lane())
            return self._another

    def took_logout(self, exchange: Exchange) -> bool:
        """Whether an answer to a logout says that it was done: no error, or the 401 that was seen to end a session."""
        status = exchange.answer.status if exchange.answer else 0
        return 0 < status < 400 or (status == 401 and self.logout_says_401)

    def doubt_shared(self) -> None:
        """Look at every shared login before it is handed out again: somebody may have ended it."""
        self._alive_at = dict.fromkeys(self._alive_at, float("-inf"))

    def doubt_after(self, verb: str, account: str | None) -> None:
        """The same for one account, after a verb that ends other sessions than the one that performs it."""
        ends = {"login": self.login_ends_others or self.login_ends_refresh, "logout": self.logout_ends_others}
        if ends.get(verb) and account in self._alive_at:
            self._alive_at[account] = float("-inf")

    def adopt(self, party: Party) -> None:
        """Make a live login the shared one of its account."""
        if party.owner:
            self._shared[party.owner] = self._latest[party.owner] = party
            self._alive_at[party.owner] = self.clock.now()

    async def control(self, since: float, base: Party | None = None) -> None:
        """Prove that the target accepts a genuine credential, sent the same way, with a request sent after `since`.

        `base` is the credential that the attack was made from, by default the shared login of the first account.
        `since` is in seconds since the epoch on the kit's clock. Attacks that end at about the same time share one
        control.

        Raises:
            Inconclusive: the base is no longer accepted, or without one not even a fresh login is.
        """
        key = base.secret() if base else ""
        proven, lock = self._controls.setdefault(key, ([0.0], asyncio.Lock()))
        async with lock:
            if proven[0] < since:
                await asyncio.sleep(TOGETHER)
                judged = await (self._still_accepted(base) if base else self._prove_alive(self.accounts[0]))
                proven[0] = judged.exchange.sent_at

    async def _still_accepted(self, base: Party) -> Judgement:
        judged = await base.in_log(self.log).whoami()
        if not judged.accepted:
            reason = f"the positive control failed: the genuine credential, sent after the altered one, is {judged}"
            raise Inconclusive(reason + self._of_age(base), (judged.exchange,))
        return judged

    def _of_age(self, base: Party) -> str:
        """That a credential lives too short for what goes on at once, where its own expiry has passed."""
        life = stated_life(base)
        if not life or self.clock.now() < base.issued_at + life:
            return ""
        return f"; it has expired: {life:g} s are short beside so many checks, try a longer life or --concurrency 1"

    async def _prove_alive(self, account: str) -> Judgement:
        judged = await (await self.shared_login(account)).whoami()
        if not judged.accepted:
            # The shared session may have died of age or of a check's act; a fresh login settles it.
            self._shared.pop(account, None)
            judged = await (await self.shared_login(account)).whoami()
        if not judged.accepted:
            reason = f"the positive control failed: a genuine login of {account} is {judged}"
            raise Inconclusive(reason, (judged.exchange,))
        return judged

    def rng(self, *words: str) -> random.Random:
        """Random numbers that depend on the run's seed and these words alone."""
        return random.Random("/".join((str(self.seed), *words)))  # noqa: S311 - reproducible on purpose


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    return httpx.URL(url).host in ("localhost", "::1") or httpx.URL(url).host.startswith("127.")


def _signing(token: Token | None) -> str:
    """The algorithm of the attacker's own key: the target's, where it is an asymmetric one."""
    return token.alg if token and token.alg[:2] in ("RS", "PS", "ES") else "RS256"


ROLES = ("throttle", "admin", "many-roles", "change-password")
"""Names of accounts that stand for a role instead of an ordinary user."""


def _login_failure(account: str, exchange: Exchange, who: Judgement) -> str:
    status = exchange.answer.status if exchange.answer else exchange.error
    return f"login of {account} answered {status}, and afterwards the identity route says: {who}"
