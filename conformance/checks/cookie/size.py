"""How big cookies grow."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "cookie.attr.size",
    needs=[Capability.MUTATE],
    sources=["ASVS-v5.0.0-3.3.5", "CWE-770"],
    requests=8,
)
async def what_users_write_outgrows_no_cookie(target: Target) -> None:
    """A long text that a user writes makes no cookie grow beyond what browsers keep.

    A browser drops a cookie of more than 4096 bytes without a word. Where the session is in it, its user is logged out
    and cannot log in again; where a text of others gets there, they decide whom that happens to.

    Remedy: keep what users write on the server, and refuse to write a cookie that is too big.
    """
    await target.expect_cookies_stay_small()
