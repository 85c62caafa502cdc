"""Clients prove who they are at the token endpoint."""

from dataclasses import replace

from conformance.attacks.client_secrets import wrong_secrets
from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

CONFIDENTIAL = [Capability.AUTHORIZE, Capability.CONFIDENTIAL_CLIENT]


@check(
    "oauth.client.auth-required",
    needs=CONFIDENTIAL,
    sources=["RFC6749-3.2.1", "RFC6749-4.1.3", "OAUTH21-3.2.1", "ASVS-v5.0.0-10.4.10", "CWE-306"],
)
async def confidential_client_authenticates(target: Target) -> None:
    """A confidential client's code is not redeemed without its secret.

    Codes leak through browsers and logs. The secret is what keeps a leaked one worthless to anyone but its client.

    Remedy: demand the registered method of authentication for every token request of such a client.
    """
    code = await target.code(await target.own_login("alice"), target.client("confidential"))
    answer = await target.redeem(code, auth="none")
    await target.expect_no_token(answer, f"{code.client} gets no token without authenticating", code)


@check(
    "oauth.client.wrong-secret",
    needs=CONFIDENTIAL,
    sources=["RFC6749-5.2", "RFC6749-3.2.1", "ASVS-v5.0.0-10.4.10", "CWE-287"],
    requests=27,
)
async def wrong_client_secret_is_refused(target: Target) -> None:
    """A wrong, cut, longer, empty or otherwise spelled client secret is refused.

    A comparison that stops early, ignores case or accepts nothing as a match leaves a secret that can be guessed,
    or none.

    Remedy: compare the whole secret, or its hash, in constant time.
    """
    alice, client = await target.own_login("alice"), target.client("confidential")
    for what, secret in wrong_secrets(client.secret):
        code = await target.code(alice, client)
        answer = await target.redeem(code, client=target.pretending(client, secret))
        target.demand_refusal(answer, f"a client secret {what} gives no token")
    await target.granted(alice, client)


@check(
    "oauth.client.id-mismatch",
    needs=[*CONFIDENTIAL, Capability.SECOND_CLIENT],
    sources=["RFC6749-4.1.3", "RFC6749-2.3", "CWE-345"],
)
async def one_request_names_one_client(target: Target) -> None:
    """A client that authenticates as itself and names another in the body does not get the other's tokens.

    A client of one's own is easy to register. If the body is believed over the authentication, it redeems the codes
    of any other.

    Remedy: take the client from its authentication, and refuse a `client_id` that differs.
    """
    alice, thief = await target.own_login("alice"), target.client("confidential")
    code = await target.code(alice, target.other_client(thief))
    answer = await target.redeem(code, client=thief, client_id=code.client.id)
    await target.expect_no_token(answer, f"{thief} cannot redeem as {code.client}", code)


@check(
    "oauth.client.secret-not-in-uri",
    needs=CONFIDENTIAL,
    sources=["RFC6749-2.3.1", "OAUTH21-2.4.1", "CWE-598"],
)
async def client_secret_in_a_url_is_refused(target: Target) -> None:
    """A client secret in the query of the token endpoint does not authenticate.

    URLs end up in logs; a server that takes secrets there teaches clients to send them there.

    Remedy: read credentials from the Authorization header and the form body only.
    """
    code = await target.code(await target.own_login("alice"), target.client("confidential"))
    await target.need_secret_demanded(code.browser, code.client)
    query = (("client_id", code.client.id), ("client_secret", code.client.secret))
    answer = await target.redeem(code, auth="none", query=query)
    await target.expect_no_token(answer, "a client secret in the query gives no token", code)


