"""Ids, opaque tokens and what they give away: real-looking samples, hostile ones, and random ones left in peace."""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import pickle
import random
import string
import time
import uuid
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.attacks.account_data import find_account_data
from conformance.attacks.capacity import capacity, capacity_bits, static_positions
from conformance.attacks.identifiers import classify, signs_account
from conformance.attacks.layers import MAX_LAYERS, layers
from conformance.attacks.reproduction import reproduce
from conformance.attacks.secrecy import find_personal_data, find_secrets
from conformance.attacks.sequences import sequence_defect, time_defect
from conformance.target.cast import told

LOWER36 = string.ascii_lowercase + string.digits
BASE62 = string.ascii_letters + string.digits
START = 1_700_000_000.0
BOB = {"user": "bob", "email": "bob@example.com", "password": "correct horse 1", "role": "user", "sub": "17"}
ALICE = {"user": "alice", "email": "alice@example.com", "password": "battery staple 2", "role": "admin", "sub": "42"}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def segments(*parts: bytes) -> str:
    return ".".join(map(b64url, parts))


def text_of(source: random.Random, alphabet: str, length: int) -> str:
    return "".join(source.choices(alphabet, k=length))


def uuid4(r: random.Random) -> uuid.UUID:
    return uuid.UUID(int=r.getrandbits(128), version=4)


Maker = Callable[[random.Random], str]

REFERENCES: dict[str, tuple[Maker, float]] = {
    "20 hex": (lambda r: r.randbytes(10).hex(), 80),
    "32 hex": (lambda r: r.randbytes(16).hex(), 128),
    "21 base62": (lambda r: text_of(r, BASE62, 21), 125),
    "22 base62": (lambda r: text_of(r, BASE62, 22), 131),
    "22 base64url": (lambda r: b64url(r.randbytes(16)), 128),
    "django": (lambda r: text_of(r, LOWER36, 32), 165),
    "php 26": (lambda r: text_of(r, LOWER36[:22] + string.digits, 26), 130),
    "php 48": (lambda r: text_of(r, "0123456789abcdef", 48), 192),
    "JSESSIONID with route": (lambda r: f"{r.randbytes(16).hex().upper()}.{r.choice(['a1', 'b2'])}", 128),
    "jetty": (lambda r: f"node0{text_of(r, LOWER36, 25)}0.node0", 129),
    "uuid 4": (lambda r: str(uuid4(r)), 122),
    "uuid 4 without dashes": (lambda r: uuid4(r).hex, 122),
    "uuid 4 in base64": (lambda r: b64(str(uuid4(r)).encode()), 122),
    "prefixed": (lambda r: f"sess_{b64url(r.randbytes(16))}", 128),
    "express": (lambda r: quote(f"s:{b64url(r.randbytes(24))}.{b64(r.randbytes(32)).rstrip('=')}", safe=""), 192),
    "itsdangerous over an id": (lambda r: f"{b64url(r.randbytes(16))}.Zx3f9Q.{b64url(r.randbytes(20))}", 128),
    "gorilla over an id": (
        lambda r: securecookie(r, b"7\x0c\x004" + base64.b32encode(r.randbytes(32)).rstrip(b"=")),
        256,
    ),
    "tornado over an id": (
        lambda r: f'"2|1:0|10:1700000000|3:sid|88:{b64(r.randbytes(32).hex().encode())}|{r.randbytes(32).hex()}"',
        256,
    ),
}


def securecookie(r: random.Random, content: bytes) -> str:
    """As gorilla/securecookie of Go signs a value."""
    inner = base64.urlsafe_b64encode(content).decode()
    return base64.urlsafe_b64encode(f"{1_700_000_000 + r.randrange(9)}|{inner}|".encode() + r.randbytes(32)).decode()


GOB_MAP = (
    b"\x0e\xff\x81\x04\x01\x02\xff\x82\x00\x01\x10\x01\x10\x00\x00"
    b"\x21\xff\x82\x00\x01\x06string\x0c\x06\x00\x04user\x06string\x0c\x07\x00\x05"
)
"""The beginning of a table with the text `user`."""

