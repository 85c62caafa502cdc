"""Options of the kit's own tests; the conformance suite's options come from its plugin."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's business: on a busy one a limit is a flake.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-matrix", action="store_true", help="measure the kill matrix afresh and store it, instead of comparing"
    )
