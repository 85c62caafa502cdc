"""Introspection: what a server tells about a token, and whom (RFC 7662)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

INTROSPECT = [Capability.AUTHORIZE, Capability.INTROSPECT]


@check("oauth.introspect.auth-required", needs=INTROSPECT, sources=["RFC7662-2.1", "RFC7662-2.3", "CWE-306"])
async def introspection_asks_who_asks(target: Target) -> None:
    """Without credentials, or with wrong ones, introspection tells nothing.

    An open endpoint lets anybody test guessed or found tokens, and read whose they are and what they open.

    Remedy: authenticate the caller, and let only resource servers ask.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_active(party)
    caller = target.introspector()
    for stranger in (target.pretending(caller, ""), target.pretending(caller, "pickproof-wrong-secret")):
        target.expect_untold(await target.introspect(party.tokens["access"], party, client=stranger))


@check(
    "oauth.introspect.inactive-for-dead",
    needs=INTROSPECT,
    sources=["RFC7662-2.2", "RFC7662-4", "CWE-613"],
)
async def dead_tokens_are_inactive(target: Target) -> None:
    """Revoked, replaced and made-up tokens are answered with `active: false`.

    An API that believes introspection goes on serving whatever the server calls active.

    Remedy: answer from the state that the token endpoint uses, not from the token's own words.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_active(party)
    for what, token in (await target.dead_tokens(party)).items():
        target.expect_inactive(await target.introspect(token, party), what)


@check("oauth.introspect.inactive-minimal", needs=INTROSPECT, sources=["RFC7662-2.2-minimal", "CWE-203"])
async def inactive_answer_says_nothing_else(target: Target) -> None:
    """The answer about an inactive token is `active: false` and nothing more.

    Anything more tells a holder of dead or foreign tokens whose they were, and what to try next.

    Remedy: return the one member.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_active(party)
    for what, token in (await target.dead_tokens(party)).items():
        target.expect_minimal(await target.introspect(token, party), what)


@check(
    "oauth.introspect.agrees-with-rs",
    needs=[*INTROSPECT, Capability.REVOKE],
    sources=["RFC7662-2.2-agrees", "RFC7662-4", "CWE-613"],
)
async def introspection_agrees_with_the_api(target: Target) -> None:
    """A token is called active exactly while the API accepts it, through its whole history.

    A resource server that relies on introspection lets a dead token in, or a live one out, when the two disagree.

    Remedy: let API and introspection read the same state.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice)
    # A server may call what it does not keep, or what the one who asks must not know, inactive (RFC 7662 section 2.2).
    await target.expect_active(party)
    await target.expect_agreement(party, "fresh")
    if "refresh" in party.tokens:
        heir = target.holder(alice, await target.renewed(party))
        await target.expect_agreement(party, "after its refresh token was used")
        await target.expect_agreement(heir, "renewed")
        party = heir
    await target.revoke_token(party, "access")
    await target.expect_agreement(party, "revoked")


@check("oauth.introspect.consistent", needs=INTROSPECT, sources=["RFC7662-2.2", "CWE-345"])
async def introspection_says_what_was_granted(target: Target) -> None:
    """Client, scope and expiry in an introspection answer are those of the token.

    An API that reads a wider scope or a later expiry there opens what nobody granted.

    Remedy: answer from the row of the token, not from that of its client or its user.
    """
    alice, client = await target.own_login("alice"), target.client()
    narrow = client.scopes[:1]
    granted = await target.redeem(await target.code(alice, client, scope=" ".join(narrow) or None))
    party = target.holder(alice, granted)
    target.expect_consistent(await target.introspect(party.tokens["access"], party), party, granted)


@check("oauth.introspect.no-get", needs=INTROSPECT, sources=["RFC7662-4-get", "CWE-598"])
async def introspection_takes_no_get(target: Target) -> None:
    """A question by GET, the token in the query, gets no answer about the token.

    Tokens in addresses stand in the logs of the server and of everything before it.

    Remedy: route POST alone to the endpoint.
    """
    party = await target.granted(await target.own_login("alice"))
    await target.expect_active(party)
    target.expect_untold(await target.introspect_by_get(party), "by GET")


@check(
    "oauth.introspect.public-client-denied",
    needs=[*INTROSPECT, Capability.PUBLIC_CLIENT, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC7662-2.1", "CWE-306"],
)
async def public_client_learns_nothing_of_others(target: Target) -> None:
    """The id of a public client is not enough to ask about another client's token.

    Everybody knows that id. Whoever finds a token learns with it whose the token is and what it opens.

    Remedy: let only callers ask that authenticate.
    """
    party = await target.granted(await target.own_login("alice"), target.client("confidential"))
    await target.expect_active(party)
    answer = await target.introspect(party.tokens["access"], party, client=target.client("public"))
    target.expect_untold(answer, "by a public client")
