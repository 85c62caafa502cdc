"""The described login with something else in it: values that are not text, and a place to go to afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from conformance.attacks.crosssite import pairs

if TYPE_CHECKING:
    from conformance.target.grammar import Step, Verb

Altered = Callable[["Step"], "Step"]


def changed(verb: Verb, user: Any, password: Any, more: Altered | None) -> Verb:
    """The login with values that are not text in place of its words, and with its last step changed by `more`."""
    typed = {word: value for word, value in (("user", user), ("password", password)) if not isinstance(value, str)}
    steps = [_typed(step, typed) for step in verb.steps]
    if more:
        steps[-1] = more(steps[-1])
    return verb.model_copy(update={"steps": steps})


def going_to(parameter: str, target: str, way: str) -> Altered:
    """A change of the last step: it says in this parameter where to go next, in its ``query`` or its ``body``.

    Of a page only the address is changed, as a link does.
    """

    def change(step: Step) -> Step:
        if step.page:
            joined = "&" if "?" in step.page else "?"
            # What a form carries on is the page's doing: a link cannot put a field into it that is not there.
            page = f"{step.page}{joined}{quote(parameter)}={quote(target, safe='')}"
            return step.model_copy(update={"page": page})
        if way == "query":
            return step.model_copy(update={"query": {**step.query, parameter: target}})
        into = "form" if step.form is not None else "json_"
        return step.model_copy(update={into: {**(getattr(step, into) or {}), parameter: target}})

    return change


def _typed(step: Step, typed: Mapping[str, Any]) -> Step:
    if not typed:
        return step
    return step.model_copy(
        update={
            "json_": _replaced(step.json_, typed),
            "form": _bracketed(step.form, typed) if step.form is not None else None,
            "fill": _bracketed(step.fill, typed),
        }
    )


def _replaced(template: Any, typed: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        return next((value for word, value in typed.items() if template == f"{{{word}}}"), template)
    if isinstance(template, Mapping):
        return {key: _replaced(value, typed) for key, value in template.items()}
    return [_replaced(value, typed) for value in template] if isinstance(template, list) else template


def _bracketed(fields: Mapping[str, str], typed: Mapping[str, Any]) -> dict[str, str]:
    return dict(pairs(_replaced(fields, typed)))
