"""How cookies are written: what browsers drop, derive or read otherwise than it was meant."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "cookie.attr.grammar",
    needs=[Capability.COOKIE],
    sources=["RFC6265bis-4.1.1-a", "RFC6265bis-4.1.1-b", "RFC6265bis-4.1.1-e", "RFC6265bis-4.1.1-h", "CWE-20"],
)
async def cookies_are_written_as_the_grammar_says(target: Target) -> None:
    """Every Set-Cookie keeps to the grammar: a name, plain characters, each attribute once, dates in full.

    Browsers mend what is written otherwise, each in its own way, and what they make of it may not be what was meant:
    of two attributes of one name the last counts. Deletions are left out.

    Remedy: Let the framework write cookies; encode values that hold anything but plain characters.
    """
    tour = await target.tour()
    for exchange, cookie in tour.set_cookies():
        if faults := cookie.grammar_faults():
            shown = f"Set-Cookie: {cookie.shown}"
            target.violation(f"{cookie.name or 'a cookie'} keeps to the grammar", f"{faults[0]}: {shown}", [exchange])


@check(
    "cookie.attr.path",
    needs=[Capability.COOKIE],
    sources=["CSS-session-management", "WSTG-SESS-02", "CWE-668"],
)
async def session_cookie_names_its_path(target: Target) -> None:
    """The session cookie says for which paths it is meant.

    Without Path browsers take the folder of whatever address set it: set again elsewhere, as at a renewal, it is a
    second cookie, and the deletion at logout may miss one of the two.

    Remedy: Set Path=/, or the path of the application where several share a host.
    """
    tour = await target.tour()
    for exchange, cookie in tour.set_cookies():
        if target.is_session(cookie) and cookie.path is None:
            target.violation(f"{cookie.name} has a Path", f"Set-Cookie: {cookie.shown}", [exchange])


@check(
    "cookie.attr.samesite-none-insecure",
    needs=[Capability.COOKIE],
    sources=["RFC6265bis-4.1.2.7", "WSTG-SESS-02", "CWE-1275"],
)
async def cookies_for_other_sites_are_secure(target: Target) -> None:
    """No cookie is set with SameSite=None and without Secure.

    Browsers drop it, so that users cannot log in; those that do not send it in clear, and from every site.

    Remedy: Set SameSite=Lax; where other sites must send the cookie, SameSite=None with Secure.
    """
    tour = await target.tour()
    for exchange, cookie in tour.set_cookies():
        if cookie.samesite == "None" and not cookie.secure:
            expected = f"{cookie.name} is Secure, or not SameSite=None"
            target.violation(expected, f"Set-Cookie: {cookie.shown}", [exchange])
