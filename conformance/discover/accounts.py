"""Accounts as the command line says them: ``alice:env:ALICE_PASSWORD``, ``alice=alice@shop.example:env:NAME``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conformance.errors import UsageError

USUAL = ("alice", "bob")
SPELLING = "NAME[=USER][:env:VARIABLE], as in alice:env:ALICE_PASSWORD"
FORM = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]*)(=(?P<user>.+?))?(:env:(?P<variable>[A-Za-z_][A-Za-z0-9_]*))?")


@dataclass(frozen=True, slots=True)
class Given:
    """An account of the command line; its password stands in an environment variable."""

    name: str
    user: str
    variable: str

    def written(self) -> dict[str, str]:
        """As a description says it."""
        return {"user": self.user, "password": f"env:{self.variable}"}

    def plain(self) -> dict[str, str]:
        """As a login needs it."""
        return {"user": self.user, "password": os.environ[self.variable]}


def given(words: Iterable[str], ask: Callable[[str], str]) -> tuple[list[Given], list[str]]:
    """The accounts of ``--account``, and the variables that the user must still export; `ask` prompts.

    Raises:
        UsageError: a word is none, or its variable is not set.
    """
    found, missing = [], []
    for word in words:
        match = FORM.fullmatch(word)
        if match is None:
            raise UsageError(f"--account {word.partition(':')[0]}…: spell it {SPELLING}; without :env: you are asked")
        name, variable = match["name"], match["variable"]
        if variable is None:
            variable = f"{re.sub('[^A-Za-z0-9]', '_', name).upper()}_PASSWORD"
            if variable not in os.environ:
                os.environ[variable] = ask(f"password of {name}: ")
                missing.append(variable)
        if not os.environ.get(variable):
            raise UsageError(f"--account {name}: the environment variable {variable} is not set: export {variable}=…")
        found.append(Given(name, match["user"] or name, variable))
    return found, missing


def usual() -> list[Given]:
    """Alice and bob, where ALICE_PASSWORD and BOB_PASSWORD are set."""
    variables = {name: f"{name.upper()}_PASSWORD" for name in USUAL}
    return [Given(name, name, variable) for name, variable in variables.items() if os.environ.get(variable)]
