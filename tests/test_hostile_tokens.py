"""Tokens that are none, clocks that are far off, and accounts that a login locks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reference_impl import build
from reference_impl.clock import Clock
from tests.hostile.disguise import ODD, Disguised
from tests.hostile.runs import Done, assert_harmless, certified, described
from tests.hostile.scenarios import EVIL, page
from tests.hostile.server import Asked, Peer, Proper, Target, after, always, properly

YEARS = 10 * 365 * 86400.0
HOUR = 3600.0
FORGED = (
    "token.sig.bitflip",
    "token.sig.truncated",
    "token.alg.none",
    "token.exp.enforced",
    "token.life.access",
    "token.opaque.*",
)
TIMED = ("token.exp.*", "token.life.*", "session.timeout.*", "session.logout.replay", "refresh.absolute-expiry")
OWN = ("session.logout.replay", "session.logout.scope", "token.jti.unique", "token.revoke.logout")
"""Checks that log in anew."""
LOGGING_IN = ("login.password.exact", "login.enum.message", "login.injection", "session.logout.replay")
NO_TOKENS = [
    None,
    "",
    5,
    1.5,
    True,
    [],
    ["x"],
    {},
    {"token": "x"},
    "\x00",
    "a\r\nX-Evil: 1",
    EVIL,
    "\ud800",
    "x" * 10**6,
]


@pytest.mark.parametrize("form", ODD, ids=lambda form: form.replace(" ", "-"))
def test_what_looks_like_no_token_is_read_without_harm(form: str, tmp_path: Path) -> None:
    reference = build("token")
    with Target(Disguised(reference.app, ODD[form])) as target:
        done = certified(described(reference.describe(target.url), tmp_path, keys=None), FORGED)
    assert done.code in (1, 3, 0), done.err
    assert done.having("error") == {}
    # Whatever the text says of itself, the server knows it by heart: no edit of it is accepted.
    assert [id for id in done.having("fail") if id.startswith(("token.sig.", "token.alg."))] == []
    assert_harmless(done)


@pytest.mark.parametrize("turned", [always, after(25)], ids=["from-the-start", "after-preflight"])
def test_a_login_that_gives_no_token(turned: object, tmp_path: Path) -> None:
    async def nothing_of_use(peer: Peer, asked: Asked, proper: Proper) -> None:
        if not proper.body.startswith(b"{") or b'"access_token"' not in proper.body:
            await properly(peer, asked, proper)
            return
        given = NO_TOKENS[asked.number % len(NO_TOKENS)]
        await peer.give(proper.but(body=json.dumps({**json.loads(proper.body), "access_token": given}).encode()).raw)

    reference = build("token")
    with Target(reference.app, nothing_of_use, turned) as target:  # type: ignore[arg-type]
        done = certified(described(reference.describe(target.url), tmp_path), OWN)
    assert done.code == (2 if turned is always else 3), done.err
    if turned is not always:
        assert done.having("fail", "error") == {}
        assert all(done.having("inconclusive").values())
    assert_harmless(done)


# -- clocks


def certified_at(offset: float, scheme: str, tmp_path: Path) -> Done:
    clock = Clock()
    clock.advance(offset)
    reference = build(scheme, clock=clock)
    with Target(reference.app) as target:
        return certified(described(reference.describe(target.url), tmp_path), TIMED)


@pytest.mark.parametrize("offset", [YEARS, -YEARS, HOUR, -HOUR], ids=["in-10-years", "10-years-ago", "fast", "slow"])
@pytest.mark.parametrize("scheme", ["refresh", "oauth"])
def test_a_clock_that_is_far_off_is_no_violation(scheme: str, offset: float, tmp_path: Path) -> None:
    done = certified_at(offset, scheme, tmp_path)
    assert done.having("fail", "error") == {}
    assert "pass" in {check["outcome"] for check in done.checks.values()}
    assert_harmless(done)


# -- lock-out


def test_a_login_that_locks_accounts(tmp_path: Path) -> None:
    """After three failures in a row an account is locked for good, the kit's own failures among them."""
    failures: dict[str, int] = {}

    async def locking(peer: Peer, asked: Asked, proper: Proper) -> None:
        if asked.method != "POST" or asked.path != "/login":
            await properly(peer, asked, proper)
            return
        user = str(json.loads(asked.body)["user"])
        if failures.get(user, 0) >= 3:
            await peer.give(page(b'{"error": "locked"}', status=b"423 Locked"))
            return
        failures[user] = failures.get(user, 0) + 1 if proper.status >= 400 else 0
        await properly(peer, asked, proper)

    reference = build("session")
    with Target(reference.app, locking) as target:
        done = certified(described(reference.describe(target.url), tmp_path), LOGGING_IN)
    assert done.having("fail", "error") == {}, failures
    assert any(failures.values()), "the kit tried no wrong password"
    assert max(failures.values()) < 3 or any("423" in reason for reason in done.having("inconclusive").values())
    assert_harmless(done)


# -- words


def test_markup_in_every_text_of_a_violation(tmp_path: Path) -> None:
    """What a report shows of a failing target is text, whatever the target says."""

    async def shouting(peer: Peer, asked: Asked, proper: Proper) -> None:
        told = EVIL.replace("\n", "").replace("\x07", "").replace("\x1b", "").encode()
        body = proper.body
        if body.startswith(b"{"):
            body = json.dumps({EVIL: EVIL, **json.loads(body), "note": [EVIL, {EVIL: EVIL}]}).encode()
        plain = proper.but((b"X-Evil", told), (b"Server", told), (b"Set-Cookie", b"<b>=" + told), body=body)
        await peer.give(plain.head(b"<script>alert(1)</script>") + plain.body)

    reference = build("session", ("logout-clears-cookie-only",))
    with Target(reference.app, shouting) as target:
        done = certified(described(reference.describe(target.url), tmp_path), ("session.logout.*", "csrf.*"))
    assert done.code == 1
    assert done.having("fail")
    assert done.having("error") == {}
    assert_harmless(done)


def test_a_redirect_that_bears_secrets_leads_nowhere(tmp_path: Path) -> None:
    """A target that sends its session along to another host: the kit neither follows nor writes the secret down."""
    reference = build("session", ("logout-clears-cookie-only",))
    given: set[str] = set()

    async def handing_on(peer: Peer, asked: Asked, proper: Proper) -> None:
        ids = [v.decode().partition("=")[2].partition(";")[0] for k, v in proper.headers if k.lower() == b"set-cookie"]
        given.update(id for id in ids if len(id) >= 12)
        secret = (ids or ["none"])[-1]
        there = f"http://{peer.server.elsewhere}/in?sid={secret}#{secret}".encode()  # type: ignore[attr-defined]
        await peer.give(proper.but((b"Location", there), (b"Refresh", b"0; url=" + there)).raw)

    with Target(None) as elsewhere, Target(reference.app, handing_on) as target:
        target.elsewhere = f"127.0.0.1:{elsewhere.port}"  # type: ignore[attr-defined]
        done = certified(described(reference.describe(target.url), tmp_path), ("session.logout.*", "csrf.*"))
        assert elsewhere.connections == 0
    assert done.code in (1, 3), done.err
    assert given
    written = {p.name: p.read_text() for p in done.folder.rglob("*") if p.is_file()}
    for name, text in {**written, "stdout": done.out, "stderr": done.err}.items():
        assert not [one for one in given if one in text], name
    assert_harmless(done)
