"""Acts that must ask for the password again, tried without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.target.grammar import Step, Verb
from conformance.target.templates import mentions

WRONG = "Pickproof-wrong-7-Larch!"
"""Nobody's password, though one that every rule for passwords lets pass."""


@dataclass(frozen=True, slots=True)
class Unproven:
    """One way to perform a verb without proof of who asks."""

    how: str
    verb: Verb = field(repr=False)
    words: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What stands for ``{password}`` and other words in place of the account's own."""

    def __str__(self) -> str:
        return self.how


def unproven(verb: Verb, foreign: str = "") -> list[Unproven]:
    """Every way to perform a verb without the account's password.

    Args:
        verb: as described; where it asks for no ``{password}``, the genuine request is the attack.
        foreign: the password of somebody else, which proves somebody else.
    """
    if not any(asks_for_password(step) for step in verb.steps):
        return [Unproven("without anything that proves who asks", verb)]
    stripped = verb.model_copy(update={"steps": [_stripped(step) for step in verb.steps]})
    found = [
        Unproven("with a wrong password", verb, {"password": WRONG}),
        Unproven("without the password", stripped),
        Unproven("with an empty password", verb, {"password": ""}),
    ]
    return [*found, *([Unproven("with the password of another user", verb, {"password": foreign})] if foreign else [])]


def asks_for_password(step: Step) -> bool:
    """Whether a step sends the account's password."""
    return mentions([step.send, step.json_, step.form, step.fill, step.query, step.headers], "password")


def _stripped(step: Step) -> Step:
    """A step without the fields that hold the password."""
    update = {name: _without(getattr(step, name)) for name in ("json_", "form", "fill", "query", "headers")}
    return step.model_copy(update=update)


def _without(template: Any) -> Any:
    if isinstance(template, Mapping):
        kept = {name: value for name, value in template.items() if value != "{password}"}
        return {name: _without(value) for name, value in kept.items()}
    return [_without(value) for value in template] if isinstance(template, list) else template
