"""What a browser may still show of a session that has ended."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.logout.back-button",
    needs=[Capability.COOKIE, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-14.3.1", "WSTG-ATHN-06", "CSS-session-management", "CWE-525"],
)
async def pages_go_with_the_session(target: Target) -> None:
    """After logout the browser has no page of the user that it may show without asking.

    At a shared computer the next person presses the back button, or opens the address, and reads the account of whoever
    was there before.

    Remedy: Send Cache-Control: no-store with every answer to a user, and Clear-Site-Data: "cache" with the logout.
    """
    await target.expect_not_shown_again(await target.tour())
