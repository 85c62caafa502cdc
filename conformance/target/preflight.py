"""Judging the description before the target: login, identity and logout proven, the oracle calibrated.

Nothing here attacks. What cannot be proven ends the run with the key of the description, the answer that came and
what to try.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.attacks.jwt import parse
from conformance.errors import DescriptionError, Inconclusive, PreflightError
from conformance.model import Capability
from conformance.target.carriers import find_carriers
from conformance.target.entrances import entrance_cookies, entrances
from conformance.target.keys import find_keys, token_of
from conformance.target.oracle import Oracle, RouteOracle, faces
from conformance.target.party import Party
from conformance.target.pushing import find_pusher
from conformance.target.strangers import meet_strangers
from conformance.target.system import LoginFailedError, System, is_loopback
from conformance.target.template_words import unknown_word
from conformance.target.verbs import NotTakenError, identify

if TYPE_CHECKING:
    from conformance.target.authorization import AuthorizationServer

HOW_NO_WORD = "take it in an earlier step of the verb, correct its name, or write { it } with spaces if it is no word"
"""What to try where braces hold no known word; a query in GraphQL has braces of its own."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that preflight has shown."""

    key: str
    """The key of the description that it stands on."""
    text: str
    doubt: bool = False
    """It need not be wrong, and somebody should look at it."""

    @property
    def mark(self) -> str:
        """What stands before it in a list."""
        return "?? " if self.doubt else "ok "


async def preflight(system: System, wait_for: float = 0) -> AsyncIterator[Proof]:
    """Prove the description step by step and calibrate the system.

    Args:
        system: filled in while this goes on.
        wait_for: seconds to keep trying until the target answers at all.

    Raises:
        DescriptionError: a step uses a word that nothing provides.
        PreflightError: the target does not do what the description says.
    """
    if unknown := unknown_word(system.description):
        raise DescriptionError(system.where, *unknown, HOW_NO_WORD)
    try:
        async for proof in _steps(system, wait_for):
            yield proof
    except Inconclusive as stop:
        key = stop.key or "preflight"
        hint = "compare the step with what a browser sends; `pickproof doctor -v` shows each request"
        raise PreflightError(key, stop.reason.removeprefix(f"{key}: "), hint, stop.evidence) from None


async def _steps(system: System, wait_for: float) -> AsyncIterator[Proof]:
    yield Proof("identity", await meet_strangers(system, wait_for))
    if system.authorization:
        await system.authorization.discover(system.stranger(system.log))
        yield Proof("oauth", f"the server is {system.authorization.issuer or 'without a name'}")
    async for proof in _accounts(system):
        yield proof
    alice = await system.shared_login(system.accounts[0])
    if pushed := await find_pusher(system, alice):
        yield Proof("oauth", pushed)
    yield await _carriers(system, alice)
    yield await _refusal(system, alice)
    async for proof in _routes(system, alice):
        yield proof
    async for proof in _keys(system):
        yield proof
    yield await _pre_login(system)
    async for proof in _second_session(system, alice):
        yield proof
    _capabilities(system)


async def _accounts(system: System) -> AsyncIterator[Proof]:
    """Log in as each of the first two accounts; they must get different names."""
    names = system.accounts
    if not names:
        raise PreflightError("accounts", "only accounts with a role are described", "add accounts.alice")
    parties = []
    for account in names[:2]:
        party = await _first_login(system, account)
        parties.append(party)
        system.adopt(party)
        system.login_requests = len(party.history)
        system.login_seconds = max(system.login_seconds, sum(exchange.seconds for exchange in party.history))
        yield Proof("login", f"{account} logs in and is {party.principal!r}")
    if len(parties) == 2 and parties[0].principal == parties[1].principal:
        first, second = names[:2]
        same = system.description.accounts[first].user == system.description.accounts[second].user
        raise PreflightError(
            f"accounts.{second}" if same else "identity.name",
            f"{first} and {second} are both {parties[0].principal!r}"
            + (": the same account twice" if same else ": the identity does not depend on who asks"),
            "describe two different accounts" if same else "point identity.name at what differs between users",
            parties[1].history,
        )


