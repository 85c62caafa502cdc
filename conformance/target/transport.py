"""What stands between browser and target: caches, methods that echo, headers that browsers obey."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from conformance.model import Exchange
from conformance.target.hijack import Hijacking
from conformance.target.party import Party

YEAR = 31_536_000
"""Seconds (ASVS-v5.0.0-3.4.1)."""
DECEIVING = (
    "/pickproof-{n}.css",
    "/pickproof-{n}.js",
    ";pickproof-{n}.css",
    "%2Fpickproof-{n}.css",
    "/..%2Fpickproof-{n}.css",
)
"""What makes a cache take a user's own page for a file of the site."""


def never_kept(exchange: Exchange) -> bool:
    """Whether an answer says that no cache may keep it."""
    said = ",".join(exchange.answer.all("cache-control")) if exchange.answer else ""
    return "no-store" in said.lower()


class Transport(Hijacking):
    """Verbs about what stands in between."""

    def expect_transport_security(self, exchanges: Iterable[Exchange]) -> None:
        """Every answer says for a year or longer that only https is used; one over http may get it from a proxy."""
        seen, narrow = 0, None
        for exchange in exchanges:
            said = exchange.answer.header("strict-transport-security") if exchange.answer else None
            if said is None and exchange.request.url.startswith("https") and exchange.answer:
                self.violation("every answer has Strict-Transport-Security", "this one has none", [exchange])
            if said is None:
                continue
            seen += 1
            age = re.search(r'max-age\s*=\s*"?(\d{1,12})', said, re.IGNORECASE)
            if age is None or int(age[1]) < YEAR:
                self.violation(
                    "https is kept to for a year or longer", f"Strict-Transport-Security: {said}", [exchange]
                )
            if narrow is None and "includesubdomains" not in said.lower():
                narrow = (f"Strict-Transport-Security: {said}", [exchange])
        if narrow:
            self.advise("https is kept to on all subdomains", *narrow)
        if not seen:
            self.not_applicable("the kit reaches the target over http: whoever ends TLS may add the header")

    async def expect_no_trace_echo(self, alice: Party) -> None:
        """TRACE and TRACK do not show a request to whoever sent it."""
        mark = f"pickproof-{secrets.token_hex(6)}"
        path = self.identity_route.split(" ", 1)[1]
        for method in ("TRACE", "TRACK"):
            purpose = f"alice's browser sends {method}"
            exchange = await alice.stolen("alice").send(method, path, purpose=purpose, headers={"X-Pickproof": mark})
            body = exchange.answer.body if exchange.answer else b""
            if mark.encode() in body:
                cookie = ", Cookie included" if alice.secret(self.cookie).encode() in body else ", without the Cookie"
                self.violation(f"{method} is refused", f"the answer holds the request{cookie}", [exchange])
        await self.expect_accepted(alice)

    async def expect_own_copies(self, alice: Party, others: Iterable[Party]) -> None:
        """What alice's answer is marked with revalidates it for nobody else."""
        seen = await self.on_route(alice, self.identity_route)
        marks = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
        held = {ask: seen.answer.header(mark) for mark, ask in marks.items()} if seen.answer else {}
        asks = {ask: text for ask, text in held.items() if text}
        if not asks:
            self.not_applicable("the identity's answer has neither ETag nor Last-Modified")
        if never_kept(seen):
            self.not_applicable("the identity's answer says no-store: there is no copy to confirm")
        for other in others:
            exchange = await other.visit(self.identity_route, f"{other.label} asks whether alice's copy holds", **asks)
            if exchange.answer and exchange.answer.status == 304:
                self.violation(f"{other.label} is not told that alice's copy holds", "304", [seen, exchange])

    async def expect_not_kept_for_others(self, alice: Party) -> None:
        """Alice's page under a name that looks like a file's is given to no stranger who asks for the same."""
        path = self.identity_route.split(" ", 1)[1]
        for ending in DECEIVING:
            place = path.partition("?")[0].rstrip("/") + ending.replace("{n}", secrets.token_hex(4))
            own = await alice.send("GET", place, purpose=f"alice follows a link to {place}")
            if not self.names(own, alice.principal or ""):
                continue
            other = await self.stranger().send("GET", place, purpose=f"a stranger asks for {place}")
            if self.names(other, alice.principal or ""):
                self.violation("a stranger does not get what was made for alice", "it names alice", [own, other])
        await self.expect_accepted(alice)
