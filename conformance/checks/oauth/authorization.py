"""The authorization endpoint and its pages, where a user says yes."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

AUTHORIZE = [Capability.AUTHORIZE]


@check(
    "oauth.authz.response-type-required",
    needs=AUTHORIZE,
    sources=["RFC6749-3.1.1", "CWE-20"],
)
async def request_names_what_it_wants(target: Target) -> None:
    """A request without a response type, or with one that nobody defined, gives neither code nor token.

    A server that guesses what was meant may send a token through the front channel, where browser history and
    scripts see it.

    Remedy: refuse what is not `response_type=code` before anything else is looked at.
    """
    alice, client = await target.own_login("alice"), target.client()
    for unknown in (None, "", "pickproof", "CODE"):
        response = await target.authorize(alice, client, response_type=unknown)
        target.demand_no_code(response, f"response_type {unknown!r} gives no code")
    await target.granted(alice, client)


@check(
    "oauth.authz.implicit-off",
    needs=AUTHORIZE,
    sources=["ASVS-v5.0.0-10.4.4", "RFC9700-2.1.2", "OAUTH21-10.1", "ASVS-v5.0.0-10.6.1", "CWE-598"],
)
async def no_access_token_in_the_front_channel(target: Target) -> None:
    """No access token comes out of the authorization endpoint, whatever response type asks for one.

    What stands in a URL stands in histories, logs and referrers, and nothing binds it to the client.

    Remedy: switch the implicit grant off, for every client.
    """
    alice, client = await target.own_login("alice"), target.client()
    for kind in ("token", "code token", "id_token token", "code id_token token"):
        response = await target.authorize(alice, client, response_type=kind, nonce="n-pickproof")
        if response.values("access_token"):
            target.violation("no access token in an authorization response", f"response_type={kind}: {response}")
        target.demand_answer(response)
    await target.granted(alice, client)


@check(
    "oauth.authz.duplicate-params",
    needs=AUTHORIZE,
    sources=["RFC6749-3.1", "OAUTH21-3.1", "ASVS-v5.0.0-15.3.7", "WSTG-INPV-04", "CWE-235"],
)
async def repeated_parameter_is_refused(target: Target) -> None:
    """A request that repeats a parameter with another value gives no code.

    Two parts of a server that each pick another one of the two disagree on what the user allowed.

    Remedy: refuse requests in which a parameter of the protocol stands twice.
    """
    alice, client = await target.own_login("alice"), target.client()
    for name in ("client_id", "response_type", "state", "scope", *await target.understood(alice, "code_challenge")):
        values = [target.request(client).value(name), "pickproof-other-value"]
        response = await target.authorize(alice, client, **{name: values})
        target.demand_no_code(response, f"a repeated {name} gives no code")
    await target.granted(alice, client)


@check(
    "oauth.authz.unknown-client-no-redirect",
    needs=AUTHORIZE,
    sources=["RFC6749-4.1.2.1", "RFC9700-2.1-open-redirector", "CWE-601"],
)
async def unknown_client_is_not_redirected(target: Target) -> None:
    """With an unknown, an empty or no client_id the browser stays at the server.

    A server that redirects for a client nobody registered is an open redirector under a trusted name.

    Remedy: look the client up first, and show an own error page when there is none.
    """
    alice, client = await target.own_login("alice"), target.client()
    for unknown in ("pickproof-no-such-client", "", None, f"{client.id} "):
        response = await target.authorize(
            alice, client, client_id=unknown, redirect_uri="https://attacker.pickproof.example/callback"
        )
        if response.location:
            target.violation(f"no redirect for client_id {unknown!r}", str(response))
        target.demand_answer(response)
    await target.granted(alice, client)


@check(
    "oauth.authz.framing",
    needs=AUTHORIZE,
    sources=["RFC9700-4.16", "ASVS-v5.0.0-3.4.6", "OAUTH21-7.11", "RFC6749-10.13", "WSTG-CLNT-09", "CWE-1021"],
)
async def pages_cannot_be_framed(target: Target) -> None:
    """Login and consent pages forbid other sites to frame them.

    In an invisible frame a user clicks "allow" while believing to click something else.

    Remedy: send `Content-Security-Policy: frame-ancestors 'none'` with every page, `X-Frame-Options: DENY` besides.
    """
    alice, client = await target.own_login("alice"), target.client()
    for browser in (alice, target.stranger()):
        response = await target.first_page(browser, client)
        target.expect_unframeable(response)


@check(
    "oauth.authz.consent-csrf",
    needs=AUTHORIZE,
    sources=["RFC6749-10.12", "CWE-352"],
)
async def consent_cannot_be_forged(target: Target) -> None:
    """Another site cannot give the user's consent: a form sent without, or with a foreign, anti-forgery value fails.

    Otherwise a page that a logged-in user visits lets the attacker's client into the account.

    Remedy: bind an anti-forgery value to the browser's session and to the request, and check it with the consent.
    """
    alice, client = await target.own_login("alice"), target.client()
    await target.expect_consent_unforgeable(alice, await target.own_login("bob"), client)


@check(
    "oauth.authz.ropc-off",
    needs=AUTHORIZE,
    sources=["RFC9700-2.4", "ASVS-v5.0.0-10.4.4", "CWE-522"],
)
async def password_grant_is_off(target: Target) -> None:
    """No client gets a token for a user's name and password.

    The grant teaches users to type their password into any application, goes around a second factor, and lets an
    attacker try passwords at machine speed.

    Remedy: switch the grant `password` off, for every client.
    """
    alice, account = await target.own_login("alice"), target.account("alice")
    for client in target.authorization.clients:
        form = {"grant_type": "password", "username": account.user, "password": account.password}
        answer = await target.token_request(alice, client, **form, scope=" ".join(client.scopes))
        target.demand_refusal(answer, f"the password grant gives {client} no token")
    await target.granted(alice)


@check(
    "oauth.authz.scope-client-allowlist",
    needs=[*AUTHORIZE, Capability.SCOPES],
    sources=["ASVS-v5.0.0-10.4.11", "RFC6749-3.3", "CWE-863"],
)
async def client_gets_only_its_own_scopes(target: Target) -> None:
    """A client that asks for a scope it is not registered for does not get it.

    A small application, or one that was taken over, otherwise asks for everything, and needs one careless click.

    Remedy: keep the allowed scopes with each client, and refuse or drop all others.
    """
    alice = await target.own_login("alice")
    client, foreign = target.client_lacking_a_scope()
    response = await target.authorize(alice, client, scope=" ".join((*client.scopes, foreign)))
    if response.code:
        party = await target.tokens(target.code_of(response, alice))
        await target.expect_closed(party, foreign, f"{client} is not registered for {foreign}")
    target.demand_answer(response)
    await target.granted(alice, client)


@check(
    "oauth.authz.consent-not-skippable",
    needs=[*AUTHORIZE, Capability.PUBLIC_CLIENT],
    sources=["RFC6749-10.2", "RFC8252-8.6", "CWE-285"],
)
async def public_client_asks_each_time(target: Target) -> None:
    """A public client whose address anyone on the device can take does not get a code without asking the user again.

    Another app that registers the same scheme or opens the same loopback port would be let in silently.

    Remedy: show the page of consent for each request of a public client on loopback or a private scheme.
    """
    alice, client = await target.own_login("alice"), target.native_client()
    await target.granted(alice, client)
    response = await target.ask(alice, target.request(client), decide=False)
    target.demand_no_code(response, f"a repeated request of {client} asks the user again")
