"""What the standards require, as data, and what a violation becomes under a chosen profile.

Each document is a TOML file beside this module: a row has a level, a paraphrase of ours and a word on whether
requests can decide it. Each profile is a row of ``profiles.toml``. Nothing is read before it is asked for.

How a requirement is spelled: the prefix of its document and the number of the section, as in ``RFC9700-4.14.2``.
Where one section holds several demands, the bare number is the strictest and a suffix of ours names the others:
``RFC9700-4.14.2-idle``, or a letter where sentences are many, ``RFC6265bis-4.1.1-f``. Cite the narrowest that
fits, since a bare number brings the level of the strictest.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from conformance.errors import UsageError

LEVELS = ("L1", "MUST", "L2", "L3", "SHOULD", "MAY", "INFO")
"""Every level, the strictest first; ``INFO`` names something and obliges to nothing."""
TESTABLE = ("full", "partly", "no")
"""Can requests decide it? ``partly``: they can refute, or see a part."""
EFFECTS = ("fail", "advice")
"""What a violation of a demanded requirement becomes, the harder first."""

_HERE = Path(__file__).parent
_PROFILES = "profiles"
_OPEN = "open"


class UnknownProfileError(UsageError, ValueError):
    """A name that no profile has; the text lists those that exist."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One demand of one document, in our words."""

    id: str
    """As checks cite it, such as ``ASVS-v5.0.0-7.4.1``."""
    document: str
    """The name of its data file, such as ``asvs-5.0.0``."""
    level: str
    """One of `LEVELS`."""
    text: str
    testable: str
    """One of `TESTABLE`."""
    why: str
    """Why requests cannot decide it, or only partly; or a remark, such as that the document is a draft."""
    url: str
    """Where it stands, or an empty string."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of demands, and what a violation of each becomes."""

    name: str
    title: str
    note: str
    demands: Mapping[str, str]
    """Requirement id to one of `EFFECTS`; what is absent is not demanded."""
    idle_seconds: int | None = None
    """The longest idle limit that it allows, where it names one."""
    idle_force: str = ""
    """``MUST`` or ``SHOULD`` for `idle_seconds`."""
    absolute_seconds: int | None = None
    """The longest life of a session that it allows, where it names one."""
    absolute_force: str = ""
    """``MUST`` or ``SHOULD`` for `absolute_seconds`."""


def requirement(id: str) -> Requirement:
    """One requirement by the id that checks cite.

    Raises:
        KeyError: there is none; the text names the nearest ids.
    """
    try:
        return _index()[id]
    except KeyError:
        import difflib

        near = difflib.get_close_matches(id, _index(), n=3, cutoff=0.6)
        hint = f"did you mean {', '.join(near)}?" if near else f"documents: {', '.join(documents())}"
        raise KeyError(f"unknown requirement {id!r}: {hint}") from None


def cited_as(id: str) -> Requirement | None:
    """The requirement that a check cites; None where it is in no document: a package may bring its own."""
    return _index().get(id)


def requirements(document: str | None = None) -> tuple[Requirement, ...]:
    """The requirements of one document in its order, or of all.

    Raises:
        KeyError: no document has this name; the text lists those that exist.
    """
    if document is None:
        return tuple(_index().values())
    if document not in documents():
        raise KeyError(f"unknown document {document!r}: one of {', '.join(documents())}")
    return tuple(_rows(document).values())


