"""The baseline: known failures with a reason, an owner and an end; strict both ways."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest

from conformance import cli
from conformance.baseline import DAYS, read_baseline, write_baseline
from conformance.errors import DescriptionError

CHECK = "session.logout.replay"
FAULTY = "ref:session+logout-clears-cookie-only"
TODAY = datetime.date(2026, 11, 23)


def entry(id: str = CHECK, **more: str) -> str:
    rows = {"reason": '"ticket 7"', "owner": '"login team"', "until": "2999-12-31"} | more
    return f'[[known]]\nid = "{id}"\n' + "".join(f"{key} = {value}\n" for key, value in rows.items() if value)


def certify(target: str, tmp_path: Path, text: str, *words: str) -> int:
    (tmp_path / "baseline.toml").write_text(text)
    words = words or ("--only", CHECK)
    more = ["--baseline", str(tmp_path / "baseline.toml"), "--out", str(tmp_path / "out"), "-q"]
    return cli.main(["certify", target, *words, *more])


def test_an_accepted_failure_is_known_and_fails_nothing(tmp_path: Path) -> None:
    assert certify(FAULTY, tmp_path, entry()) == 0
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    (row,) = document["checks"]
    assert row["outcome"] == "known"
    assert row["reason"] == "accepted by login team until 2999-12-31: ticket 7"
    assert row["evidence"]
    # The team accepts it; the standard does not.
    assert "conforms" not in document["profiles"].values()


def test_an_entry_that_no_longer_fails_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert certify("ref:session", tmp_path, entry()) == 2
    assert f"{CHECK} no longer fails: delete its entry" in capsys.readouterr().err


def test_an_entry_outside_the_selection_is_not_judged(tmp_path: Path) -> None:
    assert certify("ref:session", tmp_path, entry(), "--only", "cookie.attr.httponly") == 0


def test_with_several_targets_an_entry_may_fail_on_one(tmp_path: Path) -> None:
    (tmp_path / "baseline.toml").write_text(entry())
    out = ["--out", str(tmp_path / "out"), "-q", "--baseline", str(tmp_path / "baseline.toml")]
    assert cli.main(["certify", FAULTY, "ref:session", "--only", CHECK, *out]) == 0


def test_other_violations_still_fail(tmp_path: Path) -> None:
    assert certify(FAULTY, tmp_path, entry("cookie.attr.httponly"), "--only", CHECK) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry("session.logout.repaly"), "session.logout.repaly: matches no check"),
        (entry(until="2026-11-22"), "expired on 2026-11-22"),
        (entry() + entry(), "stands there twice"),
        (entry(owner=""), "owner is missing or empty"),
        (entry(reason='" "'), "reason is missing or empty"),
        (entry(until='"2999-01-01"'), "until is missing or no date"),
        (entry(until="2999-01-01T00:00:00Z"), "until is missing or no date"),
        (entry(till="1"), "unknown key 'till'"),
        ("known = 1", "more than [[known]] tables"),
        ("[[knwon]]", "more than [[known]] tables"),
        ("known = [1]", "is no table"),
        ("[[", "no TOML"),
    ],
)
def test_a_bad_baseline_is_told_before_anything_is_attacked(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(text)
    with pytest.raises(DescriptionError, match=re.escape(told)):
        read_baseline(path, TODAY)


def test_the_last_day_counts(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(entry(until="2026-11-23"))
    assert len(read_baseline(tmp_path / "b.toml", TODAY)) == 1


def test_a_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["certify", FAULTY, "--baseline", str(tmp_path / "no.toml")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_a_written_baseline_wants_to_be_filled_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.toml"
    words = ["certify", FAULTY, "--only", CHECK, "-q", "--out", str(tmp_path / "out"), "--write-baseline", str(path)]
    assert cli.main(words) == 1
    with pytest.raises(DescriptionError, match="reason is missing or empty"):
        read_baseline(path)
    path.write_text(path.read_text().replace('""', '"said"'))
    (found,) = read_baseline(path)
    assert (found.id, found.reason, found.owner) == (CHECK, "said", "said")
    assert cli.main(words) == 2
    assert "it exists" in capsys.readouterr().err


def test_entries_in_force_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(entry(reason='"a \\"quoted\\" reason"'))
    kept = read_baseline(path, TODAY)
    write_baseline(path, [], kept, TODAY)
    assert read_baseline(path, TODAY) == kept
    assert DAYS == 90
