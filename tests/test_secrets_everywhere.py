"""Nothing that the kit writes or prints holds a secret, by whatever door it goes out."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance import cli
from conformance.commands import certify as command
from reference_impl import build
from tests.hostile.runs import described
from tests.hostile.server import Asked, Peer, Proper, Target

LONG = 12
"""Shorter words may stand anywhere by chance."""
GIVEN = re.compile("token|code$|csrf|secret|password|verifier")
FAULTY = {
    "session": ("logout-clears-cookie-only", "session.logout.*"),
    "token": ("sig-zero", "token.sig.*"),
    "refresh": ("reuse-refused-only", "refresh.reuse*"),
    "oauth": ("code-reusable", "oauth.code.*"),
}


class Canaries:
    """A correct server whose every secret is noted as it passes: what it gives out, and what clients send it."""

    def __init__(self, scheme: str, *faults: str) -> None:
        self.reference = build(scheme, faults)
        self.seen: set[str] = set()
        self.target = Target(self.reference.app, self._noting)

    async def _noting(self, peer: Peer, asked: Asked, proper: Proper) -> None:
        for name, value in proper.headers:
            text = value.decode("latin-1")
            if name.lower() == b"set-cookie":
                self.seen.add(text.partition("=")[2].partition(";")[0])
            if name.lower() == b"location":
                self.seen |= {v for k, v in parse_qsl(urlsplit(text).query) if GIVEN.search(k)}
        self.seen |= {str(v) for k, v in _members(proper.body) if GIVEN.search(k)}
        if b"authorization_code" in asked.body:
            self.seen |= {v for k, v in parse_qsl(asked.body.decode()) if k in ("client_secret", "code_verifier")}
        await peer.give(proper.raw)

    @property
    def spelled(self) -> set[str]:
        """Every secret as it may be written."""
        table = self.reference.describe("http://127.0.0.1:1")
        found = {account["password"] for account in table["accounts"].values()} | self.seen
        clients = table.get("oauth", {}).get("clients", {})
        found |= {f"{id}:{client['secret']}" for id, client in clients.items() if "secret" in client}
        found |= {client["secret"] for client in clients.values() if "secret" in client}
        kept = {value for value in found if len(value) >= LONG}
        return {s for v in kept for s in (v, quote_plus(v), b64encode(v.encode()).decode().rstrip("="))}

    def assert_none_in(self, written: Mapping[str, str]) -> None:
        """What was written holds no secret; of a signed token the payload and the signature are."""
        spelled = self.spelled
        assert len(spelled) > LONG
        for name, text in written.items():
            assert not [one for one in spelled if one in text], name


def _members(body: bytes) -> Iterator[tuple[str, Any]]:
    try:
        told = json.loads(body)
    except ValueError:
        return
    if isinstance(told, dict):
        yield from ((k, v) for k, v in told.items() if isinstance(v, str))


def ran(*words: str) -> tuple[int, dict[str, str]]:
    """One command in this process: its exit code, and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    return code, {"stdout": out.getvalue(), "stderr": err.getvalue()}


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text(errors="replace") for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("scheme", FAULTY)
def test_reports_and_evidence(scheme: str, tmp_path: Path) -> None:
    fault, only = FAULTY[scheme]
    canaries = Canaries(scheme, fault)
    with canaries.target as target:
        path = described(canaries.reference.describe(target.url), tmp_path)
        code, printed = ran("certify", str(path), "--out", str(tmp_path / "r"), "--only", only, "--budget", "1")
    assert code == 1, printed
    written = files(tmp_path / "r")
    assert {Path(name).suffix for name in written} == {".json", ".html", ".xml", ".sarif", ".md", ".har", ".sh"}
    canaries.assert_none_in({**written, **printed})


