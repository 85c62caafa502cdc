"""The list of a user's own sessions: true, harmless, and good for ending them."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import past_fresh_login


@check(
    "session.list.truth",
    needs=[Capability.LIST_SESSIONS],
    sources=["ASVS-v5.0.0-7.5.2", "CWE-200"],
    exclusive=True,
    logins=4,
    requests=22,
)
async def list_shows_the_live_sessions_and_gives_nothing_away(target: Target) -> None:
    """The list shows the user's live sessions and no others, marks the one at hand, and holds nothing that opens one.

    The list is how a user finds an intruder. One that hides a session protects the thief, and one that shows ids
    hands them out.

    Remedy: name sessions in the list by a second random value, or by a number; never by the id or what it is made of.
    """
    user = await target.somebody()
    other, handle = await target.on_another_device(user)
    await target.expect_current(user)
    await target.expect_current(other, handle)
    await target.on_another_device(user)
    await target.expect_listed(handle, user, other)
    await target.expect_no_secret_listed(user, [user, other])
    if target.has(Capability.SECOND_ACCOUNT):
        await target.expect_unlisted(handle, await target.own_login("bob"), "session of another user")
    if target.has(Capability.LOGOUT):
        thief = other.stolen()
        await target.expect_logged_out(other)
        if not await target.survives(thief):
            await target.expect_unlisted(handle, user, "session that has ended")


@check(
    "session.list.revoke",
    needs=[Capability.LIST_SESSIONS, Capability.REVOKE_SESSION],
    sources=["ASVS-v5.0.0-7.5.2", "CWE-613", "CWE-306"],
    exclusive=True,
    waits=past_fresh_login,
    logins=3,
    requests=30,
)
async def revoking_ends_one_session_for_who_proves_the_password(target: Target) -> None:
    """A listed session is ended by who proves the password again; it alone ends.

    A thief who may end sessions locks the owner out, and so keeps the account for as long as the session lives.

    Remedy: delete the one record with this handle and this user, after a factor was asked for (in the act, or a
    short time before it: declare policy.fresh_login).
    """
    user = await target.somebody()
    await target.past_fresh_login(user)
    bystander = await target.second_login(user)
    victim, handle = await target.on_another_device(user)
    thief = user.stolen()
    for attempt in target.unproven_revocations(user):
        await target.expect_not_revoked(victim, thief, handle, attempt)
    await target.revoke(user, handle)
    await target.expect_over(victim, "its revocation")
    for party in (user, bystander):
        await target.expect_kept(party, "the revocation of another session")


@check(
    "session.list.foreign",
    needs=[Capability.LIST_SESSIONS, Capability.REVOKE_SESSION, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.5.2", "ASVS-v5.0.0-8.2.2", "CWE-639"],
    exclusive=True,
    logins=4,
    requests=16,
)
async def nobody_ends_the_sessions_of_others(target: Target) -> None:
    """A user neither sees nor ends another user's sessions, not even knowing their handles.

    An attacker who ends others' sessions locks them out; one who sees them learns where and when they work.

    Remedy: look handles up among the sessions of the user who asks, not among all.
    """
    user, bob = await target.somebody(), await target.own_login("bob")
    victim, handle = await target.on_another_device(user)
    await target.expect_unlisted(handle, bob, "session of another user")
    await target.expect_not_revoked(victim, bob, handle, target.as_foreigner())
    own, spare = await target.on_another_device(bob)
    await target.revoke(bob, spare)
    if await target.survives(own):
        target.inconclusive("the positive control failed: bob cannot revoke his own session either")
