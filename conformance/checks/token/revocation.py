"""Ending a token before it expires: at logout, with a new password, by an administrator, on every replica."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.revoke.logout",
    needs=[Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "PICKPROOF-T5", "CSS-json-web-token", "CWE-613"],
)
async def token_dies_at_logout(target: Target) -> None:
    """A token copied before logout is refused after it.

    A signed token carries its own proof, so that a server which keeps nothing cannot take it back: the copy works
    until it expires, and the verdict says how long that is. Short tokens make the window small; only a list of ended
    tokens, or a counter for each user, closes it.

    Remedy: remember the jti of ended tokens until their exp, or put a generation counter of the account into the
    token and compare it at each request. Declaring policy.access_revocation = false is honest, and still a failure.
    """
    target.need_token()
    alice = await target.own_login("alice")
    thief = alice.stolen("a thief with alice's token")
    await target.expect_accepted(thief)
    await target.expect_logged_out(alice)
    await target.expect_ended(thief, "the logout", target.declared_stateless)


@check(
    "token.revoke.logout-replica",
    needs=[Capability.LOGOUT, Capability.SECOND_REPLICA],
    sources=["ASVS-v5.0.0-7.4.1", "PICKPROOF-S7", "CWE-613"],
)
async def token_dies_on_every_replica(target: Target) -> None:
    """A token that was ended at one replica is refused by the others at once.

    A list of ended tokens in the memory of one process is no list: the load balancer sends the thief to another. How
    much later the others hear of it is measured.

    Remedy: keep the list where all replicas read it, or send each end to all of them before answering.
    """
    target.need_token()
    for replica in target.replicas:
        alice = await target.own_login("alice")
        thief, here = target.at(replica, alice), alice.stolen()
        await target.expect_accepted(thief)
        await target.expect_logged_out(alice)
        if await target.survives(here):
            target.not_applicable("the token outlives its logout where it was ended, too: token.revoke.logout judges")
        await target.expect_dead_at(replica, thief)


@check(
    "token.revoke.password",
    needs=[Capability.CHANGE_PASSWORD],
    sources=["ASVS-v5.0.0-7.4.3", "CWE-613"],
    exclusive=True,
    logins=3,
)
async def token_dies_with_the_password(target: Target) -> None:
    """Tokens issued before a password change end with it, or the user can end them.

    Changing the password is what people do when they fear that somebody has it. A thief who got a token with the old
    one must not stay.

    Remedy: raise the account's generation counter at a password change, or offer to end all other sessions with it.
    """
    target.need_token()
    user = await target.somebody_with_a_password()
    thief = user.stolen("a thief with a token from before")
    await target.expect_accepted(thief)
    await target.change_password(user)
    await target.take_offer(user)
    await target.expect_ended(thief, "the password change", target.declared_lasting)


@check(
    "token.revoke.isolation",
    needs=[Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1"],
    logins=3,
)
async def logout_ends_one_session_alone(target: Target) -> None:
    """A logout ends its own session: the user's other devices and other users stay signed in.

    The counterpart of every other check of revocation: a server that ends everything passes those by accident, and
    lets anybody with one stolen token sign the user out everywhere. So does one that hands the same token to every
    login of an account: whoever logs out at the library signs the phone out too.

    Remedy: give every login a token of its own, and end the token that asks, by its jti; keep the counter of the
    account for ending all. Declare policy.logout_ends = "all" where that is meant.
    """
    target.need_token()
    first, second = await target.two_logins()
    if not await target.survives(first):
        target.not_applicable("two logins of a user do not live side by side")
    others = [] if target.policy.logout_ends == "all" else [second]
    others += [await target.own_login("bob")] if target.has(Capability.SECOND_ACCOUNT) else []
    if not others:
        target.not_applicable('policy.logout_ends = "all" is declared, and there is no second account')
    await target.expect_logged_out(first)
    for party in others:
        await target.expect_kept(party.stolen(f"{party.label} on another device"), "the logout")


@check(
    "token.revoke.deactivate",
    needs=[Capability.ADMIN, Capability.REGISTER],
    sources=["ASVS-v5.0.0-7.4.2", "CWE-613"],
    logins=4,
)
async def token_dies_with_the_account(target: Target) -> None:
    """The tokens of an account that is disabled or deleted are refused at once.

    Somebody who was dismissed, or an account that was stolen, goes on until the last token has expired.

    Remedy: look the account up at each request, and refuse when it is disabled or gone; a signature only proves who
    it once was.
    """
    target.need_token()
    for act in target.deactivations:
        user = await target.newcomer()
        await target.expect_accepted(user)
        await target.administer(act, user)
        await target.expect_ended(user.stolen("the user of the account"), f"the administrator's {act}")


@check(
    "token.revoke.malleable.es",
    needs=[Capability.JWT, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "CWE-613"],
)
async def twin_of_a_revoked_signature_stays_dead(target: Target) -> None:
    """After logout the twin of the token's ECDSA signature is refused, too.

    Each ECDSA signature (r, s) has a twin (r, n - s) that verifies just as well, and whoever holds the token computes
    it without any key. A server that remembers ended tokens by their text, or by a hash of it, has never seen the
    twin: the thief flips the signature and is back in, after the user has logged out. One token, two spellings, and
    only one of them on the list.

    Remedy: remember ended tokens by their jti, never by their text.
    """
    if not target.respelled(await target.shared_login("alice")):
        target.not_applicable("the target's tokens are not ECDSA-signed")
    await _spellings_die_with_the_token(target)


@check(
    "token.revoke.malleable.b64",
    needs=[Capability.JWT, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "RFC8725bis-3.14", "CWE-613"],
    requests=20,
)
async def respelled_token_stays_dead(target: Target) -> None:
    """After logout no other spelling of the same token works: no padding, no junk, no unused bits.

    Lenient base64 decoders read many texts as the same bytes. That is harmless until the token is revoked: a server
    that remembers ended tokens by their text, or by a hash of it, has only ended one spelling. The thief appends an
    equals sign to the stolen token and is back in. The check ends the token, proves that it is dead, and then knocks
    with every spelling that decoders are known to take.

    Remedy: remember ended tokens by their jti, never by their text; and refuse whatever is not three segments of
    plain base64url.
    """
    await _spellings_die_with_the_token(target)


async def _spellings_die_with_the_token(target: Target) -> None:
    if not await target.ends_at_logout():
        target.not_applicable("the genuine token outlives its logout, so that nothing is revoked")
    alice = await target.own_login("alice")
    thieves, genuine = target.respelled(alice), alice.stolen()
    alive = await target.accepted_of(thieves)
    await target.expect_logged_out(alice)
    await target.expect_refused(genuine)
    await target.expect_all_dead(thieves, alive)
