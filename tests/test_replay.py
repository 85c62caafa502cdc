"""`pickproof replay`: the recorded attack, and only that, is tried again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance import cli
from conformance.attacks.bearer import FOREIGN, MalformedField
from conformance.attacks.crosssite import ORIGINS, WRONG_TOKENS, WrongToken
from conformance.attacks.edits import SignatureEdit, TextEdit
from conformance.attacks.login_fields import GUESSES
from conformance.example import read, spelled
from conformance.masking import Secrets
from conformance.registry import catalogue
from conformance.report.document import schema

FAULTY = "ref:token+sig-prefix-only"
CHECK = "token.sig.bitflip"


def certified(target: str, out: Path, *only: str) -> Path:
    words = [word for glob in only for word in ("--only", glob)]
    assert cli.main(["certify", target, *words, "--quiet", "--out", str(out)]) == 1
    return out


def rewritten(folder: Path, **changes: object) -> Path:
    document = json.loads((folder / "report.json").read_text())
    document["checks"][0].update(changes)
    (folder / "report.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(FAULTY, tmp_path_factory.mktemp("replay") / "out", CHECK)


def replayed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, dict[str, object]]]:
    capsys.readouterr()
    code = cli.main(["replay", *words, "--json"])
    return code, {row["id"]: row for row in json.loads(capsys.readouterr().out)["checks"]}


def test_the_report_holds_the_input_for_programs(recorded: Path) -> None:
    (row,) = json.loads((recorded / "report.json").read_text())["checks"]
    made = read(row["inputs"], catalogue()[CHECK])
    assert repr(made["edit"]) == row["example"]
    assert isinstance(made["edit"], SignatureEdit)


def test_what_is_open_stays_open_with_the_recorded_input(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = replayed(capsys, str(recorded))
    assert (code, rows[CHECK]["state"]) == (1, "still open")
    steps = rows[CHECK]["steps"]
    assert isinstance(steps, list)
    assert [s["recorded"] for s in steps] == [s["current"] for s in steps]
    assert steps[-1]["recorded"] == "200 OK"


def test_what_was_mended_is_fixed_step_by_step(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = replayed(capsys, str(recorded), CHECK, "--target", "ref:token")
    assert (code, rows[CHECK]["state"]) == (0, "fixed")
    steps = rows[CHECK]["steps"]
    assert isinstance(steps, list)
    assert (steps[-1]["recorded"], steps[-1]["current"]) == ("200 OK", "401 Unauthorized")
    assert "not sent" not in [s["current"] for s in steps]


def test_only_the_recorded_input_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # An edit of the first bit is seen by the faulty server: another input than the recorded one would be accepted.
    folder = certified(FAULTY, tmp_path, CHECK)
    first = {"type": "conformance.attacks.edits:SignatureEdit", "fields": {"kind": "bit flipped", "at": 0}}
    rewritten(folder, inputs={"edit": first}, evidence=None)
    code, rows = replayed(capsys, str(folder))
    assert (code, rows[CHECK]["state"]) == (0, "fixed")


def test_an_input_that_was_not_kept_leaves_it_open_what_happened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rewritten(certified(FAULTY, tmp_path, CHECK), inputs=None)
    code, rows = replayed(capsys, str(folder))
    assert (code, rows[CHECK]["state"]) == (3, "cannot tell")
    assert "no input that could be tried again" in str(rows[CHECK]["reason"])


def test_an_input_that_spells_the_genuine_credential_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The step that names the recorded input is missing from what is sent now.
    folder = certified(FAULTY, tmp_path, CHECK)
    nothing = {"type": "conformance.attacks.edits:SignatureEdit", "fields": {"kind": "cut", "at": 0}}
    rewritten(folder, inputs={"edit": nothing}, evidence=f"evidence/{CHECK}.har")
    archive = folder / "evidence" / f"{CHECK}.har"
    log = json.loads(archive.read_text())
    log["log"]["entries"][-1]["comment"] = "an attacker with an edited signature (cut at 0) of another kind"
    archive.write_text(json.dumps(log))
    code, rows = replayed(capsys, str(folder), "--target", "ref:token")
    assert (code, rows[CHECK]["state"]) == (3, "cannot tell")


def test_a_capability_that_is_gone_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = certified("ref:token+alg-none", tmp_path, "token.alg.none")
    code, rows = replayed(capsys, str(folder), "--target", "ref:session")
    assert (code, rows["token.alg.none"]["state"]) == (3, "cannot tell")
    assert "not-applicable" in str(rows["token.alg.none"]["reason"])


def test_people_read_recorded_against_current(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["replay", str(recorded), "--target", "ref:token"])
    said = capsys.readouterr().out
    assert f"fixed  {CHECK}" in said
    assert "-> 200 OK; now -> 401 Unauthorized" in said
    assert said.rstrip().endswith("1 fixed")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nowhere"], 2, "No such file"),
        (["OUT", "session.logout.replay"], 2, "is not in this report; failed are token.sig.bitflip"),
    ],
)
def test_mistakes_are_told(
    words: list[str], code: int, told: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["replay", *(word.replace("OUT", str(recorded)) for word in words)]) == code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "pickproof-report/0"}', '{"schema": "x/9"}', "[" * 90000])
def test_damaged_reports_are_told(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text(text)
    assert cli.main(["replay", str(tmp_path)]) == 2
    assert str(tmp_path / "report.json") in capsys.readouterr().err


def test_nothing_failed_is_nothing_to_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["certify", "ref:token", "--only", "token.alg.none", "-q", "--out", str(tmp_path)]) == 0
    assert cli.main(["replay", str(tmp_path)]) == 5
    assert "nothing to replay" in capsys.readouterr().err


# -- inputs as JSON


@pytest.mark.parametrize(
    ("id", "value"),
    [
        *((CHECK, SignatureEdit("bit flipped", at)) for at in (0, 4095)),
        (CHECK, TextEdit("character changed", 3, "a")),
        *(("bearer.grammar", MalformedField("character put in", 7, char)) for char in FOREIGN),
        *(("csrf.token.wrong", token) for token in WRONG_TOKENS),
        ("csrf.token.wrong", WrongToken(edit=TextEdit("end dropped", 2))),
        ("csrf.token.wrong", WrongToken(b"\xff\x00")),
        *(("csrf.token.wrong", origin) for origin in ORIGINS),
        ("bearer.grammar", GUESSES),
    ],
)
def test_every_input_comes_back_as_it_was(id: str, value: object) -> None:
    written = json.loads(json.dumps(spelled({"it": value}, Secrets()), ensure_ascii=False).encode().decode())
    made = read(written, catalogue()[id])
    assert repr(made) == repr({"it": value})
    assert type(made["it"]) is type(value)


def test_a_secret_or_a_strange_thing_is_never_written() -> None:
    secrets = Secrets()
    secrets.learn("correct-horse", "password of alice")
    assert spelled({"a": ("x", ["correct-horse"])}, secrets) is None
    assert spelled({"a": b"correct-horse"}, secrets) is None
    assert spelled({"a": object()}, Secrets()) is None
    assert spelled(None, secrets) is None


@pytest.mark.parametrize(
    "value",
    [
        {"type": "os:system", "fields": {}},
        {"type": "subprocess:Popen", "fields": {"args": "true"}},
        {"type": "conformance.attacks.edits:signature_edits", "fields": {}},
        {"type": "conformance.attacksx:Thing", "fields": {}},
        {"type": "conformance.attacks.edits:SignatureEdit", "fields": {"surprise": 1}},
        {"tuple": 1},
        {"tuple": [], "table": []},
        {"points": [-1]},
        {"bytes": "zz"},
        {},
    ],
)
def test_a_stranger_s_report_makes_nothing_but_recipes(value: object) -> None:
    with pytest.raises(ValueError, match="no such input"):
        read({"edit": value}, catalogue()[CHECK])


def test_the_schema_knows_the_new_keys() -> None:
    assert {"inputs", "began"} <= schema()["$defs"]["check"]["properties"].keys()
