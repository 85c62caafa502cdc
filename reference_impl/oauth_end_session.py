"""Logging out on an application's word (OpenID Connect RP-Initiated Logout).

Any page on the web can send a browser here, so the user is asked, and the browser goes on to no place that was not
registered. The page that asks repeats the request in its form: what was looked at before the user said yes is looked
at again afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from . import oauth_pages as pages
from .oauth_clients import Client
from .oauth_hint import our_id_token
from .oauth_params import OAuthError, Params, described, once, posted
from .session_html import render
from .session_server import Call
from .session_store import Session
from .token_guard import Rejected
from .token_keys import Keys
from .web import Refused, page, query_pairs

if TYPE_CHECKING:
    from .oauth_server import OAuthServer

NAMES = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
"""What is read of a logout request (section 2)."""


async def as_at_any_logout(server: OAuthServer, session: Session) -> None:
    """The session, and what was granted in it."""
    browser = server.browser
    await browser.policy.ending.logout(browser.table, session, server.clock.now())


@dataclass(frozen=True, slots=True)
class EndSession:
    """What the end of a session decides."""

    hint: Callable[[Keys, str], Mapping[str, Any]] = our_id_token
    asks: Callable[[str | None, str | None], bool] = lambda _named, _user: True
    """``(subject of the hint, subject of the session)``: whether the user is asked. Always, as section 2 advises."""
    registered: Callable[[Client, str], bool] = lambda client, uri: uri in client.logout_uris
    """Compared as a text (section 3.1)."""
    unproven: Callable[[str], str | None] = lambda _uri: None
    """Where the browser goes when no ID token says for whom: nowhere, since anybody may have sent it (section 3)."""
    end: Callable[[OAuthServer, Session], Awaitable[None]] = as_at_any_logout


@dataclass(frozen=True, slots=True)
class Leaving:
    """A logout request that was found right."""

    named: str | None
    """The subject of the hint."""
    onward: str | None
    """Where the browser goes afterwards."""
    params: Params


class EndSessionEndpoint:
    """``GET`` and ``POST /end-session``, and the user's answer."""

    def __init__(self, server: OAuthServer) -> None:
        self.server, self.rules = server, server.policy.end_session

    async def begin(self, request: Request) -> Response:
        """Ask the user, or say that nobody is logged in here, which is no error (section 4)."""
        try:
            params = await posted(request) if request.method == "POST" else _asked(request)
            leaving = await self.leaving(params)
        except OAuthError as exc:
            return pages.refusal_page(exc.description)
        browser = self.server.browser
        held = browser.sessions.held(request)
        account = await browser.sessions.account(held)
        if held is None or account is None:
            return self.left(leaving)
        if self.rules.asks(leaving.named, account.sub):
            return question_page(leaving.params, browser.token(held))
        return await self.end(leaving, held.session)

    async def decide(self, call: Call) -> Response:
        """The user's answer; whatever is not a yes leaves everything as it is."""
        values = {name: call.fields.get(name) for name in NAMES}
        params = Params(tuple((name, value) for name, value in values.items() if isinstance(value, str)))
        try:
            leaving = await self.leaving(params)
        except OAuthError as exc:
            raise Refused(400, exc.description) from None
        if call.fields.get("logout") != "yes":
            return page(render("Still logged in", "<p>You are still logged in.</p>"))
        return await self.end(leaving, call.held.session)

    async def leaving(self, params: Params) -> Leaving:
        """For whom, and where to: what cannot be verified ends the request (section 4).

        Raises:
            OAuthError: a hint that is none of ours, another client than the hint's, a place that is not registered.
        """
        claims: Mapping[str, Any] = {}
        hint = params.get("id_token_hint")
        if hint is not None:
            try:
                claims = self.rules.hint(self.server.keys, hint)
            except Rejected:
                raise OAuthError("invalid_request", "The application's proof is not ours.") from None
        client = claims.get("aud")
        if hint is not None and params.get("client_id") not in (None, client):
            raise OAuthError("invalid_request", "The proof is another application's.")
        return Leaving(claims.get("sub"), self.onward(client, params), params)

    def onward(self, id_: str | None, params: Params) -> str | None:
        """Where the browser goes, with the application's ``state``; None for nowhere (sections 2 and 3).

        Raises:
            OAuthError: the place is not registered for this application.
        """
        uri, client = params.get("post_logout_redirect_uri"), self.server.clients.get(id_ or "")
        if uri is None:
            return None
        if client is None:
            uri = self.rules.unproven(uri)
        elif not self.rules.registered(client, uri):
            raise OAuthError("invalid_request", "The address that the application gave is not its own.")
        state = urlencode(described({"state": params.get("state")}))
        return uri + ("&" if "?" in uri else "?") * bool(state) + state if uri is not None else None

    async def end(self, leaving: Leaving, session: Session) -> Response:
        """End the session, and have the browser forget it."""
        await self.rules.end(self.server, session)
        return self.server.browser.sessions.take(self.left(leaving))

    def left(self, leaving: Leaving) -> Response:
        """Back to the application, or a page of our own."""
        if leaving.onward is None:
            return page(render("Logged out", "<p>You are logged out.</p>"))
        return RedirectResponse(leaving.onward, 303)


def _asked(request: Request) -> Params:
    try:
        return once(query_pairs(request.scope["query_string"]))
    except Refused as exc:
        raise OAuthError("invalid_request", exc.title) from None


def question_page(params: Params, token: str) -> Response:
    """Whether the user wants that."""
    kept = "".join(pages.hidden(name, value) for name in NAMES if (value := params.get(name)) is not None)
    buttons = '<button name="logout" value="no">No</button><button name="logout" value="yes">Yes</button>'
    body = (
        f'<p>Do you want to log out here, too?</p><form method="post" action="/end-session/decide">'
        f'<input type="hidden" name="csrf" value="{escape(token)}">{kept}{buttons}</form>'
    )
    return page(render("Log out?", body))
