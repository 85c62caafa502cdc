"""Refresh tokens expire: unused, and however busy."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import past_refresh_idle, past_refresh_lifetime


@check(
    "refresh.idle-expiry",
    needs=[Capability.REFRESH],
    sources=["RFC9700-4.14.2-idle", "OAUTH21-4.3.3-idle", "CWE-613"],
    waits=past_refresh_idle,
)
async def unused_refresh_token_expires(target: Target) -> None:
    """A refresh token that nobody used for the declared idle time is refused.

    A token forgotten on an old device or in a backup stays a key to the account as long as nothing ends it.

    Remedy: store when a token was issued, and refuse it past the limit; each refresh issues another, which counts anew.
    """
    idle = target.policy.refresh_idle or target.not_applicable("declare policy.refresh_idle: no idle limit is known")
    alice = await target.refreshed(await target.own_login("alice"))
    await target.clock.until(target.clock.now() + past_refresh_idle(target.system))
    await target.expect_no_renewal(alice, f"after {idle:.0f} s without a refresh")


@check(
    "refresh.absolute-expiry",
    needs=[Capability.REFRESH],
    sources=["ASVS-v5.0.0-10.4.8", "ASVS-v5.0.0-7.3.2", "CWE-613"],
    waits=past_refresh_lifetime,
    requests=65,
)
async def refreshing_does_not_last_forever(target: Target) -> None:
    """A chain of refreshes ends at the declared greatest age, however busy it was.

    Where each refresh starts the count again, a thief who refreshes often enough stays for ever.

    Remedy: let every successor inherit the moment of authentication, and refuse past the limit from there.
    """
    life = target.policy.refresh_lifetime or target.not_applicable(
        "declare policy.refresh_lifetime: the greatest age of a refresh token is not known"
    )
    alice = await target.own_login("alice")
    end = alice.issued_at + past_refresh_lifetime(target.system)
    last = await target.keep_refreshing(alice, alice.issued_at + life)
    await target.clock.until(end)
    await target.expect_no_renewal(last, f"{life:.0f} s after the login")
