"""Probes of client assertions, and of JWTs at the API and in places of others."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from conformance.attacks.assertions import ASSERTION_TYPE, ClientKey, request_object, with_secret
from conformance.attacks.jwt import b64_encode, dumps, parse, signed
from reference_impl import Reference
from reference_impl.oauth_access import AUDIENCE
from reference_impl.oauth_assertion_key import private_half, public_half
from reference_impl.oauth_clients import BILLING, SECRETS, sha256
from reference_impl.token_keys import rsa_keys, sign
from tests.reference_oauth import EVERYTHING, ORIGIN, URI, VERIFIER, Browser, Probe, api, claims, front, logged_in, took

CLIENT = "ledger"


def key(reference: Reference, alg: str = "ES256") -> ClientKey:
    """The client's key, as the server's own clock has it."""
    return ClientKey(private_half(public_half(alg)), audience=ORIGIN, now=reference.clock.now)


async def redeemed(browser: Browser, **fields: str) -> httpx.Response:
    """A fresh code of the client, redeemed with these fields beside it."""
    code = await browser.allow(CLIENT)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": URI[CLIENT], "code_verifier": VERIFIER}
    return await browser.bare.post("/token", data={"client_id": CLIENT, **form, **fields})


def asserted(assertion: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


async def asserting(reference: Reference, assertion: str) -> bool:
    """Whether an assertion gives a token."""
    return took(await redeemed(await logged_in(reference), **asserted(assertion)))


def saying(**changes: Any) -> Probe:
    """Whether a well-signed assertion with changed claims counts; None leaves one out."""

    async def probe(reference: Reference) -> bool:
        signer = key(reference)
        told = {**signer.claims(CLIENT), **changes}
        return await asserting(reference, signer.signed({name: v for name, v in told.items() if v is not None}))

    return probe


def made(make: Callable[[ClientKey, Mapping[str, Any]], str]) -> Probe:
    """Whether an assertion that was made so from proper claims counts."""

    async def probe(reference: Reference) -> bool:
        signer = key(reference)
        return await asserting(reference, make(signer, signer.claims(CLIENT)))

    return probe


def _none(_signer: ClientKey, told: Mapping[str, Any]) -> str:
    return ".".join(b64_encode(dumps(part).encode()) for part in ({"alg": "none"}, told)) + "."


def _by_public_key(signer: ClientKey, told: Mapping[str, Any]) -> str:
    return signed(b'{"alg":"HS256"}', dumps(told).encode(), "HS256", signer.public_pem)


def _with_its_key(_signer: ClientKey, told: Mapping[str, Any]) -> str:
    from conformance.attacks.attacker import private_key, public_jwk

    header = {"alg": "ES256", "jwk": public_jwk("ES256")}
    return signed(dumps(header).encode(), dumps(told).encode(), "ES256", private_key("ES256"))


async def twice(reference: Reference) -> bool:
    browser, assertion = await logged_in(reference), key(reference).assertion(CLIENT)
    assert took(await redeemed(browser, **asserted(assertion)))
    return took(await redeemed(browser, **asserted(assertion)))


async def at_once(reference: Reference) -> bool:
    """Two uses that overlap; where each comes after the other the second is refused."""
    browser, assertion = await logged_in(reference), key(reference).assertion(CLIENT)
    codes = [await browser.allow(CLIENT) for _ in range(2)]
    form = {"grant_type": "authorization_code", "redirect_uri": URI[CLIENT], "code_verifier": VERIFIER}
    sent = [browser.bare.post("/token", data={**form, "code": code, **asserted(assertion)}) for code in codes]
    return all(took(answer) for answer in await asyncio.gather(*sent))


def shown(**fields: str) -> Probe:
    """Whether the client gets a token by showing this and no assertion."""

    async def probe(reference: Reference) -> bool:
        return took(await redeemed(await logged_in(reference), **fields))

    return probe


async def vague(reference: Reference) -> bool:
    signer = key(reference)
    old = signer.signed({**signer.claims(CLIENT), "exp": 1})
    return bool((await redeemed(await logged_in(reference), **asserted(old))).json()["error"] != "invalid_client")


async def request_counts(reference: Reference) -> bool:
    return await asserting(reference, request_object(key(reference), CLIENT, URI[CLIENT]))


# -- at the API


def opens(make: Callable[[str], str]) -> Probe:
    """Whether what is made from a genuine access token opens the API."""

    async def probe(reference: Reference) -> bool:
        tokens = await (await logged_in(reference)).tokens()
        return (await api(tokens.http, make(tokens.access))).status_code == 200

    return probe


def _payload(token: str) -> bytes:
    found = parse(token)
    assert found is not None
    return found.payload_raw


def _our_header(**changes: str) -> bytes:
    return dumps({"typ": "at+jwt", "kid": rsa_keys().kid, **changes}).encode()


def _unsigned(token: str) -> str:
    return f"{b64_encode(_our_header(alg='none'))}.{b64_encode(_payload(token))}."


def _keyed(token: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = rsa_keys().verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return signed(_our_header(alg="HS256"), _payload(token), "HS256", pem)


def _brought(token: str) -> str:
    from conformance.attacks.attacker import private_key, public_jwk

    header = {"typ": "at+jwt", "alg": "ES256", "jwk": public_jwk("ES256")}
    return signed(dumps(header).encode(), _payload(token), "ES256", private_key("ES256"))


def _of_another(token: str) -> str:
    return sign(rsa_keys(), {**claims(token), "iss": "https://elsewhere.example"}, "at+jwt")


def _of_a_client(token: str) -> str:
    return ClientKey(private_half(public_half())).signed(claims(token), typ="at+jwt")


async def never_expires(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens()
    reference.clock.advance(301)
    return await tokens.works()


async def for_billing(reference: Reference) -> bool:
    tokens = await (await logged_in(reference)).tokens("web", f"profile {BILLING}")
    assert claims(tokens.access)["aud"] != AUDIENCE
    return await tokens.works()


async def session_opens(reference: Reference) -> bool:
    browser = await logged_in(reference)
    cookie = browser.http.cookies["__Host-sid"]
    assert claims(cookie, 0)["typ"] == "session+jwt"
    return (await api(browser.bare, cookie)).status_code == 200


async def hints(reference: Reference) -> bool:
    """Whether an access token passes for a hint; an ID token does, and a made-up one does not."""
    browser = await logged_in(reference)
    told = (await browser.tokens("web", f"{EVERYTHING} openid")).answer.json()

    async def silent(hint: str) -> bool:
        return "code" in front(await browser.ask(scope=EVERYTHING, prompt="none", id_token_hint=hint))

    assert await silent(told["id_token"])
    assert not await silent(told["id_token"][:-8] + "AAAAAAAA")
    return await silent(told["access_token"])


def _under_its_secret(_signer: ClientKey, told: Mapping[str, Any]) -> str:
    return with_secret(SECRETS[CLIENT], told)


PROBES: dict[str, Probe] = {
    "assertion-issuer-unread": saying(iss="somebody"),
    "assertion-subject-unread": saying(sub="somebody"),
    "assertion-audience-unread": saying(aud="https://elsewhere.example"),
    "assertion-audience-prefix": saying(aud=f"{ORIGIN}.elsewhere.example"),
    "assertion-expiry-unread": saying(exp=1),
    "assertion-endless": saying(exp=None),
    "assertion-early": saying(nbf=2**40),
    "assertion-unsigned": made(_none),
    "assertion-public-key-as-secret": made(_by_public_key),
    "assertion-brings-its-key": made(_with_its_key),
    "assertion-again-and-again": twice,
    "assertion-remembered-late": at_once,
    "assertion-error-vague": vague,
    "key-client-by-id": shown(),
    "key-client-by-secret": shown(client_secret=SECRETS[CLIENT]),
    "request-object-as-assertion": request_counts,
    "access-unsigned": opens(_unsigned),
    "access-public-key-as-secret": opens(_keyed),
    "access-brings-its-key": opens(_brought),
    "access-never-expires": never_expires,
    "access-of-any-issuer": opens(_of_another),
    "access-for-billing": for_billing,
    "access-by-a-client": opens(_of_a_client),
    "session-at-the-api": session_opens,
    "any-token-as-hint": hints,
}
SOUND: dict[str, Probe] = {
    "a proper one": made(lambda signer, told: signer.signed(told)),
    "the endpoint as audience": saying(aud=f"{ORIGIN}/token"),
    "a list of audiences": saying(aud=["https://elsewhere.example", ORIGIN]),
    "no iat": saying(iat=None),
    "a type": made(lambda signer, told: signer.signed(told, typ="JWT")),
}
"""What an authorization server must take, or may well."""
WRONG: dict[str, Probe] = {
    "no jti": saying(jti=None),
    "an expiry in text": saying(exp=str(2**40)),
    "an expiry that is no number": saying(exp=True),
    "good for a day": saying(exp=2**40),
    "another kind of JWT": made(lambda signer, told: signer.signed(told, typ="at+jwt")),
    "another key": made(lambda signer, told: signer.forged(told)),
    "its secret": made(_under_its_secret),
    "its secret beside it": shown(client_secret=SECRETS[CLIENT], **asserted("a.b.c")),
    "another type of assertion": shown(client_assertion_type=secrets.token_hex(4), client_assertion=sha256("x")),
    "no JWT": shown(**asserted("no.token")),
}  # fmt: skip
"""What the server refuses besides what the faults are about."""
