"""Two session cookies in one request."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "cookie.parse.duplicate",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["RFC6265bis-4.2.2", "CSS-session-management", "WSTG-SESS-03", "WSTG-INPV-04", "CWE-694", "CWE-488"],
    logins=2,
    requests=46,
)
async def two_session_cookies_are_one_user_at_most(target: Target) -> None:
    """A request with two session cookies is one of the two users everywhere, or nobody.

    A sibling host can plant a second cookie. If reads take the first and acts the last, the victim looks at one
    account and acts in the other.

    Remedy: Refuse a session cookie that comes twice with different values; at least read it in one place.
    """
    alice, bob = await target.own_login("alice"), await target.own_login("bob")
    for first, second in ((alice, bob), (bob, alice)):
        await target.expect_one_mind(target.with_both(first, second), (alice, bob))
    await target.expect_accepted(alice)
    await target.expect_accepted(bob)
