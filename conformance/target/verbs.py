"""Performing the verbs of a description as a party: requests, HTML forms, values taken from answers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx

from conformance.attacks.material import is_number
from conformance.errors import DescriptionError, Inconclusive
from conformance.model import Exchange
from conformance.target.description import TAKEN
from conformance.target.oracle import unclear_reason
from conformance.target.party import form_body, json_body
from conformance.target.templates import (
    Form,
    UnknownWordError,
    extract,
    forms,
    json_of,
    links,
    mentions,
    render,
)
from conformance.target.wire import origin_of

if TYPE_CHECKING:
    from conformance.target.grammar import Step, Verb
    from conformance.target.party import Party

MAX_REDIRECTS = 5
HTML = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"
SAME_METHOD = frozenset({307, 308})
"""Redirects that repeat method and body; after the others a browser sends a GET (RFC 9110 15.4.8 and 15.4.9)."""


class StepFailedError(Inconclusive):
    """A step of a verb could not be done: no form on the page, nothing at a source, no answer."""


class NoFormError(StepFailedError):
    """The page was opened, and the form of the step is not on it."""


class NotLetOnError(NoFormError):
    """A later step's page lacks its form: what the step before it sent did not lead on, as after a wrong password."""

    def __init__(self, failed: NoFormError, reached: Exchange) -> None:
        super().__init__(failed.reason, failed.evidence, failed.key)
        self.reached = reached
        """The answer beyond which it did not go."""


class NotTakenError(StepFailedError):
    """The request was answered, and what the step takes is not in the answer."""


async def perform(
    party: Party,
    name: str,
    verb: Verb | None,
    purpose: str,
    words: Mapping[str, str] | None = None,
    kept: dict[str, str] | None = None,
) -> Exchange:
    """Perform a verb; what it takes is kept by the party, and put into `kept`. Returns its last exchange.

    Raises:
        StepFailedError: a step could not be done.
        DescriptionError: a template names an unknown word.
    """
    known = {**party.system.words(party), **party.tokens, **(words or {})}
    _add_basic(party, verb, known)
    adapter = party.system.adapter
    if adapter is not None and adapter.offers(name):
        answered = await adapter.perform(name, party, known, purpose)
        await _granted(party, name)
        return answered
    # As the description spells it: `register` is taken as a name in Python.
    name = name.removesuffix("_")
    if verb is None:
        raise StepFailedError(f"the description has no `{name}`", (), name)
    exchange = None
    for at, step in enumerate(verb.steps):
        several = len(verb.steps) > 1
        key = f"{name}.steps[{at}]" if several else name
        told = f"{purpose} (step {at + 1} of {len(verb.steps)})" if several else purpose
        await _bring_csrf(party, name, step, known, purpose)
        try:
            do = _page(party, step, known, key, told) if step.page else _send(party, step, known, told)
            exchange = await do
        except UnknownWordError as problem:
            raise DescriptionError(party.system.where, key, str(problem)) from None
        except NoFormError as failed:
            if exchange is None or unclear_reason(failed.evidence[-1]):
                raise
            raise NotLetOnError(failed, exchange) from None
        _take(party, step, exchange, known, key)
    if exchange is None:
        raise StepFailedError(f"`{name}` has no step", (), name)
    if kept is not None:
        kept.update(known)
    await _granted(party, name)
    return exchange


def _add_basic(party: Party, verb: Verb | None, known: dict[str, str]) -> None:
    """Name and password as RFC 7617 joins them, for a verb that sends them so."""
    if verb is not None and any(mentions(step.headers, "basic") for step in verb.steps) and "user" in known:
        pair = f"{known['user']}:{known.get('password', '')}".encode()
        known["basic"] = b64encode(pair).decode()
        party.learn("name and password", known["basic"])


async def _granted(party: Party, name: str) -> None:
    """After a login at an authorization server the kit, as a client, fetches its tokens."""
    if name == "login" and party.system.authorization:
        await party.system.authorization.grant(party)


async def identify(party: Party) -> tuple[Exchange, str | None]:
    """Ask the identity route who a party is: the exchange, and the name that stands at the identity's source."""
    purpose = f"{party.label}: who am I?"
    adapter, verb = party.system.adapter, party.system.description.identity
    if adapter is not None and adapter.offers("identity"):
        return await adapter.identify(party, purpose)
    exchange = await perform(party, "identity", verb, purpose)
    # What stands at the same place of an error is a message: no error names its user.
    if verb is None or exchange.answer is None or exchange.answer.status >= 400:
        return exchange, None
    return exchange, extract(verb.name, exchange.answer, dict(party.jar.as_pairs()))


