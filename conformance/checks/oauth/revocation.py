"""Revocation by the client (RFC 7009)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

REVOKE = [Capability.AUTHORIZE, Capability.REVOKE]
REFRESH = [*REVOKE, Capability.REFRESH]


@check("oauth.revoke.refresh", needs=REFRESH, sources=["RFC7009-2", "ASVS-v5.0.0-10.4.9", "CWE-613"])
async def revoked_refresh_token_is_dead(target: Target) -> None:
    """A revoked refresh token gives no new tokens.

    The refresh token is the one that lasts. Whoever holds a copy after its revocation keeps the account for as long
    as it is honoured.

    Remedy: delete the token, or its whole grant, before the revocation is answered.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice)
    await target.revoke_token(party, "refresh")
    await target.expect_not_renewed(party, "a revoked refresh token gives no tokens")


@check("oauth.revoke.access", needs=REVOKE, sources=["RFC7009-2-access", "RFC7009-2.1", "CWE-613"])
async def revoked_access_token_is_dead(target: Target) -> None:
    """A revoked access token is refused by the API.

    A user who revokes has a reason, a lost phone or a doubt. A token that goes on opens the account until it
    expires.

    Remedy: look up at the API whether the token, or its grant, was revoked; or let access tokens live for minutes.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_accepted(party)
    await target.revoke_token(party, "access")
    await target.expect_ended(party, "its revocation", target.declared_stateless)


@check("oauth.revoke.cascade-to-access", needs=REFRESH, sources=["RFC7009-2.1-cascade", "CWE-613"])
async def revoking_a_refresh_token_ends_the_access_token(target: Target) -> None:
    """When a refresh token is revoked, the access tokens of its grant are refused.

    A thief with both tokens goes on with the access token after the application has logged out.

    Remedy: end the grant, and let the API ask whether the grant lives.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_accepted(party)
    await target.revoke_token(party, "refresh")
    await target.expect_ended(party, "the revocation of its refresh token", target.declared_stateless)


@check(
    "oauth.revoke.client-binding",
    needs=[*REVOKE, Capability.SECOND_CLIENT],
    sources=["RFC7009-2.1", "CWE-863"],
)
async def client_revokes_only_its_own(target: Target) -> None:
    """A client cannot revoke the tokens of another one.

    One application could end the sessions of all others, token by token.

    Remedy: compare the token's client with the client that authenticates.
    """
    party = await target.granted(await target.own_login("alice"))
    other = target.other_client(target.client_of(party))
    for kind in [name for name in ("access", "refresh") if name in party.tokens]:
        await target.call_revoke(party, party.tokens[kind], client=other)
        await target.expect_kept(party, f"a revocation of its {kind} token by {other}")