CONTAINERS: dict[str, Maker] = {
    "gorilla": lambda r: securecookie(r, GOB_MAP + text_of(r, LOWER36, 5).encode()),
    "flask": lambda r: segments(
        json.dumps({"_user_id": str(r.randrange(9))}).encode(), r.randbytes(4), r.randbytes(20)
    ),
    "flask, compressed": lambda r: (
        f".{b64url(zlib.compress(json.dumps({'u': 'x' * 99}).encode()))}.Zx3f9Q.{b64url(r.randbytes(20))}"
    ),
    "django signed": lambda r: f"{b64url(json.dumps({'u': r.random()}).encode())}:1rXYZa:{b64url(r.randbytes(32))}",
    "jupyter": lambda r: (
        f"2|1:0|10:1700000000|8:username|52:{b64(json.dumps({'username': r.randbytes(4).hex()}).encode())}"
        f"|{r.randbytes(32).hex()}"
    ),
    "bottle": lambda r: f'"!{b64(r.randbytes(32))}?{b64(pickle.dumps(["account", str(r.randrange(9))], 5))}"',
    "beaker": lambda r: f"{r.randbytes(20).hex()}{b64(pickle.dumps({'user': str(r.random())}, 2))}",
    "rails encrypted": lambda r: quote(
        f"{b64(r.randbytes(200))}--{b64(r.randbytes(12))}--{b64(r.randbytes(16))}", safe=""
    ),
    "mojolicious": lambda r: (
        f"{b64(json.dumps({'user': r.random()}).encode().ljust(1025, b'Z')).replace('=', '-')}--{r.randbytes(32).hex()}"
    ),
    "mojolicious, before it was filled up": lambda r: (
        f"{b64(json.dumps({'user': r.randrange(9)}).encode()).replace('=', '-')}--{r.randbytes(20).hex()}"
    ),
    "laravel": lambda r: quote(b64(json.dumps({"iv": "a", "value": b64(r.randbytes(9)), "mac": "c"}).encode())),
    "auth ticket": lambda r: quote(f"{r.randbytes(64).hex()}65a1b2c3{b64(b'alice')}!userid_type:b64unicode", safe=""),
    "jwt": lambda r: segments(b'{"alg":"HS256"}', b'{"sub":"1"}', r.randbytes(32)),
    "php serialised": lambda r: quote('a:1:{s:4:"user";s:5:"alice";}'),
    "pickle": lambda r: b64(pickle.dumps({"user": r.random()})),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_references_are_measured_by_their_id_alone(name: str) -> None:
    maker, bits = REFERENCES[name]
    source = random.Random(name)
    kind = classify([maker(source) for _ in range(60)])
    assert kind.form == "reference"
    assert kind.certain
    assert bits - 0.1 <= capacity_bits(kind.parts, kind.id_span) <= bits + 1.1


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 20])
def test_few_samples_never_undercount(name: str, count: int) -> None:
    maker, bits = REFERENCES[name]
    for seed in range(10):
        source = random.Random(f"{name}{seed}")
        kind = classify([maker(source) for _ in range(count)])
        assert capacity_bits(kind.parts, kind.id_span) >= bits - 0.01


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("count", [1, 3, 30])
def test_containers_speak_for_themselves(name: str, count: int) -> None:
    source = random.Random(name)
    assert classify([CONTAINERS[name](source) for _ in range(count)]).form == "self-contained"


def stamped(payload: str, count: int) -> list[str]:
    """Values that a signer with the time of issue makes of one payload."""
    source = random.Random(payload)
    return [f"{payload}.Zx3f9{letter}.{b64url(source.randbytes(64))}" for letter in BASE62[:count]]


def test_a_signed_name_is_no_reference_to_a_session() -> None:
    alice, bob = (b64url(json.dumps(name).encode()) for name in ("alice", "bob"))
    assert classify(stamped(alice, 2) + stamped(bob, 1)).form == "self-contained"


def test_a_signed_id_of_each_session_is_a_reference() -> None:
    source = random.Random(1)
    ids = [b64url(json.dumps(b64url(source.randbytes(16))).encode()) for _ in range(12)]
    kind = classify([value for one in ids for value in stamped(one, 1)])
    assert (kind.form, kind.scheme) == ("reference", "itsdangerous")


def test_a_random_second_half_is_not_surely_a_signature() -> None:
    source = random.Random(1)
    kind = classify([f"{b64url(source.randbytes(9))}.{b64url(source.randbytes(32))}" for _ in range(30)])
    assert kind.form == "reference"
    assert not kind.certain


