"""Where a session id comes from: the server, freshly, at each login."""

from conformance.attacks.planted import invented_ids
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.issue.rotate-at-login",
    needs=[Capability.COOKIE, Capability.PRE_LOGIN_SESSION],
    sources=["ASVS-v5.0.0-7.2.4", "NIST-SP800-63B-4-5.1", "RFC6265bis-8.4", "WSTG-SESS-03", "CWE-384"],
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
    sources=["ASVS-v5.0.0-7.2.4", "NIST-SP800-63B-4-5.1", "CSS-session-management", "WSTG-SESS-03", "CWE-384"],
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
