"""Logging the given accounts in: forms as found, JSON and urlencoded bodies by the usual names."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.discover.forms import PageForm, forms_on, login_fill, login_verb
from conformance.discover.openapi import Api
from conformance.discover.openapi import login_verb as operation_verb
from conformance.discover.probe import WORD, Probe, document, is_page
from conformance.discover.routes import (
    ACCESS_NAMES,
    CSRF,
    CSRF_HEADERS,
    CSRF_PLACES,
    FURTHER_MEMBERS,
    LOGIN_ACTS,
    PASSWORD_FIELDS,
    REFRESH_NAMES,
    SCHEME,
    TOKEN_HEADERS,
    USER_FIELDS,
)
from conformance.discover.scripts import logins_in
from conformance.model import Answer, Exchange
from conformance.target.party import Party
from conformance.target.set_cookie import parse_set_cookie
from conformance.target.templates import extract, forms
from conformance.target.verbs import choose_form, same_place

MOST_ATTEMPTS = 16
"""Logins that may be tried with an account: many targets throttle, and none should."""
MOST_WRITTEN = 8
"""Addresses that scripts name and that are asked."""
SHORTEST_TOKEN = 16
NOT_ALLOWED = (403, 419)
WRONG_METHOD = 405
WRONG = (401, 400, 422)
"""What a login route says to credentials or members that it does not like."""


@dataclass(frozen=True, slots=True)
class Csrf:
    """Where an anti-forgery value comes from, and how it goes back."""

    verb: Mapping[str, Any]
    member: str | None = None
    """The member of the body that carries it, else `header`."""
    header: str | None = None

    def on(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """A `send` step that carries the value."""
        if self.header:
            return {**step, "headers": {**step.get("headers", {}), self.header: "{csrf}"}}
        kind = "form" if "form" in step else "json"
        return {**step, kind: {**step.get(kind, {}), str(self.member): "{csrf}"}}


@dataclass
class Trial:
    """A login that may have worked."""

    verb: dict[str, Any]
    party: Party
    answer: Exchange
    source: str
    """How it was found, for the draft's comments."""
    csrf: Csrf | None = None
    take: dict[str, str] = field(default_factory=dict)
    use: dict[str, str] = field(default_factory=dict)
    doubtful: bool = False
    """The login form was shown again."""

    @property
    def place(self) -> str:
        """The path that it is sent to, or of its page."""
        return str(self.verb.get("send", "")).partition(" ")[2] or str(self.verb.get("page", ""))

    def table(self) -> dict[str, Any]:
        """The keys of a description that say it."""
        login = {**self.verb, **({"take": self.take} if self.take else {})}
        return {
            "login": login,
            **({"use": self.use} if self.use else {}),
            **({"csrf": dict(self.csrf.verb)} if self.csrf else {}),
        }


async def log_in(probe: Probe, account: str, trial: Trial) -> Party | None:
    """Log an account in as a trial did, with a client of its own."""
    party = probe.client(account)
    probe.describe(trial.table())
    exchange = await probe.attempt(party, "login", trial.table()["login"])
    return party if exchange is not None and exchange.answer is not None else None


async def trials(
    probe: Probe, accounts: tuple[str, ...], api: Api | None, pages: list[tuple[PageForm, dict[str, str]]],
    elsewhere: frozenset[str | None] = frozenset(),
) -> AsyncIterator[Trial]:  # fmt: skip
    """Logins of the first account that the target did not plainly refuse, the likeliest first.

    `elsewhere` are routes that take no names and passwords.
    """
    if not accounts:
        return
    account = accounts[0]
    for operation in (api.logins() if api else [])[:3]:
        async for trial in _with_csrf(probe, account, [operation_verb(operation)], "the OpenAPI document"):
            yield trial
    for page, fill in pages[:2]:
        step = _named(page, fill, await probe.look(page.page))
        if filled := await _attempt(probe, account, step, "a login form", None):
            filled.doubtful = any(login_fill(form) == fill for form in forms_on(probe, filled.answer))
            yield filled
    known: set[str | None] = {*(operation.path for operation in (api.logins() if api else [])), *elsewhere}
    written = logins_in(probe.written)[:MOST_WRITTEN]
    for path in dict.fromkeys([*written, *LOGIN_ACTS]):
        if path in known or probe.budget.left <= 0 or probe.attempts >= MOST_ATTEMPTS:
            continue
        empty = await probe.stranger().send(
            "POST", path, purpose=f"init asks {path} what it wants", content=b"{}", content_type="application/json"
        )
        asked = empty if _wants_basic(empty) or not probe.absent(empty) else await _by_get(probe, path, empty)
        if asked is not None:
            place = probe.slashed(asked) or probe.slashed(await probe.look(path)) or path
            if place in known:
                continue
            known.add(place)
            source = "the page's scripts" if path in written else "a usual route"
            async for trial in _with_csrf(probe, account, list(_shapes(place, asked)), source):
                yield trial


