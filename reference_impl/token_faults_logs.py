"""Faults of what is written down."""

from __future__ import annotations

from starlette.types import Scope

from .token_logs import line, logged
from .token_switch import authorization, fault


def _with_credentials(scope: Scope, status: int) -> str:
    shown = b" ".join(authorization(scope)).decode("latin-1")
    return f"{line(scope, status)} {shown!a}"


FAULTS = (
    fault("log-with-tokens", "transport.logs.masked", "16.2.5 CWE-532",
          "The access log holds the Authorization field of each request.", logged(_with_credentials)),
)  # fmt: skip
"""Primary killers are rows of the group Transport of the catalogue."""
