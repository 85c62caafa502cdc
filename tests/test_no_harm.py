"""The kit does no harm: it goes where it was sent, as hard as it was told, and keeps what it learns to itself."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from conformance import cli
from conformance.model import Answer
from conformance.target import wire
from conformance.target.system import System
from conformance.target.wire import EVIDENCE_BODY, LOG_BYTES, Log, for_record
from reference_impl import build
from tests.hostile.runs import Done, assert_harmless, certified, described
from tests.hostile.scenarios import SCENARIOS
from tests.hostile.server import Asked, Peer, Proper, Scenario, Target, properly
from tests.test_hostile_answers import exchange_of
from tests.toys import Site, a_system

LIVELY = ("session.logout.replay", "session.issue.*", "csrf.token.missing", "session.list.truth", "error.status.unauth")


def run(tmp_path: Path, only: tuple[str, ...], *words: str, scenario: Scenario = properly, faults: tuple[str, ...] = (),
        scheme: str = "session", **changes: Any) -> tuple[Done, Target]:  # fmt: skip
    reference = build(scheme, faults)
    with Target(reference.app, scenario) as target:
        return certified(described(reference.describe(target.url), tmp_path, **changes), only, *words), target


# -- how hard it presses


def test_no_more_requests_at_once_than_told(tmp_path: Path) -> None:
    done, target = run(tmp_path, LIVELY, "--concurrency", "2", "--skip", "*.race.*")
    assert done.code == 0
    assert 1 <= target.most <= 2
    assert "at most 2 requests at once;" in done.out


def test_no_more_requests_in_a_second_than_told(tmp_path: Path) -> None:
    done, target = run(tmp_path, ("session.logout.replay",), "--rate", "50")
    assert done.code == 0
    assert "at most 16 requests at once, 50 a second;" in done.out
    moments = [asked.at for asked in target.seen]
    # Starts are spread by the sender; how late each arrives is the machine's, so the whole run is what counts.
    assert moments[-1] - moments[0] >= (len(moments) - 2) / 50


def test_quiet_is_kept_when_the_target_asks_for_it(tmp_path: Path) -> None:
    told: list[float] = []

    async def busy_once(peer: Peer, asked: Asked, proper: Proper) -> None:
        if asked.number == 45:
            told.append(asked.at)
            await peer.give(proper.but((b"Retry-After", b"1"), status=429).raw)
        else:
            await peer.give(proper.raw)

    done, target = run(tmp_path, ("session.logout.replay",), "--concurrency", "1", scenario=busy_once)
    assert done.code in (0, 3)
    following = [asked.at for asked in target.seen[45:]]
    assert following
    assert min(following) - told[0] >= 0.99


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(429, "7", 7.0), (503, "120", 120.0), (429, "1000000000", 1e9), (429, "9" * 400, 0.0), (429, "-1", 0.0),
     (429, "soon", 0.0), (429, "٣", 0.0), (429, None, 0.0), (200, "7", 0.0), (404, "7", 0.0),
     (429, "Mon, 30 Nov 2026 00:00:09 GMT", 7.0), (429, "Sun, 29 Nov 2026 00:00:00 GMT", 0.0),
     (503, "Fri, 99 Nov 9999 99:99:99 GMT", 0.0), (200, "Mon, 30 Nov 2026 00:00:09 GMT", 0.0)],
)  # fmt: skip
def test_how_long_a_target_asks_for_quiet(status: int, header: str | None, seconds: float) -> None:
    told = (("Retry-After", header),) if header else ()
    answer = Answer(status, (("Date", "Mon, 30 Nov 2026 00:00:02 GMT"), *told))
    assert wire.retry_after(answer) == seconds


@pytest.mark.asyncio
async def test_patience_is_bounded() -> None:
    system: System = a_system(Site())
    way_out = system.wire
    for _ in range(100):
        way_out._heed(Answer(429, (("Retry-After", "1000000000"),)))
    assert wire.PATIENCE - wire.QUIET - 0.1 <= way_out.patience <= wire.PATIENCE - wire.QUIET + 0.1
    await system.close()


# -- where it goes


@pytest.mark.parametrize(
    "name", ["redirects-to-another-host", "forms-that-lead-elsewhere", "a-page-of-links-elsewhere"]
)
def test_a_search_stays_on_the_host_that_it_was_given(name: str, tmp_path: Path) -> None:
    async def links(peer: Peer, asked: Asked, proper: Proper) -> None:
        there = peer.server.elsewhere  # type: ignore[attr-defined]
        page = f'<a href="http://{there}/login">log in</a><script src="//{there}/a.js"></script>'
        api = {"issuer": f"http://{there}", "servers": [{"url": f"http://{there}"}], "paths": {"/login": {"post": {}}}}
        api |= {key: f"http://{there}/{key}" for key in ("token_endpoint", "jwks_uri", "authorization_endpoint")}
        told = json.dumps(api) if ".json" in asked.path or "well-known" in asked.path else page
        kind = b"application/json" if told.startswith("{") else b"text/html"
        await peer.give(proper.but((b"Content-Type", kind), body=told.encode(), status=200).raw)

    reference = build("session")
    scenario = SCENARIOS[name].run if name in SCENARIOS else links
    with Target(reference.app) as elsewhere, Target(reference.app, scenario) as target:
        target.elsewhere = f"127.0.0.1:{elsewhere.port}"  # type: ignore[attr-defined]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert cli.main(["init", target.url, "-o", str(tmp_path / "target.toml")]) == 2
        assert target.connections
        assert elsewhere.connections == 0


def test_an_authorization_server_elsewhere_is_asked_only_when_it_is_named(tmp_path: Path) -> None:
    """Metadata of the target's own leads nowhere else: whoever means another host writes it down."""
    reference = build("oauth")

    async def luring(peer: Peer, asked: Asked, proper: Proper) -> None:
        if "well-known" not in asked.path:
            await peer.give(proper.raw)
            return
        told = {**json.loads(proper.body), "token_endpoint": f"http://{peer.server.elsewhere}/token"}  # type: ignore[attr-defined]
        await peer.give(proper.but(body=json.dumps(told).encode()).raw)

    with Target(reference.app) as elsewhere, Target(reference.app, luring) as target:
        target.elsewhere = f"127.0.0.1:{elsewhere.port}"  # type: ignore[attr-defined]
        table = reference.describe(target.url)
        oauth = {key: value for key, value in table["oauth"].items() if not key.endswith("_endpoint")}
        done = certified(described({**table, "oauth": oauth}, tmp_path), ("oauth.code.*",))
        assert elsewhere.connections == 0
    assert done.code in (2, 3), done.err


