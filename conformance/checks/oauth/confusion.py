"""Tokens of one kind in the place of another, and what JWT access tokens say of themselves."""

from conformance.model import Capability
from conformance.registry import check
from conformance.target.facade import Target

JWT = [Capability.AUTHORIZE, Capability.JWT]
REQUIRED = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")
"""RFC 9068 section 2.2."""


@check("oauth.xjwt.access-as-assertion", needs=JWT, sources=["RFC8725-3.12", "CWE-843"])
async def token_is_no_assertion(target: Target) -> None:
    """An access token or an ID token is neither an assertion that gives a grant nor one that proves a client.

    All of them are signed by the same key. A server that asks only for the signature lets a token that some API holds
    fetch others, or pass for the client.

    Remedy: demand the issuer, the audience and the type of an assertion, each as it is meant.
    """
    party = await target.granted(await target.own_login("alice"), target.client_with_a_proof())
    for kind in [name for name in ("access", "id_token") if name in party.tokens]:
        await target.expect_no_assertion(party, target.client_of(party), party.tokens[kind], f"an {kind} token")
    await target.expect_accepted(party)


@check("oauth.jwtat.typ", needs=JWT, sources=["RFC9068-2.1", "CWE-345"])
async def access_token_names_its_type(target: Target) -> None:
    """A JWT access token says in its header that it is one: `at+jwt`.

    By the type an API tells it from an ID token of the same issuer. Only a server that follows RFC 9068 must write
    it; for others it is advice.

    Remedy: set `typ` to `at+jwt`, and refuse other types at the API.
    """
    token = target.access_jwt(await target.granted(await target.shared_login("alice")))
    typ = str(token.header.get("typ")).lower().removeprefix("application/")
    if typ != "at+jwt":
        target.violation("typ is at+jwt", f"it is {token.header.get('typ')!r}")


@check("oauth.jwtat.required-claims", needs=JWT, sources=["RFC9068-2.2", "CWE-345"])
async def access_token_has_its_claims(target: Target) -> None:
    """A JWT access token has issuer, expiry, audience, subject, client, time of issue and an id of its own.

    What a token does not say an API cannot check. Only a server that follows RFC 9068 must write all of them; for
    others it is advice.

    Remedy: write the seven claims into each access token.
    """
    token = target.access_jwt(await target.granted(await target.shared_login("alice")))
    missing = [name for name in REQUIRED if name not in token.claims]
    if missing:
        target.violation(f"{', '.join(REQUIRED)} are there", f"missing: {', '.join(missing)}")


@check(
    "refresh.id-token-continuity",
    needs=[Capability.AUTHORIZE, Capability.OPENID, Capability.REFRESH],
    sources=["OIDC-CORE-12.2", "CWE-345"],
)
async def refreshed_id_token_is_of_the_same_login(target: Target) -> None:
    """An ID token that comes with a refresh keeps issuer, subject, audience and the time of authentication.

    A client that trusts a new time of authentication skips the password that it would ask for.

    Remedy: store what the first ID token said with the grant, and repeat it.
    """
    alice = await target.own_login("alice")
    party = await target.granted(alice)
    answer = await target.renewed(party)
    if not answer.text("id_token") or "id_token" not in party.tokens:
        target.not_applicable("a refresh gives no ID token")
    target.expect_same_user(party.tokens["id_token"], answer.text("id_token"))


@check(
    "refresh.scope-narrow-not-sticky",
    needs=[Capability.AUTHORIZE, Capability.REFRESH, Capability.SCOPES],
    sources=["RFC6749-6-same-scope", "OAUTH21-4.3.3", "CWE-863"],
)
async def asking_for_less_once_shrinks_nothing(target: Target) -> None:
    """After a refresh for a narrower scope, the next one may ask for all that was granted again.

    A client that fetches a token with few rights for one call would lose the others for good, so it never asks for
    less.

    Remedy: keep the scope of the grant with the refresh token, and the narrower one with the access token alone.
    """
    alice, client = await target.own_login("alice"), target.client("web")
    narrow, wide = target.narrow_and_wide(client)
    party = await target.granted(alice, client, scope=f"{narrow} {wide}")
    if "refresh" not in party.tokens:
        target.not_applicable(f"{narrow} {wide} alone come without a refresh token")
    await target.expect_open(party, wide)
    heir = target.holder(alice, await target.renewed(party, scope=narrow))
    heir.tokens.setdefault("refresh", party.tokens["refresh"])
    again = await target.renewed(heir, scope=f"{narrow} {wide}")
    if not again.granted:
        target.demand_refusal(again, "a refusal or a token")
        fresh = await target.granted(alice, client, scope=f"{narrow} {wide}")
        target.holder(alice, await target.renewed(fresh, scope=f"{narrow} {wide}"))
        target.violation(f"{wide}, which was granted, is refreshed after a narrower refresh", str(again))
    await target.expect_opens_again(target.holder(alice, again), wide)


@check("refresh.implicit-none", needs=[Capability.AUTHORIZE], sources=["RFC6749-4.2.2", "CWE-613"])
async def front_channel_has_no_refresh_token(target: Target) -> None:
    """No refresh token comes out of the authorization endpoint, whatever response type is asked for.

    What stands in a URL stands in histories and logs, and this one lasts.

    Remedy: switch the implicit grant off; at the least, give it no refresh token.
    """
    alice, client = await target.shared_login("alice"), target.client()
    for kind in ("token", "code token"):
        response = await target.authorize(alice, client, response_type=kind, nonce="n-pickproof")
        if response.values("refresh_token"):
            target.violation("no refresh token in an authorization response", f"response_type={kind}: {response}")
        target.demand_answer(response)
    await target.prove_code(alice, client, response.trail[0].sent_at)


@check(
    "oauth.session.fixation-at-as",
    needs=[Capability.AUTHORIZE],
    sources=["ASVS-v5.0.0-7.2.4", "CWE-384"],
    logins=2,
)
async def planted_cookies_give_no_code(target: Target) -> None:
    """The cookies that a browser had before its user logged in give nobody a code afterwards.

    An attacker who plants them, on a shared computer or by a sibling site, would be logged in at every application
    as the victim.

    Remedy: issue a new session at each login, and end the one from before.
    """
    client = target.client()
    visitor, attacker = await target.planted_login(client)
    alice = await target.own_login("alice", carrying=visitor)
    target.demand_no_code(await target.authorize(attacker, client), "no code for the cookies from before the login")
    await target.code(alice, client)