async def _first_login(system: System, account: str) -> Party:
    try:
        party = await system.login(account, system.log)
    except LoginFailedError as failed:
        raise PreflightError("login", failed.reason, _login_hint(system, failed), failed.evidence) from None
    again = await party.whoami()
    if again.accepted and again.name != party.principal:
        raise PreflightError(
            "identity.name", f"{account} is {party.principal!r} at one request and {again.name!r} at the next",
            "point identity.name at what stays the same as long as somebody is signed in",
            (*party.history[-1:], again.exchange),
        )  # fmt: skip
    return party


def _login_hint(system: System, failed: LoginFailedError) -> str:
    exchange, identity = failed.evidence
    status = exchange.answer.status if exchange.answer else 0
    if status in (401, 403):
        return "check user and password; a 403 often asks for an anti-forgery value or an Origin header"
    if status >= 500:
        return "the target broke: look at its log"
    if status == 429:
        return "the target throttles logins: wait, or use other accounts"
    if failed.guest:
        return (
            f"{_source(system)} names strangers too, {failed.guest!r}: if the login works, point identity.name at what "
            "only a signed-in user is shown; else check the login step"
        )
    if identity.answer and identity.answer.status == 200:
        return f"check identity.name: nothing stands at {_source(system)} in the answer shown"
    return "check user and password, then the login step: its answer set no cookie or token that identity accepts"


def _source(system: System) -> str:
    return repr(system.description.identity.name) if system.description.identity else "the adapter's identity"


async def _carriers(system: System, alice: Party) -> Proof:
    """Find what authenticates."""
    others = await find_carriers(system, alice)
    text = " and ".join(map(str, system.carriers))
    beside = f"; beside it, without weight: {', '.join(others)}" if others else ""
    return Proof("login", f"what authenticates is {text}{beside}")


async def _refusal(system: System, alice: Party) -> Proof:
    """See how a made-up credential of the right shape is refused."""
    rng = system.rng("garbage")
    exchange, name = await identify(_made_up(system, alice, rng))
    answer = exchange.answer
    if answer is not None and answer.status < 500 and name is None:
        oracle = system.oracle
        system.oracle = Oracle(oracle.strangers | faces([exchange]), oracle.stranger_names)
        return Proof("identity", f"a made-up credential gets {answer.status}")
    again, other = await identify(_made_up(system, alice, rng)) if name else (exchange, name)
    if other is not None and other != name:
        raise PreflightError(
            "identity.name", f"made-up credentials have a name, another one each time: {name!r} and {other!r}",
            "point identity at what only a signed-in user is given: guests of changing names pass for users",
            (exchange, again),
        )  # fmt: skip
    said = system.oracle.judge(exchange, name)
    if said.refused:
        return Proof("identity", f"a made-up credential is {said}")
    return Proof("identity", f"a made-up credential gets no clear refusal: {said}", doubt=True)


def _made_up(system: System, alice: Party, rng: random.Random) -> Party:
    forged = alice.stolen("a stranger with a made-up credential")
    for carrier in system.carriers:
        forged = forged.holding(_garbage(alice.secret(carrier), rng.choice), carrier, forged.label)
    return forged


