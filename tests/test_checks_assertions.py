"""The checks on clients with a private key, and on JWTs in the place of others: what they catch, where they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from conformance.attacks.assertions import ClientKey, badly_signed, falsified, loaded
from conformance.attacks.jwt import parse as parsed
from conformance.errors import DescriptionError
from conformance.model import Outcome, Verdict
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.description import parse, secrets_of
from reference_impl import FAULTS, oauth_faults_access, oauth_faults_assertions
from tests.matrix import everything, measure
from tests.toy_oauth import CALLBACK, OAUTH, AuthorizationSite
from tests.toys import BASE, TABLE, proven

MINE = (
    "oauth.client.assertion-*", "oauth.client.method-downgrade", "oauth.race.assertion-jti", "oauth.xjwt.*",
    "token.cross.*", "token.secrecy.credential", "token.key.jwks-private",
)  # fmt: skip
KILLED = [(f.id, f.primary) for f in (*oauth_faults_assertions.FAULTS, *oauth_faults_access.FAULTS)]
DECIDED = {
    "openid": "oauth.xjwt.access-as-id-hint", "session-jwt": "oauth.xjwt.session-as-access",
    "opaque+openid": "token.cross.id-as-access", "minting+openid": "token.cross.id-as-access",
    "opaque": "token.cross.audience", "assertion-fapi+secret-post": "oauth.client.assertion-claims",
    "assertion-fapi": "oauth.client.assertion-signature",
    "assertion-fapi+invalid-client-400": "oauth.client.assertion-error",
}  # fmt: skip
"""Variants, and a check that must come to a verdict there."""


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


CURVE = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, Any] = {
    "ES256": CURVE,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def verifies(token: str, alg: str) -> bool:
    try:
        pyjwt.decode(token, KEYS[alg].public_key(), [alg], audience=BASE)
    except pyjwt.PyJWTError:
        return False
    return True


# -- what is caught, and where nothing is


def test_faults_are_all_known() -> None:
    assert {id for id, _ in KILLED} <= {fault.id for fault in FAULTS}


@pytest.mark.parametrize(("fault", "check"), KILLED)
def test_a_fault_is_caught_by_its_check(fault: str, check: str) -> None:
    assert measure(f"ref:oauth+{fault}", only=(check,)).having(Outcome.FAIL) == [check]


@pytest.mark.parametrize("variants", DECIDED)
def test_what_differs_harmlessly_is_clean(variants: str) -> None:
    row = measure(f"ref:oauth+{variants}", only=MINE)
    told = {outcome: row.having(outcome) for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR)}
    assert not any(told.values()), row.reasons
    assert row.outcomes[DECIDED[variants]] == Outcome.PASS, row.reasons


def test_what_an_assertion_may_do_is_told_and_no_race_is_run() -> None:
    row = measure("ref:oauth+assertion-again", only=MINE)
    assert row.having(Outcome.FAIL) == ["oauth.client.assertion-replay"]
    assert row.outcomes["oauth.race.assertion-jti"] == Outcome.NOT_APPLICABLE


# -- keys


@pytest.mark.parametrize("alg", KEYS)
def test_the_algorithm_is_that_of_the_key(alg: str) -> None:
    signer = ClientKey(pem(KEYS[alg]), audience="https://server.example")
    token = signer.assertion("app")
    told = pyjwt.decode(token, KEYS[alg].public_key(), [alg], audience="https://server.example")
    assert told["iss"] == told["sub"] == "app"
    assert 0 < told["exp"] - told["iat"] <= 60
    assert parsed(token).header == {"alg": alg}  # type: ignore[union-attr]
    assert told["jti"] != pyjwt.decode(signer.assertion("app"), options={"verify_signature": False})["jti"]


def test_a_jwk_brings_its_id() -> None:
    jwk = json.dumps({**json.loads(ECAlgorithm.to_jwk(CURVE)), "kid": "k7"})
    assert ClientKey(jwk).header == {"alg": "ES256", "kid": "k7"}
    assert ClientKey(jwk, kid="mine").header["kid"] == "mine"
    with pytest.raises(ValueError, match="no private key"):
        loaded(json.dumps(json.loads(ECAlgorithm.to_jwk(CURVE.public_key()))))


@pytest.mark.parametrize("alg", KEYS)
def test_no_forgery_verifies_and_each_has_an_id_of_its_family(alg: str) -> None:
    signer = ClientKey(pem(KEYS[alg]), audience=BASE)
    found = dict(badly_signed(signer, "app", 60, "http://127.0.0.1:9"))
    assert len(found) >= 11
    for what, token in found.items():
        assert not verifies(token, alg), what


def test_each_falsehood_is_one() -> None:
    proper = ClientKey(pem(CURVE), audience=BASE).claims("app")
    for what, told in falsified(proper, 60):
        changed = {name for name in {*proper, *told} if proper.get(name) != told.get(name)}
        assert changed <= {"iat", "exp"} or len(changed - {"exp"}) == 1, what


# -- the description


def described(**client: Any) -> dict[str, Any]:
    return {"oauth": {**OAUTH, "clients": {"web": {"redirect_uri": CALLBACK, **client}}}}


@pytest.mark.parametrize(
    ("client", "said"),
    [
        ({"auth": "private_key_jwt"}, "needs its `private_key`"),
        ({"auth": "basic", "secret": "s", "private_key": pem(CURVE)}, "no use to a client"),
        ({"private_key": "a secret that is none"}, "no private key"),
        ({"private_key": ""}, "no private key"),
        ({"private_key": pem(CURVE), "signing_alg": "RS256"}, "key does not fit"),
    ],
)
def test_a_key_that_is_none_is_told_by_its_name(client: Mapping[str, Any], said: str) -> None:
    with pytest.raises(DescriptionError, match=said) as caught:
        parse({**TABLE, **described(**client)}, "target.toml")
    assert "clients.web" in str(caught.value)
    assert "a secret that is none" not in str(caught.value)


def test_another_service_must_differ_in_something() -> None:
    for other, said in (({}, "one of them"), ({"client": "nobody"}, "is not among")):
        with pytest.raises(DescriptionError, match=said):
            parse({**TABLE, "oauth": {**OAUTH, "other_audience": other}}, "target.toml")


def test_a_private_key_is_a_secret() -> None:
    found = dict(secrets_of(parse({**TABLE, **described(private_key=pem(CURVE))}, "target.toml")))
    assert found["private key of web"] == pem(CURVE)


# -- servers of other habits


class Signing(AuthorizationSite):
    """Its one client signs assertions; nothing is remembered of them."""

    audiences: tuple[str, ...] = (BASE, f"{BASE}/token")

    def client(self, request: Request, form: Mapping[str, str]) -> str | None:
        try:
            assertion = form["client_assertion"]
            required = ["iss", "sub", "aud", "exp"]
            told = pyjwt.decode(
                assertion, CURVE.public_key(), ["ES256"], audience=self.audiences, options={"require": required}
            )
        except (KeyError, pyjwt.PyJWTError):
            return None
        return "web" if told["iss"] == told["sub"] == "web" else None


class ByIssuer(Signing):
    audiences = (BASE,)


class ByEndpoint(Signing):
    audiences = (f"{BASE}/token",)


class ByName(Signing):
    audiences = ("urn:this-server",)


class Once(Signing):
    """Remembers every assertion that it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def client(self, request: Request, form: Mapping[str, str]) -> str | None:
        used = form.get("client_assertion", "") in self.used
        self.used.add(form.get("client_assertion", ""))
        return None if used else super().client(request, form)


