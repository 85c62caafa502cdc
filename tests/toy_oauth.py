"""A little authorization server without a socket: each test overrides the one behaviour it is about."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from conformance.target.oauth_messages import s256
from tests.toys import BASE, Site

CALLBACK = "https://client.example/callback"
OAUTH: dict[str, Any] = {
    "metadata": "/.well-known/oauth-authorization-server",
    "scopes": ["profile"],
    "clients": {
        "web": {"secret": "the-secret-of-the-web-client", "redirect_uri": CALLBACK},
        "app": {"redirect_uri": "https://app.example/callback"},
    },
    "consent": {"fill": {"decision": "allow"}},
}
SECRETS = {"web": "the-secret-of-the-web-client", "app": ""}


class AuthorizationSite(Site):
    """Logs in with JSON, asks for consent, gives codes, redeems them once."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, str] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/oauth-authorization-server", self.metadata),
            Route("/authorize", self.authorize),
            Route("/consent", self.consent, methods=["POST"]),
            Route("/token", self.token, methods=["POST"]),
            *super().routes(),
        ]

    def document(self) -> dict[str, Any]:
        return {
            "issuer": BASE, "authorization_endpoint": f"{BASE}/authorize", "token_endpoint": f"{BASE}/token",
            "response_types_supported": ["code"],
        }  # fmt: skip

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(self.document())

    def registered(self, client: str, uri: str) -> bool:
        return uri == OAUTH["clients"].get(client, {}).get("redirect_uri")

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        client, uri = asked.get("client_id", ""), asked.get("redirect_uri", "")
        if not self.registered(client, uri):
            return self.mismatch(client, uri)
        if not self.who_is_browsing(request):
            return HTMLResponse("<form action=/login method=post><input name=user><input type=password name=p></form>")
        if asked.get("response_type") != "code" or "code_challenge" not in asked:
            return self.back(uri, error="invalid_request", state=asked.get("state", ""))
        return self.ask(dict(asked))

    def mismatch(self, client: str, uri: str) -> Response:
        return HTMLResponse("<p>unknown client or redirect_uri</p>", 400)

    def who_is_browsing(self, request: Request) -> str | None:
        return self.sessions.get(request.cookies.get("sid", ""))

    def ask(self, asked: Mapping[str, str]) -> Response:
        hidden = "".join(f'<input type=hidden name={k} value="{v}">' for k, v in asked.items())
        buttons = "<button name=decision value=deny>No</button><button name=decision value=allow>Yes</button>"
        return HTMLResponse(f"<form method=post action=/consent>{hidden}{buttons}</form>")

    async def consent(self, request: Request) -> Response:
        told = {k: str(v) for k, v in (await request.form()).items()}
        if told.get("decision") != "allow":
            return self.back(told["redirect_uri"], error="access_denied", state=told.get("state", ""))
        code = secrets.token_urlsafe(32)
        self.codes[code] = {**told, "user": self.who_is_browsing(request) or ""}
        return self.back(told["redirect_uri"], code=code, state=told.get("state", ""))

    def back(self, uri: str, **told: str) -> Response:
        return RedirectResponse(f"{uri}?{urlencode(told)}", 303)

    async def token(self, request: Request) -> Response:
        form = {k: str(v) for k, v in (await request.form()).items()}
        given = self.codes.get(form.get("code", ""))
        client = self.client(request, form)
        if client is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        if given is None or not self.fits(given, form, client):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.spend(form["code"])
        token = secrets.token_urlsafe(32)
        self.tokens[token] = given["user"]
        return self.deliver({"access_token": token, "token_type": "Bearer", "expires_in": 300})

    def client(self, request: Request, form: Mapping[str, str]) -> str | None:
        import base64

        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            return name if secret and SECRETS.get(name) == secret else None
        return form.get("client_id") if SECRETS.get(form.get("client_id", "")) == "" else None

    def fits(self, given: Mapping[str, str], form: Mapping[str, str], client: str) -> bool:
        same = given["client_id"] == client and given["redirect_uri"] == form.get("redirect_uri")
        return same and s256(form.get("code_verifier", "")) == given["code_challenge"]

    def spend(self, code: str) -> None:
        self.codes.pop(code)

    def deliver(self, data: Mapping[str, Any]) -> Response:
        return JSONResponse(dict(data), headers={"cache-control": "no-store"})

    def who(self, request: Request) -> str | None:
        return self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
