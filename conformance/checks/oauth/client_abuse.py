"""What clients must not be: open to guesses, or users; and tokens that are in use when they are revoked."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target


@check(
    "oauth.client.bruteforce",
    needs=[Capability.AUTHORIZE, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC6749-2.3.1", "OAUTH21-2.4", "CWE-307"],
    requests=lambda system: float(system.description.policy.throttle_client_failures or 0) + 3,
)
async def client_secret_is_not_guessed_at(target: Target) -> None:
    """After as many failures as declared, the secret of a client cannot be guessed at any longer.

    The token endpoint takes passwords as any login does, and nobody sees a login page that is tried a million times.
    It runs at the client of `oauth.throttle_client` alone, which may be locked afterwards.

    Remedy: count failures for each client, and delay or refuse after a few, as for users.
    """
    await target.expect_client_throttled()


@check(
    "bearer.client-not-user",
    needs=[Capability.AUTHORIZE, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC9700-4.15", "RFC9700-4.15.1", "CWE-290"],
    logins=1,
)
async def client_is_not_taken_for_a_user(target: Target) -> None:
    """A client with a token for itself is not served as a user, not even as one who registered under its name.

    An API that looks the token's subject up among its users serves whoever is called so. Then a client that chooses
    its id chooses its user, and a user who chooses the name of a client gets what that client leaves there.

    Remedy: let clients' ids and users' subjects come from different ranges, and mark in the token which of them it is.
    """
    for client in await target.client_tokens():
        await target.expect_no_user(client)


@check(
    "oauth.revoke.immediate",
    needs=[Capability.AUTHORIZE, Capability.REVOKE],
    sources=["RFC7009-2.1", "CWE-362", "CWE-613"],
    logins=2,
    requests=190,
)
async def busy_token_ends_at_its_revocation(target: Target) -> None:
    """A token that others use without a pause ends at its revocation: no request that sets out after it is accepted.

    A cache in front of the list of revoked tokens is filled by the requests that are under way. One that looked before
    the revocation and remembers after it brings the token back, for as long as the cache keeps it.

    Remedy: let what is remembered end within moments, and let nothing be written back that was read before.
    """
    await target.need_true_revocation()
    alice = await target.own_login("alice")
    for _ in target.rounds(target.runners):
        party = await target.granted(alice)
        thieves = [party.stolen() for _ in range(target.runners - 1)]
        await target.expect_accepted(thieves[0])
        shown = await target.revoke_amid(party, thieves)
        await target.expect_all_over(thieves, "the revocation", shown)
