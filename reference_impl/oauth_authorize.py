"""The authorization endpoint: from a client's request to the user's decision (RFC 6749 section 4.1, RFC 9700).

The order is the defence. First who asks and where the answer would go: until both are known, nothing leaves this
site. Then the user: a request that nobody authenticated for is not worth a redirect (RFC 9700 section 4.11.2). Only
then the rest of the request, whose errors the client may hear.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import oauth_pages as pages
from .accounts import Account
from .oauth_clients import Client, sha256
from .oauth_grants import Asked, Code, Grant
from .oauth_par import Opened, opened
from .oauth_params import OAuthError, Params, described, invalid_request
from .oauth_server import OAuthServer
from .session_guard import Held
from .session_server import Call
from .web import Refused, query_pairs


class Misdirected(Exception):
    """It is not known where an answer may go, so the user gets a page of our own (RFC 6749 section 4.1.2.1)."""


class AuthorizationEndpoint:
    """``GET /authorize`` and ``POST /consent``."""

    def __init__(self, server: OAuthServer) -> None:
        self.server, self.policy, self.grants = server, server.policy, server.grants

    async def authorize(self, request: Request) -> Response:
        """An authorization request: a page of our own, the login, the consent page, or an answer to the client."""
        params = Params(())
        try:
            params = Params(tuple(query_pairs(request.scope["query_string"])))
            came = opened(self.server, params)
            if came is None:
                raise Misdirected("This request is not known any more. Start again at the application.")
            client, uri = self.destination(came)
        except (Misdirected, Refused) as exc:
            return self.policy.authorize.stop(params, str(exc))
        browser = self.server.browser
        held = browser.sessions.held(request)
        account = await browser.sessions.account(held)
        if held is None or account is None or self.prompt(came.params) == "login":
            return self.without_login(came, uri)
        response = self.answered(came, client, uri, held, account)
        return response if browser.sessions.keep(held, response) else self.without_login(came, uri)

    def destination(self, came: Opened) -> tuple[Client, str]:
        """Who asks, and where the browser goes with the answer.

        Raises:
            Misdirected: an unknown client, or a URI that is not the client's.
        """
        named = came.params.all("client_id")
        client = self.server.clients.get(named[0]) if len(named) == 1 else None
        if client is None:
            raise Misdirected("This application is not known here.")
        uri = self.place(client, came.params, pushed=came.pushed is not None)
        if uri is None:
            raise Misdirected("The address that the application gave is not its own.")
        return client, uri

    def place(self, client: Client, params: Params, *, pushed: bool) -> str | None:
        """Where a client may have the browser sent; None for nowhere."""
        rules, trusted = self.policy.authorize, pushed and self.policy.pushing.trusted(client)
        matches = (lambda _client, _uri: True) if trusted else rules.matches
        return rules.redirect(client, params.all("redirect_uri"), matches)

    def without_login(self, came: Opened, uri: str) -> Response:
        """To the login and back here; ``prompt=login`` is fulfilled by then (OpenID Connect Core section 3.1.2.1)."""
        if self.prompt(came.params) == "none":
            return self.back(uri, state_of(came.params), {"error": "login_required"})
        if came.pushed is not None:
            self.server.pushed.fulfil_login(came.pushed, came.params)
        again = [(name, value) for name, value in came.again.pairs if (name, value) != ("prompt", "login")]
        login = "/login?" + urlencode({"next": "/authorize?" + urlencode(again)})
        return RedirectResponse(login, self.policy.authorize.status)

    def prompt(self, params: Params) -> str | None:
        """How the client wants the user to be asked; only OpenID Connect knows that (Core section 3.1.2.1)."""
        return params.get("prompt") if self.policy.openid else None

    def answered(self, came: Opened, client: Client, uri: str, held: Held, account: Account) -> Response:
        """What becomes of the request of a user who is logged in."""
        params = came.params
        try:
            if came.pushed is None and self.policy.pushing.required(client):
                raise invalid_request("this application must push its requests")
            asked = replace(self.asked(params, client, uri), pushed=came.pushed)
        except OAuthError as exc:
            return self.back(uri, state_of(params), {"error": exc.error, "error_description": exc.description})
        if not self.meant(params, client, account):
            return self.back(uri, asked.state, {"error": "login_required"})
        if self.policy.authorize.remembers(client) and self.granted_before(account, asked):
            return self.approved(account, held, asked)
        if self.prompt(params) == "none":
            return self.back(uri, asked.state, {"error": "consent_required"})
        handle = secrets.token_urlsafe(32)
        asker = self.policy.authorize.waits_for(held.session.handle)
        self.grants.wait(sha256(handle), asker, asked, self.server.clock.now())
        return pages.consent_page(account, asked, handle, self.server.browser.token(held))

    def meant(self, params: Params, client: Client, account: Account) -> bool:
        """Whether the user is the one whom the client hints at (OpenID Connect Core section 3.1.2.1)."""
        hint = params.get("id_token_hint") if self.policy.openid else None
        return hint is None or self.policy.authorize.hint(self.server.keys, client, hint) == account.sub

    def asked(self, params: Params, client: Client, uri: str) -> Asked:
        """The rest of the request.

        Raises:
            OAuthError: one of RFC 6749 section 4.1.2.1.
        """
        rules = self.policy.authorize
        params = rules.once(params.pairs)
        kind = rules.response_type(params.get("response_type"))
        challenge = self.policy.codes.pkce.challenge(params)
        if challenge is None and self.policy.codes.pkce.required(client):
            raise invalid_request("code_challenge is missing")
        scope = rules.scope(client, params.get("scope"))
        key = params.get("dpop_jkt") if self.policy.dpop.offered else None
        return Asked(client.id, uri, scope, params.get("state"), challenge, params.get("nonce"), kind, key)

    def granted_before(self, account: Account, asked: Asked) -> bool:
        """Whether the user allowed this client as much before, and has not taken it away."""
        grants = self.server.pages.granted(account)
        return any(grant.client == asked.client and set(asked.scope) <= set(grant.scope) for grant in grants)

    async def decide(self, call: Call) -> Response:
        """The user's answer on the consent page; each page counts once, and only in the session that it was for."""
        handle = call.fields.get("request")
        digest = sha256(handle) if isinstance(handle, str) else ""
        asker = self.policy.authorize.waits_for(call.held.session.handle)
        asked = self.grants.take(digest, asker, self.server.clock.now())
        if asked is None:
            raise Refused(400, "this request is not waiting any more; start again at the application")
        if call.fields.get("decision") != "allow":
            self.spent(asked)
            return self.back(asked.redirect_uri, asked.state, {"error": "access_denied"})
        return self.approved(call.account, call.held, asked)

    def approved(self, account: Account, held: Held, asked: Asked) -> Response:
        """A grant, and a code for it."""
        if not self.spent(asked):
            return self.policy.authorize.stop(Params(()), "This request was answered already.")
        now, codes = self.server.clock.now(), self.policy.codes
        grant = Grant(
            secrets.token_hex(16), account.sub, asked.client, held.session.handle, asked.scope, held.session.born, now
        )
        value = codes.new()
        with self.grants.db.transaction():
            self.grants.purge(now - 2 * self.policy.refresh.rules.absolute)
            self.grants.add(grant)
            self.grants.keep(Code(codes.digest(value), grant.id, asked, now, False))
        return self.policy.authorize.respond(self, asked, grant, value)

    def spent(self, asked: Asked) -> bool:
        """Whether this is the one answer that a request gets; what was not pushed has no name to come back by."""
        return asked.pushed is None or self.policy.pushing.spend(self.server.pushed, asked.pushed)

    def back(self, uri: str, state: str | None, answer: dict[str, str]) -> Response:
        """An answer to the client through the browser, with its ``state`` and our ``iss`` (RFC 9207 section 2)."""
        rules = self.policy.authorize
        values = {**answer, "state": rules.echo(state), "iss": rules.issuer}
        separator = "&" if "?" in uri else "?"
        return RedirectResponse(uri + separator + urlencode(described(values), quote_via=quote), rules.status)


def state_of(params: Params) -> str | None:
    """The client's ``state``; of two, neither."""
    return None if "state" in params.repeated() else params.get("state")


def with_code(endpoint: AuthorizationEndpoint, asked: Asked, _grant: Grant, code: str) -> Response:
    """The positive answer: a code, and nothing else that is worth stealing (RFC 9700 section 2.1.2)."""
    return endpoint.back(asked.redirect_uri, asked.state, {"code": code})
