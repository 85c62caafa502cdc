"""The renderers: what people and programs read, that it is true, whole, harmless and free of secrets."""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, strategies
from rich.console import Console

from conformance.estimate import Cost
from conformance.masking import Secrets
from conformance.model import Answer, Capability, Check, Exchange, Outcome, Report, Request, Summary, Verdict
from conformance.report.curl import script
from conformance.report.document import schema, to_json
from conformance.report.har import to_har
from conformance.report.junit import to_junit
from conformance.report.live import Live, estimate
from conformance.report.page import to_html
from conformance.report.safe import clean
from conformance.report.terminal import show
from conformance.report.write import write
from conformance.runner import Plan, Progress

SESSION = "s3ss10n-0f-al1ce-d34db33f"
PASSWORD = "correct horse/battery+staple"
FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl"
UNKNOWN = "never-learned-0123456789abcdef"
HOSTILE = "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\r\n\u202egnp.exe\u2066\x9b31m\ud800]]>&'\""
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
URL = "http://127.0.0.1:8000"


async def _attack(_target: object) -> None:
    """Never run here."""


def a_check(id: str, title: str = "Something must hold.", **more: object) -> Check:
    fields = {"story": "Why it matters, in a sentence.", "remedy": "Do the right thing on the server, every time.",
              "needs": (Capability.LOGIN,), "sources": ("ASVS-v5.0.0-7.4.1", "CWE-613"), "run": _attack}  # fmt: skip
    return Check(id=id, title=title, **(fields | more))  # type: ignore[arg-type]


def an_exchange(purpose: str, request: Request, answer: Answer | None, error: str | None = None) -> Exchange:
    return Exchange(request, answer, error, "alice", purpose, 1_790_000_000.25, 0.0123)


def login_step() -> Exchange:
    body = b"user=alice&password=correct+horse%2Fbattery%2Bstaple"
    heads = ((b"host", b"127.0.0.1:8000"), (b"content-type", b"application/x-www-form-urlencoded"))
    answer = Answer(303, (("Location", "/me"), ("Set-Cookie", f"sessionid={SESSION}; HttpOnly; SameSite=Strict")))
    return an_exchange("alice logs in", Request("POST", f"{URL}/login?next=%2Fme", heads, body), answer)


def thief_step(body: bytes = b'{"name": "alice"}') -> Exchange:
    cookie = f"sessionid={SESSION}; other={UNKNOWN}".encode()
    heads = ((b"host", b"127.0.0.1:8000"), (b"cookie", cookie), (b"authorization", f"Bearer {FORGED}".encode()))
    answer = Answer(200, (("Content-Type", "application/json"), ("X-Evil", HOSTILE)), body)
    return an_exchange("a thief with alice's session: who am I?", Request("GET", f"{URL}/me", heads), answer)


def broken_step() -> Exchange:
    request = Request("PUT", f"{URL}/$(touch owned)/%1b?q=`id`", ((b"x-note", b"$HOME 'quoted'"),), b"\xff\x00")
    return an_exchange(f"bob tries {HOSTILE}", request, None, "no answer in time")


@pytest.fixture
def secrets() -> Secrets:
    known = Secrets()
    known.learn(SESSION, "sessionid cookie of alice")
    known.learn(PASSWORD, "password of alice")
    return known


