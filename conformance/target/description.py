"""`target.toml`, validated: where the target is and how one uses it.

The grammar has no conditions, loops or regular expressions; past that stands the Python adapter.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote_plus, urlsplit

import pydantic
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from conformance.errors import DescriptionError
from conformance.target.grammar import Bind, Seconds, Send, Source, Spot, Step, Strict, Url, Use, Verb
from conformance.target.oauth_table import OAuth, OAuthClient

PUBLIC = frozenset({
    "base_url", "public_url", "replicas", "name", "adapter", "listener", "policy", "user", "role", "redirect_uri",
})  # fmt: skip
"""Keys whose values a report may tell, also where they come from the environment."""
TAKEN = ("access", "refresh", "id_token", "csrf")
"""The names that outlive the verb that took them; others live for one verb."""


class Identity(Verb):
    """A protected read that names whoever asks."""

    name: Source = Field(description="Where the name of the signed-in user stands.")


class Read(Verb):
    """A read whose value shows whether a change happened."""

    value: Source = Field(description="Where the value stands.")


class Mutate(Verb):
    """A protected change of state, `{value}` being the new value, and the read that shows it."""

    read: Read = Field(description="The read that shows the change.")


class Sensitive(Verb):
    """A change that a stolen session alone must not make, `{email}` or `{value}` being the new value."""

    read: Read | None = Field(None, description="The read that shows the change; without it the answers decide.")


class SessionList(Verb):
    """The read that lists the account's own live sessions."""

    items: Spot = Field(description="The list: json:/pointer of an array, or html:selector of every item.")
    handle: Spot = Field(
        description="What names an item to `revoke`, inside the item: json:/pointer, html:selector or html:@attribute."
    )
    current: Spot | None = Field(
        None, description="What marks the session that asks, inside its item; absent or false in the others."
    )

    @model_validator(mode="after")
    def _one_language(self) -> SessionList:
        kind = self.items[:5]
        for key, spot in (("handle", self.handle), ("current", self.current)):
            if spot and not spot.startswith(kind):
                raise ValueError(f"`{key}` stands inside an item, so it begins with {kind} as `items` does")
        return self


class Sessions(Strict):
    """What a user can do with the sessions of the own account."""

    list_: SessionList | None = Field(None, alias="list", description="Lists them.")
    revoke: Verb | None = Field(None, description="Ends the one called {handle}, for who proves {password} again.")


class ClockHook(Strict):
    """How the kit moves the target's clock: a request, a command or a libfaketime file."""

    send: Send | None = Field(None, description="A request; {seconds}, {offset}, {now} stand for the jump.")
    json_: Any = Field(None, alias="json", description="Its JSON body.")
    headers: dict[str, str] = Field({}, description="Its headers.")
    command: list[str] | None = Field(None, description="A command with its arguments, run without a shell.")
    faketime_file: str | None = Field(None, description="The target's FAKETIME_TIMESTAMP_FILE.")

    @model_validator(mode="after")
    def _one(self) -> ClockHook:
        if sum(x is not None for x in (self.send, self.command, self.faketime_file)) != 1:
            raise ValueError("one of `send`, `command`, `faketime_file`")
        return self


class Keys(Strict):
    """Keys of the target's tokens that the kit may know."""

    jwks: str | None = Field(None, description="Path or URL of the JSON Web Key Set.")
    pem: str | None = Field(None, description="The public key as PEM.")
    secret: str | None = Field(None, repr=False, description="A signing secret: lets the kit mint tokens.")
    private_pem: str | None = Field(None, repr=False, description="A private key as PEM: lets the kit mint tokens.")
    wordlist: str | None = Field(None, description="Path of a file of secrets to try, one in a line.")


