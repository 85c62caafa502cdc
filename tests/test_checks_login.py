"""Logins: faults are caught, times never cry wolf, targets that throttle are left alone."""

from __future__ import annotations

import asyncio
import random

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from conformance.attacks.login_fields import GUESSES, Guess, almost, destination, guesses, marks, telling
from conformance.attacks.malformed import trace_in
from conformance.attacks.timing import LOOKS, clear_difference, level, open_difference, timing_difference
from conformance.explore import _draw
from conformance.model import Outcome, Verdict
from conformance.open import Options, opened
from conformance.registry import catalogue
from conformance.runner import judge_one
from conformance.target.logins import PAIRS
from conformance.target.preflight import preflight
from reference_impl import FAULTS
from tests.matrix import everything
from tests.toys import PASSWORDS, Site, proven, verdict_of

MINE = ("login.", "error.")
KILLS = [(f.id, f.primary) for f in FAULTS if f.scheme == "session" and f.primary.startswith(MINE)]
PAGE = "https://shop.example/login"


async def judged(target: str, check: str) -> Verdict:
    """The verdict of one check alone, every violation being a failure."""
    async with opened(target, Options()) as system:
        async for _ in preflight(system):
            pass
        return await judge_one(system, catalogue()[check], [everything()])


@pytest.mark.parametrize(("fault", "check"), KILLS)
def test_each_fault_is_caught_by_its_check_alone(fault: str, check: str) -> None:
    assert asyncio.run(judged(f"ref:session+{fault}", check)).outcome is Outcome.FAIL


@pytest.mark.parametrize("target", ["ref:session", "ref:session+html", "ref:session+login-200-error", "ref:token"])
@pytest.mark.parametrize("check", ["login.enum.message", "login.enum.time", "login.password.exact", "error.no-trace"])
def test_correct_servers_pass(target: str, check: str) -> None:
    assert asyncio.run(judged(target, check)).outcome is Outcome.PASS


def test_a_target_that_offers_no_account_for_it_is_not_hammered() -> None:
    async def scenario() -> set[str]:
        async with opened("ref:session", Options()) as system:
            accounts = {n: a for n, a in system.description.accounts.items() if a.role != "throttle"}
            system.description = system.description.model_copy(update={"accounts": accounts})
            async for _ in preflight(system):
                pass
            return {str(capability) for capability in system.capabilities}

    assert "throttle-account" not in asyncio.run(scenario())


def test_noise_alone_is_never_a_difference() -> None:
    rng = random.Random(7)
    decided = 0
    for _ in range(50):
        noisy = [tuple(0.01 + rng.expovariate(100) for _ in range(2)) for _ in range(PAIRS)]
        decided += timing_difference(noisy, rng=rng).decided  # type: ignore[arg-type]
    assert decided == 0


def test_a_missing_hash_is_a_difference() -> None:
    rng = random.Random(7)
    told = [(0.008 + rng.expovariate(2000), 0.002 + rng.expovariate(2000)) for _ in range(PAIRS)]
    assert timing_difference(told, rng=rng).decided


def test_the_bound_covers_the_median() -> None:
    def most(differences: list[float]) -> float:
        return open_difference([(1.0 + difference, 1.0) for difference in differences])

    assert most([0.001] * PAIRS) == pytest.approx(0.001)
    assert most([-0.02, *[0.0] * (PAIRS - 2), 0.02]) == pytest.approx(0.0)
    assert most([0.05 * (-1) ** at for at in range(PAIRS)]) == pytest.approx(0.05)


@pytest.mark.parametrize("count", LOOKS)
def test_what_is_level_is_plain_early(count: int) -> None:
    rng = random.Random(7)
    even = [(0.3 + rng.gauss(0, 0.002), 0.3 + rng.gauss(0, 0.002)) for _ in range(count)]
    assert level(even)
    assert not level([(known + 0.3, unknown) for known, unknown in even])
    assert not level([(known + 0.04, unknown) for known, unknown in even])
    assert not level([(known + 0.018, unknown) for known, unknown in even])
    assert not level([(0.3 + 0.2 * (-1) ** at, 0.3) for at in range(count)])


def test_a_missing_hash_is_plain_early() -> None:
    rng = random.Random(7)
    told = [(0.2 + rng.gauss(0, 0.03), 0.002 + rng.expovariate(2000)) for _ in range(18)]
    assert clear_difference(told).decided
    assert clear_difference([(unknown, known) for known, unknown in told]).effect < 0
    assert not clear_difference(told[:12]).decided
    assert not clear_difference([(0.0021, 0.002)] * 30).decided


