"""A correct server whose tokens look like something else: it knows each by the odd text that it was given out under."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any


def b64(value: Any) -> str:
    """JSON, or bytes as they are, in base64url."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def jws(header: Any, claims: Any, signature: bytes = b"signature" * 4) -> str:
    """What looks like a signed token."""
    return f"{b64(header)}.{b64(claims)}.{b64(signature)}"


HS = {"alg": "HS256", "typ": "JWT"}
DEEP = b"[" * 3000 + b"]" * 3000
ODD: Mapping[str, str] = {
    "three words": "one.two.three",
    "dots alone": "a..b..c..d",
    "no payload": f"{b64(HS)}..{b64(b'sig')}",
    "five segments": ".".join([b64({"alg": "dir", "enc": "A256GCM"}), "", b64(b"iv"), b64(b"text"), b64(b"tag")]),
    "a header that is a list": jws(["HS256"], {"sub": "alice"}),
    "an alg that is no text": jws({"alg": ["none"], "kid": 10**400}, {"sub": "alice"}),
    "claims that are a list": jws(HS, ["alice"]),
    "claims that are deep": jws(HS, DEEP),
    "a header that is deep": jws(DEEP, {"sub": "alice"}),
    "claims that are no text": jws(HS, b"\xff\xfe\x00\xed\xa0\x80"),
    "an exp beyond all": jws(HS, b'{"sub": "alice", "exp": 1e999, "iat": -1e999, "nbf": NaN}'),
    "an exp of many digits": jws(HS, b'{"sub": "alice", "exp": ' + b"9" * 5000 + b"}"),
    "an exp that is text": jws(HS, {"sub": "alice", "exp": "soon", "iat": {}}),
    "an exp that is true": jws(HS, {"sub": ["alice"], "exp": True, "iat": False, "jti": None}),
    "an exp in the past": jws(HS, {"sub": "alice", "exp": -5, "iat": 10**12}),
    "claims given twice": jws(HS, b'{"sub": "bob", "sub": "alice", "exp": 1, "exp": 99999999999}'),
    "no signature": jws({"alg": "none"}, {"sub": "alice", "exp": 99999999999}, b""),
    "a key of its own": jws({**HS, "jwk": {"kty": "RSA", "n": "!", "e": -1}, "x5c": [{}], "jku": "file:///"}, {}),
    "a long one": "x" * 6000,
    "signs": "~-._+/=" * 8,
}
"""What may stand in an Authorization header and is no token."""


class Disguised:
    """An ASGI app whose bearer tokens are given out as `form`, each with a number of its own at the end."""

    def __init__(self, app: Any, form: str) -> None:
        self._app, self._form = app, form
        self._known: dict[str, str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        headers = [
            (name, self._genuine(value) if name == b"authorization" else value) for name, value in scope["headers"]
        ]
        told: list[Any] = []

        async def keep(message: Any) -> None:
            told.append(message)

        await self._app({**scope, "headers": headers}, receive, keep)
        body = self._odd(b"".join(message.get("body", b"") for message in told[1:]))
        kept = [(k, v) for k, v in told[0]["headers"] if k.lower() != b"content-length"]
        await send({**told[0], "headers": [*kept, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    def _genuine(self, value: bytes) -> bytes:
        """The Authorization header with the server's own token; who sends the server's own one is refused."""
        scheme, _, shown = value.decode("latin-1").partition(" ")
        return f"{scheme} {self._known.get(shown, 'unknown')}".encode("latin-1")

    def _odd(self, body: bytes) -> bytes:
        try:
            told = json.loads(body)
        except ValueError:
            return body
        if not isinstance(told, dict) or "access_token" not in told:
            return body
        shown = f"{self._form}{len(self._known)}"
        self._known[shown] = told["access_token"]
        return json.dumps({**told, "access_token": shown}).encode()
