"""Logging out at the server (OpenID Connect)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

END_SESSION = [Capability.AUTHORIZE, Capability.END_SESSION]


@check(
    "oauth.logout.prompt-none",
    needs=[Capability.AUTHORIZE, Capability.OPENID, Capability.LOGOUT],
    sources=["OIDC-CORE-3.1.2.6", "OIDC-CORE-3.1.2.1", "CWE-613"],
)
async def silent_login_ends_with_logout(target: Target) -> None:
    """After logout a request with `prompt=none` gets `login_required`, and no code.

    Clients ask silently in the background; a server that still answers has not logged anybody out.

    Remedy: end the session at the server, and look it up for silent requests as for any other.
    """
    alice, client = await target.own_login("alice"), target.client()
    await target.expect_silent_answer(alice, client)
    await alice.logout()
    response = await target.authorize(alice, client, prompt="none")
    target.demand_no_code(response, "no code for prompt=none after logout")
    if response.error != "login_required":
        target.violation("error=login_required", str(response))


@check(
    "oauth.logout.csrf",
    needs=END_SESSION,
    sources=["OIDC-LOGOUT-2", "OIDC-LOGOUT-4", "CWE-352"],
    logins=3,
)
async def logout_by_another_site_asks_the_user(target: Target) -> None:
    """A logout request without an ID token of the session ends nothing before the user agrees.

    Any page can send its visitors to the logout. One that asks nobody can log users out over and over, or out of their
    account and into the attacker's.

    Remedy: verify `id_token_hint`, compare its subject with who is signed in, and ask the user otherwise.
    """
    alice = await target.own_login("alice")
    bob = await target.own_login("bob") if target.has(Capability.SECOND_ACCOUNT) else None
    await target.expect_signed_in(alice)
    for lure in target.lures(alice, bob):
        await target.expect_asked(alice, lure)
    await target.sign_out(alice)


@check(
    "oauth.logout.post-redirect-exact",
    needs=END_SESSION,
    sources=["OIDC-LOGOUT-3", "CWE-601"],
    logins=7,
)
async def browser_goes_nowhere_else_after_logout(target: Target) -> None:
    """After a logout the browser is sent to a registered `post_logout_redirect_uri`, compared exactly, or nowhere.

    A logout that sends on to any address is an open redirector under the name that everybody logs in at: the next page
    looks like the login, and is the attacker's.

    Remedy: compare the whole address with the client's registered ones, and send nobody on without a verified ID token.
    """
    client = target.leaving_client()
    for there in target.destinations(client):
        response = await target.leave(client, there.uri, hinted=there.hinted, told=f"with {there.what}")
        target.demand_not_sent_to(response, there)
    await target.expect_sent_back(client)


@check(
    "oauth.logout.access-policy",
    needs=[Capability.AUTHORIZE, Capability.LOGOUT],
    sources=["PICKPROOF-T5", "CWE-613"],
    logins=2,
)
async def access_token_after_logout_keeps_to_what_is_declared(target: Target) -> None:
    """After logout at the server an access token is refused where that is declared, and else lives to its expiry.

    What the user believes to have ended goes on at the API. How long, the description should say; that a refresh token
    renews it all the same is told as well.

    Remedy: let the API ask whether the grant lives, or keep access tokens short and end refresh tokens with the
    session.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice)
    await target.expect_accepted(party)
    await target.sign_out(alice)
    await target.expect_as_declared(party)


@check(
    "oauth.logout.other-client-kept",
    needs=[
        Capability.AUTHORIZE,
        Capability.LOGOUT,
        Capability.REVOKE,
        Capability.SECOND_CLIENT,
        Capability.SECOND_ACCOUNT,
    ],
    sources=["RFC7009-2", "RFC7009-2.1", "CWE-613", "CWE-645"],
    logins=2,
)
async def logout_at_one_client_leaves_others_as_they_are(target: Target) -> None:
    """A logout at one client brings no revoked token of another client back, and ends no other user's.

    Servers that write back all of a user's grants when a session ends undo what the user withdrew; those that end what
    shares a client let one user log everybody out.

    Remedy: end what was granted in this session, row by row, and touch nothing else.
    """
    alice, bob = await target.own_login("alice"), await target.own_login("bob")
    other = target.other_client(target.client_of(alice))
    dead, kept = await target.dead_at(alice, other), await target.granted(bob, other)
    await target.expect_accepted(kept)
    await target.sign_out(alice)
    await target.expect_not_resurrected(dead, "a logout at another client")
    await target.expect_kept(kept, "another user's logout at another client")


@check(
    "oauth.race.code-vs-logout",
    needs=[Capability.AUTHORIZE, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "ASVS-v5.0.0-15.4.2", "CWE-362"],
    logins=8,
    requests=50,
)
async def redemption_under_way_does_not_survive_logout(target: Target) -> None:
    """When a code is redeemed while its user logs out, no live token is left, since one is left in neither order.

    A token born during the logout belongs to a session that its user believes to have ended, and that nobody sees.

    Remedy: let the token name its grant, end the grant by its own row, and never write that row back.
    """
    await target.need_both_orders_to_end()
    decided = await target.redeem_while_logging_out()
    if not decided:
        target.inconclusive("no logout that a redemption overlapped was answered with success")
    target.note = f"{decided} rounds, nothing left in any; a pass is not a proof"
