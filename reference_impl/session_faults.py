"""Every fault of the session server, by topic. None of them is known to the server itself."""

from __future__ import annotations

from . import (
    session_faults_binding,
    session_faults_cookies,
    session_faults_endings,
    session_faults_forgery,
    session_faults_forms,
    session_faults_ids,
    session_faults_issue,
    session_faults_login,
    session_faults_parsing,
    session_faults_races,
    session_faults_recovery,
    session_faults_rights,
    session_faults_size,
    session_faults_transport,
    session_faults_values,
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
    *session_faults_values.FAULTS,
    *session_faults_parsing.FAULTS,
    *session_faults_forms.FAULTS,
    *session_faults_transport.FAULTS,
    *session_faults_recovery.FAULTS,
    *session_faults_binding.FAULTS,
    *session_faults_size.FAULTS,
    *session_faults_rights.FAULTS,
)
"""Ids are unique; each names the check that must catch it."""
