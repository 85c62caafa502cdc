"""Words in braces, looked at before the target is: each is known where it stands, or the description is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from conformance.target.description import TAKEN, Description
from conformance.target.grammar import Step, Verb
from conformance.target.oauth_table import Consent
from conformance.target.templates import WORD

GIVEN: Mapping[str, tuple[str, ...]] = {
    "change_password": ("new_password",),
    "reset_password": ("new_password",),
    "mutate": ("value",),
    "sensitive": ("email", "phone", "value"),
    "sessions.revoke": ("handle",),
    "admin": ("name",),
    "oauth.consent": ("authorization_url",),
    "oauth.logout": ("authorization_url",),
    "oauth.withdraw": ("client",),
}
"""The words that the kit brings to a verb, besides those of the account and of tokens."""


def unknown_word(description: Description) -> tuple[str, str] | None:
    """The key of the first step with a word that nothing provides, and what is wrong; None where all are known."""
    accounts = {name for account in description.accounts.values() for name in account.words()}
    always = {"origin", "basic", *accounts, *TAKEN}
    for key, verb in _verbs(description):
        known = always.union(*(words for name, words in GIVEN.items() if f"{key}.".startswith(f"{name}.")))
        for at, step in enumerate(verb.steps):
            where = f"{key}.steps[{at}]" if len(verb.steps) > 1 else key
            if unknown := sorted(set(_words(_templates(step))) - known):
                return where, f"{{{unknown[0]}}} is not known here; known: {', '.join(sorted(known))}"
            known |= set(step.take)
    return None


def _verbs(value: object, key: str = "") -> Iterator[tuple[str, Verb | Consent]]:
    """Every verb by its key; the read that belongs to a verb comes after it."""
    if isinstance(value, Verb | Consent):
        yield key, value
    if isinstance(value, BaseModel):
        inner = {field.alias or name: getattr(value, name) for name, field in type(value).model_fields.items()}
    else:
        inner = dict(value) if isinstance(value, Mapping) else {}
    for name, part in inner.items():
        yield from _verbs(part, f"{key}.{name}" if key else name)


def _templates(step: Step) -> list[object]:
    return [step.send, step.page, step.action, step.json_, step.form, step.headers, step.query, step.fill]


def _words(template: object) -> Iterator[str]:
    if isinstance(template, str):
        yield from WORD.findall(template)
    elif isinstance(template, Mapping | list):
        for part in [*template, *template.values()] if isinstance(template, Mapping) else template:
            yield from _words(part)
