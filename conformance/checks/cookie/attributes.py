"""What a browser is told about the session cookie: who else may read or send it."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "cookie.attr.httponly",
    needs=[Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-3.3.4",
        "NIST-SP800-63B-4-5.1.1-3",
        "WSTG-SESS-02",
        "RFC6265bis-4.1.2.6",
        "PICKPROOF-S2",
        "CWE-1004",
    ],
)
async def scripts_cannot_read_the_session_cookie(target: Target) -> None:
    """The session cookie is HttpOnly, so that injected script cannot copy it.

    One injected script on one page can otherwise send the session to its author, who goes on using it from
    elsewhere.

    Remedy: set HttpOnly on the session cookie.
    """
    await target.expect_cookies_of_login("cookie.attr.httponly", await target.shared_login("alice"))


@check(
    "cookie.attr.secure",
    needs=[Capability.COOKIE, Capability.HTTPS],
    sources=[
        "ASVS-v5.0.0-3.3.1",
        "NIST-SP800-63B-4-5.1.1",
        "RFC6265bis-8.3",
        "WSTG-SESS-02",
        "NIST-SP800-63B-4-5.1.1-1",
        "NIST-SP800-63B-4-5.1-4",
        "RFC6265bis-4.1.2.5",
        "RFC6265bis-8.3-b",
        "PICKPROOF-S2",
        "CWE-614",
    ],
)
async def cookies_never_travel_in_clear(target: Target) -> None:
    """Every cookie of the login is Secure, so that no browser sends it over plain http.

    Without it one link or image to http://… on any network in between is enough to read the session off the wire.
    Judged by the public URL of the target, not by the address under test.

    Remedy: set Secure on every cookie; on a target behind TLS termination tell the framework that it is (for example
    SESSION_COOKIE_SECURE in Django, cookie.secure with trust proxy in Express).
    """
    await target.expect_cookies_of_login("cookie.attr.secure", await target.shared_login("alice"))


@check(
    "cookie.attr.samesite",
    needs=[Capability.COOKIE],
    sources=[
        "ASVS-v5.0.0-3.3.2",
        "NIST-SP800-63B-4-5.1.1-6",
        "WSTG-SESS-02",
        "RFC6265bis-4.1.2.7",
        "PICKPROOF-S2",
        "CWE-1275",
    ],
)
async def session_cookie_says_which_sites_may_send_it(target: Target) -> None:
    """The session cookie sets SameSite to Lax or Strict.

    Browsers differ in what they assume when it is missing, and None lets every other site send the cookie along.

    Remedy: set SameSite=Lax (or Strict where no link from elsewhere must arrive signed in).
    """
    await target.expect_cookies_of_login("cookie.attr.samesite", await target.shared_login("alice"))
