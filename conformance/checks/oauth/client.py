"""Clients prove who they are at the token endpoint."""

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