@functools.cache
def documents() -> tuple[str, ...]:
    """The names of all documents, in alphabetical order."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.toml") if path.stem not in (_PROFILES, _OPEN)))


@functools.cache
def open_entries() -> Mapping[str, str]:
    """The requirements that requests could decide and no check decides yet, with the reason."""
    return MappingProxyType({id: group["why"] for group in _read(_OPEN).values() for id in group["ids"]})


def profiles() -> Mapping[str, Profile]:
    """Every profile by name."""
    return MappingProxyType({name: _profile(name) for name in _read(_PROFILES)["profiles"]})


def profile(name: str) -> Profile:
    """One profile by name; only the documents that it draws on are read.

    Raises:
        UnknownProfileError: there is none (a `ValueError`); the text lists the valid names.
    """
    names = _read(_PROFILES)["profiles"]
    if name not in names:
        raise UnknownProfileError(f"unknown profile {name!r}: one of {', '.join(sorted(names))}")
    return _profile(name)


def default_profiles(scheme: str) -> tuple[str, ...]:
    """The names of the profiles that a target of this scheme is judged by when none is chosen.

    For an unknown scheme: those of a session and of a token together.
    """
    table = _read(_PROFILES)["defaults"]
    return tuple(table.get(scheme, table["*"]))


def scope(name: str) -> tuple[Requirement, ...]:
    """Everything that the documents and levels of a profile hold, also what requests cannot decide.

    What is in here and was not tested is what a report has to admit.

    Raises:
        UnknownProfileError: no profile has this name.
    """
    profile(name)
    row = _read(_PROFILES)["profiles"][name]
    found = {one.id: one for rule in row["rules"] for one in _matching(rule)}
    return tuple(one for one in found.values() if row.get("overrides", {}).get(one.id) != "none")


def judge(sources: Iterable[str], chosen: Iterable[Profile]) -> tuple[str, str]:
    """What the violation of a check becomes that cites these sources, and the strictest level that says so.

    Demanded by no chosen profile, it is advice at the strictest level of its own. Sources that are in no document
    (a package may bring its own) count as ``INFO``.
    """
    cited = tuple(sources)
    demanded = [(effect, id) for one in chosen for id in cited if (effect := one.demands.get(id))]
    if not demanded:
        return "advice", _strictest(cited)
    hardest = min((effect for effect, _ in demanded), key=EFFECTS.index)
    return hardest, _strictest(id for effect, id in demanded if effect == hardest)


def _strictest(ids: Iterable[str]) -> str:
    known = _index()
    levels = (known[id].level if id in known else "INFO" for id in ids)
    return min(levels, key=LEVELS.index, default="INFO")


@functools.cache
def _read(name: str) -> dict[str, Any]:
    import tomllib

    with (_HERE / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


@functools.cache
def _index() -> Mapping[str, Requirement]:
    return {one.id: one for document in documents() for one in _rows(document).values()}


@functools.cache
def _rows(document: str) -> Mapping[str, Requirement]:
    """The requirements of one document by their number in it."""
    data = _read(document)
    return {number: _requirement(document, data, number, row) for number, row in data["requirements"].items()}


def _requirement(document: str, data: Mapping[str, Any], number: str, row: str | Mapping[str, str]) -> Requirement:
    own = {"text": row} if isinstance(row, str) else row
    fields = {"why": "", **data.get("default", {}), **own}
    return Requirement(id=data["prefix"] + number, document=document, url=_url(data, number), **fields)


def _url(data: Mapping[str, Any], number: str) -> str:
    pages: Mapping[str, str] = data.get("urls", {})
    best = max((start for start in pages if number.startswith(start)), key=len, default="")
    address: str = pages[best] if best else data.get("url", "")
    return address.replace("{section}", number.partition("-")[0])


@functools.cache
def _profile(name: str) -> Profile:
    row = dict(_read(_PROFILES)["profiles"][name])
    demands = {one.id: rule["effect"] for rule in row.pop("rules") for one in _matching(rule) if one.testable != "no"}
    demands |= row.pop("overrides", {})
    kept = {id: effect for id, effect in demands.items() if effect != "none"}
    return Profile(name=name, demands=MappingProxyType(kept), **row)


def _matching(rule: Mapping[str, Any]) -> Iterator[Requirement]:
    sections = rule.get("sections")
    for number, one in _rows(rule["document"]).items():
        if one.level in rule["levels"] and (sections is None or any(_below(number, section) for section in sections)):
            yield one


def _below(number: str, section: str) -> bool:
    return number == section or number.startswith((f"{section}.", f"{section}-"))
