"""Headers and methods that decide who else sees what a browser and the target say to each other."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

LEAKING = ("unsafe-url", "no-referrer-when-downgrade")
POLICIES = (
    *LEAKING, "no-referrer", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
    "strict-origin-when-cross-origin",
)  # fmt: skip


@check(
    "transport.hsts",
    needs=[Capability.HTTPS],
    sources=["ASVS-v5.0.0-3.4.1", "WSTG-CONF-07", "CWE-523"],
)
async def https_is_kept_to(target: Target) -> None:
    """Every answer tells browsers to use https alone, for a year or longer.

    A first request in clear is enough for a network to answer in the target's place, or to plant cookies.

    Remedy: Send Strict-Transport-Security: max-age=31536000; includeSubDomains with every answer over https.
    """
    target.expect_transport_security((await target.tour()).whole)


@check(
    "transport.trace",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-13.4.4", "WSTG-CONF-06", "CWE-693"],
    destructive=True,
    last=True,
)
async def no_method_echoes_the_cookie(target: Target) -> None:
    """TRACE and TRACK do not send a request back, Cookie header included.

    The echo shows the cookie that HttpOnly hides from scripts. Some servers end at a method that their library has no
    request for (those on Node that make a `Request` of it), so this runs last, and only where that may happen.

    Remedy: Switch TRACE off in every server and proxy.
    """
    await target.expect_no_trace_echo(await target.shared_login("alice"))


@check(
    "transport.referrer",
    sources=["ASVS-v5.0.0-3.4.5", "CWE-598"],
)
async def addresses_are_not_told_to_other_sites(target: Target) -> None:
    """Pages do not tell other sites their full address in the Referer header.

    Addresses name what a user looks at, and in links of a reset or a login they are secrets. Without a policy browsers
    of today send the origin alone, older ones everything.

    Remedy: Send Referrer-Policy: strict-origin-when-cross-origin, or no-referrer.
    """
    bare, told = None, False
    for exchange in (await target.tour()).whole:
        answer = exchange.answer
        said = ",".join(answer.all("referrer-policy")).lower() if answer else ""
        known = [policy for policy in (part.strip() for part in said.split(",")) if policy in POLICIES]
        if known and known[-1] in LEAKING:
            target.violation("no address is told to other sites", f"Referrer-Policy: {said}", [exchange])
        told = told or bool(known)
        page = answer and answer.status < 300 and "text/html" in (answer.header("content-type") or "")
        bare = exchange if page and not known and bare is None else bare
    if bare:
        target.advise("pages have a Referrer-Policy", "this one has none", [bare])
    if not told:
        target.not_applicable("no answer on the way is a page that a browser would show")


@check(
    "transport.cache.not-modified",
    needs=[Capability.COOKIE, Capability.SECOND_ACCOUNT],
    sources=["ASVS-v5.0.0-14.3.2", "CWE-524"],
)
async def copies_are_confirmed_to_their_owner_alone(target: Target) -> None:
    """A copy of one user's answer is not confirmed to another user, or to a stranger.

    The next person at the computer reloads the page, the browser asks whether its copy still holds, and a 304 shows
    the page of whoever was there before.

    Remedy: Send no-store with answers to users; else make the ETag depend on the user, and check the session first.
    """
    alice, bob = await target.shared_login("alice"), await target.shared_login("bob")
    await target.expect_own_copies(alice, [target.stranger(), bob])


@check(
    "transport.cache.vary-mix",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-14.2.2", "ASVS-v5.0.0-14.2.5", "CWE-524"],
)
async def caches_do_not_take_pages_for_files(target: Target) -> None:
    """A user's own page, asked for under a name that looks like a file's, is not kept and given to others.

    A link to /account/x.css makes the victim's account page the answer for that name in a cache that goes by endings;
    the attacker then asks for the same name.

    Remedy: Answer 404 to paths that lead nowhere; let caches keep only what the target marks as public.
    """
    await target.expect_not_kept_for_others(await target.shared_login("alice"))