def test_static_positions_are_shown_and_not_guessed() -> None:
    source = random.Random(1)
    assert static_positions([f"AB{source.randbytes(16).hex()}Z" for _ in range(30)]) == (0, 1, 34)
    assert static_positions([source.randbytes(16).hex() for _ in range(3)]) == ()
    assert static_positions(["same", "same"]) == ()


def test_layers_are_peeled_and_named() -> None:
    inner = b64(gzip.compress(json.dumps({"user": "alice", "n": [1, {"x": "role=admin"}]}).encode()))
    found = {layer.path: layer.data for layer in layers(quote(b64url(inner.encode())))}
    assert found["base64", "base64", "gzip", "json", "/user"] == "alice"
    assert found["base64", "base64", "gzip", "json", "/n/1/x"] == "role=admin"


def test_layers_stop_at_their_depth() -> None:
    value = "deep"
    for _ in range(6):
        value = b64(value.encode())
    assert max(layer.depth for layer in layers(value)) == 4
    assert all(layer.data != "deep" for layer in layers(value))


HOSTILE = {
    "bomb": b64(zlib.compress(b"0" * 20_000_000)),
    "nested": "[" * 200_000,
    "digits": f"[{'1' * 200_000}]",
    "members": json.dumps([{"email": "a@b.example"}] * 8000),
    "dots": "a." * 100_000,
    "percent": "%25" * 80_000,
    "quotes": '"' + "\\" * 100_000 + '"',
    "hex": b"ab".hex() * 30_000,
    "otpauth": "otpauth://totp/" * 15_000,
    "at": "a@" * 100_000,
    "plus": "+1" * 100_000,
    "iban": "DE00 " * 40_000,
    "letters": "a" * 100_000 + "1",
    "NULs": "\0" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_cost_little(name: str) -> None:
    value = HOSTILE[name]
    started = time.process_time()
    assert sum(1 for _ in layers(value)) <= MAX_LAYERS
    for wrapped in (value, json.dumps({"name": value[:60_000], "email": value[:60_000]})):
        find_account_data(wrapped, ALICE), find_personal_data(wrapped), find_secrets(wrapped)
    classify([value, value[1:], value[2:]])
    capacity_bits([value, value[1:]])
    sequence_defect([value[i:] for i in range(4)])
    time_defect([value[i:] for i in range(4)], [START + i for i in range(4)])
    assert time.process_time() - started < 5


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6), st.binary(max_size=60))
def test_nothing_raises(values: list[str], data: bytes) -> None:
    list(layers(data))
    values = [*values, b64(data), data.hex(), b64(zlib.compress(data)), f"s:{b64url(data)}.x"]
    kind = classify(values)
    capacity_bits(kind.parts, kind.id_span)
    static_positions(values)
    for value in values:
        find_account_data(value, {"user": values[0], "": "", "ip": "1"}), find_personal_data(value), find_secrets(value)
    times = [START + i for i in range(len(values))]
    sequence_defect(values), time_defect(values, times), reproduce(values, {"user": values[0]}, times, budget=50)


LEAKY: dict[str, tuple[str, str]] = {
    "plain field": ("bob:1700000000:6b5f", "user"),
    "percent": (quote("user=bob&n=6b5f0a"), "user"),
    "base64 JSON": (b64(b'{"user": "bob", "n": "6b5f"}'), "user"),
    "hex": (b"bob|1700000000|6b5f".hex(), "user"),
    "flask": (segments(b'{"name":"bob"}', b"\x65\x51", bytes(20)), "user"),
    "compressed": ("." + segments(zlib.compress(b'{"x":{"name":"bob"}}'), bytes(4), bytes(20)), "user"),
    "json in json": (b64(json.dumps({"a": json.dumps({"u": "bob"})}).encode()), "user"),
    "pickle": (b64(pickle.dumps({"user": "bob", "n": 5})), "user"),
    "php": (quote('a:1:{s:4:"user";s:3:"bob";}'), "user"),
    "dashed": ("bob-d41d8cd98f00b204e9800998ecf8427e", "user"),
    "e-mail": (b64(b'{"m":"bob@example.com"}'), "email"),
    "role": (b64(b'{"role":"user"}'), "role"),
    "role in text": (b64(b"id=6b5f&role=user"), "role"),
    "sub": (b64(b'{"sub":"17"}'), "sub"),
    "user_id as number": (b64(b'{"user_id":17}'), "sub"),
    "password": (b64(b"bob:correct horse 1"), "password"),
    "md5 of the password": (hashlib.md5(b"correct horse 1").hexdigest(), "md5(password)"),
    "sha1 of the name": (hashlib.sha1(b"bob").hexdigest(), "sha1(user)"),
    "sha256 of the name in base64": (b64url(hashlib.sha256(b"bob").digest()), "sha256(user)"),
    "sha256, cut": (hashlib.sha256(b"bob").hexdigest()[:32], "sha256(user)"),
    "hash as a segment": (f"6b5f.{hashlib.sha256(b'bob').hexdigest()}", "sha256(user)"),
}


