"""What a token opens, and what opens without one."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "bearer.cross-user",
    needs=[Capability.TOKEN, Capability.SECOND_ACCOUNT, Capability.MUTATE],
    sources=["ASVS-v5.0.0-8.2.2", "CWE-639"],
)
async def token_never_reads_another_users_data(target: Target) -> None:
    """What alice wrote with her token, bob does not read with his.

    A server that takes the owner from a parameter, or that shares a cache between users, shows one customer another
    one's data while every token is verified well.

    Remedy: take the owner of the data from the token's subject at each access, never from a parameter or a cache.
    """
    bob = await target.shared_login("bob")
    async with target.state_of_alice() as (_alice, secret):
        seen = await target.state_seen_by(bob)
        if seen and secret in seen:
            target.violation("bob does not see what alice wrote", "he reads her value")
        await target.expect_accepted(bob)


@check(
    "bearer.method-parity",
    needs=[Capability.TOKEN, Capability.PROTECTED],
    sources=["RFC6750-3.1", "CWE-650", "CWE-288"],
)
async def no_method_skips_the_token(target: Target) -> None:
    """Another method, a method override or another spelling of the path opens no protected route without a token.

    Access control that lists methods and paths forgets one; the router behind it does not.

    Remedy: refuse by default, for the whole application, and open single routes; never list what is closed.
    """
    for route, oracle, detour in target.detours:
        await target.expect_no_detour(route, oracle, detour)
    await target.expect_accepted(await target.shared_login("alice"))
