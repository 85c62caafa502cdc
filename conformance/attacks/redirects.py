"""Redirect URIs that look like a registered one and are not (RFC 9700 section 4.1.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def place(uri: str) -> str:
    """Scheme, authority and path of a URI as they are spelled."""
    return uri.split("#")[0].split("?")[0]


def _pairs(uri: str) -> set[tuple[str, str]]:
    return set(parse_qsl(urlsplit(uri).query, keep_blank_values=True))


def sent_elsewhere(location: str, registered: Iterable[str], asked: Iterable[str] = ()) -> bool:
    """Whether a redirect goes to none of the registered URIs.

    What a response adds to the query is no part of where it goes, but what the request's own redirect_uri added is;
    so is that one's fragment. The port of a registered loopback address is free (RFC 8252 section 7.3).
    """
    if not location:
        return False
    known = list(registered)
    try:
        if not any(place(location) == place(uri) or _loopback_alike(location, uri) for uri in known):
            return True
        foreign = {pair for uri in asked for pair in _pairs(uri)} - {pair for uri in known for pair in _pairs(uri)}
        fragments = {urlsplit(uri).fragment for uri in asked} - {""}
        return bool(foreign & _pairs(location)) or any(part in urlsplit(location).fragment for part in fragments)
    except ValueError:
        return True


def _loopback_alike(location: str, registered: str) -> bool:
    one, other = urlsplit(location), urlsplit(registered)
    if other.scheme != "http" or other.hostname not in ("127.0.0.1", "::1") or "@" in one.netloc:
        return False
    return (one.scheme, one.hostname, one.path) == (other.scheme, other.hostname, other.path)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to misspell a redirect URI; shown by its name."""

    name: str

    def of(self, uri: str) -> str:
        """The registered URI, misspelt in this way."""
        return _VARIANTS[self.name](urlsplit(uri))

    def __repr__(self) -> str:
        return self.name


def _with(parts: SplitResult, **changed: str) -> str:
    return urlunsplit(parts._replace(**changed))


def _host(change: Callable[[str], str]) -> Callable[[SplitResult], str]:
    return lambda parts: _with(parts, netloc=change(parts.netloc))


def _path(change: Callable[[str], str]) -> Callable[[SplitResult], str]:
    return lambda parts: _with(parts, path=change(parts.path or "/"))


def _upper_last(path: str) -> str:
    return path[:-1] + path[-1].swapcase()


EVIL = "attacker.pickproof.example"

