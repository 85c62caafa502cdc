"""What a target must say of each credential: users, their sessions, and what became of them.

A verdict is three-valued. What ended must be refused for ever (invariant I2), what lives must be accepted (I3) as its
own user (I4), and between lies what nothing that was declared or measured decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.target.party import Party

KINDS, DEAD, LIVE = 6, 3, 4
"""How `World.planted` reads its number: by its remainder, the kind; by the rest, which one."""


@dataclass(eq=False)
class User:
    """Somebody with an account."""

    name: str
    """What the story calls this user."""
    account: str | None
    """The described account; None for one that the kit registered."""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    principal: str | None = None
    """The name that the target gives this user."""
    names: set[str] = field(default_factory=set)
    """The same where each login is given a name of its own."""
    state: str | None = None
    """What the described read shows since the user's own last change; None where that is not known."""
    first_state: str | None = None
    """What it showed before."""
    crowded: bool = False
    """There may be sessions of this user that the model does not know."""


@dataclass(eq=False)
class Family:
    """One login and whatever descends from it."""

    user: User
    owner: Party
    """The client that logged in, with its present credentials."""
    number: int
    stolen: list[Party] = field(default_factory=list)
    """Copies that were made while it lived."""
    spent: list[Party] = field(default_factory=list)
    """Holders of refresh tokens that were replaced since."""
    ended: str = ""
    """What ended it; empty while nothing did."""
    doubtful: bool = False
    """Something happened that may have ended it: neither acceptance nor refusal says anything."""
    renewal_ended: str = ""
    """What ended its refresh tokens, where the access may go on."""

    @property
    def alive(self) -> bool:
        """Nothing ended it, as far as is known."""
        return not self.ended

    def __str__(self) -> str:
        return self.user.name if self.number == 1 else f"{self.user.name} (login {self.number})"


@dataclass(eq=False)
class Dead:
    """A copy of a credential that must be refused from now on."""

    holder: Party
    reason: str
    renews: bool = False
    """It holds a refresh token that must give nothing any more."""
    of: tuple[str, ...] | None = None
    """Checks of what ended it, by which its acceptance is graded; None until the act that ended it is over."""
