"""The form of token requests and of their answers."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.back_channel import OTHER_FORMS
from conformance.target.facade import Target
from conformance.target.oauth_messages import new_verifier

TOKEN = [Capability.AUTHORIZE]


@check("oauth.token.content-type", needs=TOKEN, sources=["RFC6749-4.1.3-form", "CWE-436"])
async def token_requests_are_forms(target: Target) -> None:
    """A token request in JSON, as multipart or as plain text gets no token.

    Whoever filters forms in front of the server does not see what another parser behind it will find; and plain text
    is what pages of any site may send.

    Remedy: read `application/x-www-form-urlencoded` alone.
    """
    alice = await target.own_login("alice")
    for media in OTHER_FORMS:
        answer = await target.redeem_encoded(await target.code(alice), media)
        target.demand_no_grant(answer, f"a body of {media.split(';')[0]} gives no token")
    await target.granted(alice)


@check("oauth.token.no-store-error", needs=TOKEN, sources=["RFC6749-5.2-no-store", "CWE-525"])
async def errors_are_not_stored(target: Target) -> None:
    """Errors of the token endpoint say `Cache-Control: no-store`, as its tokens do.

    They tell which codes, clients and grants there are, and a proxy that is set up badly keeps what nothing forbids.

    Remedy: set the header for the whole endpoint.
    """
    alice = await target.shared_login("alice")
    answer = await target.redeem(await target.code(alice), code_verifier=new_verifier(), code="pickproof-made-up-code")
    target.demand_refusal(answer, "a made-up code gives no token")
    target.expect_no_store(answer)


@check("oauth.token.json", needs=TOKEN, sources=["RFC6749-5.1", "RFC6749-5.2", "CWE-436"])
async def answers_are_json(target: Target) -> None:
    """Tokens and errors come as JSON, and say so.

    A client that is sent HTML or a form fails, or guesses; a browser that is sent HTML shows it.

    Remedy: answer with `Content-Type: application/json`, errors too.
    """
    code = await target.code(await target.shared_login("alice"))
    refused = await target.redeem(code, code="pickproof-made-up-code")
    target.demand_refusal(refused, "a made-up code gives no token")
    target.expect_json(refused)
    granted = await target.redeem(code)
    target.holder(code.browser, granted)
    target.expect_json(granted)


@check("oauth.token.unsupported-grant", needs=TOKEN, sources=["RFC6749-5.2", "OAUTH21-3.2.4", "CWE-20"])
async def unknown_grant_is_called_unsupported(target: Target) -> None:
    """A grant type that nobody defined is answered with `unsupported_grant_type`.

    By this a client knows that trying again is no use. A server that first looks at what its client may use says
    `unauthorized_client`, which is as good.

    Remedy: look the grant type up first, and answer with the defined code.
    """
    alice, client = await target.shared_login("alice"), target.client()
    for unknown in ("pickproof", "urn:pickproof:params:oauth:grant-type:pickproof"):
        answer = await target.token_request(alice, client, grant_type=unknown)
        target.demand_refusal(answer, f"the grant type {unknown} gives no token")
        target.expect_error(answer, ("unsupported_grant_type", "unauthorized_client"))


@check("oauth.token.unknown-params-ignored", needs=TOKEN, sources=["RFC6749-3.2", "OAUTH21-3.2", "CWE-20"])
async def unknown_token_parameters_are_ignored(target: Target) -> None:
    """Parameters that nobody defined change nothing: the token request still gives a token.

    Clients send what later standards define; a server that refuses it breaks them.

    Remedy: read the parameters that you know, and leave the rest.
    """
    code = await target.code(await target.shared_login("alice"))
    answer = await target.redeem(code, pickproof_extra="1", pickproof_more="a b")
    if not answer.granted:
        await target.granted(code.browser, code.client)
        target.violation("unknown parameters are ignored, and a token comes", str(answer))


@check("oauth.token.token-type", needs=TOKEN, sources=["RFC6749-5.1-type", "CWE-20"])
async def token_type_is_told(target: Target) -> None:
    """Every response with a token says of which type it is, those of refreshing too.

    A client that does not know how a token is presented must guess, and sends it in ways that were not meant.

    Remedy: send `token_type: Bearer`, or what else it is.
    """
    code = await target.code(await target.shared_login("alice"))
    answer = await target.redeem(code)
    party = target.holder(code.browser, answer)
    for given in (answer, *([await target.renewed(party)] if "refresh" in party.tokens else [])):
        if given.granted and not given.text("token_type"):
            target.violation("token_type stands in the response", f"it is {given.document.get('token_type')!r}")


@check("oauth.token.oracle", needs=[*TOKEN, Capability.SECOND_CLIENT], sources=["CWE-203"])
async def useless_codes_are_refused_alike(target: Target) -> None:
    """A made-up code, a spent one and one of another client get one and the same answer.

    Different words tell whoever tries found values which of them were real, and whose.

    Remedy: answer `invalid_grant` with one description for all of them.
    """
    # A login of its own: at some servers the replay of a code ends all that its session granted to the client.
    alice, client = await target.own_login("alice"), target.client()
    foreign = await target.code(alice, next(c for c in target.authorization.clients if c.redirect_uri and c != client))
    made_up, spent = await target.code(alice, client), await target.code(alice, client)
    await target.tokens(spent)
    target.expect_same_words({
        "a made-up code": await target.redeem(made_up, code="x" * len(made_up.value)),
        "a spent code": await target.redeem(spent),
        "a code of another client": await target.redeem(foreign, client=client),
    })  # fmt: skip
