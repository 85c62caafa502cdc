"""Nobody is logged out by another site."""

from conformance.attacks.crosssite import FOREIGN, SIMPLE_BODIES, by_method, forgeries
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.logout.get",
    needs=[Capability.LOGOUT, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.3", "WSTG-SESS-05", "RFC9110-9.2.1", "CWE-650", "CWE-352"],
)
async def link_logs_nobody_out(target: Target) -> None:
    """A GET of the logout's address ends no session.

    An image, a link that a mail scanner follows or a page that the browser fetches ahead would log the user out.

    Remedy: Log out by POST with the defence of every other act; answer a GET with a page that asks.
    """
    alice = await target.own_login("alice")
    await target.expect_not_logged_out(alice, by_method("POST"))


@check(
    "session.logout.csrf",
    needs=[Capability.LOGOUT, Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.5.1", "WSTG-SESS-05", "CWE-352"],
    requests=23,
)
async def foreign_form_logs_nobody_out(target: Target) -> None:
    """A form of another site that is sent to the logout ends no session.

    Logged out, the victim logs in again at once: on the page that the attacker shows. The cookie is sent along
    whatever its SameSite is: that some browsers would keep it back does not replace a check by the server.

    Remedy: Demand the anti-forgery value, or the target's own Origin, of the logout too.
    """
    alice = await target.own_login("alice")
    await target.expect_not_logged_out(alice, forgeries([FOREIGN], SIMPLE_BODIES))
