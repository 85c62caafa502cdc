"""What a logout must bring about besides the end of its session, and what it must leave alone."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.logout.replay-later",
    needs=[Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "WSTG-SESS-06", "CWE-613"],
    exclusive=True,
    logins=2,
)
async def ended_session_stays_dead_at_the_next_login(target: Target) -> None:
    """A session that was logged out does not come back when its user logs in again.

    A copy taken once would come back to life with each login of its owner, for months.

    Remedy: Delete the session's record at logout instead of marking the user as signed out.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen()
    await target.expect_accepted(thief)
    await target.expect_logged_out(alice)
    if (await thief.whoami()).accepted:
        target.not_applicable("logout does not end the session: session.logout.replay speaks of that")
    await target.own_login("alice")
    await target.expect_refused(thief, everywhere=True)


@check(
    "session.logout.clears-cookie",
    needs=[Capability.COOKIE, Capability.LOGOUT],
    sources=["NIST-SP800-63B-4-5.1-f", "CSS-session-management", "CWE-613"],
)
async def logout_removes_the_cookie(target: Target) -> None:
    """After a logout the browser no longer holds the session cookie.

    What stays in the browser is found by the next user of the computer, and is live again where the server's end of
    the session fails.

    Remedy: Delete the session cookie in the answer to the logout, with the attributes with which it was set.
    """
    tour = await target.tour()
    held = {name for name, _ in target.browser_after(tour.inside).as_pairs()}
    left = dict(target.browser_after(tour.inside + tour.ending).as_pairs())
    kept = [name for name, value in tour.secrets if name in held and left.get(name) == value]
    if kept:
        target.violation("the browser holds no session cookie", f"it keeps {', '.join(kept)}", tour.ending)


@check(
    "session.logout.scope",
    needs=[Capability.LOGOUT, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.4.1", "WSTG-SESS-06", "CWE-613"],
    logins=2,
)
async def logout_leaves_other_users_alone(target: Target) -> None:
    """A logout ends nobody else's session.

    If logging out ends more than one's own session, any user can lock out all.

    Remedy: Delete exactly the session that asked.
    """
    alice, bob = await target.own_login("alice"), await target.own_login("bob")
    await target.expect_accepted(bob)
    await target.expect_logged_out(alice)
    judged = await bob.whoami()
    if judged.refused:
        target.violation("bob's session outlives alice's logout", str(judged))
    await target.expect_accepted(bob)


@check(
    "session.logout.idempotent",
    needs=[Capability.LOGOUT],
    sources=["WSTG-SESS-06", "ASVS-v5.0.0-16.5.3", "CWE-754"],
)
async def logging_out_twice_harms_nothing(target: Target) -> None:
    """A logout without a live session breaks nothing and signs nobody in.

    A logout that breaks on a second click leaves users unsure whether they are out; one that signs somebody in is a
    way in.

    Remedy: Treat a logout without a session as done.
    """
    alice = await target.own_login("alice")
    ended = alice.stolen("alice, once more after her logout")
    await target.expect_logged_out(alice)
    for party in (ended, target.stranger()):
        await target.expect_harmless_logout(party)
    if not (await ended.whoami()).accepted:
        await target.expect_refused(ended)


@check(
    "session.logout-all.complete",
    needs=[Capability.LOGOUT_ALL],
    sources=["ASVS-v5.0.0-7.4.3", "ASVS-v5.0.0-7.5.2", "CWE-613"],
    exclusive=True,
    logins=3,
)
async def logout_everywhere_reaches_every_session(target: Target) -> None:
    """After a logout everywhere, no session of the user that was alive before is accepted.

    Logging out everywhere is what a user does after a theft. The one session that it misses is the thief's.

    Remedy: Delete the user's sessions by user, or raise a counter that every session must match.
    """
    oldest = (await target.shared_login("alice")).stolen("a thief with alice's oldest session")
    others = [oldest] + [(await target.own_login("alice")).stolen() for _ in range(2)]
    alice = await target.own_login("alice")
    for thief in others:
        await target.expect_accepted(thief)
    await target.log_out_everywhere(alice)
    await target.expect_all_refused(others)


@check(
    "session.logout-all.precise",
    needs=[Capability.LOGOUT_ALL, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.4.1", "ASVS-v5.0.0-7.5.2", "CWE-613"],
    exclusive=True,
    newcomers=True,
    logins=3,
)
async def logout_everywhere_reaches_nothing_else(target: Target) -> None:
    """A logout everywhere spares other users, and sessions that begin after it.

    A cut-off in whole seconds ends the session with which the user comes right back.

    Remedy: Delete the sessions that exist, or number them; do not compare times of a second's grain.
    """
    await target.at_a_new_second(later=3)
    other, user = await target.somebody_else(), await target.somebody()
    await target.expect_accepted(other)
    await target.at_a_new_second()
    await target.log_out_everywhere(user)
    back = await target.comes_back(user)
    await target.at_a_new_second(later=3)
    await target.expect_accepted(await target.second_login(user), "a login in the next second")
    for party in (other, back):
        if party is None or (await party.whoami()).refused:
            whose = "another user's session" if party is other else "the session that begins right after"
            target.violation(f"{whose} goes on", "it ended with the others")
