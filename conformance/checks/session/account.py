"""What a user does to the own account: a new password, a sensitive change, its deletion."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.limits import past_fresh_login


@check(
    "session.pwchange.others",
    needs=[Capability.CHANGE_PASSWORD],
    sources=["ASVS-v5.0.0-7.4.3", "CWE-613"],
    exclusive=True,
    logins=4,
)
async def new_password_ends_the_other_sessions(target: Target) -> None:
    """A password change ends the user's other sessions, or offers to, and the offer is true.

    Changing the password is what people do when they fear that somebody has it. Whoever logged in with the old one
    must not stay, while the user believes that the door is shut.

    Remedy: end the user's other sessions in the step that stores the new password, or show a choice to do so.
    Where a separate `logout_all` is that choice, declare policy.password_change_ends = "offered".
    """
    target.need_session("token.revoke.password")
    user = await target.somebody_with_a_password()
    thief = (await target.second_login(user)).stolen("a thief with a session from before")
    await target.expect_accepted(thief)
    await target.change_password(user)
    await target.take_offer(user)
    await target.expect_over(thief, "the password change", target.declared_lasting)


@check(
    "session.pwchange.needs-current",
    needs=[Capability.CHANGE_PASSWORD],
    sources=["ASVS-v5.0.0-6.2.3", "ASVS-v5.0.0-7.5.1", "WSTG-ATHN-09", "CWE-620"],
    exclusive=True,
    logins=10,
)
async def new_password_needs_the_current_one(target: Target) -> None:
    """The password cannot be changed by somebody who has a session and does not know the current password.

    With that, a session stolen for a minute becomes the account for good. Tried are a wrong password, none, an empty
    one and another user's; what counts is whether the new one then logs in.

    Remedy: ask for the current password in the same request, and verify it as a login does, throttled like one.
    """
    user = await target.somebody_with_a_password()
    for attempt in target.unproven_password_changes(user):
        await target.expect_password_kept(user, attempt)
    await target.change_password(user)


@check(
    "session.sensitive.reauth",
    needs=[Capability.SENSITIVE],
    sources=["ASVS-v5.0.0-7.5.1", "CWE-306"],
    exclusive=True,
    waits=past_fresh_login,
    logins=2,
)
async def sensitive_change_needs_the_password(target: Target) -> None:
    """What recovers an account or proves its user changes only for somebody who proves the password again.

    Whoever changes the address of a stolen session's account has the password with the next "forgot password".

    Remedy: ask for the password, or another factor, in the act or a short time before it (declare that time in
    policy.fresh_login).
    """
    user = await target.somebody_with_a_password()
    await target.past_fresh_login(user)
    tried = await target.sensitive_changes_without_proof(user)
    await target.expect_none_taken(user, tried)


@check(
    "session.delete.kills",
    needs=[Capability.REGISTER],
    sources=["ASVS-v5.0.0-7.4.2", "ASVS-v5.0.0-10.3.3", "CWE-613", "CWE-672"],
    logins=6,
    requests=16,
)
async def session_dies_with_its_account(target: Target) -> None:
    """The sessions of a deleted account are refused, and who registers its name later does not inherit them.

    A deleted account that still answers leaves data open that should be gone; a name given anew hands it to a
    stranger.

    Remedy: delete the sessions in the step that deletes the account, and name accounts inside sessions by an
    identifier that is never given again, not by their user name.
    """
    for deleter in target.deleters:
        user = await target.newcomer()
        thief = user.stolen()
        await target.expect_accepted(thief)
        await target.delete_account(user, deleter)
        await target.expect_over(thief, f"the deletion by {deleter}")
        if await target.register_again(user):
            await target.expect_over(thief, "the next registration of the name")
