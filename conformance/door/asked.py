"""What a pytest run is asked to do, in the kit's own words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from conformance.baseline import Entry, read_baseline
from conformance.certify import Selection
from conformance.door.options import value
from conformance.errors import UsageError
from conformance.model import Check
from conformance.open import Options
from conformance.registry import catalogue
from conformance.standards import profile
from conformance.target.description import load
from conformance.target.wire import Limits

NO_FILE = ("ref:", "app:", "http://", "https://")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a run, resolved."""

    targets: Mapping[str, tuple[Check, ...]]
    """The checks of each target, by the word that stands in the ids of its items."""
    selection: Selection
    reach: Options = field(repr=False)
    wait_for: float
    out: Path
    accepted: tuple[Entry, ...]
    """Known failures."""
    base: Path
    """The folder that words of targets are relative to."""

    @property
    def must_fail(self) -> frozenset[str]:
        """Ids that the baseline holds; none with several targets, since an entry may be of one of them."""
        return frozenset(entry.id for entry in self.accepted) if len(self.targets) == 1 else frozenset()

    def place(self, word: str) -> str:
        """A target as `conformance.open.opened` takes it, wherever the process stands."""
        return word if word.startswith(NO_FILE) else str(self.base / word)

    def folder(self, word: str) -> Path:
        """Where the reports of a target go: a folder each, where there are several."""
        if len(self.targets) == 1:
            return self.out
        return self.out / (re.sub(r"[^A-Za-z0-9.+-]+", "-", word).strip("-.") or "target")

    def narrowed(self, ids: Iterable[str]) -> Selection:
        """The selection for what pytest left of the checks of a target, by ``-k``, ``--lf`` and the like."""
        left = set(ids)
        whole = {check.id for check in chosen(self.selection)}
        return self.selection if left == whole else replace(self.selection, only=tuple(sorted(left)), skip=())

    def prove_files(self) -> None:
        """Read every description now: a mistake in the second must not wait until the first was attacked.

        Raises:
            DescriptionError: a file is wrong.
            UsageError: a file is not there.
        """
        for word in self.targets:
            path = Path(self.place(word))
            if word.startswith(NO_FILE):
                continue
            if not path.exists():
                raise UsageError(f"{word}: no such file. A TARGET is a target.toml, ref:SCHEME or app:module:attribute")
            load(path / "target.toml" if path.is_dir() else path)


def chosen(selection: Selection) -> tuple[Check, ...]:
    """The checks of a selection, its profiles considered.

    Raises:
        UsageError: a glob matches nothing, or a profile is unknown.
        NothingTestedError: nothing is left.
    """
    checks = selection.checks()
    demanded = {source for name in selection.profiles for source in profile(name).demands}
    return tuple(c for c in checks if not selection.profiles or demanded & set(c.sources))


def asked(config: pytest.Config) -> Asked:
    """Read the options.

    Raises:
        UsageError: an option names what does not exist.
        DescriptionError: the baseline is wrong, or an entry has expired.
        NothingTestedError: the options leave no check.
    """
    selection = Selection(
        tuple(value(config, "only")), tuple(value(config, "skip")), tuple(value(config, "profile")),
        "destructive" in value(config, "allow"), value(config, "budget"),
    )  # fmt: skip
    base = config.invocation_params.dir
    baseline = value(config, "baseline")
    return Asked(
        targets=_targets(config, selection, base), selection=selection, reach=_reach(config, base),
        wait_for=value(config, "wait-for"), out=base / value(config, "out"), base=base,
        accepted=read_baseline(base / baseline) if baseline else (),
    )  # fmt: skip


def _targets(config: pytest.Config, selection: Selection, base: Path) -> dict[str, tuple[Check, ...]]:
    nodes = [node.partition("::") for node in value(config, "node")]
    named: dict[str, set[str]] = {}
    for target, _, id in nodes:
        named.setdefault(spelled(target, base), set()).update({id} if id else catalogue())
    everything = chosen(selection)
    found = {spelled(target, base): everything for target in value(config, "target")}
    for word, ids in named.items():
        found[word] = tuple(catalogue()[id] for id in sorted(ids))
    return found


def spelled(target: str, base: Path) -> str:
    """A target as it stands in ids: one file has one spelling, relative where it lies below `base`."""
    if target.startswith(NO_FILE):
        return target
    path = os.path.normpath(base / target)
    inside = os.path.relpath(path, base) if Path(path).is_relative_to(base) else path
    return inside.replace(os.sep, "/")


def _reach(config: pytest.Config, base: Path) -> Options:
    ca = value(config, "ca")
    if ca and not (base / ca).is_file():
        raise UsageError(f"--ca {ca}: no such file")
    return Options(
        limits=Limits(value(config, "concurrency"), value(config, "rate")), ca=base / ca if ca else None,
        insecure=value(config, "insecure"), proxy=value(config, "proxy"), seed=value(config, "seed"),
        timeout=value(config, "timeout"),
    )  # fmt: skip
