"""What a target makes of tokens with odd content: whom it takes the bearer for, whom it lets in, how long it thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from conformance.attacks import jwe, jwt
from conformance.attacks.jwt import parse
from conformance.attacks.latency import SHELL, dear
from conformance.errors import Inconclusive
from conformance.target.oracle import THROTTLED, face, server_error
from conformance.target.party import Party
from conformance.target.tokens import TokenAttacks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from conformance.model import Exchange
    from conformance.target.oracle import Face, Judgement
    from conformance.target.party import Carrier

T = TypeVar("T")


class Minting(TokenAttacks):
    """Tokens that are genuine but for one thing."""

    async def need_algorithm_read(self) -> None:
        """Whether the target reads ``alg`` at all.

        Raises:
            NotApplicable: it verifies with one algorithm whatever the token says, so that no spelling matters.
        """
        from conformance.attacks.families.headers import unknown_algorithm

        alice = await self.shared_login("alice")
        carrier, genuine = self.jwt(alice)
        forgery = unknown_algorithm(await self._material(genuine, carrier))
        if forgery and (await self._holding(alice, forgery, carrier).whoami()).accepted:
            self.not_applicable("the target verifies with one algorithm, whatever alg says")

    async def expect_subject_only_a_name(self) -> None:
        """No subject of this check's family makes its bearer anybody but the one of exactly that name.

        Who is taken for the very text that the subject is, is no account: `token.sub.invalid` judges that, and whoever
        names the owner under a subject that is nobody's.

        Raises:
            NotApplicable: the target goes by another claim.
        """
        from conformance.attacks.families.contents import nobody

        alice = await self.shared_login("alice")
        carrier, genuine = self.jwt(alice)
        unread = nobody(await self._material(genuine, carrier))
        judged = await self._holding(alice, unread, carrier).whoami() if unread else None
        if judged and judged.accepted and judged.name == alice.principal:
            self.not_applicable("the target names the owner whatever sub says: token.sub.invalid judges that")
        echoed = []
        for forgery, party in await self._forgeries(self.check.id):
            judged = await party.whoami()
            token = parse(forgery.wire.decode("latin-1"))
            sent = str(token.claims.get("sub")) if token else ""
            # A name is read without the space around it.
            if judged.accepted and judged.name is not None and sent.strip() not in judged.name:
                self.violation(f"{party.label} is nobody", str(judged), (*party.history, judged.exchange))
            if judged.accepted:
                echoed.append(party)
                continue
            await self._handled(party, judged)
        if echoed:
            self.note = "the target names a subject as it stands, account or not"

    async def expect_claims_sets_alone(self) -> None:
        """What is no claims set is refused, breaks nothing, and lets nobody in without a name.

        An answer without a name that looks as the owner's does, and neither as a stranger's nor as that to a token
        which is well signed and long expired, is a way in.
        """
        parties = await self.forged(self.check.id)
        try:
            await self.expect_all_handled(parties)
        except Inconclusive:
            expired = (await self.forged("token.exp.boundary"))[0]
            refused, owner = await expired.whoami(), await (expired.base or expired).whoami()
            for party in parties:
                judged = await party.whoami()
                if self._let_in(judged, owner) and refused.refused and _face(refused) != _face(judged):
                    why = f"{judged.why}, and unlike an expired token, which gets {refused.why}"
                    self.violation(f"{party.label} is refused", f"let in without a name: {why}", (judged.exchange,))
            raise

    COMMANDS = SHELL

    async def password_tokens(self, count: int) -> tuple[Party, Party]:
        """Two strangers with a token for a password: one of few iterations, one of many."""
        cheap, costly = (jwe.for_password(number, {}) for number in (1000, count))
        return await self._pair(cheap, costly, f"a token of {count} iterations")

    async def sleeping_kids(self, command: str) -> tuple[Party, Party]:
        """Two strangers with a kid that is a command: to sleep for no time, and for a second."""
        alice = await self.system.shared_login(self.known("alice"))
        _, genuine = self.jwt(alice)
        cheap, costly = (
            jwt.compact(
                jwt.edit(genuine.header_raw, {"kid": command.format(seconds)}), genuine.payload_raw, genuine.signature
            )
            for seconds in (0, 1)
        )
        return await self._pair(cheap, costly, f"a kid that is {command.format(1)}")

    async def expect_no_slower(
        self, pair_of: Callable[[T], Awaitable[tuple[Party, Party]]], kinds: Iterable[T], what: str
    ) -> None:
        """Of each kind the costly twin is refused as fast as the cheap one, and neither makes anybody its bearer.

        A difference counts when it stands above a floor four times in a row, both in turn.
        """
        for kind in kinds:
            cheap, costly = await pair_of(kind)
            quick: list[float] = []
            slow: list[float] = []
            shown: list[Exchange] = []
            while len(slow) < 4 and (not slow or dear(quick, slow)):
                for party, seconds in ((cheap, quick), (costly, slow)):
                    judged = await party.whoami()
                    seconds.append(judged.exchange.seconds)
                    shown.append(judged.exchange)
                    if judged.accepted:
                        self.violation(f"{party.label} is refused", str(judged), (*party.history, judged.exchange))
            if dear(quick, slow):
                took = f"{min(slow):.1f} s or more, four times; {max(quick):.1f} s at the most without"
                self.violation(f"{costly.label} is refused as fast as any", took, shown)
            await self.system.control(max(exchange.sent_at for exchange in shown), cheap.base)
        self.note = f"{what} is answered as fast as one that is not"

    async def log_in_with(self, token: str, carrier: Carrier) -> None:
        """Alice logs in with a client that already holds some token; a target may refuse that, and adopts nothing then.

        Raises:
            Inconclusive: the login broke.
        """
        # A browser of its own: whoever is signed in may be turned away, or lose the session that others use.
        label, lane = "alice, whose client holds an invented token", self.system.own_lane()
        client = Party(self.system, label, self.known("alice"), lane, self.log)
        client.take_up(token, carrier)
        try:
            exchange = await client.attempt_login(self.account("alice").password)
        except Inconclusive as stop:
            if not stop.evidence:
                raise
            exchange = stop.evidence[-1]
        status = exchange.answer.status if exchange.answer else 0
        if status in THROTTLED or not 0 < status < 500:
            self.inconclusive(f"a login that carries a token got {status or exchange.error}")
        if status >= 400:
            self.note = f"a login that carries an invented token is refused with {status}"

    async def _pair(self, cheap: str, costly: str, label: str) -> tuple[Party, Party]:
        alice = await self.shared_login("alice")
        carrier, _ = self.jwt(alice)
        return alice.holding(cheap.encode(), carrier, f"the cheap twin of {label}"), alice.holding(
            costly.encode(), carrier, f"an attacker with {label}"
        )

    async def _handled(self, party: Party, judged: Judgement) -> None:
        """A refusal, and no crash: twice the same 5xx is a violation."""
        broken = [judged.exchange]
        if server_error(broken):
            broken.append((await party.whoami()).exchange)
        await self.system.control(max(exchange.sent_at for exchange in broken), party.base)
        if server_error(broken):
            self.violation(f"{party.label} is refused", f"{judged.why}, twice", (*party.history, *broken))
        self._demand_refusal(party, judged, (judged.exchange,))

    @staticmethod
    def _let_in(judged: Judgement, owner: Judgement) -> bool:
        status = judged.exchange.answer.status if judged.exchange.answer else 0
        return not judged.accepted and not judged.refused and 200 <= status < 300 and _face(judged) == _face(owner)


def _face(judged: Judgement) -> Face | None:
    exchange = judged.exchange
    return face(exchange.answer, exchange.request.url) if exchange.answer else None
