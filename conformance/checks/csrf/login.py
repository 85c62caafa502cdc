"""Nobody is logged in by another site."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "csrf.login",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-3.5.1", "CSS-csrf-prevention", "CWE-352"],
    logins=2,
    requests=27,
)
async def nobody_is_logged_in_by_another_site(target: Target) -> None:
    """A page of another site cannot log the victim's browser in, as the attacker.

    The victim goes on in the attacker's account, and leaves there what the attacker wants to read: searches, cards,
    documents.

    Remedy: Protect the login like every other act: by an anti-forgery value of the session before login, or by
    Origin.
    """
    await target.expect_no_forged_login()
