"""Every fault of the refresh server."""

from __future__ import annotations

from . import refresh_faults_life, refresh_faults_races, refresh_faults_reach, refresh_faults_reuse
from .faults import Fault

FAULTS: tuple[Fault, ...] = (
    *refresh_faults_reuse.FAULTS,
    *refresh_faults_life.FAULTS,
    *refresh_faults_races.FAULTS,
    *refresh_faults_reach.FAULTS,
)
"""In the order in which the documentation lists them."""
