"""Rights that an administrator gives and takes, and the sessions that are there already."""

from __future__ import annotations

from conformance.model import Exchange
from conformance.target.oracle import face, unclear_reason
from conformance.target.owning import Owning
from conformance.target.party import Party


class Rights(Owning):
    """Verbs about roles."""

    @property
    def role_route(self) -> str:
        """The route that is for a role alone.

        Raises:
            NotApplicable: it is not described, or not how the role is given and taken.
        """
        route = self.system.description.role_route
        if not route or not {"grant-role", "revoke-role"} <= set(self.system.description.admin):
            self.not_applicable("describe `role_route`, `admin.grant-role` and `admin.revoke-role`")
        return route

    async def expect_rights_to_end(self, user: Party) -> None:
        """A session that was let in by a role is turned away once the role was taken.

        Raises:
            Inconclusive: the role makes no difference at the route.
        """
        outside = await self._at_route(user, "before the role was given")
        await self.administer("grant-role", user)
        holder = await self.second_login(user)
        inside = await self._at_route(holder, "with the role")
        if not _let_in(inside):
            self.inconclusive(f"who has the role is turned away at {self.role_route}: is it right?", (outside, inside))
        if _face(inside) == _face(outside):
            self.not_applicable(f"{self.role_route} answers alike with and without the role: nothing tells them apart")
        await self.administer("revoke-role", user)
        after = await self._at_route(holder, "after the role was taken")
        if _let_in(after) and _face(after) == _face(inside):
            told = f"what was issued with the role is let in at {self.role_route} as before"
            self.violation("who lost a role is turned away at once", told, (inside, after))
        if reason := unclear_reason(after):
            self.inconclusive(f"whether who lost the role is turned away is open: {reason}", (after,))

    async def _at_route(self, party: Party, when: str) -> Exchange:
        return await party.visit(self.role_route, f"{party.label} {when}: {self.role_route}")


def _let_in(exchange: Exchange) -> bool:
    return exchange.answer is not None and 200 <= exchange.answer.status < 300


def _face(exchange: Exchange) -> object:
    return face(exchange.answer, exchange.request.url) if exchange.answer else None
