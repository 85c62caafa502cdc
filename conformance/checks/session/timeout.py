"""Sessions end by themselves."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import absolute_limit, past_absolute


@check(
    "session.timeout.absolute",
    needs=[Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-7.3.2",
        "NIST-SP800-63B-4-5.2",
        "WSTG-SESS-07",
        "NIST-SP800-63B-4-5.2-a",
        "NIST-SP800-63B-4-5.2-b",
        "NIST-SP800-63B-4-5.1-5",
        "CWE-613",
    ],
    waits=past_absolute,
    requests=98,
)
async def busy_session_ends_at_its_absolute_limit(target: Target) -> None:
    """A session in constant use still ends once its absolute lifetime is over.

    A thief who keeps a stolen session busy never meets the idle limit; only an absolute one makes him log in.

    Remedy: store the time of login with the session, on the server, and refuse it past the limit, whatever the use.
    """
    limit = absolute_limit(target.system)
    alice = await target.own_login("alice")
    await target.keep_busy(alice, until=alice.issued_at + limit)
    await target.clock.until(alice.issued_at + past_absolute(target.system))
    await target.expect_refused(alice.stolen(f"alice, {limit:.0f} s after her login"))
