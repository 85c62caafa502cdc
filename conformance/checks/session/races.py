"""Sessions while requests overlap: whatever the order, what has ended is over, and nobody becomes somebody else."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.crowds import QUESTIONS
from conformance.target.facade import Target


@check(
    "session.race.logout-inflight",
    needs=[Capability.LOGOUT, Capability.GATE],
    sources=["ASVS-v5.0.0-7.4.1", "CWE-362", "CWE-613"],
    logins=2,
    requests=18,
)
async def request_in_flight_does_not_revive_the_session(target: Target) -> None:
    """A request that was under way while its session was logged out does not bring the session back.

    Many frameworks load the session when a request begins and write it when it ends. The late write puts back what
    the logout deleted. The target holds the request, so that the order is forced and not hoped for.

    Remedy: write sessions with an update that does nothing where the record is gone; never insert at the end of a
    request.
    """
    await target.need_true_logout()
    alice = await target.own_login("alice")
    thief = alice.stolen()
    await target.expect_accepted(thief)
    async with target.in_flight(alice.stolen("a request of alice's")):
        await target.log_out(alice)
    await target.expect_over(thief, "the logout, though a request from before it ended later,")


@check(
    "session.race.setcookie-after-logout",
    needs=[Capability.COOKIE, Capability.LOGOUT, Capability.GATE],
    sources=["ASVS-v5.0.0-7.4.1", "RFC6265bis-4.1.1-g", "CWE-362", "CWE-613"],
    logins=2,
    requests=18,
)
async def late_cookie_does_not_log_the_browser_in_again(target: Target) -> None:
    """An answer that arrives after the logout does not plant a session in the browser again.

    Servers that renew the cookie with each answer may do so in the answer to a request from before the logout. The
    user sees the page of the logout, and the browser is signed in.

    Remedy: set the cookie only where the session's record was there to be updated at the end of the request.
    """
    await target.need_true_logout()
    alice = await target.own_login("alice")
    tab = target.another_tab(alice)
    await target.expect_accepted(tab)
    async with target.in_flight(tab):
        await target.log_out(alice)
    await target.expect_over(tab, "the logout")


@check(
    "session.race.logout-storm",
    needs=[Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "CWE-362", "CWE-613"],
    logins=5,
    requests=190,
)
async def busy_session_ends_at_logout(target: Target) -> None:
    """A session that others use without a pause ends at the logout: no request that sets out after it is accepted.

    Only requests that were sent after the logout's answer had arrived count; those that overlap it may go either way.

    Remedy: delete the record at logout whatever else goes on, and let no request write back what it read before.
    """
    target.need_session("token.revoke.logout")
    await target.need_true_logout()
    for _ in target.rounds(target.runners):
        alice = await target.own_login("alice")
        thieves = [alice.stolen() for _ in range(target.runners - 1)]
        await target.expect_accepted(thieves[0])
        shown = await target.log_out_amid(alice, thieves)
        await target.expect_all_over(thieves, "the logout", shown)


@check(
    "session.race.double-login",
    needs=[Capability.COOKIE, Capability.PRE_LOGIN_SESSION, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.2.4", "CWE-362", "CWE-384"],
    logins=9,
)
async def two_logins_over_one_visit_stay_apart(target: Target) -> None:
    """Two users who log in at the same moment with the same session from before the login do not become each other.

    Whoever plants a visitor's cookie and logs in when the victim does must not end up in the victim's account, nor
    the victim in his. That one of the two logins fails is fine.

    Remedy: carry who logged in from the check of the password to the new session in the request itself, never in the
    session that both requests share.
    """
    await target.need_new_id(await target.visitor())
    for _ in target.rounds(2):
        target.need_some(await target.logins_against_each_other(await target.visitor(), "alice", "bob"))


@check(
    "session.race.pwchange",
    needs=[Capability.CHANGE_PASSWORD],
    sources=["ASVS-v5.0.0-7.4.3", "CWE-367", "CWE-613"],
    exclusive=True,
    logins=25,
)
async def login_beside_a_new_password_does_not_outlive_it(target: Target) -> None:
    """A login with the old password that is under way while the password changes leaves no session behind.

    The change ends the sessions that it sees. A login that had its password checked before and gets its session after
    is not among them, and whoever knew the old password stays in. No order of the two explains that: first the login,
    and the change ends it; first the change, and the login fails.

    Remedy: issue the session in the transaction that finds the account as it was when its password was checked.
    """
    target.need_session("token.revoke.password")
    user = await target.need_effective_change(await target.somebody_with_a_password())
    for _ in target.rounds(target.window):
        user = await target.password_against_logins(user)


@check(
    "session.mixup.load",
    needs=[Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.2.1", "ASVS-v5.0.0-15.4.1", "CWE-488"],
    logins=4,
    load=True,
    requests=320,
)
async def busy_server_confuses_nobody(target: Target) -> None:
    """Under many requests of several users at once, each answer names the user who asked.

    A current user in a global variable, a cache without the user in its key or a connection that remembers whom it
    served last shows only when requests overlap.

    Remedy: keep who asks in the request, and whatever is shared free of it.
    """
    crowd = await target.crowd()
    for _ in target.rounds(len(crowd) * QUESTIONS):
        await target.expect_own_names(crowd)


@check(
    "session.race.lost-update",
    needs=[Capability.MUTATE, Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-15.4.1", "ASVS-v5.0.0-7.2.1", "WSTG-SESS-08", "CWE-362", "CWE-488"],
)
async def simultaneous_changes_reach_their_own_user(target: Target) -> None:
    """Changes of two users that arrive together each land with the user who sent them.

    A current user in a global variable is right until two requests overlap; then one user's words stand in the other's
    account.

    Remedy: take the user from the request's own session at the moment of writing, never from what requests share.
    """
    await target.expect_own_writes(await target.shared_login("bob"))
