"""What an authorization server publishes of itself (RFC 8414, OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conformance.discover.probe import PLACE, Probe, document
from conformance.discover.routes import METADATA_PLACES


@dataclass(frozen=True, slots=True)
class Metadata:
    """A metadata document and where it stands."""

    place: str
    values: Mapping[str, Any]

    def path(self, name: str) -> str | None:
        """The path of an endpoint; its host may be the public name of the target."""
        value = self.values.get(name)
        if not isinstance(value, str) or not value.startswith(("http://", "https://")):
            return None
        try:
            path = urlsplit(value).path
        except ValueError:
            return None
        return path if PLACE.fullmatch(path) else None

    @property
    def issuer(self) -> str | None:
        """The issuer, where it is an address that a description can repeat."""
        value = self.values.get("issuer")
        if not isinstance(value, str) or not value.startswith("https://"):
            return None
        try:
            parts = urlsplit(value)
            plain = parts.hostname and not (parts.query or parts.fragment or parts.username) and parts.port != 0
        except ValueError:
            return None
        return value.rstrip("/") if plain and PLACE.fullmatch("/" + value) else None


async def find_metadata(probe: Probe) -> Metadata | None:
    """The metadata, where the target publishes any."""
    for place in METADATA_PLACES:
        exchange = await probe.look(place)
        values = document(exchange)
        if exchange.answer and exchange.answer.status == 200 and isinstance(values, dict) and "issuer" in values:
            return Metadata(place, values)
    return None
