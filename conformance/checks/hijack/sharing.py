"""Two clients on one session, and cookies of two users mixed."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "hijack.concurrent-use",
    needs=[Capability.COOKIE, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "WSTG-SESS-09", "CWE-613"],
    logins=2,
)
async def logout_ends_the_session_for_whoever_shares_it(target: Target) -> None:
    """When thief and owner use one session in turn, a logout by either ends it for both.

    A copy that lives on in a worker, a connection or a cache keeps the thief in after the owner has logged out.

    Remedy: Keep one record of a session, and let every connection, worker and cache ask it.
    """
    for ends_it in ("the owner", "the thief"):
        alice = await target.own_login("alice")
        thief = alice.stolen()
        for party in (alice, thief, alice, thief):
            await target.expect_accepted(party)
        await target.expect_logged_out(alice if ends_it == "the owner" else thief)
        await target.expect_refused(
            thief if ends_it == "the owner" else alice.stolen("alice, whom the thief logged out")
        )


@check(
    "hijack.splice",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["CSS-session-management", "RFC6265bis-8.3", "CSS-cookie-theft-mitigation", "CWE-488"],
)
async def cookies_of_two_users_make_nobody_else(target: Target) -> None:
    """A client with one user's session and another user's companion cookies is the first user, or nobody.

    If a second cookie decides who somebody is, anyone with an account of their own becomes another user by editing
    it.

    Remedy: Bind every cookie that says who somebody is to the session, or do not read it.
    """
    alice, bob = await target.shared_login("alice"), await target.shared_login("bob")
    companions = target.companions(alice, bob)
    if not companions:
        target.not_applicable("the login sets no cookie beside those that authenticate")
    for name in companions:
        mixed = alice.stolen(f"a client with alice's session and bob's {name} cookie")
        mixed.jar.discard(name)
        mixed.jar.put(name, bob.jar.get(name) or "", target.system.base_url)
        judged = await mixed.whoami()
        if judged.accepted and judged.name != alice.principal:
            target.violation(f"{mixed.label} is alice, or nobody", str(judged), (*alice.history, judged.exchange))
    await target.expect_accepted(alice)


@check(
    "hijack.subset",
    needs=[Capability.COOKIE],
    sources=["CSS-session-management", "RFC6265bis-6.1", "WSTG-SESS-06", "CWE-287"],
)
async def guarding_cookie_is_demanded(target: Target) -> None:
    """A cookie that the server checks beside the session is demanded, not only looked at when it is there.

    A signature or a fingerprint in a second cookie is there against thieves and forgers. One that is checked only
    when it is present is evaded by leaving it out.

    Remedy: Refuse a session whose guarding cookie is missing as you refuse one whose guarding cookie is wrong.
    """
    alice = await target.shared_login("alice")
    if len(alice.jar.as_pairs()) <= len(target.cookies):
        target.not_applicable("the login sets no cookie beside those that authenticate")
    await target.expect_companions_guard(alice)