async def _bring_csrf(party: Party, name: str, step: Step, known: dict[str, str], purpose: str) -> None:
    """Fetch a fresh anti-forgery value before a step that uses one: many are bound to the session at hand."""
    verb = party.system.description.csrf
    if verb is None or name == "csrf" or not sends_csrf(step) or "csrf" in step.take:
        return
    await perform(party, "csrf", verb, f"{purpose}: fetch the anti-forgery value")
    known.update(party.tokens)


def sends_csrf(step: Step) -> bool:
    """Whether a step uses the anti-forgery value, wherever in its request."""
    places = [step.send, step.page, step.action, step.json_, step.form, step.headers, step.query, step.fill]
    return mentions(places, "csrf")


async def _send(party: Party, step: Step, words: Mapping[str, str], purpose: str) -> Exchange:
    method, path = render(step.send, words).split(" ", 1)
    path = _within_reach(party, path)
    content, kind = None, None
    if step.json_ is not None:
        content, kind = json_body(render(step.json_, words)), "application/json"
    elif step.form is not None:
        content, kind = form_body(render(step.form, words).items()), FORM
    return await party.send(
        method, path, purpose=purpose, headers=render(step.headers, words), query=render(step.query, words),
        content=content, content_type=kind,
    )  # fmt: skip


def _within_reach(party: Party, place: str) -> str:
    """Where the kit reaches a place: a link that was sent to a user names the public address."""
    return party.system.reach(place) if place.startswith(("http://", "https://")) else place


async def _page(party: Party, step: Step, words: Mapping[str, str], key: str, purpose: str) -> Exchange:
    fill = render(step.fill, words)
    page = await browse(party, _within_reach(party, render(step.page, words)), f"{purpose}: open the page")
    if page.answer is None or page.answer.status >= 500:
        raise StepFailedError(f"{key}: {step.page} gave {_short(page)}", (page,), key)
    action = urljoin(page.request.url, render(step.action, words)) if step.action else None
    form = choose_form(forms(page.answer.body, page.request.url), fill, action)
    if action and (form is None or not _within(action, form.action)):
        link = link_to(action, links(page.answer.body, page.request.url))
        if link:
            return await browse(party, link, purpose)
    if form is None:
        raise NoFormError(f"{key}: {_no_form(step, page)}", (page,), key)
    return await _submit(party, form, fill, action, render(step.headers, words), page.request.url, purpose)


def choose_form(found: tuple[Form, ...], fill: Mapping[str, str], action: str | None) -> Form | None:
    """The form that a person would fill: by its action if told, by its fields, by its password field."""
    if action:
        there = [f for f in found if same_place(f.action, action)]
        return next((f for f in there if _within(action, f.action)), next(iter(there), None))
    # `password[$gte]` is what an attacker makes of the field `password`.
    wanted = {name.partition("[")[0] or name for name in fill}
    holding = [f for f in found if f.names >= set(fill) or f.names >= wanted]
    with_password = [f for f in holding if f.has_password]
    # A field that the form lacks may be the point of an attack, beside those by which the form is known.
    nearly = [f for f in found if f.has_password and len(wanted - f.names) == 1 < len(wanted & f.names)]
    return next(iter(with_password or holding or nearly), None)


def link_to(action: str, found: Sequence[str]) -> str | None:
    """The link that goes to an action: exactly, or with more in its query, such as a value against forgery."""
    if action in found:
        return action
    alike = (link for link in found if same_place(link, action) and _host(link) == _host(action))
    return next((link for link in alike if urlsplit(action).query and _within(action, link)), None)


def _within(action: str, other: str) -> bool:
    """Whether the query of a URL has all that the one of an action has."""
    asked, had = (set(parse_qsl(urlsplit(url).query, keep_blank_values=True)) for url in (action, other))
    return asked <= had


