"""Events that end refresh tokens: logout, another password, an account that is disabled or deleted."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "refresh.after-logout",
    needs=[Capability.REFRESH, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "RFC9700-4.14.2-event", "OAUTH21-4.3.3-event", "CWE-613"],
)
async def refresh_token_dies_at_logout(target: Target) -> None:
    """A refresh token copied before logout is refused after it.

    A logout that ends the access token alone ends nothing: the refresh token fetches the next one.

    Remedy: end the family at logout; the client's own copy is not the only one.
    """
    alice = await target.refreshed(await target.own_login("alice"))
    thief = alice.stolen("a thief with alice's refresh token")
    await target.expect_logged_out(alice)
    await target.expect_no_renewal(thief, "after the logout")


@check(
    "refresh.after-password-change",
    needs=[Capability.REFRESH, Capability.CHANGE_PASSWORD],
    sources=["ASVS-v5.0.0-7.4.3", "RFC9700-4.14.2-event", "OAUTH21-4.3.3-event", "CWE-613"],
    exclusive=True,
    logins=4,
)
async def refresh_token_dies_with_the_password(target: Target) -> None:
    """Refresh tokens of other sessions end with a password change, or the user can end them.

    Who changes a password wants a thief out. A refresh token that survives keeps the thief in, for weeks.

    Remedy: end the account's other families when the password changes, or offer to.
    """
    user = await target.somebody_with_a_password()
    elsewhere = await target.login_again(user)
    thief = (await target.refreshed(elsewhere)).stolen("a thief with a refresh token from before")
    await target.change_password(user)
    await target.take_offer(user)
    await target.expect_no_renewal(thief, "after the password change", target.declared_lasting)


@check(
    "refresh.after-user-disabled",
    needs=[Capability.REFRESH, Capability.ADMIN, Capability.REGISTER],
    sources=["ASVS-v5.0.0-7.4.2", "OAUTH21-4.3.1", "CWE-613"],
    logins=6,
)
async def refresh_token_dies_with_the_account(target: Target) -> None:
    """The refresh tokens of an account that is disabled or deleted are dead, and enabling revives none.

    Somebody who was dismissed keeps access on every device for as long as its refresh token is honoured.

    Remedy: end every family of the account when it is disabled or deleted, and look the account up at each refresh.
    """
    for act in target.deactivations:
        user = await target.refreshed(await target.newcomer())
        await target.administer(act, user)
        left = await target.expect_no_renewal(user, f"after the administrator's {act}", nor_signed=True)
        if act == "disable" and target.can_enable:
            await target.administer("enable", user)
            await target.expect_no_renewal(left, "when the account is enabled again")
