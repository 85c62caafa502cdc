"""Sessions that are promised to belong to one browser or one address."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

COOKIE = [Capability.COOKIE]


@check(
    "hijack.bind.ua",
    needs=COOKIE,
    sources=["ASVS-v5.0.0-8.2.4", "CSS-session-management", "CWE-290"],
    logins=2,
)
async def session_stays_with_its_browser(target: Target) -> None:
    """A session that is declared to be bound to the User-Agent is refused to a client that names another one.

    A promise that nobody keeps is worse than none: whoever relies on it leaves out what would have helped. The name can
    be forged, so that this stops the careless thief alone.

    Remedy: store the name with the session, and compare it at every request, not only at login.
    """
    target.need_binding("user-agent")
    alice = await target.own_login("alice")
    await target.expect_accepted(alice.stolen("a thief who names the same browser"))
    await target.expect_refused(target.with_another_browser(alice))


@check(
    "hijack.bind.ip",
    needs=COOKIE,
    sources=["ASVS-v5.0.0-8.2.4", "CSS-session-management", "CWE-290"],
    logins=2,
)
async def session_stays_at_its_address(target: Target) -> None:
    """A session that is declared to be bound to the client's address is refused from another one.

    A promise that nobody keeps is worse than none: whoever relies on it leaves out what would have helped.

    Remedy: store the address of the connection with the session, and compare it at every request, not only at login.
    """
    target.need_binding("address")
    alice = await target.own_login("alice")
    await target.expect_accepted(alice.stolen("a thief at the same address"))
    await target.expect_refused(target.from_another_address(alice))
