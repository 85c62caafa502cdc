"""What an administrator does to the sessions of others."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.admin.terminate",
    needs=[Capability.ADMIN],
    sources=["ASVS-v5.0.0-7.4.5", "CWE-613"],
    exclusive=True,
    logins=4,
    requests=16,
)
async def administrator_ends_every_session_of_a_user(target: Target) -> None:
    """When an administrator ends a user's sessions, none of them is accepted any more.

    It is the only answer to a stolen session whose owner cannot be reached.

    Remedy: delete the user's sessions by user, or raise a counter that every session must match.
    """
    target.need_admin("end-sessions")
    user = await target.somebody()
    thieves = [party.stolen() for party in (user, await target.second_login(user))]
    for thief in thieves:
        await target.expect_accepted(thief)
    await target.administer("end-sessions", user)
    for thief in thieves:
        await target.expect_over(thief, "the administrator's act")


@check(
    "session.disable.kills",
    needs=[Capability.ADMIN, Capability.REGISTER],
    sources=["ASVS-v5.0.0-7.4.2", "CWE-613"],
    logins=5,
    requests=22,
)
async def session_dies_when_its_account_is_disabled(target: Target) -> None:
    """The sessions of a disabled account are refused, and stay dead when it is enabled again.

    An account is disabled because somebody else is in it, or because its owner has left. A login that fails from then
    on is half of it: whoever is logged in must be out.

    Remedy: end the sessions in the step that disables the account; a flag that is looked up at each request alone
    lets them come back with it.
    """
    target.need_session("token.revoke.deactivate")
    target.need_admin("disable")
    user = await target.newcomer()
    thief = user.stolen()
    await target.expect_accepted(thief)
    await target.administer("disable", user)
    await target.expect_no_login(user, "disabled")
    await target.expect_over(thief, "the disabling")
    if await target.enabled_again(user):
        await target.expect_over(thief, "the disabling, though the account is enabled again,")
