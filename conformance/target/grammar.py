"""The grammar's small parts: durations, sources, requests, the step and the verb."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
SOURCE = re.compile(r"(json|cookie|header|html|location):(.+)", re.DOTALL)
SEND = re.compile(r"([A-Za-z]+) (/\S*|https?://\S+|\{[a-z_]+\}\S*)")


def seconds(value: str | float) -> float:
    """A duration such as ``"15m"``, ``"1.5h"`` or a number of seconds.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int | float):
        return float(value)
    found = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError("a duration is a number with one of ms, s, m, h, d, as in '15m'")
    return float(found[1]) * UNITS[found[2] or "s"]


def _source(text: str) -> str:
    if not SOURCE.fullmatch(text):
        raise ValueError("a source is json:/pointer, cookie:name, header:name, html:selector or location:param")
    kind, _, spot = text.partition(":")
    if kind == "json" and not spot.startswith("/"):
        raise ValueError("a JSON pointer begins with '/', as in 'json:/name' (RFC 6901 section 3)")
    if kind == "html" and not _is_selector(spot):
        raise ValueError("this is no CSS selector; one looks like 'html:#name'")
    return text


def _is_selector(text: str) -> bool:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    try:
        LexborHTMLParser("").css_first(text)
    except SelectolaxError:
        return False
    return True


def _send(text: str) -> str:
    if not SEND.fullmatch(text):
        raise ValueError("a request is a method and a path, as in 'POST /login'")
    return text


def _path(text: str) -> str:
    if not text.startswith(("/", "http://", "https://")) and not re.match(r"\{[a-z_]+\}", text):
        raise ValueError("a page is a path that begins with '/', as in '/login'")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL with scheme and host, as in 'http://127.0.0.1:8000'")
    if parts.username or parts.password:
        raise ValueError("no user name or password inside the URL: accounts hold those")
    if parts.query or parts.fragment:
        raise ValueError("no query and no fragment: paths are appended to this URL")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port is a number up to 65535") from None
    return text.rstrip("/")


def _bind(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("a place to listen is host:port, as in '0.0.0.0:9099'")
    return text


def _use(text: str) -> str:
    if not re.match(r"(header:[^:\s]+:.*\{[a-z_]+\}|cookie:.|query:.)", text):
        raise ValueError("how a token travels: 'header:Authorization: Bearer {access}', 'cookie:name' or 'query:name'")
    return text


def _spot(text: str) -> str:
    if not text.startswith(("json:", "html:")):
        raise ValueError("a list and what is inside its items stands at json:/pointer or html:selector")
    return text


Source = Annotated[str, AfterValidator(_source)]
Spot = Annotated[str, AfterValidator(_spot)]
Send = Annotated[str, AfterValidator(_send)]
Path_ = Annotated[str, AfterValidator(_path)]
Url = Annotated[str, AfterValidator(_url)]
Use = Annotated[str, AfterValidator(_use)]
Bind = Annotated[str, AfterValidator(_bind)]
Seconds = Annotated[float, pydantic.BeforeValidator(seconds), Field(ge=0)]


class Strict(BaseModel):
    """A table whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class Step(Strict):
    """One request, or one form of an HTML page filled in and sent."""

    page: Path_ | None = Field(None, description="Path of an HTML page whose form is filled and sent.")
    fill: dict[str, str] = Field({}, description="Form fields by name.")
    action: str | None = Field(None, description="The form's action, where fields alone don't tell which form.")
    send: Send | None = Field(None, description="Method and path of a request.")
    json_: Any = Field(None, alias="json", description="A JSON body.")
    form: dict[str, str] | None = Field(None, description="A urlencoded body.")
    query: dict[str, str] = Field({}, description="Query parameters.")
    headers: dict[str, str] = Field({}, description="Headers of this request alone.")
    take: dict[str, Source] = Field({}, description="Names to keep, each with the source of its value.")

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        if (self.page is None) == (self.send is None):
            raise ValueError("a step is either `page` (an HTML form) or `send` (a request)")
        if self.page and (self.json_ is not None or self.form is not None):
            raise ValueError("a `page` step takes `fill`; `json` and `form` belong to `send`")
        if self.send and (self.fill or self.action):
            raise ValueError("a `send` step takes `json` or `form`; `fill` and `action` belong to `page`")
        return self


class Verb(Strict):
    """What the description says of one capability: one step, or several."""

    steps: list[Step] = Field(description="The steps in order.", min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _lift(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "steps" in data:
            return data
        own = {name for name in cls.model_fields if name != "steps"}
        step = {key: value for key, value in data.items() if key not in own}
        return {"steps": [step], **{key: value for key, value in data.items() if key in own}}
