"""A session id is input: whatever a client sends for one, nobody gets in and nothing breaks."""

from conformance.attacks.hostile import CONFUSED, PATHS, SQL, oversized
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "session.id.sqli",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-1.2.4", "CSS-session-management", "CWE-89"],
)
async def session_id_is_no_query(target: Target) -> None:
    """A session id that is SQL opens no session.

    The id is read before anybody is logged in. Where it reaches a query as text, one request becomes anyone's
    session.

    Remedy: Pass the id as a bound parameter, or look up its hash.
    """
    await target.reference_sample(target.cookie)
    alice = await target.shared_login("alice")
    await target.expect_all_refused(target.with_ids(alice, SQL))


@check(
    "session.id.path",
    needs=[Capability.COOKIE],
    sources=["CSS-session-management", "CWE-22"],
    requests=31,
)
async def session_id_is_no_path(target: Target) -> None:
    """A session id that is a path opens no session.

    Ids that become file names let an attacker choose a file: one of another site, or one that they uploaded, is
    read as a session.

    Remedy: Accept only ids of the exact alphabet and length that you issue before touching a file.
    """
    await target.reference_sample(target.cookie)
    alice = await target.shared_login("alice")
    await target.expect_all_refused(await target.with_paths(alice, PATHS))


@check(
    "session.id.type-confusion",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-7.2.1", "ASVS-v5.0.0-15.3.5", "CWE-843"],
)
async def session_id_of_nothing_is_nobody(target: Target) -> None:
    """An empty session id, null, undefined, 0, true or [] is nobody's.

    A lookup that treats nothing as something finds a record of its own making, often the first user's.

    Remedy: Refuse what is not a well-formed id before looking it up; never look up an empty one.
    """
    alice = await target.shared_login("alice")
    await target.expect_all_refused(target.with_ids(alice, CONFUSED))


@check(
    "cookie.parse.oversize",
    needs=[Capability.COOKIE],
    sources=["ASVS-v5.0.0-3.3.5", "ASVS-v5.0.0-16.5.3", "RFC6265bis-6.1", "CWE-770"],
)
async def huge_cookies_are_survived(target: Target) -> None:
    """Cookies of 4 KB to 64 KB, or hundreds of them, break nothing and harm no session.

    A script on a sibling host can fill the cookie jar; a server that breaks on it locks the user out, and one that
    drops the wrong cookie changes who is logged in.

    Remedy: Bound the size of the Cookie header and answer 4xx beyond it.
    """
    alice = await target.shared_login("alice")
    await target.expect_survived(target.with_cookies(alice, oversized(target.cookie.name)), alice)
