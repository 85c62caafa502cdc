"""Faults of binding: promised, and not kept."""

from __future__ import annotations

from .session_policy import SessionPolicy
from .session_switch import fault
from .session_variants_more import TO_ADDRESS, TO_AGENT


def _bound_to_nothing(policy: SessionPolicy) -> SessionPolicy:
    return policy


FAULTS = (
    fault("bound-agent-forgotten", "hijack.bind.ua", "8.2.4 CWE-290",
          "A session that is promised to one User-Agent is served to any.", _bound_to_nothing, declares=TO_AGENT),
    fault("bound-address-forgotten", "hijack.bind.ip", "8.2.4 CWE-290",
          "A session that is promised to one address is served to any.", _bound_to_nothing, declares=TO_ADDRESS),
)  # fmt: skip
"""Primary killers are rows of the group Hijack of the catalogue."""