def test_a_certificate_and_a_report_to_share(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(key)
    canaries = Canaries("token")
    with canaries.target as target:
        path = described(canaries.reference.describe(target.url), tmp_path)
        words = (
            "--profile",
            "bearer",
            "--sign",
            str(tmp_path / "key.pem"),
            "--share",
            "--out",
            str(tmp_path / "r"),
        )
        code, printed = ran("certify", str(path), *words)
    assert code == 0, printed
    written = files(tmp_path / "r")
    assert "certificate.json" in written
    canaries.assert_none_in({**written, **printed})
    assert not [name for name, text in written.items() if "127.0.0.1" in text]


@pytest.mark.parametrize("scheme", FAULTY)
@pytest.mark.parametrize(
    "words", [("certify", "--dry-run"), ("doctor", "-v"), ("doctor", "--json")], ids=["dry-run", "doctor-v", "json"]
)
def test_what_is_only_printed(words: tuple[str, str], scheme: str, tmp_path: Path) -> None:
    canaries = Canaries(scheme)
    with canaries.target as target:
        path = described(canaries.reference.describe(target.url), tmp_path)
        code, printed = ran(words[0], str(path), words[1])
    assert code == 0, printed
    assert printed["stdout"]
    canaries.assert_none_in(printed)


def test_a_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canaries = Canaries("token")
    for name, account in canaries.reference.describe("http://127.0.0.1:1")["accounts"].items():
        monkeypatch.setenv(f"{name.upper()}_PASSWORD", account["password"])
    with canaries.target as target:
        _, printed = ran("init", target.url, "-o", str(tmp_path / "target.toml"))
    assert canaries.seen, "nobody logged in"
    canaries.assert_none_in({**printed, "target.toml": (tmp_path / "target.toml").read_text()})


def test_the_output_of_pytest(tmp_path: Path) -> None:
    fault, only = FAULTY["session"]
    canaries = Canaries("session", fault)
    with canaries.target as target:
        path = described(canaries.reference.describe(target.url), tmp_path)
        words = ["conformance", "--target", str(path), "--only", only, "--out", str(tmp_path / "r"), "-vv", "-rA"]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml", str(tmp_path / "p.xml"), *words],
            capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
    assert run.returncode == 1, run.stdout
    printed = {"stdout": run.stdout, "stderr": run.stderr, "p.xml": (tmp_path / "p.xml").read_text()}
    canaries.assert_none_in({**printed, **files(tmp_path / "r")})


def test_a_bug_of_ours_tells_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canaries = Canaries("session")
    password = canaries.reference.describe("http://127.0.0.1:1")["accounts"]["alice"]["password"]

    def broken(*_: object) -> None:
        raise KeyError(password)

    monkeypatch.setattr(command, "_write", broken)
    with canaries.target as target:
        path = described(canaries.reference.describe(target.url), tmp_path)
        words = ("certify", str(path), "--out", str(tmp_path / "r"), "--only", "session.logout.replay")
        code, printed = ran(*words)
        assert code == 3
        assert re.search(r"a bug of Pickproof: KeyError", printed["stderr"])
        assert "certify.py" in printed["stderr"]
        canaries.assert_none_in(printed)
        monkeypatch.setenv("PICKPROOF_TRACEBACK", "1")
        assert password in ran(*words)[1]["stderr"]


@pytest.mark.parametrize("words", [("certify", "--dry-run"), ("doctor", "-v"), ("doctor", "--json")])
def test_garbage_that_quotes_a_password_is_masked(words: tuple[str, str], tmp_path: Path) -> None:
    async def quoting(peer: Peer, asked: Asked, proper: Proper) -> None:
        if asked.path != "/login":
            await peer.give(proper.raw)
            return
        await peer.give(json.loads(asked.body)["password"].encode() + b" is no HTTP\r\n\r\n")
        await peer.close()

    reference = build("token")
    with Target(reference.app, quoting) as target:
        table = reference.describe(target.url)
        code, printed = ran(words[0], str(described(table, tmp_path)), words[1])
    assert code == 2
    assert "not HTTP" in "".join(printed.values())
    passwords = [account["password"] for account in table["accounts"].values()]
    assert not [name for name, text in printed.items() if any(one in text for one in passwords)]
