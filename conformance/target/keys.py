"""Finding the public keys of a target's tokens: as described, else where such keys are usually published.

Where they are published nowhere, ECDSA signatures still tell theirs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from conformance.attacks.jwt import Token, parse
from conformance.bounded_json import loads
from conformance.target.wire import origin_of

if TYPE_CHECKING:
    from conformance.attacks.keys import PublicKey
    from conformance.target.party import Party
    from conformance.target.system import System

USUAL = ("/.well-known/jwks.json", "/jwks.json", "/jwks", "/oauth/jwks", "/.well-known/jwks")
MORE = (
    *("/api/jwks", "/api/.well-known/jwks.json", "/auth/jwks", "/keys", "/certs"),
    *("/public-key", "/public_key", "/public.pem", "/public-key.pem", "/pubkey", "/api/public-key", "/auth/public-key"),
    *("/token_key", "/oauth/token_key"),
)
"""Looked at last; what is found must verify a token of the target."""
METADATA = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
ASYMMETRIC = ("RS", "PS", "ES", "Ed")


async def find_keys(system: System, token: Token) -> tuple[tuple[PublicKey, ...], str]:
    """The target's public keys, and the document or place that they came from; empty where none are known."""
    from conformance.attacks.keys import parse_keys, verifying_key

    described = system.description.keys
    if described.pem:
        return parse_keys(described.pem), "keys.pem"
    places = [described.jwks] if described.jwks else []
    if not places and token.alg.startswith(ASYMMETRIC):
        places = [*await _announced(system), *USUAL]
    for place in places:
        text = await _fetch(system, place)
        if text and (keys := parse_keys(text)):
            # Of PEM there is no set to judge.
            system.key_document = text if keys[0].text.startswith("{") else ""
            return keys, place
    if described.jwks or not token.alg.startswith(ASYMMETRIC):
        return (), ""
    for place in MORE:
        text = await _fetch(system, place)
        if text and (keys := parse_keys(text)) and verifying_key(token, keys):
            return keys, place
    return await asyncio.to_thread(_worked_out, _tokens(system)), "no address: worked out from signatures"


def _worked_out(tokens: list[Token]) -> tuple[PublicKey, ...]:
    from conformance.attacks.ecdsa_recovery import recovered

    return recovered(tokens)


def _tokens(system: System) -> list[Token]:
    """The signed tokens of the latest logins, the first account's first."""
    parties = [party for account in system.accounts[:2] if (party := system.latest(account))]
    return [token for party in parties if (token := _token_in(system, party))]


async def _announced(system: System) -> list[str]:
    server = system.authorization
    if server and isinstance(server.metadata.get("jwks_uri"), str):
        return [server.reach(server.metadata["jwks_uri"])]
    for place in METADATA:
        try:
            document = loads(await _fetch(system, place) or "null")
        except ValueError:
            continue
        uri = document.get("jwks_uri") if isinstance(document, dict) else None
        if isinstance(uri, str) and uri.startswith("http") and origin_of(uri) in system.wire.origins:
            return [uri]
    return []


async def _fetch(system: System, place: str) -> str | None:
    stranger = system.stranger(system.log, "the kit")
    url = urljoin(system.base_url + "/", place) if place.startswith("http") else place
    exchange = await stranger.send("GET", url, purpose="look for the target's public keys")
    answer = exchange.answer
    return answer.body.decode("utf-8", "replace") if answer and answer.status == 200 else None


def token_of(system: System) -> Token | None:
    """The signed token of the first account's login, if it has one."""
    return _token_in(system, system.any_shared())


def _token_in(system: System, party: Party) -> Token | None:
    return next((token for c in system.carriers if (token := parse(party.secret(c)))), None)
