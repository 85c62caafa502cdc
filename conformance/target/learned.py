"""What checks of one run find out on their way, once for all of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.target.oauth_messages import Client
    from conformance.target.party import Carrier
    from conformance.target.renewal_values import Lender


@dataclass
class Learned:
    """Facts that nobody needs before a check asks; None until then. A lock stands beside what must not race."""

    ends_at_logout: bool | None = None
    """A logout ends the token."""
    ending: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while `ends_at_logout` is found out."""
    track: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one race of a run."""
    refresh_carrier: Carrier | None = None
    """What holds the refresh token."""
    refresh_proven: float = 0.0
    """When the latest proof began that a genuine refresh works, in the kit's seconds."""
    refresh_control: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during such a proof."""
    lender: Lender | None = None
    """The live refresh token that attacks may look at."""
    shown_twice: set[str] = field(default_factory=set)
    """The checks whose contradiction a second life has shown."""
    public_sought: bool = False
    """A public client with refresh tokens was looked for."""
    public_client: Client | None = None
    """That client, if there is one."""
    breaks_by_logout: bool | None = None
    """A session that was logged out, or never was one, is answered by a server error."""
    revocation_reaches_heirs: bool | None = None
    """What a refresh gave ends when the token before it is revoked."""
