"""Writes what only repeats the code: the pages of the checks, and blocks inside pages that are written by hand.

Usage: ``python -m docs.generate`` writes; with ``--check`` it writes nothing, names what is stale and ends with 1.
A block stands between ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from conformance.matrix import killed_by, kills
from conformance.model import Capability, Check
from conformance.pointers import pointers
from conformance.registry import catalogue
from conformance.standards import default_profiles, profiles, requirement
from conformance.target import grammar
from conformance.target.description import Description
from conformance.target.preflight import MISSING
from docs import gallery
from reference_impl import FAULTS, SCHEMES

HERE = Path(__file__).parent
COMMAND = "python -m docs.generate"
NOTICE = f"<!-- Written by `{COMMAND}`; do not edit. -->\n\n"
BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)

KINDS: tuple[tuple[Any, str], ...] = (
    (grammar.Url, "URL"), (grammar.Send, "`METHOD /path`"), (grammar.Path_, "path"), (grammar.Source, "source"),
    (grammar.Spot, "source"), (grammar.Bind, "host:port"), (grammar.Use, "carrier"), (grammar.Seconds, "duration"),
    (str, "text"), (int, "number"), (bool, "true or false"), (Any, "any value"),
)  # fmt: skip
UNSAID = {
    "user": "The name to log in with, `{user}` in steps.",
    "password": "The password, `{password}` in steps; `env:NAME` reads it from the environment.",
    "role": "What the account is for: `throttle`, `admin`, `many-roles` or `change-password`; ordinary without one.",
}
"""Keys of accounts, whose model describes none."""


def check_pages() -> Iterator[tuple[str, str]]:
    """A page for each topic, and the list of all."""
    topics = {topic: list(found) for topic, found in groupby(catalogue().values(), key=lambda c: c.topic)}
    for topic, found in topics.items():
        yield f"checks/{topic}.md", f"{NOTICE}# {topic}\n\n" + "\n".join(map(_check, found))
    yield "checks/README.md", NOTICE + _index(topics)


def _index(topics: dict[str, list[Check]]) -> str:
    text = f"# The checks\n\n{len(catalogue())} checks in {len(topics)} topics. `pickproof explain ID` says the same.\n"
    for topic, checks in topics.items():
        text += f"\n## {topic}\n\n" + table("check, what must hold", [(_link(c.id, ""), c.title) for c in checks])
    return text


def _check(check: Check) -> str:
    facts = "\n".join(f"- {fact}" for fact in _facts(check))
    sources = table("source, level, in our words", [_source(id) for id in check.sources]).rstrip()
    runs = [f"pickproof certify ref:{scheme}+{fault} --only {check.id}" for scheme, fault in killed_by(check.id)]
    told = "Faults that it catches:\n\n```sh\n" + "\n".join(runs) + "\n```" if runs else "No fault is measured yet."
    prose = (f"## {check.id}", f"**{safe(check.title)}**", safe(check.story), f"Remedy: {safe(check.remedy)}")
    places = "\n".join(f"- {framework}: {text}" for framework, text in pointers(check.id).items())
    parts = (*prose, places, facts, sources, told)
    return "\n\n".join(filter(None, parts)) + "\n"


def _facts(check: Check) -> Iterator[str]:
    yield f"needs: {', '.join(f'`{need}`' for need in check.needs)}"
    if check.strategy:
        yield f"a property: {check.examples} inputs are drawn, and the smallest that succeeds is reported"
    if check.waits:
        yield "lets the target's time pass: it waits, or moves the described `clock`"
    if check.exclusive:
        yield "runs as the only user of its accounts"
    if check.load:
        yield "presses the target: on another machine it runs with `--allow destructive` only"
    if check.destructive:
        yield "destructive: runs with `--allow destructive` only"
    if check.last:
        yield "runs when all other checks are through"


def _source(id: str) -> tuple[str, str, str]:
    known = requirement(id)
    return (f"[{id}]({known.url})" if known.url else id), known.level, known.text


def _link(id: str, folder: str) -> str:
    return f"[`{id}`]({folder}{catalogue()[id].topic}.md#{anchor(id)})" if id in set(catalogue()) else f"`{id}`"


def matrix() -> str:
    """Fault by fault, which checks catch it."""
    return "\n".join(map(_matrix_of, SCHEMES))


def _matrix_of(scheme: str) -> str:
    stored, rows, waiting = kills(), [], []
    for fault in (f for f in FAULTS if f.scheme == scheme):
        if (scheme, fault.id) not in stored:
            waiting.append(f"`{fault.id}`")
            continue
        primary = [f"**{_link(id, 'checks/')}**" for id in stored[scheme, fault.id] if id == fault.primary]
        others = [_link(id, "checks/") for id in stored[scheme, fault.id] if id != fault.primary]
        rows.append((f"`{fault.id}`", fault.summary, ", ".join((*primary, *others)) or "no check"))
    text = f"## {scheme}\n\n{len(rows)} faults.\n\n" + table("fault, what the server does, caught by", rows)
    more = f"\nNot measured yet, most of them because their check is still to come: {', '.join(waiting)}.\n"
    return text + more * bool(waiting)


KEY_HEAD = "key, value, default, meaning"


def keys() -> str:
    """Every key of a description, from the models that validate it."""
    top = _tables("", Description)
    return "\n".join([next(top), f"### Each step\n\n{table(KEY_HEAD, _rows(grammar.Step))}", *top])


def _tables(path: str, model: type[BaseModel]) -> Iterator[str]:
    """The keys of a table, then those of the tables inside it."""
    title = f"`{path}`" if path else "Top level"
    more = "These, and the keys of a step.\n\n" if issubclass(model, grammar.Verb) else ""
    yield f"### {title}\n\n{more}{table(KEY_HEAD, _rows(model))}"
    for name, hint in _hints(model):
        parts = (hint, *typing.get_args(hint))
        inner = next((a for a in parts if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if inner and inner is not grammar.Verb:
            several = ".NAME" if typing.get_origin(hint) is dict else ""
            yield from _tables(f"{path}.{name}{several}".strip("."), inner)


def _hints(model: type[BaseModel]) -> list[tuple[str, Any]]:
    hints = typing.get_type_hints(model, include_extras=True)
    return [(field.alias or name, hints[name]) for name, field in model.model_fields.items() if name != "steps"]


def _rows(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    fields = [field for name, field in model.model_fields.items() if name != "steps"]
    return [
        (f"`{key}`", kind(hint), _default(field, hint), field.description or UNSAID.get(key, ""))
        for field, (key, hint) in zip(fields, _hints(model), strict=True)
    ]


def kind(hint: Any) -> str:
    """A type in the words of the page."""
    if known := next((word for type_, word in KINDS if type_ == hint), None):
        return known
    origin, args = typing.get_origin(hint), [a for a in typing.get_args(hint) if a is not types.NoneType]
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(kind, args))
    if origin is typing.Literal:
        return ", ".join(f"`{arg}`" for arg in args)
    if origin is list:
        return f"list: {kind(args[0])}"
    if origin is dict:
        return f"table {'by name' if args[0] is str else kind(args[0])}: {kind(args[1])}"
    return "verb" if issubclass(hint, grammar.Verb) else "table"


def _default(field: FieldInfo, hint: Any) -> str:
    if field.is_required():
        return "required"
    value = "" if field.default is None or isinstance(field.default, dict | list | BaseModel) else field.default
    return f"`{value:g}s`" if value != "" and hint == grammar.Seconds else f"`{str(value).lower()}`".replace("``", "")


def capabilities() -> str:
    """Each capability and what adds it."""
    hints = {**dict.fromkeys((Capability.LOGIN, Capability.IDENTITY), "every target has it"), **MISSING}
    return table("capability, when it is missing", [(f"`{c}`", hints.get(c, "no key adds it yet")) for c in Capability])


def codes() -> str:
    """The short codes of the catalogue of attacks in the kit's words."""
    tables = tomllib.loads((HERE / "codes.toml").read_text()).items()
    told = ((title, [(f"`{code}`", word) for code, word in rows.items()]) for title, rows in tables)
    return "\n".join(f"{title}:\n\n{table('code, in the kit', rows)}" for title, rows in told)


