"""The table `[oauth]` of a description: an authorization server, its clients, and how a user consents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from conformance.target.grammar import Path_, Step, Strict, Url, Verb


class OAuthClient(Strict):
    """One registered client, whose part the kit plays; the key of its table is the client_id."""

    secret: str | None = Field(None, repr=False, description="Its secret; a client without one is public.")
    auth: Literal["basic", "post", "none"] | None = Field(
        None, description="How it authenticates at the token endpoint; by default `basic` with a secret."
    )
    redirect_uri: str | None = Field(None, description="A redirect URI as registered; nothing is sent there.")
    more_redirect_uris: list[str] = Field([], description="Further ones that are registered for it.")
    scopes: list[str] | None = Field(None, description="What it may ask for, where that is less than `scopes`.")
    post_logout_redirect_uris: list[str] = Field([], description="Where it may have a browser sent after a logout.")
    require_pushed_authorization_requests: bool = Field(
        False, description="It must push its authorization requests, whatever the metadata says of all clients."
    )

    @model_validator(mode="after")
    def _secret_fits(self) -> OAuthClient:
        if self.auth in ("basic", "post") and not self.secret:
            raise ValueError(f"a client that authenticates by {self.auth} needs its `secret`")
        return self


class Consent(Strict):
    """How a user answers the page that an authorization request leads to."""

    fill: dict[str, str] = Field({}, description="Fields of the form, the pressed button among them.")
    action: str | None = Field(None, description="The form's action, where fields alone don't tell which form.")
    steps: list[Step] = Field([], description="Requests in place of a form; {authorization_url} is known there.")


class OAuth(Strict):
    """An authorization server. The redirect is never followed: the kit is the client."""

    metadata: Path_ | None = Field(None, description="Path or URL of its metadata (RFC 8414).")
    issuer: Url | None = Field(None, description="Its issuer identifier, where there is no metadata.")
    authorization_endpoint: Path_ | None = Field(None, description="Path or URL, where metadata does not tell.")
    token_endpoint: Path_ | None = Field(None, description="Path or URL, where metadata does not tell.")
    revocation_endpoint: Path_ | None = Field(None, description="Path or URL, where metadata does not tell.")
    introspection_endpoint: Path_ | None = Field(None, description="Path or URL, where metadata does not tell.")
    pushed_authorization_request_endpoint: Path_ | None = Field(
        None, description="Path or URL, where metadata does not tell."
    )
    end_session_endpoint: Path_ | None = Field(None, description="Path or URL, where metadata does not tell.")
    scopes: list[str] = Field([], description="The scope values that the kit asks for.")
    parameters: dict[str, str] = Field({}, description="Further parameters of every authorization request.")
    clients: dict[str, OAuthClient] = Field(description="The clients that the kit plays, by client_id.", min_length=1)
    consent: Consent = Field(Consent(), description="How a user allows what a client asks.")
    deny: Consent | None = Field(None, description="How a user denies it.")
    logout: Consent = Field(Consent(), description="How a user confirms a logout that a client asks for.")
    withdraw: Verb | None = Field(None, description="How a user withdraws the grant of {client}.")
    resources: dict[str, Verb] = Field({}, description="For each scope value, a request that needs it.")
    throttle_client: str | None = Field(None, description="A client whose secret may be guessed at, and be locked.")
    introspection_client: str | None = Field(None, description="The client that may introspect; else the first.")
    dpop: bool | None = Field(
        None, description="Every token is bound to a key (DPoP); by default only checks of DPoP use it, if announced."
    )

    @model_validator(mode="after")
    def _usable(self) -> OAuth:
        if not self.metadata and not (self.authorization_endpoint and self.token_endpoint):
            raise ValueError("`metadata`, or both `authorization_endpoint` and `token_endpoint`")
        if not any(client.redirect_uri for client in self.clients.values()):
            raise ValueError("no client has a `redirect_uri`: without one nobody can be sent back with a code")
        if self.throttle_client is not None and self.throttle_client not in self.clients:
            raise ValueError(f"`throttle_client` {self.throttle_client!r} is not among `clients`")
        if self.introspection_client is not None and self.introspection_client not in self.clients:
            raise ValueError(f"`introspection_client` {self.introspection_client!r} is not among `clients`")
        return self
