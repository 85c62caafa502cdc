"""Where a session id comes from: the server, freshly, at each login."""

from conformance.attacks.planted import invented_ids
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.issue.rotate-at-login",
    needs=[Capability.COOKIE, Capability.PRE_LOGIN_SESSION],
    sources=[
        "ASVS-v5.0.0-7.2.4",
        "NIST-SP800-63B-4-5.1",
        "RFC6265bis-8.4",
        "WSTG-SESS-03",
        "NIST-SP800-63B-4-5.1-1",
        "NIST-SP800-63B-4-5.1-b",
        "PICKPROOF-S6",
        "CWE-384",
    ],
)
async def session_id_changes_at_login(target: Target) -> None:
    """The session id that a visitor holds before login is worth nothing after it.

    Session fixation: an attacker visits the site, plants the cookie that it gave into the victim's browser, and waits
    for the victim to log in. If login keeps the id, the attacker is logged in as well.

    Remedy: issue a new session id at every authentication and end the old one (most frameworks: regenerate or
    cycle the session key inside the login function).
    """
    visitor = await target.visitor()
    attacker = visitor.stolen("an attacker who planted the visitor's cookie")
    alice = await target.own_login("alice", carrying=visitor)
    await target.expect_accepted(alice, "a login that carries the planted cookie")
    await target.expect_refused(attacker)


@check(
    "session.issue.adopt-unknown",
    needs=[Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-7.2.4",
        "NIST-SP800-63B-4-5.1",
        "CSS-session-management",
        "WSTG-SESS-03",
        "NIST-SP800-63B-4-5.1-b",
        "PICKPROOF-S1",
        "CWE-384",
    ],
    logins=4,
)
async def invented_session_id_is_not_adopted(target: Target) -> None:
    """A session id that the server never issued does not become a session when a user logs in with it.

    Fixation without even a visit: the attacker makes an id up, plants it, and the server takes it over at login
    instead of issuing its own.

    Remedy: ignore ids that the session store does not know, and issue a new one at login (PHP: session.use_strict_mode
    together with session_regenerate_id).
    """
    genuine = await target.shared_login("alice")
    for planted in invented_ids(genuine.secret(target.cookie), target.rng):
        attacker = target.stranger().holding(planted, target.cookie, "an attacker who planted an invented id")
        await target.expect_refused(attacker)
        await target.try_login("alice", carrying=attacker)
        await target.expect_refused(attacker)


@check(
    "session.issue.old-dies-at-login",
    needs=[Capability.COOKIE, Capability.PRE_LOGIN_SESSION],
    sources=["ASVS-v5.0.0-7.2.4", "WSTG-SESS-03", "CWE-384"],
    logins=1,
)
async def session_from_before_login_ends(target: Target) -> None:
    """The session from before the login is not logged in, even where login issues a new id.

    An attacker who planted the first id, on a shared computer or through a sibling site, is logged in as the
    victim.

    Remedy: End the old session in the same step that issues the new one; do not copy the user into both.
    """
    visitor = await target.visitor()
    attacker = visitor.stolen("an attacker who planted the visitor's cookie")
    alice = await target.own_login("alice", carrying=visitor)
    await target.expect_accepted(alice, "a login that carries the planted cookie")
    if alice.secret(target.cookie) == visitor.secret(target.cookie):
        target.not_applicable("login keeps the id: session.issue.rotate-at-login speaks of that")
    await target.expect_refused(attacker)


@check(
    "session.issue.adopt-after-logout",
    needs=[Capability.COOKIE, Capability.LOGOUT],
    sources=["ASVS-v5.0.0-7.4.1", "ASVS-v5.0.0-7.2.4", "CWE-384"],
    logins=2,
)
async def ended_session_id_is_not_used_again(target: Target) -> None:
    """The id of a session that was logged out does not become a session again when it is presented at login.

    On a shared computer an attacker notes the id, logs out, and waits: whoever logs in next in that browser shares
    the session.

    Remedy: Issue a new id at every login, whatever the client presents.
    """
    alice = await target.own_login("alice")
    attacker = alice.stolen("an attacker who knows an ended session id")
    await target.expect_accepted(attacker)
    await target.expect_logged_out(alice)
    if (await attacker.whoami()).accepted:
        target.not_applicable("logout does not end the session: session.logout.replay speaks of that")
    await target.try_login("alice", carrying=attacker)
    await target.expect_refused(attacker)