def _wants_basic(exchange: Exchange) -> bool:
    """Whether name and password are asked for in the header (RFC 7617)."""
    answer = exchange.answer
    challenges = answer.all("www-authenticate") if answer and answer.status == 401 else ()
    return any("basic" in challenge.lower() for challenge in challenges)


async def _by_get(probe: Probe, path: str, posted: Exchange) -> Exchange | None:
    """What a login says that is asked by GET with name and password in the header; None where none is."""
    if posted.answer is None or posted.answer.status != WRONG_METHOD:
        return None
    looked = await probe.look(path)
    return looked if _wants_basic(looked) else None


def _named(page: PageForm, fill: dict[str, str], shown: Exchange) -> dict[str, Any]:
    """The step of a form, told from its neighbours by its action where fields alone don't."""
    verb = login_verb(page, fill)
    body = shown.answer.body if shown.answer else b""
    chosen = choose_form(forms(body, shown.request.url), fill, None)
    if chosen is None:
        return {**verb, "page": page.whole}
    known = same_place(chosen.action, page.form.action)
    return verb if known else {**verb, "action": page.action.partition(";")[0]}


def _shapes(path: str, empty: Exchange) -> Iterator[dict[str, Any]]:
    """Bodies worth trying: by the names that the refusal of an empty body mentions, else by the usual ones."""
    text = empty.answer.body[:20_000].decode("utf-8", "replace") if empty.answer else ""
    # What is mentioned may be another thing, as in {"login": false}: the usual names come after it.
    mentioned = [name for name in USER_FIELDS if f'"{name}"' in text or f"'{name}'" in text]
    users = list(dict.fromkeys([*mentioned[:4], *USER_FIELDS[:4]]))
    passwords = [name for name in PASSWORD_FIELDS if f'"{name}"' in text] or list(PASSWORD_FIELDS[:1])
    wants_form = empty.answer is not None and empty.answer.status == 415
    if _wants_basic(empty):
        yield {"send": f"{empty.request.method} {path}", "headers": {"Authorization": "Basic {basic}"}}
        if empty.request.method == "GET":
            return
    further = FURTHER_MEMBERS.get(path, {})
    flat = [{**further, u: "{user}", p: "{password}"} for u, p in itertools.product(users[:5], passwords[:1])]
    nested = [{"user": {name: "{user}", "password": "{password}"}} for name in ("email", "username")]
    short = [{"user": "{user}", "pwd": "{password}"}]
    if not wants_form:
        bodies = [*flat, *(nested if "/users/" in path else ()), *short]
        yield from ({"send": f"POST {path}", "json": body} for body in bodies)
    yield from ({"send": f"POST {path}", "form": body} for body in flat)


async def _with_csrf(probe: Probe, account: str, verbs: list[dict[str, Any]], source: str) -> AsyncIterator[Trial]:
    """Try bodies plainly; where one is forbidden, with each kind of anti-forgery value that the target gives."""
    forbidden = False
    for verb in verbs:
        last: list[Exchange] = []
        trial = await _attempt(probe, account, verb, source, None, last)
        if trial:
            yield trial
        answer = last[0].answer if last else None
        if answer is not None and (answer.status in NOT_ALLOWED or CSRF.search(answer.body[:2000].decode("latin-1"))):
            forbidden = True
            break
    for csrf in await find_csrf(probe) if forbidden else ():
        for verb in verbs:
            trial = await _attempt(probe, account, csrf.on(verb), source, csrf)
            if trial:
                yield trial


