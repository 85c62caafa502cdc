"""The session cookie: how it is written, read and deleted (draft-ietf-httpbis-rfc6265bis)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

LONGEST = 256
"""Characters of a value that is worth hashing; a genuine one has 43."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """Name and attributes; the defaults satisfy ASVS-v5.0.0-3.3.1 to 3.3.4."""

    name: str = "__Host-sid"
    path: str | None = "/"
    domain: str | None = None
    secure: bool = True
    http_only: bool = True
    same_site: str | None = "Lax"
    max_age: int | None = None
    """Seconds; None for a cookie that ends with the browser."""

    def written(self, value: str) -> str:
        """The ``Set-Cookie`` value that stores a session id."""
        return self._line(value, None if self.max_age is None else f"Max-Age={self.max_age}")

    def deleted(self, value: str = "", when: str = "Max-Age=0") -> str:
        """The ``Set-Cookie`` value that removes it: same name and attributes, or browsers keep the old one."""
        return self._line(value, when)

    def _line(self, value: str, life: str | None) -> str:
        parts = [
            f"{self.name}={value}",
            life,
            self.path and f"Path={self.path}",
            self.domain and f"Domain={self.domain}",
            self.secure and "Secure",
            self.http_only and "HttpOnly",
            self.same_site and f"SameSite={self.same_site}",
        ]
        return "; ".join(part for part in parts if part)


def values(request: Request, name: str) -> list[str]:
    """Every value that the ``Cookie`` fields carry under exactly this name, undecoded, in order."""
    fields = (v for k, v in request.scope["headers"] if k == b"cookie")
    pairs = (pair.partition("=") for field in fields for pair in field.decode("latin-1").split(";"))
    return [value.strip(" \t") for key, equals, value in pairs if equals and key.strip(" \t") == name]


def only_value(request: Request, name: str, longest: int = LONGEST) -> str | None:
    """The value of the cookie, or None when it is absent, too long, or sent with two different values.

    Of two values one was planted, from a sibling host or another path, and the order tells nothing about which
    (RFC 6265bis section 4.2.2).
    """
    found = set(values(request, name))
    value = found.pop() if len(found) == 1 else ""
    return value if 0 < len(value) <= longest else None


def safe_next(target: object, otherwise: str) -> str:
    """A path on this site to go to after login, or ``otherwise`` (ASVS-v5.0.0-3.7.2).

    Browsers read a backslash as a slash and drop control characters, so neither may occur at all.
    """
    if not isinstance(target, str) or not target.startswith("/") or target.startswith("//"):
        return otherwise
    if "\\" in target or any(ord(c) <= 0x20 or ord(c) >= 0x7F for c in target):
        return otherwise
    return target if urlsplit(target).netloc == "" else otherwise