def _host(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def same_place(one: str, other: str) -> bool:
    """Whether two URLs have one path; a session id that stands behind it (`;jsessionid=`) does not count."""
    return urlsplit(one).path.partition(";")[0] == urlsplit(other).path.partition(";")[0]


def _no_form(step: Step, page: Exchange) -> str:
    body = page.answer.body if page.answer else b""
    seen = [f"{f.action} ({', '.join(sorted(f.names)) or 'no fields'})" for f in forms(body, page.request.url)]
    wanted = f"action {step.action}" if step.action else f"the fields {', '.join(step.fill) or '(none)'}"
    status = page.answer.status if page.answer else "no answer"
    return f"{step.page} ({status}) has no form with {wanted}; forms there: {'; '.join(seen) or 'none'}"


async def _submit(
    party: Party, form: Form, fill: Mapping[str, str], action: str | None, headers: Mapping[str, str],
    page_url: str, purpose: str,
) -> Exchange:  # fmt: skip
    fields = [(name, value) for name, value in form.fields if name not in fill] + list(fill.items())
    target = party.system.reach(form.action if action is None else urljoin(action, form.action))
    head = {"Referer": page_url, **headers}
    if form.method == "GET":
        joined = ("&" if urlsplit(target).query else "?") + urlencode(fields)
        return await browse(party, target + joined, purpose, head)
    if form.multipart:
        first = await party.send("POST", target, purpose=purpose, headers=head, files=fields, accept=HTML)
    else:
        first = await party.send(
            "POST", target, purpose=purpose, headers=head, content=form_body(fields), content_type=FORM, accept=HTML
        )
    return await _follow(party, first, purpose, head)


async def browse(party: Party, path: str, purpose: str, headers: Mapping[str, str] | None = None) -> Exchange:
    """Open a page as a browser does, following redirects; returns the last exchange."""
    first = await party.send("GET", path, purpose=purpose, headers=headers, accept=HTML)
    return await _follow(party, first, purpose, headers)


async def _follow(party: Party, exchange: Exchange, purpose: str, headers: Mapping[str, str] | None) -> Exchange:
    """Follow redirects on the target's own origins, as a browser; a redirect elsewhere is where this ends."""
    told = f"{purpose}: follow the redirect"
    for _ in range(MAX_REDIRECTS):
        url = _onward(party, exchange)
        if url is None or exchange.answer is None:
            return exchange
        before = exchange.request
        if exchange.answer.status in SAME_METHOD and before.method != "GET":
            kind = next((v.decode("latin-1") for k, v in before.headers if k.lower() == b"content-type"), None)
            exchange = await party.send(
                before.method, url, purpose=told, headers=headers, content=before.body, content_type=kind, accept=HTML
            )
        else:
            exchange = await party.send("GET", url, purpose=told, accept=HTML)
    return exchange


def _onward(party: Party, exchange: Exchange) -> str | None:
    """Where an answer sends a browser on, if that is the target's own."""
    answer = exchange.answer
    location = answer.header("location") if answer else None
    if answer is None or not 300 <= answer.status < 400 or not location:
        return None
    try:
        url = party.system.reach(urljoin(exchange.request.url, location))
        own = url.startswith(("http://", "https://")) and origin_of(url) in party.system.wire.origins
    except (ValueError, httpx.InvalidURL):
        # A hostile target may redirect to what is no address.
        return None
    return url if own else None


def _take(party: Party, step: Step, exchange: Exchange, known: dict[str, str], key: str) -> None:
    if exchange.answer is None:
        if step.take:
            reason = f"no answer to take {', '.join(step.take)} from: {exchange.error}"
            raise StepFailedError(reason, (exchange,), key)
        return
    for name, source in step.take.items():
        value = extract(source, exchange.answer, dict(party.jar.as_pairs()))
        if value is None:
            reason = f"nothing stands at take.{name} = {source!r} in the answer ({_short(exchange)})"
            raise NotTakenError(reason, (exchange,), key)
        if name in TAKEN:
            value = party.without_scheme(name, value)
        known[name] = value
        if name in TAKEN:
            party.tokens[name] = value
            party.learn(f"{name} token", value)
    if (life := lifetime_in(exchange)) is not None:
        party.lifetime = life


def lifetime_in(exchange: Exchange) -> float | None:
    """``expires_in`` of a token response in seconds (RFC 6749 section 5.1), or None."""
    document: Any = json_of(exchange.answer) if exchange.answer else None
    value = document.get("expires_in") if isinstance(document, dict) else None
    return float(value) if is_number(value) else None


def _short(exchange: Exchange) -> str:
    if exchange.answer is None:
        return exchange.error or "no answer"
    cut = ", too long to be read whole" if exchange.answer.truncated else ""
    return f"{exchange.answer.status}{cut}"
