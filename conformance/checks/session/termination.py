"""Ending a session ends it on the server, not only in the browser."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.logout.replay",
    needs=[Capability.LOGOUT],
    sources=[
        "ASVS-v5.0.0-7.4.1",
        "NIST-SP800-63B-4-5.1",
        "WSTG-SESS-06",
        "NIST-SP800-63B-4-5.1-3",
        "PICKPROOF-S3",
        "CWE-613",
    ],
)
async def stolen_session_dies_at_logout(target: Target) -> None:
    """A session copied before logout is refused after it, on every protected route.

    Whoever copied the credential, from a shared computer, a log or a script, keeps the victim's rights for as long as
    the server honours it. Logging out is the one thing that a worried user can do.

    Remedy: delete the session on the server at logout; clearing the cookie only asks the browser to forget it. For
    self-contained tokens keep a list of ended token ids, or a counter for each user that the token must match.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen()
    await target.expect_accepted(thief)
    await target.expect_logged_out(alice)
    await target.expect_refused(thief, everywhere=True)
