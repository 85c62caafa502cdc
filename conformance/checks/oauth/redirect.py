"""Where a server sends the browser: the registered redirect URI, or nowhere."""

from conformance.attacks.redirects import DANGEROUS, EXACT, NARROW, POLLUTED, Variant, near_misses
from conformance.model import Capability
from conformance.registry import check, given
from conformance.target.facade import Target

AUTHORIZE = [Capability.AUTHORIZE]
EXACTLY = [
    "ASVS-v5.0.0-10.4.1",
    "RFC9700-4.1.3",
    "RFC9700-2.1",
    "OAUTH21-2.3.1",
    "RFC8252-8.4",
    "OAUTH21-4.1.1-redirect",
    "CWE-601",
]


@check("oauth.redirect.exact-match", needs=AUTHORIZE, sources=EXACTLY, requests=33)
async def redirect_uri_matches_exactly(target: Target) -> None:
    """A longer path, another query, a subdomain or a similar host is not the registered redirect URI.

    A code or an error that reaches a page which the attacker controls, be it another page of the client's own site,
    is the attacker's.

    Remedy: compare the whole URI with the registered ones, character by character.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for variant in EXACT:
        await target.expect_nothing_sent_to(alice, client, variant)
    await target.granted(alice, client)


@check("oauth.redirect.normalisation", needs=AUTHORIZE, sources=[*EXACTLY, "CWE-180"])
@given(examples=40, variant=near_misses)
async def redirect_uri_is_not_normalised(target: Target, variant: Variant) -> None:
    """Spellings that some parser takes for the registered URI are refused: case, encodings, dots, slashes, user info.

    The parser that decides and the one that redirects need not agree, and the browser is a third.

    Remedy: compare the raw strings; never parse or decode before comparing.
    """
    alice, client = await target.shared_login("alice"), target.client("web")
    await target.expect_nothing_sent_to(alice, client, variant)


@check(
    "oauth.redirect.mismatch-no-redirect",
    needs=AUTHORIZE,
    sources=["RFC6749-4.1.2.1", "RFC9700-4.11.2-trust", "ASVS-v5.0.0-10.4.1", "CWE-601"],
)
async def mismatch_is_not_redirected_with_an_error(target: Target) -> None:
    """Nothing is sent to an unregistered URI, not even an error: neither for users nor for strangers.

    A redirect to anywhere makes the server's good name carry a victim to a page of the attacker's: an open
    redirect, with phishing as its use.

    Remedy: check client and redirect URI first, and show an own page when one of them is wrong.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    evil = "https://attacker.pickproof.example/callback"
    for browser in (alice, target.stranger()):
        for changes in ({}, {"response_type": "pickproof"}, {"scope": "pickproof-no-such-scope"}):
            target.demand_not_sent_away(await target.authorize(browser, client, redirect_uri=evil, **changes))
    await target.granted(alice, client)


@check(
    "oauth.redirect.cross-client",
    needs=[*AUTHORIZE, Capability.SECOND_CLIENT],
    sources=["RFC6749-3.1.2.3", "RFC9700-4.1.3", "ASVS-v5.0.0-10.4.1", "CWE-863"],
)
async def redirect_uri_of_another_client_is_refused(target: Target) -> None:
    """The redirect URI of one client does not work for another.

    An attacker who owns one client sends a victim through another, trusted one, and receives its code.

    Remedy: compare with the URIs of the client that asks, not with those of all clients.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    foreign = target.other_client(client).redirect_uri
    target.demand_not_sent_away(await target.authorize(alice, client, redirect_uri=foreign))
    await target.granted(alice, client)


@check(
    "oauth.redirect.fragment",
    needs=AUTHORIZE,
    sources=["RFC6749-3.1.2", "ASVS-v5.0.0-10.4.1", "CWE-601"],
)
async def redirect_uri_has_no_fragment(target: Target) -> None:
    """A redirect URI with a fragment is refused.

    What follows the # stays in the browser and moves to the next page, so a code can be carried to a page that must
    not have it.

    Remedy: refuse it as any other URI that is not registered.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for fragment in ("#pickproof", "#", "#@attacker.pickproof.example/"):
        expected = "a redirect URI with a fragment gives no code"
        response = await target.authorize(alice, client, redirect_uri=client.redirect_uri + fragment)
        target.demand_not_sent_away(response)
        target.demand_no_code(response, expected)
    await target.granted(alice, client)


