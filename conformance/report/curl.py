"""An attack as a commented shell script: what was sent, step by step, and what came back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace

from conformance.masking import Secrets
from conformance.model import Verdict
from conformance.report.masked import Step, steps
from conformance.report.safe import LINE, shown

MASK = re.compile("‹([^‹›]+)›")
_JWS = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.‹payload \d+›\.‹signature \d+›")
_OWNED = re.compile("(.+) of (.+)")
# What curl computes by itself, or what would make it print bytes instead of text.
_LEFT_OUT = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})

HEAD = """\
#!/bin/sh
# {id}
# {title}
# Found: {found}
#
# Secrets are left out of this file. Set the variables below; a value that an earlier
# step obtains (the answer is printed with its headers) has to be copied into its variable,
# and a hidden value of a form, such as one against forgery, into the step that sends it.
"""


def script(verdict: Verdict, secrets: Secrets) -> str:
    """The exchanges of a verdict as a POSIX shell script of curl commands, without any secret."""
    story = tuple(map(_nameable, steps(verdict.evidence, secrets)))
    variables = _variables(" ".join(part for step in story for part in _arguments(step)))
    found = verdict.actual or verdict.reason or verdict.outcome.value
    head = HEAD.format(
        id=shown(verdict.check.id, secrets),
        title=shown(verdict.check.title, secrets),
        found=shown(found, secrets),
    )
    names = [f"{name}=${{{name}:-'put the {_quotable(label)} here'}}" for label, name in variables.items()]
    blocks = [_block(step, variables) for step in story]
    return "\n".join([head + "\n".join(names), *blocks]) + "\n"


def command(step: Step, variables: Mapping[str, str] | None = None) -> str:
    """One request as a curl command, an option to a line; masked secrets become shell variables."""
    ready = _nameable(step)
    arguments = _arguments(ready)
    named = _variables(" ".join(arguments)) if variables is None else variables
    words = [_quoted(word, named) for word in arguments]
    pairs = [" ".join(words[i : i + 2]) for i in range(0, len(words), 2)]
    head = "curl --head" if step.method == "HEAD" else "curl"
    return " \\\n  ".join([f"{head} -sSi -g --path-as-is --max-time 30", *pairs])


def _block(step: Step, variables: Mapping[str, str]) -> str:
    notes = [f"# {step.number}. {step.purpose}", command(step, variables), f"# -> {step.outcome}"]
    if step.request.body is None:
        notes.insert(1, f"#    the body, {step.request.size} bytes that are not text, is left out")
    if step.answer and (location := step.answer.header("location")):
        notes[-1] += f", to {location[:LINE]}"
    return "\n" + "\n".join(notes)


def _arguments(step: Step) -> list[str]:
    """Options and values in turn."""
    implied = {"HEAD", "POST" if step.request.body else "GET"}
    found = [] if step.method in implied else ["--request", step.method]
    for name, value in step.request.headers:
        if name.lower() not in _LEFT_OUT:
            found += ["--header", f"{name}: {value}" if value else f"{name};"]
    if step.request.body:
        found += ["--data-raw", step.request.body]
    return [*found, "--url", step.url]


def _nameable(step: Step) -> Step:
    """The step with each token that stands there without payload and signature as one unknown value."""

    def opaque(text: str) -> str:
        return _JWS.sub(f"‹token of step {step.number}›", text)

    request = step.request
    heads = tuple((name, opaque(value)) for name, value in request.headers)
    body = None if request.body is None else opaque(request.body)
    return replace(step, url=opaque(step.url), request=replace(request, headers=heads, body=body))


def _variables(text: str) -> dict[str, str]:
    """A shell variable for each label that stands in the text, no name twice."""
    names: dict[str, str] = {}
    for label in dict.fromkeys(MASK.findall(text)):
        name = base = _variable(label)
        count = 1
        while base and name in names.values():
            count += 1
            name = f"{base}_{count}"
        if base:
            names[label] = name
    return names


def _variable(label: str) -> str:
    """``sessionid cookie of alice`` as ``ALICE_SESSIONID_COOKIE``; empty where no letter is left."""
    owned = _OWNED.fullmatch(label)
    words = f"{owned[2]} {owned[1]}" if owned else label
    name = re.sub("[^A-Za-z0-9]+", "_", words).strip("_").upper()[:60]
    # A lone word could be PATH or IFS.
    return f"SECRET_{name}" if name and ("_" not in name or name[0].isdigit()) else name


def _quoted(text: str, variables: Mapping[str, str]) -> str:
    pieces = MASK.split(text)
    if not any(label in variables for label in pieces[1::2]):
        return shlex.quote(text)
    found = ""
    for index, piece in enumerate(pieces):
        if index % 2 and piece in variables:
            found += f"${{{variables[piece]}}}"
        else:
            found += re.sub(r'([\\"$`])', r"\\\1", f"‹{piece}›" if index % 2 else piece)
    return f'"{found}"'


def _quotable(label: str) -> str:
    return re.sub("[^A-Za-z0-9 ._-]", "", label)