@pytest.mark.parametrize("name", LEAKY)
def test_account_data_is_found_and_masked(name: str) -> None:
    value, kind = LEAKY[name]
    leaks = find_account_data(value, BOB)
    assert kind in [leak.kind for leak in leaks]
    assert not any("correct horse" in leak.masked or "bob@" in leak.masked for leak in leaks)


@pytest.mark.parametrize(
    "value",
    [
        b64(b'{"typ":"access","v":17,"exp":1700000017,"type":"user"}').replace("type", "type"),
        b64(b'{"iss":"https://bob.example:17/","jti":"Xbob9wq17"}'),
        "3a:be:ef:17:al:b0:b1",
        b64(b'{"theme":"user","count":17}'),
        "eyJub3RoaW5nIjoiaGVyZSJ9",
    ],
)
def test_words_that_are_not_the_account_are_left_alone(value: str) -> None:
    facts = {**BOB, "role": "here", "user": "bob"}
    assert find_account_data(value, facts) == []


PERSONAL: dict[str, tuple[object, str]] = {
    "email": ({"m": "carol@example.org"}, "email"),
    "phone": ({"t": "+4915112345678"}, "phone_number"),
    "phone by name": ({"phone_number": "(0151) 123 456-78"}, "phone_number"),
    "iban": ({"acct": "DE89370400440532013000"}, "iban"),
    "iban, spaced": ({"note": "pay GB82 WEST 1234 5698 7654 32 now"}, "iban"),
    "card": ({"c": "4111111111111111"}, "payment card"),
    "card, spaced": ({"c": "5555 5555 5555 4444"}, "payment card"),
    "card as number": ({"card": 378282246310005}, "payment card"),
    "birth date": ({"birthdate": "1990-02-28"}, "birthdate"),
    "given name": ({"givenName": "Zoë"}, "given_name"),
    "address": ({"address": {"street_address": "1 Main St"}}, "street_address"),
}


@pytest.mark.parametrize("name", PERSONAL)
def test_personal_data_is_found(name: str) -> None:
    document, kind = PERSONAL[name]
    token = segments(b'{"alg":"HS256"}', json.dumps(document).encode(), bytes(32))
    assert kind in [leak.kind for leak in find_personal_data(token)]


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        ({"name": "ada"}, []),
        ({"user": {"name": "ada"}}, []),
        ({"name": "Ada Lovelace"}, ["name"]),
        ({"name": "ada", "email": "ada@example.com"}, ["email"]),
    ],
)
def test_a_name_that_is_the_identifier_of_the_account_is_no_find(document: object, kinds: list[str]) -> None:
    value = b64(json.dumps(document).encode())
    assert [leak.kind for leak in find_personal_data(value, "ada")] == kinds
    assert {leak.kind for leak in find_personal_data(value)} == {"name", *kinds}


def test_an_address_is_found_where_the_account_is_known_by_it() -> None:
    value = b64(b'{"name": "ada@example.com"}')
    assert [leak.kind for leak in find_personal_data(value, "ada@example.com")] == ["email"]


@pytest.mark.parametrize(
    "document",
    [
        {"iat": 1700000000, "exp": 1700000300, "sub": "4111111111111111", "n": 4111111111111111},
        {"iss": "https://shop.example/", "aud": ["api"], "jti": "4111-1111-1111-1111"},
        {"email_verified": True, "name": "", "phone_number": None, "birthdate": "redacted", "given_name": "***"},
        {"when": "1990-02-28", "ms": "1700000000000", "iban": "DE89370400440532013001"},
        {"c": "4111111111111112", "d": "0000000000000000", "snowflake_id": "4503599627370496"},
    ],
)
def test_what_only_looks_personal_is_left_alone(document: object) -> None:
    assert find_personal_data(b64(json.dumps(document).encode())) == []


def joined(*parts: str) -> str:
    """Keeps example keys from looking like live ones to scanners of source code."""
    return "".join(parts)