def profile_table() -> str:
    """Every profile, how much it demands, and which schemes it judges by default."""
    rows = []
    for one in profiles().values():
        effects = list(one.demands.values())
        by_default = ", ".join(scheme for scheme in SCHEMES if one.name in default_profiles(scheme))
        rows.append((f"`{one.name}`", one.title, str(effects.count("fail")), str(effects.count("advice")), by_default))
    return table("profile, judges by, fail, advice, default for", rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "keys": keys, "capabilities": capabilities, "codes": codes, "profiles": profile_table, "matrix": matrix,
}  # fmt: skip


def safe(text: str) -> str:
    """Text that a Markdown reader takes for no HTML."""
    return text.replace("<", "&lt;")


def table(head: str, rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the names of its columns are separated by commas."""
    names = head.split(", ")
    lines = [names, ["---"] * len(names), *([safe(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def anchor(title: str) -> str:
    """The fragment of a heading: lower case, spaces as hyphens, no other signs than - and _."""
    return re.sub(r"[^\w-]", "", title.strip().lower().replace(" ", "-"))


def pages() -> dict[Path, str]:
    """What each generated page should say, by its path."""
    made = {HERE / name: text for name, text in check_pages()}
    made[HERE / "gallery.md"] = NOTICE + gallery.page(lambda id: _link(id, "checks/"), table)
    for path in sorted(HERE.glob("*.md")):
        text = path.read_text()
        if BLOCK.search(text):
            made[path] = BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n{found[3]}", text)
    return made


def stale(wanted: dict[Path, str]) -> list[Path]:
    """Pages that are missing, differ, or belong to no topic any more."""
    differing = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    return sorted([*differing, *(set((HERE / "checks").glob("*.md")) - set(wanted))])


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is stale, or with ``--check`` only name it."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Write the generated parts of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a page is stale")
    check, wanted = parser.parse_args(argv).check, pages()
    found = stale(wanted)
    for path in found:
        done = "stale" if check else "written" if path in wanted else "removed"
        sys.stdout.write(f"{done}: {path.relative_to(HERE.parent)}\n")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(wanted[path]) if path in wanted else path.unlink()
    return 1 if found and check else 0


if __name__ == "__main__":
    sys.exit(main())
