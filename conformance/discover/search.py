"""Discovery as a whole: look, log in, find who one is, find the ways out, draft, prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from conformance.attacks.jwt import parse as parse_token
from conformance.discover.draft import EXAMPLES, Draft
from conformance.discover.endings import find_change, find_logout, find_refresh, returns
from conformance.discover.forms import TYPED, PageForm, find_login_forms, forms_on, login_verb, own_links
from conformance.discover.identities import Found, find_identity, settle_use
from conformance.discover.logins import WRONG, Trial, trials
from conformance.discover.metadata import Metadata, find_metadata
from conformance.discover.openapi import Api, find_api
from conformance.discover.openapi import login_verb as operation_verb
from conformance.discover.probe import Budget, Probe, opened_probe
from conformance.discover.routes import LOGOUT, SECOND_FACTOR
from conformance.discover.scripts import read_scripts
from conformance.errors import PreflightError
from conformance.open import Options, make_system
from conformance.target.description import parse
from conformance.target.preflight import Proof, preflight

MOST_PROTECTED = 4
USUAL_RETURNS = ("next", "return_to", "redirect")
"""Many logins obey one of these, and nothing on the way says so."""
DEAREST_RETURN = 12
"""Requests that a try may take."""
OPTIONAL = ("logout", "refresh", "change_password", "protected", "keys", "return_parameter")
"""Keys without which a description still works."""

UNSENT = "Read off, never sent: `pickproof doctor --allow destructive` proves it on an account for that."
NO_REFRESH = "The login gives a refresh token, and what takes it was not found. Fill in:"
NO_CHANGE = "No password change was found. If there is one:"


@dataclass
class Discovery:
    """The draft, what preflight proved of it, and what stopped preflight."""

    draft: Draft
    proofs: list[Proof] = field(default_factory=list)
    problem: PreflightError | None = None

    @property
    def works(self) -> bool:
        """Whether preflight accepts the draft as it is."""
        return self.problem is None and not self.draft.todo


async def discover(
    url: str, accounts: Mapping[str, Mapping[str, str]], written: dict[str, dict[str, str]], options: Options
) -> Discovery:
    """Explore a target and draft its description.

    Args:
        url: where it is.
        accounts: those to log in with, passwords in clear; none to only look.
        written: the same as the draft says them.
        options: how to reach it.

    Raises:
        DescriptionError: the URL is none.
        PreflightError: nothing answers there.
    """
    probe = await opened_probe(url, accounts, options)
    try:
        draft = await _explored(probe, tuple(accounts))
    finally:
        await probe.system.close()
    draft.accounts = written
    found = Discovery(draft)
    if not draft.todo:
        await _prove(found, accounts, options, probe.budget)
    draft.requests = probe.budget.spent
    return found


async def _explored(probe: Probe, accounts: tuple[str, ...]) -> Draft:
    draft = Draft({"base_url": probe.system.base_url})
    metadata, api, pages = await find_metadata(probe), await find_api(probe), await find_login_forms(probe)
    _published(draft, metadata)
    if not (api and api.logins()):
        await read_scripts(probe)
    halfway: Trial | None = None
    async for trial in trials(probe, accounts[:1], api, pages, _endpoints(metadata)):
        if identity := await find_identity(probe, trial, api, accounts[1:2]):
            await _rest(probe, draft, accounts[0], trial, identity, api)
            return draft
        halfway = halfway or (None if trial.doubtful else trial)
    guess = login_verb(*pages[0]) if pages else None
    guess = guess or (operation_verb(api.logins()[0]) if api and api.logins() else None)
    _unfinished(draft, probe, accounts, halfway, guess, api)
    if pages and not halfway and accounts:
        draft.todo["login"] += _asks_more(*pages[0])
    return draft


def _asks_more(found: PageForm, fill: Mapping[str, str]) -> str:
    """What else a login form wants, which may be why nobody was let in."""
    if found.captcha:
        return "; its form has a captcha, which no program passes: switch it off where the kit tests"
    more = [one.name for one in found.controls if one.name not in fill and one.kind in (*TYPED, "number")]
    return f"; its form also asks for {', '.join(more)}" if more else ""


def _second_step(probe: Probe, trial: Trial) -> str:
    """A page behind the password that asks for something else; empty without one."""
    for found in forms_on(probe, trial.answer):
        asked = [c.name for c in found.controls if SECOND_FACTOR.search(f"{c.name} {c.autocomplete}")]
        if asked and not found.passwords:
            return (
                f" (After the password {found.page} asks for {asked[0]}: give the kit accounts without a second "
                "factor, or an adapter that computes it.)"
            )
    return ""


def _endpoints(metadata: Metadata | None) -> frozenset[str | None]:
    """Where codes are asked for and redeemed, and no names and passwords, by the metadata's own words."""
    grants = metadata.values.get("grant_types_supported") if metadata else None
    if metadata is None or not isinstance(grants, list) or "password" in grants:
        return frozenset()
    return frozenset(metadata.path(name) for name in ("authorization_endpoint", "token_endpoint"))


