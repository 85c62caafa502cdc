"""A forgotten password: what the question gives away, what the answer ends, and how often it works."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.pwchange.reset",
    needs=[Capability.RESET_PASSWORD],
    sources=["ASVS-v5.0.0-7.4.3", "WSTG-ATHN-09", "CWE-613"],
    exclusive=True,
    logins=5,
    requests=20,
)
async def recovered_password_ends_the_sessions(target: Target) -> None:
    """A password that was set by recovery ends the sessions from before it, or offers to, and the offer is true.

    Whoever lost an account to somebody else recovers it: that is what recovery is for. If the other one's session
    lives on, the owner has the password, and the thief still has the account.

    Remedy: end all sessions of the account in the step that stores the new password, or show a choice to do so. Where
    a separate `logout_all` is that choice, declare policy.password_change_ends = "offered".
    """
    user = await target.somebody_with_a_password()
    thief = (await target.second_login(user)).stolen("a thief with a session from before")
    await target.expect_accepted(thief)
    async with target.recovered(user) as owner:
        await target.take_offer(owner)
        await target.expect_over(thief, "the recovery of the password", target.declared_lasting)


@check(
    "session.issue.puzzling",
    needs=[Capability.RESET_PASSWORD, Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["WSTG-SESS-08", "ASVS-v5.0.0-7.2.1", "CWE-841"],
    logins=2,
)
async def asking_for_a_password_signs_nobody_in(target: Target) -> None:
    """Who says whose password was forgotten does not become that user by it, whether signed in before or not.

    The page that asks for the name keeps it in the session, under the word by which other pages know who is signed in.
    Then a name is all that it takes: ask for a password, and open the victim's account.

    Remedy: keep what a recovery is about in its own record, or under a word that nothing else reads.
    """
    alice = await target.shared_login("alice")
    await target.expect_no_way_in(target.stranger(), alice)
    await target.expect_no_way_in(await target.own_login("bob"), alice)
    await target.expect_accepted(alice)


@check(
    "token.jti.replay",
    needs=[Capability.RESET_PASSWORD],
    sources=["ASVS-v5.0.0-6.4.3", "WSTG-ATHN-09", "CWE-294"],
    exclusive=True,
    logins=6,
    requests=16,
)
async def recovery_link_works_once(target: Target) -> None:
    """What was sent for a forgotten password sets a new one once; whoever finds it later sets none.

    The link stays in the mailbox, in the browser's history and in logs. If it goes on working, each of these is a key
    to the account, whatever its password is by then.

    Remedy: delete the link's record in the statement that finds it, or bind the link to the password that it replaces.
    """
    await target.expect_link_used_up(await target.somebody_with_a_password())
