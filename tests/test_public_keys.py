"""Public keys that nobody described: found where libraries put them, or worked out from signatures."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from conformance.attacks.ecdsa_recovery import CURVES, recovered
from conformance.attacks.jwt import Token, b64_encode, parse
from conformance.attacks.keys import parse_keys
from conformance.model import Outcome, Verdict
from conformance.registry import catalogue
from conformance.runner import judge_one
from tests.matrix import everything
from tests.toys import PASSWORDS, Site, proven

ALGORITHMS = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def pem(key: Any, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    written: bytes = key.public_key().public_bytes(Encoding.PEM, form)
    return written.decode()


def token(key: Any, alg: str, number: int) -> Token:
    made = parse(jwt.encode({"n": number}, key, alg))
    assert made is not None
    return made


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_generators_have_the_order_that_is_written_down(alg: str) -> None:
    curve = CURVES[alg]
    numbers = ec.derive_private_key(curve.n - 1, ALGORITHMS[alg]()).public_key().public_numbers()
    assert (numbers.x, numbers.y) == (curve.g[0], curve.p - curve.g[1])


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_two_signatures_tell_the_key(alg: str) -> None:
    key = ec.generate_private_key(ALGORITHMS[alg]())
    one, two = (token(key, alg, number) for number in (1, 2))
    assert pem(key) in [found.pem for found in recovered([one])]
    assert [found.pem for found in recovered([one, two])] == [pem(key)]


def test_signatures_of_two_keys_tell_none() -> None:
    tokens = [token(ec.generate_private_key(ec.SECP256R1()), "ES256", number) for number in (1, 2)]
    assert recovered(tokens) == ()


def test_a_signature_that_is_none_tells_none() -> None:
    genuine = token(ec.generate_private_key(ec.SECP256R1()), "ES256", 1)
    for signature in (b"", b"\0" * 64, b"\xff" * 64, b"\1" * 63):
        assert recovered([Token(genuine.raw, b"", b"", signature, genuine.header, {})]) == ()


def test_pem_is_read_out_of_json() -> None:
    text = pem(rsa.generate_private_key(65537, 2048))
    for document in ({"alg": "RS256", "value": text, "n": 1}, {"public_key": text}, text):
        assert [key.pem for key in parse_keys(JSONResponse(document).body.decode())] == [text]
    for document in ({"value": 1}, {"value": "none"}, "none", "{"):
        assert parse_keys(JSONResponse(document).body.decode()) == ()


class Signing(Site):
    """Tokens of an asymmetric key; a verifier that hands the key to whatever algorithm the token names, or not."""

    def __init__(self, alg: str = "ES256", *, place: str = "", confused: bool = True, wrong: bool = False) -> None:
        super().__init__()
        keys = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate}
        make = keys.get(alg, lambda: rsa.generate_private_key(65537, 2048))
        self.key, self.alg, self.place, self.confused = make(), alg, place, confused
        self.text = pem(make() if wrong else self.key)

    def routes(self) -> list[Route]:
        published = [Route(self.place, self.publish)] if self.place else []
        return [*super().routes(), *published]

    async def publish(self, request: Request) -> Response:
        return JSONResponse({"public_key": self.text}) if self.place == "/public-key" else Response(self.text)

    def welcome(self, request: Request, user: str) -> Response:
        now = int(time.time())
        claims = {"sub": user, "iat": now, "exp": now + 600}
        return JSONResponse({"access_token": jwt.encode(claims, self.key, self.alg)})

    def who(self, request: Request) -> str | None:
        found = parse(request.headers.get("authorization", "").removeprefix("Bearer "))
        if found is None:
            return None
        from conformance.attacks.jwt import verifies

        key: Any = pem(self.key) if self.confused and found.alg == "HS256" else self.key.public_key()
        if found.alg not in (self.alg, "HS256") or not verifies(found, key):
            return None
        return str(found.claims["sub"]) if found.claims.get("sub") in PASSWORDS else None


TOKENS = {
    "login": {
        "send": "POST /login",
        "json": {"user": "{user}", "password": "{password}"},
        "take": {"access": "json:/access_token"},
    },
    "logout": None,
}


def verdict(site: Site, check: str) -> Verdict:
    async def scenario() -> Verdict:
        async with proven(site, TOKENS) as system:
            return await judge_one(system, catalogue()[check], [everything()])

    return asyncio.run(scenario())


def test_a_key_that_nobody_publishes_is_worked_out_and_tried_as_a_secret() -> None:
    assert verdict(Signing(), "token.alg.es-to-hs").outcome is Outcome.FAIL
    assert verdict(Signing(confused=False), "token.alg.es-to-hs").outcome is Outcome.PASS


class InAsn1(Signing):
    """Signs as old libraries did: the numbers in an ASN.1 sequence, whose length varies."""

    def welcome(self, request: Request, user: str) -> Response:
        made = parse(json.loads(super().welcome(request, user).body)["access_token"])
        assert made is not None
        r, s = (int.from_bytes(part, "big") for part in (made.signature[:32], made.signature[32:]))
        raw = ".".join((*made.segments[:2], b64_encode(encode_dss_signature(r, s))))
        return JSONResponse({"access_token": raw})


@pytest.mark.parametrize("place", ["", "/public.pem"])
def test_a_key_whose_signatures_are_in_asn1_is_tried_as_a_secret(place: str) -> None:
    assert verdict(InAsn1(place=place), "token.alg.es-to-hs").outcome is Outcome.FAIL
    assert verdict(InAsn1(place=place, confused=False), "token.alg.es-to-hs").outcome is Outcome.PASS


def test_signatures_in_asn1_are_told() -> None:
    found = verdict(InAsn1(), "token.alg.es-der")
    assert found.outcome is Outcome.FAIL
    assert found.actual == "the target's own is in ASN.1"


@pytest.mark.parametrize("place", ["/public.pem", "/public-key"])
def test_a_key_at_a_usual_address_is_found(place: str) -> None:
    assert verdict(Signing("RS256", place=place), "token.alg.rs-to-hs.pem").outcome is Outcome.FAIL
    assert verdict(Signing("RS256", place=place, confused=False), "token.alg.rs-to-hs.pem").outcome is Outcome.PASS
    assert verdict(Signing("EdDSA", place=place), "token.alg.es-to-hs").outcome is Outcome.FAIL


def test_a_key_that_verifies_no_token_is_not_the_targets() -> None:
    found = verdict(Signing("RS256", place="/public.pem", wrong=True), "token.alg.rs-to-hs.pem")
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_there_is_no_set_to_judge_where_none_is_published() -> None:
    assert verdict(Signing(), "token.key.jwks-private").outcome is Outcome.NOT_APPLICABLE