def _published(draft: Draft, metadata: Metadata | None) -> None:
    if metadata is None:
        return
    draft.metadata = metadata.place
    if metadata.issuer:
        draft.table["public_url"] = "https://" + urlsplit(metadata.issuer).netloc
        draft.comments["public_url"] = f"The issuer that {metadata.place} names."


def _unfinished(
    draft: Draft, probe: Probe, accounts: tuple[str, ...], trial: Trial | None, guess: dict[str, Any] | None,
    api: Api | None,
) -> None:  # fmt: skip
    """Say what a person must add, and what was seen on the way."""
    spent = "" if probe.budget.left > 0 else f" within {probe.budget.most} requests"
    if trial:
        draft.table.update(trial.table())
        draft.comments["login"] = f"From {trial.source}: answered without an error, yet no identity route shows it."
        draft.todo["identity"] = f"no route was found{spent} that names who is signed in: which one does?"
        draft.todo["identity"] += _second_step(probe, trial)
        return
    if guess:
        draft.table["login"] = guess
        draft.comments["login"] = "Seen, but not proven: " + ("no account worked." if accounts else "no account given.")
    if not accounts:
        draft.todo["accounts"] = "give accounts with --account alice:env:ALICE_PASSWORD, or set that variable"
    elif guess:
        draft.todo["login"] = "the accounts were not let in: check user and password, and what a browser sends"
    elif probe.refused:
        route, status = min(probe.refused.items(), key=lambda found: WRONG.index(found[1]))
        draft.todo["login"] = (
            f"{route} answered {status} to {accounts[0]}: is the password right, which fields does its body want, "
            f"and is the name an address, as in --account {accounts[0]}={accounts[0]}@example.test?"
        )
        draft.examples["login"] = EXAMPLES["login"].replace("POST /login", route)
    elif draft.metadata:
        draft.todo["login"] = (
            "which page logs a user in? An authorization server often shows it only for the authorization request of "
            "a client: the page may be such a request with its query"
        )
    else:
        draft.todo["login"] = f"no login form and no login route was found{spent}: which request logs in?"
    draft.todo["identity"] = "which route names who is signed in, and where does the name stand?"
    if api and api.identities():
        draft.comments["identity"] = "From the OpenAPI document, not proven."
        draft.wishes["identity"] = f"perhaps GET {api.identities()[0]}"


