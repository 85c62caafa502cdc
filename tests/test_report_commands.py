"""`pickproof diff`, `--share`, `--json`: what a team does with reports."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from conformance import cli, commands
from conformance.errors import UsageError
from conformance.open import Options, make_system
from conformance.registry import catalogue
from conformance.share import hide_hosts
from conformance.target.description import parse
from conformance.target.system import System
from reference_impl import hosting

CHECK = "session.logout.replay"
FAULTY = "ref:session+logout-clears-cookie-only"


def a_report(folder: Path, **outcomes: str) -> Path:
    rows = [
        {"id": id.replace("_", "."), "title": "t", "outcome": outcome, "expected": "e", "actual": "a", "reason": "",
         "example": None, "evidence": None}
        for id, outcome in outcomes.items()
    ]  # fmt: skip
    document = {"schema": "pickproof-report/0", "kit": {"name": "pickproof", "version": "0.1.0"},
                "target": {"name": "shop"}, "profiles": {}, "selection": {}, "seed": 0, "started": "2026-11-23",
                "checks": rows}  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(
    ("before", "after", "kind", "code"),
    [
        ("pass", "fail", "new", 1),
        ("not-applicable", "fail", "new", 1),
        (None, "fail", "new", 1),
        ("known", "fail", "changed", 0),
        ("fail", "known", "changed", 0),
        ("fail", "pass", "fixed", 0),
        ("known", "advice", "fixed", 0),
        ("fail", "inconclusive", "undecided", 3),
        ("fail", "not-applicable", "undecided", 3),
        ("pass", "error", "undecided", 3),
        ("pass", None, "removed", 3),
        (None, "pass", "added", 0),
        ("pass", "advice", "changed", 0),
        ("fail", "fail", None, 0),
    ],
)
def test_each_change_has_its_kind_and_code(
    before: str | None, after: str | None, kind: str | None, code: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first = a_report(tmp_path / "a", x_y="pass", **({"a_b": before} if before else {}))
    second = a_report(tmp_path / "b", x_y="pass", **({"a_b": after} if after else {}))
    assert cli.main(["diff", str(first), str(second / "report.json"), "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    rows = {name: told[name] for name in ("new", "fixed", "undecided", "changed", "added", "removed") if told[name]}
    assert rows == ({kind: [{"id": "a.b", "before": before, "after": after}]} if kind else {})


def test_people_read_what_is_new_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = a_report(tmp_path / "a", a_b="fail", c_d="pass")
    assert cli.main(["diff", str(first), str(a_report(tmp_path / "b", a_b="pass", c_d="fail"))]) == 1
    said = capsys.readouterr().out
    assert said.index("New failures (1)\n  c.d: pass -> fail") < said.index("Fixed (1)\n  a.b: fail -> pass")
    assert cli.main(["diff", str(first), str(first)]) == 0
    assert "Nothing changed." in capsys.readouterr().out


def test_a_missing_report_is_told_on_the_error_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diff", str(a_report(tmp_path / "a")), str(tmp_path / "none")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "none" in said.err


def test_what_is_shared_names_no_host(tmp_path: Path) -> None:
    words = ["--only", CHECK, "-q", "--share", "--out", str(tmp_path)]
    assert cli.main(["certify", FAULTY, *words]) == 1
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 7
    for path in files:
        assert "127.0.0.1" not in path.read_text(), path.name
    assert "‹host of the target›" in json.loads((tmp_path / "report.json").read_text())["target"]["base_url"]


def a_system(base_url: str) -> System:
    table = {"base_url": base_url, "replicas": ["http://other.example:82"],
             "accounts": {"alice": {"user": "a", "password": "b"}},
             "login": {"send": "POST /login"}, "identity": {"send": "GET /me", "name": "json:/name"}}  # fmt: skip
    return make_system(parse(table, "x"), "x", "0", None, Options())


@pytest.mark.parametrize("text", ["http://shop.example/", "SHOP.EXAMPLE:81", "a.Shop.Example", "other.example"])
def test_hosts_are_masked_in_every_spelling(text: str) -> None:
    system = a_system("http://shop.example:81")
    hide_hosts(system)
    assert "host of the target" in system.secrets.mask(text)
    assert system.secrets.mask("an application of the workshop") == "an application of the workshop"


def test_a_host_that_cannot_be_hidden_is_refused() -> None:
    with pytest.raises(UsageError, match="--share: the host 'app' is too short"):
        hide_hosts(a_system("http://app:8000"))


def test_explain_speaks_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", CHECK, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["id"], told["title"]) == (CHECK, catalogue()[CHECK].title)
    assert {"scheme": "session", "fault": "logout-clears-cookie-only"} in told["kills"]
    assert told["requirements"][0]["level"]


COMMANDS = sorted(
    path.stem for path in Path(commands.__path__[0]).glob("[a-z]*.py") if path.stem not in ("arguments", "reach")
)


@pytest.mark.parametrize("command", [*COMMANDS, "serve"])
def test_help_has_exit_codes_and_examples_that_are_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    said = capsys.readouterr().out
    assert "exit codes: 0 " in said
    lines = [re.split(r"\s{3,}", line.strip())[0] for line in said.splitlines() if line.startswith("  pickproof ")]
    assert any(line.split()[1] == command for line in lines)
    for line in lines:
        words = shlex.split(line)[1:]
        parser = hosting._parser() if command == "serve" else cli._parser(words[0])
        parser.parse_args(words[1:] if command == "serve" else words)
