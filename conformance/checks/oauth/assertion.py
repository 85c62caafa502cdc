"""Clients that prove themselves with a private key (RFC 7523), and those who would pass for them."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

KEY = [Capability.AUTHORIZE, Capability.KEY_CLIENT]


@check(
    "oauth.client.assertion-claims",
    needs=KEY,
    sources=["RFC7523-3", "ASVS-v5.0.0-10.4.10", "RFC8725-3.9", "CWE-347"],
    requests=55,
)
async def false_assertion_is_refused(target: Target) -> None:
    """An assertion without issuer, subject, audience or expiry, with false ones, or out of its time proves nothing.

    Clients sign for several servers, and such a JWT stands in their logs. One for another server, or from last year,
    must not be the client's proof here.

    Remedy: demand that `iss` and `sub` are the client's id, that `aud` is this server, and that `exp` is to come.
    """
    alice, client = await target.own_login("alice"), target.key_client()
    for what, assertion in target.falsified_assertions(client):
        answer = await target.redeem_asserting(alice, client, assertion)
        target.demand_refusal(answer, f"an assertion {what} gives no token")
    await target.granted(alice, client)


@check(
    "oauth.client.assertion-signature",
    needs=KEY,
    sources=["RFC7523-3", "ASVS-v5.0.0-10.4.10", "RFC8725-3.1", "RFC8725-3.3", "CWE-347"],
    requests=60,
)
async def forged_assertion_is_refused(target: Target) -> None:
    """An assertion that the client's own key did not sign is refused, however it is forged.

    Everything in it but the signature is known to anybody. The forgeries are those of any JWT: no algorithm, the public
    key as a secret, a key that the token itself brings.

    Remedy: verify with the keys and the algorithm that the client registered, and with nothing that the token names.
    """
    alice, client = await target.own_login("alice"), target.key_client()
    for what, assertion in await target.forged_assertions(client):
        answer = await target.redeem_asserting(alice, client, assertion)
        target.demand_refusal(answer, f"an assertion {what} gives no token")
    await target.granted(alice, client)


@check("oauth.client.assertion-replay", needs=KEY, sources=["RFC7523-3-replay", "ASVS-v5.0.0-10.4.16", "CWE-294"])
async def assertion_counts_once(target: Target) -> None:
    """An assertion that was used is refused when it comes again.

    Until it expires, whoever reads it in a log or on the way is the client. RFC 7523 lets a server look the id up;
    profiles such as FAPI, and OpenID Connect where nothing else was agreed, want each to be used once.

    Remedy: remember the `jti` of each client until its assertion has expired, and refuse it the second time.
    """
    alice, client = await target.own_login("alice"), target.key_client()
    assertion = target.assertion(client)
    target.holder(alice, await target.redeem_asserting(alice, client, assertion))
    again = await target.redeem_asserting(alice, client, assertion)
    target.demand_refusal(again, "an assertion that was used gives no token")
    await target.granted(alice, client)


@check("oauth.client.assertion-error", needs=KEY, sources=["RFC7523-3.2", "CWE-20"])
async def bad_assertion_is_invalid_client(target: Target) -> None:
    """A client whose assertion has expired is told `invalid_client`.

    By it a client knows that its clock or its key is wrong. One that is told of a wrong code or request drops what the
    user has just allowed, and asks again.

    Remedy: answer every assertion that proves nothing with `invalid_client`.
    """
    alice, client = await target.shared_login("alice"), target.key_client()
    answer = await target.redeem_asserting(alice, client, target.expired_assertion(client))
    target.demand_refusal(answer, "an assertion that has expired gives no token")
    target.expect_error(answer, ("invalid_client",))
    await target.granted(alice, client)


@check(
    "oauth.client.method-downgrade",
    needs=KEY,
    sources=["RFC6749-3.2.1", "ASVS-v5.0.0-10.4.10", "CWE-757"],
    requests=40,
)
async def key_is_the_only_proof(target: Target) -> None:
    """A client that is registered to sign assertions is not served for less: its id, a guess, or a secret.

    The key never leaves the client. A server that takes something weaker as well makes it worthless: the attacker
    chooses the method.

    Remedy: keep the method of authentication with each client, and accept that one alone.
    """
    alice, client = await target.own_login("alice"), target.key_client()
    for what, shown, changes in target.weaker_proofs(client):
        answer = await target.redeem_shown(await target.code(alice, client), shown, changes)
        target.demand_refusal(answer, f"{what} gives {client} no token")
    await target.granted(alice, client)


@check(
    "oauth.race.assertion-jti",
    needs=KEY,
    sources=["RFC7523-3-replay", "ASVS-v5.0.0-10.4.16", "CWE-367"],
    requests=120,
)
async def assertion_counts_once_in_a_race(target: Target) -> None:
    """Of many requests with one assertion that arrive together, one succeeds at the most.

    Between looking the id up and writing it down lies a gap, and whoever copied an assertion uses it.

    Remedy: write the id down with one statement that fails when it is there, before any token is issued.
    """
    alice, client = await target.own_login("alice"), target.key_client()
    await target.need_assertions_once(alice, client)
    for _ in range(target.ROUNDS):
        codes = [await target.code(alice, client) for _ in range(target.AT_ONCE)]
        target.demand_one_winner(await target.redeem_together(*codes, client_assertion=target.assertion(client)))
    await target.granted(alice, client)
    target.note = f"one success at the most in {target.ROUNDS} rounds of {target.AT_ONCE} uses each"