SECRETS: dict[str, str] = {
    "bcrypt": "$2b$12$" + "abcdefghijklmnopqrstuu" + "v" * 31,
    "argon2": "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA",
    "django": "pbkdf2_sha256$600000$c29tZXNhbHQ$aGFzaGhhc2hoYXNo",
    "scrypt": "scrypt:32768:8:1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "aws": joined("AKIA", "IOSFODNN7EXAMPLE"),
    "google": joined("AIza", "a" * 35),
    "github": joined("ghp_", "a" * 36),
    "slack": joined("xoxb-", "123456789012-abcdef"),
    "stripe": joined("sk_live_", "a" * 24),
    "otpauth": "otpauth://totp/Shop:bob?secret=JBSWY3DPEHPK3PXP",
    "url": "postgres://app:hunter22@db.internal/main",
}


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_found_and_masked(name: str) -> None:
    leaks = find_secrets(b64(json.dumps({"x": SECRETS[name]}).encode()))
    assert leaks
    assert all(SECRETS[name] not in leak.masked for leak in leaks)


@pytest.mark.parametrize(
    "member", ["password", "clientSecret", "api_key", "totp_secret", "user_password", "refresh_token"]
)
def test_members_named_as_secrets_are_found(member: str) -> None:
    assert find_secrets(json.dumps({"a": {member: "s3cr3t"}}))
    assert not find_secrets(json.dumps({"a": {member: None, f"{member}_expires": "soon"}}))


def test_private_members_of_a_jwk_are_found_and_public_ones_are_not() -> None:
    public = {"cnf": {"jwk": {"kty": "EC", "x": "AAAA", "y": "BBBB"}}, "d": "2024"}
    assert find_secrets(json.dumps(public)) == []
    assert find_secrets(json.dumps({"cnf": {"jwk": {"kty": "EC", "d": "CCCC"}}}))


def counter_ids(source: random.Random, n: int) -> dict[str, list[str]]:
    first = source.randrange(10**6, 10**7)
    return {
        "decimal": [str(first + i) for i in range(n)],
        "32 hex": [f"{first + 3 * i:032x}" for i in range(n)],
        "falling": [f"{first - i:032x}" for i in range(n)],
        "base64": [b64((first + i).to_bytes(16, "big")) for i in range(n)],
        "little-endian": [(first + i).to_bytes(16, "little").hex() for i in range(n)],
    }


@pytest.mark.parametrize("name", counter_ids(random.Random(0), 1))
@pytest.mark.parametrize("count", [5, 20])
def test_counters_are_found_in_few_samples(name: str, count: int) -> None:
    defect = sequence_defect(counter_ids(random.Random(1), count)[name])
    assert defect
    assert defect.chance < 1e-6


def test_hidden_rising_fields_are_found() -> None:
    source = random.Random(2)
    object_ids = [f"{int(START) + i:08x}{'5f' * 5}{4000 + i:06x}" for i in range(20)]
    hidden = [b64(source.randbytes(8) + (900 + 7 * i).to_bytes(3, "big") + source.randbytes(9)) for i in range(20)]
    dotted = [f"{source.randbytes(16).hex()}.{1000 + i}" for i in range(20)]
    for values in (object_ids, hidden, dotted):
        assert sequence_defect(values)


def test_fields_that_follow_the_clock_are_found() -> None:
    source = random.Random(3)
    times = [START + i * 1.7 + source.random() for i in range(20)]
    seconds = [f"{int(t):08x}{source.randbytes(12).hex()}" for t in times]
    milliseconds = [b64(int(t * 1000).to_bytes(8, "big") + source.randbytes(16)) for t in times]
    decimal = [f"{source.randbytes(8).hex()}-{int(t)}" for t in times]
    for values in (seconds, milliseconds, decimal):
        defect = time_defect(values, times)
        assert defect
        assert defect.chance < 1e-6
    order = list(range(20))
    source.shuffle(order)
    assert time_defect([seconds[i] for i in order], [times[i] for i in order])


def test_a_clock_takes_no_more_bits_than_its_field() -> None:
    """Dancer2 without a better generator: four bytes of time, then twenty of SHA-1."""
    source = random.Random(5)
    times = [START + i * 1.7 for i in range(21)]
    values = [b64(int(t).to_bytes(4, "big") + source.randbytes(20)) for t in times]
    defect = time_defect(values, times)
    assert defect is not None
    assert (defect.taken(48), defect.width) == (32, 32)
    assert capacity(values).bits >= 128 + 32
    short = [b64(int(t).to_bytes(4, "big") + source.randbytes(15)) for t in times]
    assert capacity(short).bits < 128 + 32
    rising = sequence_defect([f"{i:08x}" for i in range(9)])
    assert rising is not None
    assert rising.taken(48) == 48


