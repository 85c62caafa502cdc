"""The parameters of OAuth requests, and the errors that answer them (RFC 6749 sections 3.1, 3.2 and 5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from .web import Refused, answer, form_pairs

KNOWN = frozenset({
    "client_assertion", "client_assertion_type", "client_id", "client_secret", "code", "code_challenge",
    "code_challenge_method", "code_verifier", "dpop_jkt", "grant_type", "id_token_hint", "nonce",
    "post_logout_redirect_uri", "prompt", "redirect_uri", "refresh_token", "request_uri", "response_type", "scope",
    "state", "token", "token_type_hint",
})  # fmt: skip
"""Whoever reads one of these twice could read it differently from whoever checked it. Other names are ignored."""

BASIC = {"www-authenticate": 'Basic realm="oauth", charset="UTF-8"'}
UNCACHED = {"cache-control": "no-store", "pragma": "no-cache"}
"""For every answer of the token endpoint (RFC 6749 section 5.1)."""


class OAuthError(Exception):
    """An error with a name from a standard; the description helps a developer and repeats nothing that was sent."""

    def __init__(
        self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error, self.description, self.status, self.headers = error, description, status, headers or {}


def invalid_request(description: str) -> OAuthError:
    """Something is missing, repeated or malformed."""
    return OAuthError("invalid_request", description)


def invalid_grant() -> OAuthError:
    """The same words whatever is wrong with a code or a refresh token, so that nobody learns which exist."""
    return OAuthError("invalid_grant", "the code or token is unknown, expired, revoked or of somebody else")


def invalid_client() -> OAuthError:
    """The client is unknown or did not prove itself; with a challenge (RFC 6749 section 5.2, RFC 9110 15.5.2)."""
    return OAuthError("invalid_client", "client authentication failed", 401)


def error_answer(exc: OAuthError) -> Response:
    """An error of the token, revocation and introspection endpoints."""
    headers = {**UNCACHED, **(BASIC if exc.status == 401 else {}), **exc.headers}
    return answer({"error": exc.error, "error_description": exc.description}, exc.status, headers)


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters as they came, in order."""

    pairs: tuple[tuple[str, str], ...] = field(repr=False)
    jkt: str | None = None
    """The key that the request proves (RFC 9449), by its thumbprint."""

    def all(self, name: str) -> list[str]:
        """Every value of a name; an empty value counts as omitted (RFC 6749 section 3.1)."""
        return [value for key, value in self.pairs if key == name and value]

    def get(self, name: str) -> str | None:
        """The first value of a name."""
        return next(iter(self.all(name)), None)

    def need(self, name: str) -> str:
        """The value of a name.

        Raises:
            OAuthError: ``invalid_request`` when it is missing.
        """
        value = self.get(name)
        if value is None:
            raise invalid_request(f"{name} is missing")
        return value

    def repeated(self) -> set[str]:
        """The known names that stand more than once."""
        names = [key for key, _ in self.pairs if key in KNOWN]
        return {name for name in names if names.count(name) > 1}


def once(pairs: Iterable[tuple[str, str]]) -> Params:
    """Parameters none of which is repeated (RFC 6749 sections 3.1 and 3.2).

    Raises:
        OAuthError: ``invalid_request``.
    """
    params = Params(tuple(pairs))
    if params.repeated():
        raise invalid_request("a parameter is repeated")
    return params


async def posted(request: Request) -> Params:
    """The parameters of the body, which must be a form; the query is not looked at (RFC 6749 section 3.2).

    Raises:
        OAuthError: ``invalid_request``.
    """
    try:
        return once(await form_pairs(request))
    except Refused as exc:
        raise OAuthError("invalid_request", exc.title, exc.status if exc.status == 413 else 400) from None


def words(scope: str | None) -> tuple[str, ...]:
    """The scopes of a parameter, each once (RFC 6749 section 3.3)."""
    return tuple(dict.fromkeys(word for word in (scope or "").split(" ") if word))


def described(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """Only the parameters that have a value."""
    return {name: value for name, value in pairs.items() if value is not None}
