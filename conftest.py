"""Options of the kit's own tests; the conformance suite's options come from its plugin."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-matrix", action="store_true", help="measure the kill matrix afresh and store it, instead of comparing"
    )
