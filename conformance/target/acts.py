"""A request of the description taken apart, so that a page of another site can imitate it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urljoin

from conformance.attacks.crosssite import FORM, Forgery, pairs
from conformance.errors import DescriptionError
from conformance.target.grammar import Step, Verb
from conformance.target.party import form_body, json_body
from conformance.target.templates import UnknownWordError, forms, links, mentions, render
from conformance.target.verbs import StepFailedError, browse, choose_form, perform, sends_csrf

if TYPE_CHECKING:
    from conformance.model import Exchange
    from conformance.target.party import Party

OPEN = ("csrf", "value")
"""Words that are filled in at the moment of sending."""
TOKEN_NAME = re.compile(r"csrf|xsrf|forgery|authenticity|nonce|token", re.IGNORECASE)
NOBODY = ("accept", "accept-language", "content-language", "user-agent", "host")
"""Headers of the description that a browser sends from any page; the others are the doing of the target's own."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request as a template in which the words of `OPEN` are still open."""

    method: str
    path: str
    fields: Any = field(repr=False)
    """A table, for JSON perhaps something else; None without a body."""
    kind: str
    """``json``, ``form`` or ``none``."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: str = field(default="", repr=False)
    """The genuine anti-forgery value; empty without one."""

    @property
    def has_token(self) -> bool:
        """Whether the request carries an anti-forgery value anywhere."""
        return mentions([self.path, self.fields, self.query, self.headers], "csrf")

    @property
    def has_open_token(self) -> bool:
        """Whether it carries one where a page of another site can put one too: not in a header."""
        return mentions([self.path, self.fields, self.query], "csrf")

    def address(self, words: Mapping[str, Any]) -> str:
        """The path with these words; a word that is not there is left empty."""
        return str(_filled(self.path, words))

    def filled(self, words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Fields and query with these words; what mentions a word that is not there is left out."""
        fields, query = _filled(self.fields or {}, words), _filled(self.query, words)
        return fields, {name: str(value) for name, value in query.items()}


def _filled(template: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        for word in OPEN:
            if template == f"{{{word}}}":
                return words[word]
            template = template.replace(f"{{{word}}}", str(words.get(word, "")))
        return template
    if isinstance(template, Mapping):
        absent = [word for word in OPEN if word not in words]
        return {k: _filled(v, words) for k, v in template.items() if not any(mentions(v, w) for w in absent)}
    return [_filled(value, words) for value in template] if isinstance(template, list) else template


async def act_of(party: Party, name: str, verb: Verb, purpose: str) -> Act:
    """The last request of a verb; what comes before it is done by the party itself.

    Raises:
        StepFailedError: a step could not be done.
        DescriptionError: a template names an unknown word.
    """
    before, last = verb.steps[:-1], verb.steps[-1]
    taken: dict[str, str] = {}
    if before:
        await perform(party, name, Verb(steps=before), purpose, kept=taken)
    described = party.system.description
    if sends_csrf(last) and described.csrf and not any("csrf" in step.take for step in before):
        await party.verb("csrf", described.csrf, f"{purpose}: fetch the anti-forgery value")
    words = {**party.system.words(party), **taken, **party.tokens, **{word: f"{{{word}}}" for word in OPEN}}
    try:
        if last.page:
            return await _act_on_page(party, last, words, purpose)
        method, address = render(last.send, words).split(" ", 1)
        fields = render(last.json_ if last.json_ is not None else last.form, words)
        path, query = _split(address)
        query, headers = {**query, **render(last.query, words)}, render(last.headers, words)
    except UnknownWordError as problem:
        raise DescriptionError(party.system.where, name, str(problem)) from None
    kind = "json" if last.json_ is not None else "form" if last.form is not None else "none"
    return Act(method.upper(), path, fields, kind, query, headers, party.tokens.get("csrf", ""))


def _split(address: str) -> tuple[str, dict[str, str]]:
    """An address without those parameters of its query that use open words, and these."""
    path, mark, query = address.partition("?")
    parts = query.split("&") if mark else []
    fixed = [part for part in parts if not any(mentions(part, word) for word in OPEN)]
    found = dict(parse_qsl("&".join(part for part in parts if part not in fixed), keep_blank_values=True))
    return path + ("?" + "&".join(fixed) if fixed else ""), found


async def _act_on_page(party: Party, step: Step, words: Mapping[str, str], purpose: str) -> Act:
    fill = render(step.fill, words)
    genuine = {**words, **party.tokens}
    page = await browse(party, render(step.page, genuine), f"{purpose}: open the page")
    if page.answer is None:
        raise StepFailedError(f"{step.page} gave {page.error}", (page,))
    action = urljoin(page.request.url, render(step.action, genuine)) if step.action else None
    form = choose_form(forms(page.answer.body, page.request.url), fill, action)
    if form is None and action and action in links(page.answer.body, page.request.url):
        return Act("GET", action, {}, "none")
    if form is None:
        raise StepFailedError(f"{step.page} has no such form", (page,))
    hidden = {name: value for name, value in form.fields if name not in fill}
    token = next((n for n, v in hidden.items() if TOKEN_NAME.search(n) and len(v) >= 8), None)
    fields = {**hidden, **({token: "{csrf}"} if token else {}), **fill}
    target = form.action if action is None else urljoin(action, form.action)
    return Act(form.method, target, fields, "form", token=hidden[token] if token else "")


async def forge(browser: Party, act: Act, forgery: Forgery, **words: str) -> Exchange:
    """Send a forged request from a browser: its cookies go along whatever their SameSite, nothing else does.

    That SameSite would keep them back in some browsers does not count (ASVS-v5.0.0-3.5.1).
    """
    system = browser.system
    by_cookie = {name for name, template in system.use.items() if template.startswith("cookie:")}
    tokens = {name: value for name, value in browser.tokens.items() if name in by_cookie}
    sender = replace(browser, tokens=tokens, also_headers=(), also_query=())
    fields, query = act.filled({**words, **dict(forgery.words)})
    omit = ["Origin", "Sec-Fetch-Site", *(name for name in system.headers if name.lower() not in NOBODY)]
    posted = forgery.method == "POST"
    query.update({**({} if posted else dict(pairs(fields))), **dict(forgery.query)})
    kind = {"Content-Type": forgery.body.content_type} if posted and forgery.body.content_type else {}
    headers = {**dict(forgery.page.headers), **kind}
    return await sender.send(
        forgery.method, act.address({**words, **dict(forgery.words)}), headers=headers, query=query,
        purpose=f"{browser.label} sends {forgery}",
        content=forgery.body.write(fields) if posted else None, omit=omit,
    )  # fmt: skip


async def repeat(party: Party, act: Act, value: str) -> Exchange:
    """Send an act as the target's own page would, with its genuine token, whoever the party is."""
    words = {"value": value, "csrf": act.token}
    fields, query = act.filled(words)
    path = act.address(words)
    if act.method == "GET":
        return await party.send("GET", path, purpose=f"{party.label} acts", query={**query, **dict(pairs(fields))})
    kind = "application/json" if act.kind == "json" else FORM if act.kind == "form" else None
    content = json_body(fields) if act.kind == "json" else form_body(pairs(fields)) if act.kind == "form" else None
    return await party.send(
        act.method, path, purpose=f"{party.label} acts", query=query, headers=_filled(act.headers, words),
        content=content, content_type=kind,
    )  # fmt: skip