async def _rest(
    probe: Probe, draft: Draft, account: str, trial: Trial, identity: Found, api: Api | None
) -> None:  # fmt: skip
    await settle_use(probe, account, trial, identity)
    draft.table.update(trial.table())
    draft.table.update(identity.table())
    draft.comments["login"] = f"From {trial.source}."
    if refresh := await find_refresh(probe, account, trial, api):
        draft.table["refresh"] = refresh
    elif "refresh" in trial.take:
        draft.wishes["refresh"] = NO_REFRESH
    change = await find_change(probe, trial, identity, api)
    if change:
        draft.table["change_password"] = change
    told, text = (draft.comments, UNSENT) if change else (draft.wishes, NO_CHANGE)
    told["change_password"] = text
    # Last: some targets end every session of an account at a logout.
    ending = await find_logout(probe, account, trial, identity, api, refresh)
    if ending:
        draft.table.update(trial.table())
        draft.table["logout"] = ending.verb
        draft.comments["logout"] = (
            "" if ending.ends else "Answered with yes, though the credential still works after it."
        )
    else:
        draft.wishes["logout"] = "No logout was found. If there is one:"
    protected = [f"GET {path}" for path in dict.fromkeys(_protected(identity, api))]
    draft.table["protected"] = protected[:MOST_PROTECTED]
    _hints(draft, trial, [path for path in own_links(probe, identity.inside) if f"GET {path}" not in protected])
    outside = await probe.look(identity.path)
    for parameter in _return_parameters(probe.redirected_to(outside), identity.path, trial):
        if probe.budget.left > DEAREST_RETURN and await returns(probe, account, trial, parameter):
            draft.table["return_parameter"] = parameter
            break
    if "public_url" not in draft.table and draft.table["base_url"].startswith("http://"):
        draft.wishes["public_url"] = "Where users reach the target, if over https: only then can `Secure` be judged."


def _hints(draft: Draft, trial: Trial, links: list[str]) -> None:
    """What a person knows and nobody can see from outside: further pages, limits, keys."""
    pages = [f"GET {path}" for path in links if not LOGOUT.search(path) and "?" not in path][:MOST_PROTECTED]
    if pages:
        draft.wishes["protected"] = f"Linked there, not visited; add what only insiders may see: {', '.join(pages)}"
    token = parse_token(trial.party.tokens.get("access", ""))
    if "access" in trial.take:
        draft.examples["policy"] = 'policy = { access_lifetime = "30m" }'
    if token and str(token.header.get("alg", "")).startswith("HS"):
        draft.wishes["keys"] = "With the secret that signs the tokens the kit makes well-signed ones with wrong claims:"


def _protected(identity: Found, api: Api | None) -> list[str]:
    return [identity.path, *identity.others, *(api.protected() if api else [])]


def _return_parameters(location: str | None, asked: str, trial: Trial) -> list[str]:
    """Parameters that may say where to go after the login: what a login page's address has, then the usual names."""
    query = parse_qs(urlsplit(location or "").query)
    named = [name for name, values in query.items() if values[0].partition("?")[0].endswith(asked)]
    if "page" not in trial.verb:
        return named
    here = [name for name, values in parse_qs(urlsplit(trial.place).query).items() if values[0].startswith("/")]
    return list(dict.fromkeys([*named, *here, *USUAL_RETURNS]))


async def _prove(found: Discovery, accounts: Mapping[str, Mapping[str, str]], options: Options, budget: Budget) -> None:
    """Run preflight on the draft; an optional key that it stumbles over is taken out and told of."""
    budget.kept = 0
    counted = budget.within(options)
    for _ in OPTIONAL:
        table = {**found.draft.table, "accounts": accounts}
        system = make_system(parse(table, "the draft"), "the draft", "", None, counted)
        found.proofs, found.problem = [], None
        try:
            found.proofs = [proof async for proof in preflight(system)]
            kept = [route for route, _ in system.routes]
            if found.draft.table.get("protected"):
                found.draft.table["protected"] = kept
            return
        except PreflightError as problem:
            found.problem = problem
        finally:
            await system.close()
        key = found.problem.key.partition(".")[0]
        if key not in OPTIONAL or key not in found.draft.table:
            return
        del found.draft.table[key]
        found.draft.wishes[key] = f"What was found did not work: {found.problem.problem.splitlines()[0][:150]}"
