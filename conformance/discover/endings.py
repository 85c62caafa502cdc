"""Finding what ends and renews a session: logout and refresh are tried on sessions opened for it, a password never."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.discover.forms import change_fill, forms_on, logout_verbs, own_links
from conformance.discover.identities import Found
from conformance.discover.logins import NOT_ALLOWED, WRONG_METHOD, Trial, csrf_held, log_in, taken_from
from conformance.discover.openapi import Api
from conformance.discover.probe import NOWHERE, Probe, alike, document
from conformance.discover.routes import (
    CSRF,
    LOGOUTS,
    LOGOUTS_BESIDE,
    PASSWORD_CHANGE,
    PASSWORD_PAGES,
    REFRESH_NAMES,
    REFRESHES,
    REFRESHES_BESIDE,
    RESOURCES,
    around,
    nearest,
)
from conformance.discover.scripts import logouts_in, refreshes_in
from conformance.errors import DescriptionError, Inconclusive
from conformance.model import Answer, Exchange
from conformance.target.altered_login import changed, going_to
from conformance.target.grammar import Verb
from conformance.target.party import Party
from conformance.target.templates import extract, forms
from conformance.target.verbs import choose_form, perform, same_place

LANDING = "/pickproof-landing"


@dataclass(frozen=True, slots=True)
class Ending:
    """A logout that the target performs."""

    verb: dict[str, Any]
    ends: bool
    """Whether the client counted as signed out afterwards."""


async def find_logout(
    probe: Probe, account: str, trial: Trial, identity: Found, api: Api | None, renewal: dict[str, Any] | None = None
) -> Ending | None:
    """A request or form after which the session that sent it is over; else one that at least says yes.

    Where access tokens live on, a `renewal` that works no longer tells which logout was meant.
    """
    probe.describe({**trial.table(), **identity.table()})
    party = await log_in(probe, account, trial)
    polite: Ending | None = None
    if party is None:
        return None
    async for verb in _logouts(probe, party, trial, identity, api):
        if probe.budget.left <= 0:
            break
        held = len(party.jar)
        exchange = await probe.attempt(party, "logout", verb)
        if exchange is None or exchange.answer is None or exchange.answer.status >= 400:
            continue
        # Where a page's own form or link leads may look like any other page of the target, to a guest.
        if "page" not in verb and _is_nothing(probe, exchange):
            continue
        if not await _still_in(party, identity):
            return Ending(verb, True)
        posted = verb.get("send", "").startswith(("POST", "DELETE")) and exchange.answer.status < 300
        # A page that still greets the user is no logout, whatever it was asked for.
        posted = posted and extract(identity.source, exchange.answer, {}) != identity.name
        said = len(party.jar) < held or (posted and not await _says_so_anywhere(party, exchange))
        polite = polite or (Ending(verb, False) if said else None)
    if polite is None or renewal is None or "send" not in polite.verb:
        return polite
    return Ending(await _last_renewal(probe, account, trial, polite.verb["send"], renewal), False)


async def _last_renewal(probe: Probe, account: str, trial: Trial, send: str, renewal: dict[str, Any]) -> dict[str, Any]:
    """The shape of a logout after which a refresh token gives nothing any more; else the plainest."""
    shapes = list(_shapes(send, trial))
    for verb in shapes:
        party = await log_in(probe, account, trial)
        if party is None or probe.budget.left <= 0:
            break
        await probe.attempt(party, "logout", verb)
        if not await _renews(probe, party, renewal):
            return verb
    return shapes[0]


async def _renews(probe: Probe, party: Party, renewal: dict[str, Any]) -> bool:
    exchange = await probe.attempt(party, "refresh", renewal)
    return bool(_renewed(exchange))


def _renewed(exchange: Exchange | None) -> dict[str, str]:
    """Where a new access token stands, with what else stands beside it; nothing where there is none."""
    if exchange is None or exchange.answer is None or exchange.answer.status >= 300:
        return {}
    take = taken_from(document(exchange))
    return take if "access" in take else {}


def _is_nothing(probe: Probe, exchange: Exchange) -> bool:
    return exchange.answer is not None and exchange.answer.status != 204 and probe.absent(exchange)


async def _says_so_anywhere(party: Party, exchange: Exchange) -> bool:
    """Whether who is signed in is answered the same where nothing is."""
    nowhere = await party.send("POST", NOWHERE, purpose=f"{party.label} posts to nowhere")
    answer = exchange.answer
    return bool(answer and nowhere.answer and alike(answer, nowhere.answer, exchange.request.url))


async def _still_in(party: Party, identity: Found) -> bool:
    exchange = await party.send("GET", identity.path, purpose=f"{party.label}: still signed in?")
    return exchange.answer is not None and extract(identity.source, exchange.answer, {}) == identity.name


async def _logouts(
    probe: Probe, party: Party, trial: Trial, identity: Found, api: Api | None
) -> AsyncIterator[dict[str, Any]]:
    pages = {page.request.url: page for page in (identity.inside, trial.answer) if page.request.method == "GET"}
    for page in pages.values():
        for verb in logout_verbs(probe, page)[:2]:
            yield verb
    known = api.logouts()[:2] if api else []
    for send in known:
        for verb in _shapes(send, trial):
            yield verb
        for verb in _guarded(probe, party, trial, identity, {"send": send}) if trial.csrf is None else ():
            yield verb
    beside = around(LOGOUTS_BESIDE, trial.place)
    if trial.place.rstrip("/").rpartition("/")[2] in RESOURCES:
        for verb in _shapes(f"DELETE {trial.place}", trial):
            yield verb
    written = logouts_in(probe.written)[:2]
    for path in dict.fromkeys([*written, *beside[: len(LOGOUTS_BESIDE)], *nearest(LOGOUTS, trial.place), *beside]):
        first = {"send": f"POST {path}"}
        if first["send"] in known or probe.budget.left <= 0:
            continue
        bare = await party.send("POST", path, purpose=f"{party.label} logs out at {path}")
        if slashed := probe.slashed(bare):
            path, first = slashed, {"send": f"POST {slashed}"}
            bare = await party.send("POST", path, purpose=f"{party.label} logs out at {path}")
        told_so = bare.answer is not None and bare.answer.status == WRONG_METHOD
        first = {"send": f"DELETE {path}"} if told_so else first
        # Some routers answer 404 to a method that a path has not; who hands out refresh tokens may delete them.
        if told_so or ("refresh" in trial.take and path in beside[:1] and probe.absent(bare)):
            for verb in _shapes(f"DELETE {path}", trial):
                yield verb
        if trial.csrf is None and bare.answer and (first["send"].startswith("DELETE") or _wants_csrf(bare.answer)):
            for verb in _guarded(probe, party, trial, identity, first):
                yield verb
        if not probe.absent(bare) or ("refresh" in trial.take and probe.answers_here(bare)):
            async for verb in _posted(probe, party, trial, identity, bare, first["send"]):
                yield verb
        if not probe.absent(await probe.look(path)):
            yield {"send": f"GET {path}"}
            asked = logout_verbs(probe, await probe.open(party, path))
            for verb in [verb for verb in asked if "page" in verb][:1]:
                yield verb


def _wants_csrf(answer: Answer) -> bool:
    return answer.status in NOT_ALLOWED or bool(CSRF.search(answer.body[:2000].decode("latin-1")))


def _guarded(
    probe: Probe, party: Party, trial: Trial, identity: Found, plain: dict[str, Any]
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """A request with the anti-forgery cookie that the client holds; the trial keeps what the taker takes."""
    for csrf in csrf_held(party, identity.path):
        trial.csrf = csrf
        probe.describe({**trial.table(), **identity.table()})
        yield csrf.on(plain)
    trial.csrf = None
    probe.describe({**trial.table(), **identity.table()})


async def _posted(
    probe: Probe, party: Party, trial: Trial, identity: Found, bare: Exchange, send: str
) -> AsyncIterator[dict[str, Any]]:  # fmt: skip
    if bare.answer and bare.answer.status < 400 and not await _still_in(party, identity):
        # The bare request has done it already: a fresh session shows the same through the verb.
        again = await log_in(probe, party.owner or "", trial)
        if again is not None:
            party.jar, party.tokens = again.jar, again.tokens
    for verb in _shapes(send, trial):
        yield verb


def _shapes(send: str, trial: Trial) -> Iterator[dict[str, Any]]:
    """A request with the anti-forgery value of the login, without a body, and with an empty one."""
    plain: dict[str, Any] = {"send": send}
    if trial.csrf:
        yield trial.csrf.on(plain)
        return
    yield plain
    if send.startswith("GET"):
        return
    if "refresh" in trial.take:
        yield from ({**plain, "json": {name: "{refresh}"}} for name in dict.fromkeys((_member_of(trial), "token")))
    yield {**plain, "json": {}}


def _member_of(trial: Trial) -> str:
    """How the login calls its refresh token."""
    return trial.take["refresh"].rpartition("/")[2]


async def returns(probe: Probe, account: str, trial: Trial, parameter: str) -> bool:
    """Whether the login goes on to where this parameter says: some pages carry it, and lose it at the next step."""
    probe.describe(trial.table())
    for way in ("query", "body"):
        party = probe.client(account)
        verb = changed(Verb.model_validate(trial.table()["login"]), "", "", going_to(parameter, LANDING, way))
        try:
            await perform(party, "login", verb, f"{party.label} logs in, to go on to {LANDING}")
        except (Inconclusive, DescriptionError):
            continue
        if any(LANDING in (e.answer.header("location") or "") for e in party.log if e.answer):
            return True
    return False


async def find_refresh(probe: Probe, account: str, trial: Trial, api: Api | None) -> dict[str, Any] | None:
    """A request that gives a new access token for the refresh token of a login."""
    cookies = [name for name, _ in trial.party.jar.as_pairs()]
    in_cookie = any("refresh" in name.lower() for name in cookies) or ("access" in trial.party.tokens and cookies)
    if "refresh" not in trial.party.tokens and not in_cookie:
        return None
    probe.describe(trial.table())
    party = await log_in(probe, account, trial)
    beside = around(REFRESHES_BESIDE, trial.place)
    known = [*(api.refreshes() if api else []), *refreshes_in(probe.written)[:2]]
    places = dict.fromkeys([*known, *beside, *nearest(REFRESHES, trial.place)])
    for verb in _refreshes(list(places), trial) if party else ():
        if probe.budget.left <= 0:
            break
        exchange = await probe.attempt(party, "refresh", verb) if party else None
        if take := _renewed(exchange):
            return {**verb, "take": take}
    return None


def _refreshes(places: list[str], trial: Trial) -> Iterator[dict[str, Any]]:
    if "refresh" not in trial.party.tokens:
        yield from ({"send": f"{method} {place}"} for place in places for method in ("POST", "GET"))
        return
    own = _member_of(trial)
    for place in places:
        if place == "/token":
            yield {"send": "POST /token", "form": {"grant_type": "refresh_token", "refresh_token": "{refresh}"}}
        names = dict.fromkeys((own, *REFRESH_NAMES, "token")) if place in (places[0], "/token") else (own,)
        yield from ({"send": f"POST {place}", "json": {name: "{refresh}"}} for name in names)
        yield {"send": f"POST {place}", "headers": {"Authorization": "Bearer {refresh}"}}


async def find_change(probe: Probe, trial: Trial, identity: Found, api: Api | None) -> dict[str, Any] | None:
    """How the password is changed, read off a form or the OpenAPI document; it is never sent."""
    if api and (changes := api.changes()):
        return trial.csrf.on(changes[0]) if trial.csrf else changes[0]
    seen = [identity.inside, trial.answer]
    linked = [p for page in seen for p in own_links(probe, page) if PASSWORD_CHANGE.search(p)]
    for page in seen:
        if verb := _change_on(probe, page):
            return verb
    html = b"<html" in (identity.inside.answer.body[:500].lower() if identity.inside.answer else b"")
    for path in dict.fromkeys([*linked[:2], *(PASSWORD_PAGES if html or linked else ())]):
        if probe.budget.left <= 0:
            break
        if verb := _change_on(probe, await probe.open(trial.party, path)):
            return verb
    return None


def _change_on(probe: Probe, page: Exchange) -> dict[str, Any] | None:
    for found in forms_on(probe, page):
        if fill := change_fill(found):
            body = page.answer.body if page.answer else b""
            chosen = choose_form(forms(body, page.request.url), fill, None)
            known = chosen is not None and same_place(chosen.action, found.form.action)
            return {"page": found.whole, "fill": fill, **({} if known else {"action": found.action.partition(";")[0]})}
    return None
