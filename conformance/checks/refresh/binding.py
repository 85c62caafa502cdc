"""A refresh token belongs to one client, one user and one scope."""

from conformance.attacks.scopes import Chain, chains
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target

REFRESH = [Capability.AUTHORIZE, Capability.REFRESH]


@check(
    "refresh.client-binding",
    needs=[*REFRESH, Capability.SECOND_CLIENT],
    sources=["RFC6749-6", "RFC6749-10.4", "OAUTH21-4.3", "CWE-863"],
)
async def refresh_token_works_for_its_client_only(target: Target) -> None:
    """A client cannot spend the refresh token of another one.

    A token that leaked from a strong client could be spent by a weak one, such as the attacker's own.

    Remedy: store the client with the token, and compare it with the client that authenticates.
    """
    party = await target.granted(await target.own_login("alice"), target.client("web"))
    thief = target.other_client(target.client_of(party))
    target.demand_refusal(await target.renewed(party, client=thief), f"{thief} cannot spend the refresh token")
    await target.expect_renews(await target.granted(await target.own_login("alice"), target.client("web")))


@check(
    "refresh.foreign-replay-no-dos",
    needs=[*REFRESH, Capability.SECOND_CLIENT],
    sources=["OAUTH21-7.5.3", "CWE-645"],
)
async def foreign_replay_ends_nothing(target: Target) -> None:
    """A refresh token that another client presents, live or spent, is refused and ends nobody's grant.

    Otherwise whoever sees a token in a log can end the user's session without being able to use it.

    Remedy: check the client before a token counts as replayed.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice, target.client("web"))
    thief = target.other_client(target.client_of(party))
    target.demand_refusal(await target.renewed(party, client=thief), "another client's token gives nothing")
    heir = target.holder(alice, await target.renewed(party))
    target.demand_refusal(await target.renewed(party, client=thief), "another client's spent token gives nothing")
    await target.expect_kept(heir, "replays by another client")
    await target.expect_renews(heir)


@check(
    "refresh.client-auth",
    needs=[*REFRESH, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC6749-6", "RFC6749-3.2.1", "OAUTH21-3.2.1", "ASVS-v5.0.0-10.4.10", "CWE-306"],
)
async def refreshing_authenticates_the_client(target: Target) -> None:
    """A confidential client's refresh token is not spent without its secret, nor with a wrong one.

    A refresh token from a log or a backup would be enough for lasting access, without the secret that should
    protect it.

    Remedy: authenticate the client for every grant type.
    """
    alice, client = await target.own_login("alice"), target.client("confidential")
    party = await target.granted(alice, client)
    target.demand_refusal(await target.renewed(party, auth="none"), "no tokens without the client's secret")
    liar = target.pretending(client, "pickproof-wrong-secret")
    target.demand_refusal(await target.renewed(party, client=liar), "no tokens with a wrong client secret")
    await target.expect_renews(await target.granted(alice, client))


@check(
    "refresh.scope-no-widen",
    needs=[*REFRESH, Capability.SCOPES],
    sources=["RFC6749-6", "OAUTH21-4.3.1-scope", "RFC9700-4.14.2-scope", "CWE-269"],
)
async def refreshing_never_widens_the_scope(target: Target) -> None:
    """A scope that the user did not allow does not come with a refresh, asked for or not.

    A thief, or a greedy application, turns a small permission into a large one without asking the user.

    Remedy: compare the asked scope with the grant's, and refuse what is not in it.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    narrow, wide = target.narrow_and_wide(client)
    party = await target.granted(alice, client, scope=narrow)
    answer = await target.renewed(party, scope=f"{narrow} {wide}")
    if answer.granted:
        await target.expect_closed(target.holder(alice, answer), wide, f"the user allowed {narrow} alone")
    await target.expect_open(await target.granted(alice, client), wide)


@check(
    "refresh.scope-narrow",
    needs=[*REFRESH, Capability.SCOPES],
    sources=["RFC6749-6", "RFC9700-4.14.2-scope", "CWE-863"],
)
async def narrower_refresh_is_narrower(target: Target) -> None:
    """A refresh that asks for less gives an access token that opens less.

    Clients ask for less to hand a token on; one that still opens everything betrays them.

    Remedy: issue the access token with the asked scope.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    narrow, wide = target.narrow_and_wide(client)
    party = await target.granted(alice, client)
    await target.expect_open(party, wide)
    answer = await target.renewed(party, scope=narrow)
    await target.expect_closed(target.holder(alice, answer), wide, f"the refresh asked for {narrow} alone")


@check(
    "refresh.no-widen-chain",
    needs=[*REFRESH, Capability.SCOPES],
    sources=["RFC9700-4.14.2-scope", "RFC6749-6", "CWE-269"],
    requests=6,
)
@given(examples=8, chain=chains)
async def no_chain_of_refreshes_widens_the_scope(target: Target, chain: Chain) -> None:
    """Over any sequence of refreshes, narrow and wide ones, the scope never exceeds what the user allowed.

    A client that asked for little at first could climb, step by step, to what its user never saw on a page of
    consent.

    Remedy: compare with the scope of the grant, never with that of the request before.
    """
    alice, client = await target.shared_login("alice"), target.client("web")
    narrow, wide = target.narrow_and_wide(client)
    party = await target.granted(alice, client, scope=narrow)
    for asked in chain.scopes(narrow, wide):
        answer = await target.renewed(party, scope=asked)
        if answer.granted:
            party = target.holder(alice, answer)
            await target.expect_closed(party, wide, f"the user allowed {narrow} alone, then {chain}")


@check(
    "refresh.race.vs-revoke",
    needs=[*REFRESH, Capability.REVOKE],
    sources=["RFC7009-2.1", "CWE-362"],
    requests=37,
)
async def nothing_survives_a_revocation_in_flight(target: Target) -> None:
    """When a refresh and the revocation of its token arrive together, nothing survives once both are answered.

    A thief who refreshes all the time turns every revocation into such a race, and needs to win once.

    Remedy: read the grant's state in the transaction that issues the successor, or check it at each use.
    """
    alice = await target.own_login("alice")
    await target.expect_revocation_reaches_heirs(await target.granted(alice))
    for _ in range(target.ROUNDS):
        party = await target.granted(alice)
        await target.expect_no_survivor(party, await target.refresh_and_revoke_together(party))
    await target.expect_renews(await target.granted(alice))
    target.note = f"no survivor in {target.ROUNDS} rounds"


@check(
    "refresh.after-grant-withdrawn",
    needs=[*REFRESH, Capability.WITHDRAW],
    sources=["OAUTH21-4.3.1", "ASVS-v5.0.0-10.4.9", "CWE-613"],
    exclusive=True,
)
async def withdrawn_grant_gives_no_tokens(target: Target) -> None:
    """After the user withdraws a client's grant, its refresh token gives nothing.

    It is the only way in which a user can take back what was allowed.

    Remedy: check at each refresh that the grant still stands.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice)
    await target.withdraw(alice, target.client_of(party))
    await target.expect_not_renewed(party, "a withdrawn grant gives no tokens")