def h(name: str, text: str) -> bytes:
    return hashlib.new(name, text.encode()).digest()


REPRODUCIBLE: dict[str, Callable[[int, float], str]] = {
    "sha256 of a counter": lambda i, t: h("sha256", str(54_321 + i)).hex(),
    "md5 of a counter": lambda i, t: h("md5", str(i)).hex(),
    "sha1 of the user, base64url": lambda i, t: b64url(h("sha1", "bob")),
    "sha512 of user and second": lambda i, t: h("sha512", f"bob{int(t)}").hex(),
    "sha256 of second and user, cut": lambda i, t: h("sha256", f"{int(t)}-bob").hex()[:32],
    "md5 of the millisecond": lambda i, t: h("md5", str(int(t * 1000) + 700)).hex(),
    "md5 of user and millisecond": lambda i, t: h("md5", f"bob:{int(t * 1000) - 900}").hex(),
    "base64 of user and second": lambda i, t: b64(f"bob:{int(t)}".encode()),
    "the second": lambda i, t: str(int(t)),
}


@pytest.mark.parametrize("name", REPRODUCIBLE)
def test_ids_that_can_be_computed_are_reproduced(name: str) -> None:
    times = [START + 13.7 * i for i in range(6)]
    values = [REPRODUCIBLE[name](i, t) for i, t in enumerate(times)]
    started = time.process_time()
    defect = reproduce(values, BOB, times)
    assert time.process_time() - started < 4
    assert defect
    assert defect.chance < 1e-6


BESIDE_A_PART: dict[str, Callable[[int, float], str]] = {
    "user beside its hash": lambda i, t: f"bob|{h('sha512', 'bob').hex()}",
    "user and second beside a hash of both": lambda i, t: f"bob:{int(t)}:{h('sha1', f'bob:{int(t)}').hex()}",
    "a member beside its hash": lambda i, t: b64(json.dumps({"u": "bob", "s": h("sha256", "bob").hex()}).encode()),
    "user beside a short label": lambda i, t: "bob.node3",
}


@pytest.mark.parametrize("name", BESIDE_A_PART)
def test_ids_whose_every_part_can_be_computed_are_reproduced(name: str) -> None:
    times = [START + 13.7 * i for i in range(6)]
    assert reproduce([BESIDE_A_PART[name](i, t) for i, t in enumerate(times)], BOB, times)


def test_a_name_beside_what_nobody_can_compute_is_not_reproduced() -> None:
    source = random.Random(11)
    mac = [source.randbytes(64).hex() for _ in range(20)]
    times = [START + i for i in range(20)]
    for values in (
        [f"bob|{mac[0]}" for _ in mac],
        [f"{h('md5', 'bob').hex()}.{code}" for code in mac],
        [b64(json.dumps({"u": "bob", "s": code}).encode()) for code in mac],
        [f"bob:{START + i:.0f}:{code}" for i, code in enumerate(mac)],
    ):
        assert reproduce(values, BOB, times) is None


SIGNATURE = random.Random(13).randbytes(64).hex()
SIGNED_NAMES: dict[str, Callable[[str, int], str]] = {
    "a name beside its code": lambda who, n: f"{who}|{h('sha512', SIGNATURE + who).hex()}",
    "a number beside its code": lambda who, n: f"{FACTS[who][1]}|{h('sha256', SIGNATURE + who).hex()}",
    "name and time beside their code": lambda who, n: f"{who}:{n}:{h('sha1', SIGNATURE + who + str(n)).hex()}",
}
FACTS = {"alice": ["alice", "42"], "bob": ["bob", "17"]}
"""What is known of each account; its number too short to be told from chance."""


@pytest.mark.parametrize("name", SIGNED_NAMES)
def test_a_signature_over_the_account_refers_to_no_session(name: str) -> None:
    owners = ["alice", "bob", "alice"]
    values = [SIGNED_NAMES[name](who, n) for n, who in enumerate(owners)]
    assert signs_account(values, owners, FACTS)


