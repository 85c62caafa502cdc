"""A target on a bad line, or with bad papers: what is true of it stays true, or stays open."""

from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.hostile.runs import as_command, assert_harmless, certified, described
from tests.hostile.scenarios import SCENARIOS, page
from tests.hostile.server import Asked, Peer, Proper, Scenario, after, sometimes
from tests.test_hostile import CHECKS, a_description, target_of

PREFLIGHT = 40
"""Requests that are answered well in any case; preflight of the reference servers makes fewer."""
KILLED = {
    "logout-clears-cookie-only": "session.logout.replay",
    "csrf-wrong-ok": "csrf.token.other-session",
    "csrf-missing-ok": "csrf.token.missing",
}
PEAK = 300 * 2**20
"""Bytes that the whole process may take; it takes about a hundred for itself."""


async def bad_line(peer: Peer, asked: Asked, proper: Proper) -> None:
    """Something that says nothing of the credential."""
    match peer.random.randrange(6):
        case 0:
            await peer.reset()
        case 1:
            await peer.close()
        case 2:
            await peer.give(b"\x16\x03\x01garbage\r\n\r\n")
        case 3:
            await peer.give(page(b"<h1>oops</h1>", status=b"503 Service Unavailable"))
        case 4:
            await peer.give(page(b"<h1>bad gateway</h1>", status=b"502 Bad Gateway"))
        case _:
            await peer.give(proper.but(body=proper.body + b" ").raw[:-1])
            await peer.close()


def _known(fault: str) -> bool:
    from reference_impl import FAULTS

    return fault in {one.id for one in FAULTS if one.scheme == "session"}


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_line_is_no_violation(seed: int, tmp_path: Path) -> None:
    with target_of(bad_line, sometimes(0.15, seed, PREFLIGHT)) as target:
        target.random.seed(seed)
        done = certified(a_description(target, tmp_path), CHECKS)
    assert done.code in (0, 3)
    assert done.having("fail", "error") == {}
    assert_harmless(done)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fault", [f for f in KILLED if _known(f)])
def test_a_bad_line_hides_no_violation(fault: str, seed: int, tmp_path: Path) -> None:
    with target_of(bad_line, sometimes(0.15, seed, PREFLIGHT), switches=(fault,)) as target:
        target.random.seed(seed)
        done = certified(a_description(target, tmp_path), (KILLED[fault],))
    assert done.checks[KILLED[fault]]["outcome"] in ("fail", "inconclusive")


@pytest.mark.parametrize("count", range(0, 30, 3))
def test_turning_amid_preflight_ends_with_one_message(count: int, tmp_path: Path) -> None:
    with target_of(SCENARIOS["garbage"].run, after(count)) as target:
        done = certified(a_description(target, tmp_path), CHECKS)
    assert done.code in (2, 3)
    assert done.err.startswith("pickproof: ") or done.code == 3
    assert "pass" not in {c["outcome"] for c in done.checks.values()} if done.code == 3 else True
    assert_harmless(done)


# -- papers


def a_certificate(folder: Path, days: int) -> ssl.SSLContext:
    """Of 127.0.0.1, made by itself, ending in so many days."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "t")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=20))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(public)
    (folder / "both.pem").write_bytes(secret + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@pytest.mark.parametrize(("days", "trusted", "told"), [(-2, True, "expired"), (2, False, "certificate")])
def test_bad_papers_are_told(days: int, trusted: bool, told: str, tmp_path: Path) -> None:
    target = target_of(SCENARIOS["garbage"].run, after(10**9))
    target.tls = a_certificate(tmp_path, days)
    with target:
        words = ("--ca", str(tmp_path / "ca.pem")) if trusted else ()
        done = certified(a_description(target, tmp_path), CHECKS, *words)
    assert done.code == 2
    assert told in done.err
    assert target.seen == []


@pytest.mark.parametrize(
    ("name", "told"),
    [("a-reset-before-it-is-asked", "no connection"), ("it-answers-before-it-is-asked", "TLS"),
     ("never-answers", "no connection in time: 127.0.0.1:\\d+ did not accept within")],
    ids=["reset", "garbage", "silence"],
)  # fmt: skip
def test_a_handshake_that_fails_is_told(name: str, told: str, tmp_path: Path) -> None:
    """The scheme says https, and what listens there speaks no TLS."""
    with target_of(SCENARIOS[name].run, after(-1), greets=True) as target:
        table = target.reference.describe(target.url.replace("http:", "https:"))  # type: ignore[attr-defined]
        done = certified(described(table, tmp_path), CHECKS, "--timeout", "0.5")
    assert done.code == 2
    assert re.search(told, done.err), done.err
    assert target.seen == []
    assert_harmless(done)


# -- as a command


@pytest.mark.parametrize("name", ["a-gzip-bomb", "endless-body", "thousands-of-cookies", "json-of-absurd-depth"])
def test_the_whole_process_stays_small(name: str, tmp_path: Path) -> None:
    run: Scenario = SCENARIOS[name].run
    with target_of(run, after(PREFLIGHT)) as target:
        path = a_description(target, tmp_path)
        words = ["certify", str(path), "--out", str(tmp_path / "report"), "--budget", "1", "--only", "session.logout.*"]
        done = as_command(words)
    assert done.code in (1, 3), done.err
    assert done.having("error") == {}
    assert done.peak < PEAK
    assert_harmless(done)
