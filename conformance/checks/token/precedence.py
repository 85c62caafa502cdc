"""A token in two places at once."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "token.http.precedence",
    needs=[Capability.TOKEN, Capability.COOKIE, Capability.SECOND_ACCOUNT, Capability.MUTATE],
    sources=["CWE-436", "PICKPROOF-T2"],
)
async def cookie_and_header_never_mix(target: Target) -> None:
    """With one user's cookie and another user's token, every route takes the caller for the same one, or for nobody.

    Where one route prefers the cookie and another the header, an attacker's own token passes the check of the one,
    while the victim's cookie, which the browser adds by itself, chooses the data of the other.

    Remedy: decide in one place, for all routes, which of the two counts; best, refuse a request that has both.
    """
    bob = await target.shared_login("bob")
    async with target.state_of_alice() as (alice, secret):
        for cookies, token in ((alice, bob), (bob, alice)):
            client = target.mixed(cookies, token)
            judged = await client.whoami()
            seen = await target.state_seen_by(client)
            if judged.accepted and seen is not None and (secret in seen) != (judged.name == alice.principal):
                reader = "alice" if secret in seen else "somebody else"
                target.violation(f"{client.label} is one user", f"{judged} on one route, and {reader} on another")
        await target.expect_accepted(alice)
