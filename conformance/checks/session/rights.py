"""Rights that were taken away, and the sessions and tokens that had them."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

ROLES = [Capability.ADMIN, Capability.REGISTER]


@check(
    "session.issue.rotate-at-role-change",
    needs=[Capability.COOKIE, *ROLES],
    sources=["ASVS-v5.0.0-8.3.2", "CSS-session-management", "CWE-613"],
    logins=5,
    requests=16,
)
async def session_loses_what_its_user_loses(target: Target) -> None:
    """A session of somebody who had a role is turned away from what the role is for, as soon as it is taken.

    A role is taken from somebody who left, or whom nobody trusts any more. A session that remembers it from the login
    goes on with it for as long as it lives.

    Remedy: look the role up at each request, or end the user's sessions when it changes.
    """
    target.need_session("token.role.recheck")
    await target.expect_rights_to_end(await target.newcomer())


@check(
    "token.role.recheck",
    needs=ROLES,
    sources=["ASVS-v5.0.0-8.3.2", "CWE-863"],
    logins=5,
    requests=16,
)
async def token_loses_what_its_user_loses(target: Target) -> None:
    """A token of somebody who had a role is turned away from what the role is for, as soon as it is taken.

    A claim says what was true when the token was signed. Who reads rights there serves a dismissed administrator until
    the token expires.

    Remedy: look the role up at each request where it opens much; else let tokens live for minutes, and say so.
    """
    target.need_token()
    await target.expect_rights_to_end(await target.newcomer())
