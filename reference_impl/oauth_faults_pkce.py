"""Faults of PKCE: each leaves a way to redeem a code that was stolen."""

from __future__ import annotations

import hmac
import json

from .oauth_codes import Claim, Codes, same_client, same_redirect_uri
from .oauth_grants import Code, Grants
from .oauth_params import Params
from .oauth_pkce import Pkce, answers, proves, s256, s256_challenge
from .oauth_switch import both, codes, fault, pkce


def _nothing_missing(rules: Pkce, challenge: str | None, verifier: str | None) -> bool:
    return verifier is None or answers(rules, challenge, verifier)


def _empty_is_fine(rules: Pkce, challenge: str | None, verifier: str | None) -> bool:
    return verifier == "" or answers(rules, challenge, verifier)


def _first_of_all(params: Params) -> str | None:
    return next((value for name, value in params.pairs if name == "code_verifier"), None)


def _challenge_forgotten(rules: Pkce, challenge: str | None, verifier: str | None) -> bool:
    return challenge is None or answers(rules, challenge, verifier)


def _begins_right(challenge: str, verifier: str) -> bool:
    """A verifier is often 43 characters, and there a careless column ends."""
    return proves(challenge, verifier[:43])


def _or_challenge(challenge: str, verifier: str) -> bool:
    return hmac.compare_digest(challenge, verifier) or proves(challenge, verifier)


def _plain_too(params: Params) -> str | None:
    challenge = params.get("code_challenge")
    plain = params.get("code_challenge_method") in (None, "plain")
    return s256(challenge) if challenge is not None and plain else s256_challenge(params)


def _of_any_flow(policy: Codes, grants: Grants, code: Code, claim: Claim) -> bool:
    """The verifier fits some flow of this client."""
    asked = [json.loads(row[0]) for row in grants.db.rows("SELECT asked FROM codes")]
    own = {one["challenge"] for one in asked if one["client"] == code.asked.client}
    return any(policy.pkce.answers(policy.pkce, challenge, claim.verifier) for challenge in own)


FAULTS = (
    fault(
        "pkce-unknown", "oauth.pkce.supported", "10.4.6 RFC9700-2.1.1",
        "Challenges and verifiers are ignored.",
        pkce(required=lambda _client: False, challenge=lambda _params: None, answers=lambda *_: True),
    ),
    fault(
        "pkce-optional-public", "oauth.pkce.required-public", "10.4.6 RFC9700-2.1.1-public CWE-345",
        "Public clients may leave PKCE out.", pkce(required=lambda client: client.confidential),
    ),
    fault(
        "pkce-optional-confidential", "oauth.pkce.required-confidential", "10.4.6 RFC9700-2.1.1-confidential CWE-345",
        "Confidential clients may leave PKCE out.", pkce(required=lambda client: not client.confidential),
    ),
    fault(
        "verifier-not-compared", "oauth.pkce.wrong-verifier", "RFC7636-4.6 CWE-345",
        "Any well-formed verifier passes.", pkce(proves=lambda _challenge, _verifier: True),
    ),
    fault(
        "verifier-prefix", "oauth.pkce.verifier-mutation", "RFC7636-4.6 CWE-697",
        "Only the first 43 characters of a verifier count.", pkce(proves=_begins_right),
    ),
    fault(
        "verifier-optional", "oauth.pkce.missing-verifier", "RFC9700-4.8.2 RFC7636-4.6 CWE-345",
        "A verifier is compared only if there is one.", pkce(answers=_nothing_missing),
    ),
    fault(
        "verifier-empty", "oauth.pkce.empty-verifier", "RFC6749-3.2 CWE-20",
        "An empty verifier passes.", pkce(verifier=_first_of_all, answers=_empty_is_fine),
    ),
    fault(
        "pkce-downgrade", "oauth.pkce.downgrade", "RFC9700-4.8.2 CWE-757",
        "Confidential clients may leave the challenge out, and a verifier without one passes.",
        pkce(required=lambda client: not client.confidential, answers=_challenge_forgotten),
    ),
    fault(
        "challenge-as-verifier", "oauth.pkce.s256-not-plain", "RFC7636-4.6 CWE-757",
        "The challenge itself passes for the verifier.", pkce(proves=_or_challenge),
    ),
    fault(
        "pkce-plain", "oauth.pkce.plain-off", "10.4.6 RFC9700-2.1.1-s256 RFC7636-7.2 CWE-757",
        "The method plain is accepted, also where none is named.", pkce(challenge=_plain_too),
    ),
    fault(
        "verifier-any-form", "oauth.pkce.verifier-grammar", "RFC7636-4.1 CWE-331",
        "A verifier may be short, long, or made of anything.", pkce(formed=lambda _verifier: True),
    ),
    fault(
        "verifier-of-any-flow", "oauth.pkce.cross-flow", "RFC9700-2.1.1-transaction CWE-345",
        "The verifier of any flow of the client passes.",
        both(codes(proofs=(same_client, same_redirect_uri, _of_any_flow))),
    ),
)  # fmt: skip
"""Primary killers are rows of group E of the catalogue's OAuth part."""