@check(
    "session.issue.adopt-foreign",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.2.4", "WSTG-SESS-03", "CWE-384"],
    logins=2,
)
async def login_over_a_foreign_session_takes_nothing_over(target: Target) -> None:
    """A login by a client that carries another user's live session does not turn that session into its own.

    The attacker plants his own live session; if login keeps its id, he is logged in as the victim. Ending the carried
    session is right.

    Remedy: Issue a new id at every login and end the session that the client carried.
    """
    bob = await target.own_login("bob")
    attacker = bob.stolen("bob, who planted his own session")
    await target.expect_accepted(attacker)
    alice = await target.own_login("alice", carrying=bob)
    judged = await attacker.whoami()
    if judged.accepted and judged.name != bob.principal:
        target.violation("bob's session stays bob's, or ends", str(judged))
    await target.expect_accepted(alice, "the login over bob's session")


@check(
    "session.issue.relogin-other",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-7.2.4", "WSTG-SESS-08", "CWE-488"],
    logins=2,
)
async def login_as_somebody_else_leaves_nothing_behind(target: Target) -> None:
    """After a login as another user, in the same browser, the session is the other user's alone, and the first ends.

    What the first user left in the session, a cart, a role or a draft, becomes the second user's, or stays open to
    the first.

    Remedy: Start an empty session at every login instead of changing the user of the one at hand, and end that one.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen("a thief with alice's session from before")
    await target.expect_accepted(thief)
    bob = await target.own_login("bob", carrying=alice)
    if bob.principal == alice.principal:
        target.violation("the login as bob is bob's", f"it goes on as {alice.principal!r}")
    for route in target.naming_routes:
        answer = await target.on_route(bob, route)
        if alice.principal and target.names(answer, alice.principal):
            target.violation(f"bob sees nothing of alice at {route}", "her name stands there")
    await target.expect_over(thief, "the login as bob")


@check(
    "session.issue.rotate-at-reauth",
    needs=[Capability.STEP_UP],
    sources=["ASVS-v5.0.0-7.2.4", "NIST-SP800-63B-4-5.1-1", "CSS-session-management", "CWE-384"],
    logins=2,
)
async def session_id_changes_at_step_up(target: Target) -> None:
    """Proving the password again gives a new session id and ends the old one.

    A thief who copied the id before would otherwise be raised together with the user, or stay behind unseen.

    Remedy: issue a new id at every authentication inside a session too, and end the old one in the same step.
    """
    alice = await target.own_login("alice")
    thief = alice.stolen("a thief with the session from before")
    await target.expect_accepted(thief)
    await target.step_up(alice)
    await target.expect_accepted(alice, "the session after the step-up")
    await target.expect_over(thief, "the step-up")


@check(
    "session.issue.fail-no-elevate",
    needs=[Capability.COOKIE],
    sources=["NIST-SP800-63B-4-5.1", "WSTG-SESS-08", "NIST-SP800-63B-4-5.1-e", "CWE-287"],
    logins=2,
)
async def failed_login_changes_nothing(target: Target) -> None:
    """A login with a wrong password signs nobody in, and changes nothing about whose session it is.

    If the name is written into the session before the password is checked, a wrong password is as good as the right
    one.

    Remedy: Touch the session only after the password was found right.
    """
    failed = await target.failed_login("alice")
    await target.expect_refused(failed)
    if target.has(Capability.SECOND_ACCOUNT):
        bob = await target.own_login("bob")
        over = await target.failed_login("alice", carrying=bob)
        judged = await over.whoami()
        if judged.accepted and judged.name != bob.principal:
            target.violation("a failed login as alice leaves bob's session bob's, or ends it", str(judged))


@check(
    "session.issue.via-param",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-14.2.1", "CSS-session-management", "WSTG-SESS-04", "CWE-598"],
)
async def session_is_read_from_its_cookie_alone(target: Target) -> None:
    """A session id in the query, the path or another header is not read as the session.

    A server that takes the id from an address lets an attacker plant one with a link.

    Remedy: Read the session id from its cookie alone (PHP: session.use_only_cookies).
    """
    alice = await target.shared_login("alice")
    await target.expect_all_refused(target.carrying_elsewhere(alice))
