"""The gallery is written from the examples, and each example says what a reader of it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.registry import catalogue
from docs.gallery import FAMILIES, TOLD, WORST_FIRST, Example, examples

ALL = examples()


def name(example: Example) -> str:
    """An example by its folder."""
    return example.folder.name


def test_the_gallery_is_not_empty() -> None:
    assert len(ALL) >= 12


def test_every_family_has_a_column() -> None:
    assert {id.partition(".")[0] for id in catalogue()} <= set(FAMILIES)


@pytest.mark.parametrize("example", ALL, ids=name)
def test_an_example_has_all_its_parts(example: Example) -> None:
    assert {"serve", "target.toml", "README.md"} <= {path.name for path in example.folder.iterdir()}
    assert set(example.product) <= {"name", "package", "beside", "version", "setting"}
    assert example.product["setting"].endswith(".")
    assert re.search(r" \d", example.versions)
    assert "\n## If this is your stack\n" in (example.folder / "README.md").read_text()


@pytest.mark.parametrize("example", ALL, ids=name)
def test_verdicts_are_words_of_the_kit_on_checks_that_exist(example: Example) -> None:
    assert set(example.verdicts) <= set(catalogue())
    assert set(example.verdicts.values()) <= set(WORST_FIRST)


@pytest.mark.parametrize("example", ALL, ids=name)
def test_what_does_not_hold_is_explained(example: Example) -> None:
    for id in example.told():
        assert id in example.reasons, f"{id}: no comment says why"
        remark = example.remark(id)
        assert remark is not None, f"{id}: no remark says what a user can do"
        assert remark.remedy.endswith("."), id
        assert bool(remark.says) == bool(remark.source), f"{id}: what is said needs its page"
        assert not remark.source or remark.source.startswith("https://"), id


@pytest.mark.parametrize("example", ALL, ids=name)
def test_no_remark_is_left_over(example: Example) -> None:
    used = {example.remark(id) for id in example.told()}
    assert [one.glob for one in example.remarks if one not in used] == []


def test_reasons_come_from_the_comments(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    text = '[verdicts]\n# It is off.\n"a.b" = "fail"\n"a.c" = ["pass", "fail"]\n"a.d" = "pass"\n"a.e" = "advice"\n'
    text += '\n# Not\n# so.\n"a.f" = "fail"\n'
    (folder / "expected.toml").write_text(text)
    toy = Example(folder)
    assert toy.reasons == {"a.b": "It is off.", "a.c": "It is off.", "a.f": "Not so."}
    assert toy.verdicts["a.c"] == "fail"
    assert toy.told() == ["a.b", "a.c", "a.f", "a.e"]
    assert all(toy.verdicts[id] in TOLD for id in toy.told())