class Policy(Strict):
    """What the target promises; the kit enforces it. Without a promise the strict reading of the standards holds."""

    access_lifetime: Seconds | None = Field(None, description="Longest life of an access token.")
    idle: Seconds | None = Field(None, description="A session unused for this long ends.")
    absolute: Seconds | None = Field(None, description="A session ends after this long, however busy.")
    leeway: Seconds = Field(60, description="Clock tolerance of token verification; at most 5m.", le=300)
    claims_allowed: list[str] = Field([], description="Claims with personal data that are meant to be there.")
    code_lifetime: Seconds | None = Field(None, description="Longest life of an authorization code.")
    refresh_lifetime: Seconds | None = Field(None, description="Longest life of a refresh token.")
    refresh_idle: Seconds | None = Field(None, description="A refresh token unused for this long ends.")
    rotation: bool = Field(True, description="A refresh token is replaced at each use.")
    grace_seconds: Seconds = Field(0, description="A replaced refresh token is still honoured for this long.")
    reuse_cascade: bool = Field(True, description="Reuse of a replaced refresh token ends its whole family.")
    access_revocation: bool = Field(True, description="Access tokens end with the session that they belong to.")
    logout_ends: Literal["session", "all"] = Field("session", description="What a logout ends.")
    password_change_ends: Literal["others", "all", "offered", "none"] = Field(
        "others", description="Which sessions a password change ends."
    )
    pkce: Literal["required", "optional", "none"] = Field("required", description="Whether PKCE is demanded.")
    throttle_failures: int | None = Field(
        None, description="Failed logins in a row after which an account is throttled; at most 100.", ge=1, le=100
    )
    binding: list[Literal["user-agent", "address"]] = Field([], description="What of its client a session is bound to.")
    throttle_client_failures: int | None = Field(
        None, description="Wrong secrets in a row after which a client is throttled; at most 100.", ge=1, le=100
    )
    max_sessions: int | None = Field(None, description="Sessions that an account may have at once.", ge=1)
    fresh_login: Seconds = Field(0, description="For this long after a login, acts that ask again need not ask.")
    credential_bytes: int | None = Field(None, description="Budget for the credential's size on each request.", ge=1)