@check(
    "oauth.redirect.duplicate",
    needs=AUTHORIZE,
    sources=["RFC6749-3.1", "RFC9700-4.1.3", "ASVS-v5.0.0-10.4.1", "CWE-235"],
)
async def repeated_redirect_uri_is_refused(target: Target) -> None:
    """Two redirect URIs in one request, a good and an evil one in either order, lead to no code.

    One part of the server checks the first, another uses the last: the code goes to the attacker with every check
    passed.

    Remedy: refuse requests in which a parameter stands twice.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    evil = "https://attacker.pickproof.example/callback"
    for both in ([client.redirect_uri, evil], [evil, client.redirect_uri]):
        response = await target.authorize(alice, client, redirect_uri=both)
        target.demand_not_sent_away(response)
        target.demand_no_code(response, "a repeated redirect_uri gives no code")
    await target.granted(alice, client)


@check(
    "oauth.redirect.loopback-port",
    needs=[*AUTHORIZE, Capability.LOOPBACK_CLIENT],
    sources=["RFC8252-7.3", "RFC9700-4.1.3", "OAUTH21-8.4.2"],
)
async def native_client_may_use_any_port(target: Target) -> None:
    """A native client's loopback redirect works on any port, as its operating system hands ports out.

    An application that cannot have the port it registered fails, or its makers loosen the comparison for everything
    else, too.

    Remedy: for redirect URIs registered on 127.0.0.1 or [::1], compare everything but the port.
    """
    alice, client = await target.own_login("alice"), target.client("loopback")
    await target.code(alice, client)
    for port in (49152, 61234):
        response = await target.authorize(alice, client, redirect_uri=target.on_port(client.redirect_uri, port))
        target.demand_answer(response)
        if not response.code:
            target.violation(f"a code for the loopback redirect on port {port}", str(response))


@check(
    "oauth.redirect.token-binding",
    needs=AUTHORIZE,
    sources=["RFC6749-4.1.3", "RFC6749-10.6", "OAUTH21-10.2", "CWE-345"],
)
async def redemption_repeats_the_redirect_uri(target: Target) -> None:
    """A code is not redeemed with another redirect URI than the one it was sent to.

    The comparison shows that a code came by way of the attacker's own redirect, when the first check was fooled.

    Another one that the client registered counts as little as a stranger's: one of them may be what leaks.

    Remedy: store the redirect URI with the code; where the token request names one, compare.
    """
    alice = await target.own_login("alice")
    for client, uri in target.where_no_code_went():
        code = await target.code(alice, client)
        answer = await target.redeem(code, redirect_uri=uri)
        await target.expect_no_token(answer, f"redirect_uri={uri} at redemption gives no token", code)


@check(
    "oauth.redirect.code-pollution",
    needs=AUTHORIZE,
    sources=["RFC9700-4.1.3", "OAUTH21-4.1.1-redirect", "ASVS-v5.0.0-10.4.1", "CWE-235"],
)
async def redirect_uri_brings_no_code(target: Target) -> None:
    """A redirect URI that brings a code of its own, in its query or hidden in its path, is not redirected to.

    The client then finds two codes in one response. Where it reads the other one than the server wrote, the attacker's
    code is redeemed in the victim's browser.

    Remedy: compare the whole URI with the registered ones, query included.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for variant in POLLUTED:
        response = await target.authorize(alice, client, redirect_uri=variant.of(client.redirect_uri))
        target.demand_not_sent_away(response)
        target.demand_one_code(response)
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check(
    "oauth.redirect.missing",
    needs=AUTHORIZE,
    sources=["RFC6749-3.1.2.3-several", "CWE-601"],
)
async def redirect_uri_is_named_where_there_are_several(target: Target) -> None:
    """A client with several registered redirect URIs gets no code when its request names none of them.

    A server that picks one sends the code where this flow did not begin: to an old address, or to another of the
    client's applications.

    Remedy: demand `redirect_uri`, at least of clients that have more than one.
    """
    alice, client = await target.shared_login("alice"), target.client_with_several_uris()
    response = await target.authorize(alice, client, redirect_uri=None)
    target.demand_no_code(response, f"no code for {client} without a redirect_uri: several are registered")
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check(
    "oauth.redirect.dangerous-scheme",
    needs=AUTHORIZE,
    sources=["RFC6749-3.1.2.3", "RFC6749-10.15", "ASVS-v5.0.0-10.4.1", "CWE-79"],
)
async def redirect_uri_is_nothing_to_run(target: Target) -> None:
    """A `javascript:`, `data:`, `vbscript:` or `file:` URI is neither redirected to nor linked on a page.

    A link "back to the application" on an error page runs the attacker's script with the rights of the server that
    everybody logs in at.

    Remedy: refuse what is not registered, and link to registered addresses only.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    for variant in DANGEROUS:
        response = await target.authorize(alice, client, redirect_uri=variant.of(client.redirect_uri))
        target.demand_nothing_to_run(response)
        target.demand_not_sent_away(response)
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check(
    "oauth.redirect.http-refused",
    needs=AUTHORIZE,
    sources=["RFC9700-2.6", "CWE-319"],
)
async def no_code_travels_in_the_clear(target: Target) -> None:
    """No code is sent to a plain http address, that of a native client on its own machine excepted.

    Everybody on the way reads the response, code and state included.

    Remedy: register https addresses only, and compare the scheme with the rest.
    """
    alice, client = await target.shared_login("alice"), target.client("web")
    told = "no response to plain http at a host that is not loopback"
    for clear in target.clear_uris():
        response = await target.authorize(alice, clear.client, redirect_uri=clear.uri)
        target.demand_answer(response)
        if response.location.lower().startswith("http://"):
            target.violation(told, f"{response}, {clear.how}")
    await target.code(alice, client)


@check(
    "oauth.redirect.loopback-exempt-narrow",
    needs=[*AUTHORIZE, Capability.LOOPBACK_CLIENT],
    sources=["RFC9700-4.1.3", "RFC9700-2.1", "RFC8252-8.4", "ASVS-v5.0.0-10.4.1", "CWE-601"],
)
async def only_the_port_is_free(target: Target) -> None:
    """That a native client's port is free lets no other host, address or path through.

    The exception for loopback is often written as a pattern, and patterns match more than they look: a host that
    begins with 127.0.0.1 belongs to whoever registers it.

    Remedy: parse the URI, demand the registered scheme, address and path without user info, and free the port alone.
    """
    alice, client = await target.own_login("alice"), target.client("loopback")
    for variant in NARROW:
        response = await target.authorize(alice, client, redirect_uri=variant.of(client.redirect_uri))
        target.demand_not_sent_away(response)
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check("oauth.redirect.query-kept", needs=AUTHORIZE, sources=["RFC6749-3.1.2-query", "CWE-20"])
async def registered_query_is_kept(target: Target) -> None:
    """The query of a registered redirect URI comes back intact, beside what the response adds.

    A client that keeps its tenant or its language there loses them, or two question marks spoil the code.

    Remedy: add the response's parameters to the query that is there.
    """
    alice = await target.shared_login("alice")
    client, uri = target.uri_with_query()
    response = (await target.code(alice, client, redirect_uri=uri)).response
    target.expect_query_kept(response, uri)
