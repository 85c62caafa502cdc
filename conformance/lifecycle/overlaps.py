"""Acts of a life that overlap: windows (`conformance.target.known_windows`) amid whatever happened before.

A window that cannot be opened on a target, or that decides nothing, is passed over: what it was to end is in doubt.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conformance.attacks.lives import Act
from conformance.errors import Stop, Violation
from conformance.lifecycle.linearizability import Event, Said
from conformance.lifecycle.model import Family

if TYPE_CHECKING:
    from conformance.lifecycle.world import World


class Overlaps:
    """One method for each act that is several at once."""

    world: World

    async def log_out_while_it_is_used(self, act: Act) -> None:
        """A session that others use ends at the logout."""
        family = await self.world.living(act)
        with self._opened(family, f"{family} logs out while copies of the session are used"):
            self._ended(family, await self.world.target.logout_against_uses(family.owner))

    async def log_out_while_it_is_refreshed(self, act: Act) -> None:
        """A logout and a refresh at once: in whatever order they went, nothing is left (I5)."""
        family = await self.world.living(act)
        with self._opened(family, f"{family} logs out while a copy is refreshed"):
            self._ended(family, await self.world.target.logout_against_refresh(family.owner))

    async def refresh_twice_at_once(self, act: Act) -> None:
        """One refresh token, presented by several at once: the family does not fork (I14)."""
        family = await self.world.living(act)
        if self.world.target.must_rotate(family.owner) and not self.world.target.policy.grace_seconds:
            with self._opened(family, f"copies of {family}'s refresh token are presented at once"):
                await self.world.target.refreshes_against_each_other(family.owner)

    async def log_in_together_over_one_visit(self, _: Act) -> None:
        """Two users log in at once over the same visit: each is itself, or nobody (I4, I6)."""
        target, told = self.world.target, "alice and bob log in at once over one visitor's session"
        with self._opened(None, told):
            await target.logins_against_each_other(await target.visitor(), "alice", "bob")
        for family in self.world.alive:
            family.doubtful = True

    async def change_the_password_during_logins(self, act: Act) -> None:
        """A login with the old password that is under way does not outlive the change (I9)."""
        target, family = self.world.target, await self.world.living(act)
        if target.policy.password_change_ends not in ("others", "all") or target.system.login_ends_others:
            return
        with self._opened(family, f"{family} changes the password while others log in with the old one"):
            after = await target.password_against_logins(family.owner)
            family.user.facts = after.facts
        family.owner.issued_at = target.clock.now()
        # The change may have begun a family of its own.
        family.spent.clear()
        family.user.crowded = True
        for other in self.world.alive:
            if other.user is family.user:
                other.doubtful, other.owner.facts = True, family.user.facts

    @contextlib.contextmanager
    def _opened(self, family: Family | None, told: str) -> Iterator[None]:
        self.world.tell(told)
        if family:
            family.doubtful = True
        with contextlib.suppress(Stop):
            try:
                yield
            except Violation as found:
                self.world.violated(found.finding.expected, found.finding.actual, proven=found.proven)

    def _ended(self, family: Family, logout: Event) -> None:
        if logout.said is Said.DONE:
            self.world.end(family, f"{family} logged out")
