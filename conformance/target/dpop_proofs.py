"""The kit as a client that proves its key with each request (DPoP, RFC 9449), and as one that fails to."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from conformance.attacks.dpop_proofs import SOUND, ProofKey, Variation, proof
from conformance.target.templates import json_of
from conformance.target.wire import origin_of

if TYPE_CHECKING:
    from conformance.model import Exchange, Request
    from conformance.target.system import System

FIELD = "DPoP"
SCHEME = re.compile(r"\s*dpop\s+(\S+)\s*", re.IGNORECASE)
"""The ``Authorization`` of a request for a protected resource (section 7.1)."""
BEARER = re.compile(r"(?i)^(header:\s*authorization:\s*)bearer\b")
ASKS_FOR_NONCE = "use_dpop_nonce"
Transmit = Callable[[httpx.Request], Awaitable["Exchange"]]


def by_dpop(use: str) -> str:
    """How a bound token travels, where an unbound one travels by the Bearer scheme; anything else stays."""
    return BEARER.sub(r"\1DPoP", use)


@dataclass(frozen=True, slots=True)
class Prover:
    """One key of a client, and how its proofs are written."""

    system: System = field(repr=False)
    key: ProofKey = field(repr=False)
    variation: Variation = SOUND
    nonces: dict[str, str] = field(default_factory=dict, repr=False)
    """What the token endpoint and the resource server gave last (sections 8 and 9), by the kind of place."""

    def writing(self, variation: Variation) -> Prover:
        """The same key, its proofs written otherwise."""
        return replace(self, variation=variation)

    async def send(self, request: httpx.Request, transmit: Transmit) -> Exchange:
        """Send a request with its proof, and once more with the nonce where the server asks for one (section 8)."""
        token, place = token_in(request), self.place_of(str(request.url))
        if token is None and place != "token":
            return await transmit(request)
        exchange = await transmit(self._proven(request, token or "", self.nonces.get(place, "")))
        nonce = nonce_in(exchange)
        if nonce:
            self.nonces[place] = nonce
        if nonce and self.variation.follows and asks_for_nonce(exchange):
            exchange = await transmit(self._proven(request, token or "", nonce))
            self.nonces[place] = nonce_in(exchange) or nonce
        return exchange

    def fresh(self, request: Request, token: str) -> str:
        """A proof for a request like one that was sent, not used so far."""
        nonce = self.nonces.get(self.place_of(request.url), "")
        now, url = self.system.clock.now(), self.public(request.url)
        return proof(self.key, request.method, url, now, token=token, nonce=nonce).signed()

    def _proven(self, request: httpx.Request, token: str, nonce: str) -> httpx.Request:
        now, url = self.system.clock.now(), self.public(str(request.url))
        made = proof(self.key, request.method, url, now, token=token, nonce=nonce)
        fields = [(FIELD.encode(), value.encode("latin-1")) for value in self.variation.write(made)]
        return httpx.Request(
            request.method, request.url, headers=[*request.headers.raw, *fields], content=request.content,
            extensions=request.extensions,
        )  # fmt: skip

    @property
    def _known_by_base(self) -> bool:
        """Whether the server calls itself by the address at which the kit reaches it, whatever users do."""
        server = self.system.authorization
        told = server.announced("token") if server else ""
        return bool(told) and origin_of(told) == origin_of(self.system.base_url)

    def place_of(self, url: str) -> str:
        """``token`` for the token endpoint, ``resource`` for any other address."""
        server = self.system.authorization
        endpoint = server.endpoint("token") if server else None
        return "token" if endpoint and _bare(url) == _bare(endpoint) else "resource"

    def public(self, url: str) -> str:
        """What a request's URL is called by whoever uses the target, without query and fragment (section 4.2)."""
        server, public = self.system.authorization, self.system.description.public_url
        if server and self.place_of(url) == "token":
            return _bare(server.announced("token"))
        if public and origin_of(url) in self.system.wire.origins and not self._known_by_base:
            parts = httpx.URL(url)
            return public.rstrip("/") + parts.raw_path.decode("ascii").partition("?")[0]
        return _bare(url)


def _bare(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def token_in(request: httpx.Request) -> str | None:
    """The bound token that a request presents, or None."""
    found = SCHEME.fullmatch(request.headers.get("authorization", ""))
    return found[1] if found else None


def nonce_in(exchange: Exchange) -> str:
    """The nonce that an answer brings, or an empty string."""
    return (exchange.answer.header("dpop-nonce") or "") if exchange.answer else ""


def asks_for_nonce(exchange: Exchange) -> bool:
    """Whether an answer refuses a proof for want of a nonce: in its body, or in its challenge (sections 8 and 9)."""
    answer = exchange.answer
    if answer is None or answer.status not in (400, 401):
        return False
    document = json_of(answer)
    told = document.get("error") if isinstance(document, dict) else None
    return told == ASKS_FOR_NONCE or any(ASKS_FOR_NONCE in field for field in answer.all("www-authenticate"))
