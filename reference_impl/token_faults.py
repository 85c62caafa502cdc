"""Every fault of the token server."""

from __future__ import annotations

from . import (
    token_faults_algorithms,
    token_faults_claims,
    token_faults_encryption,
    token_faults_form,
    token_faults_http,
    token_faults_keys,
    token_faults_life,
    token_faults_logs,
    token_faults_lookup,
    token_faults_minted,
    token_faults_rights,
    token_faults_signature,
)
from .faults import Fault

FAULTS: tuple[Fault, ...] = (
    *token_faults_signature.FAULTS,
    *token_faults_form.FAULTS,
    *token_faults_keys.FAULTS,
    *token_faults_lookup.FAULTS,
    *token_faults_encryption.FAULTS,
    *token_faults_claims.FAULTS,
    *token_faults_life.FAULTS,
    *token_faults_minted.FAULTS,
    *token_faults_http.FAULTS,
    *token_faults_algorithms.FAULTS,
    *token_faults_rights.FAULTS,
    *token_faults_logs.FAULTS,
)
"""In the order in which the documentation lists them."""
