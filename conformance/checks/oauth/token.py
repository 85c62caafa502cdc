"""The token endpoint: what it takes, and what it says."""

from conformance.attacks.token_requests import BAD, Bad, bad_requests
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target
from conformance.target.oauth_messages import Change

TOKEN = [Capability.AUTHORIZE]


@check("oauth.token.post-only", needs=TOKEN, sources=["RFC6749-3.2", "OAUTH21-3.2", "CWE-598"])
async def tokens_come_by_post_only(target: Target) -> None:
    """A token request by another method than POST, its parameters in the query, gets no token.

    Codes and secrets in a URL are logged by every proxy on the way.

    Remedy: route POST alone to the token endpoint.
    """
    alice = await target.own_login("alice")
    for method in ("GET", "PUT", "DELETE"):
        code = await target.code(alice)
        target.demand_no_grant(await target.redeem(code, method=method), f"{method} gives no token")
    await target.granted(alice)


@check("oauth.token.query-params-ignored", needs=TOKEN, sources=["OAUTH21-3.2.2", "CWE-598"])
async def token_parameters_in_the_query_are_ignored(target: Target) -> None:
    """A token request by POST whose parameters stand in the query gets no token.

    Codes, verifiers and secrets in a URL are logged by every proxy on the way.

    Remedy: read the form body alone.
    """
    code = await target.code(await target.own_login("alice"))
    target.demand_no_grant(await target.redeem_in_query(code), "parameters in the query give no token")
    await target.granted(code.browser, code.client)


@check("oauth.token.no-store", needs=TOKEN, sources=["RFC6749-5.1", "OAUTH21-3.2.3", "CWE-525"])
async def token_responses_are_not_stored(target: Target) -> None:
    """Every response with a token says `Cache-Control: no-store`, those of refreshing too.

    A cache on the way, or on the disk of a shared computer, keeps the token for whoever looks next.

    Remedy: set the header for the whole endpoint.
    """
    code = await target.code(await target.own_login("alice"))
    answer = await target.redeem(code)
    party = target.holder(code.browser, answer)
    target.expect_not_stored(answer)
    if "refresh" in party.tokens:
        target.expect_not_stored(await target.renewed(party))


@check("oauth.token.error-codes", needs=TOKEN, sources=["RFC6749-5.2", "OAUTH21-3.2.4", "CWE-755"], requests=18)
async def errors_have_their_codes(target: Target) -> None:
    """Each kind of bad token request gets the error code and the status that the standard gives it.

    Clients act on these codes: one that is told the wrong thing retries what it must not, or gives up too early.

    Remedy: map every refusal to one of the defined codes, with 400, and 401 where the client failed to authenticate.
    """
    alice = await target.own_login("alice")
    for bad in BAD:
        code = await target.code(alice)
        answer = await target.redeem_by(code, target.redemption(code, bad.changes(code.value)))
        target.demand_refusal(answer, f"a token request with {bad.what} is refused")
        target.expect_error(answer, bad.errors)
    answer = await target.redeem(await target.code(alice), client=target.nobody())
    target.demand_refusal(answer, "a token request of an unknown client is refused")
    target.expect_error(answer, ("invalid_client", "invalid_grant", "invalid_request"))
    await target.granted(alice)


@check("oauth.token.duplicate-params", needs=TOKEN, sources=["RFC6749-3.2", "OAUTH21-3.2", "CWE-235"])
async def repeated_token_parameter_is_refused(target: Target) -> None:
    """A token request that repeats a parameter with another value gets no token.

    A gateway that checks the first value before a server that reads the last can be told two different stories.

    Remedy: refuse requests in which a parameter of the protocol stands twice, with `invalid_request`.
    """
    alice = await target.own_login("alice")
    for name in ("grant_type", "code", "redirect_uri", *await target.understood(alice, "code_verifier")):
        code = await target.code(alice)
        twice = [target.parameter_of(code, name), "pickproof-other-value"]
        answer = await target.redeem_by(code, target.redemption(code, {name: twice}))
        target.demand_refusal(answer, f"a repeated {name} gives no token")
    await target.granted(alice)


@check("oauth.token.expires-in", needs=TOKEN, sources=["RFC6749-5.1-expires-in", "CWE-613"])
async def lifetime_is_stated_honestly(target: Target) -> None:
    """A token response says how long its access token lives, and a signed token's own expiry agrees.

    A client that does not know the lifetime refreshes too late, or keeps using and storing what is dead, and a
    false one hides a token that lives too long.

    Remedy: send `expires_in`, computed from the same value as the token's `exp`.
    """
    code = await target.code(await target.own_login("alice"))
    answer = await target.redeem(code)
    party = target.holder(code.browser, answer)
    if answer.expires_in is None:
        said = repr(answer.document.get("expires_in"))
        target.violation("the response states expires_in, a number of seconds", f"it is {said}")
    target.expect_lifetime(party, answer.expires_in)


@check("oauth.token.no-echo", needs=TOKEN, sources=["RFC6749-10.14", "ASVS-v5.0.0-16.5.1", "CWE-209"])
async def errors_echo_no_secret(target: Target) -> None:
    """An error of the token endpoint repeats no code, verifier or secret, and shows no insides of the server.

    Errors end up in logs and bug reports, and with them the code or the secret that somebody can still use.

    Remedy: answer with the error code and a fixed description.
    """
    alice, client = await target.own_login("alice"), target.client()
    spoilt: tuple[dict[str, Change], ...] = (
        {"redirect_uri": "https://attacker.pickproof.example/"},
        {"grant_type": "x"},
    )
    for changes in spoilt:
        code = await target.code(alice, client)
        answer = await target.redeem_by(code, target.redemption(code, changes))
        target.expect_no_echo(answer, code)
    target.demand_refusal(answer, "a token request with an unknown grant type is refused")
    await target.granted(alice, client)


@check("oauth.token.no-5xx", needs=TOKEN, sources=["RFC6749-5.2", "RFC6749-10.14", "CWE-755"], requests=6)
@given(examples=40, bad=bad_requests)
async def no_token_request_breaks_the_server(target: Target, bad: Bad) -> None:
    """No token request, however malformed, breaks the server or gives a token.

    Anyone can call this endpoint. One that breaks on odd input can be held down, and shows where a deeper attack
    may start.

    Remedy: check type, number and length of every parameter before it is used.
    """
    await target.expect_handled(await target.shared_login("alice"), bad)
