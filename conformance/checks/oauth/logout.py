"""Logging out at the server (OpenID Connect)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "oauth.logout.prompt-none",
    needs=[Capability.AUTHORIZE, Capability.OPENID, Capability.LOGOUT],
    sources=["OIDC-CORE-3.1.2.6", "OIDC-CORE-3.1.2.1", "CWE-613"],
)
async def silent_login_ends_with_logout(target: Target) -> None:
    """After logout a request with `prompt=none` gets `login_required`, and no code.

    Clients ask silently in the background; a server that still answers has not logged anybody out.

    Remedy: end the session at the server, and look it up for silent requests as for any other.
    """
    alice, client = await target.own_login("alice"), target.client()
    await target.expect_silent_answer(alice, client)
    await alice.logout()
    response = await target.authorize(alice, client, prompt="none")
    target.demand_no_code(response, "no code for prompt=none after logout")
    if response.error != "login_required":
        target.violation("error=login_required", str(response))