@check(
    "oauth.client.grant-allowlist",
    needs=[Capability.AUTHORIZE],
    sources=["ASVS-v5.0.0-10.4.4", "RFC6749-4.4", "CWE-863"],
)
async def client_uses_only_its_grants(target: Target) -> None:
    """A client that is registered for users' codes gets no token for itself, or by grants that nobody gave it.

    A token without a user, or for a user that the client names, skips the consent that the code flow is there for.

    Remedy: keep the allowed grant types with each client, and refuse all others with `unauthorized_client`.
    """
    alice = await target.own_login("alice")
    for client in (c for c in target.authorization.clients if c.redirect_uri and c.public):
        answer = await target.token_request(alice, client, grant_type="client_credentials")
        target.demand_refusal(answer, f"{client}, a public client, gets no token for itself")
    unused = "urn:ietf:params:oauth:grant-type:token-exchange"
    held = (await target.granted(alice)).tokens["access"]
    subject = {"subject_token": held, "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    answer = await target.token_request(alice, target.client(), grant_type=unused, **subject)
    target.demand_refusal(answer, "a grant that the client was never given yields no token")


@check("oauth.client.basic-401-challenge", needs=CONFIDENTIAL, sources=["RFC6749-5.2", "OAUTH21-3.2.4", "CWE-287"])
async def failed_basic_is_challenged(target: Target) -> None:
    """A client that fails to authenticate by HTTP Basic gets 401 with a challenge for Basic.

    Clients and proxies tell by it a wrong secret from a wrong code; one that cannot retries the wrong thing.

    Remedy: answer `invalid_client` with 401 and `WWW-Authenticate: Basic realm="…"`.
    """
    code = await target.code(await target.shared_login("alice"), target.client_by_basic())
    impostor = target.pretending(code.client, "pickproof-wrong-secret")
    answer = await target.redeem(code, client=impostor, auth="basic")
    target.demand_refusal(answer, "a wrong client secret gives no token")
    target.expect_challenge(answer)


@check("oauth.client.one-method", needs=CONFIDENTIAL, sources=["RFC6749-2.3-several", "CWE-436"])
async def client_shows_itself_once(target: Target) -> None:
    """A request with one secret in the header and another in the form is refused, whichever of them is right.

    A gateway that checks the one and a server that believes the other can be told two stories.

    Remedy: refuse requests that authenticate in two ways, with `invalid_request`.
    """
    alice, client = await target.own_login("alice"), target.client_by_basic()
    wrong = "pickproof-wrong-secret"
    for basic, form in ((client.secret, wrong), (wrong, client.secret)):
        answer = await target.redeem_twice_shown(await target.code(alice, client), basic, form)
        target.demand_refusal(answer, "two secrets that disagree give no token")
    await target.granted(alice, client)


@check("oauth.client.basic-supported", needs=CONFIDENTIAL, sources=["RFC6749-2.3.1", "CWE-287"])
async def basic_is_supported(target: Target) -> None:
    """A server that gives clients a secret takes it by HTTP Basic, or offers that at least to others.

    It is the one method that every client library knows, and keeps secrets out of bodies that are logged.

    Remedy: support `client_secret_basic`.
    """
    code = await target.code(await target.shared_login("alice"), target.client("confidential"))
    answer = await target.redeem(code, auth="basic")
    offered = target.authorization.metadata.get("token_endpoint_auth_methods_supported")
    if not answer.granted:
        target.demand_refusal(answer, "a refusal or a token")
        if not isinstance(offered, list) or "client_secret_basic" in offered:
            target.not_applicable(f"{code.client} is registered for another method; whether others use Basic is unseen")
        target.violation("HTTP Basic works for clients with a secret", f"{answer}; offered is {', '.join(offered)}")


@check(
    "oauth.client.basic-form-encoding",
    needs=[Capability.AUTHORIZE, Capability.CONFIDENTIAL_CLIENT],
    sources=["RFC6749-2.3.1", "CWE-116"],
)
async def basic_is_form_encoded_inside(target: Target) -> None:
    """An id or a secret with `:`, `%`, `+` or spaces works in HTTP Basic when it is form-encoded there.

    Where server and client disagree on it, a part of all secrets fails, and somebody shortens them to letters.

    Remedy: split at the first colon, then form-decode both sides.
    """
    await target.expect_basic_understood(await target.shared_login("alice"), target.client_with_odd_secret())


@check(
    "oauth.client.public-needs-id",
    needs=[Capability.AUTHORIZE, Capability.PUBLIC_CLIENT],
    sources=["RFC6749-3.2.1", "RFC6749-4.1.3", "CWE-306"],
)
async def public_client_names_itself(target: Target) -> None:
    """A code of a public client is not redeemed without the client's id.

    The id keeps a client from taking a code that was meant for another one.

    Remedy: demand `client_id` of clients that do not authenticate, and compare it with the code's.
    """
    code = await target.code(await target.shared_login("alice"), target.client("public"))
    await target.expect_no_token(await target.redeem_unnamed(code), "a code gives no token to nobody", code)


@check(
    "oauth.client.public-with-secret",
    needs=[Capability.AUTHORIZE, Capability.PUBLIC_CLIENT],
    sources=["RFC6749-4.4", "CWE-287"],
)
async def made_up_secret_gives_nothing(target: Target) -> None:
    """A public client that sends a secret of its own invention is not taken for a confidential one.

    Anyone knows a public client's id. With a secret out of thin air the same person would get tokens without a user.

    Remedy: let the registration say whether a client has a secret, never the request.
    """
    alice, client = await target.own_login("alice"), target.client("public")
    for auth in ("basic", "post"):
        impostor = replace(target.pretending(client, "pickproof-made-up-secret"), auth=auth)
        answer = await target.token_request(alice, impostor, grant_type="client_credentials")
        target.demand_refusal(answer, f"{client} with a made-up secret gets no token for itself")
    await target.granted(alice, client)


@check(
    "oauth.authz.cc-confidential-only",
    needs=[Capability.AUTHORIZE, Capability.PUBLIC_CLIENT],
    sources=["RFC6749-4.4", "OAUTH21-4.2", "CWE-306"],
)
async def public_client_gets_no_token_for_itself(target: Target) -> None:
    """A public client that asks for a token without a user, by its id alone, gets none.

    Its id stands in every copy of the application: the token would be anybody's.

    Remedy: allow `client_credentials` to clients that authenticate.
    """
    alice = await target.shared_login("alice")
    for client in (c for c in target.authorization.clients if c.public):
        answer = await target.token_request(alice, client, grant_type="client_credentials")
        target.demand_refusal(answer, f"{client}, a public client, gets no token for itself")
    await target.granted(alice, target.client("public"))


@check("oauth.authz.cc-no-refresh", needs=CONFIDENTIAL, sources=["RFC6749-4.4.3", "CWE-613"])
async def token_without_a_user_is_not_refreshed(target: Target) -> None:
    """A client's token for itself comes without a refresh token.

    The client can ask again at any time. A refresh token is one more secret that lasts, with nobody to withdraw it.

    Remedy: issue none for `client_credentials`.
    """
    alice, given = await target.shared_login("alice"), []
    for client in (c for c in target.authorization.clients if not c.public):
        answer = await target.token_request(alice, client, grant_type="client_credentials")
        if answer.text("refresh_token"):
            target.violation("no refresh token for client_credentials", f"{client} got one", (answer.exchange,))
        given += [client] if answer.granted else []
    if not given:
        target.not_applicable("no described client gets a token for itself")
