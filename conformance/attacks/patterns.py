"""Texts that a careless look-up takes for somebody's token, and what tokens tell of the inside of a service."""

from __future__ import annotations

import ipaddress
import json
import random
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.attacks.edits import same_bytes

WILDCARDS = (
    "*", "%", "%%%%%%%%", "_", "' OR '1'='1", "' OR 1=1 -- ", '{"$ne":null}', '{"$gt":""}', '["a"]', "true", "null",
    "undefined", "0", "*)(token=*",
)  # fmt: skip
"""Patterns of LIKE, SQL, conditions of document databases, filters of LDAP, and what a missing value is as text."""

PUBLIC_CLAIMS = frozenset({"iss", "aud", "azp", "client_id", "sub", "jti", "scope"})
"""Claims that name places and parties by their purpose (RFC 7519 section 4.1, RFC 9068 section 2.2)."""

_NO_PLACE = re.compile(r"(?i)(?:^|_)(?:ip|ips|ipaddr|ip_?address|remote_?addr|ver|version|email)$")
"""Claims of the user's own address, and of versions, which look like one."""

_INTERNAL_HOST = re.compile(
    r"(?i)(?<![\w.@-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:local|internal|intranet|corp|lan|svc\.cluster\.local)(?![\w.-])"
)
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_STATEMENT = re.compile(r"(?s)\b(?:SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM)\s")
_PATH = re.compile(r"(?<![\w/.])/(?:var/(?:www|lib|log)|usr/(?:local|lib|share)|etc)/[\w.-]+(?:/[\w.-]+)*")
_TRACE = re.compile(r"Traceback \(most recent call last\)|\bat [\w.$]+\([\w.]+:\d+\)")


def relatives(token: str, span: tuple[int, int], rng: random.Random) -> Iterator[tuple[str, str]]:
    """Label and text: a token of which a part is genuine (CWE-697); `span` is what varies from one to the next.

    What lenient decoders of base64 take for the same bytes is left out: no padding, a lone sign, more after padding.
    """
    half = len(token) // 2
    other = "".join(rng.choices(string.ascii_letters + string.digits, k=len(token) - half))
    yield "the first half", token[:half]
    yield "the first half, then others", token[:half] + other
    yield "the second half", token[half:]
    if not same_bytes(token, shorter := token[: span[1] - 1] + token[span[1] :]):
        yield "the last character left out", shorter
    if not token.endswith("="):
        for name, sign in (("%00", "%00"), ("a dot", "."), ("a comma", ",")):
            yield f"{name} and more after it", f"{token}{sign}pickproof"


def internals(claims: Mapping[str, Any]) -> list[str]:
    """What claims tell of hosts, paths and statements inside, one phrase each; claims that name places are left out."""
    text = "\n".join(_texts({name: value for name, value in claims.items() if _may_tell(name)}))
    found = [f"the private address {match[0]}" for match in _ADDRESS.finditer(text) if _private(match[0])]
    found += [f"the internal host {match[0]}" for match in _INTERNAL_HOST.finditer(text)]
    found += [f"the path {match[0]}" for match in _PATH.finditer(text)]
    found += ["a statement of SQL"] if _STATEMENT.search(text) else []
    return [*found, *(["a stack trace"] if _TRACE.search(text) else [])]


def _may_tell(name: str) -> bool:
    return name not in PUBLIC_CLAIMS and _NO_PLACE.search(name) is None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


def _private(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _NETWORKS)


_NETWORKS = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""RFC 1918."""
