"""What somebody meets who has never seen the kit: errors that say what to do, commands that work as printed."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance import registry
from conformance.baseline import write_baseline
from conformance.cli import main
from conformance.commands.explain import explanation
from conformance.errors import UsageError
from conformance.masking import Secrets
from conformance.model import Outcome, Report, Verdict
from conformance.open import Options
from conformance.report import facts
from conformance.report.page import to_html
from conformance.report.write import obstacle
from conformance.target.description import parse
from conformance.target.wire import Limits
from tests.test_init_shapes import PLAIN, WRITTEN
from tests.test_report import a_check, report, secrets
from tests.toys import BASE, PASSWORDS, Site

__all__ = ["report", "secrets"]


# -- where reports go


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_attacked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    for out in ("file", "file/below"):
        assert main(["certify", "ref:session", "--out", str(tmp_path / out), "--only", "cookie.attr.path"]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert f"{tmp_path / 'file'} is no folder" in told.err


def test_a_folder_that_is_not_there_yet_is_no_obstacle(tmp_path: Path) -> None:
    assert obstacle(tmp_path / "a" / "b") is None


def test_a_report_that_cannot_be_written_stands_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("conformance.commands.certify.write", full)
    words = ["certify", "ref:session+no-httponly", "--out", str(tmp_path), "--only", "cookie.attr.httponly"]
    assert main(words) == 1
    told = capsys.readouterr()
    assert "FAIL  cookie.attr.httponly" in told.out
    assert "No space left on device" in told.err


# -- commands as printed


def test_the_command_to_run_again_is_one_for_a_shell(report: Report) -> None:
    target = replace(report.target, word="my shop/target é.toml", scheme="session")
    harmful = Verdict(replace(a_check("x.y.z"), destructive=True), Outcome.FAIL)
    words = shlex.split(" ".join(facts.again(replace(report, target=target), harmful, Secrets())))
    assert words[:3] == ["pickproof", "certify", "my shop/target é.toml"]
    assert words[words.index("--allow") + 1] == "destructive"
    assert [words[at + 1] for at, word in enumerate(words) if word == "--profile"] == list(report.profiles)


def test_profiles_that_are_chosen_anyway_are_not_repeated(report: Report) -> None:
    usual = dict.fromkeys(facts.default_profiles("session"), "conforms")
    plain = replace(report, profiles=usual, target=replace(report.target, scheme="session"))
    assert "--profile" not in " ".join(facts.again(plain, report.verdicts[0], Secrets()))


def test_commands_that_are_told_reach_the_target_too(report: Report, tmp_path: Path) -> None:
    limits = Limits(concurrency=4, rate=2.5)
    reach = Options(limits, ca=tmp_path / "my ca.pem", proxy="http://me:pa:ss@proxy:3128", timeout=30.0)
    told = ("--ca", str(tmp_path / "my ca.pem"), "--proxy", "http://me:PASSWORD@proxy:3128")
    assert reach.words == (*told, "--rate", "2.5", "--concurrency", "4", "--timeout", "30")
    assert Options(insecure=True).words == ("--insecure",)
    target = replace(report.target, reached=reach.words)
    again = facts.again(replace(report, target=target), report.verdicts[0], Secrets())
    assert shlex.split(" ".join(again))[-len(reach.words) :] == list(reach.words)


@pytest.mark.parametrize("options", [Options(), Options(Limits(16, None), timeout=10)])
def test_what_is_usual_is_not_repeated(options: Options) -> None:
    assert options.words == ()


# -- words that mean nothing


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["certify", "localhost:8000"], "for a URL say http://localhost:8000"),
        (["certify", "nowhere.toml"], "`pickproof init URL` drafts one"),
        (["certify", "nowhere"], "a URL, ref:SCHEME"),
        (["certify", "ref:session+logout-clears"], "did you mean"),
    ],
)
def test_a_wrong_word_leads_on(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said) < 300


@pytest.mark.parametrize("words", [["--rate", "x"], ["--concurrency", "x"], ["--concurrency", "-1"]])
def test_numbers_that_are_none_are_told_in_plain_words(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["certify", "ref:session", *words])
    assert re.search(r"is not a (positive )?number", capsys.readouterr().err)


# -- what the report says of itself


def test_known_failures_are_no_conformity(report: Report) -> None:
    known = replace(report, verdicts=(Verdict(a_check("x.y.z"), Outcome.KNOWN),), partial=None)
    assert known.exit_code == 0
    assert facts.exit_meaning(known) == "no failure besides 1 known one, which the baseline accepts"


def test_a_run_that_decided_no_profile_does_not_conform(report: Report) -> None:
    passed = replace(report, verdicts=(Verdict(a_check("x.y.z"), Outcome.PASS),), partial=None)
    assert facts.exit_meaning(replace(passed, profiles={"p": "undecided"})) == "nothing that was tested is violated"
    assert facts.exit_meaning(replace(passed, profiles={"p": "conforms"})).startswith("conforms")


def test_the_page_begins_with_what_failed(report: Report, secrets: Secrets) -> None:
    text = to_html(report, secrets)
    index = text[text.index('class="found"') : text.index("</ul>", text.index('class="found"'))]
    assert re.findall(r'href="([^"]+)"', index) == [f"#{v.check.id}" for v in facts.having(report, Outcome.FAIL)]


def test_the_page_says_what_each_source_asks(report: Report, secrets: Secrets) -> None:
    assert "ASVS-v5.0.0-7.4.1</span> (L1): A session that was ended" in to_html(report, secrets)


def test_a_baseline_says_what_is_accepted(report: Report, tmp_path: Path) -> None:
    known = next(iter(registry.catalogue().values()))
    write_baseline(tmp_path / "b.toml", [replace(report, verdicts=(Verdict(known, Outcome.FAIL),))], ())
    assert f'# {known.title}\nid = "{known.id}"' in (tmp_path / "b.toml").read_text()


# -- checks of others


def test_a_source_of_ones_own_is_explained_as_such() -> None:
    told = "\n".join(explanation(a_check("shop.logout.twice", sources=("SHOP-1", "CWE-613"))))
    assert "SHOP-1: in no document that Pickproof has" in told
    assert "proven by" not in told


def test_a_package_whose_checks_are_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        value = "shop_checks.session"

        def load(self) -> None:
            raise ModuleNotFoundError("No module named 'nix'")

    monkeypatch.setattr(registry, "entry_points", lambda **_: [Point()])
    with pytest.raises(UsageError, match=r"shop_checks\.session.*No module named 'nix'"):
        list(registry._modules())


# -- logins that stop a program


class Foreign(Site):
    """A site in German: a form to log in, one to log out, and a newsletter that one can leave."""

    more, otp = "", False

    def routes(self) -> list[Route]:
        return [
            Route("/", self.home),
            Route("/anmelden", self.form, methods=["GET", "POST"]),
            Route("/code", self.code, methods=["GET"]),
            Route("/abmelden", self.out, methods=["POST"]),
            Route("/newsletter/abmelden", self.left),
        ]

    async def form(self, request: Request) -> Response:
        told = dict(await request.form()) if request.method == "POST" else {}
        user = str(told.get("nutzer", ""))
        if user and PASSWORDS.get(user) == told.get("kennwort") and not self.more:
            away = RedirectResponse("/code" if self.otp else "/", 303)
            away.set_cookie("sid", self.new_session("" if self.otp else user), httponly=True)
            return away
        return HTMLResponse(
            f"<form method=post action=/anmelden><input name=nutzer><input type=password name=kennwort>{self.more}"
            "<button>Anmelden</button></form>"
        )

    async def code(self, request: Request) -> Response:
        return HTMLResponse("<form method=post><input name=code autocomplete=one-time-code><button>ok</button></form>")

    async def home(self, request: Request) -> Response:
        user = self.sessions.get(request.cookies.get("sid", ""))
        if not user:
            return RedirectResponse("/anmelden", 303)
        return HTMLResponse(
            f"<h1>Konto</h1><b id=who>{user}</b><a href=/newsletter/abmelden>Abmelden</a><a href=/bestellungen>mehr</a>"
            "<form method=post action=/abmelden><button>Abmelden</button></form>"
        )

    async def out(self, request: Request) -> Response:
        self.sessions.pop(request.cookies.get("sid", ""), None)
        return RedirectResponse("/anmelden", 303)

    async def left(self, request: Request) -> Response:
        self.sessions["left"] = "left"
        return HTMLResponse("left")


async def drafted(app: Any) -> Any:
    import httpx

    from conformance.discover.search import discover

    options = Options(transport=lambda: httpx.ASGITransport(app=app, raise_app_exceptions=False))
    return await discover(BASE, PLAIN, WRITTEN, options)


@pytest.mark.asyncio
async def test_a_logout_in_another_language_is_found_and_no_newsletter_is_left() -> None:
    site = Foreign()
    found = await drafted(site)
    assert found.works
    assert found.draft.table["logout"] == {"page": "/", "action": "/abmelden"}
    assert "left" not in site.sessions
    assert "GET /bestellungen" in found.draft.wishes["protected"]
    assert parse({**found.draft.table, "accounts": PLAIN}, "draft").logout


@pytest.mark.asyncio
async def test_a_second_factor_is_named() -> None:
    site = Foreign()
    site.otp = True
    found = await drafted(site)
    assert "after the password /code asks for code" in found.draft.todo["identity"].replace("After", "after")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("more", "told"),
    [("<input name=tenant>", "its form also asks for tenant"), ("<div class=g-recaptcha></div>", "has a captcha")],
)
async def test_what_else_a_login_form_wants_is_named(more: str, told: str) -> None:
    site = Foreign()
    site.more = more
    found = await drafted(site)
    assert told in found.draft.todo["login"]
    # A key that is there already is not offered a second time.
    assert found.draft.text().count("login = ") == 1
