"""The token reference server: right without faults, wrong in exactly one way with each, working in each variant."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.attacks import forge
from conformance.standards import requirements
from conformance.target.description import parse
from reference_impl import FAULTS, VARIANTS, Clock, Reference, build
from reference_impl.hosting import serve
from reference_impl.token_claims import AUDIENCE, ISSUER, Rules
from reference_impl.token_guard import TYPE, Guard, Rejected, encode, open_compact
from tests import reference_token, rest_probes
from tests.reference_token import JWKS, ORIGIN, PASSWORD, Api, claims, material, not_refused

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore:The .* key is")]
PROBES = {**reference_token.PROBES, **rest_probes.TOKEN}
TOKEN_FAULTS = {fault.id: fault for fault in FAULTS if fault.scheme == "token"}
TOKEN_VARIANTS = [variant.id for variant in VARIANTS if "token" in variant.schemes]
NEEDS_REPLICAS = {"key-per-replica": True, "logout-on-one-replica": False}
FORGED = sorted(set(TOKEN_FAULTS) - set(PROBES) - set(NEEDS_REPLICAS))

BASE = {
    **rest_probes.TOKEN_BASE,
    "sig-compared-to-its-length": ["hs256"],
    "guessable-secret": ["hs256"],
    "es-to-hs": ["es256"],
    "es-zero": ["es256"],
    "es-der": ["es256"],
    "ecdsa-nonce-fixed": ["es256"],
    "id-token-as-access": ["id-token"],
    "revoked-by-text-es": ["es256", "revocable"],
    "logout-forgets-client-only": ["revocable"],
    "password-change-ends-nothing": ["revocable"],
    "logout-ends-all": ["revocable"],
    "revoked-by-text-b64": ["revocable"],
    **{fault: ["opaque"] for fault in TOKEN_FAULTS if fault.startswith("opaque-")},
}
"""The sound server that a fault is compared with; otherwise the default, with the key in the description."""


@pytest.fixture
def reference() -> Reference:
    return build("token")


# Faults


async def test_each_fault_is_probed() -> None:
    assert set(PROBES) <= set(TOKEN_FAULTS)
    assert all(TOKEN_FAULTS[fault].primary in forge.FAMILIES for fault in FORGED)


@pytest.mark.parametrize("fault", sorted(PROBES))
async def test_fault_does_what_it_says_and_the_sound_server_does_not(fault: str) -> None:
    assert await PROBES[fault](build("token", [fault]))
    assert not await PROBES[fault](build("token", BASE.get(fault, ["minting"])))


@pytest.mark.parametrize("fault", FORGED)
async def test_fault_lets_a_forgery_pass(fault: str) -> None:
    assert await not_refused(build("token", [fault]), [TOKEN_FAULTS[fault].primary])


@pytest.mark.parametrize("alg", ["rs256", "es256", "hs256"])
async def test_sound_server_refuses_every_forgery(alg: str) -> None:
    server = build("token", ["minting", *([alg] if alg != "rs256" else [])])
    stuff = await material(server, "http://127.0.0.1:9")
    twins = {"token.sig.es-malleable", "token.revoke.malleable.es"}  # as valid as the first, to ECDSA
    assert await not_refused(server, set(forge.FAMILIES) - twins, stuff) == {}
    control = forge.control(stuff)
    assert control is not None
    assert (await Api(server, str(control.raw)).me()).json()["name"] == "alice"


@pytest.mark.parametrize(("fault", "on_other"), NEEDS_REPLICAS.items())
async def test_replicas_share_key_and_end(fault: str, on_other: bool, tmp_path: Path) -> None:
    def replicas(*switches: str) -> tuple[Api, Api]:
        store = f"sqlite:///{tmp_path}/{'-'.join(switches)}.db"
        first, second = (build("token", switches, store=store) for _ in range(2))
        return Api(first), Api(second)

    for switches, faulty in (([fault], True), (["revocable"], False)):
        here, there = replicas(*switches)
        alice = await here.login()
        there.token = alice.token
        assert await there.works() is not (faulty and on_other)
        await alice.send("POST", "/logout")
        assert await there.works() is (faulty and not on_other)


async def test_fault_rows_are_well_formed() -> None:
    known = {one.id for one in requirements()}
    for fault in TOKEN_FAULTS.values():
        assert fault.summary.endswith(".")
        assert fault.primary.startswith(("token.", "bearer.", "transport."))
        assert all(source in known or source.startswith("CVE-") for source in fault.sources), fault
    assert len(TOKEN_FAULTS) == sum(fault.scheme == "token" for fault in FAULTS)


# The guard and the claims

HEADER = json.dumps({"alg": "RS256", "kid": "k", "typ": TYPE}).encode()


def spelled(header: bytes = HEADER, payload: bytes = b"{}", signature: bytes = b"s" * 8) -> str:
    return ".".join(map(encode, (header, payload, signature)))


def with_header(**members: Any) -> str:
    return spelled(json.dumps(json.loads(HEADER) | members).encode())


GOOD = spelled()

NOT_OURS = {
    "empty": b"",
    "two segments": GOOD.rpartition(".")[0],
    "four segments": GOOD + ".",
    "padding": GOOD + "=",
    "spare bits": GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
    "impossible length": GOOD + "AA",
    "standard alphabet": spelled(signature=b"\xff\xff\xff").replace("_", "/"),
    "inner newline": GOOD.replace(".", "\n.", 1),
    "outer space": f" {GOOD}",
    "full-width dot": GOOD.replace(".", "\uff0e").encode(),
    "latin-1": GOOD.encode() + b"\xe9",
    "too long": spelled(payload=b"{}" + b" " * 9000),
    "json serialisation": '{"protected":"","payload":"","signature":""}',
    "header list": spelled(b"[]"),
    "header twice": spelled(b'{"alg":"none",' + HEADER[1:]),
    "header in UTF-16": spelled(HEADER.decode().encode("utf-16")),
    "header with BOM": spelled(b"\xef\xbb\xbf" + HEADER),
    "header NaN": spelled(HEADER[:-1] + b',"x":NaN}'),
    "header nested": spelled(HEADER[:-1] + b',"x":' + b"[" * 1500 + b"]" * 1500 + b"}"),
    "header long number": spelled(HEADER[:-1] + b',"x":' + b"9" * 4400 + b"}"),
    "crit": with_header(crit=["exp"]),
    "crit empty": with_header(crit=[]),
    "typ other": with_header(typ="JWT"),
    "typ other case": with_header(typ=TYPE.upper()),
    "typ absent": spelled(b'{"alg":"RS256","kid":"k"}'),
    "typ number": with_header(typ=1),
}


@pytest.mark.parametrize("raw", NOT_OURS.values(), ids=NOT_OURS)
async def test_guard_refuses(raw: str | bytes) -> None:
    assert open_compact(Guard(), GOOD.encode()).compact == GOOD
    with pytest.raises(Rejected):
        open_compact(Guard(), raw if isinstance(raw, bytes) else raw.encode())


NOW = 1_000_000.0
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "s", "jti": "j", "iat": 999_900, "exp": 1_000_001}


@pytest.mark.parametrize(
    "changes",
    [{"exp": 1_000_000.5}, {"exp": 1_000_200}, {"iat": 1_000_000}, {"nbf": 1_000_000}, {"more": [1]}],
)
async def test_claims_that_hold(changes: dict[str, Any]) -> None:
    assert Rules().read(json.dumps(CLAIMS | changes).encode(), NOW)["sub"] == "s"


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in CLAIMS),
        *({name: [value]} for name, value in CLAIMS.items()),
        *({name: ""} for name in CLAIMS),
        {"exp": 1_000_000}, {"exp": "1000001"}, {"exp": True}, {"exp": 1_000_201}, {"exp": 1_000_001_000},
        {"iat": 1_000_000.5}, {"iat": 1_000_002}, {"nbf": 1_000_001}, {"nbf": "0"},
        {"iss": ISSUER[:-1]}, {"iss": ISSUER + "x"}, {"aud": AUDIENCE.upper()}, {"sub": 1},
    ],
    ids=str,
)  # fmt: skip
async def test_claims_that_do_not(changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        Rules().read(json.dumps(CLAIMS | changes).encode(), NOW)
    for absent in set(changes) & set(CLAIMS):
        with pytest.raises(Rejected):
            Rules().read(json.dumps({k: v for k, v in CLAIMS.items() if k != absent}).encode(), NOW)


@pytest.mark.parametrize("text", ["[]", "null", "", '{"sub":1,"sub":2}', '{"exp":1e400}', "{}}", "{}"])
async def test_payload_is_one_strict_object(text: str) -> None:
    with pytest.raises(Rejected):
        Rules().read(text.encode(), NOW)


# The sound server


@pytest.mark.parametrize("switches", [[], ["es256"], ["hs256"], ["opaque"], ["revocable"], ["id-token"], ["leeway-60"]])
async def test_token_opens_what_is_its_owners(switches: list[str]) -> None:
    api = Api(build("token", switches))
    alice, bob = await api.login(), await api.login("bob")
    assert {"token_type": "Bearer", "expires_in": 300}.items() <= alice.login_answer.json().items()
    assert alice.login_answer.headers["cache-control"] == "no-store"
    me = (await alice.me()).json()
    assert (me["name"], (await bob.me()).json()["name"]) == ("alice", "bob")
    assert (await alice.send("POST", "/note", json={"note": "mine"})).json() == {"note": "mine"}
    assert (await alice.send("GET", "/note")).json() == {"note": "mine"}
    assert (await bob.send("GET", "/note")).json() == {"note": ""}
    assert all([(await Api(api.reference).send(*what)).status_code == 401 for what in PROTECTED])


PROTECTED = [
    route.split() for route in ("GET /me", "HEAD /me", "GET /note", "POST /note", "POST /password", "POST /logout")
]


@pytest.mark.parametrize(("switches", "leeway"), [([], 0), (["opaque"], 0), (["leeway-60"], 60)])
async def test_token_dies_at_its_expiry(switches: list[str], leeway: int) -> None:
    clock = Clock(lambda: 1_000_000.0)
    alice = await Api(build("token", switches, clock=clock)).login()
    clock.advance(299.5 + leeway)
    assert await alice.works()
    clock.advance(0.5)
    assert not await alice.works()


@pytest.mark.parametrize(
    ("field", "status", "challenge"),
    [
        ("Bearer {}", 200, None),
        ("bEARER {}", 200, None),
        ("Bearer   {}", 200, None),
        ("Bearer\t{}", 401, 'Bearer realm="token"'),
        ("Basic {}", 401, 'Bearer realm="token"'),
        ("{}", 401, 'Bearer realm="token"'),
        ("Bearer", 401, 'Bearer realm="token", error="invalid_token"'),
        ("Bearer {}, Bearer {}", 401, 'Bearer realm="token", error="invalid_token"'),
        ('Bearer "{}"', 401, 'Bearer realm="token", error="invalid_token"'),
        ("Bearer {}=", 401, 'Bearer realm="token", error="invalid_token"'),
    ],
)
async def test_authorization_field(reference: Reference, field: str, status: int, challenge: str | None) -> None:
    alice = await Api(reference).login()
    answer = await alice.with_field(field.format(alice.token, alice.token))
    assert (answer.status_code, answer.headers.get("www-authenticate")) == (status, challenge)
    assert alice.token not in answer.text


async def test_two_fields_are_one_too_many(reference: Reference) -> None:
    alice = await Api(reference).login()
    field = ("authorization", f"Bearer {alice.token}")
    answer = await Api(reference).http.get("/me", headers=[field, field])
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


async def test_token_counts_nowhere_else(reference: Reference) -> None:
    alice, api = await Api(reference).login(), Api(reference)
    token = {"access_token": alice.token}
    assert (await api.me(params=token)).status_code == 401
    cookies = {"Cookie": f"access_token={alice.token}; __Host-access={alice.token}"}
    assert (await api.me(headers=cookies)).status_code == 401
    assert (await api.send("POST", "/note", json={"note": "x", **token})).status_code == 401


async def test_login_refuses_in_one_way(reference: Reference) -> None:
    api = Api(reference)
    wrong = [{"user": name, "password": "wrong password"} for name in ("alice", "nobody")]
    answers = [await api.http.post("/login", json=fields) for fields in wrong]
    assert {(a.status_code, a.text) for a in answers} == {(401, '{"error":"the name or the password is wrong"}')}
    assert (await api.http.post("/login", json={"user": "alice"})).status_code == 400
    assert (await api.http.post("/login", data={"user": "alice"})).status_code == 415


async def test_published_key_is_public(reference: Reference) -> None:
    (key,) = (await Api(reference).http.get(JWKS)).json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}
    (key,) = (await Api(build("token", ["es256"])).http.get(JWKS)).json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (await Api(build("token", ["hs256"])).http.get(JWKS)).status_code == 404


async def test_claims_are_few(reference: Reference) -> None:
    alice = await Api(reference).login()
    assert set(claims(alice.token)) == {"iss", "aud", "sub", "iat", "exp", "jti"}
    assert claims(alice.token)["sub"] == (await alice.me()).json()["id"]


async def test_stateless_server_cannot_end_a_token(reference: Reference) -> None:
    alice = await Api(reference).login()
    assert (await alice.send("POST", "/logout")).status_code == 204
    change = {"current": PASSWORD["alice"], "new": "alice-Moves-9-Blue-Herons"}
    assert (await alice.send("POST", "/password", json=change)).status_code == 200
    assert await alice.works()
    declared = reference.describe("http://127.0.0.1:8000")["policy"]
    assert (declared["access_revocation"], declared["password_change_ends"]) == (False, "none")


@pytest.mark.parametrize("switches", [["revocable"], ["revocable", "es256"], ["revocable", "hs256"], ["opaque"]])
async def test_tokens_end_where_they_can(switches: list[str]) -> None:
    api = Api(build("token", switches))
    alice, elsewhere, bob, admin = [await api.login(name) for name in ("alice", "alice", "bob", "admin")]
    await alice.send("POST", "/logout")
    assert [await one.works() for one in (alice, elsewhere, bob)] == [False, True, True]

    change = {"current": PASSWORD["alice"], "new": "alice-Moves-9-Blue-Herons"}
    fresh = Api(api.reference, (await elsewhere.send("POST", "/password", json=change)).json()["access_token"])
    assert [await one.works() for one in (elsewhere, fresh, bob)] == [False, True, True]

    await fresh.send("POST", "/logout-all")
    await admin.send("POST", "/admin/users/bob/end-sessions")
    assert [await one.works() for one in (fresh, bob, admin)] == [False, False, True]

    bob = await api.login("bob")
    for act in ("disable", "enable"):
        await admin.send("POST", f"/admin/users/bob/{act}")
        assert not await bob.works()


@pytest.mark.parametrize("switches", [[], ["opaque"]])
async def test_account_stands_behind_each_token(switches: list[str]) -> None:
    api = Api(build("token", switches))
    alice, admin = await api.login(), await api.login("admin")
    assert (await alice.send("POST", "/admin/users/bob/delete")).status_code == 403
    assert (await admin.send("POST", "/admin/users/alice/delete")).status_code == 204
    assert not await alice.works()
    again = {"user": "alice", "password": PASSWORD["alice"]}
    assert (await api.http.post("/register", json=again)).status_code == 201
    assert not await alice.works()
    assert await (await api.login()).works()


async def test_password_change_asks_for_the_password(reference: Reference) -> None:
    alice = await Api(reference).login()
    for current, new, status in (("wrong", "x" * 20, 403), (PASSWORD["alice"], "x", 422)):
        change = {"current": current, "new": new}
        assert (await alice.send("POST", "/password", json=change)).status_code == status
    assert await (await Api(reference).login()).works()


# Variants


@pytest.mark.parametrize("switch", [None, *TOKEN_VARIANTS, *TOKEN_FAULTS])
async def test_every_server_serves_its_users_as_described(switch: str | None) -> None:
    reference = build("token", [switch] if switch else [])
    described = json.loads(json.dumps(reference.describe("http://127.0.0.1:8000")))
    assert parse(described, "reference").base_url == "http://127.0.0.1:8000"
    assert {"admin", "other_audience"} <= set(described)
    assert set(reference.extras()) == {"throttle"}
    if switch not in ("query-alone", "jwt-in-cookie"):
        alice = await Api(reference).login()
        assert (await alice.me()).json()["name"] == "alice"
        assert (await alice.send("GET", "/note")).status_code == 200


@pytest.mark.parametrize(
    ("variant", "field", "status"),
    [
        ("status-403", "Bearer x", 403),
        ("error-200", "Bearer x", 200),
        ("gateway-400", "Bearer {", 400),
        ("gateway-400", "Bearer x", 401),
    ],
)
async def test_refusals_of_variants(variant: str, field: str, status: int) -> None:
    api = Api(build("token", [variant]))
    answer = await api.with_field(field)
    assert answer.status_code == status
    assert "id" not in answer.text.split('"')
    assert await (await api.login()).works()


async def test_tokens_of_one_second_are_identical() -> None:
    reference = build("token", ["identical-within-second"], clock=Clock(lambda: time.time() // 3600 * 3600.0))
    first, second = await Api(reference).login(), await Api(reference).login()
    assert first.token == second.token
    assert await first.works()


async def test_cookie_variant_defends_what_browsers_attach() -> None:
    api = Api(build("token", ["jwt-in-cookie"]))
    login = (await api.login()).login_answer
    cookie, *attributes = login.headers["set-cookie"].split("; ")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    assert "access_token" not in login.json()
    held = {"Cookie": cookie}
    assert (await api.me(headers=held)).json()["name"] == "alice"
    assert (await api.me(headers={"Authorization": f"Bearer {cookie.partition('=')[2]}"})).status_code == 401
    forged = await api.send("POST", "/note", json={"note": "x"}, headers=held | {"Origin": "https://evil.example"})
    genuine = await api.send("POST", "/note", json={"note": "x"}, headers=held | {"Origin": ORIGIN})
    assert (forged.status_code, genuine.status_code) == (403, 200)
    out = await api.send("POST", "/logout", headers=held | {"Origin": ORIGIN})
    assert "Max-Age=0" in out.headers["set-cookie"]


async def test_connection_closes_on_hs_tokens() -> None:
    reference = build("token", ["closes-on-hs"])
    hs = spelled(json.dumps({"alg": "HS256"}).encode())
    async with serve(reference) as hosted, httpx.AsyncClient(base_url=hosted.base_url, trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/me", headers={"Authorization": f"Bearer {hs}"})
        assert (await client.get("/me", headers={"Authorization": f"Bearer {GOOD}"})).status_code == 401


@pytest.mark.parametrize("alg", [["es256"], ["hs256"], []])
async def test_minting_hands_out_the_key(alg: list[str]) -> None:
    def keys(switches: list[str]) -> set[str]:
        return set(build("token", switches).describe("http://127.0.0.1:8000")["keys"])

    assert keys(["minting", *alg]) - keys(alg) == ({"secret"} if alg == ["hs256"] else {"private_pem"})