def test_a_signed_reference_stays_one() -> None:
    owners, source = ["alice", "bob", "alice"], random.Random(17)
    counted = [quote(f"s:{n}.{b64url(h('sha256', str(n)))}", safe="") for n in range(3)]
    random_half = [f"{who}|{source.randbytes(32).hex()}" for who in owners]
    fixed = {who: b64url(source.randbytes(24)) for who in FACTS}
    fixed_ids = [quote(f"s:{fixed[who]}.{b64url(h('sha256', fixed[who]))}", safe="") for who in owners]
    for values in (counted, random_half, fixed_ids):
        assert not signs_account(values, owners, FACTS)


def test_ids_chained_by_a_hash_are_reproduced() -> None:
    chain = itertools.accumulate(
        range(5), lambda before, _: hashlib.sha256(before.encode()).hexdigest(), initial="seed"
    )
    assert reproduce(list(chain), {})


GOOD: tuple[Maker, ...] = (
    lambda r: b64url(r.randbytes(32)),
    lambda r: r.randbytes(16).hex(),
    lambda r: b64url(r.randbytes(16)),
    lambda r: r.randbytes(32).hex(),
    lambda r: text_of(r, LOWER36, 32),
    lambda r: b64(r.randbytes(24)),
)


@pytest.mark.parametrize("block", range(10))
def test_random_ids_raise_no_alarm(block: int) -> None:
    """300 runs in all of 20 to 200 ids as `secrets.token_urlsafe` and `token_hex` make them, with fixed seeds."""
    for seed in range(30 * block, 30 * block + 30):
        source = random.Random(seed)
        maker = GOOD[seed % len(GOOD)]
        values = [maker(source) for _ in range(source.randrange(20, 201))]
        times = list(itertools.accumulate(source.choice([0.01, 0.3, 2.0]) for _ in values))
        kind = classify(values)
        assert kind.form == "reference"
        assert capacity_bits(kind.parts, kind.id_span) >= 128 - 1e-9
        assert static_positions(values) == ()
        assert sequence_defect(values) is None
        assert time_defect(values, [START + t for t in times]) is None
        for value in values[:40]:
            assert find_account_data(value, BOB) == find_account_data(value, ALICE) == []
            assert find_personal_data(value) == find_secrets(value) == []


def test_random_ids_are_not_reproduced() -> None:
    source = random.Random(9)
    for _ in range(3):
        values = [source.randbytes(16).hex() for _ in range(50)]
        assert reproduce(values, BOB, [START + i for i in range(50)]) is None


@pytest.mark.parametrize("count", [3, 4, 5, 8, 12])
def test_few_random_ids_show_no_order_even_behind_a_fixed_head(count: int) -> None:
    for seed in range(40):
        source = random.Random(seed)
        values = [f"{'a1' * 8}{source.randbytes(16).hex()}" for _ in range(count)]
        short = [source.randbytes(8).hex() for _ in range(count)]
        for ids in (values, short, [str(uuid4(source)) for _ in range(count)]):
            assert sequence_defect(ids) is None
            assert time_defect(ids, [START + i for i in range(count)]) is None


def test_time_ordered_uuids_are_no_v4() -> None:
    assert capacity_bits([str(uuid.uuid1()) for _ in range(5)]) < 64


def test_a_digest_before_the_data_is_a_signature() -> None:
    def beaker(session: dict[str, object]) -> str:
        data = base64.b64encode(pickle.dumps(session, 2))
        return hashlib.sha1(data).hexdigest() + data.decode()

    kind = classify([beaker({"_id": f"{n:032x}", "user": "alice"}) for n in range(3)])
    assert (kind.form, kind.scheme) == ("self-contained", "signed first")


def test_long_random_ids_are_no_digests_with_data() -> None:
    rng = random.Random(1)
    for _ in range(300):
        head = rng.randbytes(20).hex()
        for tail in (rng.randbytes(44).hex(), base64.urlsafe_b64encode(rng.randbytes(60)).decode()):
            assert classify([head + tail]).scheme != "signed first"


def test_a_password_beside_a_name_is_told_too() -> None:
    """As Apache's mod_session_cookie writes both without mod_session_crypto."""
    facts = {"user": "alice", "name": "alice", "password": "keeps-blue-herons"}
    leaks = find_account_data("private-user=alice&private-pw=keeps-blue-herons&expiry=1700000000", facts)
    assert [line.partition(" ")[0] for line in told(leaks)] == ["name", "password"]
