"""Probes of what bound tokens and proofs are worth: whether a server misbehaves as a fault's summary says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from reference_impl import Reference
from reference_impl.oauth_clients import SECRETS
from tests.reference_oauth import ORIGIN, URI, VERIFIER, Browser, Probe, logged_in, took

TOKEN = f"{ORIGIN}/token"
NAMES = ("kty", "crv", "x", "y")


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A client's key, and proofs of it that were made without the kit."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.members: dict[str, str] = json.loads(ECAlgorithm.to_jwk(self.private))
        self.jwk = {name: self.members[name] for name in NAMES}
        named = {name: self.jwk[name] for name in sorted(NAMES)}
        self.jkt = b64(hashlib.sha256(json.dumps(named, separators=(",", ":")).encode()).digest())

    def proof(
        self, method: str, url: str, token: str = "", header: dict[str, Any] | None = None, **changes: Any
    ) -> str:  # fmt: skip
        """A proof; a change to None leaves a claim out."""
        told = {"jti": secrets.token_hex(8), "htm": method, "htu": url, "iat": int(time.time())}
        ath = {"ath": b64(hashlib.sha256(token.encode()).digest())} if token else {}
        claims = {name: value for name, value in {**told, **ath, **changes}.items() if value is not None}
        return jwt.encode(claims, self.private, "ES256", headers={"typ": "dpop+jwt", "jwk": self.jwk, **(header or {})})


@dataclass
class Bound:
    """A client that holds a bound token."""

    browser: Browser
    key: Key
    client: str
    answer: httpx.Response = field(repr=False)

    @property
    def access(self) -> str:
        return str(self.answer.json()["access_token"])

    async def opens(
        self, *proofs: str, path: str = "/api/me", scheme: str = "DPoP", token: str = ""
    ) -> httpx.Response:  # fmt: skip
        fields = [("Authorization", f"{scheme} {token or self.access}"), *(("DPoP", proof) for proof in proofs)]
        return await self.browser.bare.get(path, headers=fields)

    def proof(self, path: str = "/api/me", **how: Any) -> str:
        return self.key.proof("GET", ORIGIN + path, self.access, **how)

    async def refreshed(self, key: Key) -> httpx.Response:
        fields = {"grant_type": "refresh_token", "refresh_token": self.answer.json()["refresh_token"]}
        return await sent(self.browser, fields, self.client, key.proof("POST", TOKEN))


async def sent(browser: Browser, fields: dict[str, str], client: str, *proofs: str) -> httpx.Response:
    auth = (client, SECRETS[client]) if client in SECRETS else None
    public = {} if auth else {"client_id": client}
    headers = [("DPoP", proof) for proof in proofs]
    return await browser.bare.post("/token", data={**public, **fields}, auth=auth, headers=headers)


async def redeemed(browser: Browser, code: str, client: str, *proofs: str) -> httpx.Response:
    fields = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": URI[client], "code_verifier": VERIFIER,
    }  # fmt: skip
    return await sent(browser, fields, client, *proofs)


async def bound(reference: Reference, client: str = "web", **asked: str) -> Bound:
    browser, key = await logged_in(reference), Key()
    code = await browser.allow(client, **asked)
    return Bound(browser, key, client, await redeemed(browser, code, client, key.proof("POST", TOKEN)))


def takes(*write: Callable[[Key], str]) -> Probe:
    """Whether a code is redeemed with these proofs."""

    async def probe(reference: Reference) -> bool:
        browser, key = await logged_in(reference), Key()
        answer = await redeemed(browser, await browser.allow(), "web", *(one(key) for one in write))
        return took(answer)

    return probe


def serves(write: Callable[[Bound], tuple[str, ...]], **how: str) -> Probe:
    """Whether the API serves a bound token with these proofs."""

    async def probe(reference: Reference) -> bool:
        client = await bound(reference)
        return (await client.opens(*write(client), **how)).status_code == 200

    return probe


def altered(header: dict[str, Any] | None = None, **changes: Any) -> Callable[[Key], str]:
    return lambda key: key.proof("POST", TOKEN, header=header, **changes)


def _spoilt(proof: str) -> str:
    return proof.rpartition(".")[0] + "." + b64(bytes(64))


def _shows_private(key: Key) -> str:
    return key.proof("POST", TOKEN, header={"jwk": {name: key.members[name] for name in (*NAMES, "d")}})


def _unsigned(key: Key) -> str:
    _, claims, _ = key.proof("POST", TOKEN).split(".")
    header = json.dumps({"typ": "dpop+jwt", "alg": "none", "jwk": key.jwk})
    return f"{b64(header.encode())}.{claims}."


def _hmac(key: Key) -> str:
    _, claims, _ = key.proof("POST", TOKEN).split(".")
    header = json.dumps({"typ": "dpop+jwt", "alg": "HS256", "jwk": key.jwk})
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    covered = f"{b64(header.encode())}.{claims}"
    return f"{covered}.{b64(hmac.digest(pem, covered.encode(), 'sha256'))}"


async def replayed(reference: Reference) -> bool:
    client = await bound(reference)
    proof = client.proof()
    return [(await client.opens(proof)).status_code for _ in range(2)] == [200, 200]


async def raced(reference: Reference) -> bool:
    client = await bound(reference)
    proof = client.proof()
    answers = await asyncio.gather(client.opens(proof), client.opens(proof))
    return [answer.status_code for answer in answers] == [200, 200]


async def called_bearer(reference: Reference) -> bool:
    return (await bound(reference)).answer.json()["token_type"] != "DPoP"


async def refreshed_by_another(reference: Reference) -> bool:
    return took(await (await bound(reference, "spa")).refreshed(Key()))


async def code_of_another(reference: Reference) -> bool:
    browser = await logged_in(reference)
    code = await browser.allow(dpop_jkt=Key().jkt)
    return took(await redeemed(browser, code, "web", Key().proof("POST", TOKEN)))


async def nonces(reference: Reference) -> list[str]:
    browser = await logged_in(reference)
    answers = [await redeemed(browser, "x", "web", Key().proof("POST", TOKEN)) for _ in range(2)]
    return [answer.headers.get("dpop-nonce", "") for answer in answers]


async def nonce_is_time(reference: Reference) -> bool:
    given = (await nonces(reference))[0]
    return given.isdigit() and abs(int(given) - reference.clock.now()) < 60


async def nonce_is_count(reference: Reference) -> bool:
    first, second = await nonces(reference)
    return first.isdigit() and int(second) == int(first) + 1


async def vague(reference: Reference) -> bool:
    browser = await logged_in(reference)
    answer = await redeemed(browser, await browser.allow(), "web", Key().proof("GET", TOKEN))
    return bool(answer.json()["error"] != "invalid_dpop_proof")


async def unchallenged(reference: Reference) -> bool:
    answer = await (await bound(reference)).opens()
    return "DPoP" not in answer.headers.get("www-authenticate", "")


PROBES: dict[str, Probe] = {
    "dpop-type-unchecked": takes(altered({"typ": "JWT"})),
    "dpop-unsigned": takes(_unsigned),
    "dpop-hmac-by-public-key": takes(_hmac),
    "dpop-signature-unchecked": takes(lambda key: _spoilt(key.proof("POST", TOKEN))),
    "dpop-private-key-taken": takes(_shows_private),
    "dpop-jti-optional": takes(altered(jti=None)),
    "dpop-method-optional": takes(altered(htm=None)),
    "dpop-hash-optional": serves(lambda client: (client.proof(ath=None),)),
    "dpop-method-unchecked": takes(altered(htm="GET")),
    "dpop-url-unchecked": takes(altered(htu="https://other.example/x")),
    "dpop-host-unchecked": takes(altered(htu="https://other.example/token")),
    "dpop-time-unchecked": takes(altered(iat=1)),
    "dpop-first-of-two": takes(altered(), altered()),
    "dpop-replayed": replayed,
    "dpop-replayed-in-a-race": raced,
    "dpop-hash-unchecked": serves(lambda client: (client.proof(ath="x"),)),
    "dpop-any-key": serves(lambda client: (Key().proof("GET", f"{ORIGIN}/api/me", client.access),)),
    "dpop-no-proof": serves(lambda _client: ()),
    "dpop-bearer-downgrade": serves(lambda _client: (), scheme="Bearer"),
    "dpop-route-forgotten": serves(lambda _client: (), scheme="Bearer", path="/api/note"),
    "dpop-says-bearer": called_bearer,
    "dpop-refresh-unbound": refreshed_by_another,
    "dpop-code-unbound": code_of_another,
    "dpop-any-nonce": takes(altered(nonce="x")),
    "dpop-nonce-is-the-time": nonce_is_time,
    "dpop-nonce-counted": nonce_is_count,
    "dpop-any-route": serves(lambda client: (client.proof("/api/note"),)),
    "dpop-error-vague": vague,
    "dpop-no-challenge": unchallenged,
}
"""By the id of the fault."""