async def _attempt(
    probe: Probe, account: str, verb: dict[str, Any], source: str, csrf: Csrf | None,
    seen: list[Exchange] | None = None,
) -> Trial | None:  # fmt: skip
    if probe.attempts >= MOST_ATTEMPTS or probe.budget.left <= 0:
        return None
    probe.attempts += 1
    party = probe.client(account)
    probe.describe({"csrf": dict(csrf.verb)} if csrf else {})
    exchange = await probe.attempt(party, "login", verb)
    if exchange is None or exchange.answer is None:
        return None
    if seen is not None:
        seen.append(exchange)
    if (exchange.answer.status >= 400 and not _was_led_on(verb, exchange)) or _says_error(exchange):
        if exchange.answer.status in WRONG and "send" in verb:
            probe.refused.setdefault(verb["send"], exchange.answer.status)
        return None
    take = {**taken_from_headers(exchange.answer), **taken_from(document(exchange))}
    use: dict[str, str] = {}
    for name, source_of in take.items():
        value = extract(source_of, exchange.answer, {})
        if value and name == "access" and (scheme := SCHEME.match(value)):
            use = {} if scheme[1].lower() == "bearer" else {name: f"header:Authorization: {scheme[1]} {{access}}"}
            value = value[scheme.end() :]
        if value:
            party.tokens[name] = value
            party.learn(f"{name} token", value)
    if not party.tokens and not len(party.jar):
        return None
    return Trial(verb, party, exchange, source, csrf, take, use)


def _was_led_on(verb: dict[str, Any], exchange: Exchange) -> bool:
    """Whether a form was answered by a way on, which leads nowhere: an API has no start page."""
    return "page" in verb and exchange.request.method == "GET"


def _says_error(exchange: Exchange) -> bool:
    """Whether an answer reports a failure under a status of success."""
    told = document(exchange)
    return isinstance(told, dict) and bool(told.get("error") or told.get("errors"))


def taken_from_headers(answer: Answer) -> dict[str, str]:
    """Where an access token stands among the headers of an answer."""
    found = next((name for name in TOKEN_HEADERS if _is_token(answer.header(name))), None)
    return {"access": f"header:{found}"} if found else {}


def taken_from(told: Any) -> dict[str, str]:
    """Where the tokens of an answer stand: at its top, or one level below."""
    found: dict[str, str] = {}
    inside = [(f"/{key}", value) for key, value in told.items()] if isinstance(told, dict) else []
    places = [("", told), *((at, value) for at, value in inside if isinstance(value, dict))]
    for at, members in places[:20]:
        if not isinstance(members, dict):
            continue
        for name, spellings in (("access", ACCESS_NAMES), ("refresh", REFRESH_NAMES), ("id_token", ("id_token",))):
            spelled = next((s for s in spellings if _is_token(members.get(s))), None)
            if spelled and name not in found and WORD.fullmatch(at or "x"):
                found[name] = f"json:{at}/{spelled}"
    return found


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= SHORTEST_TOKEN and value.isascii() and value.isprintable()


async def find_csrf(probe: Probe) -> list[Csrf]:
    """Anti-forgery values that a stranger is given, and the ways in which they may go back."""
    for place in (*CSRF_PLACES, "/login", probe.start):
        exchange = await probe.look(place)
        if exchange.answer is None or exchange.answer.status >= 400:
            continue
        told = document(exchange)
        for name in told if isinstance(told, dict) else ():
            if (CSRF.search(name) or name == "token") and isinstance(told[name], str) and WORD.fullmatch(name):
                verb = {"send": f"GET {place}", "take": {"csrf": f"json:/{name}"}}
                return [Csrf(verb, name), *(Csrf(verb, None, header) for header in CSRF_HEADERS[:1])]
        if cookie := _csrf_cookie(exchange):
            return _in_headers(cookie, place)
        if is_page(exchange) and (source := _csrf_in_page(exchange)):
            verb = {"send": f"GET {place}", "take": {"csrf": source}}
            return [Csrf(verb, None, header) for header in CSRF_HEADERS[:2]]
    return []


def csrf_held(party: Party, path: str) -> list[Csrf]:
    """The anti-forgery cookie that a client holds, and the headers in which it may go back."""
    named = next((name for name, _ in party.jar.as_pairs() if CSRF.search(name) and WORD.fullmatch(name)), None)
    return _in_headers(named, path) if named else []


def _in_headers(cookie: str, path: str) -> list[Csrf]:
    verb = {"send": f"GET {path}", "take": {"csrf": f"cookie:{cookie}"}}
    first = "X-XSRF-TOKEN" if "xsrf" in cookie.lower() else "X-CSRFToken"
    return [Csrf(verb, None, header) for header in dict.fromkeys((first, *CSRF_HEADERS[:1]))]


def _csrf_cookie(exchange: Exchange) -> str | None:
    values = exchange.answer.all("set-cookie") if exchange.answer else ()
    names = (parse_set_cookie(value).name for value in values)
    return next((name for name in names if CSRF.search(name) and WORD.fullmatch(name)), None)


def _csrf_in_page(exchange: Exchange) -> str | None:
    for name in ("csrf-token", "csrf_token", "_csrf"):
        source = f'html:meta[name="{name}"]'
        if exchange.answer and extract(source, exchange.answer, {}):
            return source
    return None
