"""How far the session cookie reaches, how long it lasts, and whether it goes when it should."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.answer_rules import set_twice
from conformance.target.facade import Target


@check(
    "cookie.attr.prefix",
    needs=[Capability.COOKIE, Capability.HTTPS],
    sources=["ASVS-v5.0.0-3.3.1", "ASVS-v5.0.0-3.3.3", "NIST-SP800-63B-4-5.1.1-5", "CWE-16"],
)
async def session_cookie_is_bound_to_its_host_by_name(target: Target) -> None:
    """The name of the session cookie begins with __Host-, or with __Secure- where hosts share it.

    Browsers keep such a cookie only if it is Secure (and for __Host- set by this very host), so that neither a sibling
    host nor plain http can plant one.

    Remedy: Name the session cookie __Host-something, with Secure, Path=/ and no Domain.
    """
    await target.expect_cookies("cookie.attr.prefix")


@check(
    "cookie.attr.prefix-broken",
    needs=[Capability.COOKIE, Capability.HTTPS],
    sources=["RFC6265bis-4.1.3", "WSTG-SESS-02", "RFC6265bis-5.4", "CWE-16"],
)
async def prefixed_cookies_meet_their_conditions(target: Target) -> None:
    """Every cookie whose name has a prefix meets the prefix's conditions, or browsers drop it.

    The prefix promises a protection, and a browser that enforces it throws the cookie away: users cannot log in, or
    the name lies.

    Remedy: A __Host- cookie needs Secure and Path=/ and must not have Domain; a __Secure- cookie needs Secure.
    """
    await target.expect_cookies("cookie.attr.prefix-broken")


@check(
    "cookie.attr.domain",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.3.3", "NIST-SP800-63B-4-5.1.1-2", "CSS-session-management", "CWE-668"],
)
async def session_cookie_stays_with_its_host(target: Target) -> None:
    """The session cookie has no Domain, so that sibling hosts neither get it nor set it.

    With Domain the cookie goes to every host below it: a forgotten test site or a customer's page reads sessions,
    and plants its own.

    Remedy: Leave Domain out.
    """
    await target.expect_cookies("cookie.attr.domain")


@check(
    "cookie.attr.persistent",
    needs=[Capability.COOKIE],
    sources=[
        "NIST-SP800-63B-4-5.1.1-4-expires",
        "NIST-SP800-63B-4-5.1-c",
        "RFC6265bis-7.4",
        "CSS-session-management",
        "CWE-539",
    ],
)
async def session_cookie_does_not_outlive_the_session(target: Target) -> None:
    """The session cookie does not stay on disk longer than a session may live.

    A cookie with a long life outlasts the browser, and is found by whoever uses the computer, or its backup, next.

    Remedy: Leave Max-Age and Expires out, or set them to the absolute lifetime; declare it as policy.absolute.
    """
    await target.expect_cookies("cookie.attr.persistent")


@check(
    "cookie.attr.consistent",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.3.2", "ASVS-v5.0.0-3.3.4", "CWE-1004"],
)
async def session_cookie_keeps_its_attributes(target: Target) -> None:
    """Wherever the session cookie is set again, it has the attributes that login gave it.

    A renewal that forgets HttpOnly undoes it: the browser keeps the last one.

    Remedy: Set the cookie in one place, with one set of attributes.
    """
    await target.expect_cookies("cookie.attr.consistent")


@check(
    "cookie.attr.delete-works",
    needs=[Capability.COOKIE, Capability.LOGOUT],
    sources=["RFC6265bis-4.1.2", "NIST-SP800-63B-4-5.1-3", "CSS-session-management", "CWE-613"],
)
async def deletion_reaches_the_cookie(target: Target) -> None:
    """A cookie that logout deletes is gone from a browser.

    A deletion with another Path or Domain deletes another cookie; the session's stays.

    Remedy: Delete with the very Path, Domain and prefix with which the cookie was set.
    """
    tour = await target.tour()
    cleared = {c.name for e, c in tour.cookies(tour.ending) if target.is_session(c) and c.clears(tour.moment(e))}
    if not cleared:
        target.not_applicable("logout deletes no session cookie: session.logout.clears-cookie speaks of that")
    # The redirect after a logout may give the stranger that the user now is a new cookie of the same name.
    held = set(target.browser_after(tour.inside + tour.ending).as_pairs())
    left = {name for name, value in tour.secrets if name in cleared and (name, value) in held}
    if left:
        target.violation("the browser drops what logout deletes", f"it keeps {', '.join(left)}", tour.ending)


@check(
    "cookie.attr.double-set",
    needs=[Capability.COOKIE],
    sources=["RFC6265bis-4.1.1-f"],
)
async def no_answer_sets_a_cookie_twice(target: Target) -> None:
    """No answer sets the same cookie twice.

    Clients differ in which of two values they keep, so a user may hold a session that the server thinks it has
    replaced.

    Remedy: Decide on one value before the answer is sent; which of two a client keeps is not certain.
    """
    target.expect_sound((e, flaw) for e in (await target.tour()).whole for flaw in set_twice(e))
