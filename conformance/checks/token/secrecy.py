"""A token's payload is encoded, not encrypted: whoever holds it reads it."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.secrecy.pii",
    needs=[Capability.JWT],
    sources=["PICKPROOF-T7", "ASVS-v5.0.0-14.2.6", "RFC7519-12", "RFC9068-6", "CWE-359"],
)
async def token_carries_no_personal_data(target: Target) -> None:
    """The token's claims, decoded in every way, hold no personal data.

    Tokens lie in browser storage, proxies and logs. An e-mail address, a name or a number in the payload is there for
    every reader, and stays there when the account changes. The account's identifier is not a finding.

    Remedy: keep an opaque subject in the token and look the rest up; where a claim is meant to be there, name it in
    policy.claims_allowed; where readers must not see it, encrypt the token.
    """
    alice = await target.shared_login("alice")
    _, token = target.jwt(alice)
    leaks = target.personal_data_in(token, alice)
    if leaks:
        target.violation("no personal data in the token", f"it holds {'; '.join(leaks)}", alice.history)