class Breaking(Signing):
    """An assertion that cannot be verified is an accident."""

    async def token(self, request: Request) -> Response:
        answer = await super().token(request)
        return JSONResponse({"error": "server_error"}, 500) if answer.status_code == 401 else answer


async def judged(site: AuthorizationSite, id: str, **client: Any) -> Verdict:
    async with proven(site, described(private_key=pem(CURVE), **client)) as system:
        return await judge_one(system, catalogue()[id], [everything()])


@pytest.mark.asyncio
@pytest.mark.parametrize("site", [Signing, ByIssuer, ByEndpoint])
async def test_the_audience_is_found_by_asking(site: type[Signing]) -> None:
    verdict = await judged(site(), "oauth.client.assertion-claims")
    assert verdict.outcome is Outcome.PASS, verdict.reason or verdict.actual


@pytest.mark.asyncio
async def test_an_odd_audience_is_described() -> None:
    verdict = await judged(ByName(), "oauth.client.assertion-claims", assertion_audience="urn:this-server")
    assert verdict.outcome is Outcome.PASS, verdict.reason or verdict.actual


@pytest.mark.asyncio
async def test_replay_is_judged_by_what_was_sent_twice() -> None:
    assert (await judged(Signing(), "oauth.client.assertion-replay")).outcome is Outcome.FAIL
    assert (await judged(Once(), "oauth.client.assertion-replay")).outcome is Outcome.PASS
    assert (await judged(Once(), "oauth.race.assertion-jti")).outcome is Outcome.PASS
    assert (await judged(Signing(), "oauth.race.assertion-jti")).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.asyncio
@pytest.mark.parametrize("id", ["assertion-claims", "assertion-signature", "assertion-error", "method-downgrade"])
async def test_a_server_that_breaks_proves_nothing(id: str) -> None:
    assert (await judged(Breaking(), f"oauth.client.{id}")).outcome is Outcome.INCONCLUSIVE


@pytest.mark.asyncio
async def test_without_a_key_nothing_is_asked() -> None:
    async with proven(AuthorizationSite(), {"oauth": OAUTH}) as system:
        assert "key-client" not in system.capabilities
        assert "key-client" in system.missing
