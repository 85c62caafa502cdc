"""The pytest door, as far as the threshold: what every pytest run on the machine loads, so nothing heavy is imported.

Only a run whose arguments name this suite (``pytest conformance``, ``pytest --pyargs conformance``, or the id of one
of its items) gets the options, and with them `conformance.door`. A global ``--target`` would break every suite that
defines its own.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

NAME = "conformance"
PLUGIN = "pickproof-door"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    """Add the options of the suite where it is asked for, after the conftests have added theirs."""
    result = yield
    known = early_config.known_args_namespace
    # Read off what pytest parsed, not off `args`, where `-k conformance` would look like a folder.
    words = {word: found for word in known.file_or_dir if (found := _ours(word, early_config, pyargs=known.pyargs))}
    if words:
        from conformance.door.hooks import Door
        from conformance.door.options import add_options

        _unfold(args, words)
        add_options(parser)
        early_config.pluginmanager.register(Door(early_config), PLUGIN)
    return result


def _unfold(args: list[str], words: dict[str, tuple[str, str]]) -> None:
    """Put the suite, and an option, in the place of each id of an item: to pytest those ids are no files."""
    for word, (suite, node) in words.items():
        if node:
            at = args.index(word)
            args[at] = suite
            args[:0] = ["--pickproof-node", node]


def _ours(word: str, config: pytest.Config, *, pyargs: bool) -> tuple[str, str] | None:
    """The suite that an argument names, as pytest finds it, and the id below it; None where it names something else."""
    if NAME not in word:
        return None
    for suite, node in _splits(word):
        there = Path(os.path.abspath(config.invocation_params.dir / suite))  # noqa: PTH100 (resolve follows links)
        if not (is_suite(there) or (pyargs and suite == NAME)):
            continue
        if not (node and (there / node.partition("::")[0]).exists()):
            return suite, node
    return None


def _splits(word: str) -> Iterator[tuple[str, str]]:
    """``a/conformance/ref:session::id`` at each place where a suite may end."""
    parts = word.replace(os.sep, "/").split("/")
    for number, part in enumerate(parts, 1):
        if part == NAME:
            yield "/".join(parts[:number]), "/".join(parts[number:])


def is_suite(path: Path) -> bool:
    """Whether a folder is this package, installed or in a clone, and not another of its name."""
    return path.name == NAME and (path / "kill-matrix.json").is_file() and (path / "plugin.py").is_file()