@pytest.fixture
def report() -> Report:
    logout = a_check("session.logout.replay", "A session copied before logout is refused after it, on every route.")
    long_id = a_check("token.signature.confusion-with-embedded-jwk1", "A token that brings its own key is refused.")
    verdicts = (
        Verdict(logout, Outcome.FAIL, "L1", "a thief with alice's session is refused at GET /me",
                f"accepted as {HOSTILE}", "", None, 1.234, 7, (login_step(), thief_step(), thief_step(b"\xff\xfe"))),
        Verdict(long_id, Outcome.FAIL, "MUST", "refused", f"accepted with {FORGED}", "", f"'{SESSION}'", 0.5, 96,
                (thief_step(HOSTILE.encode(errors="surrogatepass")),)),
        Verdict(a_check("session.id.length"), Outcome.PASS, "L2", "", "128 bits", "", None, 0.01, 1),
        Verdict(a_check("cookie.attributes.prefix"), Outcome.ADVICE, "SHOULD", "`__Host-`",
                "the cookie is named sessionid", "", None, 0.1, 2, (login_step(),)),
        Verdict(a_check("session.timeout.idle"), Outcome.INCONCLUSIVE, "L2", "", "",
                f"the positive control failed: {HOSTILE}", None, 3.0, 4, (broken_step(),)),
        Verdict(a_check("session.timeout.absolute"), Outcome.ERROR, "L2", reason="a bug of Pickproof: KeyError"),
        Verdict(a_check("token.expiry.lifetime"), Outcome.KNOWN, "L1", reason="accepted until 2027-01-01: TICKET-7"),
        *(Verdict(a_check(f"refresh.rotation.n{n}"), Outcome.NOT_APPLICABLE, "SHOULD",
                  reason="the target lacks refresh: describe `refresh`") for n in range(12)),
        Verdict(a_check("session.logout.all"), Outcome.NOT_APPLICABLE, "L1", reason="the target lacks logout-all"),
    )  # fmt: skip
    target = Summary(f"shop {HOSTILE}", URL, "session", ("login", "identity"),
                     {"refresh": "describe `refresh`"}, "real", "ab" * 32)  # fmt: skip
    profiles = {"asvs-5.0.0-auth-l1": "violated", "rfc8725": "undecided"}
    return Report("0.1.0", target, profiles, {"only": ["session.*"], "budget": 300.0, "out": Path("x")}, None, 42,
                  "2026-11-23T06:47:00Z", 12.3, 420, 31, verdicts)  # fmt: skip


def printed(report: Report, secrets: Secrets, *, encoding: str = "utf-8", width: int = 80, **how: object) -> str:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding, write_through=True), width=width, **how.pop("console", {}))  # type: ignore[arg-type]
    show(report, secrets, console=console, **how)  # type: ignore[arg-type]
    return raw.getvalue().decode(encoding)


def block(text: str, start: str) -> str:
    """From the line that begins so to the next empty line but one."""
    return "\n\n".join(text[text.index(start) :].split("\n\n")[:2])


# -- safe


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ("plain", "plain"),
        ("é 漢 ✓", "é 漢 ✓"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp\u2066", "\\u202egnp\\u2066"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\u2028", "\\u2028"),
    ],
)
def test_whatever_steers_or_hides_becomes_visible(given: str, then: str) -> None:
    assert clean(given) == then


def test_long_text_is_cut_and_says_by_how_much() -> None:
    assert clean("x" * 50, 10) == "x" * 10 + "… (40 more characters)"
    assert clean("x" * 10, 10) == "x" * 10


def test_lines_of_a_body_stay_lines() -> None:
    assert clean("a\r\n\tb\x07\rc", lines=True) == "a\n\tb\\x07\\rc"


@given(strategies.text(strategies.characters(categories=None), max_size=60), strategies.booleans())
def test_clean_text_can_be_shown_and_encoded_anywhere(text: str, lines: bool) -> None:
    safe = clean(text, lines=lines)
    assert not STEERING.search(safe)
    assert ElementTree.fromstring(f"<a>{escape(safe)}</a>").text in (safe, None)
    assert lines or not re.search(r"[\t\n]", safe)
    safe.encode()


# -- report.json


def test_the_document_obeys_the_published_schema(report: Report, secrets: Secrets) -> None:
    evidence = {"session.logout.replay": "evidence/session.logout.replay.har"}
    document = json.loads(json.dumps(to_json(report, secrets, evidence)))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema(), jsonschema.Draft202012Validator)
    assert [one["id"] for one in document["checks"]] == sorted(v.check.id for v in report.verdicts)
    assert document["summary"]["fail"] == 2
    assert document["partial"] is None
    assert document["selection"] == {"only": ["session.*"], "budget": 300.0, "out": "x"}