_EXACT: dict[str, Callable[[SplitResult], str]] = {
    "longer path": _path(lambda path: path.rstrip("/") + "/pickproof"),
    "suffix without a slash": _path(lambda path: path + "pickproof"),
    "a query added": lambda parts: _with(parts, query="&".join(filter(None, [parts.query, "next=pickproof"]))),
    "a subdomain in front": _host(lambda host: f"pickproof.{host}"),
    "the host as a prefix": _host(lambda host: f"{host}.{EVIL}"),
    "the host as a suffix": _host(lambda host: f"pickproof{host}"),
    "another host": _host(lambda _: EVIL),
    "another port": _host(lambda host: f"{host.rpartition(':')[0] or host}:8443"),
    "another path": _path(lambda _: "/pickproof"),
    "plain http": lambda parts: _with(parts, scheme="http" if parts.scheme == "https" else "https"),
}
_NORMALISED: dict[str, Callable[[SplitResult], str]] = {
    "scheme in upper case": lambda parts: _with(parts, scheme="").replace("//", f"{parts.scheme.upper()}://", 1),
    "host in upper case": _host(str.upper),
    "path in another case": _path(_upper_last),
    "a dot after the host": _host(lambda host: f"{host}."),
    "the default port": _host(lambda host: f"{host}:443"),
    "a double slash": _path(lambda path: "/" + path),
    "a slash at the end": _path(lambda path: path + "/"),
    "a dot segment": _path(lambda path: "/." + path),
    "a parent segment": _path(lambda path: "/pickproof/.." + path),
    "an encoded parent segment": _path(lambda path: "/pickproof/%2e%2e" + path),
    "a parent segment behind": _path(lambda path: path + "/../pickproof"),
    "an encoded slash": _path(lambda path: path + "%2fpickproof"),
    "an encoded letter": _path(lambda path: f"{path[:-1]}%{ord(path[-1]):02x}"),
    "a matrix parameter": _path(lambda path: path + ";pickproof"),
    "a matrix parent segment": _path(lambda path: path + "/..;/pickproof"),
    "a null byte": _path(lambda path: path + "%00"),
    "a tab": _path(lambda path: path + "\t"),
    "a space": _path(lambda path: path + " "),
    "a space in front": lambda parts: " " + urlunsplit(parts),
    "a line feed": _path(lambda path: path + "\n"),
    "a backslash for a slash": lambda parts: urlunsplit(parts).replace("://", ":\\\\", 1),
    "user info in front": _host(lambda host: f"pickproof@{host}"),
    "the host as user info": _host(lambda host: f"{host}@{EVIL}"),
    "the host as user and password": _host(lambda host: f"{host}:443@{EVIL}"),
    "a backslash before user info": _host(lambda host: f"{EVIL}\\@{host}"),
    "the host in a fragment": _host(lambda host: f"{EVIL}#@{host}"),
    "the host in a query": _host(lambda host: f"{EVIL}?@{host}"),
    "a full-width dot": _host(lambda host: host.replace(".", "\uff0e", 1)),
    "an ideographic full stop": _host(lambda host: host.replace(".", "\u3002", 1)),
    "an empty query": lambda parts: urlunsplit(parts) + "?",
    "relative to the scheme": lambda parts: urlunsplit(parts).split(":", 1)[1],
    "without slashes": lambda parts: urlunsplit(parts).replace("://", ":", 1),
    "three slashes": lambda parts: urlunsplit(parts).replace("://", ":///", 1),
}
_POLLUTED: dict[str, Callable[[SplitResult], str]] = {
    "a code in the query": lambda parts: _with(parts, query="&".join(filter(None, [parts.query, "code=pickproof"]))),
    "a code in an encoded query": _path(lambda path: path + "%3Fcode=pickproof"),
    "a code behind an ampersand": _path(lambda path: path + "&code=pickproof"),
    "a code and a state": lambda parts: _with(parts, query="code=pickproof&state=pickproof"),
}
_DANGEROUS: dict[str, Callable[[SplitResult], str]] = {
    "javascript": lambda _: "javascript:alert('pickproof')",
    "javascript at the client's host": lambda p: f"javascript://{p.netloc}{p.path}?%0aalert('pickproof')",
    "javascript in mixed case": lambda _: "JaVaScRiPt:alert('pickproof')",
    "data": lambda _: "data:text/html,pickproof",
    "vbscript": lambda _: "vbscript:msgbox('pickproof')",
    "file": lambda _: "file:///pickproof",
}
_NARROW: dict[str, Callable[[SplitResult], str]] = {
    "a host that begins with the address": _host(lambda _: f"127.0.0.1.{EVIL}:49152"),
    "the address as user info": _host(lambda _: f"127.0.0.1:49152@{EVIL}"),
    "user info before the address": _host(lambda host: f"pickproof@{host.partition(':')[0]}:49152"),
    "another host on a port": _host(lambda _: f"{EVIL}:49152"),
    "a host that begins with localhost": _host(lambda _: f"localhost.{EVIL}:49152"),
    "another address of the loopback network": _host(lambda _: "127.0.0.2:49152"),
    "the address mapped into IPv6": _host(lambda _: "[::ffff:127.0.0.1]:49152"),
    "a port that is none": _host(lambda host: f"{host.partition(':')[0]}:49152.{EVIL}"),
    "another path on a port": lambda parts: _with(parts, netloc="127.0.0.1:49152", path="/pickproof"),
    "a longer path on a port": lambda p: _with(p, netloc="127.0.0.1:49152", path=p.path.rstrip("/") + "/pickproof"),
    "a query on a port": lambda parts: _with(parts, netloc="127.0.0.1:49152", query="pickproof=1"),
}
_VARIANTS = {**_EXACT, **_NORMALISED, **_POLLUTED, **_DANGEROUS, **_NARROW}

EXACT = tuple(map(Variant, _EXACT))
"""What an exact comparison refuses and a comparison of beginnings, hosts or patterns may let through."""
ONE_OF_EACH = tuple(map(Variant, ("another host", "longer path", "a query added", "the host as a prefix")))
"""Of `EXACT`, one of each kind, where every try is dear."""
NORMALISED = tuple(map(Variant, _NORMALISED))
"""What the comparison of raw strings refuses and that of parsed or decoded ones may let through."""

POLLUTED = tuple(map(Variant, _POLLUTED))
"""Redirect URIs that bring a code of the attacker's own."""
DANGEROUS = tuple(map(Variant, _DANGEROUS))
"""URIs that a browser runs or opens on its own machine instead of asking the client's server."""
NARROW = tuple(map(Variant, _NARROW))
"""What a port that is free on the loopback address alone must not let through (RFC 8252 section 7.3)."""


def near_misses() -> SearchStrategy[Variant]:
    """Every spelling of `NORMALISED`, the commonest mistakes first."""
    from hypothesis import strategies as st

    return st.sampled_from(NORMALISED)