def _garbage(value: str, choose: Callable[[str], str]) -> str:
    """Random text of the same shape: length and the kinds of characters stay, so that parsers are not what refuses."""
    kinds = ("abcdef0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return "".join(next((choose(kind) for kind in kinds if c in kind), c) for c in value)


async def _routes(system: System, alice: Party) -> AsyncIterator[Proof]:
    found = []
    for route in system.description.protected:
        inside = await alice.visit(route, f"alice: {route}")
        outside = await system.stranger(system.log).visit(route, f"a stranger: {route}")
        oracle = RouteOracle(faces([inside]), faces([outside]))
        if oracle.decides and inside.answer and inside.answer.status < 400:
            found.append((route, oracle))
        kept = (route, oracle) in found
        text = "tells insiders from strangers" if kept else "is left out: both get the same answer"
        yield Proof("protected", f"{route} {text}", doubt=not kept)
    system.routes = tuple(found)


async def _keys(system: System) -> AsyncIterator[Proof]:
    # Where access tokens are opaque, the keys are those of the ID tokens.
    token = token_of(system) or parse(system.any_shared().tokens.get("id_token", ""))
    if token is None:
        return
    system.public_keys, place = await find_keys(system, token)
    if system.public_keys:
        yield Proof("keys", f"public keys: {len(system.public_keys)}, found at {place}")
    elif system.description.keys.jwks or system.description.keys.pem:
        yield Proof("keys", "what is described there holds no public key that the kit can read", doubt=True)


async def _pre_login(system: System) -> Proof:
    """See whether a stranger is given a cookie of the session's name: what fixation needs."""
    names = {c.name for c in system.carriers if c.kind == "cookie"}
    for visit in entrances(system) if names else ():
        stranger = system.stranger(system.log)
        if names & await entrance_cookies(stranger, visit):
            system.pre_login = visit
            return Proof("login", f"strangers are given a session cookie at {visit}")
    return Proof("login", "strangers are given no session cookie")


async def _second_session(system: System, alice: Party) -> AsyncIterator[Proof]:
    """Prove logout on a second session of the first account, and see whether sessions live side by side."""
    second = await _first_login(system, system.accounts[0])
    system.login_ends_others = not (await alice.whoami()).accepted
    system.doubt_shared()
    renewing = not system.login_ends_others and _offers(system, "refresh")
    third = await _first_login(system, system.accounts[0]) if renewing else None
    if system.login_ends_others:
        yield Proof("login", "a second login ends the first: checks run one at a time")
    elif third and await _refreshes(second) is False and await _refreshes(third) is True:
        system.login_ends_refresh = True
        yield Proof("refresh", "a second login ends the first one's refresh token: checks run one at a time")
    if not _offers(system, "logout"):
        return
    exchange = await second.logout()
    status = exchange.answer.status if exchange.answer else 0
    out = (await second.whoami()).refused
    system.logout_says_401, system.logout_in_vain = status == 401 and out, not out
    if not system.took_logout(exchange):
        raise PreflightError(
            "logout", f"answered {status or exchange.error}",
            "check path and method; many logouts are a POST with an anti-forgery value", (exchange,),
        )  # fmt: skip
    text = "the client is signed out" if out else "the client still counts as signed in: is this what ends a session?"
    if not system.login_ends_others and not (await alice.whoami()).accepted:
        system.logout_ends_others = True
        text += "; it ends the account's other sessions too: checks run one at a time"
    elif third and not system.login_ends_refresh and await _refreshes(third) is False:
        system.logout_ends_refresh = await _refreshes(await _first_login(system, system.accounts[0])) is True
    if system.logout_ends_refresh:
        text += "; it ends the account's other refresh tokens too: checks run one at a time"
    yield Proof("logout", f"answered {status}; {text}", doubt=not out)


async def _refreshes(party: Party) -> bool | None:
    """Whether a refresh is granted; None where it is not performed as described."""
    try:
        exchange = await party.verb("refresh", party.system.description.refresh, f"{party.label} refreshes")
    except NotTakenError as refused:
        exchange = refused.evidence[-1]
    except Inconclusive:
        return None
    status = exchange.answer.status if exchange.answer else 0
    return {2: True, 4: False}.get(status // 100)


def _offers(system: System, verb: str) -> bool:
    return bool(getattr(system.description, verb, None)) or bool(system.adapter and system.adapter.offers(verb))


MISSING = {
    Capability.LOGOUT: "describe `logout`",
    Capability.LOGOUT_ALL: "describe `logout_all`",
    Capability.CHANGE_PASSWORD: "describe `change_password`",
    Capability.REFRESH: "describe `refresh`, where the login gives a refresh token",
    Capability.REVOKE: "name the revocation endpoint in `oauth`",
    Capability.AUTHORIZE: "describe `oauth`, where the target is an authorization server",
    Capability.INTROSPECT: "name the introspection endpoint in `oauth`",
    Capability.METADATA: "name `oauth.metadata`",
    Capability.OPENID: "ask for the scope openid in `oauth.scopes`",
    Capability.PUBLIC_CLIENT: "list a client without a secret in `oauth.clients`",
    Capability.CONFIDENTIAL_CLIENT: "list a client with its secret in `oauth.clients`",
    Capability.KEY_CLIENT: "list a client with its `private_key` in `oauth.clients`",
    Capability.SECOND_CLIENT: "list a second client with a redirect_uri in `oauth.clients`",
    Capability.LOOPBACK_CLIENT: "list a client whose redirect_uri is on 127.0.0.1",
    Capability.SCOPES: "list two scopes with a request for each in `oauth.resources`",
    Capability.WITHDRAW: "describe `oauth.withdraw`",
    Capability.DPOP: "announce it in the metadata, or say `oauth.dpop = true` where tokens are bound to a key",
    Capability.PUSHED_REQUESTS: "name `oauth.pushed_authorization_request_endpoint`, and a client that may push to it",
    Capability.END_SESSION: "name `oauth.end_session_endpoint`, and ask for the scope openid in `oauth.scopes`",
    Capability.REGISTER: "describe `register`",
    Capability.SECOND_ACCOUNT: "add a second account, `accounts.bob`",
    Capability.SECOND_REPLICA: "list another base URL in `replicas`",
    Capability.PUBLIC_KEY: "name the key set or the public key in `keys`",
    Capability.CLOCK: "describe `clock`, so that hours pass in a moment",
    Capability.HTTPS: "declare `public_url`: where users reach the target",
    Capability.PROTECTED: "list more routes in `protected`",
    Capability.RESET_PASSWORD: "describe `reset_password`, and where your test mail ends up",
    Capability.MUTATE: "describe `mutate`",
    Capability.LIST_SESSIONS: "describe `sessions.list`",
    Capability.REVOKE_SESSION: "describe `sessions.list` and `sessions.revoke`",
    Capability.SENSITIVE: "describe `sensitive`",
    Capability.STEP_UP: "describe `step_up`",
    Capability.DELETE_ACCOUNT: "describe `delete_account` and `register`",
    Capability.ADMIN: "describe `admin` and an account with the role admin",
    Capability.GATE: "describe `gate`",
    Capability.LISTENER: "say in `listener` where the target can reach the kit",
    Capability.OTHER_AUDIENCE: "describe `other_audience`, or `oauth.other_audience`: a token for another service",
    Capability.THROTTLE_ACCOUNT: "add an account with the role throttle",
    Capability.RETURN_PARAMETER: "name `return_parameter`",
    Capability.CSRF_TOKEN: "describe `csrf`, or a `page` with a hidden anti-forgery field",
    Capability.MINTING: "give the kit a key that the target trusts, in `keys`",
    Capability.COOKIE: "the login sets no cookie that authenticates",
    Capability.TOKEN: "the login gives no bearer token",
    Capability.JWT: "no credential of the login is a signed JWT",
    Capability.OPAQUE_TOKEN: "the login gives no opaque bearer token",
    Capability.PRE_LOGIN_SESSION: "strangers are given no session cookie",
}

PART_OF = {
    **dict.fromkeys(
        (Capability.REVOKE, Capability.INTROSPECT, Capability.METADATA, Capability.OPENID, Capability.PUBLIC_CLIENT,
         Capability.CONFIDENTIAL_CLIENT, Capability.KEY_CLIENT, Capability.SECOND_CLIENT, Capability.LOOPBACK_CLIENT,
         Capability.SCOPES, Capability.WITHDRAW, Capability.DPOP, Capability.PUSHED_REQUESTS, Capability.END_SESSION),
        Capability.AUTHORIZE,
    ),
    **dict.fromkeys((Capability.PUBLIC_KEY, Capability.MINTING), Capability.JWT),
    Capability.REVOKE_SESSION: Capability.LIST_SESSIONS,
}  # fmt: skip
"""What means nothing where another capability is lacking."""


def _capabilities(system: System) -> None:
    """Set down what the target offers, declared or observed."""
    described = system.description
    party, server = system.any_shared(), system.authorization
    found = {
        Capability.LOGIN: True,
        Capability.IDENTITY: True,
        Capability.LOGOUT: _offers(system, "logout"),
        Capability.LOGOUT_ALL: _offers(system, "logout_all"),
        Capability.CHANGE_PASSWORD: _offers(system, "change_password"),
        Capability.REFRESH: _offers(system, "refresh") or bool(server and "refresh" in party.tokens),
        **_of_authorization(system),
        Capability.REGISTER: _offers(system, "register_"),
        Capability.SECOND_ACCOUNT: len(system.accounts) > 1,
        Capability.SECOND_REPLICA: bool(described.replicas),
        Capability.PUBLIC_KEY: bool(system.public_keys),
        Capability.LISTENER: bool(described.listener) or is_loopback(system.base_url),
        Capability.CLOCK: system.clock.travels,
        Capability.HTTPS: _public_scheme_known(system),
        Capability.PROTECTED: bool(system.routes),
        Capability.RESET_PASSWORD: _offers(system, "reset_password"),
        Capability.MUTATE: bool(described.mutate),
        Capability.LIST_SESSIONS: bool(described.sessions.list_),
        Capability.REVOKE_SESSION: bool(described.sessions.list_ and described.sessions.revoke),
        Capability.SENSITIVE: _offers(system, "sensitive"),
        Capability.STEP_UP: _offers(system, "step_up"),
        Capability.DELETE_ACCOUNT: _offers(system, "delete_account") and _offers(system, "register_"),
        Capability.ADMIN: bool(described.admin) and bool(system.with_role("admin")),
        Capability.GATE: bool(described.gate),
        Capability.OTHER_AUDIENCE: _offers(system, "other_audience")
        or bool(described.oauth and described.oauth.other_audience),
        Capability.THROTTLE_ACCOUNT: bool(system.with_role("throttle")),
        Capability.RETURN_PARAMETER: bool(described.return_parameter),
        Capability.CSRF_TOKEN: bool(described.csrf),
        Capability.MINTING: bool(described.keys.secret or described.keys.private_pem),
        Capability.COOKIE: any(c.kind == "cookie" for c in system.carriers),
        Capability.TOKEN: any(c.kind == "token" for c in system.carriers),
        Capability.JWT: any(parse(party.secret(c)) for c in system.carriers),
        Capability.OPAQUE_TOKEN: any(c.kind == "token" and not parse(party.secret(c)) for c in system.carriers),
        Capability.PRE_LOGIN_SESSION: bool(system.pre_login),
    }
    system.capabilities = frozenset(c for c, there in found.items() if there)
    system.missing = {c: hint for c, hint in MISSING.items() if not found.get(c)}


def _of_authorization(system: System) -> dict[Capability, bool]:
    """What an authorization server offers."""
    server = system.authorization
    clients = [c for c in server.clients if c.redirect_uri] if server else []
    described = system.description.oauth
    return {
        Capability.AUTHORIZE: server is not None,
        Capability.REVOKE: bool(server and server.endpoint("revocation")),
        Capability.INTROSPECT: bool(server and server.endpoint("introspection")),
        Capability.METADATA: bool(server and server.metadata),
        Capability.OPENID: bool(server and "id_token" in system.any_shared().tokens),
        Capability.PUBLIC_CLIENT: any(c.public for c in clients),
        Capability.CONFIDENTIAL_CLIENT: any(not c.public and not c.key for c in clients),
        Capability.KEY_CLIENT: any(c.key for c in clients),
        Capability.SECOND_CLIENT: len(clients) > 1,
        Capability.LOOPBACK_CLIENT: any(
            c.redirect_uri.startswith(("http://127.0.0.1", "http://[::1]")) for c in clients
        ),
        Capability.SCOPES: bool(described and len(described.resources) > 1),
        Capability.WITHDRAW: bool(described and described.withdraw),
        Capability.DPOP: bool(described and _binds(described.dpop, server)),
        Capability.PUSHED_REQUESTS: bool(server and server.pusher),
        Capability.END_SESSION: bool(
            server and server.offers("end_session") and "id_token" in system.any_shared().tokens
        ),
    }


def _binds(declared: bool | None, server: AuthorizationServer | None) -> bool:
    """Whether tokens can be bound to a key: as described, else as announced."""
    return bool(server and server.proof_algorithms) if declared is None else declared


def _public_scheme_known(system: System) -> bool:
    """Whether `Secure` can be judged: plain http on loopback says nothing of how users reach the target."""
    described = system.description
    return bool(described.public_url) or described.base_url.startswith("https") or not is_loopback(described.base_url)
