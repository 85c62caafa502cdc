"""Unused sessions end, used ones go on, and what has ended stays so."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import (
    absolute_limit,
    idle_limit,
    one_and_a_half_idle,
    past_every_limit,
    past_idle,
)


@check(
    "session.timeout.idle",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.3.1", "NIST-SP800-63B-4-5.2", "WSTG-SESS-07", "NIST-SP800-63B-4-5.2-b", "CWE-613"],
    waits=past_idle,
)
async def unused_session_ends(target: Target) -> None:
    """A session that nobody used for the idle time is refused.

    A browser left open on a shared computer is somebody else's session for as long as nothing ends it.

    Remedy: Store the time of last use with the session, on the server, and refuse it past the limit.
    """
    alice = await target.own_login("alice")
    await target.expect_accepted(alice)
    await target.clock.until(target.clock.now() + past_idle(target.system))
    await target.expect_refused(alice.stolen(f"alice, after {idle_limit(target.system):.0f} s without a request"))


@check(
    "session.timeout.slide",
    needs=[Capability.COOKIE],
    sources=["NIST-SP800-63B-4-5.2-c", "CSS-session-management", "CWE-613"],
    waits=one_and_a_half_idle,
)
async def use_extends_the_session(target: Target) -> None:
    """A session that is used goes on: the idle time begins again with every use.

    A limit that ends sessions in use teaches users to ask for longer limits, or to stay logged in for ever.

    Remedy: Update the time of last use at each accepted request, in the second half of the idle time at the latest.
    """
    idle = idle_limit(target.system)
    if absolute_limit(target.system) <= 1.6 * idle:
        target.not_applicable("the absolute limit comes before use could extend anything")
    alice = await target.own_login("alice")
    for _ in range(2):
        used = target.clock.now()
        await target.clock.until(used + 0.75 * idle)
        judged = await alice.whoami()
        if judged.refused:
            await target.system.control(judged.exchange.sent_at)
            age = target.clock.now() - alice.issued_at
            target.violation("a session used every 0.75 of the idle time goes on", f"{judged} {age:.0f} s after login")


@check(
    "session.timeout.server-side",
    needs=[Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-7.3.1",
        "ASVS-v5.0.0-7.3.2",
        "NIST-SP800-63B-4-5.1.1-4",
        "WSTG-SESS-07",
        "RFC6265bis-4.1.2.1",
        "CWE-602",
    ],
    waits=past_every_limit,
)
async def the_server_ends_the_session(target: Target) -> None:
    """A copy of the cookie is refused past every limit, whatever the client was told to forget.

    Max-Age asks the browser to drop the cookie. A thief's client does not.

    Remedy: Enforce both limits on the server; the cookie's attributes only keep browsers tidy.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen()
    await target.expect_accepted(thief)
    await target.clock.until(target.clock.now() + past_every_limit(target.system))
    await target.expect_refused(thief)


@check(
    "session.timeout.no-revival",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.4.1", "ASVS-v5.0.0-7.3.1", "CWE-613"],
    waits=past_idle,
    logins=2,
)
async def expired_session_stays_dead(target: Target) -> None:
    """An expired session does not come back when its user logs in again.

    An old copy, from a backup or a lost device, would become valid whenever its owner logs in.

    Remedy: Delete expired sessions, and never touch another session at login than the one that is issued.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen()
    await target.expect_accepted(thief)
    await target.clock.until(target.clock.now() + past_idle(target.system))
    await target.own_login("alice")
    await target.expect_refused(thief)
