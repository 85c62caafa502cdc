"""The page of what real products do by default: written from the examples, whose facts stand in `expected.toml`."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"
FAMILIES = (
    "session", "cookie", "csrf", "login", "hijack", "lifecycle", "transport", "error", "token", "bearer", "refresh",
    "oauth",
)  # fmt: skip
WORST_FIRST = ("fail", "inconclusive", "advice", "pass", "not-applicable")
TOLD = ("fail", "inconclusive", "advice")
"""Outcomes of which a user of the product wants to know more."""
SILENT = "nothing was found in it."
VERDICT = re.compile(r'^((?:#[^\n]*\n)*)"([a-z0-9.-]+)" = ', re.MULTILINE)
HEAD = """\
# What real products do

Each product here is started as its own documentation shows, with its defaults, and certified like any target. The
verdicts are measured again by `nox -s examples`, and each that is no pass was proven by hand: the page of the example
has the commands.

Read it soberly. A framework that leaves something to the application is no bad framework; a default that fails a check
is seldom a hole by itself, and often one line away from passing. What is judged is one version in one setting: where
yours differs, run the kit on yours. *Documentation* says what the product's own pages say of the matter, in our words.

"""


@dataclass(frozen=True)
class Remark:
    """What its documentation says of some verdicts of a product, and what a user of it can do."""

    glob: str
    remedy: str
    says: str = ""
    source: str = ""
    """The address of the page that says it."""


@dataclass(frozen=True)
class Example:
    """A product, and what is expected of it."""

    folder: Path

    @cached_property
    def _text(self) -> str:
        return (self.folder / "expected.toml").read_text(encoding="utf-8")

    @cached_property
    def _table(self) -> dict[str, Any]:
        return tomllib.loads(self._text)

    @property
    def product(self) -> dict[str, Any]:
        """Name, package, setting."""
        table: dict[str, Any] = self._table["product"]
        return table

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """The outcome of each check; the worst where a race decides between several."""
        told = {id: [one] if isinstance(one, str) else one for id, one in self._table["verdicts"].items()}
        return {id: min(outcomes, key=WORST_FIRST.index) for id, outcomes in told.items()}

    @cached_property
    def remarks(self) -> tuple[Remark, ...]:
        """In the order of the file: the first that matches a check speaks of it."""
        return tuple(Remark(glob, **facts) for glob, facts in self._table.get("remarks", {}).items())

    def remark(self, id: str) -> Remark | None:
        """What is remarked on a check."""
        return next((one for one in self.remarks if fnmatchcase(id, one.glob)), None)

    @cached_property
    def reasons(self) -> dict[str, str]:
        """A word on why, for each verdict that has one: the comment above it, or above its like in the line before."""
        found: dict[str, str] = {}
        last, ended = "", 0
        for match in VERDICT.finditer(self._text):
            comment = " ".join(line.lstrip("# ") for line in match[1].splitlines())
            adjoining = self._text.count("\n", ended, match.start()) <= 1
            last = comment or (last if adjoining else "")
            ended = match.end()
            if last and self.verdicts.get(match[2]) in TOLD:
                found[match[2]] = last
            else:
                last = ""
        return found

    @cached_property
    def versions(self) -> str:
        """The pinned version of the product and of what stands beside it."""
        names = [self.product["package"], *self.product.get("beside", ())]
        return ", ".join(f"{name} {self._version(name)}" for name in names)

    def _version(self, package: str) -> str:
        if told := self.product.get("version"):
            return str(told)
        lock = self.folder / "package-lock.json"
        if lock.exists():
            return str(json.loads(lock.read_text())["packages"][f"node_modules/{package}"]["version"])
        pins = (self.folder / "requirements.txt").read_text()
        pin = re.search(rf"^{re.escape(package)}==(\S+)", pins, re.MULTILINE | re.IGNORECASE)
        if pin is None:
            raise LookupError(f"{self.folder.name}: requirements.txt pins no {package}")
        return pin[1]

    def told(self) -> list[str]:
        """The checks that need a word, the failures first."""
        ids = [id for id, outcome in self.verdicts.items() if outcome in TOLD]
        return sorted(ids, key=lambda id: (TOLD.index(self.verdicts[id]), id))


def examples() -> list[Example]:
    """All of them, by the name of the product."""
    found = [Example(path.parent) for path in EXAMPLES.glob("*/expected.toml")]
    return sorted(found, key=lambda one: str(one.product["name"]).lower())


def page(link: Callable[[str], str], table: Callable[[str, Sequence[Sequence[str]]], str]) -> str:
    """The whole page; `link` leads to a check, `table` makes a Markdown table."""
    all_of_them = examples()
    head = ", ".join(("product", *FAMILIES))
    rows = [(f"[{one.product['name']}](#{_anchor(one)})", *_families(one)) for one in all_of_them]
    told = "\n".join("\n".join(_section(one, link)) for one in all_of_them)
    return f"{HEAD}{table(head, rows)}\nA dash: nothing of the kind applies to the product.\n\n{told}"


def _anchor(example: Example) -> str:
    return re.sub(r"[^\w-]", "", str(example.product["name"]).lower().replace(" ", "-"))


def _families(example: Example) -> Iterator[str]:
    for family in FAMILIES:
        counts = Counter(o for id, o in example.verdicts.items() if id.partition(".")[0] == family)
        worst = next((o for o in WORST_FIRST if counts[o]), "not-applicable")
        words = {"fail": f"**{counts['fail']} fail**", "pass": "holds", "not-applicable": "–"}
        yield words.get(worst, f"{counts[worst]} {worst}")


def _section(example: Example, link: Callable[[str], str]) -> Iterator[str]:
    counts = Counter(example.verdicts.values())
    said = [f"{counts[o]} {word}" for o, word in (("pass", "hold"), *((o, o) for o in TOLD)) if counts[o]]
    yield f"## {example.product['name']}\n"
    yield f"Version: {example.versions}.  \nSetting: {example.product['setting']}  "
    yield f"Verdicts: {', '.join(said)}. [How to run it, and the proofs](../examples/{example.folder.name}/README.md)\n"
    for remark in dict.fromkeys(map(example.remark, example.told())):
        for id in (id for id in example.told() if example.remark(id) == remark):
            reason = example.reasons.get(id, "")
            yield f"- {example.verdicts[id]}: {link(id)}{': ' if reason else ''}{reason.replace('<', '&lt;')}"
        if remark:
            yield f"  - Documentation: {_says(remark)}\n  - What you can do: {remark.remedy}"
    yield ""


def _says(remark: Remark) -> str:
    return f"{remark.says} ([page]({remark.source}))" if remark.says else SILENT
