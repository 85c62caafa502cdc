"""Certificates: what is signed, that every change is seen, and what a certificate may never vouch for."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance import cli
from conformance.certificate import (
    CertificateError,
    Signer,
    encoded,
    not_tested,
    objections,
    opened,
    public_key,
    required,
    statement,
)  # fmt: skip
from conformance.certify import Selection, Session
from conformance.commands.certify import _refuse_cut
from conformance.errors import UsageError
from conformance.masking import Secrets
from conformance.model import Outcome, Report, Summary, Verdict
from conformance.open import Options
from conformance.open import opened as opened_target
from conformance.registry import catalogue
from conformance.target.clock import RealClock

PROFILE = "asvs-5.0.0-auth-l1"
STARTED = datetime(2026, 11, 23, 6, 47, tzinfo=UTC)
NOW = STARTED + timedelta(days=3)


def pem(key: Any) -> bytes:
    plain = serialization.NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return made


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    (tmp_path / "key.pem").write_bytes(pem(key))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "pub.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, spki))
    return tmp_path / "key.pem", tmp_path / "pub.pem"


def a_report(**outcomes: Outcome) -> Report:
    """A whole run in which every check passed, but for those named (with underscores for dots)."""
    named = {id.replace("_", "."): outcome for id, outcome in outcomes.items()}
    verdicts = tuple(Verdict(c, named.get(c.id, Outcome.PASS), "L1") for c in catalogue().values())
    target = Summary("shop", "http://127.0.0.1:8000", "session", ("login",), {}, "real", "ab" * 32)
    chosen = {"only": [], "skip": [], "allow": [], "budget": 300.0}
    return Report("0.1.0", target, {PROFILE: "conforms"}, chosen, None, 0, STARTED.isoformat(), 9.0, 9, 9, verdicts)


def signed(report: Report, keys: tuple[Path, Path]) -> Path:
    path = keys[0].with_name("certificate.json")
    path.write_text(Signer.load(keys[0]).sign(statement(report, Secrets(), b"{}")))
    return path


def against(report: Report, keys: tuple[Path, Path], *demanded: str, **more: Any) -> list[str]:
    certificate = opened(signed(report, keys), public_key(keys[1]))
    return objections(certificate, demanded, **({"now": NOW} | more))


def test_it_is_an_in_toto_statement_in_a_dsse_envelope(keys: tuple[Path, Path]) -> None:
    envelope = json.loads(signed(a_report(session_logout_replay=Outcome.FAIL), keys).read_text())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(envelope["payload"])
    made = json.loads(payload)
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert made["subject"] == [{"name": "shop", "digest": {"sha256": "ab" * 32}}]
    assert made["predicate"]["result"] == "FAILED"
    assert made["predicate"]["failedTests"] == ["session.logout.replay"]
    prefix = f"DSSEv1 28 application/vnd.in-toto+json {len(payload)} ".encode()
    assert encoded(payload) == prefix + payload
    public_key(keys[1]).verify(base64.b64decode(envelope["signatures"][0]["sig"]), prefix + payload)


def test_a_whole_run_that_passed_holds(keys: tuple[Path, Path]) -> None:
    assert against(a_report(), keys) == []
    assert against(a_report(), keys, PROFILE, max_age=30 * 86400) == []


def test_every_changed_byte_is_seen(keys: tuple[Path, Path]) -> None:
    path, key = signed(a_report(), keys), public_key(keys[1])
    whole = path.read_bytes()
    payload = range(whole.index(b'payload"') + 12, whole.index(b'payloadType"') - 8)
    # All bytes outside of the long payload, and a sample of those inside: each has the same way to be seen.
    places = [at for at in range(len(whole)) if at not in payload] + random.Random(1).sample(list(payload), 200)
    for at in places:
        for value in (whole[at] ^ 1, whole[at] ^ 0x20):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            with pytest.raises(CertificateError):
                opened(path, key)
    for changed in (whole[:-1], whole + b"\n", whole[: len(whole) // 2], b"", b"[]", b"{}", b"\xff", b"[" * 90000):
        path.write_bytes(changed)
        with pytest.raises(CertificateError):
            opened(path, key)


def test_another_key_is_told(keys: tuple[Path, Path], tmp_path: Path) -> None:
    path = signed(a_report(), keys)
    with pytest.raises(CertificateError, match="signed by another key"):
        opened(path, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.KNOWN, Outcome.INCONCLUSIVE, Outcome.ERROR])
def test_a_required_check_that_did_not_pass_is_told(outcome: Outcome, keys: tuple[Path, Path]) -> None:
    assert "session.logout.replay" in required(PROFILE)
    assert against(a_report(session_logout_replay=outcome), keys) == [f"{PROFILE}: session.logout.replay: {outcome}"]


def test_a_profile_s_own_word_is_not_believed(keys: tuple[Path, Path]) -> None:
    lying = dataclasses.replace(a_report(session_logout_replay=Outcome.FAIL), profiles={PROFILE: "conforms"})
    assert against(lying, keys)


def test_a_missing_check_is_told(keys: tuple[Path, Path]) -> None:
    report = a_report()
    fewer = dataclasses.replace(report, verdicts=report.verdicts[:0])
    told = against(fewer, keys)
    assert any("session.logout.replay is missing" in text for text in told)
    assert any("not one check" in text for text in told)


def test_what_could_not_be_tested_is_named_and_never_enough(keys: tuple[Path, Path]) -> None:
    certificate = opened(signed(a_report(session_logout_replay=Outcome.NOT_APPLICABLE), keys), public_key(keys[1]))
    assert not_tested(certificate, PROFILE) == ("session.logout.replay",)
    nothing = {id.replace(".", "_"): Outcome.NOT_APPLICABLE for id in catalogue()}
    assert any("not one check" in text for text in against(a_report(**nothing), keys))


def test_age_selection_and_profile_are_judged(keys: tuple[Path, Path]) -> None:
    assert "days old" in against(a_report(), keys, max_age=2 * 86400)[0]
    assert "future" in against(a_report(), keys, now=STARTED - timedelta(hours=1))[0]
    cut = dataclasses.replace(a_report(), selection={"only": ["a.*"], "skip": []})
    assert "left checks out" in against(cut, keys)[0]
    assert "not judged by this profile" in against(a_report(), keys, "rfc8725")[0]
    with pytest.raises(UsageError, match="unknown profile"):
        against(a_report(), keys, "nonsense")


def test_a_signed_lie_about_its_own_lists_is_seen(keys: tuple[Path, Path]) -> None:
    made = statement(a_report(), Secrets(), b"{}")
    made["predicate"]["passedTests"].pop()
    keys[0].with_name("c.json").write_text(Signer.load(keys[0]).sign(made))
    with pytest.raises(CertificateError, match="do not agree"):
        opened(keys[0].with_name("c.json"), public_key(keys[1]))


@pytest.mark.parametrize("kind", ["missing", "garbage", "other", "encrypted", "public"])
def test_a_key_that_cannot_sign_is_told_at_once(kind: str, keys: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "bad.pem"
    private = serialization.PrivateFormat.PKCS8
    locked = serialization.BestAvailableEncryption(b"passphrase")
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    texts = {"garbage": b"hello", "other": pem(ec.generate_private_key(ec.SECP256R1())),
             "encrypted": key.private_bytes(serialization.Encoding.PEM, private, locked),
             "public": keys[1].read_bytes()}  # fmt: skip
    if kind in texts:
        path.write_bytes(texts[kind])
    with pytest.raises(UsageError, match=r"--sign .*bad\.pem"):
        Signer.load(path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "session.logout.*"], "leave out --only and --skip"),
        (["--skip", "session.logout.*"], "leave out --only and --skip"),
        (["--dry-run"], "a dry run"),
    ],
)
def test_a_selected_run_gets_no_certificate(
    words: list[str], told: str, keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["certify", "ref:session", "--sign", str(keys[0]), "--out", str(out), *words]) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_a_budget_that_cuts_gets_no_certificate() -> None:
    async def prepared(budget: float) -> Session:
        async with opened_target("ref:session", Options()) as system:
            system.clock = RealClock()  # the reference server's own clock travels, so nothing would be cut
            session = Session(system, Selection(budget=budget))
            await session.prepare()
            return session

    with pytest.raises(UsageError, match=r"a budget of 1 s leaves out .*session\."):
        _refuse_cut(asyncio.run(prepared(1)))
    _refuse_cut(asyncio.run(prepared(1e8)))


def test_the_command_tells_people_and_programs(
    keys: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, key = signed(a_report(), keys), ["--key", str(keys[1])]
    assert cli.main(["verify", str(path), *key]) == 0
    assert "holds: shop" in capsys.readouterr().out
    assert cli.main(["verify", str(path), *key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True
    path.write_bytes(path.read_bytes().replace(b"e", b"f", 1))
    assert cli.main(["verify", str(path), *key]) == 1
    assert "certificate.json" in capsys.readouterr().err
    assert cli.main(["verify", str(path), *key, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["valid"] is False
    assert cli.main(["verify", str(tmp_path / "none.json"), *key]) == 2
    assert cli.main(["verify", str(path), "--key", str(keys[0])]) == 2
    with pytest.raises(SystemExit):
        cli.main(["verify", str(path), *key, "--max-age", "soon"])
