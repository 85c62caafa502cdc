"""Declaring checks and looking them up.

A check is an ``async def`` in a module below `conformance.checks` (or in a package that names its modules under the
entry point group ``pickproof.checks``), decorated with `check`. There is no registry to fill or reset: the
catalogue is read off the modules.
"""

from __future__ import annotations

import difflib
import fnmatch
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from types import CodeType, ModuleType
from typing import Any, TypeVar, overload

from conformance.errors import NothingTestedError, UsageError
from conformance.model import Capability, Check

ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)+")
LOGGING_IN = frozenset({"own_login", "public_login"})
"""Verbs by which a check logs in for itself."""
Body = Callable[..., Awaitable[None]]
T = TypeVar("T")


def given(*, examples: int = 96, **strategies: Callable[[], Any]) -> Callable[[Body], Body]:
    """Mark a check as a property: each argument gets a function that makes its Hypothesis strategy.

    Functions instead of strategies, so that listing the catalogue does not import Hypothesis.
    """

    def mark(body: Body) -> Body:
        body.__pickproof_given__ = (strategies, examples)  # type: ignore[attr-defined]
        return body

    return mark


def check(
    id: str,
    *,
    needs: Iterable[Capability] = (),
    sources: Iterable[str],
    waits: Callable[[Any], float] | None = None,
    logins: int | Callable[[Any], int] | None = None,
    requests: float | Callable[[Any], float] | None = None,
    sampled: bool = False,
    exclusive: bool = False,
    newcomers: bool = False,
    destructive: bool = False,
    last: bool = False,
    load: bool = False,
) -> Callable[[Body], Check]:
    """Declare one attack with one expectation; the docstring is its title, story and remedy.

    `logins`, `requests` and `sampled` are for the estimate of a run alone (see `Check`). Where the logins are not
    said, they are read off the code.

    Raises:
        ValueError: the id is malformed or the docstring lacks its title or its ``Remedy:``.
        TypeError: the body is no ``async def``.
    """
    if not ID.fullmatch(id):
        raise ValueError(f"{id!r} is no check id: lower-case words joined by dots, as in 'session.logout.replay'")

    def declare(body: Body) -> Check:
        if not inspect.iscoroutinefunction(body):
            raise TypeError(f"{id}: a check is an `async def`, so that others run while it waits")
        title, story, remedy = _prose(id, body)
        strategies, examples = getattr(body, "__pickproof_given__", (None, 0))
        return Check(
            id=id,
            title=title,
            story=story,
            remedy=remedy,
            needs=(Capability.LOGIN, Capability.IDENTITY, *needs),
            sources=tuple(sources),
            run=body,
            strategy=_lazy(strategies) if strategies else None,
            examples=examples,
            waits=waits,
            logins=_own_logins(body.__code__) if logins is None else logins,
            requests=requests,
            sampled=sampled,
            exclusive=exclusive,
            newcomers=newcomers,
            destructive=destructive,
            last=last,
            load=load,
        )

    return declare


def _own_logins(code: CodeType) -> int:
    """How many verbs that log in a body uses, in its comprehensions too."""
    inner = sum(_own_logins(const) for const in code.co_consts if isinstance(const, CodeType))
    return inner + len(LOGGING_IN.intersection(code.co_names))


def _lazy(strategies: Mapping[str, Callable[[], Any]]) -> Callable[[], Mapping[str, Any]]:
    return lambda: {name: make() for name, make in strategies.items()}


def _prose(id: str, body: Body) -> tuple[str, str, str]:
    text = inspect.getdoc(body) or ""
    before, found, remedy = text.partition("Remedy:")
    title, _, story = before.strip().partition("\n\n")
    if not title or not found or not remedy.strip():
        raise ValueError(f"{id}: the docstring needs a first line that says what must hold, and a 'Remedy:'")
    told = _flat(remedy)
    return _flat(title), "\n\n".join(map(_flat, story.split("\n\n"))).strip(), told[:1].upper() + told[1:]


def _flat(text: str) -> str:
    return " ".join(text.split())


class Catalogue(Mapping[str, Check]):
    """Every known check by id, in the order of the ids."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._checks: dict[str, Check] = {}
        for one in sorted(checks, key=lambda c: c.id):
            if one.id in self._checks:
                raise ValueError(f"two checks are called {one.id!r}: ids are never reused")
            self._checks[one.id] = one

    def __getitem__(self, id: str) -> Check:
        """One check.

        Raises:
            UsageError: no check has this id; names the nearest.
        """
        try:
            return self._checks[id]
        except KeyError:
            near = difflib.get_close_matches(id, self._checks, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else "`pickproof list` shows every id"
            raise UsageError(f"unknown check {id!r}: {hint}") from None

    def __contains__(self, id: object) -> bool:
        return id in self._checks

    @overload
    def get(self, id: str, /) -> Check | None: ...
    @overload
    def get(self, id: str, default: Check | T, /) -> Check | T: ...
    def get(self, id: str, default: object = None, /) -> object:
        """One check, or `default`."""
        return self._checks.get(id, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self) -> int:
        return len(self._checks)

    def select(self, only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Check, ...]:
        """The checks whose id matches a glob of `only` (all without one) and none of `skip`.

        Raises:
            UsageError: a glob matches no check at all, so that a typing error cannot shrink a run unseen.
            NothingTestedError: the globs leave nothing.
        """
        wanted = self._matching(only) if only else set(self._checks)
        unwanted = self._matching(skip)
        chosen = tuple(c for id, c in self._checks.items() if id in wanted - unwanted)
        if not chosen:
            raise NothingTestedError("the selection leaves no check to run: loosen --only or --skip")
        return chosen

    def _matching(self, globs: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for glob in globs:
            hits = set(fnmatch.filter(self._checks, glob))
            if not hits:
                if not set(glob) & set("*?["):
                    self[glob]  # a plain id that is unknown names its neighbours
                raise UsageError(f"no check matches {glob!r}: `pickproof list` shows every id")
            found |= hits
        return found


def _modules() -> Iterator[ModuleType]:
    package = importlib.import_module("conformance.checks")
    for found in pkgutil.walk_packages(package.__path__, "conformance.checks."):
        yield importlib.import_module(found.name)
    for point in entry_points(group="pickproof.checks"):
        try:
            yield point.load()
        except Exception as problem:
            # Code of others: the message is about their module, and holds no secret of a target.
            told = f"{type(problem).__name__}: {problem}"
            raise UsageError(f"the checks of the package in {point.value!r} cannot be used: {told}") from problem


@functools.cache
def catalogue() -> Catalogue:
    """The checks of the kit and of installed packages that bring their own."""
    unique = {id(value): value for module in _modules() for value in vars(module).values() if isinstance(value, Check)}
    try:
        return Catalogue(unique.values())
    except ValueError as problem:
        raise UsageError(str(problem)) from None
