"""The table `[oauth]` of a description: an authorization server, its clients, and how a user consents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from conformance.target.grammar import Path_, Step, Strict, Url, Verb


class OAuthClient(Strict):
    """One registered client, whose part the kit plays; the key of its table is the client_id."""

    secret: str | None = Field(None, repr=False, description="Its secret; a client without one is public.")
    auth: Literal["basic", "post", "none", "private_key_jwt"] | None = Field(
        None, description="How it is registered to authenticate; by default by its `private_key`, else its `secret`."
    )
    private_key: str | None = Field(
        None, repr=False, description="The key with which it signs assertions: PEM, or one JWK as JSON."
    )
    key_id: str | None = Field(None, description="The `kid` of that key, where the JWK does not say.")
    signing_alg: str | None = Field(None, description="The algorithm of its assertions; by default that of the key.")
    assertion_audience: str | None = Field(
        None, description="The audience of its assertions; by default the issuer, or the token endpoint."
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

    @model_validator(mode="after")
    def _key_fits(self) -> OAuthClient:
        if self.auth == "private_key_jwt" and not self.private_key:
            raise ValueError("a client that authenticates by private_key_jwt needs its `private_key`")
        if self.private_key is not None and (self.auth or "private_key_jwt") != "private_key_jwt":
            raise ValueError(f"`private_key` is no use to a client that authenticates by {self.auth}")
        if self.private_key is not None:
            from conformance.attacks.assertions import ClientKey

            try:
                ClientKey(self.private_key, self.signing_alg or "").assertion("a client")
            except ValueError as problem:
                raise ValueError(f"`private_key` makes no signature: {problem}") from None
        return self


class Consent(Strict):
    """How a user answers the page that an authorization request leads to."""

    fill: dict[str, str] = Field({}, description="Fields of the form, the pressed button among them.")
    action: str | None = Field(None, description="The form's action, where fields alone don't tell which form.")
    steps: list[Step] = Field([], description="Requests in place of a form; {authorization_url} is known there.")


class OtherAudience(Strict):
    """What a client asks for a token of another service, in place of what it asks else."""

    client: str | None = Field(None, description="The client that asks; else the first.")
    scopes: list[str] = Field(
        [], description="The scope values, where they tell the service, beside those that `identity` needs."
    )
    parameters: dict[str, str] = Field(
        {}, description="Parameters of both requests, such as `resource` (RFC 8707), where they tell it."
    )

    @model_validator(mode="after")
    def _differs(self) -> OtherAudience:
        if not (self.client or self.scopes or self.parameters):
            raise ValueError("`client`, `scopes` or `parameters`: one of them asks for the other service")
        return self


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
    other_audience: OtherAudience | None = Field(
        None, description="How a client gets a user's token for another service, which this one must refuse."
    )
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
        if self.other_audience and self.other_audience.client not in (None, *self.clients):
            raise ValueError(f"`other_audience.client` {self.other_audience.client!r} is not among `clients`")
        if self.introspection_client is not None and self.introspection_client not in self.clients:
            raise ValueError(f"`introspection_client` {self.introspection_client!r} is not among `clients`")
        return self
