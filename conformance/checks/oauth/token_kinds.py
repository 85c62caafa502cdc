"""JWTs of one kind in the place of another, beside access and ID tokens (`confusion.py`)."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

KEY = [Capability.AUTHORIZE, Capability.KEY_CLIENT]


@check("oauth.xjwt.assertion-as-access", needs=KEY, sources=["RFC9068-4", "RFC8725-3.12", "CWE-843"])
async def assertion_opens_nothing(target: Target) -> None:
    """A client assertion is refused where an access token is expected.

    An API that verifies with every key that its authorization server knows takes it for a token of the server's, and
    any client writes itself the claims that it likes.

    Remedy: verify access tokens with the keys of the issuer alone; demand their type and the own audience.
    """
    target.need_token()
    alice, client = await target.shared_login("alice"), target.key_client()
    await target.granted(alice, client)
    for what, assertion in target.assertions_for_the_api(client, alice):
        await target.expect_refused(alice.holding(assertion, target.credential, f"a client with {what}"))


@check("oauth.xjwt.session-as-access", needs=[Capability.AUTHORIZE], sources=["RFC8725-3.12", "CWE-843"])
async def session_opens_nothing(target: Target) -> None:
    """A JWT in a cookie of the user's browser is refused where an access token is expected.

    The server signs both with one key. A session is good for everything that the user may do, and no client was
    ever granted that.

    Remedy: give each kind a type of its own and demand it, or sign with different keys.
    """
    target.need_token()
    alice = await target.shared_login("alice")
    for name, value in target.session_jwts(alice):
        await target.expect_refused(alice.holding(value, target.credential, f"a client with the cookie {name}"))


@check("oauth.xjwt.request-object-as-assertion", needs=KEY, sources=["RFC7523-3", "RFC8725-3.12", "CWE-843"])
async def request_object_proves_nothing(target: Target) -> None:
    """An authorization request that the client signed is not a proof of the client.

    It has the same issuer, audience and signature, and it travels through the browser, where anybody may read it. Only
    the subject, which it must not have, keeps it apart.

    Remedy: demand that `sub` is there and is the client's id, and refuse the type `oauth-authz-req+jwt`.
    """
    alice, client = await target.own_login("alice"), target.key_client()
    answer = await target.redeem_asserting(alice, client, target.request_object(client))
    target.demand_refusal(answer, "a request object gives no token")
    await target.granted(alice, client)


@check(
    "oauth.xjwt.access-as-id-hint",
    needs=[Capability.AUTHORIZE, Capability.OPENID, Capability.JWT],
    sources=["RFC8725-3.12", "CWE-843"],
)
async def access_token_is_no_hint(target: Target) -> None:
    """An access token is not taken for the ID token by which a client says whom it expects.

    APIs hold access tokens. One that passes for an ID token speaks for a login that the API never saw, and keeps a
    silent request going that would have asked the user.

    Remedy: demand in `id_token_hint` the type and the audience of an ID token that was issued to this client.
    """
    alice, client = await target.own_login("alice"), target.client_with_a_proof()
    party = await target.granted(alice, client)
    await target.need_hints_read(alice, party)
    response = await target.authorize(alice, client, prompt="none", id_token_hint=target.access_jwt(party).raw)
    target.demand_no_code(response, "an access token in id_token_hint gives no code")
    await target.expect_hinted(alice, party)
