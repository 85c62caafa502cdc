"""Every fault of the authorization server, by topic. None of them is known to the server itself."""

from __future__ import annotations

from . import (
    oauth_faults_access,
    oauth_faults_after,
    oauth_faults_assertions,
    oauth_faults_authorize,
    oauth_faults_back,
    oauth_faults_codes,
    oauth_faults_dpop,
    oauth_faults_endings,
    oauth_faults_front,
    oauth_faults_logout,
    oauth_faults_par,
    oauth_faults_pkce,
    oauth_faults_reach,
    oauth_faults_redirect,
    oauth_faults_token,
)
from .faults import Fault

FAULTS: tuple[Fault, ...] = (
    *oauth_faults_authorize.FAULTS,
    *oauth_faults_redirect.FAULTS,
    *oauth_faults_codes.FAULTS,
    *oauth_faults_pkce.FAULTS,
    *oauth_faults_token.FAULTS,
    *oauth_faults_endings.FAULTS,
    *oauth_faults_front.FAULTS,
    *oauth_faults_back.FAULTS,
    *oauth_faults_after.FAULTS,
    *oauth_faults_reach.FAULTS,
    *oauth_faults_dpop.FAULTS,
    *oauth_faults_par.FAULTS,
    *oauth_faults_logout.FAULTS,
    *oauth_faults_assertions.FAULTS,
    *oauth_faults_access.FAULTS,
)
"""Ids are unique; each names the check that must catch it."""