@check(
    "oauth.revoke.client-auth",
    needs=[*REVOKE, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC7009-2.1", "ASVS-v5.0.0-10.4.10", "CWE-306"],
)
async def revocation_authenticates_the_client(target: Target) -> None:
    """A confidential client's tokens are not revoked by somebody without its secret.

    Whoever comes by a token can otherwise log its user out; a flood of found tokens is an outage.

    Remedy: authenticate the client at the revocation endpoint as at the token endpoint.
    """
    party = await target.granted(await target.own_login("alice"), target.client("confidential"))
    await target.call_revoke(party, party.tokens["access"], auth="none")
    await target.expect_kept(party, "a revocation without the client's secret")
    await target.revoke_token(party, "access")


@check("oauth.revoke.unknown-is-200", needs=REVOKE, sources=["RFC7009-2.2", "CWE-203"])
async def unknown_token_is_revoked_quietly(target: Target) -> None:
    """Revoking a made-up token, or one that is dead already, is answered like any other revocation.

    Otherwise the endpoint tells whoever asks which tokens exist.

    Remedy: answer 200 whether or not there was anything to revoke.
    """
    party = await target.granted(await target.own_login("alice"))
    kind = "refresh" if "refresh" in party.tokens else "access"
    genuine = await target.revoke_token(party, kind)
    for what, token in {"a made-up": "pickproof-made-up-token", "a revoked": party.tokens[kind]}.items():
        target.expect_same_status(await target.call_revoke(party, token), genuine, f"{what} token")


@check("oauth.revoke.isolation", needs=REVOKE, sources=["RFC7009-2.1", "CWE-645"])
async def revocation_ends_one_grant(target: Target) -> None:
    """Revoking one token leaves the tokens of other users alone, and the user's of other logins.

    If one user's logout ends others' sessions, any user can lock everybody out.

    Remedy: end the grant that the token belongs to, not all that share its user or its client.
    """
    party = await target.granted(await target.own_login("alice"))
    bob = await target.granted(await target.own_login("bob"))
    await target.expect_accepted(bob)
    await target.revoke_token(party, "refresh" if "refresh" in party.tokens else "access")
    await target.expect_kept(bob, "the revocation of alice's token")


@check("oauth.revoke.wrong-hint", needs=REFRESH, sources=["RFC7009-2.1", "CWE-20"])
async def wrong_hint_does_not_stop_revocation(target: Target) -> None:
    """A refresh token that is revoked with the hint `access_token` is dead all the same.

    The hint is there for speed. A client that gets it wrong believes that it has logged its user out.

    Remedy: look among all kinds of tokens when the hinted one has no match.
    """
    party = await target.granted(await target.own_login("alice"))
    answer = await target.revoke_by(party, "refresh", hint="access_token")
    await target.expect_revoked_despite(answer, party, "access_token")


@check("oauth.revoke.unknown-hint", needs=REFRESH, sources=["RFC7009-2.2", "CWE-20"])
async def unknown_hint_is_ignored(target: Target) -> None:
    """A refresh token that is revoked with a hint that nobody defined is dead all the same.

    Hints are extensible. A server that refuses what it does not know leaves tokens alive that somebody wanted dead.

    Remedy: ignore hints that you do not know.
    """
    party = await target.granted(await target.own_login("alice"))
    answer = await target.revoke_by(party, "refresh", hint="pickproof")
    await target.expect_revoked_despite(answer, party, "pickproof")


@check("oauth.revoke.post-only", needs=REVOKE, sources=["RFC7009-2.3", "CWE-598"])
async def revocation_takes_no_get(target: Target) -> None:
    """A revocation by GET, the token in the query, has no effect.

    Tokens in addresses stand in logs before they are dead; and a picture on any page can send a GET.

    Remedy: route POST alone to the endpoint.
    """
    party = await target.granted(await target.own_login("alice"))
    kind = "refresh" if "refresh" in party.tokens else "access"
    await target.revoke_by(party, kind, method="GET")
    await target.expect_still_good(party, "a revocation by GET")


@check("oauth.revoke.spent-ancestor", needs=REFRESH, sources=["CWE-613"])
async def replaced_token_revokes_its_successor(target: Target) -> None:
    """Revoking a refresh token that was replaced ends what replaced it.

    A client whose last answer was lost has only the old one. Its logout must not leave the new one alive, on the way
    or in a log.

    Remedy: end the whole family of the token that is revoked, spent or not.
    """
    party = await target.granted(await target.own_login("alice"))
    heir = await target.successor(party)
    await target.call_revoke(party, party.tokens["refresh"])
    await target.expect_not_renewed(heir, "the successor of a revoked refresh token gives no tokens")


@check("oauth.revoke.cascade-to-refresh", needs=REFRESH, sources=["RFC7009-2-access", "RFC7009-2.1-upward", "CWE-613"])
async def revoked_access_token_stays_dead(target: Target) -> None:
    """A revoked access token stays dead when its refresh token is used, where that still works.

    Whether the refresh token ends with it is the server's choice, and noted. What was revoked must not come back.

    Remedy: remember revoked tokens by themselves, whatever else their grant goes through.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.revoke_token(party, "access")
    await target.expect_stays_dead(party)