def test_looking_early_never_takes_noise_for_a_difference() -> None:
    rng = random.Random(7)
    for _ in range(300):
        noisy = [(0.01 + rng.expovariate(100), 0.01 + rng.expovariate(100)) for _ in range(PAIRS)]
        assert not any(clear_difference(noisy[:count]).decided for count in LOOKS)


def test_looking_early_seldom_takes_a_difference_for_none() -> None:
    rng, missed = random.Random(7), 0
    for _ in range(200):
        # Two and a half times the floor, in noise as large.
        told = [(0.3 + 0.0375 + rng.gauss(0, 0.03), 0.3 + rng.gauss(0, 0.03)) for _ in range(PAIRS)]
        missed += any(level(told[:count]) for count in LOOKS)
    assert missed <= 2


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("/me", "shop.example"), ("me", "shop.example"), ("https://shop.example/x", "shop.example"),
        ("https://attacker.example/", "attacker.example"), ("//attacker.example", "attacker.example"),
        ("/\\attacker.example", "attacker.example"), ("\\\\attacker.example", "attacker.example"),
        ("///attacker.example/", "attacker.example"), ("/\t/attacker.example/", "attacker.example"),
        ("https:attacker.example/", "shop.example"), ("http:attacker.example/", "attacker.example"),
        ("https://shop.example@attacker.example/", "attacker.example"), ("javascript:alert(1)", "javascript:"),
        ("https://attacker.example\\@shop.example/", "attacker.example"), ("/x//attacker.example", "shop.example"),
    ],
)  # fmt: skip
def test_destinations_are_those_of_browsers(location: str, host: str) -> None:
    assert destination(location, PAGE) == host


def test_almost_is_never_the_password() -> None:
    for password in ("Abc 1", "alice-Sews-9-Green-Kites", "12345678", "x"):
        assert password not in almost(password).values()


@pytest.mark.parametrize("seed", range(5))
def test_the_table_of_guesses_is_drawn_whole(seed: int) -> None:
    drawn = [repr(guess) for inputs in _draw({"typed": guesses()}, seed, 32) for guess in inputs["typed"]]
    assert {repr(guess) for guess in GUESSES} <= set(drawn)
    assert len(drawn) > len(GUESSES) + 15
    assert Guess(user="{user}").named("bob").user == "bob"


def test_marks_ignore_what_is_new_in_every_answer() -> None:
    headers = (("Content-Type", "text/html"), ("Date", "now"), ("Set-Cookie", "sid=1f"))
    body = '<input value="{}"><p>no such name or password, bob ({})</p>'
    one = marks(200, headers, body.format("a9f8e7d6c5b4a3f2", 3).encode(), "bob")
    two = marks(200, headers, body.format("0011223344556677", 9).encode(), "bob")
    assert one == two
    other = marks(200, headers, b"<p>there is no such user</p>", "pp12")
    assert telling([one, two], [other])["second"] == ["the text 'there is no such user'"]


@pytest.mark.parametrize(
    "body",
    [
        b'Traceback (most recent call last):\n  File "x.py", line 3', b"at a.b.C.d(C.java:12)", b"panic: x\n",
        b"    at Object.<anonymous> (/srv/app/index.js:10:3)", b"SQLSTATE[42000]: x", b"ORA-00933: x",
        b"open /var/www/shop/config.php failed",
    ],
)  # fmt: skip
def test_traces_are_seen(body: bytes) -> None:
    assert trace_in(b"<html>" + body)


@pytest.mark.parametrize(
    "body", [b"", b'{"error": "bad request at line 3"}', b"<a href='/home/'>Home</a>", b"404 Not Found"]
)
def test_plain_errors_are_no_traces(body: bytes) -> None:
    assert trace_in(body) is None


class Deaf(Site):
    """Its form drops what the page's address says; the login itself would go wherever its body says."""

    async def page(self, request: Request) -> Response:
        form = "<form method=post action='/login'><input name=user><input type=password name=password></form>"
        return HTMLResponse(form)

    async def login(self, request: Request) -> Response:
        told = await request.form()
        name = str(told["user"])
        if PASSWORDS.get(name) != told["password"]:
            return Response(status_code=401)
        answer = RedirectResponse(str(told.get("next", "/me")), 303)
        answer.set_cookie("sid", self.new_session(name), httponly=True)
        return answer


@pytest.mark.asyncio
async def test_a_field_that_no_link_can_put_into_the_form_is_no_open_redirect() -> None:
    login = {"page": "/login", "fill": {"user": "{user}", "password": "{password}"}}
    async with proven(Deaf(), {"login": login, "return_parameter": "next"}) as system:
        verdict = await verdict_of(system, catalogue()["login.redirect.open"])
    assert verdict.outcome == "inconclusive"
    assert "is `return_parameter` right?" in verdict.reason