class Account(BaseModel):
    """A test account; extra keys are strings that steps may use and that secrecy checks look for."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, str]

    user: str = ""
    password: str = Field("", repr=False)
    role: str = ""

    def words(self) -> dict[str, str]:
        """Every field by name, for substitution."""
        return {"user": self.user, "password": self.password, **(self.__pydantic_extra__ or {})}


class ListenerPlace(Strict):
    """Where the kit listens for a target that is not on this machine."""

    bind: Bind = Field(description="host:port on which the kit listens, as in '0.0.0.0:9099'.")
    url: Url = Field(description="How the target reaches it, as in 'http://kit.internal:9099'.")

    def place(self) -> tuple[str, int, str]:
        """Host, port and URL."""
        host, _, port = self.bind.rpartition(":")
        return host, int(port), self.url


class Gate(Strict):
    """A request that the target holds until told, so that a race is forced instead of hoped for."""

    held: Send = Field(description="The request that is held under the name {hold}.")
    look: Send | None = Field(None, description="Tells with 200 that the request {hold} has arrived.")
    release: Send = Field(description="Lets it go on.")


class Description(Strict):
    """A whole `target.toml`."""

    base_url: Url = Field(description="Where the kit sends its requests.")
    public_url: Url | None = Field(None, description="Where users reach the target; decides Secure and __Host-.")
    name: str | None = Field(None, description="What reports call the target.")
    accounts: dict[str, Account] = Field(description="Test accounts; alice is attacked, bob is the other user.")
    adapter: str | None = Field(None, description="module:Class in Python, for verbs that TOML can't say.")
    headers: dict[str, str] = Field({}, description="Headers sent with every request.")
    login: Verb | None = Field(None, description="How an account logs in.")
    identity: Identity | None = Field(None, description="A protected read that names whoever asks.")
    logout: Verb | None = Field(None, description="Ends the session that asks.")
    logout_all: Verb | None = Field(None, description="Ends every session of the account.")
    change_password: Verb | None = Field(None, description="From {password} to {new_password}.")
    reset_password: Verb | None = Field(None, description="From a forgotten password to {new_password}, with no login.")
    refresh: Verb | None = Field(None, description="A new access token for {refresh}.")
    register_: Verb | None = Field(None, alias="register", description="Creates the account {user}, {password}.")
    csrf: Verb | None = Field(None, description="Run before a verb that uses {csrf}; takes csrf.")
    use: dict[Literal["access", "refresh", "id_token", "csrf"], Use] = Field({}, description="How a token travels.")
    protected: list[Send] = Field([], description="More routes that must refuse strangers.")
    mutate: Mutate | None = Field(None, description="A change of state and the read that shows it.")
    replicas: list[Url] = Field([], description="More base URLs of the same deployment.")
    clock: ClockHook | None = Field(None, description="How the kit moves the target's clock.")
    keys: Keys = Field(Keys(), description="Keys of the target's tokens.")
    sessions: Sessions = Field(Sessions(), description="Listing and revoking own sessions.")
    sensitive: Sensitive | None = Field(None, description="A change that asks for {password} again, such as {email}.")
    step_up: Verb | None = Field(None, description="Proves {password} again inside a session.")
    delete_account: Verb | None = Field(None, description="Deletes the account that asks.")
    admin: dict[Literal["disable", "enable", "delete", "end-sessions", "grant-role", "revoke-role"], Verb] = Field(
        {}, description="What the account with the role admin does to the account {name}."
    )
    role_route: Send | None = Field(None, description="A route for the role alone that `admin.grant-role` gives.")
    other_audience: Verb | None = Field(None, description="A login whose token is meant for another service.")
    listener: ListenerPlace | None = Field(None, description="Where a target elsewhere reaches the kit.")
    oauth: OAuth | None = Field(None, description="An OAuth 2.0 authorization server: endpoints, clients, consent.")
    logs: list[str] = Field([], description="Files that the target writes its logs to, where the kit can read them.")
    gate: Gate | None = Field(None, description="A protected route that can be held in flight, for races.")
    return_parameter: str | None = Field(None, description="The login's query parameter that says where to go next.")
    policy: Policy = Field(Policy(), description="What the target promises.")
    _environment: dict[str, str] = PrivateAttr(default_factory=dict)
    """What came from the environment, by key."""

    @model_validator(mode="after")
    def _usable(self) -> Description:
        if not self.accounts:
            raise ValueError("`accounts` needs at least one account, called alice")
        if not self.adapter and not (self.login and self.identity):
            missing = "login" if not self.login else "identity"
            raise ValueError(f"`{missing}` is missing, and nothing works without: `pickproof init URL` drafts it")
        return self

    @property
    def origin(self) -> str:
        """Scheme and host that a browser of a user would send as Origin."""
        parts = urlsplit(self.public_url or self.base_url)
        return f"{parts.scheme}://{parts.netloc}"


def load(path: Path) -> tuple[Description, str]:
    """Read and validate a description; returns it with the SHA-256 of its text.

    Raises:
        DescriptionError: unreadable, not TOML, an unknown or missing key, a missing environment variable.
    """
    try:
        text = path.read_bytes()
        # Editors of Windows begin a file with a mark of their own.
        table = tomllib.loads(text.decode("utf-8-sig"))
    except OSError as problem:
        raise DescriptionError(str(path), "", problem.strerror or "cannot be read", "check the path") from None
    except UnicodeDecodeError as problem:
        line = text[: problem.start].count(b"\n") + 1
        raise DescriptionError(str(path), "", f"is not UTF-8 (at line {line})", "save it in that encoding") from None
    except tomllib.TOMLDecodeError as problem:
        hint = 'texts stand in quotes, as in base_url = "http://127.0.0.1:8000"'
        raise DescriptionError(str(path), "", f"is not TOML: {problem}", hint) from None
    except RecursionError:
        raise DescriptionError(str(path), "", "is nested too deeply", "no table of a description needs that") from None
    return parse(table, str(path)), hashlib.sha256(text).hexdigest()


def parse(table: Mapping[str, Any], where: str) -> Description:
    """Validate a description that is already a table.

    Raises:
        DescriptionError: names the first key that is wrong, what is allowed there and, unless secret, what was found.
    """
    taken: dict[str, str] = {}
    resolved = _environment(dict(table), where, (), taken)
    try:
        found = Description.model_validate(resolved)
    except pydantic.ValidationError as problem:
        raise _explained(problem, where, taken) from None
    found._environment.update(taken)
    return found


def secrets_of(description: Description) -> Iterator[tuple[str, str]]:
    """What no report may tell: passwords, private keys, and whatever came from the environment; each with its label."""
    for name, account in description.accounts.items():
        yield f"password of {name}", account.password
    for name, value in (("secret", description.keys.secret), ("private_pem", description.keys.private_pem)):
        yield f"keys.{name}", value or ""
    for id, client in (description.oauth.clients if description.oauth else {}).items():
        yield f"secret of {id}", client.secret or ""
        yield f"private key of {id}", client.private_key or ""
        # As HTTP Basic sends the two (RFC 6749 section 2.3.1): in base64 the secret alone would not be found.
        yield f"credentials of {id}", f"{quote_plus(id)}:{quote_plus(client.secret)}" if client.secret else ""
    for key, value in description._environment.items():
        if not PUBLIC & set(key.split(".")):
            yield key, value


def digest(table: Mapping[str, Any]) -> str:
    """SHA-256 of a table that has no file."""
    return hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()


def _environment(value: Any, where: str, path: tuple[str, ...], taken: dict[str, str]) -> Any:
    """Replace each ``env:NAME`` by the variable's value, and note in `taken` what was put in where."""
    if isinstance(value, Mapping):
        return {key: _environment(inner, where, (*path, str(key)), taken) for key, inner in value.items()}
    if isinstance(value, list):
        return [_environment(inner, where, (*path, str(at)), taken) for at, inner in enumerate(value)]
    if isinstance(value, str) and value.startswith("env:"):
        name = value.removeprefix("env:")
        if name not in os.environ:
            raise DescriptionError(
                where, ".".join(path), f"the environment variable {name} is not set", f"export {name}=…"
            )
        taken[".".join(path)] = os.environ[name]
        return os.environ[name]
    return value


