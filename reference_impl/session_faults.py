"""Every fault of the session server, by topic. None of them is known to the server itself."""

from __future__ import annotations

from . import (
    session_faults_cookies,
    session_faults_endings,
    session_faults_forgery,
    session_faults_ids,
    session_faults_issue,
    session_faults_login,
    session_faults_races,
)
from .faults import Fault

FAULTS: tuple[Fault, ...] = (
    *session_faults_ids.FAULTS,
    *session_faults_issue.FAULTS,
    *session_faults_cookies.FAULTS,
    *session_faults_endings.FAULTS,
    *session_faults_forgery.FAULTS,
    *session_faults_login.FAULTS,
    *session_faults_races.FAULTS,
)
"""Ids are unique; each names the check that must catch it."""
