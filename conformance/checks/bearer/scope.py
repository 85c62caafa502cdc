"""Scopes at the API: a token opens what was granted."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

SCOPES = [Capability.AUTHORIZE, Capability.SCOPES]


@check("bearer.insufficient-scope-403", needs=SCOPES, sources=["RFC6750-3.1-scope", "CWE-863"])
async def missing_scope_is_named(target: Target) -> None:
    """A valid token without the scope that a request needs gets 403 with `error="insufficient_scope"`.

    The client then knows that it should ask for more, instead of logging the user in again.

    Remedy: answer 403 with a challenge that names the error and the needed scope.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    narrow, wide = target.narrow_and_wide(client)
    party = await target.granted(alice, client, scope=narrow)
    await target.expect_insufficient(party, wide)
    await target.expect_open(await target.granted(alice, client), wide)


@check(
    "bearer.scope-per-action",
    needs=SCOPES,
    sources=["ASVS-v5.0.0-10.3.2", "RFC9700-2.3-restricted", "PICKPROOF-T4", "CWE-863"],
    requests=18,
)
async def each_action_needs_its_scope(target: Target) -> None:
    """A token with one scope opens what this scope opens and nothing that another one does, for every pair.

    A token that a user gave for reading, and that writes too, hands an application, or whoever steals from it,
    rights that nobody granted.

    Remedy: check the token's scope at each action, on the server that performs it.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for held in target.scopes_with_resources(client):
        party = await target.granted(alice, client, scope=held)
        await target.expect_open(party, held)
        for other in target.scopes_with_resources(client):
            if other != held:
                await target.expect_closed(party, other, f"the token holds {held} alone")