def _explained(problem: pydantic.ValidationError, where: str, taken: Mapping[str, str]) -> DescriptionError:
    first = problem.errors(include_input=True, include_url=False)[0]
    # `steps`, positions and union tags are pydantic's view; the user wrote the step in place.
    words = [str(word) for word in first["loc"]]
    inner = {at for at, w in enumerate(words) if w == "steps" or (w.isdigit() and words[at - 1] == "steps")}
    shown = ".".join(w for at, w in enumerate(words) if at not in inner)
    message, hint = first["msg"].removeprefix("Value error, "), ""
    if first["type"] == "extra_forbidden":
        message, hint = "unknown key", _allowed(words)
    elif first["type"] == "missing":
        message = "is missing"
    elif first["type"] in _KINDS:
        message = f"wanted is {_KINDS[first['type']]}"
    secret = {"accounts", "password", "secret", "private_pem", "keys", "headers"} & set(words)
    found = first.get("input")
    if isinstance(found, str):
        # URLs hold passwords and keys too.
        found = re.sub(r"//[^/]*@", "//…@", found).partition("?")[0]
        secret = secret or {value for value in taken.values() if found and found in value}
    if isinstance(found, str | int | float | bool) and not secret and first["type"] != "extra_forbidden":
        message += f" (found {found!r})"
    return DescriptionError(where, shown, message, hint)


_KINDS = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), 'a table, as in { key = "value" }'),
    "list_type": 'a list, as in ["one", "two"]', "string_type": "a text in quotes", "bool_type": "true or false",
}  # fmt: skip
"""What was wanted, by pydantic's name of the error."""


def _allowed(words: list[str]) -> str:
    """The keys that are allowed where an unknown one was found, those that look like it first."""
    names = sorted(_keys_at(words[:-1]))
    near = [] if words[-1] in names else difflib.get_close_matches(words[-1], names, n=2)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}one of {', '.join(names)}" if names else ""


def _keys_at(words: list[str]) -> list[str]:
    if not words:
        return _names(Description)
    tables: dict[str, type[BaseModel]] = {
        "policy": Policy, "keys": Keys, "clock": ClockHook, "oauth": OAuth,
        "listener": ListenerPlace, "gate": Gate,
    }  # fmt: skip
    if words[:2] == ["oauth", "clients"] and len(words) == 3:
        return _names(OAuthClient)
    if words[0] in tables and len(words) == 1:
        return _names(tables[words[0]])
    if words == ["sessions"]:
        return _names(Sessions)
    if words[:2] == ["sessions", "list"]:
        return [*_names(Step), *_names(SessionList)]
    if words[0] == "sensitive":
        return [*_names(Step), "read", "steps", "value"]
    if words[0] == "identity":
        return [*_names(Step), "name", "steps"]
    if words[0] == "mutate":
        return [*_names(Step), "read", "steps", "value"]
    return [*_names(Step), "steps"]


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
