"""How many sessions a user may have at a time, and where a session has ended."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.crowds import sessions_to_reach, sessions_to_rush
from conformance.target.facade import Target


@check(
    "session.limit.policy",
    sources=["ASVS-v5.0.0-7.1.2", "WSTG-SESS-11", "CWE-770"],
    exclusive=True,
    newcomers=True,
    logins=sessions_to_reach,
    requests=lambda system: 2 * sessions_to_reach(system),
)
async def declared_number_of_sessions_holds(target: Target) -> None:
    """No more sessions of a user live at once than declared: a further login is refused, or ends another session.

    A limit that is announced and not kept lets a thief's session live unnoticed among the others.

    Remedy: count and insert in one transaction at the login, and end the oldest sessions beyond the limit.
    """
    most, user = target.most_sessions, await target.somebody()
    sessions = [user, *await target.more_logins(user, most - 1)]
    await target.expect_at_most(most, sessions)
    for _ in range(2):
        sessions += await target.more_logins(user, 1)
        alive = await target.expect_at_most(most, sessions)
    target.note = f"{alive} of {len(sessions)} sessions live; {most} are declared"


@check(
    "session.limit.race",
    sources=["ASVS-v5.0.0-7.1.2", "ASVS-v5.0.0-15.4.2", "CWE-367"],
    exclusive=True,
    newcomers=True,
    logins=sessions_to_rush,
    requests=lambda system: 4 * sessions_to_reach(system),
)
async def rush_of_logins_keeps_the_limit(target: Target) -> None:
    """Logins that arrive together leave no more sessions alive than declared.

    Where each login counts first and inserts later, all of a rush count the same number.

    Remedy: count and insert in one transaction, or let a constraint of the database count.
    """
    most, user = target.most_sessions, await target.somebody()
    sessions = [user, *await target.more_logins(user, most - 1)]
    for _ in target.rounds(target.runners):
        sessions += await target.rush_of_logins(user)
        await target.expect_at_most(most, sessions)


@check(
    "session.logout.replica",
    needs=[Capability.LOGOUT, Capability.SECOND_REPLICA],
    sources=["ASVS-v5.0.0-7.4.1", "PICKPROOF-S7", "CWE-613"],
    logins=2,
)
async def session_dies_on_every_replica(target: Target) -> None:
    """A session that was logged out at one replica is refused by the others at once.

    Sessions that each process keeps or caches for itself are logged out in one of them; the load balancer sends the
    thief to another. How much later the others hear of it is measured.

    Remedy: keep sessions where all replicas read them, and cache none of them past a logout.
    """
    target.need_session("token.revoke.logout-replica")
    for replica in target.replicas:
        alice = await target.own_login("alice")
        thief, here = target.at(replica, alice), alice.stolen()
        await target.expect_accepted(thief)
        await target.expect_logged_out(alice)
        if await target.survives(here):
            target.not_applicable("logout does not end the session where it is asked for: session.logout.replay judges")
        await target.expect_dead_at(replica, thief)
