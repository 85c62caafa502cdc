"""A small browser and a small client of the authorization server."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from reference_impl import Reference
from reference_impl.oauth_clients import SECRETS
from reference_impl.people import PEOPLE

Probe = Callable[[Reference], Awaitable[bool]]
"""One question about a server."""
PASSWORD = {person.name: person.password for person in PEOPLE}
ORIGIN = "https://oauth.reference.example"
URI = {
    "web": "https://web.client.example/callback",
    "spa": "https://spa.client.example/callback",
    "native": "http://127.0.0.1:49152/callback",
    "ledger": "https://ledger.client.example/callback",
}
EVERYTHING = "profile notes.read notes.write"
VERIFIER = "v" * 41 + "-1"


def s256(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def claims(token: str, part: int = 1) -> dict[str, Any]:
    segment = token.split(".")[part]
    told: dict[str, Any] = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return told


def front(answer: httpx.Response) -> dict[str, str]:
    """What the browser takes to the client."""
    parts = urlsplit(answer.headers.get("location", ""))
    return dict(parse_qsl(parts.query)) | dict(parse_qsl(parts.fragment))


def took(answer: httpx.Response) -> bool:
    """Whether a token came."""
    return answer.status_code == 200 and "access_token" in answer.json()


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


@dataclass
class Tokens:
    """What a client holds after a flow."""

    http: httpx.AsyncClient = field(repr=False)
    client: str
    answer: httpx.Response

    @property
    def access(self) -> str:
        return str(self.answer.json()["access_token"])

    @property
    def refresh(self) -> str:
        return str(self.answer.json()["refresh_token"])

    async def api(self, what: str = "GET /api/me", **options: Any) -> httpx.Response:
        return await api(self.http, self.access, what, **options)

    async def works(self) -> bool:
        return (await self.api()).status_code == 200

    async def refreshed(self, **changes: Any) -> Tokens:
        fields = {"grant_type": "refresh_token", "refresh_token": self.refresh} | changes
        return Tokens(self.http, self.client, await send(self.http, "/token", fields, self.client))

    async def revoke(self, kind: str = "refresh", by: str | None = None) -> httpx.Response:
        token = self.refresh if kind == "refresh" else self.access
        return await send(self.http, "/revoke", {"token": token}, by or self.client)

    async def active(self) -> dict[str, Any]:
        told: dict[str, Any] = (await send(self.http, "/introspect", {"token": self.access}, "api")).json()
        return told


async def api(http: httpx.AsyncClient, token: str, what: str = "GET /api/me", **options: Any) -> httpx.Response:
    method, path = what.split()
    if what == "POST /api/note":
        options.setdefault("json", {"note": "a note"})
    return await http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)


async def send(http: httpx.AsyncClient, path: str, fields: Any, client: str | None) -> httpx.Response:
    """A form, with the credentials that the client has."""
    auth = (client, SECRETS[client]) if client in SECRETS else None
    public = {} if auth or client is None else {"client_id": client}
    return await http.post(path, data={**public, **fields}, auth=auth)


class Browser:
    """One browser with its cookies."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        transport = httpx.ASGITransport(app=reference.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(
            transport=transport, base_url=ORIGIN, trust_env=False, headers={"Origin": ORIGIN}
        )  # fmt: skip
        self.bare = httpx.AsyncClient(transport=transport, base_url=ORIGIN, trust_env=False)
        """What the client's own server uses: no cookies."""

    async def login(self, name: str = "alice", page: str = "/login", password: str | None = None) -> httpx.Response:
        fields = {"user": name, "password": password or PASSWORD[name]}
        return await self.submit(await self.http.get(page), "/login", fields)

    async def submit(self, page: httpx.Response, action: str, fields: dict[str, str]) -> httpx.Response:
        """Fill in the form with this action and send it."""
        form = next(f for f in re.findall(r"<form .*?</form>", page.text, re.S) if f'action="{action}' in f)
        (place,) = re.findall(r'action="([^"]+)"', form)
        inputs = (dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input [^>]*>", form))
        given = {i["name"]: unescape(i.get("value", "")) for i in inputs}
        return await self.http.post(unescape(place), data=given | fields)

    async def logout(self) -> httpx.Response:
        return await self.submit(await self.http.get("/account"), "/logout", {})

    async def withdraw(self, client: str) -> httpx.Response:
        return await self.submit(await self.http.get("/grants"), f"/grants/{client}/withdraw", {})

    async def change_password(self, new: str, name: str = "alice") -> httpx.Response:
        fields = {"current": PASSWORD[name], "new": new}
        return await self.submit(await self.http.get("/account"), "/password", fields)

    async def administer(self, act: str, name: str = "alice") -> httpx.Response:
        admin = Browser(self.reference)
        await admin.login("admin")
        return await admin.http.post(f"/admin/users/{name}/{act}")

    @staticmethod
    def request(client: str = "web", scope: str = EVERYTHING, **changes: str | None) -> dict[str, str]:
        """An authorization request; a change to None leaves a parameter out."""
        params = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": URI.get(client),
            "scope": scope,
            "state": "state-1",
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (params | changes).items() if value is not None}

    async def ask(self, client: str = "web", scope: str = EVERYTHING, **changes: str | None) -> httpx.Response:
        """What an authorization request leads to."""
        return await self.http.get("/authorize", params=self.request(client, scope, **changes))

    async def works(self, answer: httpx.Response) -> bool:
        """Whether the access token of an answer opens the API."""
        return await Tokens(self.bare, "web", answer).works()

    async def decide(self, page: httpx.Response, decision: str = "allow") -> httpx.Response:
        return await self.submit(page, "/consent", {"decision": decision})

    async def allow(self, client: str = "web", scope: str = EVERYTHING, **changes: str | None) -> str:
        """A code."""
        page = await self.ask(client, scope, **changes)
        answer = page if page.status_code == 303 else await self.decide(page)
        return front(answer).get("code", "")

    async def redeem(self, code: str, client: str = "web", **changes: str | None) -> httpx.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": URI[client],
            "code_verifier": VERIFIER,
        }
        kept = {name: value for name, value in (fields | changes).items() if value is not None}
        return await send(self.bare, "/token", kept, client)

    async def tokens(self, client: str = "web", scope: str = EVERYTHING) -> Tokens:
        """A whole flow."""
        return Tokens(self.bare, client, await self.redeem(await self.allow(client, scope), client))


async def logged_in(reference: Reference, name: str = "alice") -> Browser:
    browser = Browser(reference)
    assert (await browser.login(name)).status_code == 303
    return browser