# -- what it keeps to itself


def test_no_secret_leaves_in_anything_written_or_printed(tmp_path: Path) -> None:
    reference = build("session", ("logout-clears-cookie-only",))
    kept: set[str] = set()

    async def noting(peer: Peer, asked: Asked, proper: Proper) -> None:
        for name, value in proper.headers:
            if name.lower() == b"set-cookie":
                kept.add(value.decode().partition("=")[2].partition(";")[0])
        await peer.give(proper.raw)

    with Target(reference.app, noting) as target:
        table = reference.describe(target.url)
        path = described(table, tmp_path)
        done = certified(path, ("session.logout.*", "session.issue.*", "csrf.*"))
    assert done.code == 1
    kept |= {account["password"] for account in table["accounts"].values()}
    secrets = {value for value in kept if len(value) >= 12}
    assert len(secrets) > 10
    spelled = {s for v in secrets for s in (v, quote_plus(v), b64encode(v.encode()).decode().rstrip("="))}
    written = {p.name: p.read_text() for p in done.folder.rglob("*") if p.is_file()}
    for name, text in {**written, "stdout": done.out, "stderr": done.err}.items():
        assert not [one for one in spelled if one in text], name
    assert_harmless(done)


def test_nothing_is_left_in_the_folder_of_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "temporary"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    run(tmp_path, ("session.logout.replay",))
    assert list(room.iterdir()) == []


# -- what it holds


def test_a_record_is_bounded_in_bytes() -> None:
    log, body = Log(), b"x" * (LOG_BYTES // 3)
    made = [exchange_of(Answer(200, (), body)) for _ in range(50)]
    for one in made:
        log.add(one)
    kept = list(log)
    assert log.count == 50
    assert kept[0] is made[0]
    assert log.last() is made[-1]
    assert sum(len(e.answer.body) for e in kept if e.answer) <= 2 * LOG_BYTES


def test_evidence_is_cut_before_a_word() -> None:
    secret = b"a-secret-of-the-target"
    body = b" " * (EVIDENCE_BODY - 5) + secret + b" " * 100
    answer = for_record(exchange_of(Answer(200, (), body))).answer
    assert answer is not None
    assert answer.truncated
    assert answer.body.strip() == b""
    short = exchange_of(Answer(200, (), secret))
    assert for_record(short) is short
    assert for_record(replace(short, answer=None, error="none")).answer is None
