"""A refresh token in a cookie, which browsers attach by themselves."""

from conformance.attacks.crosssite import FOREIGN, TYPICAL_BODIES, forgeries
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "refresh.cookie.csrf",
    needs=[Capability.REFRESH],
    sources=["ASVS-v5.0.0-3.5.1", "CWE-352"],
    logins=2,
)
async def other_sites_cannot_refresh_or_log_out(target: Target) -> None:
    """A page of another site causes neither a refresh nor a logout by the cookie that holds the refresh token.

    The cookie goes along whoever made the browser send the request. A refresh that another site causes spends the
    token behind the back of the page that holds its session, which is then taken for a thief.

    Remedy: compare Origin, or Sec-Fetch-Site without it, with the own origin, on refresh and on logout.
    """
    await target.need_refresh_cookie()
    alice = await target.own_login("alice")
    for verb in target.cookie_verbs:
        for forgery in forgeries([FOREIGN], TYPICAL_BODIES):
            alice = await target.expect_family_untouched(alice, verb, forgery)
