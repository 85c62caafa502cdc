"""What the authorization endpoint makes of odd requests, and what its pages and headers give away."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target
from conformance.target.front_channel import ERRONEOUS, MARKUP, SPLIT

AUTHORIZE = [Capability.AUTHORIZE]


@check("oauth.authz.unknown-params-ignored", needs=AUTHORIZE, sources=["RFC6749-3.1", "OAUTH21-3.1", "CWE-20"])
async def unknown_parameters_are_ignored(target: Target) -> None:
    """Parameters that nobody defined change nothing: the request still gives a code.

    Clients and proxies add what later standards define. A server that refuses it breaks them one by one, until
    somebody turns the check of requests off.

    Remedy: read the parameters that you know, and leave the rest.
    """
    alice, client = await target.shared_login("alice"), target.client()
    response = await target.authorize(alice, client, pickproof_extra="1", **{"x-pickproof": "a b"})
    await target.expect_code(alice, response, "unknown parameters are ignored, and a code comes")


@check("oauth.authz.empty-param-is-absent", needs=AUTHORIZE, sources=["RFC6749-3.1", "OAUTH21-3.1", "CWE-20"])
async def empty_parameters_count_as_absent(target: Target) -> None:
    """An empty `state`, `scope` or `code_challenge` leads to what its absence leads to.

    Where "there" and "empty" differ, a check that asks for the one is passed by the other: an empty challenge turns
    PKCE off.

    Remedy: drop parameters without a value before anything is looked at.
    """
    alice, client = await target.own_login("alice"), target.client()
    for name in ("state", "scope", "code_challenge"):
        await target.expect_empty_is_absent(alice, client, name)
    await target.code(alice, client)


@check(
    "oauth.authz.error-redirect-needs-user",
    needs=AUTHORIZE,
    sources=["RFC9700-4.11.2", "OAUTH21-7.13.2", "CWE-601"],
)
async def stranger_is_not_bounced(target: Target) -> None:
    """An erroneous request of somebody who is not logged in does not redirect to the client at once.

    Clients are easy to register. Such a redirect lets a link under the server's trusted name open the attacker's page
    without a click.

    Remedy: authenticate the user first; tell the client of errors afterwards.
    """
    alice, client = await target.shared_login("alice"), target.client("web")
    for what, changes in ERRONEOUS.items():
        response = await target.authorize(target.stranger(), client, **changes)
        if target.tells_client(response):
            target.violation("a stranger logs in before the client is told of an error", f"{what}: {response}")
        target.demand_answer(response)
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check("oauth.authz.no-307", needs=AUTHORIZE, sources=["RFC9700-4.12", "OAUTH21-7.5.4", "CWE-522"], logins=1)
async def password_is_not_sent_on(target: Target) -> None:
    """Neither the login nor the consent is answered with 307 or 308, which make browsers send the form on.

    By these codes the browser repeats the form, password included, at the client's address.

    Remedy: redirect with 303.
    """
    alice = await target.own_login("alice")
    await target.code(alice)
    target.expect_no_body_sent_on()


@check("oauth.authz.no-cors", needs=AUTHORIZE, sources=["RFC9700-2.6-cors", "CWE-942"])
async def authorization_endpoint_has_no_cors(target: Target) -> None:
    """The authorization endpoint allows no other site to read its answers.

    It is there for browsers that go to it. With CORS a script of any page may ask for a user who is logged in, and
    read what comes.

    Remedy: leave the endpoint out of the CORS configuration of the rest.
    """
    alice, client = await target.shared_login("alice"), target.client()
    await target.expect_no_cors(alice, client)


@check("oauth.authz.referrer-policy", needs=AUTHORIZE, sources=["RFC9700-4.2.4-pages", "CWE-200"])
async def pages_load_nothing_foreign(target: Target) -> None:
    """Pages of login and consent whose address holds the request load nothing of third parties.

    What is loaded from elsewhere may be told the address, `state` included, and a script from elsewhere reads the
    page itself.

    Remedy: serve styles, scripts and images yourself, and send `Referrer-Policy: no-referrer`.
    """
    alice, client = await target.shared_login("alice"), target.client()
    for browser in (alice, target.stranger()):
        target.expect_no_foreign_load(await target.first_page(browser, client))


@check("oauth.authz.reflected-input", needs=AUTHORIZE, sources=["RFC6749-10.14", "OAUTH21-7.12", "CWE-79", "CWE-113"])
async def request_is_not_reflected(target: Target) -> None:
    """Markup or line breaks in parameters of a request come back neither in pages nor as headers.

    A link to the server then runs the attacker's script on the page where people type their password.

    Remedy: escape what is shown, by templates that escape by themselves; encode what is put into a header.
    """
    alice, client = await target.own_login("alice"), target.client()
    for name in ("client_id", "redirect_uri", "response_type", "scope"):
        target.expect_not_reflected(await target.authorize(alice, client, **{name: MARKUP}), name)
    for text in (MARKUP, SPLIT):
        for browser in (alice, target.stranger()):
            shown = target.request(client, state=text, login_hint=text, nonce=text)
            target.expect_not_reflected(await target.ask(browser, shown, decide=False), "state, nonce or login_hint")
    target.expect_not_reflected(await target.authorize(alice, client, state=SPLIT), "state")


@check("oauth.authz.error-charset", needs=AUTHORIZE, sources=["RFC6749-5.2-charset", "CWE-116"])
async def errors_keep_to_their_characters(target: Target) -> None:
    """`error` and `error_description` are printable ASCII without quotation marks and backslashes.

    Clients put them into headers, logs and pages. What the request brought and the error repeats gets there
    unescaped.

    Remedy: use fixed descriptions, in plain ASCII, that repeat nothing.
    """
    alice, client = await target.own_login("alice"), target.client()
    for changes in ({"response_type": 'pick"proof\\'}, {"scope": 'pick"proof\\'}):
        response = await target.authorize(alice, client, **changes)
        if target.tells_client(response):
            target.expect_plain_error(response.error, response.value("error_description"), response.trail)
    for grant in ("pickproof", 'pick"proof\\'):
        answer = await target.token_request(alice, client, grant_type=grant)
        target.expect_plain_error(answer.error, answer.text("error_description"), (answer.exchange,))


@check("oauth.authz.scope-echo", needs=[*AUTHORIZE, Capability.SCOPES], sources=["RFC6749-3.3", "CWE-863"])
async def other_scope_than_asked_is_named(target: Target) -> None:
    """Where less is granted than was asked for, the token response names the scope.

    A client that is not told believes that it may do what it asked for, and fails in front of its user, or shows
    things that it cannot do.

    Remedy: send `scope` with every token response.
    """
    alice = await target.shared_login("alice")
    client, foreign = target.client_lacking_a_scope()
    response = await target.authorize(alice, client, scope=" ".join((*client.scopes, foreign)))
    target.demand_answer(response)
    if response.code:
        await target.expect_scope_named(await target.redeem(target.code_of(response, alice)), alice, foreign)
    else:
        target.note = "a scope that the client may not ask for is an error: nothing is left out quietly"
        await target.prove_code(alice, client, response.trail[0].sent_at)


@check("oauth.state.echo-on-error", needs=AUTHORIZE, sources=["RFC6749-4.1.2.1-state", "OAUTH21-4.1.2.1", "CWE-352"])
async def state_comes_back_with_errors(target: Target) -> None:
    """An error that is told to the client carries the state of its request.

    A client that cannot tell whose request failed either drops the error, or takes the attacker's for its own.

    Remedy: build every redirect to clients in one place, which adds `state`.
    """
    alice, client = await target.shared_login("alice"), target.client()
    for response in await target.erroneous(alice, client):
        if response.values("state") != [response.request.value("state")]:
            target.violation("the state of the request", f"{response.values('state') or 'none'} in {response}")


@check("oauth.state.none-invented", needs=AUTHORIZE, sources=["RFC6749-4.1.2-no-state", "CWE-352"])
async def no_state_is_made_up(target: Target) -> None:
    """Without a state in the request the response carries none, where the server takes such requests.

    A client with PKCE may do without. A state that it never sent looks like somebody else's response.

    Remedy: send `state` back only where one came.
    """
    alice, client = await target.shared_login("alice"), target.client()
    response = await target.authorize(alice, client, state=None)
    if response.values("state") not in ([], [""]):
        target.violation("no state, since none was sent", f"{response} with one")
    target.demand_answer(response)
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check("oauth.iss.on-error", needs=[*AUTHORIZE, Capability.METADATA], sources=["RFC9207-2", "CWE-346"])
async def errors_name_their_issuer(target: Target) -> None:
    """A server whose metadata announces `iss` sends it with errors, too.

    By an error of the wrong server a client is led to try again where the attacker wants it.

    Remedy: add the issuer to each redirect, in the code that makes redirects.
    """
    alice, client = await target.shared_login("alice"), target.client()
    if target.authorization.metadata.get("authorization_response_iss_parameter_supported") is not True:
        target.not_applicable("the metadata does not announce iss in authorization responses")
    for response in await target.erroneous(alice, client):
        target.expect_issuer(response)


@check(
    "oauth.iss.equals-metadata",
    needs=[*AUTHORIZE, Capability.METADATA],
    sources=["RFC9207-2", "RFC9207-3", "CWE-346"],
)
async def issuer_is_not_what_the_request_says(target: Target) -> None:
    """The `iss` of a response is the metadata's issuer, whatever `iss` the request brings.

    A value that the attacker's link chooses tells the client that its response came from somewhere else.

    Remedy: take the issuer from the configuration, never from the request.
    """
    alice, client = await target.shared_login("alice"), target.client()
    response = await target.authorize(alice, client, iss="https://attacker.pickproof.example")
    target.demand_answer(response)
    if not response.values("iss"):
        target.not_applicable(f"no iss stands in a response: {response}")
    target.expect_issuer(response)
