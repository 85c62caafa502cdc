"""What an OpenAPI document tells: operations, the fields of their bodies, and which of them want a credential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conformance.discover.probe import PLACE, WORD, Probe, document
from conformance.discover.routes import (
    HANDS_OFF,
    IDENTITY,
    LOGIN,
    LOGOUT,
    ONE_LOGOUT,
    OPENAPI_PLACES,
    PASSWORD_FIELDS,
    REFRESH,
    USER_FIELDS,
)
from conformance.target.templates import pointer

METHODS = ("get", "post", "put", "patch", "delete")
MOST_OPERATIONS = 500
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request that the document describes."""

    method: str
    path: str
    body: str
    """``json``, ``form`` or empty."""
    fields: tuple[str, ...]
    guarded: bool

    @property
    def send(self) -> str:
        """As a step says it."""
        return f"{self.method} {self.path}"

    @property
    def password(self) -> str | None:
        """The field for the password, where there is just one."""
        found = [f for f in self.fields if "pass" in f.lower() or f.lower() in PASSWORD_FIELDS]
        return found[0] if len(found) == 1 else None

    @property
    def user(self) -> str | None:
        """The field for the user's name."""
        return next((f for known in USER_FIELDS for f in self.fields if f.lower() == known.lower()), None)


class Api:
    """The operations of a document, by what they are good for."""

    def __init__(self, place: str, operations: tuple[Operation, ...]) -> None:
        self.place, self.operations = place, operations

    def logins(self) -> list[Operation]:
        """Those that take a name and a password."""
        found = [
            o for o in self.operations
            if o.method == "POST" and o.password and o.user and not o.guarded and not HANDS_OFF.search(o.path)
            and (LOGIN.search(o.path) or o.body == "form")
        ]  # fmt: skip
        return sorted(found, key=lambda o: (not LOGIN.search(o.path), len(o.fields)))

    def identities(self) -> list[str]:
        """Reads that may name the user."""
        return [o.path for o in self._plain_reads() if IDENTITY.search(o.path)]

    def protected(self) -> list[str]:
        """Reads that want a credential."""
        return [o.path for o in self._plain_reads() if o.guarded]

    def reads(self) -> list[str]:
        """Every other read: many documents do not say which of them wants a credential."""
        return [o.path for o in self._plain_reads() if not o.guarded and not IDENTITY.search(o.path)]

    def logouts(self) -> list[str]:
        """Requests that end a session, the own one first."""
        found = [o.send for o in self.operations if LOGOUT.search(o.path) and o.method in ("POST", "GET", "DELETE")]
        return sorted(found, key=lambda send: bool(ONE_LOGOUT.search(send)))

    def refreshes(self) -> list[str]:
        """Paths that give new tokens."""
        return [o.path for o in self.operations if o.method == "POST" and REFRESH.search(o.path)]

    def changes(self) -> list[dict[str, Any]]:
        """Password changes from an old one to a new one."""
        return [verb for o in self.operations if (verb := _change(o))]

    def _plain_reads(self) -> list[Operation]:
        return [o for o in self.operations if o.method == "GET" and not HANDS_OFF.search(o.path)
                and not LOGOUT.search(o.path)]  # fmt: skip


def login_verb(operation: Operation) -> dict[str, Any]:
    """The step that an operation makes a login."""
    return {"send": operation.send, operation.body: {operation.user: "{user}", operation.password: "{password}"}}


def _change(operation: Operation) -> dict[str, Any] | None:
    fields = [f for f in operation.fields if "pass" in f.lower() or f.lower() in ("current", "new", "old")]
    old = [f for f in fields if any(word in f.lower() for word in ("old", "current", "existing"))]
    if operation.method == "GET" or len(old) != 1 or not 2 <= len(fields) <= 3 or "reset" in operation.path.lower():
        return None
    return {
        "send": operation.send,
        operation.body: {f: "{password}" if f in old else "{new_password}" for f in fields},
    }


async def find_api(probe: Probe) -> Api | None:
    """The document, where the target publishes one at a usual place."""
    for place in OPENAPI_PLACES:
        exchange = await probe.look(place)
        told = document(exchange)
        if not isinstance(told, dict) or not isinstance(told.get("paths"), dict):
            continue
        if exchange.answer and exchange.answer.status == 200 and ("openapi" in told or "swagger" in told):
            return Api(place, tuple(_operations(told)))
    return None


def _operations(told: Mapping[str, Any]) -> Iterator[Operation]:
    prefix, everywhere = _prefix(told), bool(told.get("security"))
    count = 0
    for path, methods in told["paths"].items():
        whole = prefix + str(path)
        if not isinstance(methods, dict) or not PLACE.fullmatch(whole) or "{" in whole:
            continue
        for method in METHODS:
            operation = methods.get(method)
            if not isinstance(operation, dict) or count >= MOST_OPERATIONS:
                continue
            count += 1
            body, fields = _body(told, operation)
            guarded = bool(operation["security"]) if "security" in operation else everywhere
            yield Operation(method.upper(), whole, body, fields, guarded)


def _prefix(told: Mapping[str, Any]) -> str:
    """The path of the first server that the document names (OpenAPI 3.1 section 4.8.5), or Swagger's basePath."""
    url = pointer(told, "/servers/0/url") or told.get("basePath") or ""
    try:
        path = urlsplit(url).path.rstrip("/") if isinstance(url, str) else ""
    except ValueError:
        return ""
    return path if PLACE.fullmatch(path) else ""


def _body(told: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    content = _resolved(told, operation.get("requestBody")).get("content")
    if isinstance(content, dict):
        for kind, word in (("application/json", "json"), (FORM, "form")):
            if isinstance(content.get(kind), dict):
                return word, tuple(_fields(told, content[kind].get("schema")))
    parameters = operation.get("parameters")
    for parameter in parameters if isinstance(parameters, list) else ():
        inside = _resolved(told, parameter)
        if inside.get("in") == "body":
            return "json", tuple(_fields(told, inside.get("schema")))
    return "", ()


def _fields(told: Mapping[str, Any], schema: Any, depth: int = 0) -> Iterator[str]:
    resolved = _resolved(told, schema)
    members = resolved.get("properties")
    if isinstance(members, dict):
        yield from (name for name in list(members)[:100] if isinstance(name, str) and WORD.fullmatch(name))
    parts = resolved.get("allOf")
    for part in parts[:10] if isinstance(parts, list) and depth < 4 else ():
        yield from _fields(told, part, depth + 1)


def _resolved(told: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """A node of the document, references inside it followed a few times."""
    for _ in range(5):
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        node = pointer(told, reference[1:])
    return node if isinstance(node, dict) else {}
