"""The sections of report.html that tell standard by standard, in time, and by weight; all of it escaped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from conformance.masking import Secrets
from conformance.model import Outcome, Report, Verdict
from conformance.report.page import to_html
from conformance.report.page_sections import NO_CHECK, WEIGHT, standards, timeline, weights
from conformance.standards import scope
from tests.test_report import HOSTILE, SESSION, STEERING, a_check, report, secrets

__all__ = ["report", "secrets"]


def test_every_requirement_of_a_profile_is_listed(report: Report) -> None:
    text = standards(report)
    for name in report.profiles:
        for one in scope(name):
            assert f">{one.id}<" in text
    assert NO_CHECK in text
    untestable = [one for name in report.profiles for one in scope(name) if one.testable == "no"]
    assert untestable
    assert "19 of" not in standards(replace(report, verdicts=()))


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ([Outcome.PASS, Outcome.FAIL], "FAIL"),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], "inconclusive"),
        ([Outcome.PASS, Outcome.NOT_APPLICABLE], "pass"),
        ([Outcome.NOT_APPLICABLE], "n/a"),
    ],
)
def test_a_requirement_is_judged_by_its_worst_check(outcomes: list[Outcome], word: str, report: Report) -> None:
    verdicts = tuple(
        Verdict(a_check(f"x.y.n{at}", sources=("ASVS-v5.0.0-7.4.1",)), one) for at, one in enumerate(outcomes)
    )
    text = standards(replace(report, verdicts=verdicts))
    row = next(row for row in text.split("<tr>") if ">ASVS-v5.0.0-7.4.1<" in row)
    assert re.search(r'class="word [a-z-]+">([^<]+)<', row)[1] == word  # type: ignore[index]
    assert all(f"#row-x.y.n{at}" in row for at in range(len(outcomes)))


def test_unknown_profiles_have_no_table(report: Report) -> None:
    assert standards(replace(report, profiles={"house": "conforms"})) == ""


def test_bars_lie_inside_the_line(report: Report, secrets: Secrets) -> None:
    times = [(100.0, 4.0), (100.5, 0.0), (103.9, 0.1), (104.0, 0.0)]
    verdicts = tuple(
        Verdict(a_check(f"x.y.n{at}"), Outcome.PASS, seconds=long, began=start)
        for at, (start, long) in enumerate(times)
    )
    text = timeline(replace(report, verdicts=(*verdicts, *report.verdicts)), secrets)
    bars = re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", text)
    assert len(bars) == 4
    assert all(float(left) >= 0 and float(left) + float(width) <= 100.01 for left, width in bars)
    assert timeline(report, secrets) == ""


def test_the_weight_is_told_where_it_was_measured(report: Report, secrets: Secrets) -> None:
    heavy = Verdict(a_check(WEIGHT), Outcome.PASS, actual=f"724 bytes {HOSTILE} {SESSION}")
    text = weights(replace(report, verdicts=(heavy,)), secrets)
    assert "724 bytes" in text
    assert "<script>" not in text
    assert SESSION not in text
    assert not STEERING.search(text)
    assert weights(report, secrets) == ""


def test_links_inside_the_page_lead_somewhere(report: Report, secrets: Secrets) -> None:
    text = to_html(report, secrets)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