@pytest.mark.parametrize("place", [(), ("kit",), ("target",), ("summary",), ("checks", 0)])
def test_the_schema_refuses_what_it_does_not_know(
    place: tuple[str | int, ...], report: Report, secrets: Secrets
) -> None:
    document = to_json(report, secrets, {})
    spot = document
    for key in place:
        spot = spot[key]  # type: ignore[index]
    spot["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.validate(document, schema())


def test_the_document_needs_no_terminal_library() -> None:
    code = "import sys, conformance.report.document as d; sys.exit('rich' in sys.modules or 'httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- terminal


def test_a_failure_reads_as_a_story(report: Report, secrets: Secrets) -> None:
    failure = block(printed(report, secrets), "FAIL  session.logout.replay")
    for line in (
        "FAIL  session.logout.replay  [L1]",
        "  expected    a thief with alice's session is refused at GET /me",
        "     1. alice logs in -> 303 See Other",
        "     2. a thief with alice's session: who am I? -> 200 OK",
        "  decided by",
        "  remedy      Do the right thing on the server, every time.",
        "  sources     ASVS-v5.0.0-7.4.1, CWE-613",
        "--only session.logout.replay",
        "--seed 42",
    ):
        assert line in failure
    assert "step 3: GET /me" in failure


def test_curl_is_a_file_or_when_short_at_hand(report: Report, secrets: Secrets) -> None:
    step = replace(thief_step(), request=Request("GET", f"{URL}/me", ((b"cookie", f"sid={SESSION}".encode()),)))
    one = replace(report, verdicts=(replace(report.verdicts[0], evidence=(login_step(), step)),))
    assert "  curl of step 2:\n    curl -sSi" in printed(one, secrets)
    assert '--header "cookie: sid=${ALICE_SESSIONID_COOKIE}" \\\n' in printed(one, secrets)
    assert re.search("curl +r/evidence/session.logout.replay.sh", printed(one, secrets, out_dir=Path("r")))


def test_a_long_attack_is_told_by_its_ends(report: Report, secrets: Secrets) -> None:
    one = replace(report, verdicts=(replace(report.verdicts[0], evidence=(login_step(),) * 100),))
    said = printed(one, secrets)
    assert "... 88 more steps" in said
    assert "    100. alice logs in" in said
    assert said.count("alice logs in") == 12


def test_the_summary_says_what_was_not_tested_and_why(report: Report, secrets: Secrets) -> None:
    said = printed(report, secrets)
    summary = said[said.index("Not tested, and why") :]
    flat = " ".join(summary.split())
    assert "2 failed, 1 error of Pickproof, 1 inconclusive, 1 advice, 1 known failure, 1 passed, 13 not tested" in flat
    assert "the target lacks refresh: describe `refresh` (12): refresh.*" in flat
    assert "the target lacks logout-all (1): session.logout.all" in flat
    assert "refresh.rotation.n0, refresh.rotation.n1," in " ".join(printed(report, secrets, verbose=True).split())
    assert re.search(r"asvs-5.0.0-auth-l1 +violated +at least one demand is not met", summary)
    assert "7 checks, 31 logins, 420 requests, 12.3 s; seed 42" in flat
    assert summary.rstrip().endswith("exit 1: violations were found")


def test_a_check_that_lacks_several_things_stands_under_the_first(report: Report, secrets: Secrets) -> None:
    missing = {"authorize": "describe `oauth`", "refresh": "describe `refresh`"}
    needs = [(Capability.AUTHORIZE,), (Capability.AUTHORIZE, Capability.REFRESH)]
    lacking = tuple(
        Verdict(replace(a_check(f"oauth.n{n}"), needs=need), Outcome.NOT_APPLICABLE, reason="each thing that it lacks")
        for n, need in enumerate(needs)
    )
    bare = replace(report, verdicts=lacking, target=replace(report.target, missing=missing))
    said = " ".join(printed(bare, secrets).split())
    assert "describe `oauth` (2): oauth.n0, oauth.n1" in said


def test_one_line_for_each_check_by_topic(report: Report, secrets: Secrets) -> None:
    said = printed(report, secrets)
    assert re.search(r"^session\.logout$\n^✗ FAIL +session\.logout\.replay  accepted as", said, re.M)
    assert re.search(r"^  inconclusive session\.timeout\.idle +the positive control", said, re.M)
    assert "n/a" not in said
    assert re.search(
        r"^  n/a +session\.logout\.all +the target lacks logout-all", printed(report, secrets, verbose=True), re.M
    )


def test_quiet_is_failures_and_the_summary(report: Report, secrets: Secrets) -> None:
    said = printed(report, secrets, quiet=True)
    assert said.count("decided by") == 2
    assert "session.id.length" not in said
    assert "Not tested, and why" not in said
    assert "exit 1" in said


def test_a_run_that_ended_early_says_so_first(report: Report, secrets: Secrets) -> None:
    said = printed(replace(report, partial="interrupted"), secrets)
    assert "The run ended early: interrupted" in said[:600]


@pytest.mark.parametrize("width", [80, 60, 200])
@pytest.mark.parametrize("verbose", [True, False])
@pytest.mark.parametrize("out", [None, Path("pickproof-report")])
def test_no_line_is_too_long(report: Report, secrets: Secrets, width: int, verbose: bool, out: Path | None) -> None:
    said = printed(report, secrets, width=width, verbose=verbose, out_dir=out)
    assert [line for line in said.splitlines() if len(line) > width and "://" not in line] == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_it_prints_where_the_encoding_is_poor(report: Report, secrets: Secrets, encoding: str) -> None:
    said = printed(report, secrets, encoding=encoding)
    assert re.search(r"^x FAIL +session\.logout\.replay", said, re.M)


def test_colour_supports_words_and_no_color_is_honoured(
    report: Report, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = printed(report, secrets, console={"force_terminal": True, "color_system": "standard"})
    assert "\x1b[" in coloured
    plain = printed(report, secrets)
    assert "\x1b" not in plain
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    without = printed(report, secrets, console={"force_terminal": True})
    assert not re.search("\x1b\\[[0-9;]*3[0-7]m", without)


def test_an_empty_report_is_a_report(report: Report, secrets: Secrets, tmp_path: Path) -> None:
    nothing = replace(report, verdicts=(), profiles={})
    assert "exit 5: nothing was tested" in printed(nothing, secrets)
    write(nothing, secrets, tmp_path)


def test_the_estimate_is_one_line(report: Report) -> None:
    checks = tuple(a_check(f"session.a.n{n}", examples=10, waits=lambda _: 12.0) for n in range(3))
    todo = Plan(checks, (), (), 12.0, Cost(3, 60))
    assert estimate(todo, report.target) == "3 checks, about 3 logins and 60 requests; longest wait 12 s"
    skipped = replace(todo, skipped=report.verdicts[:1], longest_wait=0.0)
    assert "1 check cannot run here" in estimate(skipped, report.target)
    assert "time travels" in estimate(skipped, replace(report.target, clock="faketime"))


class FakeClock:
    def __init__(self, *moments: float) -> None:
        self.waiting = dict(enumerate(moments))


def test_the_live_line_names_waits_and_checks() -> None:
    progress = Progress({"session.timeout.absolute"}, 3, 16)
    clock = FakeClock(time.time() + 9.2)
    assert Live(progress, clock, Console(file=io.StringIO())).line() == (
        "3/16 checks done; waiting 9 s for session.timeout.absolute"
    )
    progress.running |= {"a.b", "c.d", "e.f"}
    assert Live(progress, clock, Console()).line().endswith("running a.b, c.d, e.f and 1 more")
    assert Live(Progress(), object(), Console()).line() == "0/0 checks done"


@pytest.mark.parametrize("terminal", [True, False])
def test_live_leaves_no_trace(terminal: bool) -> None:
    sink = io.StringIO()
    with Live(Progress({"a.b"}, 0, 1), FakeClock(), Console(file=sink, force_terminal=terminal, width=80)):
        time.sleep(0.3)
    assert ("a.b" in sink.getvalue()) is terminal
    assert sink.getvalue().endswith("\x1b[2K" if terminal else "")


def test_a_log_file_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.report.live.EVERY", 0.05)
    sink = io.StringIO()
    with Live(Progress({"a.b"}, 0, 1), FakeClock(), Console(file=sink, force_terminal=False)):
        time.sleep(0.2)
    assert sink.getvalue().splitlines()[0] == "0/1 checks done; running a.b"


# -- evidence


def test_the_archive_is_masked_and_complete(report: Report, secrets: Secrets) -> None:
    log = to_har(report.verdicts[0], secrets, "0.1.0")["log"]
    login, thief, binary = log["entries"]
    assert log["version"] == "1.2"
    assert login["startedDateTime"] == "2026-09-21T14:13:20.250+00:00"
    assert login["request"]["postData"]["text"] == "user=alice&password=‹password of alice›"
    assert login["request"]["queryString"] == [{"name": "next", "value": "%2Fme"}]
    assert login["response"]["redirectURL"] == "/me"
    cookie = {"name": "Set-Cookie", "value": "sessionid=‹sessionid cookie of alice›; HttpOnly; SameSite=Strict"}
    assert cookie in login["response"]["headers"]
    assert thief["comment"] == "a thief with alice's session: who am I?"
    assert thief["response"]["content"]["text"] == '{"name": "alice"}'
    assert binary["response"]["content"]["comment"] == "2 bytes that are not text, left out"
    assert binary["response"]["content"]["size"] == 2


@pytest.mark.parametrize(
    ("cookie", "then"),
    [
        (f"a={SESSION}", "a=‹sessionid cookie of alice›"),
        (f"a={SESSION}; b=0123456789abcdef", "a=‹sessionid cookie of alice›; b=0123…(16 characters)"),
        ("a=eyJubyI6ImRvdHMifQ", "a=eyJu…(18 characters)"),
        (f"a={FORGED}", "a=eyJhbGciOiJub25lIn0.‹payload 18›.‹signature 12›"),
        ("lang=en", "lang=en"),
    ],
)
def test_each_cookie_is_masked_by_itself(cookie: str, then: str, report: Report, secrets: Secrets) -> None:
    step = replace(thief_step(), request=Request("GET", f"{URL}/", ((b"cookie", cookie.encode()),)))
    (entry,) = to_har(replace(report.verdicts[0], evidence=(step,)), secrets, "0")["log"]["entries"]
    assert entry["request"]["headers"] == [{"name": "cookie", "value": then}]


def test_an_exchange_without_answer_says_why(report: Report, secrets: Secrets) -> None:
    verdict = next(v for v in report.verdicts if v.outcome is Outcome.INCONCLUSIVE)
    (entry,) = to_har(verdict, secrets, "0.1.0")["log"]["entries"]
    assert (entry["response"]["status"], entry["_error"]) == (0, "no answer in time")


def test_the_script_tells_the_attack_with_variables_for_secrets(report: Report, secrets: Secrets) -> None:
    text = script(report.verdicts[0], secrets)
    assert "ALICE_SESSIONID_COOKIE=${ALICE_SESSIONID_COOKIE:-'put the sessionid cookie of alice here'}" in text
    assert "# 2. a thief with alice's session: who am I?\ncurl" in text
    assert "# -> 303 See Other, to /me" in text
    assert '--data-raw "user=alice&password=${ALICE_PASSWORD}"' in text
    assert '--header "authorization: Bearer ${STEP_2_TOKEN}"' in text
    assert "# -> 200 OK" in text


@pytest.mark.skipif(not shutil.which("sh"), reason="needs a POSIX shell")
def test_nothing_in_a_script_is_executed_but_curl(report: Report, secrets: Secrets, tmp_path: Path) -> None:
    (tmp_path / "curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@" CALLED\n')
    (tmp_path / "curl").chmod(0o755)
    label = "$(touch owned) cookie`touch owned` of alice"
    secrets.learn("another-secret-value", label)
    evil = replace(broken_step(), purpose="x\ntouch owned", error="y\ntouch owned")
    evil = replace(evil, request=replace(evil.request, body=b'$(touch owned) another-secret-value `touch owned` \\ "'))
    verdict = replace(report.verdicts[0], evidence=(login_step(), evil), actual="z\ntouch owned")
    run = subprocess.run(["sh", "-eu"], input=script(verdict, secrets), text=True, capture_output=True, check=True,
                         cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})  # fmt: skip
    assert not (tmp_path / "owned").exists()
    assert run.stdout.count("CALLED") == 2
    assert run.stderr == ""
    said = run.stdout.splitlines()
    assert "x-note: $HOME 'quoted'" in said
    assert f"{URL}/$(touch owned)/%1b?q=`id`" in said
    assert any(line.startswith("$(touch owned) put the") and line.endswith('`touch owned` \\ "') for line in said)


# -- junit.xml


def test_junit_has_a_case_for_each_check(report: Report, secrets: Secrets) -> None:
    root = ElementTree.fromstring(to_junit(report, secrets))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert len(cases) == len(report.verdicts)
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("2", "2", "14")
    failure = cases["session.logout.replay"].find("failure")
    assert failure is not None
    assert "2. a thief with alice's session: who am I? -> 200 OK" in (failure.text or "")
    error = cases["session.timeout.idle"].find("error")
    assert error is not None
    assert error.get("type") == "inconclusive"
    known = cases["token.expiry.lifetime"].find("skipped")
    assert known is not None
    assert known.get("message") == "known: accepted until 2027-01-01: TICKET-7"
    assert "named sessionid" in (cases["cookie.attributes.prefix"].findtext("system-out") or "")
    assert len(cases["session.id.length"]) == 0


# -- report.html


class Page(HTMLParser):
    """The elements and attributes of a page, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_self_contained_and_cannot_be_injected(report: Report, secrets: Secrets) -> None:
    text = to_html(report, secrets, {"session.logout.replay": "evidence/session.logout.replay.har"})
    page = Page(text)
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(page.tags)
    links = [value or "" for name, value in page.attributes if name in ("href", "src")]
    assert links
    assert all(link.startswith(("#", "evidence/")) for link in links)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "&lt;script&gt;" in text


def test_the_page_tells_the_same_story(report: Report, secrets: Secrets) -> None:
    text = re.sub("<[^>]*>", " ", to_html(report, secrets))
    flat = " ".join(text.split())
    assert "violated asvs-5.0.0-auth-l1 at least one demand is not met" in flat
    assert "Not tested, and why" in flat
    assert "a thief with alice&#x27;s session: who am I? → 200 OK" in flat
    assert "Failures (2)" in flat
    assert "All checks (20)" in flat


# -- files


def test_every_artefact_is_private_and_in_its_place(report: Report, secrets: Secrets, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report"
    paths = write(report, secrets, out)
    found = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    assert found == set(paths)
    told = ("session.logout.replay", "token.signature.confusion-with-embedded-jwk1", "cookie.attributes.prefix",
            "session.timeout.idle")  # fmt: skip
    evidence = {f"evidence/{id}.{kind}" for id in told for kind in ("har", "sh")}
    assert found == {"report.json", "report.html", "junit.xml", "report.sarif", "summary.md"} | evidence
    assert {stat.S_IMODE(p.stat().st_mode) for p in paths.values()} == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    document = json.loads(paths["report.json"].read_text())
    jsonschema.validate(document, schema())
    named = {one["evidence"] for one in document["checks"]} - {None}
    assert named == {name for name in evidence if name.endswith("har")}


def test_writing_again_changes_nothing_and_removes_only_its_own(
    report: Report, secrets: Secrets, tmp_path: Path
) -> None:
    first = {name: path.read_bytes() for name, path in write(report, secrets, tmp_path).items()}
    assert {name: path.read_bytes() for name, path in write(report, secrets, tmp_path).items()} == first
    folder = tmp_path / "evidence"
    for name in ("old.check.har", "old.check.sh", "Notes.har", "notes.txt", "keep.me.zip"):
        (folder / name).write_text("")
    write(replace(report, verdicts=report.verdicts[2:3]), secrets, tmp_path)
    assert {path.name for path in folder.iterdir()} == {"Notes.har", "notes.txt", "keep.me.zip"}


def test_no_artefact_holds_a_secret_or_steers_a_reader(report: Report, secrets: Secrets, tmp_path: Path) -> None:
    texts = {name: path.read_text(encoding="utf-8") for name, path in write(report, secrets, tmp_path).items()}
    for verbose in (True, False):
        texts[f"terminal {verbose}"] = printed(report, secrets, verbose=verbose)
    payload, signature = FORGED.split(".")[1:]
    for name, text in texts.items():
        for secret in (SESSION, PASSWORD, "correct+horse", "correct%20horse", UNKNOWN, payload, signature):
            assert secret not in text, name
        assert not STEERING.search(text), name
        if name.endswith((".har", ".json")):
            assert not STEERING.search(json.dumps(json.loads(text), ensure_ascii=False)), name
            assert not re.search(r"\\u00(?:[01]|7f|[89])|\\u(?:202|206|d8)", text.replace("\\\\", "")), name
