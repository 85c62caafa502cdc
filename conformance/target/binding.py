"""Thieves who differ from their victim in what a session may be bound to."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from conformance.target.cast import Cast
from conformance.target.party import Party
from conformance.target.sender import Sender

ANOTHER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0 Pickproof-Thief"
ANOTHER_ADDRESS = "127.0.0.2"
"""On loopback every address of 127.0.0.0/8 is our own, where the system lets it be used."""
LOOPBACK = ("127.0.0.1", "localhost")


class Binding(Cast):
    """Verbs about what a session is bound to."""

    def need_binding(self, to: Literal["user-agent", "address"]) -> None:
        """End the check where no binding of this kind is promised: none is demanded."""
        if to not in self.policy.binding:
            self.not_applicable(f"sessions are not declared to be bound to it: policy.binding lacks {to!r}")

    def with_another_browser(self, party: Party) -> Party:
        """A thief with a party's cookies and another browser."""
        thief = party.stolen(f"a thief with {party.label}'s session in another browser")
        return replace(thief, also_headers=(*party.also_headers, ("User-Agent", ANOTHER_AGENT)))

    def from_another_address(self, party: Party) -> Party:
        """A thief with a party's cookies, whose connections come from another address.

        Raises:
            NotApplicable: the kit has no second address from which it reaches the target.
        """
        thief = party.stolen(f"a thief with {party.label}'s session at {ANOTHER_ADDRESS}")
        own = urlsplit(self.system.base_url).hostname in LOOPBACK
        if not own or not isinstance(thief.lane, Sender) or not _usable(ANOTHER_ADDRESS):
            self.not_applicable("the kit has no second address from which it reaches the target")
        thief.lane.source = ANOTHER_ADDRESS
        return thief


def _usable(address: str) -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True
